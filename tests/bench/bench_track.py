"""How fast calls are followed beside bare panoramisk, and whether memory stays flat. Not a test: ``make bench``.

The stream is that of the recordings, over and over, each time with channels and moments of its own, as on a PBX
that has been busy for long. It is decoded, checked strictly and tracked, as the daemon does. The worth of it is the ratio;
the figures per second are the machine's.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bench_wire import TRANSCRIPTS, bare_panoramisk, chunks

from asterisk_missed.ami.wire import END, Decoder, Message
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.signs import VARIABLES
from asterisk_missed.calls.tracker import CallEnded, Tracker
from asterisk_missed.pbx.listening import PASSING, events

EVENTS = 45_000
ROUNDS = 5
CALLS = (10_000, 50_000, 100_000)

# What a round must not share with another: Uniqueids (1795412115.7) and times, which are seconds of one day, and serials
# of channel names (-0000004d). Bridges may: they end with their calls, but for the parking lot, which is one.
_MOMENT = re.compile(rb"\b1795(\d{6}\.\d+)")
_SERIAL = re.compile(rb"-[0-9a-f]([0-9a-f]{7})(?=[;\r])")


def once(only: Callable[[Message], bool] = lambda message: True) -> bytes:
    """All recordings, in the order of their time, without banners and answers."""
    streams = [path.read_bytes().partition(b"\r\n")[2] for path in TRANSCRIPTS.glob("*.ami")]
    blocks = [[m.raw for m in Decoder().feed(stream) if not m.is_response and only(m)] for stream in streams]
    blocks.sort(key=lambda recording: next(m[1] for block in recording if (m := _MOMENT.search(block))))
    return b"".join(block + END for recording in blocks for block in recording)


def heard(message: Message) -> bool:
    """Whether the product's AMI user is sent it (docs/install.md)."""
    if message.name == "VarSet":
        return message.get("Variable") in VARIABLES
    return message.name in events() and not (message.name == "Newexten" and message.get("Application") in PASSING)


def rounds(recordings: bytes) -> Iterator[bytes]:
    """The recordings over and over. A round is a million seconds later than the one before."""
    number = 0
    while True:
        epoch, serial = b"%d" % (1795 + number), b"-%x" % (number % 16)
        yield _SERIAL.sub(serial + rb"\1", _MOMENT.sub(epoch + rb"\1", recordings))
        number += 1


def stream(recordings: bytes) -> bytes:
    """Rounds until there are `EVENTS` events."""
    parts = []
    for part in rounds(recordings):
        parts.append(part)
        if len(parts) * part.count(END) >= EVENTS:
            break
    return b"".join(parts)


def reading(data: bytes) -> int:
    """No parsing: what it costs to look at every byte."""
    return sum(chunk.count(END) for chunk in chunks(data))


def decoded(data: bytes) -> int:
    """Blocks, strictly checked."""
    decoder, count = Decoder(), 0
    for chunk in chunks(data):
        for message in decoder.feed(chunk):
            count += message.faults == ()
    return count


class Followed:
    """A tracker, and how many calls it has judged."""

    def __init__(self) -> None:
        self.tracker = Tracker(Lines(["PJSIP/trunk-main"], ["1XX"]))
        self.decoder = Decoder()
        self.messages = self.calls = 0

    def feed(self, data: bytes) -> None:
        for chunk in chunks(data):
            for message in self.decoder.feed(chunk):
                self.messages += 1
                for happening in self.tracker.feed(message, 0.0):  # times are the stream's own
                    self.calls += isinstance(happening, CallEnded)


def tracked(data: bytes) -> int:
    """Decoded, checked, tracked, judged."""
    followed = Followed()
    followed.feed(data)
    assert followed.calls > 100, followed.calls
    return followed.messages


def speeds() -> dict[str, dict[str, float]]:
    """The median of each way, and how many times the speed of bare panoramisk that is."""
    full, filtered = stream(once()), stream(once(heard))
    # Of the filtered stream, how much of the PBX's whole stream an event stands for: that one is as long in calls.
    worth = once().count(END) / once(heard).count(END)
    ways: dict[str, tuple[Callable[[bytes], int], bytes, float]] = {
        "bare panoramisk, one * callback": (bare_panoramisk, full, 1.0),
        "reading without parsing": (reading, full, 1.0),
        "decoded, strictly checked": (decoded, full, 1.0),
        "decoded, checked, tracked": (tracked, full, 1.0),
        "the same, behind our filters": (tracked, filtered, worth),
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):  # in turn, so that a noisy machine is noisy for all
        for way, (run, data, _worth) in ways.items():
            gc.collect()
            started = time.perf_counter()
            count = run(data)
            found[way].append(count / (time.perf_counter() - started))
    base = statistics.median(found["bare panoramisk, one * callback"])
    per_call = once().count(END) / calls_of(once())
    table = {}
    for way, (_run, _data, share) in ways.items():
        median = statistics.median(found[way])
        table[way] = {
            "events_per_second": round(median),
            "calls_per_second": round(median * share / per_call),
            "ratio": round(median * share / base, 2),
        }
    return table


def calls_of(recordings: bytes) -> int:
    followed = Followed()
    followed.feed(recordings)
    return followed.calls


def memory(marks: tuple[int, ...]) -> list[dict[str, float]]:
    """The process' resident memory (MB) and what the tracker holds, after so many calls."""
    followed, measured = Followed(), []
    recordings = once(heard)
    for part in rounds(recordings):
        followed.feed(part)
        if followed.calls >= marks[len(measured)]:
            gc.collect()
            switch = followed.tracker.switch
            measured.append(
                {
                    "calls": followed.calls,
                    "resident_mb": round(resident() / 1e6, 1),
                    "channels": len(switch.channels),
                    "bridges": len(switch.bridges),
                }
            )
            if len(measured) == len(marks):
                break
    return measured


def resident() -> int:
    """Bytes. Source: proc(5), statm's second field, in pages."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--calls", type=int, default=CALLS[-1], help="calls of the memory test; 0: without it")
    words.add_argument("--json", type=Path, help="write the figures into this file too")
    asked = words.parse_args()
    logging.disable(logging.CRITICAL)
    table = speeds()
    print(f"{'':34} {'events/s':>12} {'calls/s':>9} {'x panoramisk':>13}")
    for way, row in table.items():
        print(f"{way:34} {row['events_per_second']:>12,} {row['calls_per_second']:>9,} {row['ratio']:>13.2f}")
    marks = tuple(m for m in CALLS if m < asked.calls) + ((asked.calls,) if asked.calls else ())
    measured = memory(marks) if marks else []
    for mark in measured:
        print(f"after {mark['calls']:>7,} calls {mark['resident_mb']:6.1f} MB, {mark['channels']} channels kept")
    figures = {"python": platform.python_version(), "speed": table, "memory": measured}
    text = json.dumps(figures, indent=1)
    if asked.json:
        asked.json.write_text(text + "\n")
    else:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
