"""Calls of which there is no recording."""

from __future__ import annotations

import pytest

from asterisk_missed.ami.wire import Decoder, Message
from asterisk_missed.calls.tracker import AttemptOver, AttemptTalks, CallEnded, ContactBegan, ContactEnded, Tracker
from calls.tape import TRUNK, Tape
from calls.test_transcripts import LINES, TRANSCRIPTS


class TestWhoIsAPerson:
    def test_a_voicemail_behind_a_queue_member_is_none(self) -> None:
        tape = Tape()
        tape.calls()
        tape.say("QueueCallerJoin", tape._snapshot("T"), Queue="sales", Position="1", Count="1")
        tape.rings("T", "L1", "Local/101@internal-00000001;1")
        tape.channel("L2", "Local/101@internal-00000001;2", "4", "T")
        tape.rung_out("T", "L1", "ANSWER")
        tape.joins("b", "T", "L1")  # L2 runs VoiceMail
        tape.wait(10)
        tape.hangs_up("L1", "L2", "T")
        (call,) = tape.ended()
        assert (call.answered, call.missed and call.missed.queues) == (False, ("sales",))

    @pytest.mark.parametrize(
        "bot", ["UnicastRTP/127.0.0.1:1-0x7f", "AudioSocket/x-00f1", "WebSocket/m-0001", "CBAnn/c-01;2"]
    )
    def test_a_bot_or_an_announcer_is_none(self, bot: str) -> None:
        tape = Tape()
        tape.calls()
        tape.channel("B", bot, "6")
        tape.joins("b", "T", "B", technology="softmix")
        tape.wait(10)
        tape.hangs_up("B", "T")
        assert [call.answered for call in tape.ended()] == [False]

    def test_two_who_are_parked_do_not_hear_each_other(self) -> None:
        tape = Tape()
        tape.calls("T")
        tape.calls("U", "PJSIP/trunk-main-00000002")
        tape.joins("lot", "T", "U", technology="holding_bridge", type_="parking")
        tape.wait(10)
        tape.hangs_up("T", "U")
        assert [call.answered for call in tape.ended()] == [False, False]

    def test_over_two_local_channels_he_is_heard(self) -> None:
        tape = Tape()
        tape.calls()
        tape.rings("T", "L1", "Local/101@internal-00000001;1")
        tape.channel("L2", "Local/101@internal-00000001;2", "4", "T")
        tape.rings("L2", "E", "PJSIP/101-00000002")
        tape.joins("b", "L2", "E")
        tape.joins("c", "T", "L1")
        tape.wait(10)
        tape.hangs_up("E", "L2", "L1", "T")
        (call,) = tape.ended()
        assert (call.answered, call.answered_by, call.missed) == (True, "101", None)


class TestTalk:
    @pytest.mark.parametrize(("seconds", "answered"), [(0.3, False), (0.9, False), (1.0, True)])
    def test_it_counts_from_the_minimum_on(self, seconds: float, answered: bool) -> None:
        tape = Tape()
        tape.calls()
        tape.rings("T", "E", "PJSIP/101-00000002")
        tape.joins("b", "T", "E")
        tape.wait(seconds)
        tape.hangs_up("E", "T")
        assert [call.answered for call in tape.ended()] == [answered]
        assert any(isinstance(h, ContactEnded) for h in tape.happened) == answered

    def test_contact_is_told_as_soon_as_it_is_made(self) -> None:
        tape = Tape()
        tape.calls()
        tape.rings("T", "E", "PJSIP/101-00000002")
        tape.joins("b", "T", "E")
        tape.wait(0.9)
        assert not tape.happened
        tape.wait(0.2)
        (began,) = tape.happened
        assert isinstance(began, ContactBegan) and (began.contact.employee, began.contact.talk) == ("101", None)

    def test_who_was_lost_after_an_answer_is_missed_or_not_as_the_config_says(self) -> None:
        for lost_after_answer in (True, False):
            tape = Tape(lost_after_answer=lost_after_answer)
            tape.calls()
            tape.rings("T", "E", "PJSIP/101-00000002")
            tape.joins("b", "T", "E")
            tape.wait(5)
            tape.hangs_up("E")
            tape.rings("T", "F", "PJSIP/103-00000003")
            tape.wait(5)
            tape.hangs_up("F", "T")
            (call,) = tape.ended()
            assert call.answered and (call.missed is not None) == lost_after_answer
            assert call.lost_in == ("transfer" if lost_after_answer else None)


class TestChanSip:
    def test_a_call_that_is_born_down_and_rings_in_later_is_inbound(self) -> None:
        tape = Tape()
        tape.channel("T", "SIP/trunk-main-00000001", "0")
        tape.state("T", "4")
        tape.wait(3)
        tape.hangs_up("T")
        (call,) = tape.ended()
        assert (call.did, call.trunk, call.lost_in) == ("74951234567", "trunk-main", "direct")

    def test_a_call_outward_is_not(self) -> None:
        tape = Tape()
        tape.channel("E", "SIP/101-00000001", "4")
        tape.rings("E", "O", "SIP/trunk-main-00000002", "trunk-main/79160000001")
        tape.state("O", "5")
        tape.hangs_up("O", "E")
        assert tape.ended() == [] and tape.tracker.switch.channels == {}


class TestTheLinkWasAway:
    def test_who_is_gone_afterwards_is_missed_but_unconfirmed(self) -> None:
        tape = Tape()
        tape.calls()
        tape.wait(4)
        tape.tracker.link_lost(tape.at)
        tape.wait(30)
        tape.shown()
        (call,) = tape.ended()
        assert (call.reason, call.lost_how, call.wait) == ("unconfirmed", "unknown", 4.0)

    def test_who_talked_before_it_was_answered(self) -> None:
        tape = Tape()
        tape.calls()
        tape.rings("T", "E", "PJSIP/101-00000002")
        tape.joins("b", "T", "E")
        tape.wait(4)
        tape.tracker.link_lost(tape.at)
        tape.wait(30)
        tape.shown()
        assert [(call.answered, call.missed) for call in tape.ended()] == [(True, None)]

    def test_who_is_still_there_is_judged_when_he_ends(self) -> None:
        tape = Tape()
        tape.calls()
        tape.wait(4)
        tape.tracker.link_lost(tape.at)
        tape.wait(30)
        tape.shown("T")
        assert tape.ended() == []
        tape.hangs_up("T")
        (call,) = tape.ended()
        assert (call.reason, call.missed is not None, call.did) == (None, True, "74951234567")

    def test_who_came_in_meanwhile_is_judged_without_his_did(self) -> None:
        tape = Tape()
        tape.names["T"] = TRUNK
        tape.shown("T", duration="00:01:05")
        tape.wait(5)
        tape.hangs_up("T")
        (call,) = tape.ended()
        assert (call.did, call.missed and call.missed.did, call.wait) == ("", None, 70.0)

    def test_his_did_can_be_asked_for_and_what_is_no_number_is_not_believed(self) -> None:
        tape = Tape()
        tape.names["T"] = TRUNK
        tape.shown("T")
        assert tape.tracker.half_known() == ["T"]
        tape.tracker.learn("T", did="s;rm", caller="")
        tape.tracker.learn("T", did="74951234567", caller="79161234567")
        assert tape.tracker.half_known() == [] and list(tape.tracker.live_numbers()) == ["79161234567"]
        tape.hangs_up("T")
        assert [call.did for call in tape.ended()] == ["74951234567"]

    def test_who_talks_when_it_is_back_is_answered(self) -> None:
        tape = Tape()
        tape.names |= {"T": TRUNK, "E": "PJSIP/101-00000002"}
        tape.linked["E"] = "T"
        tape.list_begins()
        tape.listed(
            "CoreShowChannel",
            tape._snapshot("T"),
            BridgeId="b",
            Application="Dial",
            ApplicationData="",
            Duration="00:00:30",
        )
        tape.listed(
            "CoreShowChannel",
            tape._snapshot("E"),
            BridgeId="b",
            Application="AppDial",
            ApplicationData="",
            Duration="00:00:30",
        )
        tape.listed("CoreShowChannelsComplete")
        tape.listed("BridgeListComplete")
        tape.wait(0.3)  # he may have talked for long before
        tape.hangs_up("E", "T")
        assert [(call.answered, call.answered_by) for call in tape.ended()] == [(True, "101")]

    def test_a_restart_of_asterisk_under_a_caller_is_a_miss(self) -> None:
        tape = Tape()
        tape.booted("09:00:00")
        tape.calls()
        tape.wait(4)
        tape.tracker.link_lost(tape.at)
        tape.wait(10)
        tape.booted("12:00:00")
        tape.shown()
        (call,) = tape.ended()
        assert (call.lost_in, call.lost_how, call.reason) == ("restart", "restart", None)

    def test_who_was_answered_in_the_gap_is_not_missed_by_his_queue(self) -> None:
        tape = Tape()
        tape.calls()
        tape.say("QueueCallerJoin", tape._snapshot("T"), Queue="sales", Position="1", Count="1")
        tape.wait(4)
        tape.tracker.link_lost(tape.at)
        tape.wait(30)
        tape.channel("E", "PJSIP/101-00000002", "6", "T")
        tape.shown("T", "E", bridge="b")
        tape.wait(5)
        tape.hangs_up("E", "T")
        assert [(call.answered, call.missed) for call in tape.ended()] == [(True, None)]

    def test_who_is_parked_when_we_come_hears_nobody(self) -> None:
        tape = Tape()
        tape.names |= {"T": TRUNK, "U": "PJSIP/trunk-main-00000002"}
        tape.list_begins()
        for caller in ("T", "U"):
            line = {"BridgeId": "lot", "Application": "Park", "ApplicationData": "", "Duration": "00:00:30"}
            tape.listed("CoreShowChannel", tape._snapshot(caller), line)
        tape.listed("CoreShowChannelsComplete")
        tape.listed("BridgeListItem", BridgeUniqueid="lot", BridgeType="parking", BridgeTechnology="holding_bridge")
        tape.listed("BridgeListComplete")
        tape.wait(5)
        tape.hangs_up("T", "U")
        assert [call.answered for call in tape.ended()] == [False, False]

    def test_who_has_left_his_bridge_in_the_gap_talks_no_more(self) -> None:
        tape = Tape()
        tape.calls()
        tape.rings("T", "E", "PJSIP/101-00000002")
        tape.joins("b", "T", "E")
        tape.wait(5)
        tape.tracker.link_lost(tape.at)
        tape.wait(10)
        tape.shown("T", "E")
        (talk,) = tape.tracker.switch.channels["T"].talks
        assert talk.ended is not None

    def test_a_talk_that_the_gap_cut_short_is_not_told_as_a_contact(self) -> None:
        tape = Tape()
        tape.calls()
        tape.rings("T", "E", "PJSIP/101-00000002")
        tape.joins("b", "T", "E")
        tape.wait(0.2)
        tape.tracker.link_lost(tape.at)
        tape.wait(30)
        assert tape.happened == []


class TestTheClock:
    def test_that_is_put_back_holds_no_verdict_up(self) -> None:
        tape = Tape()
        tape.calls()
        tape.wait(3)
        tape.hangs_up("T")
        tape.wait(-3600)
        assert len(tape.ended()) == 1

    def test_a_late_event_does_not_raise_the_dead(self) -> None:
        tape = Tape()
        tape.calls()
        tape.hangs_up("T")
        tape.ended()
        tape.state("T", "6")
        assert tape.tracker.live_numbers() == {}


class TestOurOwnCallbacks:
    ID = "missed-0011223344556677"

    def test_are_neither_calls_nor_contacts_and_are_told_by_their_id(self) -> None:
        tape = Tape()
        one, two = self.ID, f"{self.ID};2"
        tape.channel(one, "Local/s@missed-sales-employee-00000001;1", "0", Context="missed-sales-employee")
        tape.channel(two, "Local/s@missed-sales-employee-00000001;2", "4", one, Context="missed-sales-employee")
        tape.rings(two, "E", "PJSIP/101-00000002")
        tape.state("E", "6")
        tape.joins("b", "E", two)
        tape.contexts[one] = "missed-sales-client"  # where it goes on when the employee has answered
        tape.rings(one, "O", "PJSIP/trunk-main-00000003", "79160000001@trunk-main")
        assert tape.tracker.follows(self.ID) and list(tape.tracker.live_numbers()) == ["79160000001"]
        tape.state("O", "6")
        tape.joins("c", "O", one)
        tape.wait(5)
        tape.hangs_up("O", one, two, "E")
        assert tape.ended() == []
        talks, over = tape.happened
        assert isinstance(talks, AttemptTalks) and (talks.channel_id, talks.employee) == (self.ID, "101")
        assert isinstance(over, AttemptOver) and (over.attempt.employee, over.attempt.talk) == ("101", 5.0)
        assert not tape.tracker.follows(self.ID) and tape.tracker.switch.channels == {}

    def test_are_no_contacts_either_when_the_clients_channel_ends_last(self) -> None:
        tape = Tape()
        one, two = self.ID, f"{self.ID};2"
        tape.channel(one, "Local/s@missed-sales-employee-00000001;1", "0", Context="missed-sales-employee")
        tape.channel(two, "Local/s@missed-sales-employee-00000001;2", "4", one, Context="missed-sales-employee")
        tape.rings(two, "E", "PJSIP/101-00000002")
        tape.contexts[one] = "missed-sales-client"
        tape.rings(one, "O", "PJSIP/trunk-main-00000003", "79160000001@trunk-main")
        tape.joins("b", "E", two)
        tape.joins("c", "O", one)
        tape.wait(5)
        tape.hangs_up(one, two, "E")
        tape.wait(0.5)
        tape.hangs_up("O")
        tape.wait(5)
        assert [type(happening) for happening in tape.happened] == [AttemptTalks, AttemptOver]

    def test_an_employees_mobile_is_not_taken_for_the_client(self) -> None:
        tape = Tape()
        one, two = self.ID, f"{self.ID};2"
        tape.channel(one, "Local/7@missed-sales-client-00000001;1", "0", Context="missed-sales")
        tape.channel(two, "Local/7@missed-sales-client-00000001;2", "4", one)
        tape.contexts |= {two: "missed-sales-client", one: "missed-sales"}
        tape.rings(two, "O", "PJSIP/trunk-main-00000002", "79160000001@trunk-main")
        tape.state("O", "6")
        tape.rings(one, "M", "PJSIP/trunk-main-00000003", "79165550101@trunk-main")
        tape.wait(5)
        tape.hangs_up("M", "O", two, one)
        tape.ended()
        (over,) = tape.happened
        assert isinstance(over, AttemptOver) and over.attempt.client is not None
        assert (over.attempt.client.who, over.attempt.client.answered_at is not None) == ("79160000001", True)
        assert [leg.who for leg in over.attempt.employees] == ["79165550101"]

    def test_whoever_rings_in_meanwhile_is_on_the_line(self) -> None:
        tape = Tape()
        tape.calls(CallerIDNum="79169999999")
        assert list(tape.tracker.live_numbers()) == ["79169999999"]
        tape.hangs_up("T")
        assert list(tape.tracker.live_numbers()) == ["79169999999"], "his call is not judged yet"
        tape.tracker.finish()
        assert tape.tracker.live_numbers() == {}


RECORDED = [
    "06-ringgroup-answered",
    "08-queue-abandon",
    "17-blind-transfer-unanswered",
    "19-pickup",
    "40-attended-transfer",
]


@pytest.mark.parametrize("name", RECORDED)
def test_any_one_event_may_be_missing(name: str) -> None:
    """It may cost a verdict its exactness, but nothing falls over, and no bridge means no answer."""
    messages = Decoder().feed((TRANSCRIPTS / f"{name}.ami").read_bytes())
    wanted = [m for m in messages if m.name not in ("TestEvent", "DeviceStateChange", "RTCPSent")]

    def judged(stream: list[Message]) -> list[bool]:
        tracker = Tracker(LINES)
        happened = [h for message in stream for h in tracker.feed(message, 0.0)] + tracker.finish()
        return [h.call.answered for h in happened if isinstance(h, CallEnded)]

    whole = judged(wanted)
    for place, left_out in enumerate(wanted):
        without = judged(wanted[:place] + wanted[place + 1 :])
        if whole == [False] and without and left_out.name != "Newchannel":
            assert without == [False]


def test_a_clock_that_is_put_back_in_the_middle_of_a_talk_does_not_undo_it() -> None:
    tape = Tape()
    tape.calls("T")
    tape.rings("T", "101", "PJSIP/101-00000002")
    tape.joins("b", "101", "T")
    tape.wait(10)
    tape.at -= 60
    tape.wait(20)
    tape.hangs_up("101", "T")
    (call,) = tape.ended()
    assert (call.answered, call.answered_by, call.missed) == (True, "101", None)


def test_a_channel_that_two_callbacks_claim_keeps_neither_of_them_going() -> None:
    tape = Tape()
    tape.rings(None, "missed-a", "Local/101@missed-x-employee-00000001;1")
    tape.rings(None, "missed-b", "Local/102@missed-x-employee-00000002;1")
    tape.linked["missed-a"] = "missed-b"  # their talks were joined: the older Linkedid is that of all
    tape.rings("missed-a", "105", "PJSIP/105-00000003")
    tape.hangs_up("missed-a")
    tape.wait(5)
    tape.hangs_up("105", "missed-b")
    tape.wait(5)
    assert {h.attempt.channel_id for h in tape.happened if isinstance(h, AttemptOver)} == {"missed-a", "missed-b"}
    assert not tape.tracker.follows("missed-a") and not tape.tracker.follows("missed-b")


def test_a_recording_that_ends_behind_a_torn_event_is_judged_to_its_end() -> None:
    tape = Tape()
    tape.calls("T")
    tape._feed(
        {"Event": "Newstate", "Channel": "PJSIP/trunk-main-00000009", "ChannelState": "4", "ChannelStateDesc": "Ring"}
    )
    tape.hangs_up("T")
    assert [h.call.linkedid for h in tape.tracker.finish() if isinstance(h, CallEnded)] == ["T"]
