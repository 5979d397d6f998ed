"""What rules would do: with one imagined call, and with the calls of the last days. Nothing is dialled, nothing is written.

Goes through `plan` call by call, so that a preview decides as the daemon would. What it cannot know is left out: how attempts
end, caps, and who would have answered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from ..calls.call import Contact, EndedCall, Missed
from ..rules.guard import normalise
from ..rules.hours import floor, openings
from ..rules.rule import Rule, SourceKind
from .plan import Callback, Ground, Known, Planned, plan

# A talk's length where the journal has none to go by.
TALK = 60.0  # seconds
OPENINGS = 5  # how many are shown
LOOK_AHEAD = timedelta(days=400)
# Decisions that the number gate makes.
GUARD = ("bad_number", "refused_number")


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


@dataclass(frozen=True, slots=True)
class Past:
    """One missed call of the journal, and the status that it has there."""

    ended: EndedCall
    status: str


@dataclass(frozen=True, slots=True)
class History:
    """A part of the journal: missed calls and contacts in the order of their time, numbers (E.164) that are never called."""

    calls: Sequence[Past]
    contacts: Sequence[Contact] = ()
    blocked: AbstractSet[str] = frozenset()


@dataclass(slots=True)
class Effect:
    """What one rule would have done with a history.

    ``taken``: calls that are this rule's. ``callbacks``: clients it would have called; ``joined``: calls that were one
    callback with another of the same client; ``waited``: callbacks that waited for an opening; ``came_back``: clients with
    whom contact was made before their time. ``refused``: numbers that the gate refuses. ``reasons``: why the others were
    not called. ``by_hour`` (24), ``by_weekday`` (7, Monday first): callbacks on the clock of the rule. ``lines``: most
    callbacks at once, each ``seconds`` long. ``really``: what became of the same calls.
    """

    taken: int = 0
    callbacks: int = 0
    joined: int = 0
    waited: int = 0
    came_back: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    by_hour: list[int] = field(default_factory=lambda: [0] * 24)
    by_weekday: list[int] = field(default_factory=lambda: [0] * 7)
    lines: int = 0
    seconds: float = 0.0
    really: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        names = ("taken", "callbacks", "joined", "waited", "came_back", "refused", "by_hour", "by_weekday", "lines")
        shown = {name: getattr(self, name) for name in names}
        return shown | {"seconds": self.seconds, "reasons": dict(self.reasons), "really": dict(self.really)}


@dataclass(frozen=True, slots=True)
class Preview:
    """What a list of rules would have done: ``effects`` by slug; ``no_rule``: calls that none of them takes."""

    calls: int
    no_rule: int
    effects: Mapping[str, Effect]


@dataclass(slots=True)
class _Promise:
    """A callback of the past that never was."""

    rule: str
    callback: Callback
    waited: bool


def preview(rules: Sequence[Rule], ground: Ground, history: History) -> Preview:
    """Run a history through a list of rules, the first that matches first."""
    run = _Run(rules, ground, history)
    for past in history.calls:
        run.take(past)
    return run.result(len(history.calls))


def next_openings(rule: Rule, ground: Ground, now: datetime) -> list[tuple[datetime, datetime]]:
    """The next times in which clients are called by this rule, in UTC; the first may be going on. Legal hours included, on
    the PBX's clock."""
    hours = (rule.opening(ground.zone), floor(ground.floor, ground.zone))
    return openings(hours, now, now + LOOK_AHEAD)[:OPENINGS]


_NOTHING = Known()


class _Run:
    def __init__(self, rules: Sequence[Rule], ground: Ground, history: History) -> None:
        self.rules, self.ground, self.blocked = rules, ground, history.blocked
        self.by_slug = {rule.slug: rule for rule in rules}
        self.zones = {rule.slug: rule.opening(ground.zone).zone for rule in rules}
        self.effects = {rule.slug: Effect() for rule in rules}
        self.no_rule = 0
        self.open: dict[str, _Promise] = {}
        self.begins: dict[str, list[datetime]] = {rule.slug: [] for rule in rules}
        self.contacts: dict[str, list[Contact]] = {}
        self.when: dict[str, list[datetime]] = {}
        for contact in history.contacts:
            self.contacts.setdefault(contact.number, []).append(contact)
            self.when.setdefault(contact.number, []).append(contact.at)
        talks = [c.talk for c in history.contacts if c.talk is not None]
        self.talk = sum(talks) / len(talks) if talks else TALK

    def take(self, past: Past) -> None:
        ended = past.ended
        number = normalise(ended.caller, self.ground.country) or ended.caller
        there = self._there(number, ended.ended_at)
        made = self._contacts(number, ended.started_at, ended.ended_at)
        known = _NOTHING
        if made or there is not None or number in self.blocked:
            known = Known(made, there.callback if there is not None else None, number in self.blocked)
        planned = plan(ended, self.rules, self.ground, known, ended.ended_at)
        if planned.rule is None:
            self.no_rule += 1
            return
        effect = self.effects[planned.rule]
        effect.taken += 1
        effect.really[past.status] += 1
        if planned.due_at is None:
            effect.refused += planned.reason in GUARD
            effect.reasons[planned.reason] += 1
            return
        if there is not None:
            effect.joined += 1
        self.open[number] = _promise(number, planned, there)

    def result(self, calls: int) -> Preview:
        for promise in self.open.values():
            self._over(promise)
        for slug, effect in self.effects.items():
            ring = self.by_slug[slug].ring
            effect.seconds = round((ring.employee + ring.client).total_seconds() / 2 + self.talk, 1)
            effect.lines = _most_at_once(sorted(self.begins[slug]), timedelta(seconds=effect.seconds))
        return Preview(calls, self.no_rule, self.effects)

    def _there(self, number: str, now: datetime) -> _Promise | None:
        """The callback that is still open when he calls again; one that is over is counted."""
        promise = self.open.get(number)
        if promise is None:
            return None
        if promise.callback.due_at > now and not self._contacts(number, promise.callback.since, now):
            return promise
        self._over(self.open.pop(number))
        return None

    def _over(self, promise: _Promise) -> None:
        callback, effect = promise.callback, self.effects[promise.rule]
        if self._contacts(callback.number, callback.since, callback.due_at):
            effect.came_back += 1
            return
        local = callback.due_at.astimezone(self.zones[promise.rule])
        effect.callbacks += 1
        effect.waited += promise.waited
        effect.by_hour[local.hour] += 1
        effect.by_weekday[local.weekday()] += 1
        self.begins[promise.rule].append(callback.due_at)

    def _contacts(self, number: str, since: datetime, until: datetime) -> Sequence[Contact]:
        when = self.when.get(number)
        return self.contacts[number][bisect_left(when, since) : bisect_left(when, until)] if when else ()


def _promise(number: str, planned: Planned, there: _Promise | None) -> _Promise:
    assert planned.rule and planned.due_at and planned.first_due_at and planned.since
    assert planned.asked_at and planned.expires_at
    since = planned.since if there is None else min(there.callback.since, planned.since)
    times = (planned.due_at, planned.first_due_at, since, planned.asked_at, planned.expires_at)
    return _Promise(planned.rule, Callback(0, number, planned.rule, *times), planned.reason == "outside_hours")


def _most_at_once(begins: Sequence[datetime], length: timedelta) -> int:
    """How many of the calls that begin then go on at the same time, at the worst."""
    changes: Iterable[tuple[datetime, int]] = chain(((at, 1) for at in begins), ((at + length, -1) for at in begins))
    most = now = 0
    for _, change in sorted(changes):  # at one moment, who ends makes room first
        now += change
        most = max(most, now)
    return most
