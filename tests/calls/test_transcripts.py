"""Recorded calls of a real Asterisk, with the truth written from what the telephones were made to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asterisk_missed.ami.wire import Decoder
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.tracker import CallEnded, ContactEnded, Happening, Tracker

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts"
LINES = Lines(["PJSIP/trunk-main"], ["1XX"])

# A telephone reacts within half a second of what it was told to do.
WAIT_TOLERANCE = 0.5


def replayed(name: str) -> tuple[list[Happening], Tracker]:
    """What the tracker makes of a recording, and the tracker when the stream has ended."""
    data = (TRANSCRIPTS / f"{name}.ami").read_bytes()
    tracker, decoder, happenings = Tracker(LINES), Decoder(), []
    for line in (TRANSCRIPTS / f"{name}.times").read_text().splitlines():
        at, offset, length = line.split()[:3]
        for message in decoder.feed(data[int(offset) : int(offset) + int(length)]):
            happenings += tracker.feed(message, float(at))
    return happenings + tracker.finish(), tracker


NAMES = sorted(path.stem for path in TRANSCRIPTS.glob("*.ami"))


def test_all_recordings_are_there() -> None:
    assert len(NAMES) == 36


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_the_truth(name: str) -> None:
    truth = json.loads((TRANSCRIPTS / f"{name}.json").read_text())
    calls = sorted((h.call for h in replayed(name)[0] if isinstance(h, CallEnded)), key=lambda call: call.started_at)
    assert [c.caller for c in calls] == [expected["caller"] for expected in truth["calls"]]
    for call, expected in zip(calls, truth["calls"], strict=True):
        assert (call.answered, call.answered_by) == (expected["answered"], expected["answered_by"])
        assert call.did.lstrip("+") == expected["did"].lstrip("+")
        assert call.wait == pytest.approx(expected["wait"], abs=WAIT_TOLERANCE)
        assert (call.missed is None) == (expected["missed"] is None)
        if call.missed is not None:
            assert call.missed.trunk == expected["missed"]["trunk"]
            assert list(call.missed.queues) == expected["missed"]["queues"]
            if expected["missed"]["extensions"] != "not judged here":
                assert sorted(call.missed.extensions) == expected["missed"]["extensions"]


@pytest.mark.parametrize("name", NAMES)
def test_contacts_outward_are_the_truth(name: str) -> None:
    truth = json.loads((TRANSCRIPTS / f"{name}.json").read_text())
    contacts = [h.contact for h in replayed(name)[0] if isinstance(h, ContactEnded) and h.contact.direction == "out"]
    assert [(f"+{c.number}", c.employee) for c in contacts] == [
        (expected["number"], expected["employee"]) for expected in truth["outgoing_contacts"]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_kept_when_all_calls_are_over(name: str) -> None:
    tracker = replayed(name)[1]
    assert tracker.switch.channels == {} and tracker.switch.attempts == {}


LOST = {
    "01-ext-caller-hangs-up": ("extension", "abandoned"),
    "03-ext-busy": ("extension", "busy_or_declined"),
    "03b-ext-declines": ("extension", "busy_or_declined"),
    "04-ext-not-registered": ("extension", "unreachable"),
    "07-ringgroup-none": ("ringgroup", "no_answer"),
    "08-queue-abandon": ("queue", "abandoned"),
    "10-queue-timeout-voicemail": ("voicemail", "message_left"),
    "12-queue-joinempty": ("queue", "join_empty"),
    "15-ivr-hangup": ("ivr", "abandoned"),
    "17-blind-transfer-unanswered": ("transfer", "no_answer"),
    "20-park-abandoned": ("parking", "gave_up"),
}


@pytest.mark.parametrize(("name", "lost"), LOST.items())
def test_the_place_and_the_way_of_the_loss_are_kept(name: str, lost: tuple[str, str]) -> None:
    (call,) = [h.call for h in replayed(name)[0] if isinstance(h, CallEnded)]
    assert (call.lost_in, call.lost_how) == lost


def test_a_caller_without_a_number_cannot_be_called() -> None:
    calls = [h.call for h in replayed("27-anonymous-missed")[0] if isinstance(h, CallEnded)]
    assert [call.reason for call in calls] == ["bad_number", "bad_number"]


def test_the_name_of_the_caller_keeps_its_letters() -> None:
    (call,) = [h.call for h in replayed("39-cyrillic-name")[0] if isinstance(h, CallEnded)]
    assert call.caller_name.isprintable() and not call.caller_name.isascii()
