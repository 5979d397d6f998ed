"""A link or session that is listened to: what a test needs to know all that it told, and when."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from fake_ami import Changes, FakeAmi

from asterisk_missed.ami.link import Link
from asterisk_missed.ami.wire import Action, Message

ORIGINATE = Action("Originate", [("Channel", "Local/1@x/n"), ("Async", "true")])


def played(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a test that is a coroutine; nothing may be left running after it."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        async def play() -> None:
            async with asyncio.timeout(30):
                await test(**fixtures)
            assert asyncio.all_tasks() <= {asyncio.current_task()}

        asyncio.run(play())

    return run


class Heard:
    """A link, and all that it told."""

    def __init__(self, changes: Changes, port: int, **options: Any) -> None:
        self.changes = changes
        self.messages: list[Message] = []
        self.times: list[float] = []
        self.ups = 0
        self.downs: list[str] = []
        self.fails_at: str | None = None
        options = {"pauses": (0.01,), "ping_every": 60.0, "answer_within": 5.0, **options}
        self.link = Link(
            "127.0.0.1", port, "missed", options.pop("secret", "secret"),
            on_message=self._message, on_up=self._up, on_down=self._down, **options,
        )  # fmt: skip

    def _message(self, message: Message, at: float) -> None:
        self.messages.append(message)
        self.times.append(at)
        self.changes.touch()
        if self.fails_at == message.name:
            raise RuntimeError("the reader's own fault")

    def _up(self) -> None:
        self.ups += 1
        self.changes.touch()

    def _down(self, why: str) -> None:
        self.downs.append(why)
        self.changes.touch()

    def names(self) -> list[str]:
        return [message.name for message in self.messages]

    async def until_up(self, times: int = 1) -> None:
        await self.changes.until(lambda: self.ups >= times and self.link.up, f"up for the {times}. time")

    async def until_heard(self, name: str) -> None:
        await self.changes.until(lambda: name in self.names(), name)


@asynccontextmanager
async def linked(ami: FakeAmi, **options: Any) -> AsyncIterator[Heard]:
    heard = Heard(ami.changes, ami.port, **options)
    running = asyncio.create_task(heard.link.run())
    try:
        yield heard
    finally:
        heard.link.close()
        await running


@contextmanager
def logged(changes: Changes) -> Iterator[list[logging.LogRecord]]:
    """What the room logs, as it is logged."""
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)
            changes.touch()

    room, keep = logging.getLogger("asterisk_missed.ami"), Keep()
    room.addHandler(keep)
    try:
        yield records
    finally:
        room.removeHandler(keep)


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
