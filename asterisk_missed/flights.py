"""The attempts that are being made: begun, followed, found again after a break, closed once.

The daemon's care for what it has sent. Writes through the journal's verbs, asks Asterisk through the link; what an outcome
means is decided in callbacks/.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .ami.link import Answered, Link
from .ami.wire import Action
from .callbacks.disposition import Disposition, disposition, lost
from .callbacks.originate import Attempt
from .callbacks.plan import Ground, Meanwhile, after
from .calls.attempt import AttemptReport
from .calls.tracker import Tracker
from .journal.journal import Journal
from .rules.rule import Rule

log = logging.getLogger(__name__)

# An attempt of which Asterisk shows no channel is given up as lost after this time: an action that was sent just before
# a break still runs, and its channel is seen within a moment of that.
UNSEEN = timedelta(seconds=6)
# How long Asterisk may take to answer the Originate itself (the link's own limit).
ANSWER = timedelta(seconds=10)
# How often the journal is asked for attempts that are open and nobody's.
ADOPT_EVERY = timedelta(seconds=15)


@dataclass(slots=True)
class Flight:
    """An attempt that is being made. ``seen_by``: when a channel of it must have been seen at the latest."""

    attempt: Attempt
    first: str
    began: datetime
    seen_by: datetime
    talked: tuple[datetime, str] | None = None
    broken: bool = False  # the link, or a daemon, was away while it was made: not all of it was seen
    ended: Disposition | None = None  # how it ended, as far as was seen; kept until the PBX can be asked


class Flights:
    """The attempts of one daemon. ``ask`` runs a verb of the journal; ``rules`` are those in force, by slug."""

    def __init__(
        self,
        journal: Journal,
        ask: Callable[..., Awaitable[Any]],
        link: Link,
        tracker: Tracker,
        ground: Ground,
        rules: Mapping[str, Rule],
    ) -> None:
        self._journal = journal
        self._ask = ask
        self._link = link
        self._tracker = tracker
        self._ground = ground
        self._rules = rules
        self._flying: dict[str, Flight] = {}
        self._adopt_at = _now()

    def __len__(self) -> int:
        return len(self._flying)

    def busy(self, at_once: int) -> frozenset[str]:
        """The slugs of the rules by which nobody may be called now: as many as they allow, or as ``at_once`` in all."""
        if len(self._flying) >= at_once:
            return frozenset(self._rules)
        made = Counter(flight.attempt.rule for flight in self._flying.values())
        return frozenset(slug for slug, rule in self._rules.items() if made[slug] >= rule.at_once)

    # --- sent

    def begin(self, attempt: Attempt, first: str) -> Flight:
        """It is written down and about to be sent."""
        flight = Flight(attempt, first, _now(), _now() + ANSWER + UNSEEN)
        self._flying[attempt.channel_id] = flight
        return flight

    def sent(self, flight: Flight) -> None:
        """Asterisk has taken it."""
        flight.seen_by = _now() + UNSEEN

    async def unsent(self, flight: Flight, why: str) -> None:
        """It never left: the callback waits as before."""
        self._flying.pop(flight.attempt.channel_id, None)
        await self._ask(self._journal.unsent, flight.attempt, why, _now() + timedelta(seconds=1), _now())

    # --- seen

    async def talk(self, channel_id: str, employee: str, at: datetime) -> None:
        """Client and employee talk."""
        if channel_id in self._flying:
            self._flying[channel_id].talked = (at, employee)
        await self._ask(self._journal.talks, channel_id, employee, at)

    async def over(self, report: AttemptReport) -> None:
        """All of its channels are gone."""
        flight = self._flying.get(report.channel_id)
        if flight is not None:
            await self.close(flight, disposition(report, flight.first))

    async def close(self, flight: Flight, ended: Disposition, ground: str = "") -> None:
        """Close an attempt and let the rule say what follows. One that nobody can say anything of stays open for now."""
        if not ended.answered and (flight.broken or ended.word == "LOST"):
            known = await self._witness(flight, ended)
            if known is None:  # the link is not there to ask: whether he was talked with must not be guessed
                flight.ended, flight.seen_by = ended, _now() + timedelta(seconds=1)
                return
            ended, ground = known[0], known[1] or ground
        callback = await self._ask(self._journal.callback, flight.attempt.callback_id)
        rule, meanwhile = self._rules.get(flight.attempt.rule), await self._meanwhile(flight)
        then = after(callback, ended, rule, self._ground, _now(), meanwhile)
        await self._ask(self._journal.finish, flight.attempt, ended, then, _now(), ground)
        self._flying.pop(flight.attempt.channel_id, None)
        log.info("attempt %s: %s, %s", flight.attempt.id, ended.word, ended.reason)

    async def _meanwhile(self, flight: Flight) -> Meanwhile | None:
        found = await self._ask(self._journal.missed_meanwhile, flight.attempt, flight.began)
        rule = self._rules.get(found[0]) if found is not None else None
        return Meanwhile(rule, found[1]) if found is not None and rule is not None and rule.enabled else None

    async def _witness(self, flight: Flight, ended: Disposition) -> tuple[Disposition, str] | None:
        """Nobody listened to the end of this attempt; but what was heard before, or the dialplan's mark, may tell.

        None while Asterisk cannot be asked.
        """
        if flight.talked is not None:
            at, employee = flight.talked
            return Disposition("ANSWERED", "answered", True, employee, at), "they talked; the end was not seen"
        number = flight.attempt.mark
        outcome = await self._link.send(Action("DBGet", [("Family", "missed_talk"), ("Key", number[-3:])]))
        if not isinstance(outcome, Answered):
            return None
        marked = marked_at([event.get("Val") for event in outcome.events], number)
        if marked is None:
            return ended, "the end was not seen" if ended.word == "LOST" else ""
        ground = "not seen, but the PBX's dialplan marked that they talked"
        return Disposition("ANSWERED", "answered", True, talked_at=marked), ground

    # --- after a break

    async def find_again(self) -> None:
        """After log-in: every attempt that is written down is followed, if its channels live; else it is given up soon."""
        await self._adopt(older_than=_now())
        for flight in list(self._flying.values()):
            flight.seen_by, flight.broken = _now() + UNSEEN, True
            if self._tracker.follows(flight.attempt.channel_id):
                await self._ask(self._journal.note, flight.attempt, "found", _now())
                log.info("attempt %s: found again in Asterisk", flight.attempt.id)

    async def give_up_unseen(self) -> bool:
        """An attempt without a channel in Asterisk, while Asterisk can be heard, is over: never stuck. True if one was."""
        if self._adopt_at < _now():
            self._adopt_at = _now() + ADOPT_EVERY
            await self._adopt(older_than=_now() - ADOPT_EVERY)
        unseen = [f for c, f in self._flying.items() if f.seen_by < _now() and not self._tracker.follows(c)]
        for flight in unseen:
            await self.close(flight, flight.ended or lost())
        return bool(unseen)

    async def _adopt(self, older_than: datetime) -> None:
        """Take up the attempts that the journal holds open and this process does not know.

        They are of the daemon before it, or were written in the moment in which the database failed.
        """
        for open_one in await self._ask(self._journal.in_flight):
            attempt = open_one.attempt
            if attempt.channel_id not in self._flying and open_one.started_at <= older_than:
                talked = (open_one.talked_at, open_one.employee or "") if open_one.talked_at else None
                self._flying[attempt.channel_id] = Flight(
                    attempt, open_one.first, open_one.started_at, _now() + UNSEEN, talked, True
                )


def marked_at(marks: Sequence[str], attempt: str) -> datetime | None:
    """When an attempt's two ends were connected, by the dialplan's mark ``attempt/unix time``; None if it has none."""
    for mark in marks:
        whose, _, at = mark.partition("/")
        if whose == attempt and at.isascii() and at.isdigit():
            return datetime.fromtimestamp(int(at), UTC)
    return None


def _now() -> datetime:
    return datetime.now(UTC)
