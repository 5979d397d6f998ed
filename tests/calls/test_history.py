"""The verdict out of what Asterisk wrote down: files of real Asterisks (tests/history), and rows written as a call happens.

22.csv and 16.csv are the calls of tests/asterisk/test_history.py, at the end of which Asterisk was killed; *-shapes.csv are
of tests/asterisk/scenarios.py, with what AMI and the telephones said of each.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from asterisk_missed.calls.call import Contact, EndedCall
from asterisk_missed.calls.history import FORGOTTEN_AFTER, CelRow, History
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.tracker import CallEnded, ContactEnded
from asterisk_missed.pbx.witness import CelFile

FILES = Path(__file__).parent.parent / "history"
LINES = Lines(["PJSIP/trunk-main", "SIP/trunk-main"], ["1XX"])

Happened = list[CallEnded | ContactEnded]


def calls(happened: Happened) -> dict[str, EndedCall]:
    return {h.call.caller: h.call for h in happened if isinstance(h, CallEnded)}


def contacts(happened: Happened) -> list[Contact]:
    return [h.contact for h in happened if isinstance(h, ContactEnded)]


def judged(name: str) -> tuple[Happened, History]:
    history = History(LINES)
    return [h for row in CelFile(FILES / f"{name}.csv").rows() for h in history.feed(row)], history


# --- what real Asterisks wrote

# Caller -> answered by; else the queues, the extensions, where and how.
VERDICTS = {
    "79167770000": ((), ("112",), "extension", "abandoned"),
    "79167770001": ((), ("113",), "extension", "busy_or_declined"),
    "79167770002": ((), ("114",), "extension", "busy_or_declined"),
    "79167770003": ((), ("115",), "extension", "unreachable"),
    "79167770004": "111",
    "79167770005": "111",
    "79167770006": "121",
    "79167770007": ((), ("122", "123"), "ringgroup", "abandoned"),
    "79167770008": ((), (), "ivr", "abandoned"),
    "79167770009": (("n3",), (), "queue", "abandoned"),
    "79167770010": "131",
    "79167770011": (("nobody",), (), "queue", "join_empty"),
    "79167770012": ((), (), "voicemail", "unknown"),
    "79167770013": ((), (), "voicemail", "unknown"),
    "79167770014": ((), (), "direct", "announcement"),
    "79167770015": "152",
    "79167770016": "161",
    "79167770017": ((), ("162",), "extension", "abandoned"),
}


@pytest.fixture(params=["22", "16"])
def killed(request: pytest.FixtureRequest) -> tuple[Happened, History]:
    """A file at whose end Asterisk was killed."""
    return judged(request.param)


def test_every_call_of_the_file_is_judged_right(killed: tuple[Happened, History]) -> None:
    assert {number: verdict(call) for number, call in calls(killed[0]).items() if number} == VERDICTS


def verdict(call: EndedCall) -> object:
    if call.missed is None:
        return call.answered_by
    return (call.missed.queues, call.missed.extensions, call.lost_in, call.lost_how)


def test_the_did_is_what_was_dialled_first(killed: tuple[Happened, History]) -> None:
    dids = {number: call.did for number, call in calls(killed[0]).items()}
    assert (dids["79167770005"], dids["79167770008"]) == ("+74952000111", "74952002130")


def test_who_shows_no_number_cannot_be_called(killed: tuple[Happened, History]) -> None:
    assert [h.call.reason for h in killed[0] if isinstance(h, CallEnded) and not h.call.caller] == ["bad_number"] * 2


def test_an_employee_who_reached_a_client_is_a_contact(killed: tuple[Happened, History]) -> None:
    (contact,) = [c for c in contacts(killed[0]) if c.direction == "out"]
    assert (contact.number, contact.employee) == ("89160000501", "171")
    assert contact.talk == pytest.approx(5, abs=0.2)


def test_an_answered_call_is_a_contact_too(killed: tuple[Happened, History]) -> None:
    answered = {call.linkedid for call in calls(killed[0]).values() if call.answered}
    assert {c.uniqueid for c in contacts(killed[0]) if c.direction == "in"} == answered


class TestAKill:
    def test_loses_who_rang_and_who_waited(self, killed: tuple[Happened, History]) -> None:
        after = calls(killed[1].cut(frozenset(), 2e9))
        assert verdict(after["79168880001"]) == ((), ("112",), "restart", "restart")
        assert verdict(after["79168880003"]) == (("n3",), (), "restart", "restart")
        assert {call.reason for call in after.values()} == {None}

    def test_leaves_who_talked_answered(self, killed: tuple[Happened, History]) -> None:
        happened = killed[1].cut(frozenset(), 2e9)
        call = calls(happened)["79168880002"]
        assert (call.answered, call.answered_by, call.missed) == (True, "111", None)
        assert [c.employee for c in contacts(happened)] == ["111"]

    def test_is_put_at_the_last_row_of_the_call(self, killed: tuple[Happened, History]) -> None:
        first = killed[1].first_open()
        call = calls(killed[1].cut(frozenset(), 2e9))["79168880001"]
        assert 0 <= (call.ended_at - call.started_at).total_seconds() < 2 and first is not None

    def test_does_not_touch_who_lives(self, killed: tuple[Happened, History]) -> None:
        living = set(killed[1]._past.channels)
        assert killed[1].cut(living, 2e9) == [] and killed[1].first_open() is not None

    def test_leaves_nothing_behind(self, killed: tuple[Happened, History]) -> None:
        killed[1].cut(frozenset(), 2e9)
        past = killed[1]._past
        assert (killed[1].first_open(), past.channels, past.calls, past.traces, past.bridges) == (None, {}, {}, {}, {})


@pytest.mark.parametrize("name", ["22-shapes", "16-sip-shapes"])
class TestRareShapes:
    def test_are_judged_as_by_ami(self, name: str) -> None:
        found = calls(judged(name)[0])
        for number, true in json.loads((FILES / f"{name}.json").read_text()).items():
            call = found[number]
            missed = call.missed
            assert {
                "what": true["what"],
                "answered_by": call.answered_by,
                "queues": list(missed.queues) if missed else None,
                "extensions": sorted(missed.extensions) if missed else None,
                "lost_in": call.lost_in,
                "lost_how": call.lost_how,
            } == true

    def test_leave_nothing_behind(self, name: str) -> None:
        history = judged(name)[1]
        past = history._past
        assert (history.first_open(), past.channels, past.calls, past.bridges, past.attempts) == (None, {}, {}, {}, {})

    def test_have_no_contact_that_is_none(self, name: str) -> None:
        assert [c for c in contacts(judged(name)[0]) if c.direction == "out"] == []


@pytest.mark.parametrize("name", ["22", "16", "22-shapes"])
def test_read_on_from_the_first_open_call_it_says_the_same(name: str) -> None:
    """Cut anywhere: what was told before, and what is told from `first_open` on, is the whole."""
    rows = list(CelFile(FILES / f"{name}.csv").rows())
    whole = {h.call.linkedid: h.call for h in judged(name)[0] if isinstance(h, CallEnded)}
    for cut in range(0, len(rows), 61):
        before = History(LINES)
        told = {h.call.linkedid: h.call for row in rows[:cut] for h in before.feed(row) if isinstance(h, CallEnded)}
        open_ = before.first_open()
        begin = cut if open_ is None else next(i for i, row in enumerate(rows) if row.place == open_)
        after = History(LINES)
        told |= {h.call.linkedid: h.call for row in rows[begin:] for h in after.feed(row) if isinstance(h, CallEnded)}
        assert told == whole


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", ["22-shapes", "16-sip-shapes"])
def test_rows_that_were_lost_or_changed_places_break_nothing(name: str, seed: int) -> None:
    chance = random.Random(seed)
    rows = [row for row in CelFile(FILES / f"{name}.csv").rows() if chance.random() > chance.choice((0.02, 0.1, 0.5))]
    if seed % 2:
        chance.shuffle(rows)
    history = History(LINES)
    for row in rows:
        history.feed(row)
    history.cut(frozenset(), 2e9)
    past = history._past
    assert (history.first_open(), past.channels, past.calls, past.traces, past.bridges) == (None, {}, {}, {}, {})


# --- rows as a call happens

TRUNK = "PJSIP/trunk-main-00000001"


class Book:
    """Writes rows and has them judged. A channel is called by its Uniqueid."""

    def __init__(self, **options: object) -> None:
        self.history = History(LINES, **options)  # type: ignore[arg-type]
        self.at = 1_000_000.0
        self.names: dict[str, tuple[str, str]] = {}
        self.happened: Happened = []
        self.rows = 0

    def row(self, event: str, uniqueid: str, extra: Mapping[str, object] | None = None, **values: str) -> None:
        name, linkedid = self.names.get(uniqueid, (TRUNK, uniqueid))
        columns = {
            "linkedid": linkedid,
            "channel": name,
            "caller": "79160000001",
            "caller_name": "",
            "exten": "74951234567",
            "context": "from-trunk",
            "application": "",
            "data": "",
        } | values
        self.happened += self.history.feed(
            CelRow(event, self.at, uniqueid, extra=extra or {}, place=self.rows, **columns)
        )
        self.rows += 1

    def born(self, uniqueid: str, name: str = TRUNK, linked: str = "", **values: str) -> None:
        self.names[uniqueid] = (name, linked or uniqueid)
        self.row("CHAN_START", uniqueid, **values)

    def runs(self, uniqueid: str, application: str, data: str = "", **values: str) -> None:
        self.row("APP_START", uniqueid, application=application, data=data, **values)

    def ran(self, uniqueid: str, application: str, data: str = "", **values: str) -> None:
        self.row("APP_END", uniqueid, application=application, data=data, **values)

    def joins(self, bridge: str, *uniqueids: str, technology: str = "simple_bridge") -> None:
        for uniqueid in uniqueids:
            self.row("BRIDGE_ENTER", uniqueid, {"bridge_id": bridge, "bridge_technology": technology})

    def leaves(self, bridge: str, *uniqueids: str) -> None:
        for uniqueid in uniqueids:
            self.row("BRIDGE_EXIT", uniqueid, {"bridge_id": bridge, "bridge_technology": "simple_bridge"})

    def ends(self, *uniqueids: str, source: str = "", cause: int = 16) -> None:
        for uniqueid in uniqueids:
            extra = {"hangupcause": cause, "hangupsource": source or self.names[uniqueid][0], "dialstatus": ""}
            self.row("HANGUP", uniqueid, extra)

    def over(self, linkedid: str) -> None:
        self.row("LINKEDID_END", linkedid)

    def rings(self, caller: str, dest: str, name: str) -> None:
        self.born(dest, name, linked=self.names[caller][1], exten="s")

    def call(self) -> EndedCall:
        (call,) = [h.call for h in self.happened if isinstance(h, CallEnded)]
        return call


def test_a_call_is_judged_with_its_last_row() -> None:
    book = Book()
    book.born("T")
    book.runs("T", "Dial", "PJSIP/101,30")
    book.rings("T", "E", "PJSIP/101-00000002")
    book.at += 4.25
    book.ends("E", source="")
    book.ran("T", "Dial", "PJSIP/101,30")
    book.ends("T")
    assert book.happened == []
    book.over("T")
    call = book.call()
    assert (call.linkedid, call.caller, call.did, call.trunk) == ("T", "79160000001", "74951234567", "trunk-main")
    assert call.started_at == datetime.fromtimestamp(1_000_000, UTC) and call.wait == 4.2
    assert call.missed is not None and call.missed.extensions == ("101",)


def test_without_its_last_row_a_call_is_judged_a_second_later() -> None:
    book = Book()
    book.born("T")
    book.ends("T")
    book.at += 0.5
    book.born("other")
    assert book.happened == []
    book.at += 0.6
    book.born("another")
    assert book.call().linkedid == "T"


def test_a_talk_shorter_than_the_minimum_is_none() -> None:
    for seconds, answered in ((0.4, False), (1.1, True)):
        book = Book()
        book.born("T")
        book.runs("T", "Dial", "PJSIP/101,30")
        book.rings("T", "E", "PJSIP/101-00000002")
        book.joins("b", "E", "T")
        book.at += seconds
        book.leaves("b", "T", "E")
        book.ends("E", "T")
        book.over("T")
        assert book.call().answered is answered


def test_music_in_the_parking_lot_is_no_talk() -> None:
    book = Book()
    book.born("T")
    book.born("E", "PJSIP/101-00000002")
    book.joins("lot", "T", "E", technology="holding_bridge")
    book.at += 5
    book.ends("T", "E")
    book.over("T")
    assert not book.call().answered


class TestOfTwoQueuesInARow:
    """The second has no begin of its own: Asterisk writes one only where the application's name changes."""

    def book(self, limit: str) -> Book:
        book = Book()
        book.born("T")
        book.runs("T", "Queue", f"first,t,,,{limit}")
        book.rings("T", "E", "PJSIP/101-00000002")
        book.at += 10
        return book

    def test_both_are_missed(self) -> None:
        book = self.book("4")
        book.ran("T", "Queue", "second,t,,,60")
        book.ends("T")
        book.over("T")
        call = book.call()
        assert call.missed is not None and call.missed.queues == ("first", "second")
        assert call.queue_waits == {"first": 4.0, "second": 6.0}

    def test_the_second_answers(self) -> None:
        book = self.book("4")
        book.rings("T", "F", "PJSIP/102-00000003")
        book.row("BRIDGE_ENTER", "F", {"bridge_id": "b", "bridge_technology": "simple_bridge"})
        extra = {"bridge_id": "b", "bridge_technology": "simple_bridge"}
        book.row("BRIDGE_ENTER", "T", extra, application="Queue", data="second,t,,,60")
        book.at += 5
        book.ends("T", "F")
        book.over("T")
        call = book.call()
        assert (call.answered_by, call.queue_waits) == ("102", {"first": 4.0, "second": 6.0})


class TestAQueue:
    def test_that_lets_nobody_in_is_over_at_once(self) -> None:
        book = Book()
        book.born("T")
        book.runs("T", "Queue", "sales,t,,,60")
        book.at += 0.001
        book.ran("T", "Queue", "sales,t,,,60")
        book.ends("T", source="dialplan/builtin")
        book.over("T")
        assert (book.call().lost_in, book.call().lost_how) == ("queue", "join_empty")

    @pytest.mark.parametrize(
        ("exten", "data", "seconds", "how"),
        [
            ("9", "sales,t,,,60", 5, "left_by_key"),
            ("74951234567", "sales,t,,,60", 5, "left_empty"),
            ("74951234567", "sales,t,,,60", 60.4, "timed_out"),
            ("74951234567", "sales,tn,,,60", 5, "timed_out"),
            ("s", "sales", 5, "left_empty"),
        ],
    )
    def test_is_left_by_who_does_not_hang_up(self, exten: str, data: str, seconds: float, how: str) -> None:
        book = Book()
        book.born("T")
        book.runs("T", "Queue", data)
        book.rings("T", "E", "PJSIP/101-00000002")
        book.at += seconds
        book.ends("E", source="")
        book.ran("T", "Queue", data)
        book.names["T"] = (TRUNK, "T")
        book.row("HANGUP", "T", {"hangupcause": 16, "hangupsource": "dialplan/builtin"}, exten=exten)
        book.over("T")
        assert (book.call().lost_in, book.call().lost_how) == ("queue", how)

    def test_does_not_answer_by_a_members_voicemail(self) -> None:
        book = Book()
        book.born("T")
        book.runs("T", "Queue", "sales")
        book.rings("T", "L1", "Local/101@members-00000001;1")
        book.rings("T", "L2", "Local/101@members-00000001;2")
        book.runs("L2", "VoiceMail", "101")
        book.joins("b", "L1", "T")
        book.at += 9
        book.leaves("b", "T", "L1")
        book.ran("T", "Queue", "sales")
        book.ends("T", "L1", "L2")
        book.over("T")
        call = book.call()
        assert not call.answered and call.missed is not None and call.missed.queues == ("sales",)


class TestWhoIsNoCaller:
    def test_a_channel_that_was_originated(self) -> None:
        book = Book()
        book.born("O", exten="s")
        book.row("ANSWER", "O", application="AppDial2", data="(Outgoing Line)")
        book.runs("O", "Dial", "PJSIP/101,30")
        book.rings("O", "E", "PJSIP/101-00000002")
        book.joins("b", "E", "O")
        book.at += 5
        book.ends("O", "E")
        book.over("O")
        assert calls(book.happened) == {}

    def test_one_that_never_answered(self) -> None:
        book = Book()
        book.born("O", exten="s")
        book.row("HANGUP", "O", application="AppDial2", data="(Outgoing Line)")
        book.over("O")
        assert book.happened == []

    def test_our_own_callback(self) -> None:
        book = Book()
        book.born("missed-abc", "Local/101@missed-0-employee-00000001;1")
        book.born("missed-abc;2", "Local/101@missed-0-employee-00000001;2", linked="missed-abc")
        book.runs("missed-abc;2", "Dial", "PJSIP/101,30")
        book.rings("missed-abc", "E", "PJSIP/101-00000002")
        book.joins("b", "E", "missed-abc;2")
        book.runs("missed-abc", "Dial", "PJSIP/79160000002@trunk-main")
        book.rings("missed-abc", "O", "PJSIP/trunk-main-00000003")
        book.joins("c", "O", "missed-abc")
        book.at += 9
        book.ends("O", "missed-abc", "missed-abc;2", "E")
        book.over("missed-abc")
        past = book.history._past
        assert (book.happened, past.channels, past.attempts, past.attempt_of) == ([], {}, {}, {})

    def test_the_mobile_of_a_follow_me(self) -> None:
        book = Book()
        book.born("T")
        book.runs("T", "Dial", "Local/101@followme/n,60")
        book.rings("T", "L1", "Local/101@followme-00000001;1")
        book.rings("T", "L2", "Local/101@followme-00000001;2")
        book.runs("L2", "Dial", "PJSIP/79160000002@trunk-main,20")
        book.rings("T", "O", "PJSIP/trunk-main-00000003")
        book.joins("b", "O", "L2")
        book.joins("c", "L1", "T")
        book.at += 5
        book.ends("O", "L2", "L1", "T")
        book.over("T")
        assert book.call().answered_by == "101"
        assert [c.direction for c in contacts(book.happened)] == ["in"]


def test_the_rest_of_a_call_whose_begin_was_not_kept_is_no_call() -> None:
    book = Book()
    book.names |= {"T": (TRUNK, "T"), "E": ("PJSIP/101-00000002", "T")}
    book.joins("b", "E", "T")
    book.ends("T", "E")
    book.over("T")
    assert calls(book.happened) == {} and book.history.first_open() is None


def test_a_late_row_does_not_raise_the_dead() -> None:
    book = Book()
    book.born("T")
    book.ends("T")
    book.over("T")
    book.joins("b", "T")
    book.runs("T", "Dial", "PJSIP/101")
    assert book.history.first_open() is None


def test_the_first_open_call_is_where_to_read_on_from() -> None:
    book = Book()
    assert book.history.first_open() is None
    book.born("T")
    book.born("U", "PJSIP/trunk-main-00000002")
    assert book.history.first_open() == 0
    book.ends("T")
    book.over("T")
    assert book.history.first_open() == 1


class TestCut:
    def test_what_was_written_after_the_look_is_left(self) -> None:
        book = Book()
        book.born("T")
        assert book.history.cut(frozenset(), book.at - 1) == []
        assert book.history.first_open() == 0

    def test_what_has_ended_is_judged_at_once(self) -> None:
        book = Book()
        book.born("T")
        book.ends("T")
        (ended,) = book.history.cut(frozenset(), book.at)
        assert isinstance(ended, CallEnded) and ended.call.lost_in != "restart"

    def test_a_talk_that_was_cut_counts_however_short_its_rows_make_it(self) -> None:
        book = Book()
        book.born("T")
        book.runs("T", "Dial", "PJSIP/101,30")
        book.rings("T", "E", "PJSIP/101-00000002")
        book.joins("b", "E", "T")
        happened = book.history.cut(frozenset(), book.at + 60)
        assert calls(happened)["79160000001"].answered
        assert [c.employee for c in contacts(happened)] == ["101"]

    def test_who_lives_is_left_although_a_telephone_that_rang_for_him_is_gone(self) -> None:
        book = Book()
        book.born("T")
        book.runs("T", "Queue", "sales")
        book.rings("T", "E", "PJSIP/101-00000002")
        assert book.history.cut({"T"}, book.at + 60) == []
        book.at += 70
        book.ran("T", "Queue", "sales")
        book.ends("T")
        book.over("T")
        assert (book.call().lost_in, book.call().lost_how) == ("queue", "abandoned")


def test_a_call_without_an_end_is_forgotten_after_a_day() -> None:
    book = Book()
    book.born("T")
    book.runs("T", "Dial", "PJSIP/101,30")
    book.rings("T", "E", "PJSIP/101-00000002")
    book.joins("b", "E", "T")
    book.at += FORGOTTEN_AFTER + 1
    book.born("U", "PJSIP/trunk-main-00000002")
    past = book.history._past
    assert book.happened == [] and set(past.channels) == set(past.traces) == {"U"}
    assert book.history.first_open() == 5


def test_memory_is_that_of_the_calls_that_go_on() -> None:
    book = Book()
    for nth in range(7_000):
        book.born(f"T{nth}")
        book.runs(f"T{nth}", "Dial", "PJSIP/101,30")
        book.rings(f"T{nth}", f"E{nth}", "PJSIP/101-00000002")
        book.ends(f"E{nth}", f"T{nth}")
        book.over(f"T{nth}")
    past = book.history._past
    assert len(calls(book.happened)) == 1 and len([h for h in book.happened if isinstance(h, CallEnded)]) == 7_000
    assert past.channels == past.traces == past.calls == past.bridges == past._halves == {}
    assert len(past._buried) <= 5_000
