"""When a client is called back, put off, or let go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from asterisk_missed.callbacks.disposition import Disposition, lost, refused
from asterisk_missed.callbacks.plan import (
    DECLINED,
    ROUNDED,
    Again,
    Callback,
    End,
    Go,
    Ground,
    Known,
    Meanwhile,
    Next,
    Pause,
    Planned,
    Wait,
    after,
    check,
    never_opens,
    plan,
    replanned,
)
from asterisk_missed.calls.call import Contact, EndedCall, Missed
from asterisk_missed.rules.caps import Dialled
from asterisk_missed.rules.guard import Gate
from asterisk_missed.rules.hours import DailyHours
from asterisk_missed.rules.rule import Rule

NOON = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)  # 12:00 in Moscow
MOSCOW = ZoneInfo("Europe/Moscow")
FLOOR = DailyHours.parse("09:00-21:00")
GROUND = Ground(Gate("RU", dids=("74951234567",), extensions=("1XX",)), MOSCOW, FLOOR)
DAY = timedelta(hours=24)
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
    began, ended = NOON - timedelta(minutes=3), NOON - timedelta(minutes=2)
    return replace(Callback(1, CALLER, "sales", NOON, NOON, began, ended, NOON + DAY), **fields)


def planned_by(
    rules: list[Rule], ended: EndedCall, ground: Ground = GROUND, now: datetime = NOON, **known: object
) -> Planned:
    return plan(ended, rules, ground, replace(Known(), **known), now)


def look(
    asked: Callback | None = None, by: Rule | None = None, on_line: tuple[str, ...] = (), now: datetime = NOON,
    ground: Ground = GROUND, **known: object,
) -> Go | Wait | End | Pause:  # fmt: skip
    return check(asked or callback(), by or rule(), replace(Known(), **known), on_line, ground, now)


def contact(at: datetime, direction: str = "in", talk: float | None = 60.0) -> Contact:
    return Contact("pbx-2.1", CALLER, direction, "102", at, talk)


class TestAMissedCall:
    def test_is_due_after_the_delay(self) -> None:
        planned = planned_by([rule(delay="2m")], missed())
        assert (planned.number, planned.rule, planned.reason) == (CALLER, "sales", "scheduled")
        assert planned.due_at == NOON + timedelta(minutes=2)

    def test_at_night_waits_for_the_legal_hours_without_the_delay(self) -> None:
        night = datetime(2026, 6, 1, 18, 30, tzinfo=UTC)  # 21:30 in Moscow
        planned = planned_by([rule()], missed(at=night))
        assert planned.reason == "outside_hours"
        assert planned.due_at == datetime(2026, 6, 2, 6, 0, tzinfo=UTC)

    def test_whose_delay_passes_the_closing_waits_until_morning(self) -> None:
        evening = datetime(2026, 6, 1, 17, 59, tzinfo=UTC)
        assert planned_by([rule(delay="2m")], missed(at=evening)).reason == "outside_hours"

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
        planned = planned_by(rules, ended)
        assert (planned.status, planned.reason, planned.due_at) == ("not_called_back", reason, None)

    def test_of_a_client_who_was_answered_meanwhile_needs_no_callback(self) -> None:
        planned = planned_by([rule()], missed(), contacts=[contact(NOON - timedelta(seconds=5))])
        assert (planned.status, planned.reason, planned.due_at) == ("client_called", "client_returned", None)

    def test_of_a_client_who_talked_and_was_then_lost_is_called_back(self) -> None:
        own = Contact("pbx-1.1", CALLER, "in", "101", NOON - timedelta(seconds=9), 4.0)
        planned = planned_by([rule()], missed(answered=True, answered_by="101"), contacts=[own])
        assert (planned.reason, planned.since) == ("scheduled", NOON + ROUNDED)
        assert look(callback(since=NOON), contacts=[own]) == Go()

    def test_is_not_settled_by_a_contact_of_yesterday(self) -> None:
        assert planned_by([rule()], missed(), contacts=[contact(NOON - timedelta(days=1))]).due_at is not None

    def test_of_a_client_who_waits_already_takes_the_earlier_time(self) -> None:
        first = callback(due_at=NOON + timedelta(seconds=30), first_due_at=NOON)
        planned = planned_by([rule(delay="2m")], missed(), open=first)
        assert (planned.due_at, planned.first_due_at) == (NOON + timedelta(seconds=30), NOON)

    def test_of_a_client_whose_time_had_come_when_he_called_is_due_at_once(self) -> None:
        held = callback(due_at=NOON + timedelta(seconds=8), reason="held_on_call")
        assert planned_by([rule(delay="2m")], missed(), open=held).due_at == NOON

    def test_is_taken_over_with_its_first_due_time_by_the_rule_of_the_newest_miss(self) -> None:
        first = callback(due_at=NOON + timedelta(hours=5), first_due_at=NOON - timedelta(hours=1), rule="old")
        planned = planned_by([rule(retry={"expire": "3h"})], missed(), open=first)
        assert (planned.rule, planned.due_at) == ("sales", NOON + timedelta(minutes=2))
        assert planned.expires_at == NOON + timedelta(hours=2)

    def test_waits_for_the_hours_of_its_rule(self) -> None:
        shop = rule(hours=[{"days": "mon-fri", "time": "14:00-18:00"}])
        planned = planned_by([shop], missed())  # Monday, 12:02 in Moscow
        assert (planned.reason, planned.due_at) == ("outside_hours", NOON + timedelta(hours=2))

    def test_is_let_go_outside_the_hours_where_the_rule_says_so(self) -> None:
        shop = rule(hours=[{"days": "mon-fri", "time": "14:00-18:00"}], outside_hours="skip")
        planned = planned_by([shop], missed())
        assert (planned.reason, planned.due_at) == ("skipped_outside_hours", None)
        assert planned_by([shop], missed(at=NOON + timedelta(hours=3))).reason == "scheduled"

    def test_of_a_holiday_waits_for_the_day_after(self) -> None:
        closed = rule(holidays=["2026-06-01"])
        assert planned_by([closed], missed()).due_at == datetime(2026, 6, 2, 6, 0, tzinfo=UTC)

    def test_is_asked_in_the_zone_of_its_rule(self) -> None:
        omsk = rule(hours=[{"days": "mon", "time": "10:00-15:00"}], timezone="Asia/Omsk")  # three hours before Moscow
        assert planned_by([omsk], missed(at=NOON - timedelta(minutes=3))).reason == "scheduled"
        assert planned_by([omsk], missed()).reason == "outside_hours"

    def test_is_called_in_the_legal_hours_of_the_callers_own_zone(self) -> None:
        evening = datetime(2026, 6, 1, 13, 0, tzinfo=UTC)  # 16:00 in Moscow, 23:00 in Vladivostok
        vladivostok = missed("84232123456", at=evening)
        assert planned_by([rule()], vladivostok).reason == "scheduled"
        planned = planned_by([rule()], vladivostok, replace(GROUND, callers_zone=True))
        assert (planned.reason, planned.due_at) == ("outside_hours", datetime(2026, 6, 1, 23, 0, tzinfo=UTC))

    def test_on_another_pbx_is_not_this_rules(self) -> None:
        here = replace(GROUND, pbx="pbx1")
        assert planned_by([rule(pbx="pbx2")], missed(), here).reason == "no_rule"
        assert planned_by([rule(pbx="pbx1")], missed(), here).reason == "scheduled"

    def test_of_a_blocked_number_is_not_called_back(self) -> None:
        assert planned_by([rule()], missed(), blocked=True).reason == "blocked_number"

    def test_after_too_long_a_wait_is_another_rules(self) -> None:
        short = rule(wait={"min": "0s", "max": "9s"})
        assert planned_by([short], missed()).reason == "wait_too_long"
        assert planned_by([short], missed(wait=9.0)).reason == "scheduled"

    def test_that_was_found_too_late_is_expired(self) -> None:
        quick = rule(retry={"expire": "1h"})
        assert planned_by([quick], missed(), now=NOON + timedelta(minutes=62)).reason == "expired"
        assert planned_by([quick], missed(), now=NOON + timedelta(minutes=61)).reason == "scheduled"


class TestTheLookBeforeRinging:
    def test_lets_a_callback_go(self) -> None:
        assert look() == Go()

    def test_ends_it_when_he_called_again(self) -> None:
        decision = look(contacts=[contact(NOON - timedelta(minutes=1))])
        assert isinstance(decision, End) and (decision.status, decision.reason) == ("client_called", "client_returned")

    def test_ends_it_when_an_employee_reached_him(self) -> None:
        decision = look(contacts=[contact(NOON - timedelta(minutes=1), "out")])
        assert isinstance(decision, End) and (decision.status, decision.reason) == ("called_back", "by_hand")

    def test_counts_a_talk_that_outlasted_the_missed_call(self) -> None:
        began = callback().since - timedelta(seconds=30)
        assert isinstance(look(contacts=[contact(began, talk=40.0)]), End)
        assert look(contacts=[contact(began, talk=20.0)]) == Go()

    def test_holds_it_while_he_is_on_the_line(self) -> None:
        decision = look(on_line=("PJSIP/trunk-main-00000001",))
        assert isinstance(decision, Wait) and decision.reason == "held_on_call"

    def test_holds_it_outside_the_legal_hours(self) -> None:
        night = datetime(2026, 6, 1, 18, 0, tzinfo=UTC)
        decision = look(now=night)
        assert isinstance(decision, Wait) and decision.until == datetime(2026, 6, 2, 6, 0, tzinfo=UTC)

    def test_refuses_a_number_that_may_not_be_called_whatever_the_database_says(self) -> None:
        for number in ("+4930123456", "+74951234567", "112", "101"):
            decision = look(callback(number=number))
            assert isinstance(decision, End) and decision.reason == "refused_number"

    def test_gives_up_what_is_too_old(self) -> None:
        decision = look(now=NOON + DAY)
        assert isinstance(decision, End) and decision.reason == "expired"

    def test_pauses_it_where_its_rule_is_switched_off_unless_a_hand_asked_for_it(self) -> None:
        assert look(by=rule(enabled=False)) == Pause()
        assert look(callback(by_hand=True), by=rule(enabled=False)) == Go()

    def test_asks_the_hours_of_the_rule_unless_a_hand_asked_for_it(self) -> None:
        evening = rule(hours=[{"days": "mon", "time": "18:00-20:00"}])
        assert isinstance(look(by=evening), Wait)
        assert look(callback(by_hand=True), by=evening) == Go()

    def test_never_rings_outside_the_legal_hours_even_by_hand(self) -> None:
        night = datetime(2026, 6, 1, 18, 0, tzinfo=UTC)
        decision = look(callback(by_hand=True), now=night)
        assert isinstance(decision, Wait) and decision.reason == "outside_hours"

    def test_lets_it_go_when_the_hours_of_a_skipping_rule_have_passed(self) -> None:
        morning = rule(hours=[{"days": "mon", "time": "09:00-11:00"}], outside_hours="skip")
        decision = look(by=morning)
        assert isinstance(decision, End) and decision.reason == "skipped_outside_hours"

    def test_ends_it_for_a_blocked_number(self) -> None:
        decision = look(blocked=True)
        assert isinstance(decision, End) and decision.reason == "blocked_number"

    def test_puts_a_number_that_was_called_often_enough_off_to_the_next_day(self) -> None:
        decision = look(callback(expires_at=NOON + 2 * DAY), dialled=Dialled(number_today=3))
        assert isinstance(decision, Wait) and decision.reason == "daily_cap"
        assert decision.until == datetime(2026, 6, 2, 6, 0, tzinfo=UTC)

    def test_ends_it_where_the_next_day_is_too_late(self) -> None:
        decision = look(callback(expires_at=NOON + timedelta(hours=8)), dialled=Dialled(number_today=3))
        assert isinstance(decision, End) and decision.reason == "daily_cap"

    def test_spreads_the_calls_to_one_prefix(self) -> None:
        hour = tuple(NOON - timedelta(minutes=59) + timedelta(minutes=n) for n in range(50))
        decision = look(dialled=Dialled(prefix_last_hour=hour))
        assert isinstance(decision, Wait) and (decision.reason, decision.alarm) == ("held_limit", False)
        assert decision.until == NOON + timedelta(minutes=1)

    def test_nearly_stops_when_hardly_anybody_answers(self) -> None:
        decision = look(dialled=Dialled(recent=(False,) * 50, last_at=NOON - timedelta(minutes=1)))
        assert isinstance(decision, Wait) and decision.alarm
        assert look(dialled=Dialled(recent=(False,) * 50, last_at=NOON - timedelta(minutes=11))) == Go()


class TestAChangedRule:
    def changed(self, by: Rule | None, asked: Callback | None = None, now: datetime = NOON) -> Again | Pause | End:
        return replanned(asked or callback(), by, GROUND, now)

    def test_that_is_gone_cancels_what_waits(self) -> None:
        gone = self.changed(None)
        assert isinstance(gone, End) and gone.reason == "cancelled"

    def test_that_is_switched_off_pauses_it(self) -> None:
        assert self.changed(rule(enabled=False)) == Pause()

    def test_with_another_delay_counts_it_from_the_miss(self) -> None:
        due = callback().asked_at + timedelta(hours=1)
        again = self.changed(rule(delay="1h"), callback(first_due_at=NOON + timedelta(minutes=1)))
        assert again == Again("scheduled", due, due, due + DAY)

    def test_leaves_the_time_between_attempts(self) -> None:
        asked = callback(attempts=1, due_at=NOON + timedelta(minutes=30))
        again = self.changed(rule(delay="1h", retry={"expire": "2h"}), asked)
        assert again == Again("scheduled", asked.due_at, NOON, NOON + timedelta(hours=2))

    def test_whose_hours_are_others_moves_it_into_them(self) -> None:
        again = self.changed(rule(hours=[{"days": "mon", "time": "15:00-16:00"}]))
        assert isinstance(again, Again) and (again.reason, again.due_at) == ("outside_hours", NOON + timedelta(hours=3))

    def test_that_expires_sooner_may_end_it(self) -> None:
        ended = self.changed(rule(retry={"expire": "1h"}), now=NOON + timedelta(hours=1))
        assert isinstance(ended, End) and ended.reason == "expired"

    def test_that_never_opens_is_known(self) -> None:
        night = rule(hours=[{"days": "sat", "time": "22:00-06:00"}])
        assert never_opens(night, GROUND, NOON)
        assert not never_opens(night, replace(GROUND, floor=DailyHours.parse("00:00-24:00")), NOON)
        assert not never_opens(rule(), GROUND, NOON)


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

    def test_who_does_not_exist_is_not_called_again(self) -> None:
        then = self.follows(Disposition("FAILED", "invalid_number", True))
        assert (then.status, then.due_at) == ("failed", None)

    def test_who_declines_is_not_called_again_within_the_day(self) -> None:
        declined = Disposition("FAILED", "client_declined", True)
        assert self.follows(declined).due_at is None  # the callback expires in a day
        asked = callback(expires_at=NOON + 3 * DAY)
        assert after(asked, declined, self.RULE, GROUND, NOON).due_at == NOON + DECLINED

    def test_an_absent_employee_is_not_the_clients_attempt(self) -> None:
        then = self.follows(Disposition("NO ANSWER", "employee_absent", False), attempts=1)
        assert (then.status, then.counted) == ("not_called_back", False)
        assert then.due_at == NOON + timedelta(minutes=10)

    def test_a_dead_trunk_uses_up_no_attempt(self) -> None:
        then = self.follows(refused(), attempts=1)
        assert not then.counted and then.due_at is not None

    def test_who_was_missed_again_meanwhile_is_not_given_up(self) -> None:
        other = rule(slug="other", delay="1m", retry={"expire": "2h"})
        busy, again = Disposition("BUSY", "client_busy", True), Meanwhile(other, NOON)
        then = after(callback(attempts=1), busy, self.RULE, GROUND, NOON, again)
        due = NOON + timedelta(minutes=1)
        assert (then.due_at, then.rule, then.expires_at) == (due, "other", due + timedelta(hours=2))
        then = after(callback(), busy, self.RULE, GROUND, NOON, again)  # there would have been a next attempt
        assert (then.due_at, then.rule, then.expires_at) == (due, "other", None)

    def test_who_was_missed_again_and_is_then_talked_with_is_done(self) -> None:
        talked = Disposition("ANSWERED", "answered", True, "101", NOON, 12.0)
        assert after(callback(), talked, self.RULE, GROUND, NOON, Meanwhile(self.RULE, NOON)).due_at is None

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


def test_a_miss_after_an_older_promise_has_run_out_is_a_promise_of_its_own() -> None:
    old = callback(first_due_at=NOON - DAY - timedelta(minutes=1), due_at=NOON, expires_at=NOON - timedelta(minutes=1))
    planned = planned_by([rule(delay="2m")], missed(), open=old)
    due = NOON + timedelta(minutes=2)
    assert (planned.reason, planned.due_at, planned.first_due_at, planned.expires_at) == (
        "scheduled",
        due,
        due,
        due + DAY,
    )
