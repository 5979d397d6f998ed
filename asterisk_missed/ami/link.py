"""The link: one AMI connection that is kept up. Touches the network, and nothing else of the world.

`Link` keeps one `Session` up: connects, logs in, takes the state, watches for silence, comes back with growing pauses.
It reads nothing into what it hears: a Shutdown is an event like others, the link is down when the connection is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from .session import (
    Account,
    Answered,
    NotSent,
    Outcome,
    Refused,
    Session,
    Unknown,
    check,
    log_in,
    log_in_once,
    open_session,
)
from .wire import Action, Message

__all__ = ["Answered", "Link", "NotSent", "Outcome", "Refused", "Session", "Unknown", "log_in_once"]

log = logging.getLogger(__name__)

BOOTED_WITHIN = 3.0  # seconds to wait for FullyBooted, which is not sent to a user without read=system
STATE_WITHIN = 60.0  # seconds for each list of the state: 10,000 channels take Asterisk some seconds
MISSED_PINGS = 3  # so many intervals without a byte, and the other end is dead
# What the state of a PBX is made of.
STATE = ("CoreStatus", "CoreShowChannels", "BridgeList", "QueueStatus")
# What is asked again every so often: a Hangup that was lost would keep a client on the line for ever, and the queues'
# counters tell who was answered in a gap only if they were known shortly before it.
REFRESHED = ("CoreShowChannels", "QueueStatus")
REFRESH_EVERY = 60.0  # seconds
# Growing pauses between connections, in seconds. The longest lets callbacks go on within 15 s after the PBX is back.
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Link:
    """Keeps one AMI session up while `run` runs.

    ``on_message(message, received_at)`` gets everything that was heard, answers and lists of the state included, in the
    order of the stream; it is called by the reader and must be quick. ``on_up`` is called when the state has been taken
    after a log-in, ``on_down(why)`` when a session that was logged in has ended. ``clock`` gives unix seconds,
    all other times are seconds. ``tap`` is called for each connection: what it returns gets the bytes of that one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        secret: str,
        *,
        on_message: Callable[[Message, float], None],
        on_up: Callable[[], Awaitable[None] | None],
        on_down: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        ping_every: float = 5.0,
        refresh_every: float = REFRESH_EVERY,
        answer_within: float = 10.0,
        pauses: Sequence[float] = PAUSES,
        refused_pause: float = 60.0,
        events: bool = True,
        tap: Callable[[], Callable[[bytes, float], None]] | None = None,
    ) -> None:
        self._account = Account(host, port, username, secret, events)
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._clock = clock
        self._ping_every = ping_every
        self._refresh_every = refresh_every
        self._answer_within = answer_within
        self._pauses = tuple(pauses)
        self._refused_pause = refused_pause
        self._tap = tap
        self._session: Session | None = None
        self._ready = False
        self._up_since: float | None = None
        self._closed = False
        self._work: asyncio.Task[None] | None = None
        self._heard_before = 0.0
        self.lost_at = 0.0  # since when nothing can have been heard, in unix seconds
        self.banner = ""
        self.why = "not connected yet"  # of being down, '' while up

    @property
    def up(self) -> bool:
        """Logged in, and the state is taken."""
        return self._ready and self._session is not None and self._session.open

    @property
    def last_heard(self) -> float:
        """When the last byte came, in unix seconds; 0.0 for never."""
        return self._heard_before if self._session is None else self._session.last_heard

    @property
    def version(self) -> str:
        """Of the protocol (11.0.0 for Asterisk 22), '' before the first banner."""
        return self.banner.partition("/")[2].strip()

    async def send(self, action: Action, *, timeout: float | None = None) -> Outcome:
        """Send an action once, and say what became of it. Trouble of the link is an outcome, never an exception.

        ValueError for an Originate without ``Async: true``.
        """
        check(action)
        if not self.up or self._session is None:
            return NotSent(f"the link is down: {self.why or 'lost just now'}")
        return await self._session.send(action, self._answer_within if timeout is None else timeout)

    def close(self) -> None:
        """End for good; `run` returns. What is unanswered is unknown."""
        self._closed, self.why = True, "closed here"
        if self._work is not None:
            self._work.cancel()

    async def run(self) -> None:
        """Connect, and come back whenever the link is lost, until `close` or cancellation."""
        if self._closed:
            return
        self._work = asyncio.create_task(self._keep_up())
        try:
            await self._work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._closed or (task is not None and task.cancelling()):
                raise

    async def _keep_up(self) -> None:
        tries = 0
        while True:
            pause = self._pauses[min(tries, len(self._pauses) - 1)]
            self._up_since = None
            try:
                await self._one_session()
            except Refused as refused:
                self.why, pause = str(refused), self._refused_pause
                log.error("%s; again in %g s", refused, pause)
            except ConnectionError as error:
                # A link that held comes back at once; one that is cut again and again is left more and more time.
                if self._up_since is not None and time.monotonic() - self._up_since > self._pauses[-1]:
                    tries, pause = 0, self._pauses[0]
                self.why = str(error)
                log.warning("%s; again in %g s", error, pause)
            except Exception:
                self.why = "an error of this program"
                log.exception("AMI %s: the link failed; again in %g s", self._account.place, pause)
            tries += 1
            await asyncio.sleep(pause)

    async def _one_session(self) -> None:
        """From the connection to its loss. Ends by Refused or by ConnectionError, which says why."""
        session, self.banner = await open_session(self._account, self._new_session)
        self._session, self.lost_at = session, 0.0
        why, logged_in = "closed here", False
        beside: list[asyncio.Task[None]] = []
        try:
            await log_in(self._account, session, self._answer_within)
            logged_in = True
            beside.append(asyncio.create_task(self._watch(session)))
            await self._take_state(session)
            await self._announce()
            beside.append(asyncio.create_task(self._refresh(session)))
            raise ConnectionError(f"AMI {self._account.place}: link lost: {await asyncio.shield(session.ended)}")
        except ConnectionError as error:
            why = str(error)
            raise
        finally:
            self._ready, self._session, self._heard_before = False, None, session.last_heard
            session.close(why)
            self.lost_at = self.lost_at or self._clock()  # a connection that is closed was open until then
            for task in beside:
                task.cancel()
            if logged_in:
                self._tell_down(why)

    def _new_session(self) -> Session:
        return Session(self._on_message, self._clock, self._tap() if self._tap is not None else None)

    async def _watch(self, session: Session) -> None:
        """End the session when nothing is heard any more: a half-open connection tells nobody."""
        loop = asyncio.get_running_loop()
        while session.open:
            due = loop.time() + self._ping_every
            await session.send(Action("Ping"), self._ping_every)
            silent = loop.time() - session.heard
            if silent >= MISSED_PINGS * self._ping_every:
                self.lost_at = session.last_heard
                session.close(f"nothing heard for {silent:.1f} s")
            await asyncio.sleep(due - loop.time())

    async def _refresh(self, session: Session) -> None:
        """Have the state told again, to ``on_message``. An answer that does not come is `_watch`'s matter."""
        while session.open:
            await asyncio.sleep(self._refresh_every)
            for name in REFRESHED:
                await session.send(Action(name), STATE_WITHIN)

    async def _take_state(self, session: Session) -> None:
        """Ask for all that is known of channels, bridges and queues; the answers go to ``on_message`` like the rest."""
        await self._wait_for_boot(session)
        for name in STATE:
            answer = await self._ask(session, name)
            if not answer.success:
                log.warning(
                    "AMI %s: %s is refused: %s; what it tells will not be known (read and write in manager.conf)",
                    self._account.place,
                    name,
                    answer.get("Message")[:200],
                )

    async def _wait_for_boot(self, session: Session) -> None:
        """Until Asterisk is there with all its modules: it says so, or else answers CoreStatus."""
        while True:
            with suppress(TimeoutError):
                if self._account.events:
                    async with asyncio.timeout(BOOTED_WITHIN):
                        await session.booted.wait()
                    return
            answer = await self._ask(session, "CoreStatus")
            if answer.success or "permission" in answer.get("Message").lower():
                return
            await asyncio.sleep(BOOTED_WITHIN)

    async def _ask(self, session: Session, name: str) -> Message:
        outcome = await session.send(Action(name), STATE_WITHIN)
        if isinstance(outcome, Answered):
            return outcome.message
        raise ConnectionError(f"AMI {self._account.place}: {name}: {outcome.why}")

    async def _announce(self) -> None:
        self._ready, self.why, self._up_since = True, "", time.monotonic()
        log.info("AMI %s: up, %s", self._account.place, self.banner)
        try:
            done = self._on_up()
            if done is not None:
                await done
        except Exception:
            log.exception("AMI: what should happen when the link is up failed; going on")

    def _tell_down(self, why: str) -> None:
        try:
            self._on_down(why)
        except Exception:
            log.exception("AMI: what should happen when the link is down failed; going on")
