"""Callers whose number holds line ends: recorded calls, with such a number put in wherever Asterisk prints it."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asterisk_missed.ami.torn import Mender
from asterisk_missed.ami.wire import Decoder, Message
from asterisk_missed.calls.call import EndedCall
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.tracker import CallEnded, Tracker

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts"
LINES = Lines(["PJSIP/trunk-main"], ["1XX"])
LONGEST_NUMBER = 79  # bytes: chan_pjsip cuts there

# What a caller might put together, in pieces.
PIECES = (
    *(
        "\r\n",
        "\r\n\r\n",
        "\r\n\r\n\r\n",
        "\r",
        "\n",
        ": ",
        "1",
        "Event: Hangup",
        "Event: Newchannel",
        "Event: BridgeEnter",
    ),
    *(
        "Event: Shutdown",
        "Response: Success",
        "ActionID: am-0",
        "Uniqueid: 1",
        "Linkedid: 1",
        "Channel: PJSIP/101-00000001",
    ),
    *(
        "ChannelState: 6",
        "ChannelStateDesc: Up",
        "CallerIDNum: 1",
        "CallerIDName: x",
        "ConnectedLineName: x",
        "Exten: 1",
    ),
    *(
        "Event: CoreShowChannelsComplete",
        "Event: QueueStatusComplete",
        "DestChannel: SIP/1",
        "DestUniqueid: 1",
        "\x00",
        "é",
    ),
)
NAMES = (
    *("01-ext-caller-hangs-up", "05-ext-answers", "08-queue-abandon", "09-queue-answered", "13-queue-local-answered"),
    *("17-blind-transfer-unanswered", "18-attended-transfer-before-answer", "20-park-abandoned", "21-park-retrieved"),
)


@lru_cache
def recorded(name: str) -> bytes:
    return (TRANSCRIPTS / f"{name}.ami").read_bytes()


def judged(data: bytes) -> tuple[list[EndedCall], Tracker]:
    tracker = Tracker(LINES)
    happenings = [h for message in Decoder().feed(data) for h in tracker.feed(message, 0.0)]
    return [h.call for h in happenings + tracker.finish() if isinstance(h, CallEnded)], tracker


def verdicts(calls: list[EndedCall]) -> list[object]:
    return [(c.linkedid, c.did, c.answered, c.answered_by, c.wait, c.missed, c.lost_in, c.lost_how) for c in calls]


def with_number(data: bytes, number: bytes, everywhere: bool = False) -> bytes:
    """The recording, with its (one) client's number replaced wherever AMI prints it raw."""
    told = re.search(
        rb"trunk-main-[^\r]*\r\nChannelState: [^\r]*\r\nChannelStateDesc: [^\r]*\r\nCallerIDNum: ([0-9]+)", data
    )
    assert told is not None
    if everywhere:  # in what the dialplan prints of it, too
        return data.replace(told[1], number)
    raw = re.compile(rb"((?:CallerIDNum|ConnectedLineNum): )" + told[1] + rb"(?=\r\n)")
    return raw.sub(lambda found: found[1] + number, data)


def cut(pieces: list[str]) -> bytes:
    return "".join(pieces).encode()[:LONGEST_NUMBER]


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map(cut), st.booleans())
@example(NAMES[0], b"1\r\n\r\nEvent: Hangup\r\nUniqueid: 1\r\n\r\n", True)
@example(NAMES[0], b"1\r\n\r\nEvent: Hangup\r\nChannel: PJSIP/101-00000000\r\nUniqueid: 1", True)
@example(NAMES[1], b"79160010001\r\nfoo", False)
@example(NAMES[1], b"79160010001\r\n", False)
@example(NAMES[1], b"79160010001\r\n\r\n", False)
@example(NAMES[7], b"79160010001\r\nUniqueid: 1\r\nLinkedid: 1\r\n\r\nx", False)
@settings(deadline=None, max_examples=150)
def test_whatever_the_number_is_the_verdict_is_the_same(name: str, number: bytes, everywhere: bool) -> None:
    expected, _ = judged(recorded(name))
    calls, tracker = judged(with_number(recorded(name), number, everywhere))
    assert verdicts(calls) == verdicts(expected)
    assert tracker.switch.channels == {}


@pytest.mark.parametrize(
    "number", [b"79160010001\r\nfoo", b"79160010001\r\n", b"79160010001\r\n\r\n", b"\r\n79160010001"]
)
def test_a_torn_number_is_no_number(number: bytes) -> None:
    calls, _ = judged(with_number(recorded(NAMES[0]), number))
    assert [call.reason for call in calls] == ["bad_number"]
    assert all(call.caller.isprintable() for call in calls)


def test_a_recorded_stream_is_left_as_it_is() -> None:
    mender = Mender(lambda name, uniqueid: True)
    for path in TRANSCRIPTS.glob("*.ami"):
        messages = Decoder().feed(path.read_bytes())
        assert [whole for message in messages for whole in mender.take(message, 0.0)] == messages
    assert mender.dropped == 0


HEAD = "Event: Hangup\r\nPrivilege: call,all\r\nChannel: {name}\r\nChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: "
TAIL = (
    "\r\nCallerIDName: x\r\nConnectedLineNum: x\r\nConnectedLineName: x\r\nLanguage: en\r\nAccountCode: \r\nContext: c\r\n"
    "Exten: s\r\nPriority: 1\r\nUniqueid: {uniqueid}\r\nLinkedid: {uniqueid}\r\nCause: 16\r\nCause-txt: x"
)
OURS = {"PJSIP/trunk-main-1": "1.1", "PJSIP/101-1": "1.2"}


def belongs(name: str, uniqueid: str) -> bool:
    return OURS.get(name, uniqueid) == uniqueid and (uniqueid not in OURS.values() or OURS.get(name) == uniqueid)


def mended(*parts: str) -> tuple[list[Message], Mender]:
    mender, messages = Mender(belongs), Decoder().feed("".join(parts).encode() + b"\r\n\r\n")
    return [whole for message in messages for whole in mender.take(message, 0.0)], mender


def hangup(name: str, number: str) -> str:
    return HEAD.format(name=name) + number + TAIL.format(uniqueid=OURS[name])


def test_the_tail_of_another_channel_is_not_believed() -> None:
    forged = "1" + TAIL.format(uniqueid=OURS["PJSIP/101-1"]) + "\r\n\r\nx"
    messages, mender = mended(hangup("PJSIP/trunk-main-1", forged))
    assert [message.get("Uniqueid") for message in messages] == ["1.1"]
    assert mender.dropped == 1


def test_whole_events_between_head_and_tail_are_dropped_and_counted() -> None:
    forged = "1\r\n\r\nEvent: Shutdown\r\n\r\nResponse: Success\r\nCoreStartupTime: 1\r\n\r\n2"
    messages, mender = mended(hangup("PJSIP/trunk-main-1", forged))
    assert [(m.name, m.get("Uniqueid"), m.get("CallerIDNum")) for m in messages] == [
        ("Hangup", "1.1", forged.encode("unicode_escape").decode())
    ]
    assert mender.dropped == 3


def test_a_forged_head_swallows_nothing_of_asterisk() -> None:
    alone = HEAD.format(name="PJSIP/101-1") + "1"
    after = [hangup("PJSIP/trunk-main-1", "7"), hangup("PJSIP/101-1", "101")]
    messages, mender = mended("\r\n\r\n".join([alone, *after]))
    assert [m.get("Uniqueid") for m in messages] == ["1.1", "1.2"]
    assert mender.dropped == 1


def test_a_head_without_a_tail_is_given_up_in_time() -> None:
    mender = Mender(belongs)
    alone, other = (
        Message((HEAD.format(name="PJSIP/101-1") + "1").encode()),
        Message(hangup("PJSIP/trunk-main-1", "7").encode()),
    )
    assert list(mender.take(alone, 10.0)) == list(mender.take(other, 10.1)) == []
    assert list(mender.give_up(10.0)) == []
    assert list(mender.give_up(10.5)) == [other]


def test_a_head_without_a_tail_is_given_up_when_too_much_follows() -> None:
    many = [hangup("PJSIP/trunk-main-1", "7")] * 500
    messages, _ = mended("\r\n\r\n".join([HEAD.format(name="PJSIP/101-1") + "1", *many]))
    assert len(messages) == 500


def test_an_event_of_two_channels_may_be_torn_twice() -> None:
    data = recorded(NAMES[0])
    torn = with_number(data, b"1\r\n\r\n2")
    before, after = Decoder().feed(data), Mender(lambda name, uniqueid: True)
    mended = [whole for message in Decoder().feed(torn) for whole in after.take(message, 0.0)]
    assert [(m.name, m.get("Uniqueid"), m.get("DestUniqueid"), m.get("Cause")) for m in mended] == [
        (m.name, m.get("Uniqueid"), m.get("DestUniqueid"), m.get("Cause")) for m in before
    ]
