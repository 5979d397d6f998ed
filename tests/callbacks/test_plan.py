"""When a client is called back, put off, or let go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from asterisk_missed.callbacks.disposition import Disposition, lost, refused
from asterisk_missed.callbacks.plan import EXPIRE, ROUNDED, Callback, End, Go, Ground, Next, Wait, after, check, plan
from asterisk_missed.calls.call import Contact, EndedCall, Missed
from asterisk_missed.rules.hours import DailyHours
from asterisk_missed.rules.rule import Rule

NOON = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)  # 12:00 in Moscow
GROUND = Ground("RU", ZoneInfo("Europe/Moscow"), DailyHours.parse("09:00-21:00"), ("74951234567",), ("1XX",))
CALLER = "+79161234567"


def rule(**fields: object) -> Rule:
    given = {"slug": "sales", "source": {"did": "74951234567"}, "first": "employee", "connect": {"extensions": ["101"]}}
    return Rule.read(given | fields)


def missed(caller: str = "89161234567", at: datetime = NOON, wait: float = 10.0, **fields: object) -> EndedCall:
    call = EndedCall(
        linkedid="pbx-1.1",
        caller=caller,
        caller_name="",
        did="+74951234567",
        trunk="trunk-main",
        started_at=at - timedelta(seconds=wait),
        ended_at=at,
        answered=False,
        answered_by=None,
        wait=wait,
        missed=Missed("+74951234567", "trunk-main"),
        lost_in="direct",
        lost_how="abandoned",
    )
    return replace(call, **fields)


def callback(**fields: object) -> Callback:
    return replace(Callback(1, CALLER, "sales", NOON, NOON, NOON - timedelta(minutes=3)), **fields)


def contact(at: datetime, direction: str = "in", talk: float | None = 60.0) -> Contact:
    return Contact("pbx-2.1", CALLER, direction, "102", at, talk)


class TestAMissedCall:
    def test_is_due_after_the_delay(self) -> None:
        planned = plan(missed(), [rule(delay="2m")], GROUND, [], None, NOON)
        assert (planned.number, planned.rule, planned.reason) == (CALLER, "sales", "scheduled")
        assert planned.due_at == NOON + timedelta(minutes=2)

    def test_at_night_waits_for_the_legal_hours_without_the_delay(self) -> None:
        night = datetime(2026, 6, 1, 18, 30, tzinfo=UTC)  # 21:30 in Moscow
        planned = plan(missed(at=night), [rule()], GROUND, [], None, NOON)
        assert planned.reason == "outside_hours"
        assert planned.due_at == datetime(2026, 6, 2, 6, 0, tzinfo=UTC)

    def test_whose_delay_passes_the_closing_waits_until_morning(self) -> None:
        evening = datetime(2026, 6, 1, 17, 59, tzinfo=UTC)
        assert plan(missed(at=evening), [rule(delay="2m")], GROUND, [], None, NOON).reason == "outside_hours"

    @pytest.mark.parametrize(
        ("ended", "rules", "reason"),
        [
            (missed("anonymous", reason="bad_number"), [rule()], "bad_number"),
            (missed("<unknown>"), [rule()], "bad_number"),
            (missed("1;rm"), [rule()], "bad_number"),
            (missed("+4930123456"), [rule()], "refused_number"),
            (missed("84951234567"), [rule()], "refused_number"),  # our own
            (missed(), [], "no_rule"),
            (missed(wait=3.0), [rule(wait={"min": "5s"})], "wait_too_short"),
            (missed(reason="unconfirmed"), [rule()], "unconfirmed"),
        ],
    )
    def test_is_not_called_back_and_says_why(self, ended: EndedCall, rules: list[Rule], reason: str) -> None:
        planned = plan(ended, rules, GROUND, [], None, NOON)
        assert (planned.status, planned.reason, planned.due_at) == ("not_called_back", reason, None)

    def test_of_a_client_who_was_answered_meanwhile_needs_no_callback(self) -> None:
        planned = plan(missed(), [rule()], GROUND, [contact(NOON - timedelta(seconds=5))], None, NOON)
        assert (planned.status, planned.reason, planned.due_at) == ("client_called", "client_returned", None)

    def test_of_a_client_who_talked_and_was_then_lost_is_called_back(self) -> None:
        own = Contact("pbx-1.1", CALLER, "in", "101", NOON - timedelta(seconds=9), 4.0)
        planned = plan(missed(answered=True, answered_by="101"), [rule()], GROUND, [own], None, NOON)
        assert (planned.reason, planned.since) == ("scheduled", NOON + ROUNDED)
        assert check(callback(since=NOON), [own], [], GROUND, NOON) == Go()

    def test_is_not_settled_by_a_contact_of_yesterday(self) -> None:
        assert plan(missed(), [rule()], GROUND, [contact(NOON - timedelta(days=1))], None, NOON).due_at is not None

    def test_of_a_client_who_waits_already_takes_the_earlier_time(self) -> None:
        first = callback(due_at=NOON + timedelta(seconds=30), first_due_at=NOON)
        planned = plan(missed(), [rule(delay="2m")], GROUND, [], first, NOON)
        assert (planned.due_at, planned.first_due_at) == (NOON + timedelta(seconds=30), NOON)


class TestTheLookBeforeRinging:
    def test_lets_a_callback_go(self) -> None:
        assert check(callback(), [], [], GROUND, NOON) == Go()

    def test_ends_it_when_he_called_again(self) -> None:
        decision = check(callback(), [contact(NOON - timedelta(minutes=1))], [], GROUND, NOON)
        assert isinstance(decision, End) and (decision.status, decision.reason) == ("client_called", "client_returned")

    def test_ends_it_when_an_employee_reached_him(self) -> None:
        decision = check(callback(), [contact(NOON - timedelta(minutes=1), "out")], [], GROUND, NOON)
        assert isinstance(decision, End) and (decision.status, decision.reason) == ("called_back", "by_hand")

    def test_counts_a_talk_that_outlasted_the_missed_call(self) -> None:
        began = callback().since - timedelta(seconds=30)
        assert isinstance(check(callback(), [contact(began, talk=40.0)], [], GROUND, NOON), End)
        assert check(callback(), [contact(began, talk=20.0)], [], GROUND, NOON) == Go()

    def test_holds_it_while_he_is_on_the_line(self) -> None:
        decision = check(callback(), [], ["PJSIP/trunk-main-00000001"], GROUND, NOON)
        assert isinstance(decision, Wait) and decision.reason == "held_on_call"

    def test_holds_it_outside_the_legal_hours(self) -> None:
        night = datetime(2026, 6, 1, 18, 0, tzinfo=UTC)
        decision = check(callback(), [], [], GROUND, night)
        assert isinstance(decision, Wait) and decision.until == datetime(2026, 6, 2, 6, 0, tzinfo=UTC)

    def test_refuses_a_number_that_may_not_be_called_whatever_the_database_says(self) -> None:
        for number in ("+4930123456", "+74951234567", "112", "101"):
            decision = check(callback(number=number), [], [], GROUND, NOON)
            assert isinstance(decision, End) and decision.reason == "refused_number"

    def test_gives_up_what_is_too_old(self) -> None:
        decision = check(callback(), [], [], GROUND, NOON + EXPIRE)
        assert isinstance(decision, End) and decision.reason == "expired"


class TestAfterAnAttempt:
    RULE = rule(retry={"attempts": 2, "busy": "5m", "no_answer": "30m", "employee_absent": "10m"})

    def follows(self, ended: Disposition, attempts: int = 0) -> Next:
        return after(callback(attempts=attempts), ended, self.RULE, GROUND, NOON)

    @pytest.mark.parametrize(
        ("reason", "word", "minutes"), [("client_busy", "BUSY", 5), ("client_no_answer", "NO ANSWER", 30)]
    )
    def test_the_pause_is_the_outcomes(self, reason: str, word: str, minutes: int) -> None:
        then = self.follows(Disposition(word, reason, True))
        assert (then.status, then.due_at, then.counted) == ("failed", NOON + timedelta(minutes=minutes), True)

    def test_the_last_attempt_ends_it(self) -> None:
        assert self.follows(Disposition("BUSY", "client_busy", True), attempts=1).due_at is None

    @pytest.mark.parametrize("reason", ["invalid_number", "client_declined"])
    def test_who_does_not_exist_or_does_not_want_it_is_not_called_again(self, reason: str) -> None:
        then = self.follows(Disposition("FAILED", reason, True))
        assert (then.status, then.due_at) == ("failed", None)

    def test_an_absent_employee_is_not_the_clients_attempt(self) -> None:
        then = self.follows(Disposition("NO ANSWER", "employee_absent", False), attempts=1)
        assert (then.status, then.counted) == ("not_called_back", False)
        assert then.due_at == NOON + timedelta(minutes=10)

    def test_a_dead_trunk_uses_up_no_attempt(self) -> None:
        then = self.follows(refused(), attempts=1)
        assert not then.counted and then.due_at is not None

    def test_a_talk_ends_it(self) -> None:
        then = self.follows(Disposition("ANSWERED", "answered", True, "101", NOON, 12.0))
        assert (then.status, then.reason, then.due_at) == ("called_back", "answered", None)

    def test_what_nobody_saw_counts_and_is_tried_later(self) -> None:
        then = self.follows(lost())
        assert (then.status, then.reason, then.counted) == ("failed", "lost", True)
        assert then.due_at == NOON + timedelta(minutes=30)

    def test_a_rule_that_is_gone_tries_no_more(self) -> None:
        assert after(callback(), Disposition("BUSY", "client_busy", True), None, GROUND, NOON).due_at is None

    def test_a_pause_that_ends_at_night_ends_in_the_morning(self) -> None:
        evening = datetime(2026, 6, 1, 17, 58, tzinfo=UTC)
        then = after(callback(), Disposition("BUSY", "client_busy", True), self.RULE, GROUND, evening)
        assert then.due_at == datetime(2026, 6, 2, 6, 0, tzinfo=UTC)
