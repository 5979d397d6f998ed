"""The verdict out of call detail records and the queues' log, where there is no CEL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from asterisk_missed.calls.call import Contact, EndedCall
from asterisk_missed.calls.cdr import CdrRow, QueueEntry, calls_of
from asterisk_missed.calls.lines import Lines

LINES = Lines(["PJSIP/trunk-main"], ["1XX"])
TRUNK = "PJSIP/trunk-main-00000001"
AT = 1_000_000.0


def row(dstchannel: str = "", application: str = "Dial", data: str = "", **values: Any) -> CdrRow:
    """A record of a client's call."""
    known: dict[str, Any] = {
        "start": AT,
        "src": "79160000001",
        "name": "Anna",
        "dst": "74951234567",
        "channel": TRUNK,
        "duration": 10.0,
        "billsec": 0.0,
        "disposition": "NO ANSWER",
        "uniqueid": "1.1",
    }
    return CdrRow(dstchannel=dstchannel, application=application, data=data, **(known | values))


def answered(dstchannel: str, application: str = "Dial", data: str = "", billsec: float = 8.0, **values: Any) -> CdrRow:
    return row(dstchannel, application, data, billsec=billsec, disposition="ANSWERED", **values)


def log(*verbs: str, queue: str = "sales", **talk: float) -> list[QueueEntry]:
    """The queues' log of the call, a second between two lines."""
    return [QueueEntry(AT + at, "1.1", queue, "NONE", verb, talk.get(verb)) for at, verb in enumerate(verbs)]


def the_call(*rows: CdrRow, queue_log: list[QueueEntry] | None = None, min_talk: float = 1.0) -> EndedCall:
    (call,) = [f for f in calls_of(rows, queue_log, LINES, min_talk) if isinstance(f, EndedCall)]
    return call


def missed_by(call: EndedCall) -> tuple[object, ...]:
    assert call.missed is not None and not call.answered
    return (call.missed.queues, call.missed.extensions, call.lost_in, call.lost_how)


# --- answered


def test_an_extension_that_answered() -> None:
    found = calls_of([answered("PJSIP/101-00000002", data="PJSIP/101,30")], None, LINES, 1.0)
    call = next(f for f in found if isinstance(f, EndedCall))
    assert (call.linkedid, call.caller, call.did, call.trunk) == ("1.1", "79160000001", "74951234567", "trunk-main")
    assert (call.answered, call.answered_by, call.wait, call.missed) == (True, "101", 2.0, None)
    assert call.ended_at == datetime.fromtimestamp(AT + 10, UTC)
    (contact,) = [f for f in found if isinstance(f, Contact)]
    assert (contact.uniqueid, contact.direction, contact.employee, contact.talk) == ("1.1", "in", "101", 8.0)


def test_the_winner_of_a_ring_group() -> None:
    rows = [row("PJSIP/101-00000002", data="PJSIP/101&PJSIP/102"), answered("PJSIP/102-00000003")]
    assert the_call(*rows).answered_by == "102"


def test_an_extension_behind_a_local_channel() -> None:
    rows = [
        answered("Local/101@internal-00000001;1", data="Local/101@internal/n"),
        answered("PJSIP/101-00000002", channel="Local/101@internal-00000001;2", uniqueid="1.2"),
    ]
    assert the_call(*rows).answered_by == "101"


def test_the_mobile_of_a_follow_me_answers_for_its_extension() -> None:
    rows = [
        answered("Local/101@followme-00000001;1"),
        row("PJSIP/101-00000002", channel="Local/101@followme-00000001;2", uniqueid="1.2"),
        answered(
            "PJSIP/trunk-main-00000003", "Dial", "PJSIP/79160000101@trunk-main", channel="Local/101@followme-00000001;2"
        ),
    ]
    assert the_call(*rows).answered_by == "101"


def test_a_number_outside() -> None:
    assert (
        the_call(answered("PJSIP/trunk-main-00000003", data="PJSIP/79160000101@trunk-main,30")).answered_by
        == "79160000101"
    )


# --- not answered, whatever the record says


@pytest.mark.parametrize(
    ("record", "lost"),
    [
        (answered("", "VoiceMail", "101@default"), ("voicemail", "unknown")),
        (answered("", "BackGround", "menu"), ("ivr", "abandoned")),
        (answered("", "Playback", "closed"), ("direct", "announcement")),
        (answered("", "Hangup"), ("unknown", "unknown")),
        (answered("", "ConfBridge", "1"), ("unknown", "unknown")),
        (answered("", "Park", "default:701"), ("parking", "unknown")),
        (row("", data="PJSIP/105,30", disposition="FAILED"), ("extension", "unreachable")),
        (row("PJSIP/103-00000002", data="PJSIP/103,30", disposition="BUSY"), ("extension", "busy_or_declined")),
        (row("PJSIP/102-00000002", data="PJSIP/102,30"), ("extension", "unknown")),
        (row("PJSIP/102-00000002", data="PJSIP/102&PJSIP/103,30", disposition="BUSY"), ("ringgroup", "unknown")),
    ],
)
def test_a_record_without_a_person_is_a_missed_call(record: CdrRow, lost: tuple[str, str]) -> None:
    assert missed_by(the_call(record))[2:] == lost


def test_what_only_hung_up_does_not_hide_where_he_was_lost() -> None:
    rows = [row("PJSIP/103-00000002", data="PJSIP/103,30", disposition="BUSY"), row("", "Hangup", start=AT + 1)]
    assert missed_by(the_call(*rows)) == ((), ("103",), "extension", "busy_or_declined")


def test_a_talk_shorter_than_the_minimum_is_none() -> None:
    assert not the_call(answered("PJSIP/101-00000002", billsec=1.0), min_talk=2.0).answered


def test_a_local_channel_that_runs_voicemail_is_nobody() -> None:
    rows = [
        answered("Local/101@members-00000001;1", "Queue", "sales"),
        answered("", "VoiceMail", "101", channel="Local/101@members-00000001;2", uniqueid="1.2"),
    ]
    assert not the_call(*rows, queue_log=log("ENTERQUEUE", "CONNECT", "COMPLETECALLER")).answered


def test_what_follow_me_asked_for_is_not_known() -> None:
    call = the_call(answered("Local/101@internal-00000001;1", "FollowMe", "101"))
    assert (call.answered, call.reason) == (False, "unconfirmed")


# --- queues


def test_a_queue_answers_only_where_its_log_says_so() -> None:
    record = answered("PJSIP/101-00000002", "Queue", "sales,t,,,60")
    assert the_call(record, queue_log=log("ENTERQUEUE", "CONNECT")).answered
    assert not the_call(record, queue_log=log("ENTERQUEUE", "ABANDON")).answered
    assert not the_call(record, queue_log=log("ENTERQUEUE", "CONNECT", "COMPLETEAGENT", COMPLETEAGENT=0.0)).answered
    assert not the_call(record, queue_log=[]).answered
    assert the_call(record, queue_log=None).answered


def test_who_waited_in_a_queue_waited_until_the_log_connected_him() -> None:
    call = the_call(
        answered("PJSIP/101-00000002", "Queue", "sales", billsec=10.0),
        queue_log=log("ENTERQUEUE", "RINGNOANSWER", "CONNECT"),
    )
    assert (call.wait, call.queue_waits) == (2.0, {"sales": 2.0})


@pytest.mark.parametrize(
    ("verb", "how"),
    [
        ("ABANDON", "abandoned"),
        ("EXITWITHTIMEOUT", "timed_out"),
        ("EXITEMPTY", "left_empty"),
        ("EXITWITHKEY", "left_by_key"),
        ("RINGNOANSWER", "unknown"),
    ],
)
def test_how_a_queue_lost_him_stands_in_its_log(verb: str, how: str) -> None:
    call = the_call(row("PJSIP/101-00000002", "Queue", "sales,t"), queue_log=log("ENTERQUEUE", verb))
    assert missed_by(call) == (("sales",), (), "queue", how)


def test_every_queue_that_he_waited_in_missed_him() -> None:
    entries = [*log("ENTERQUEUE", "EXITWITHTIMEOUT"), *log("ENTERQUEUE", "ABANDON", queue="support")]
    call = the_call(row("PJSIP/101-00000002", "Queue", "sales"), queue_log=entries)
    assert call.missed is not None and call.missed.queues == ("sales", "support")


def test_without_a_uniqueid_the_queues_log_says_nothing() -> None:
    record = answered("PJSIP/101-00000002", "Queue", "sales", uniqueid="")
    assert the_call(record, queue_log=log("ENTERQUEUE", "ABANDON")).answered


# --- what is one call


def test_all_rows_of_a_uniqueid_are_one_call() -> None:
    rows = [row("PJSIP/101-00000002", data="PJSIP/101"), row("PJSIP/102-00000003", data="PJSIP/102", start=AT + 20)]
    assert missed_by(the_call(*rows))[1] == ("101", "102")


def test_without_uniqueids_it_is_what_one_channel_did_without_a_pause() -> None:
    rows = [
        row("PJSIP/101-00000002", data="PJSIP/101", uniqueid=""),
        row("PJSIP/102-00000003", data="PJSIP/102", uniqueid="", start=AT + 10),
        row("PJSIP/103-00000004", data="PJSIP/103", uniqueid="", start=AT + 500),
    ]
    found = [f for f in calls_of(rows, None, LINES, 1.0) if isinstance(f, EndedCall)]
    assert [f.linkedid for f in found] == [f"cdr-1000000-{TRUNK}", f"cdr-1000500-{TRUNK}"]
    assert [f.missed and f.missed.extensions for f in found] == [("101", "102"), ("103",)]


def test_the_same_rows_in_another_order_are_the_same_calls() -> None:
    rows = [
        row("PJSIP/101-00000002", data="PJSIP/101", uniqueid=""),
        answered("PJSIP/102-00000003", data="PJSIP/102", uniqueid="", start=AT + 10),
        row("PJSIP/103-00000004", channel="PJSIP/trunk-main-00000009", uniqueid="2.1", start=AT + 3),
    ]
    assert calls_of(rows, None, LINES, 1.0) == calls_of(rows[::-1], None, LINES, 1.0)


@pytest.mark.parametrize(
    "record",
    [
        row("PJSIP/101-00000002", uniqueid="missed-abc"),
        row("PJSIP/101-00000002", linkedid="missed-abc"),
        row("", "AppDial2", "(Outgoing Line)"),
        row("PJSIP/102-00000002", channel="PJSIP/101-00000001"),
        row("PJSIP/102-00000002", channel="Local/101@internal-00000001;2"),
    ],
)
def test_what_is_no_clients_call(record: CdrRow) -> None:
    assert calls_of([record], None, LINES, 1.0) == []


# --- what it cannot know


@pytest.mark.parametrize(
    ("dst", "did"), [("s", ""), ("101", ""), ("74951234567", "74951234567"), ("+74951234567", "+74951234567")]
)
def test_the_did_is_known_where_he_was_not_sent_on(dst: str, did: str) -> None:
    call = the_call(row("PJSIP/101-00000002", dst=dst))
    assert call.did == did and call.missed is not None and call.missed.did == (did or None)


def test_a_column_did_is_believed() -> None:
    assert the_call(row(dst="s", did="74951234567")).did == "74951234567"


@pytest.mark.parametrize("src", ["", "anonymous", "7916<script>", "7916\n000"])
def test_a_number_that_is_none_cannot_be_called(src: str) -> None:
    assert the_call(row(src=src)).reason == "bad_number"


# --- contacts


def test_an_employee_who_reached_a_client() -> None:
    record = answered(
        "PJSIP/trunk-main-00000002",
        data="PJSIP/79160000002@trunk-main,60",
        channel="PJSIP/101-00000001",
        dst="89160000002",
    )
    (contact,) = calls_of([record], None, LINES, 1.0)
    assert isinstance(contact, Contact)
    assert (contact.number, contact.direction, contact.employee, contact.talk) == ("79160000002", "out", "101", 8.0)
    assert contact.at == datetime.fromtimestamp(AT + 2, UTC)


def test_an_employee_who_reached_nobody_is_no_contact() -> None:
    assert calls_of([row("PJSIP/trunk-main-00000002", channel="PJSIP/101-00000001")], None, LINES, 1.0) == []
