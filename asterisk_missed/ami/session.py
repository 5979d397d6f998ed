"""One AMI connection, from its banner to its end: log in, send, match answers. Touches the network, nothing else.

Nothing waits in here to be sent and nothing is sent twice: the journal is the queue, and what became of an action is one
of three values (`Outcome`). panoramisk opens the connection (its `Manager`, with our protocol through its
``protocol_factory``). Its own queue of actions, pings, log-in and reconnection are not used: see `_Manager`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import panoramisk

from .wire import Action, Decoder, Message, new_action_id

log = logging.getLogger(__name__)

CONNECT_WITHIN = 5.0  # seconds for TCP, and again for the banner: Asterisk greets at once
# Unsent bytes at which the other end counts as stuck: an action is then not sent at all. A thousand Originates.
STUCK = 1024 * 1024
# So many of our last actions are remembered, to know their answers, late ones too.
REMEMBERED = 200
# Events that come as an answer only.
LISTED = frozenset(
    (
        *("CoreShowChannel", "CoreShowChannelsComplete", "BridgeListItem", "BridgeListComplete"),
        *("QueueParams", "QueueMember", "QueueEntry", "QueueStatusComplete"),
    )
)


@dataclass(frozen=True, slots=True)
class Answered:
    """Asterisk answered, with yes or no (``message.success``). ``events``: those of a list, its …Complete the last."""

    message: Message
    events: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class NotSent:
    """It never left this process: it may be tried again."""

    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It was written and no answer came: whether it ran must be looked up. Never to be sent again."""

    why: str


Outcome = Answered | NotSent | Unknown


class Refused(Exception):
    """Asterisk does not let this user in. One line, without the secret."""


class _Manager(panoramisk.Manager):  # type: ignore[misc]  # it has no types
    """panoramisk's facade, for its way to open a connection with a protocol of ours.

    In version 1.4 it would send unanswered actions again after a reconnect, connect again every two seconds whatever
    happened and even when closed, log in for ever with a wrong password, ping without looking at the answer. The
    methods that do so are closed here, so that none of it can begin.
    """

    def connection_made(self, f: asyncio.Task[tuple[asyncio.Transport, Session]]) -> None:
        """Who called `connect` awaits the task and goes on from there."""

    def connection_lost(self, exc: object) -> None:
        """The link sees the end of its session itself."""

    def ping(self) -> None:
        """The link watches."""

    async def send_awaiting_actions(self, *_: object) -> None:
        """Nothing awaits."""

    def send_action(self, action: object, as_list: object = None, **kwargs: object) -> None:
        raise TypeError("actions go through Link.send")


@dataclass(slots=True, eq=False)
class _Pending:
    """An action whose bytes were handed to the transport. ``answer``: its outcome."""

    answer: asyncio.Future[Outcome]
    first: Message | None = None
    events: list[Message] = field(default_factory=list)

    def take(self, message: Message) -> bool:
        """Add one message with our ActionID; True when it was the last."""
        if message.is_response:
            self.first = message
            if message.success and message.get("EventList").lower() == "start":
                return False
        elif self.first is None:
            return False  # an event of the action, before its answer
        else:
            # The name says that the list is complete. A header EventList inside could be a caller's.
            self.events.append(message)
            if not message.name.endswith("Complete"):
                return False
        if not self.answer.done():
            self.answer.set_result(Answered(self.first, tuple(self.events)))
        return True


class Session(asyncio.Protocol):
    """One connection to Asterisk, from its banner to its end. Not to be used again."""

    def __init__(
        self,
        on_message: Callable[[Message, float], None],
        clock: Callable[[], float],
        on_bytes: Callable[[bytes, float], None] | None = None,
    ) -> None:
        """``on_bytes(data, received_at)`` gets the stream as it comes, before the messages that are made of it."""
        loop = asyncio.get_running_loop()
        self._on_message = on_message
        self._on_bytes = on_bytes
        self._clock = clock
        self._loop = loop
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._stuck = False
        self._dropped = 0
        self._pending: dict[str, _Pending] = {}
        self._asked: deque[str] = deque(maxlen=REMEMBERED)
        self.greeted: asyncio.Future[str] = loop.create_future()  # the banner, '' where it is none
        self.booted = asyncio.Event()
        self.ended: asyncio.Future[str] = loop.create_future()  # why
        self.last_heard = clock()
        self.heard = loop.time()

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=STUCK)
        _keep_alive(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        self.last_heard, self.heard = self._clock(), self._loop.time()
        if self._on_bytes is not None:
            self._on_bytes(data, self.last_heard)
        messages = self._decoder.feed(data)
        if self._decoder.greeted and not self.greeted.done():
            self.greeted.set_result(self._decoder.banner)
        if not self._decoder.banner:
            return
        for message in messages:
            self._take(message)
        if self._decoder.dropped != self._dropped:
            self._dropped = self._decoder.dropped
            log.warning("AMI: a block too long to be one was left out (%d so far)", self._dropped)

    def _take(self, message: Message) -> None:
        if not self._is_ours(message):
            log.warning("AMI: an answer to what was not asked was left out: %r", message.raw[:100])
            return
        try:
            self._on_message(message, self.last_heard)
        except Exception:
            log.exception("AMI: the reader of %s failed; going on", message.name or "a response")
        if message.name == "FullyBooted":
            self.booted.set()
        if self._pending:
            pending = self._pending.get(message.action_id)
            if pending is not None and pending.take(message):
                del self._pending[message.action_id]

    def _is_ours(self, message: Message) -> bool:
        """Answers carry the random name of what was asked, so that no caller can write one into the stream."""
        if not message.is_response and message.name not in LISTED:
            return True
        return message.action_id in self._pending or message.action_id in self._asked

    def pause_writing(self) -> None:
        self._stuck = True

    def resume_writing(self) -> None:
        self._stuck = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc else "closed by the other end")

    # --- our side

    @property
    def open(self) -> bool:
        return self._transport is not None and not self.ended.done() and not self._transport.is_closing()

    @property
    def waiting(self) -> int:
        """How many actions wait for their answers."""
        return len(self._pending)

    async def send(self, action: Action, timeout: float) -> Outcome:
        """Write the action once and wait for its whole answer, at most ``timeout`` seconds.

        ValueError for an Originate without ``Async: true``, which would hold up every other action meanwhile.
        """
        check(action)
        if not self.open or self._transport is None:
            return NotSent("the link is down")
        if self._stuck:
            return NotSent("the other end does not read")
        action_id = new_action_id()
        block = action.encode(action_id)
        self._asked.append(action_id)
        pending = self._pending[action_id] = _Pending(self._loop.create_future())
        try:
            self._transport.write(block)
            await asyncio.wait({pending.answer}, timeout=timeout)
            if pending.answer.done():
                return pending.answer.result()
            return Unknown(f"no answer to {action.name} within {timeout:g} s")
        finally:
            self._pending.pop(action_id, None)

    def close(self, why: str) -> None:
        """End at once. What was written and not answered is unknown."""
        self._end(why)
        if self._transport is not None:
            self._transport.abort()

    def _end(self, why: str) -> None:
        if self.ended.done():
            return
        self.ended.set_result(why)
        if not self.greeted.done():
            self.greeted.set_result("")
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_result(Unknown(f"the link broke before the answer: {why}"))
        self._pending.clear()


def check(action: Action) -> None:
    """ValueError for an action that must not be sent."""
    if action.name.lower() == "originate" and action.get("Async").lower() != "true":
        raise ValueError("Originate: the header 'Async: true' is missing")


def _keep_alive(sock: socket.socket) -> None:
    """Have the kernel ask too: it notices a dead peer also while this process is stopped."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):  # Linux has them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@dataclass(frozen=True, slots=True)
class Account:
    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    events: bool = True

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


async def open_session(account: Account, make: Callable[[], Session]) -> tuple[Session, str]:
    """A connection and its banner. ConnectionError if there is none, or what is there is no AMI."""
    made: list[Session] = []

    def factory() -> Session:
        made.append(make())
        return made[-1]

    manager = _Manager(host=account.host, port=account.port, protocol_factory=factory)
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            await manager.connect()
        async with asyncio.timeout(CONNECT_WITHIN):
            banner = await asyncio.shield(made[0].greeted)
        if made[0].ended.done():
            raise ConnectionError("it closed the connection before its banner")
        if not banner:
            raise ConnectionError("this is no AMI: it greets with something else")
    except BaseException as error:
        for session in made:
            session.close("not an AMI")
        if isinstance(error, TimeoutError):
            what = "this is no AMI: no banner" if made else "no connection"
            raise ConnectionError(f"AMI {account.place}: {what} within {CONNECT_WITHIN:g} s") from None
        if isinstance(error, OSError):
            raise ConnectionError(f"AMI {account.place}: {error.strerror or error}") from None
        raise
    return made[0], banner


async def log_in(account: Account, session: Session, within: float) -> None:
    """Say who we are, by an MD5 challenge where Asterisk gives one, so that the secret does not travel.

    Refused if Asterisk says no, ConnectionError if it says nothing.
    """
    headers = [("Username", account.username), ("Events", "on" if account.events else "off")]
    challenge = await session.send(Action("Challenge", [("AuthType", "MD5")]), within)
    if not isinstance(challenge, Answered):
        raise ConnectionError(f"AMI {account.place}: log-in of {account.username}: {challenge.why}")
    if challenge.message.success:
        digest = hashlib.md5((challenge.message.get("Challenge") + account.secret).encode(), usedforsecurity=False)
        headers += [("AuthType", "MD5"), ("Key", digest.hexdigest())]
    else:
        headers += [("Secret", account.secret)]
    answer = await session.send(Action("Login", headers), within)
    if not isinstance(answer, Answered):
        raise ConnectionError(f"AMI {account.place}: log-in of {account.username}: {answer.why}")
    if not answer.message.success:
        raise Refused(
            f"AMI {account.place} refused user {account.username}: {answer.message.get('Message')[:200]}; "
            "check username and secret here and in Asterisk's manager.conf, and its permit lines"
        )


async def log_in_once(
    host: str,
    port: int,
    username: str,
    secret: str,
    *,
    events: bool = False,
    on_message: Callable[[Message, float], None] = lambda message, at: None,
    answer_within: float = 10.0,
) -> Session:
    """A session that is logged in, for a verb that asks something and ends (``session.send``, ``session.close``).

    ConnectionError or Refused, each with one line to show.
    """
    account = Account(host, port, username, secret, events)
    session, _ = await open_session(account, lambda: Session(on_message, time.time))
    try:
        await log_in(account, session, answer_within)
    except BaseException:
        session.close("not logged in")
        raise
    return session
