"""What holds for every recorded call, however its events are mixed, lost or surrounded by garbage."""

from __future__ import annotations

import json
import re
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_missed.ami.wire import Decoder, Message
from asterisk_missed.calls.call import EndedCall
from asterisk_missed.calls.signs import SIGNS
from asterisk_missed.calls.tracker import CallEnded, Happening, Tracker

from .test_transcripts import LINES, NAMES, TRANSCRIPTS

Timed = tuple[float, Message]
_SERIAL = re.compile(rb"-0([0-9a-f]{7})")


@lru_cache
def events(name: str, second: bool = False) -> tuple[Timed, ...]:
    """A recording as (seconds from its begin, message); ``second``: with channel names of its own, as a PBX would give."""
    data = (TRANSCRIPTS / f"{name}.ami").read_bytes()
    timed = []
    for line in (TRANSCRIPTS / f"{name}.times").read_text().splitlines():
        at, offset, length = line.split()[:3]
        block = data[int(offset) : int(offset) + int(length)].removesuffix(b"\r\n\r\n")
        block = re.sub(rb"\r\nTimestamp: [^\r]*", b"", block)
        timed.append((float(at), Message(_SERIAL.sub(rb"-1\1", block) if second else block)))
    return tuple((at - timed[0][0], message) for at, message in timed)


def judged(timed: list[Timed] | tuple[Timed, ...]) -> tuple[list[EndedCall], Tracker]:
    tracker = Tracker(LINES)
    happenings: list[Happening] = []
    for at, message in timed:
        happenings += tracker.feed(message, 1000 + at)
    return [h.call for h in happenings + tracker.finish() if isinstance(h, CallEnded)], tracker


def verdict(call: EndedCall) -> tuple[object, ...]:
    return (call.linkedid, call.answered, call.answered_by, call.missed, call.lost_in, call.lost_how, call.reason)


@given(st.sampled_from(NAMES), st.sampled_from(NAMES), st.floats(0, 15))
@settings(deadline=None, max_examples=150)
def test_two_calls_at_once_have_the_verdicts_of_each_alone(one: str, two: str, later: float) -> None:
    if one == two:
        return
    alone = {verdict(call) for name in (one, two) for call in judged(events(name))[0]}
    both = [*events(one), *((at + later, message) for at, message in events(two, second=True))]
    calls, tracker = judged(sorted(both, key=lambda timed: timed[0]))
    assert {verdict(call) for call in calls} == alone
    assert tracker.switch.channels == {}


@pytest.mark.parametrize("name", NAMES)
def test_no_event_that_is_lost_makes_an_answer_of_a_miss(name: str) -> None:
    truth = json.loads((TRANSCRIPTS / f"{name}.json").read_text())
    answered = sum(1 for call in truth["calls"] if call["answered"])
    recorded = [timed for timed in events(name) if timed[1].name in SIGNS]
    for lost in range(len(recorded)):
        calls, _ = judged(recorded[:lost] + recorded[lost + 1 :])
        assert sum(1 for call in calls if call.answered) <= answered, recorded[lost][1].raw


@given(st.sampled_from(NAMES), st.data())
@settings(deadline=None, max_examples=60)
def test_a_stream_that_begins_anywhere_is_followed(name: str, data: st.DataObject) -> None:
    truth = json.loads((TRANSCRIPTS / f"{name}.json").read_text())
    begin = data.draw(st.integers(0, len(events(name))))
    calls, _ = judged(events(name)[begin:])
    assert sum(1 for call in calls if call.answered) <= sum(1 for call in truth["calls"] if call["answered"])


garbage = st.binary(min_size=1, max_size=60).filter(
    lambda b: b"\r\n" not in b and not b.startswith((b"Event", b"Response"))
)


@given(st.sampled_from(NAMES), st.lists(garbage, min_size=1, max_size=5), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_garbage_between_blocks_is_survived_and_counted(name: str, pieces: list[bytes], random: object) -> None:
    data = (TRANSCRIPTS / f"{name}.ami").read_bytes()
    blocks = data.split(b"\r\n\r\n")
    for piece in pieces:
        blocks.insert(random.randint(1, len(blocks) - 1), piece)  # type: ignore[attr-defined]
    expected, dirty = Tracker(LINES), Tracker(LINES)
    clean = [h for m in Decoder().feed(data) for h in expected.feed(m, 0.0)] + expected.finish()
    survived = [h for m in Decoder().feed(b"\r\n\r\n".join(blocks)) for h in dirty.feed(m, 0.0)] + dirty.finish()
    assert survived == clean
    assert dirty.dropped == len(pieces)
