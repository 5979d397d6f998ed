"""How fast the wire is beside bare panoramisk, in one run on one core. Not a test: ``python tests/bench/bench_wire.py``.

The stream is that of the recordings, many times over, in chunks as a socket gives them. The worth of it is the ratio;
the figures per second are the machine's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import panoramisk
from panoramisk.ami_protocol import AMIProtocol

from asterisk_missed.ami.wire import Decoder

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts"
CHUNK = 64 * 1024  # what asyncio reads at most at once is 256 KiB; a busy socket gives some tens
EVENTS = 45_000
ROUNDS = 5


def stream() -> bytes:
    """The recordings one after the other, without their banners, until there are `EVENTS` events."""
    bodies = [path.read_bytes().partition(b"\r\n")[2] for path in sorted(TRANSCRIPTS.glob("*.ami"))]
    once = b"".join(bodies)
    return once * max(1, EVENTS // once.count(b"\r\n\r\n"))


def chunks(data: bytes) -> Iterator[bytes]:
    return (data[i : i + CHUNK] for i in range(0, len(data), CHUNK))


def bare_panoramisk(data: bytes) -> int:
    """Its own protocol and one callback for every event, that does nothing but count."""
    count = 0

    def seen(_manager: object, _event: object) -> None:
        nonlocal count
        count += 1

    manager = panoramisk.Manager(loop=asyncio.new_event_loop())
    manager.register_event("*", seen)
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory, protocol.encoding = manager, "utf8"
    for chunk in chunks(data):
        protocol.data_received(chunk)
    manager.loop.run_until_complete(asyncio.sleep(0))  # its answer to FullyBooted
    manager.loop.close()
    return count


def wire(read: Callable[[object], object]) -> Callable[[bytes], int]:
    def run(data: bytes) -> int:
        decoder, count = Decoder(), 0
        for chunk in chunks(data):
            for message in decoder.feed(chunk):
                read(message)
                count += 1
        return count

    return run


def seconds_for_one_block(length: int) -> float:
    """A block that comes in pieces of 50 bytes: n squared would show here."""
    decoder, piece, started = Decoder(), b"x" * 50, time.perf_counter()
    for _ in range(length // len(piece)):
        decoder.feed(piece)
    return time.perf_counter() - started


WAYS: dict[str, Callable[[bytes], int]] = {
    "bare panoramisk, one * callback": bare_panoramisk,
    "wire, the event's name": wire(lambda message: message.name),  # type: ignore[attr-defined]
    "wire, one header": wire(lambda message: message.get("Uniqueid")),  # type: ignore[attr-defined]
    "wire, strict": wire(lambda message: message.faults),  # type: ignore[attr-defined]
}


def main() -> None:
    logging.disable(logging.CRITICAL)
    data = stream()
    speeds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):  # in turn, so that a noisy machine is noisy for all
        for way, run in WAYS.items():
            started = time.perf_counter()
            count = run(data)
            speeds[way].append(count / (time.perf_counter() - started))
    base = statistics.median(speeds["bare panoramisk, one * callback"])
    table = {way: (round(statistics.median(s)), statistics.median(s) / base) for way, s in speeds.items()}
    for way, (speed, ratio) in table.items():
        print(f"{way:34} {speed:>10,} /s {ratio:6.1f} x")
    short, long = (statistics.median(seconds_for_one_block(n) for _ in range(ROUNDS)) for n in (8_000, 240_000))
    print(f"a block 30 times as long in small pieces takes {long / short:.0f} times as long")
    print(json.dumps({way: {"per_second": speed, "ratio": round(ratio, 2)} for way, (speed, ratio) in table.items()}))


if __name__ == "__main__":
    main()
