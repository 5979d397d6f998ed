"""What is true of calls that went on, ended or began while nobody listened."""

from __future__ import annotations

import pytest

from asterisk_missed.calls.tracker import ContactEnded

from .tape import Tape


def params(completed: int, abandoned: int = 0, taken: int = 0) -> list[dict[str, str]]:
    """What QueueStatus says of the queue `sales` and its member 101."""
    return [
        {"Event": "QueueParams", "Queue": "sales", "Completed": str(completed), "Abandoned": str(abandoned)},
        {"Event": "QueueMember", "Queue": "sales", "Location": "PJSIP/101", "CallsTaken": str(taken)},
    ]


def waiting(*callers: str, completed: int = 5) -> Tape:
    """Callers in the queue `sales`, whose counters are known; 10 s later the link is lost."""
    tape = Tape()
    tape.queues(*params(completed, 2, completed))
    for place, caller in enumerate(callers):
        tape.calls(caller, f"PJSIP/trunk-main-0000000{place}")
        tape.say("QueueCallerJoin", tape._snapshot(caller), Queue="sales", Position="1", Count="1")
    tape.wait(10)
    tape.tracker.link_lost(tape.at)
    tape.wait(60)
    return tape


class TestWhoWaitedInAQueueWhenTheLinkWasLost:
    def test_was_answered_if_the_queue_has_counted_one_more(self) -> None:
        tape = waiting("T")
        tape.shown(queues=params(6, 2, 6))
        (call,) = tape.ended()
        assert (call.answered, call.answered_by, call.missed, call.reason) == (True, "101", None, None)
        assert [(h.contact.number, h.contact.employee, h.contact.talk) for h in contacts(tape)] == [
            ("79160000001", "101", None)
        ]

    @pytest.mark.parametrize(
        ("completed", "abandoned"), [(5, 2), (5, 3), (6, 3), (0, 0)], ids=["none", "lost", "either", "counted anew"]
    )
    def test_is_unconfirmed_if_the_queue_leaves_a_doubt(self, completed: int, abandoned: int) -> None:
        tape = waiting("T")
        tape.shown(queues=params(completed, abandoned, completed))
        (call,) = tape.ended()
        assert (call.answered, call.reason, call.lost_in, call.lost_how) == (False, "unconfirmed", "queue", "unknown")
        assert call.missed is not None and call.missed.queues == ("sales",)

    def test_of_two_both_are_unconfirmed_when_one_was_answered(self) -> None:
        tape = waiting("T", "U")
        tape.shown(queues=params(6, 2, 6))
        assert [call.reason for call in tape.ended()] == ["unconfirmed", "unconfirmed"]

    def test_of_two_both_were_answered_when_two_were_counted(self) -> None:
        tape = waiting("T", "U")
        tape.shown(queues=params(7, 2, 7))
        assert [(call.answered, call.answered_by) for call in tape.ended()] == [(True, None), (True, None)]

    def test_waits_on_if_the_queue_lists_him(self) -> None:
        tape = waiting("T")
        entry = {"Event": "QueueEntry", "Queue": "sales", "Uniqueid": "T", "Channel": tape.names["T"], "Wait": "70"}
        tape.shown("T", queues=[*params(5, 2, 5), entry])
        assert tape.ended() == []
        tape.say("QueueCallerLeave", tape._snapshot("T"), Queue="sales", Position="1", Count="0")
        tape.hangs_up("T")
        (call,) = tape.ended()
        assert call.queue_waits == {"sales": pytest.approx(75, abs=1)}

    def test_what_the_queue_counts_before_our_eyes_is_not_counted_twice(self) -> None:
        tape = waiting("T")
        tape.shown("T", queues=params(5, 2, 5))
        tape.say("AgentComplete", Queue="sales", Interface="PJSIP/101")
        tape.tracker.link_lost(tape.at)
        tape.shown(queues=params(6, 2, 6))
        assert [call.reason for call in tape.ended()] == ["unconfirmed"]


class TestAsteriskBootedInTheGap:
    def test_as_it_says_itself_first_of_all(self) -> None:
        tape = waiting("T")
        tape.say("FullyBooted", Uptime="20", Status="Fully Booted")
        tape.shown()
        assert [(call.lost_in, call.lost_how, call.reason) for call in tape.ended()] == [("restart", "restart", None)]

    def test_it_did_not_if_it_is_up_for_longer(self) -> None:
        tape = waiting("T")
        tape.say("FullyBooted", Uptime="3600", Status="Fully Booted")
        tape.shown()
        assert [call.reason for call in tape.ended()] == ["unconfirmed"]

    def test_what_is_said_of_it_later_is_not_believed(self) -> None:
        tape = waiting("T")
        tape.calls("U", "PJSIP/trunk-main-00000009")
        tape.say("FullyBooted", Uptime="0", Status="Fully Booted")
        tape.shown("T", "U")
        assert tape.ended() == []

    def test_who_came_in_after_it_is_not_lost_by_it(self) -> None:
        tape = Tape()
        tape.booted("09:00:00")
        tape.calls("T")
        tape.wait(5)
        tape.tracker.link_lost(tape.at)
        tape.wait(30)
        tape.calls("U", "PJSIP/trunk-main-00000009")
        tape.booted("12:00:00")
        tape.shown("U")
        assert [(call.linkedid, call.lost_in) for call in tape.ended()] == [("T", "restart")]


class TestAHangupIsLostOnTheWay:
    def test_who_is_absent_from_two_lists_has_ended(self) -> None:
        tape = Tape()
        tape.calls("T")
        tape.wait(5)
        tape.shown()
        assert tape.ended() == []  # his Hangup may be on its way
        tape.wait(55)
        tape.shown()
        assert [call.reason for call in tape.ended()] == ["unconfirmed"]

    def test_who_is_back_in_the_second_list_has_not(self) -> None:
        tape = Tape()
        tape.calls("T")
        for shown in ((), ("T",), ()):
            tape.wait(5)
            tape.shown(*shown)
        assert tape.ended() == []


@pytest.mark.parametrize("gap", [False, True], ids=["the first list", "after a gap"])
def test_who_enters_a_bridge_while_the_lists_are_told_is_in_it(gap: bool) -> None:
    tape = Tape()
    if gap:
        tape.tracker.link_lost(tape.at)
    tape.calls()
    tape.rings("T", "E", "PJSIP/101-00000002")
    tape.list_begins()
    for channel in ("T", "E"):
        line = {"BridgeId": "", "Application": "Dial", "ApplicationData": "", "Duration": "00:00:10"}
        tape.listed("CoreShowChannel", tape._snapshot(channel), line)
    tape.listed("CoreShowChannelsComplete")
    tape.joins("b", "T", "E")
    tape.listed("BridgeListComplete")
    tape.queues()
    tape.wait(5)
    tape.hangs_up("E", "T")
    assert [call.answered_by for call in tape.ended()] == ["101"]


def test_who_leaves_a_bridge_while_the_lists_are_told_is_not_put_into_it() -> None:
    tape = Tape()
    tape.names |= {"T": "PJSIP/trunk-main-00000001", "E": "PJSIP/101-00000002"}
    tape.list_begins()
    for channel in ("T", "E"):
        line = {"BridgeId": "b", "Application": "Dial", "ApplicationData": "", "Duration": "00:00:10"}
        tape.listed("CoreShowChannel", tape._snapshot(channel), line)
    tape.listed("CoreShowChannelsComplete")
    for channel in ("T", "E"):
        tape.say("BridgeLeave", {"BridgeUniqueid": "b"}, tape._snapshot(channel))
    tape.listed("BridgeListComplete")
    assert all(channel.bridge is None for channel in tape.tracker.switch.channels.values())


def test_nobody_is_judged_before_all_lists_are_there() -> None:
    tape = waiting("T")
    tape.list_begins()
    tape.listed("CoreShowChannelsComplete")
    tape.wait(2)
    assert tape.happened == []
    tape.queues(*params(6, 2, 6))
    assert [call.answered for call in tape.ended()] == [True]


def test_a_pbx_that_tells_no_queues_is_not_waited_for_long() -> None:
    tape = waiting("T")
    tape.list_begins()
    tape.listed("CoreShowChannelsComplete")
    tape.wait(20)
    assert [call.reason for call in tape.ended()] == ["unconfirmed"]


def test_a_pbx_that_refuses_its_lists_is_judged_by_what_is_heard() -> None:
    tape = waiting("T")
    tape.tracker.state_taken()
    tape.calls("U", "PJSIP/trunk-main-00000009")
    tape.hangs_up("U")
    assert [call.linkedid for call in tape.ended()] == ["U"]


def test_a_second_connection_that_tells_no_state_ends_who_was_not_heard_of_again() -> None:
    tape = Tape()
    tape.calls("T")
    tape.calls("U", "PJSIP/trunk-main-00000009")
    tape.wait(5)
    tape.tracker.link_lost(tape.at)
    tape.wait(5)
    tape.hangs_up("U")
    tape.happened += tape.tracker.finish()
    assert [(c.linkedid, c.reason) for c in tape.ended()] == [("T", "unconfirmed"), ("U", None)]


def test_who_was_heard_of_again_is_not_ended_by_a_connection_without_a_state() -> None:
    tape = Tape()
    tape.calls("T")
    tape.tracker.link_lost(tape.at)
    tape.wait(5)
    tape.state("T", "6")
    tape.happened += tape.tracker.finish()
    assert tape.ended() == []


def contacts(tape: Tape) -> list[ContactEnded]:
    return [h for h in tape.happened if isinstance(h, ContactEnded)]


def test_who_lives_is_not_known_where_asterisk_does_not_list_its_channels() -> None:
    tape = Tape()
    tape.calls("T")
    tape.shown("T")
    assert tape.tracker.living() == {"T"}
    tape.tracker.link_lost(tape.at)
    tape.tracker.state_taken()
    assert tape.tracker.living() is None


def test_who_rang_before_a_gap_and_hangs_up_before_the_lists_may_have_been_answered_in_it() -> None:
    tape = Tape()
    tape.calls("T")
    tape.rings("T", "101", "PJSIP/101-00000002")
    tape.wait(3)
    tape.tracker.link_lost(tape.at)
    tape.wait(60)
    tape.hangs_up("101", "T")  # they have talked for a minute, or they have not
    tape.shown()
    (call,) = tape.ended()
    assert (call.answered, call.reason) == (False, "unconfirmed")


def test_who_came_in_after_a_gap_and_hangs_up_before_the_lists_is_missed() -> None:
    tape = Tape()
    tape.tracker.link_lost(tape.at)
    tape.wait(60)
    tape.calls("T")
    tape.wait(1)
    tape.hangs_up("T")
    tape.shown()
    (call,) = tape.ended()
    assert call.missed is not None and call.reason is None
