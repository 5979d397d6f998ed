"""When a callback is made, put off or given up: functions of values, the time among them.

(missed call, rules, what is known, now) -> callback with its due time, or none and why;
(callback, contacts, who is on the line, now) -> go, wait, or end;
(callback, disposition, now) -> when next, or the end.
No I/O, no clock. Times are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..calls.attempt import is_attempt
from ..calls.call import Contact, EndedCall
from ..rules.guard import normalise, refusal
from ..rules.hours import DailyHours, next_open
from ..rules.match import Match, NoMatch, first_match
from ..rules.rule import Rule
from .disposition import Disposition

# A callback is given up this long after it was first due.
EXPIRE = timedelta(hours=24)
# A talk is kept to a tenth of a second: one that ended with the call may seem to end this much later.
ROUNDED = timedelta(seconds=0.1)
# A client who is on the line with us is looked at again this much later.
LOOK_AGAIN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Ground:
    """What every decision about a client stands on, beside the rules: the config's words."""

    country: str
    zone: ZoneInfo
    floor: DailyHours
    dids: Sequence[str] = ()
    extensions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Callback:
    """The promise to call a number back. ``since``: when its oldest miss began; ``attempts``: how often the client rang."""

    id: int
    number: str
    rule: str
    due_at: datetime
    first_due_at: datetime
    since: datetime
    attempts: int = 0
    did: str = ""
    reason: str = "scheduled"


@dataclass(frozen=True, slots=True)
class Planned:
    """What a missed call comes to. ``due_at`` is None where no callback will be made; ``reason`` says why."""

    status: str
    reason: str
    number: str
    rule: str | None = None
    source: tuple[str, str] | None = None
    due_at: datetime | None = None
    first_due_at: datetime | None = None
    ground: str = ""
    contact: Contact | None = None
    since: datetime | None = None  # a contact after this makes the callback needless


@dataclass(frozen=True, slots=True)
class Go:
    """Ring now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: the row shows ``reason``; ask again at ``until``."""

    reason: str
    until: datetime
    ground: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """Never: the callback is closed. ``contact`` where one was made instead."""

    status: str
    reason: str
    ground: str = ""
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """After an attempt: status and reason of the row, ``due_at`` of the next attempt or None, and whether it counted."""

    status: str
    reason: str
    due_at: datetime | None
    counted: bool
    ground: str = ""


def plan(
    ended: EndedCall,
    rules: Sequence[Rule],
    ground: Ground,
    contacts: Sequence[Contact],
    open_callback: Callback | None,
    now: datetime,
) -> Planned:
    """What is to be done about a missed call. ``contacts``: those of this number since the call began.

    A call that was made up long after its end expires from when it would have been due.
    """
    number = normalise(ended.caller, ground.country) or ended.caller
    match = first_match(rules, ended, ground.country)
    source = (match.kind, match.name) if match.kind and match.name else None
    # Who talked and was then lost has to be reached again: his own talk is no contact since.
    since = ended.ended_at + ROUNDED if ended.answered else ended.started_at
    row = Planned("not_called_back", "no_rule", number, match.rule.slug if match.rule else None, source, since=since)
    refused = _refusal(ended.caller, ground)
    if ended.reason == "bad_number" or refused == "bad_number":
        return replace(row, reason="bad_number", ground="the number shown cannot be called")
    if isinstance(match, NoMatch):
        return replace(row, reason=match.reason, ground=_too_short(match))
    if ended.reason is not None:
        return replace(row, reason=ended.reason, ground="the end of the call was not seen")
    if refused is not None:
        return replace(row, reason=refused, ground=f"only numbers of {ground.country} that reach a person are called")
    made = contact_since([c for c in contacts if c.uniqueid != ended.linkedid], since)
    if made is not None:
        status, reason = contact_status(made)
        return replace(row, status=status, reason=reason, ground=contact_words(made), contact=made)
    promised = _promised(row, match, ended, ground, open_callback)
    if promised.first_due_at is not None and now >= promised.first_due_at + EXPIRE:
        return replace(row, reason="expired", ground=f"due {promised.first_due_at:%Y-%m-%d %H:%M} UTC, found too late")
    return promised


def _promised(row: Planned, match: Match, ended: EndedCall, ground: Ground, open_callback: Callback | None) -> Planned:
    """Several open misses of one number are one callback: this rule takes it over, with the earlier of the two dues."""
    due = ended.ended_at + match.rule.delay
    if open_callback is not None:
        due = min(due, open_callback.due_at)
    opened = next_open(ground.floor, due, ground.zone)
    first = open_callback.first_due_at if open_callback is not None else opened
    reason = "scheduled" if opened == due else "outside_hours"
    return replace(row, reason=reason, due_at=opened, first_due_at=first)


def _too_short(match: NoMatch) -> str:
    if match.rule is None:
        return ""
    return f"the rule {match.rule.slug} takes those who waited {match.rule.wait.min.total_seconds():g} s or longer"


def _refusal(number: str, ground: Ground) -> str | None:
    return refusal(number, country=ground.country, dids=ground.dids, extensions=ground.extensions)


def check(
    callback: Callback, contacts: Sequence[Contact], on_line: Sequence[str], ground: Ground, now: datetime
) -> Go | Wait | End:
    """The look before ringing. ``on_line``: channels on which this number is in a call with us at this moment."""
    made = contact_since(contacts, callback.since)
    if made is not None:
        status, reason = contact_status(made)
        return End(status, reason, contact_words(made), made)
    if _refusal(callback.number, ground) is not None:
        return End("not_called_back", "refused_number", "the number may not be called")
    if now >= callback.first_due_at + EXPIRE:
        return End("not_called_back", "expired", f"not reached within {EXPIRE.total_seconds() / 3600:.0f} hours")
    opened = next_open(ground.floor, now, ground.zone)
    if opened > now:
        return Wait("outside_hours", opened, "outside the hours in which clients may be called")
    if on_line:
        return Wait("held_on_call", now + LOOK_AGAIN, f"the client is in a call with us now ({on_line[0]})")
    return Go()


def after(callback: Callback, ended: Disposition, rule: Rule | None, ground: Ground, now: datetime) -> Next:
    """What follows an attempt. ``rule`` is None where it has been deleted meanwhile: then nothing follows."""
    status, pause = _OUTCOMES[ended.reason]
    attempts = callback.attempts + ended.client_rung
    if ended.answered or pause is None:
        return Next(status, ended.reason, None, ended.client_rung)
    if rule is None:
        return Next(status, ended.reason, None, ended.client_rung, "the rule is gone")
    if attempts >= rule.retry.attempts:
        return Next(status, ended.reason, None, ended.client_rung, f"attempt {attempts} of {rule.retry.attempts}")
    due = next_open(ground.floor, now + getattr(rule.retry, pause), ground.zone)
    if due >= callback.first_due_at + EXPIRE:
        return Next(status, ended.reason, None, ended.client_rung, "the next attempt would come too late")
    return Next(status, ended.reason, due, ended.client_rung)


# reason of an attempt -> status of the row, and which pause of the rule's `retry` comes before the next attempt.
_OUTCOMES: dict[str, tuple[str, str | None]] = {
    "answered": ("called_back", None),
    "client_busy": ("failed", "busy"),
    "client_no_answer": ("failed", "no_answer"),
    "client_declined": ("failed", None),  # he does not want to be called
    "invalid_number": ("failed", None),
    "congestion": ("failed", "busy"),
    "lost": ("failed", "no_answer"),
    "employee_absent": ("not_called_back", "employee_absent"),
    "client_gave_up": ("not_called_back", "no_answer"),
}


def contact_since(contacts: Sequence[Contact], since: datetime) -> Contact | None:
    """The first contact that began after ``since`` (the begin of the missed call), or was still going on then."""
    later = [c for c in contacts if c.at >= since or (c.talk is not None and c.at + timedelta(seconds=c.talk) > since)]
    return min(later, key=lambda c: c.at, default=None)


def contact_status(contact: Contact) -> tuple[str, str]:
    """Status and reason of a row whose client was reached without a callback of ours."""
    if contact.direction == "in":
        return "client_called", "client_returned"
    return "called_back", "answered" if is_attempt(contact.uniqueid) else "by_hand"


def contact_words(contact: Contact) -> str:
    """The ground of such a status, as the story tells it."""
    who = contact.employee or "an employee"
    return f"he called and {who} answered" if contact.direction == "in" else f"{who} called him"
