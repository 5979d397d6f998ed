"""An attempt as an AMI action. What a client sent reaches Asterisk here only, as digits in a header.

Pure. The channel id is ours and carries 64 random bits: it makes the Originate a lock (a second one with the same living
id fails) and is how the call is found again after a crash. Source: res/manager action Originate, measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..ami.wire import Action
from ..calls.attempt import PREFIX
from ..calls.lines import NUMBER
from ..rules.guard import as_dialled
from ..rules.rule import Rule

# Asterisk gives up an Originate of its own accord this long after the dialplan's own limits have passed.
SLACK = 10


@dataclass(frozen=True, slots=True)
class Attempt:
    """One Originate for a callback, as the journal wrote it down before it was sent. ``nth``: which of its callback's;
    ``assigned``: the extension that is rung first."""

    id: int
    channel_id: str
    callback_id: int
    number: str
    rule: str
    did: str = ""
    nth: int = 1
    assigned: str | None = None

    @property
    def mark(self) -> str:
        """What the dialplan writes into AstDB when the two talk, in digits: of this attempt alone, whatever journal it is in.

        The last three digits are the place, used in turn.
        """
        return f"{int(self.channel_id.removeprefix(PREFIX), 16)}{self.id % 1000:03}"


def originate(attempt: Attempt, rule: Rule, number_format: str, country: str, order: Sequence[int] = ()) -> Action:
    """The action that rings the first party. ValueError for a number that does not pass the gate."""
    number = as_dialled(attempt.number, number_format, country)
    if not NUMBER.fullmatch(number):
        raise ValueError(f"number: {number[:200]!r} is not a telephone number")
    if rule.first == "employee":
        channel, then = f"Local/s@missed-{rule.slug}-employee/n", (f"missed-{rule.slug}-client", number)
        seconds = employee_seconds(rule, attempt.assigned)
    else:
        channel, then = f"Local/{number}@missed-{rule.slug}-client/n", (f"missed-{rule.slug}", "s")
        seconds = int(rule.ring.client.total_seconds())
    headers = [
        ("Channel", channel),
        ("ChannelId", attempt.channel_id),
        ("Context", then[0]),
        ("Exten", then[1]),
        ("Priority", "1"),
        ("Timeout", str((seconds + SLACK) * 1000)),
        ("CallerID", f'"" <{number}>' if rule.first == "employee" else ""),
        ("Async", "true"),
        ("Variable", f"__MISSED_ATTEMPT={attempt.mark}"),
    ]
    company = attempt.did.removeprefix("+")
    if rule.caller_id is None and NUMBER.fullmatch(company):
        headers.append(("Variable", f"__MISSED_CALLER_ID={company}"))
    if attempt.assigned is not None and attempt.assigned.isascii() and attempt.assigned.isdigit():
        headers.append(("Variable", f"__MISSED_FIRST={attempt.assigned}"))
    if order:
        headers.append(("Variable", "__MISSED_ORDER=" + "".join(str(place) for place in order)))
    return Action("Originate", [(k, v) for k, v in headers if v])


def employee_seconds(rule: Rule, assigned: str | None = None) -> int:
    """How long employees may be rung in all: one after the other takes that many times longer."""
    one = int(rule.ring.employee.total_seconds())
    turns = 1 if rule.ring.strategy == "all" or not rule.connect.rung else len(rule.connect.rung)
    return one * (turns + (assigned is not None))


def employee_order(rule: Rule, last_talks: dict[str, float]) -> tuple[int, ...]:
    """In which order a rule's extensions are rung, as places (from 1) in its list; empty for all at once or a queue.

    ``last_talks``: extension -> end of its last talk (unix seconds). Longest idle first; who never talked comes first.
    """
    extensions = rule.connect.rung
    places = range(1, len(extensions) + 1)
    if rule.ring.strategy == "longest-idle":
        return tuple(sorted(places, key=lambda place: last_talks.get(extensions[place - 1], 0.0)))
    return tuple(places) if rule.ring.strategy == "order" else ()
