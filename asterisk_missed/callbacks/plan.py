"""When a callback is made, put off or given up: functions of values, the time among them.

(missed call, rules, what is known, now) -> callback with its due time, or none and why;
(callback, rule, what is known, who is on the line, now) -> go, wait, or end;
(callback, disposition, rule, now) -> when next, or the end;
(callback, changed rule, now) -> planned anew, paused, or ended.
No I/O, no clock. Times are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from ..calls.attempt import is_attempt
from ..calls.call import Contact, EndedCall
from ..rules.caps import Caps, Dialled, capped
from ..rules.guard import Gate, normalise, refusal, zone_of
from ..rules.hours import DailyHours, Hours, floor, next_open
from ..rules.match import WAIT_TOO_LONG, Match, NoMatch, first_match
from ..rules.rule import Rule
from .disposition import Disposition

# A talk is kept to a tenth of a second: one that ended with the call may seem to end this much later.
ROUNDED = timedelta(seconds=0.1)
# A client who is on the line with us is looked at again when that call ends; this much later at the latest, where
# its end was not heard.
LOOK_AGAIN = timedelta(seconds=10)
# Who has declined is not called again of our own accord for so long.
DECLINED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Ground:
    """What every decision about a client stands on, beside the rules: the config's words.

    ``floor`` are the legal hours on the clock of the PBX, or of the caller where ``callers_zone`` is set and his zone is
    known. ``pbx``: whose calls these are; None: rules of every PBX match.
    """

    gate: Gate
    zone: ZoneInfo
    floor: DailyHours
    callers_zone: bool = False
    caps: Caps = field(default_factory=Caps)
    pbx: str | None = None

    @property
    def country(self) -> str:
        return self.gate.country

    def legal(self, number: str) -> Hours:
        """The hours in which this number (E.164) may be called, whatever the rule."""
        return floor(self.floor, (self.callers_zone and zone_of(number)) or self.zone)

    def openings(self, rule: Rule, number: str, *, by_hand: bool = False) -> tuple[Hours, ...]:
        """All hours that must be open when this number is called by this rule; ``by_hand``: the legal ones alone."""
        return (self.legal(number),) if by_hand else (rule.opening(self.zone), self.legal(number))

    def next_day(self, now: datetime) -> datetime:
        """The next midnight of the PBX: daily caps begin anew."""
        tomorrow = now.astimezone(self.zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), self.zone).astimezone(UTC)

    def day_began(self, now: datetime) -> datetime:
        """The last midnight of the PBX."""
        return datetime.combine(now.astimezone(self.zone).date(), time(), self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Callback:
    """The promise to call a number back.

    ``since``: when its oldest miss began; ``asked_at``: the end of the miss from which the delay counts; ``attempts``: how
    often the client rang; ``by_hand``: somebody said "now"; ``assigned``: the extension that is rung first.
    """

    id: int
    number: str
    rule: str
    due_at: datetime
    first_due_at: datetime
    since: datetime
    asked_at: datetime
    expires_at: datetime
    attempts: int = 0
    did: str = ""
    reason: str = "scheduled"
    by_hand: bool = False
    assigned: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a client: contacts with him, his open callback, whether he is on the never-call list, whether his
    number is one that callers dial (``ours``), and how often he and others were dialled already."""

    contacts: Sequence[Contact] = ()
    open: Callback | None = None
    blocked: bool = False
    ours: bool = False
    dialled: Dialled = field(default_factory=Dialled)


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
    asked_at: datetime | None = None
    expires_at: datetime | None = None
    ground: str = ""
    contact: Contact | None = None
    since: datetime | None = None  # a contact after this makes the callback needless


@dataclass(frozen=True, slots=True)
class Go:
    """Ring now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: the row shows ``reason``; ask again at ``until``. ``alarm``: somebody has to look at it."""

    reason: str
    until: datetime
    ground: str = ""
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """Never: the callback is closed. ``contact`` where one was made instead."""

    status: str
    reason: str
    ground: str = ""
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """After an attempt: status and reason of the row, ``due_at`` of the next attempt or None, and whether it counted.

    ``rule``: the slug of the one that takes the callback over. ``expires_at``: set where it is counted anew from here.
    """

    status: str
    reason: str
    due_at: datetime | None
    counted: bool
    ground: str = ""
    rule: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """The client called while we were calling him, and was missed at ``at`` by ``rule``."""

    rule: Rule
    at: datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """Its rule is switched off: it waits, without a due time, until the rule is switched on or it expires."""


@dataclass(frozen=True, slots=True)
class Again:
    """It is planned anew: its new times."""

    reason: str
    due_at: datetime
    first_due_at: datetime
    expires_at: datetime


def plan(ended: EndedCall, rules: Sequence[Rule], ground: Ground, known: Known, now: datetime) -> Planned:
    """What is to be done about a missed call. ``known.contacts``: those of this number since the call began.

    A call that was made up long after its end expires from when it would have been due.
    """
    number = normalise(ended.caller, ground.country) or ended.caller
    match = first_match(rules, ended, ground.country, ground.pbx)
    source = (match.kind, match.name) if match.kind and match.name else None
    # Who talked and was then lost has to be reached again: his own talk is no contact since.
    since = ended.ended_at + ROUNDED if ended.answered else ended.started_at
    slug = match.rule.slug if match.rule else None
    row = partial(Planned, "not_called_back", number=number, rule=slug, source=source, since=since)
    refused = refusal(ended.caller, ground.gate)
    if ended.reason == "bad_number" or (refused is not None and refused.reason == "bad_number"):
        return row("bad_number", ground="the number shown cannot be called")
    if isinstance(match, NoMatch):
        return row(match.reason, ground=_out_of_bounds(match))
    if ended.reason is not None:
        return row(ended.reason, ground="the end of the call was not seen")
    if refused is not None:
        return row(refused.reason, ground=refused.ground)
    if known.ours:
        return row("refused_number", ground=_OURS)
    if known.blocked:
        return row("blocked_number", ground=_BLOCKED)
    made = contact_since([c for c in known.contacts if c.uniqueid != ended.linkedid], since)
    if made is not None:
        status, reason = contact_status(made)
        return replace(row(reason, ground=contact_words(made), contact=made), status=status)
    return _promised(row, number, match, ended, ground, known.open, now)


_OURS = "one of our own numbers: callers have dialled it"
_BLOCKED = "the number is on the list of those that are never called"


def _promised(
    row: Callable[..., Planned], number: str, match: Match, ended: EndedCall, ground: Ground, there: Callback | None,
    now: datetime,
) -> Planned:  # fmt: skip
    """Several open misses of one number are one callback: this rule takes it over, with the earlier of the two dues."""
    rule, asked = match.rule, ended.ended_at + match.rule.delay
    if there is not None and there.first_due_at + rule.retry.expire <= ended.ended_at:
        there = None  # that promise had run out before he called: this one is counted anew
    held = there is not None and there.reason == "held_on_call"  # his time has come: it is not that of the next look
    due = asked if there is None else min(asked, now if held else there.due_at)
    by_hand = there is not None and there.by_hand
    opened = next_open(ground.openings(rule, number, by_hand=by_hand), due)
    if opened is None:
        return row("skipped_outside_hours", ground="it is never open for this number")
    if opened != due and rule.outside_hours == "skip":
        return row("skipped_outside_hours", ground=f"it would have been due {_when(due, ground)}")
    first = opened if there is None else there.first_due_at
    expires = first + rule.retry.expire
    if now >= expires:
        return row("expired", ground=f"due {_when(first, ground)}, found too late")
    return row(
        "scheduled" if opened == due else "outside_hours",
        due_at=opened,
        first_due_at=first,
        asked_at=ended.ended_at if there is None or due == asked else there.asked_at,
        expires_at=expires,
    )


def _out_of_bounds(match: NoMatch) -> str:
    if match.rule is None:
        return ""
    if match.reason == WAIT_TOO_LONG and match.rule.wait.max is not None:
        return f"the rule {match.rule.slug} takes those who waited {match.rule.wait.max.total_seconds():g} s at most"
    return f"the rule {match.rule.slug} takes those who waited {match.rule.wait.min.total_seconds():g} s or longer"


def _when(at: datetime, ground: Ground) -> str:
    return f"{at.astimezone(ground.zone):%Y-%m-%d %H:%M}"


def check(
    callback: Callback, rule: Rule, known: Known, on_line: Sequence[str], ground: Ground, now: datetime
) -> Go | Wait | End | Pause:
    """The look before ringing. ``on_line``: channels on which this number is in a call with us at this moment."""
    made = contact_since(known.contacts, callback.since)
    if made is not None:
        status, reason = contact_status(made)
        return End(status, reason, contact_words(made), made)
    refused = refusal(callback.number, ground.gate)
    if refused is not None:
        return End("not_called_back", "refused_number", refused.ground)
    if known.ours:
        return End("not_called_back", "refused_number", _OURS)
    if known.blocked:
        return End("not_called_back", "blocked_number", _BLOCKED)
    if now >= callback.expires_at:
        return End("not_called_back", "expired", f"it was due {_when(callback.first_due_at, ground)} first")
    if not rule.enabled and not callback.by_hand:
        return Pause()
    closed = _closed(callback, rule, ground, now)
    if closed is not None:
        return closed
    if on_line:
        return Wait("held_on_call", now + LOOK_AGAIN, f"the client is in a call with us now ({on_line[0]})")
    return _capped(callback, rule, known.dialled, ground, now) or Go()


def _closed(callback: Callback, rule: Rule, ground: Ground, now: datetime) -> Wait | End | None:
    """Outside the hours; a callback by hand asks for the legal ones alone."""
    hours = ground.openings(rule, callback.number, by_hand=callback.by_hand)
    opened = next_open(hours, now)
    if opened == now:
        return None
    if opened is None or (rule.outside_hours == "skip" and not callback.by_hand):
        return End("not_called_back", "skipped_outside_hours", "the hours have passed")
    return Wait("outside_hours", opened, "outside the hours in which clients may be called")


def _capped(callback: Callback, rule: Rule, dialled: Dialled, ground: Ground, now: datetime) -> Wait | End | None:
    cap = capped(dialled, ground.caps, now, ground.next_day(now))
    if cap is None:
        return None
    hours = ground.openings(rule, callback.number, by_hand=callback.by_hand)
    until = next_open(hours, cap.until or ground.next_day(now))
    if until is None or until >= callback.expires_at:
        return End("not_called_back", cap.reason if cap.reason == "daily_cap" else "expired", cap.ground)
    return Wait(cap.reason, until, cap.ground, cap.alarm)


def after(
    callback: Callback, ended: Disposition, rule: Rule | None, ground: Ground, now: datetime,
    meanwhile: Meanwhile | None = None,
) -> Next:  # fmt: skip
    """What follows an attempt. ``rule`` is None where it has been deleted meanwhile: then nothing follows.

    Who was missed again ``meanwhile`` is called by the rule of that miss, however the attempt ended: he is not given up by
    an attempt that was begun before he called.
    """
    then = _after(callback, ended, rule, ground, now)
    if meanwhile is None or ended.answered:
        return then
    due = meanwhile.at + meanwhile.rule.delay
    wished = due if then.due_at is None else min(due, then.due_at)
    opened = next_open(ground.openings(meanwhile.rule, callback.number), wished)
    if opened is None or (opened != wished and meanwhile.rule.outside_hours == "skip"):
        return then
    expires = opened + meanwhile.rule.retry.expire if then.due_at is None else None
    again = replace(then, due_at=opened, rule=meanwhile.rule.slug, expires_at=expires)
    return replace(again, ground="he called again meanwhile and was missed")


def _after(callback: Callback, ended: Disposition, rule: Rule | None, ground: Ground, now: datetime) -> Next:
    status, pause = _OUTCOMES[ended.reason]
    attempts = callback.attempts + ended.client_rung
    over = Next(status, ended.reason, None, ended.client_rung)
    if ended.answered or pause is None:
        return over
    if rule is None:
        return replace(over, ground="the rule is gone")
    if attempts >= rule.retry.attempts:
        return replace(over, ground=f"attempt {attempts} of {rule.retry.attempts}")
    wished = now + (pause if isinstance(pause, timedelta) else getattr(rule.retry, pause))
    due = next_open(ground.openings(rule, callback.number), wished)
    if due is None or (due != wished and rule.outside_hours == "skip"):
        return replace(over, ground="the next attempt would be outside the hours")
    if due >= callback.expires_at:
        return replace(over, ground="the next attempt would come too late")
    return replace(over, due_at=due)


def replanned(callback: Callback, rule: Rule | None, ground: Ground, now: datetime) -> Again | Pause | End:
    """What becomes of a waiting or paused callback when its rule has changed: ``rule`` as it is now, None: deleted.

    One that was not tried yet is due as if the rule had always been so; one between attempts keeps its time, moved into
    the hours.
    """
    if rule is None:
        return End("not_called_back", "cancelled", "its rule was deleted")
    if callback.by_hand:  # somebody said "now": the rule's times are not asked
        return Again(callback.reason, callback.due_at, callback.first_due_at, callback.expires_at)
    if not rule.enabled:
        return Pause()
    due = callback.due_at if callback.attempts else callback.asked_at + rule.delay
    opened = next_open(ground.openings(rule, callback.number), due)
    if opened is None or (opened != due and rule.outside_hours == "skip"):
        return End("not_called_back", "skipped_outside_hours", "by the changed rule")
    first = callback.first_due_at if callback.attempts or callback.first_due_at <= now else opened
    expires = first + rule.retry.expire
    if max(now, opened) >= expires:
        return End("not_called_back", "expired", f"it was due {_when(first, ground)} first")
    return Again("scheduled" if opened == due else "outside_hours", opened, first, expires)


# reason of an attempt -> status of the row, and what comes before the next attempt: a pause of the rule's `retry`, or our
# own; None: there is no next one.
_OUTCOMES: dict[str, tuple[str, str | timedelta | None]] = {
    "answered": ("called_back", None),
    "client_busy": ("failed", "busy"),
    "client_no_answer": ("failed", "no_answer"),
    "client_declined": ("failed", DECLINED),
    "invalid_number": ("failed", None),
    "congestion": ("failed", "busy"),
    "lost": ("failed", "no_answer"),
    "employee_absent": ("not_called_back", "employee_absent"),
    "client_gave_up": ("not_called_back", "no_answer"),
}


def never_opens(rule: Rule, ground: Ground, now: datetime) -> bool:
    """Whether no client could ever be called by this rule: its hours and the legal ones do not meet in two years."""
    legal = () if ground.callers_zone else (floor(ground.floor, ground.zone),)
    return next_open((rule.opening(ground.zone), *legal), now) is None


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
