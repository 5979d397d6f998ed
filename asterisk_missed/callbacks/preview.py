"""What rules would do: with one imagined call, and with a part of the journal. Nothing is dialled, nothing is written.

One call goes through `plan`, as in the daemon. A history of a hundred thousand goes through the same decisions put the other
way round: what is the same for many calls (which rules a source fits, when a rule opens, whether a number is refused) is
worked out once. A test holds the two together, call by call.

What nobody can know is assumed, and said: each callback is made at its due time and is the last one, without caps or limits of
calls at once; contacts that callbacks themselves made are left out, since this draft might not have made them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ..calls.attempt import is_attempt
from ..calls.call import EndedCall, Missed
from ..rules.guard import Refusal, normalise, refusal, zone_of
from ..rules.hours import Calendar, Hours, floor, openings
from ..rules.match import NO_RULE, WAIT_TOO_LONG, WAIT_TOO_SHORT, first_match
from ..rules.rule import Rule, SourceKind
from .plan import ROUNDED, Ground, Known, Planned, plan

TALK = 60.0  # seconds: a talk's length where the history has none to go by
OPENINGS = 5  # how many are shown
LOOK_AHEAD = (timedelta(days=15), timedelta(days=731))  # most rules open within the first


class Miss(NamedTuple):
    """A missed call as the journal keeps it: with one queue and one extension. ``status``: what became of it.

    ``caller`` is normalised; waits are in seconds; ``unconfirmed``: its end was not seen.
    """

    pbx: str
    linkedid: str
    caller: str
    did: str | None
    trunk: str | None
    queue: str | None
    extension: str | None
    started_at: datetime
    ended_at: datetime
    wait: float
    queue_wait: float | None
    status: str
    unconfirmed: bool


class Talk(NamedTuple):
    """A contact with a number (E.164); ``seconds`` None: its length is not known."""

    number: str
    uniqueid: str
    direction: str
    at: datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class History:
    """A part of the journal. ``misses`` in the order of their end, each between ``since`` and ``until``; ``talks`` with
    their callers. ``blocked``: numbers that are never called; ``dids``: those that callers have dialled more than once.
    """

    since: datetime
    until: datetime
    misses: Iterable[Miss]
    talks: Iterable[Talk] = ()
    blocked: AbstractSet[str] = frozenset()
    dids: AbstractSet[str] = frozenset()


@dataclass(slots=True)
class Effect:
    """What one rule would have done with a history.

    ``taken``: calls that it takes. ``callbacks``: that it would have made, of which ``waited`` at an opening; ``joined``:
    calls that share a callback with an earlier one; ``came_back``: callbacks that were needless, since the client came back
    or was reached before; ``expired``: those that were given up. ``reasons``: why other calls on its source are not called
    back. ``refused``: how many numbers the guard refuses. ``by_hour`` (24), ``by_weekday`` (7, Monday first): callbacks on the
    clock of the rule. ``lines``: most callbacks at once, first at ``lines_at``, each of them ``seconds`` long. ``really``:
    what became of the taken calls.
    """

    taken: int = 0
    callbacks: int = 0
    waited: int = 0
    joined: int = 0
    came_back: int = 0
    expired: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    by_hour: list[int] = field(default_factory=lambda: [0] * 24)
    by_weekday: list[int] = field(default_factory=lambda: [0] * 7)
    lines: int = 0
    lines_at: datetime | None = None
    seconds: float = 0.0
    really: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the fields by their names."""
        shown = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return shown | {"reasons": dict(self.reasons.most_common()), "really": dict(self.really.most_common())}


@dataclass(frozen=True, slots=True)
class Preview:
    """What a list of rules would have done with ``calls`` missed calls, of which ``no_rule`` are on no rule's source.

    ``talk``: seconds that a talk is taken to last; ``talk_assumed``: the history has none to go by.
    """

    calls: int
    no_rule: int
    talk: float
    talk_assumed: bool
    effects: Mapping[str, Effect]


# --- one call


def explain(
    caller: str, source: tuple[SourceKind, str], wait: timedelta, at: datetime, rules: Sequence[Rule], ground: Ground,
    known: Known | None = None,
) -> Planned:  # fmt: skip
    """What would be decided about a call that was missed on ``source`` and ended ``at``, which is now; ``wait`` in a queue is
    the stay there. What is known of the caller counts as far as it was so then.
    """
    known = known or Known()
    there = known.open if known.open is not None and known.open.since <= at else None
    then = replace(known, contacts=[c for c in known.contacts if c.at <= at], open=there)
    return plan(imagined(caller, *source, wait.total_seconds(), at), rules, ground, then, at)


def imagined(caller: str, kind: SourceKind, name: str, wait: float, at: datetime) -> EndedCall:
    """A call that was missed on one thing and ended at ``at``; ``wait`` in seconds, in a queue spent there."""
    missed = Missed(
        name if kind == "did" else None,
        name if kind == "trunk" else None,
        (name,) if kind == "queue" else (),
        (name,) if kind == "extension" else (),
    )
    return EndedCall(
        linkedid="", caller=caller, caller_name="", did=missed.did or "", trunk=missed.trunk or "",
        started_at=at - timedelta(seconds=wait), ended_at=at, answered=False, answered_by=None, wait=wait,
        queue_waits={name: wait} if kind == "queue" else {}, missed=missed,
    )  # fmt: skip


# --- when it opens


def next_openings(rule: Rule, ground: Ground, now: datetime) -> list[tuple[datetime, datetime | None]]:
    """The next times in which clients are called by this rule, in UTC; the first may be going on. To None: for good.

    Its hours and the legal ones together, those on the PBX's clock.
    """
    hours = (rule.opening(ground.zone), floor(ground.floor, ground.zone))
    for ahead in LOOK_AHEAD:
        until = now + ahead
        found = openings(hours, now, until)
        seen_whole = [(opens, closes) for opens, closes in found if closes < until]
        if len(seen_whole) >= OPENINGS:
            return [*seen_whole[:OPENINGS]]
    return [(opens, closes if closes < until else None) for opens, closes in found[:OPENINGS]]


# --- a history


def preview(rules: Sequence[Rule], ground: Ground, history: History) -> Preview:
    """Run a history through a list of rules, the first that fits first. Slugs are unique in it.

    A call of another PBX is tried with the rules of that one.
    """
    run = _Run(rules, ground, history)
    for miss in history.misses:
        run.take(miss)
    return run.result()


class _Draft:
    """A rule with what a whole history asks of it, and what comes of it."""

    def __init__(self, rule: Rule, ground: Ground) -> None:
        self.rule = rule
        self.least = rule.wait.min.total_seconds()
        self.most = float("inf") if rule.wait.max is None else rule.wait.max.total_seconds()
        self.by_queue = rule.source.kind == "queue"
        self.delay, self.expire = rule.delay, rule.retry.expire
        self.skips = rule.outside_hours == "skip"
        self.hours: Hours = rule.opening(ground.zone)
        self.calendars: dict[ZoneInfo, Calendar] = {}
        self.effect = Effect()
        self.dues: list[datetime] = []
        self.refused: set[str] = set()


@dataclass(slots=True)
class _Promise:
    """A callback of the past that never was. ``due`` and the rest as in `plan.Callback`."""

    draft: _Draft
    due: datetime
    first_due: datetime
    since: datetime
    expires: datetime
    waited: bool


class _Run:
    def __init__(self, rules: Sequence[Rule], ground: Ground, history: History) -> None:
        self.ground, self.history = ground, history
        self.drafts = [_Draft(rule, ground) for rule in rules]
        self.judged: dict[str, tuple[str, Refusal | None]] = {}
        self.ours = {normalise(did, ground.country) for did in history.dids}
        self.fitting: dict[tuple[str | None, ...], list[_Draft]] = {}
        self.zones: dict[str, ZoneInfo] = {}
        self.promises: dict[str, _Promise] = {}
        self.talks: dict[str, list[Talk]] = {}
        self.calls = self.no_rule = 0
        self.talk, self.talk_assumed = self._read(history.talks)

    def _read(self, talks: Iterable[Talk]) -> tuple[float, bool]:
        """Keep them by their numbers; (how long one lasts on average in seconds, whether that is assumed)."""
        total, count = 0.0, 0
        for talk in talks:
            if talk.seconds is not None:
                total, count = total + talk.seconds, count + 1
            if not is_attempt(talk.uniqueid):
                self.talks.setdefault(talk.number, []).append(talk)
        for theirs in self.talks.values():
            if len(theirs) > 1:
                theirs.sort(key=lambda talk: talk.at)
        return (total / count, False) if count else (TALK, True)

    # --- one missed call; the order of the questions is that of `plan`

    def take(self, miss: Miss) -> None:
        self.calls += 1
        judged = self.judged.get(miss.caller)
        if judged is None:  # more callers than the guard remembers, and half of them call again
            number = normalise(miss.caller, self.ground.country) or miss.caller
            judged = self.judged[miss.caller] = number, refusal(miss.caller, self.ground.gate)
        number, refused = judged
        there = self.promises.get(number)
        if there is not None and self._is_over(number, there, miss.ended_at):
            self._count(number, self.promises.pop(number))
            there = None
        key = (miss.pbx, miss.did, miss.trunk, miss.queue, miss.extension)
        fitting = self.fitting.get(key)
        if fitting is None:
            fitting = self.fitting[key] = self._fitting(miss)
        draft, reason = _match(fitting, miss)
        if draft is None:
            self.no_rule += 1
            return
        effect = draft.effect
        if not reason:
            effect.taken += 1
            effect.really[miss.status] += 1
        if refused is not None and refused.reason == "bad_number":
            reason = "bad_number"
        elif not reason and miss.unconfirmed:
            reason = "unconfirmed"
        elif not reason and (refused is not None or number in self.ours):
            reason = "refused_number"
        elif not reason:
            reason = self._promised(draft, number, miss, there)
        if reason:
            effect.reasons[reason] += 1
            if reason in ("bad_number", "refused_number"):
                draft.refused.add(number)

    def _promised(self, draft: _Draft, number: str, miss: Miss, there: _Promise | None) -> str:
        """Promise a callback, or take over the one that is there; else why there is none."""
        if number in self.history.blocked:
            return "blocked_number"
        now, since = miss.ended_at, miss.started_at
        talks = self.talks.get(number)
        if talks:
            others = [talk for talk in talks if talk.uniqueid != miss.linkedid]
            if len(others) < len(talks):  # he talked, and was lost afterwards
                since = now + ROUNDED
            made = _reached(others, since, now)
            if made is not None:
                return "client_returned" if made.direction == "in" else "by_hand"
        asked = now + draft.delay
        due = asked if there is None or asked <= there.due else there.due
        opened = self._calendar(draft, number).next_open(due)
        if opened is None or (opened != due and draft.skips):
            return "skipped_outside_hours"
        first = opened if there is None else there.first_due
        expires = first + draft.expire
        if now >= expires:
            return "expired"
        if there is None:
            self.promises[number] = _Promise(draft, opened, first, since, expires, opened != due)
        else:
            draft.effect.joined += 1
            there.draft, there.due, there.expires, there.waited = draft, opened, expires, opened != due
        return ""

    def _fitting(self, miss: Miss) -> list[_Draft]:
        """The rules whose source such a call is missed on, in their order: whatever the wait, each would match or nearly."""
        probe = EndedCall(
            linkedid="", caller="", caller_name="", did=miss.did or "", trunk=miss.trunk or "", started_at=miss.started_at,
            ended_at=miss.ended_at, answered=False, answered_by=None, wait=0.0,
            missed=Missed(
                miss.did,
                miss.trunk,
                (miss.queue,) if miss.queue else (),
                (miss.extension,) if miss.extension else (),
            ),
        )  # fmt: skip
        country = self.ground.country
        return [d for d in self.drafts if first_match([d.rule], probe, country, miss.pbx).rule is not None]

    def _calendar(self, draft: _Draft, number: str) -> Calendar:
        zone = self._legal_zone(number) if self.ground.callers_zone else self.ground.zone
        calendar = draft.calendars.get(zone)
        if calendar is None:
            until = self.history.until + draft.delay + timedelta(days=1)
            hours = (draft.hours, floor(self.ground.floor, zone))
            calendar = draft.calendars[zone] = Calendar(hours, self.history.since, until)
        return calendar

    def _legal_zone(self, number: str) -> ZoneInfo:
        zone = self.zones.get(number)
        if zone is None:
            zone = self.zones[number] = zone_of(number) or self.ground.zone
        return zone

    # --- what becomes of a callback

    def _is_over(self, number: str, promise: _Promise, now: datetime) -> bool:
        """Whether it has been made by now, or is needless."""
        return promise.due <= now or _reached(self.talks.get(number, ()), promise.since, now) is not None

    def _count(self, number: str, promise: _Promise) -> None:
        """At its due time: needless, given up, or made."""
        draft, effect = promise.draft, promise.draft.effect
        if _reached(self.talks.get(number, ()), promise.since, promise.due) is not None:
            effect.came_back += 1
        elif promise.due >= promise.expires:
            effect.expired += 1
        else:
            effect.callbacks += 1
            effect.waited += promise.waited
            draft.dues.append(promise.due)

    def result(self) -> Preview:
        for number, promise in self.promises.items():
            self._count(number, promise)
        for draft in self.drafts:
            self._sum_up(draft)
        effects = {draft.rule.slug: draft.effect for draft in self.drafts}
        return Preview(self.calls, self.no_rule, round(self.talk, 1), self.talk_assumed, effects)

    def _sum_up(self, draft: _Draft) -> None:
        effect, ring = draft.effect, draft.rule.ring
        effect.refused = len(draft.refused)
        effect.seconds = round((ring.employee + ring.client).total_seconds() / 2 + self.talk, 1)
        effect.lines, effect.lines_at = _most_at_once(sorted(draft.dues), timedelta(seconds=effect.seconds))
        for due, callbacks in Counter(draft.dues).items():  # many are due at the very opening
            local = due.astimezone(draft.hours.zone)
            effect.by_hour[local.hour] += callbacks
            effect.by_weekday[local.weekday()] += callbacks


def _match(fitting: Sequence[_Draft], miss: Miss) -> tuple[_Draft | None, str]:
    """The first rule that takes the call, and ""; else the first that would but for the wait, and why not."""
    nearly, why = None, NO_RULE
    for draft in fitting:
        wait = (miss.queue_wait or 0.0) if draft.by_queue else miss.wait
        if draft.least <= wait <= draft.most:
            return draft, ""
        if nearly is None:
            nearly, why = draft, WAIT_TOO_SHORT if wait < draft.least else WAIT_TOO_LONG
    return nearly, why


def _reached(talks: Sequence[Talk], since: datetime, until: datetime) -> Talk | None:
    """The first contact that began or was going on after ``since``, and had begun by ``until``. As `plan.contact_since`."""
    for talk in talks:
        if talk.at > until:
            break
        if talk.at >= since or (talk.seconds is not None and talk.at + timedelta(seconds=talk.seconds) > since):
            return talk
    return None


def _most_at_once(begins: Sequence[datetime], length: timedelta) -> tuple[int, datetime | None]:
    """How many calls of this length that begin then go on at one time, at the worst, and when first. ``begins`` sorted."""
    most, when, oldest = 0, None, 0
    for place, begin in enumerate(begins):
        while begins[oldest] + length <= begin:  # at one moment, who ends makes room first
            oldest += 1
        if place - oldest + 1 > most:
            most, when = place - oldest + 1, begin
    return most, when
