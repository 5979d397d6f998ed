"""The two loops, and the only place where the whole flow is seen.

*listen*: AMI messages -> tracker -> what happened -> plan -> journal.
*dial*: what is due -> a last look -> written down -> Originate; what became of it comes back through *listen*.

Beside the faces the only reader of the clock. The database is asked in one worker thread; a database that does not answer
is asked again until it does, and what was heard meanwhile waits in its order.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ParamSpec, TypeVar

from .ami.link import Answered, Link, NotSent, Unknown
from .ami.wire import Action, Message
from .callbacks.disposition import refused
from .callbacks.originate import employee_order, originate
from .callbacks.plan import Callback, End, Go, Known, Pause, Wait, check
from .calls.call import Contact, EndedCall, utc
from .calls.lines import Lines
from .calls.tracker import (
    AttemptOver,
    AttemptTalks,
    CallEnded,
    ContactBegan,
    ContactEnded,
    Happening,
    Tracker,
)
from .config import Config
from .flights import Flights
from .journal import gaps, rulebook
from .journal.database import JournalUnreachable
from .journal.journal import Journal
from .pbx import dialplan
from .recovery import Recovery
from .rules.guard import normalise
from .rules.rule import Rule, RuleError

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

# How long a rule whose contexts Asterisk did not load waits before it is tried again.
NOT_LOADED = timedelta(seconds=30)
# How often a callback is looked at before it rings, while Asterisk goes on talking.
MOST_LOOKS = 20
# How long a daemon that is asked to end may take to write down what it has heard.
END_WITHIN = 4.0
# How often it is written down that we listen (a crash is known to this), and how often what Asterisk wrote is read on
# where nothing is to be made up, so that there is little to read when there is. Seconds.
HEARD_EVERY = 10.0
LOOK_BACK_EVERY = 300.0
# Who has hung up has his row in CEL within this time.
ROWS_WITHIN = 1.0
# How often *listen* looks at the clock where nothing is heard.
LOOK = 0.25
# How often *dial* looks whether another process (command line, panel) has changed the rules or done something by hand.
LOOK_UP = 1.0
# So many callbacks are taken up at a time; between two such lots everything else has its turn.
LOT = 50
# How often it is said that hardly anybody answers.
SHOUT_EVERY = 600.0


@dataclass(frozen=True, slots=True)
class _LinkUp:
    """In the inbox: everything that Asterisk told about its state stands before this."""


@dataclass(frozen=True, slots=True)
class _LinkDown:
    """In the inbox: from here on nothing was heard."""

    why: str


def run(config: Config, journal: Journal, before: Tracker | None = None) -> Tracker | None:
    """One daemon until SIGTERM or SIGINT (returns None), or SIGHUP: the config is to be read anew, and what is known of
    living calls goes to the next as ``before``."""

    async def until_signalled() -> Tracker | None:
        daemon = Daemon(config, journal, before)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, daemon.stop)
        loop.add_signal_handler(signal.SIGHUP, daemon.reload)
        await daemon.run()
        return daemon.tracker if daemon.reloading and daemon.drained else None

    return asyncio.run(until_signalled())


class Daemon:
    """One PBX's daemon. `run` returns when `stop` is called."""

    def __init__(self, config: Config, journal: Journal, before: Tracker | None = None) -> None:
        self.config = config
        self.journal = journal
        self.rules: dict[str, Rule] = {}
        self.ground = config.ground
        lines, min_talk = Lines(config.pbx.trunks, config.pbx.extensions), config.calls.min_talk.total_seconds()
        lost_after_answer = config.calls.lost_after_answer == "missed"
        self.tracker = before or Tracker(lines, min_talk=min_talk, lost_after_answer=lost_after_answer)
        self.tracker.obey(lines, min_talk=min_talk, lost_after_answer=lost_after_answer)
        self.link = Link(
            config.ami.host,
            config.ami.port,
            config.ami.username,
            config.ami.read_secret(),
            on_message=self._hear,
            on_up=lambda: self._hear(_LinkUp(), time.time()),
            on_down=lambda why: self._hear(_LinkDown(why), self.link.lost_at),
        )
        self.inbox: asyncio.Queue[tuple[Message | _LinkUp | _LinkDown, float]] = asyncio.Queue()
        self.flights = Flights(journal, self._db, self.link, self.tracker, self.ground, self.rules)
        self.recovery = Recovery(config, journal, self.ground)
        self.reloading = False
        self.drained = False  # all that was heard has been acted on, at the end
        # Messages heard, taken out of the inbox, and acted upon: the picture is up to date when the first is the last.
        self._heard_so_far = self._taken_so_far = self._acted_so_far = 0
        self._ticking = False
        self._ending = False
        self._revision = -1
        self._held: set[str] = set()  # numbers of callbacks that wait for the end of a call
        self._shouted = -SHOUT_EVERY
        self._loaded = False
        self._load_again = _now()
        self._may_dial = asyncio.Event()
        self._wake = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._look_back = asyncio.Event()
        self._stopping = asyncio.Event()
        self._next_send = 0.0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    async def run(self) -> None:
        """Listen and dial until `stop`. Calls that are in progress then go on in Asterisk, and are found again."""
        tasks = [asyncio.create_task(work()) for work in (self.link.run, self.listen, self.dial, self.look_back)]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self.link.close()
            self._ending = True
            await asyncio.wait({tasks[1]}, timeout=END_WITHIN)  # what was heard is written down
            for task in (*tasks, stopping):
                task.cancel()
            await asyncio.gather(*tasks, stopping, return_exceptions=True)
            self._thread.shutdown(wait=True)

    def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    def reload(self) -> None:
        """Ask `run` to return, to be started with the config read anew."""
        self.reloading = True
        self.stop()

    def _hear(self, item: Message | _LinkUp | _LinkDown, at: float) -> None:
        """Called by the reader of the link, which does nothing else."""
        self._heard_so_far += 1
        self.inbox.put_nowait((item, at))

    # --- listen --------------------------------------------------------------------------------------------------

    async def listen(self) -> None:
        """Take what Asterisk says, in its order, and act on what it comes to."""
        await self._db(gaps.started, self.journal)
        await self._safely("rules", self._take_up_rules)
        while not (self._ending and self.inbox.empty()):
            for happening in await self._heard():
                await self._safely("what happened", self._act, happening)
            await self._safely("attempts", self._look_after_attempts)
            await self._safely("held callbacks", self._release_held)
            self._acted_so_far, self._ticking = self._taken_so_far, False
            self._caught_up.set()
        if self._may_dial.is_set():
            await self._db(gaps.heard, self.journal, _now())
        for happening in self.tracker.link_lost(time.time()):  # who has just hung up is judged without his grace
            await self._safely("what happened", self._act, happening)
        self.drained = True

    async def _heard(self) -> list[Happening]:
        """Wait for the next messages, or for a moment; returns what they come to."""
        happenings: list[Happening] = []
        try:
            item, at = await asyncio.wait_for(self.inbox.get(), LOOK)
        except TimeoutError:
            self._ticking = True
            return self.tracker.tick(time.time())
        while True:
            self._taken_so_far += 1
            if isinstance(item, Message):
                happenings += self._fed(item, at)
            elif isinstance(item, _LinkDown):
                self._may_dial.clear()
                happenings += self.tracker.link_lost(at)
                await self._db(gaps.away, self.journal, utc(at), item.why)
            else:
                await self._safely("attempts", self._link_is_up)
            if self.inbox.empty() or len(happenings) > 100:
                return happenings + self.tracker.tick(time.time())
            item, at = self.inbox.get_nowait()

    def _fed(self, message: Message, at: float) -> list[Happening]:
        """What a message comes to. One that this program cannot take must not keep the next from being heard."""
        try:
            return self.tracker.feed(message, at)
        except Exception:
            log.exception("%s: an error of this program; it goes on with the next message", message.name)
            return []

    async def _act(self, happening: Happening) -> None:
        match happening:
            case CallEnded(call) if call.missed is not None:
                await self._enter(call)
            case ContactBegan(contact) | ContactEnded(contact):
                await self._contact(contact)
            case AttemptTalks(channel_id, employee, at):
                await self.flights.talk(channel_id, employee, at)
            case AttemptOver(report):
                await self.flights.over(report)
                self._wake.set()

    async def _enter(self, ended: EndedCall) -> None:
        """A missed call becomes a row of the journal, and perhaps a callback."""
        entered = await self._db(self.journal.enter, ended, tuple(self.rules.values()), self.ground, _now())
        if entered is not None:
            missed_id, planned = entered
            log.info("missed call %s: %s, due %s", missed_id, planned.reason, planned.due_at)
        if ended.reason == "unconfirmed" and await self._db(gaps.doubted, self.journal, ended.ended_at, _now()):
            self._look_back.set()
        self._wake.set()

    async def _contact(self, contact: Contact) -> None:
        number = normalise(contact.number, self.ground.country)
        if number is not None and await self._db(self.journal.contact, contact, number, _now()):
            log.info("contact: a callback is settled by it")

    async def _link_is_up(self) -> None:
        """Everything that Asterisk told about its state has been taken in: callbacks may go on."""
        self.tracker.state_taken()
        await self.flights.find_again()
        self._loaded, self._load_again = False, _now()  # Asterisk may be another one by now
        self._may_dial.set()
        await self._db(gaps.back, self.journal, _now())
        self._look_back.set()
        for uniqueid in self.tracker.half_known():
            await self._safely("a caller", self._ask_who, uniqueid)

    async def _ask_who(self, uniqueid: str) -> None:
        """Who came in before we listened: what he dialled, and the number with which he came (his ANI)."""
        told = [await self._variable(uniqueid, name) for name in ("CALLERID(dnid)", "CALLERID(ani)")]
        self.tracker.learn(uniqueid, did=told[0], caller=told[1])

    async def _variable(self, uniqueid: str, name: str) -> str:
        asked = await self.link.send(Action("Getvar", [("Channel", uniqueid), ("Variable", name)]))
        return asked.message.get("Value") if isinstance(asked, Answered) else ""

    async def _look_after_attempts(self) -> None:
        if self._may_dial.is_set() and self.inbox.empty() and await self.flights.give_up_unseen():
            self._wake.set()

    async def _release_held(self) -> None:
        """A callback that was held is judged anew as soon as the call is that it was held for."""
        for number in [number for number in self._held if not self._on_line(number)]:
            self._held.discard(number)
            await self._db(self.journal.release, number, _now())
            self._wake.set()

    # --- dial ----------------------------------------------------------------------------------------------------

    async def dial(self) -> None:
        """Make the callbacks whose time has come, as long as Asterisk can be heard."""
        while True:
            await self._may_dial.wait()
            await self._safely("rules", self._take_up_rules)
            await self._db(self.journal.expire, _now())
            for callback in await self._db(self.journal.due, _now(), LOT, self._busy()):
                if self._may_dial.is_set() and callback.rule not in self._busy():
                    await self._safely("a callback", self._consider, callback)
            await self._until_next_due()

    def _busy(self) -> frozenset[str]:
        return self.flights.busy(self.config.limits.at_once)

    async def _until_next_due(self) -> None:
        """Sleep until a callback is due, or something was heard that may change that; another process may have, too."""
        if busy := self._busy():
            ground = f"{len(self.flights)} callbacks at once"
            if await self._db(self.journal.held_by_limit, _now(), busy, ground, LOT) == LOT:
                return
        due = await self._db(self.journal.next_due, busy)
        left = LOOK_UP if due is None else (due - _now()).total_seconds()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), min(LOOK_UP, max(0.02, left)))
        self._wake.clear()

    async def _consider(self, callback: Callback) -> None:
        """One callback whose time has come: ring, put off, or end."""
        rule = self.rules.get(callback.rule)
        if rule is None:
            gone = End("not_called_back", "cancelled", "its rule is gone")
            await self._db(self.journal.end, callback, gone, _now())
            return
        unmade = dialplan.unmade(rule)
        if not self._loaded or unmade:
            wait = Wait("not_loaded", _now() + NOT_LOADED, unmade or "")
            await self._db(self.journal.hold, callback, wait, _now())
            return
        match await self._look(callback, rule):
            case Go():
                await self._ring(callback, rule)
            case End() as end:
                await self._db(self.journal.end, callback, end, _now())
            case Pause():
                await self._db(self.journal.pause, callback, _now())
            case Wait() as wait:
                await self._hold(callback, wait)

    async def _hold(self, callback: Callback, wait: Wait) -> None:
        await self._db(self.journal.hold, callback, wait, _now())
        if wait.reason == "held_on_call":
            self._held.add(callback.number)
        if wait.alarm and time.monotonic() - self._shouted >= SHOUT_EVERY:
            self._shouted = time.monotonic()
            log.error("callbacks are nearly stopped: %s", wait.ground)

    async def _ring(self, callback: Callback, rule: Rule) -> None:
        """Write, then ring. An Originate is sent once, whatever becomes of its answer."""
        asked = rule.connect.rung if rule.ring.strategy == "longest-idle" else ()
        order = employee_order(rule, await self._db(self.journal.last_talks, asked) if asked else {})
        await self._at_the_allowed_rate()
        attempt = await self._db(self.journal.claim, callback, rule, _now())
        if attempt is None:
            return
        decision = await self._look(callback, rule, again=True)
        if not isinstance(decision, Go):  # the world went on while we wrote
            until = decision.until if isinstance(decision, Wait) else _now()
            why = "its rule was switched off" if isinstance(decision, Pause) else decision.ground or decision.reason
            await self._db(self.journal.unsent, attempt, why, until, _now())
            return
        action = originate(attempt, rule, self.config.pbx.number_format, self.ground.country, order)
        flight = self.flights.begin(attempt, rule.first)
        outcome = await self.link.send(action)
        match outcome:
            case NotSent(why):
                await self.flights.unsent(flight, why)
            case Unknown(why):
                self.flights.sent(flight)
                log.warning("attempt %s: %s: it will be looked up", attempt.id, why)
            case Answered(message) if not message.success:
                await self.flights.close(flight, refused(), message.get("Message"))
            case Answered():
                self.flights.sent(flight)
                log.info("attempt %s: ringing", attempt.id)

    async def _look(self, callback: Callback, rule: Rule, *, again: bool = False) -> Go | Wait | End | Pause:
        """The look before ringing, on a picture that is up to date: nothing that Asterisk has said is still to be taken in.

        ``again``: after it was written down that he is about to be called.
        """
        for _ in range(MOST_LOOKS):
            while not self._current():
                self._caught_up.clear()
                await self._caught_up.wait()
            known: Known = await self._db(self.journal.known, callback, self.ground, _now(), again=again)
            if self._current():
                return check(callback, rule, known, self._on_line(callback.number), self.ground, _now())
        return Wait(callback.reason, _now() + timedelta(seconds=1), "Asterisk says more than can be taken in")

    def _current(self) -> bool:
        """Whether all that was heard has been acted on."""
        return self._heard_so_far == self._acted_so_far and not self._ticking

    async def _at_the_allowed_rate(self) -> None:
        """Asterisk refuses calls when Originates flood it (measured): they are spread in time."""
        pause = self._next_send - time.monotonic()
        self._next_send = max(time.monotonic(), self._next_send) + 1 / self.config.limits.originates_per_second
        if pause > 0:
            await asyncio.sleep(pause)

    def _on_line(self, number: str) -> list[str]:
        """The channels on which this number (E.164) is in a call with us now, ringing included."""
        live = self.tracker.live_numbers()
        return [channel for shown, channel in live.items() if normalise(shown, self.ground.country) == number]

    # --- look back -----------------------------------------------------------------------------------------------

    async def look_back(self) -> None:
        """Say every so often that we listen; after each gap, make up what was not heard."""
        last = -LOOK_BACK_EVERY
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_back.wait(), HEARD_EVERY)
            if not self._may_dial.is_set() or not self._current():
                await asyncio.sleep(LOOK)
                continue
            await self._db(gaps.heard, self.journal, _now())
            if self._look_back.is_set() or time.monotonic() - last >= LOOK_BACK_EVERY:
                self._look_back.clear()
                last = time.monotonic()
                await self._safely("making up", self._make_up)

    async def _make_up(self) -> None:
        rules, living, at = tuple(self.rules.values()), self.tracker.living(), _now()
        await asyncio.sleep(ROWS_WITHIN)
        try:
            made = await asyncio.to_thread(self.recovery.gaps, rules, living, at, _now(), listening=True)
        except JournalUnreachable as error:
            log.error("%s: what was not heard is made up later", error)
            self._look_back.set()
            return
        for gap in made.gaps:
            log.warning(
                "nothing was heard from %s to %s (%s): made up from %s: %d missed calls found, %d confirmed, %d taken back",
                gap.began_at, gap.ended_at, gap.why, gap.witness, gap.recovered, gap.confirmed, gap.taken_back,
            )  # fmt: skip
        for warning in made.warnings:
            log.warning("%s", warning)
        self._wake.set()

    # --- rules ---------------------------------------------------------------------------------------------------

    async def _take_up_rules(self) -> None:
        """Rules that have changed are rendered, loaded into Asterisk and obeyed."""
        revision = await self._db(rulebook.revision, self.journal)
        known, self._revision = self._revision, revision
        if revision == known and (self._loaded or _now() < self._load_again):
            return
        try:
            rules = await self._db(rulebook.read, self.journal)
        except RuleError as error:
            self._loaded, self._load_again = False, _now() + NOT_LOADED
            log.error("the journal's rules: %s: nothing is dialled until that is mended", error)
            return
        self.rules.clear()
        self.rules.update({rule.slug: rule for rule in rules})
        try:
            await asyncio.to_thread(dialplan.install, dialplan.render(rules, self.config), self.config)
            self._loaded = True
            log.info("rules: %d, loaded into Asterisk", len(rules))
        except dialplan.DialplanError as error:
            self._loaded = False
            self._load_again = _now() + NOT_LOADED
            log.error("%s: until it is, nothing is dialled", error)

    # --- the world -----------------------------------------------------------------------------------------------

    async def _db(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A verb of the journal, in its thread; asked again until the database answers. Every verb may be repeated."""
        pause = 0.2
        while True:
            try:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._thread, lambda: verb(*args, **kwargs))
            except JournalUnreachable as error:
                log.error("%s: trying again in %.1f s; nothing is lost meanwhile", error, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def _safely(self, what: str, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """One bad call or row must not stop the others."""
        try:
            await work(*args, **kwargs)  # type: ignore[misc]
        except Exception:
            log.exception("%s: an error of this program; it goes on with the next", what)


def _now() -> datetime:
    return datetime.now(UTC)
