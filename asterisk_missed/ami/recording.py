"""A recording of what Asterisk sends: its bytes as they come, and beside them the time of each block.

Touches the network through the link, and the files that it writes; decides nothing about calls. Only what was received
is recorded: the log-in, which we send, is not. Callers' numbers are, so that the files are for their owner alone.

A pair of files for each connection. ``FILE.ami`` is the stream, banner included; ``FILE.times`` has a line for each
block: unix time, byte offset, length with the empty line that ends the block, first line. All is handed to the kernel as
it comes, the stream before its times: a recorder that is killed leaves a pair that can be read, and the last blocks of
the stream may lack their lines.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from .link import Link, log_in_once
from .session import Account
from .wire import END, EOL, LONGEST_BLOCK, Message

log = logging.getLogger(__name__)

FIRST_LINE = 200  # bytes of a block's first line that are kept; an event's name has some 40 at most
OWNER_ONLY = 0o600


class CannotWrite(Exception):
    """A file of the recording cannot be made or written: one line that says which, and why."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recording came to: its streams in their order, and how many blocks and bytes stand in them."""

    files: tuple[Path, ...]
    messages: int
    size: int


def pair(first: Path, number: int) -> tuple[Path, Path]:
    """Stream and times of the ``number``. connection, from 1 on: FILE.ami and FILE.times, FILE-2.ami and FILE-2.times."""
    stream = first if number == 1 else first.with_name(f"{first.stem}-{number}{first.suffix}")
    return stream, stream.with_suffix(".times")


def in_the_way(first: Path) -> Path | None:
    """A file that stands already where this recording, or a later connection of it, would be written."""
    return next((path for path in sorted(first.parent.glob("*")) if _belongs(first, path)), None)


def _belongs(first: Path, path: Path) -> bool:
    rest = path.stem.removeprefix(first.stem)
    numbered = rest[:1] == "-" and rest[1:].isascii() and rest[1:].isdigit()
    return path.suffix in (first.suffix, ".times") and (path.stem == first.stem or numbered)


def record(account: Account, first: Path) -> Recorded:
    """Record until SIGINT or SIGTERM; each connection into a pair of its own.

    ConnectionError or Refused when Asterisk cannot be reached, or does not let us in, to begin with: later it is waited
    for. CannotWrite ends the recording; what was written before is whole.
    """
    return asyncio.run(_record(account, first))


async def _record(account: Account, first: Path) -> Recorded:
    recorder = Recorder(first, lambda: link.close())
    link = Link(
        account.host,
        account.port,
        account.username,
        account.secret,
        on_message=recorder.message,
        on_up=lambda: None,
        on_down=lambda why: None,
        tap=recorder.connection,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, link.close)
    session = await log_in_once(account.host, account.port, account.username, account.secret)
    session.close("it was a try")
    try:
        await link.run()
    finally:
        recorder.close()
    if recorder.failure is not None:
        raise recorder.failure
    return recorder.recorded


class Recorder:
    """Writes what comes from each connection. ``stop`` is called when it cannot be written: see ``failure``."""

    def __init__(self, first: Path, stop: Callable[[], None]) -> None:
        self.failure: CannotWrite | None = None
        self._first = first
        self._stop = stop
        self._pair: _Pair | None = None
        self._held: list[tuple[bytes, float]] = []  # until we are let in: a connection that is not makes no files
        self._done = Recorded((), 0, 0)

    @property
    def recorded(self) -> Recorded:
        """What is in the files by now."""
        if self._pair is None:
            return self._done
        blocks = self._pair.blocks
        return Recorded(
            (*self._done.files, self._pair.stream), self._done.messages + blocks.count, self._done.size + blocks.length
        )

    def connection(self) -> Callable[[bytes, float], None]:
        """A connection begins: what takes its bytes."""
        self.close()
        return self._take

    def _take(self, data: bytes, at: float) -> None:
        if self._pair is None:
            self._held.append((data, at))
        else:
            written = self._pair.write
            self._safely(lambda: written(data, at))

    def message(self, message: Message, at: float) -> None:
        """A message was made of the bytes that came last. The first yes that is no challenge lets us in."""
        if self._held and message.success and "Challenge" not in message:
            self._safely(self._open)

    def _open(self) -> None:
        self._pair = _Pair(*pair(self._first, len(self._done.files) + 1))
        log.info("recording into %s, with its times in %s", self._pair.stream, self._pair.times.name)
        held, self._held = self._held, []
        for data, at in held:
            self._pair.write(data, at)

    def _safely(self, work: Callable[[], None]) -> None:
        """A recording that cannot be written ends: half a stream would look like the truth."""
        if self.failure is not None:
            return
        try:
            work()
        except OSError as error:
            self.failure = CannotWrite(f"{error.filename or self._first}: {error.strerror}")
            self._stop()

    def close(self) -> None:
        """The connection is over, and its pair complete."""
        self._done, self._held = self.recorded, []
        if self._pair is not None:
            self._pair.close()
            self._pair = None


class _Pair:
    """The two files of one connection, which must be new."""

    def __init__(self, stream: Path, times: Path) -> None:
        self.stream, self.times = stream, times
        self.blocks = Blocks()
        self._files = (_created(stream), _created(times))

    def write(self, data: bytes, at: float) -> None:
        lines = "".join(
            f"{at:.6f} {block.offset} {block.length} {block.first_line}\n" for block in self.blocks.feed(data)
        )
        for path, file, part in zip((self.stream, self.times), self._files, (data, lines.encode()), strict=True):
            _write(path, file, part)

    def close(self) -> None:
        for file in self._files:
            file.close()


def _created(path: Path) -> FileIO:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY)
    return FileIO(handle, "wb", closefd=True)


def _write(path: Path, file: FileIO, data: bytes) -> None:
    """All of it, into the kernel's hands. OSError names the file."""
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


@dataclass(frozen=True, slots=True)
class Block:
    """One block's place in the stream. ``length`` includes the empty line that ends it."""

    offset: int
    length: int
    first_line: str


class Blocks:
    """Finds where the blocks of a stream end, which begins with a banner. Unlike the decoder it passes over nothing.

    A block longer than `LONGEST_BLOCK` is told in pieces: readers take the stream in any cut.
    """

    def __init__(self) -> None:
        self.count = 0
        self.length = 0  # bytes of the stream
        self._begin = 0  # of the block that has begun
        self._rest = bytearray()  # its bytes so far

    def feed(self, data: bytes) -> list[Block]:
        """The blocks that end in ``data``, which goes on where the last left off."""
        seen = max(0, len(self._rest) - len(END) + 1)
        self._rest += data
        self.length += len(data)
        if not self._begin:  # the banner is a line by itself
            self._cut(self._rest.find(EOL) + len(EOL) if EOL in self._rest else 0)
            seen = 0
        blocks = list(self._ended(seen)) if self._begin else []
        self.count += len(blocks)
        return blocks

    def _ended(self, seen: int) -> Iterator[Block]:
        begin = 0
        while (end := self._rest.find(END, max(begin, seen))) >= 0:
            yield self._block(begin, end + len(END))
            begin = end + len(END)
        if len(self._rest) - begin > LONGEST_BLOCK:
            yield self._block(begin, len(self._rest))
            begin = len(self._rest)
        self._cut(begin)

    def _block(self, begin: int, end: int) -> Block:
        # Asterisk prints a line end too many after some events, which then stands at the beginning of the next block.
        line = bytes(self._rest[begin : min(end, begin + FIRST_LINE)]).lstrip(EOL).partition(EOL)[0]
        text = "".join(c if c.isprintable() else " " for c in line.decode("utf-8", "replace"))
        return Block(self._begin + begin, end - begin, text)

    def _cut(self, count: int) -> None:
        del self._rest[:count]
        self._begin += count
