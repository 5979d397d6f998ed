"""Calls of real Asterisks (sip: 16 with chan_sip; pjsip: 22) that are easy to misjudge, cut out of the streams they were in."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_missed.ami.wire import Decoder
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.tracker import CallEnded, Tracker

RECORDED = Path(__file__).parent.parent / "recorded"

# recording -> answered by, extensions that missed it, where and how it was lost.
CALLS = {
    "sip-refer-to-an-unregistered-telephone": ("141", ("145",), "transfer", "unreachable"),
    "sip-refer-out-of-a-queue-to-an-unregistered-telephone": ("181", ("185",), "transfer", "unreachable"),
    "sip-transfer-by-digits-to-an-unregistered-telephone": ("171", ("175",), "transfer", "unreachable"),
    "sip-transfer-by-digits-and-hung-up-before-the-answer": ("141", ("143",), "transfer", "abandoned"),
    "sip-refer-to-a-mobile-in-vain": ("111", (), "transfer", "abandoned"),
    "sip-forwarded-to-a-colleague-in-vain": (None, ("191", "193"), "extension", "abandoned"),
    "pjsip-trunk-lost-in-a-queue": (None, (), "queue", "trunk_lost"),
}


def test_every_recording_is_judged() -> None:
    assert {path.stem for path in RECORDED.glob("*.ami")} == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_the_verdict(name: str) -> None:
    tracker = Tracker(Lines(["SIP/trunk-main", "PJSIP/trunk-main"], ["1XX"]))
    messages = Decoder().feed((RECORDED / f"{name}.ami").read_bytes())
    happenings = [h for message in messages for h in tracker.feed(message, 0.0)] + tracker.finish()
    (call,) = [h.call for h in happenings if isinstance(h, CallEnded)]
    assert call.missed is not None
    assert (call.answered_by, call.missed.extensions, call.lost_in, call.lost_how) == CALLS[name]
    assert tracker.switch.channels == {}
