"""No callback is ever due outside the hours of its rule or the legal ones, whatever the rule and the moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from made_rules import ZONES, rules

from asterisk_missed.callbacks.disposition import Disposition
from asterisk_missed.callbacks.plan import (
    Again,
    Callback,
    Go,
    Ground,
    Known,
    Wait,
    after,
    check,
    plan,
    replanned,
)
from asterisk_missed.calls.call import EndedCall, Missed
from asterisk_missed.rules import difference, file
from asterisk_missed.rules.caps import Dialled
from asterisk_missed.rules.guard import Gate
from asterisk_missed.rules.hours import DailyHours, is_open
from asterisk_missed.rules.rule import Rule

CALLER = "+79161234567"
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0)
)
floors = st.sampled_from(("09:00-21:00", "00:00-24:00", "22:00-06:00")).map(DailyHours.parse)
grounds = st.builds(Ground, st.just(Gate("RU")), st.sampled_from(ZONES).map(ZoneInfo), floors, st.booleans())
here = rules(source={"did": "74951234567"}, enabled=True, pbx=None)
outcomes = st.sampled_from(
    ("client_busy", "client_no_answer", "client_declined", "congestion", "employee_absent", "lost")
)


def missed(at: datetime) -> EndedCall:
    return EndedCall(
        "pbx-1.1", CALLER, "", "74951234567", "trunk-main", at - timedelta(seconds=60), at, False, None, 60.0,
        missed=Missed("74951234567", "trunk-main"), lost_in="direct", lost_how="abandoned",
    )  # fmt: skip


def callback(at: datetime, rule: Rule) -> Callback:
    return Callback(1, CALLER, rule.slug, at, at, at - timedelta(minutes=1), at, at + rule.retry.expire)


@settings(deadline=None)
@given(here, grounds, moments, st.integers(0, 200_000))
def test_a_missed_call_is_due_when_it_is_open(rule: Rule, ground: Ground, at: datetime, later: int) -> None:
    planned = plan(missed(at), [rule], ground, Known(), at + timedelta(seconds=later))
    if planned.due_at is not None:
        assert planned.due_at >= at + rule.delay
        assert is_open(ground.openings(rule, CALLER), planned.due_at)
        assert (planned.reason == "scheduled") == (planned.due_at == at + rule.delay)


@settings(deadline=None)
@given(here, grounds, moments, moments)
def test_a_second_miss_is_due_when_its_own_rule_is_open(
    rule: Rule, ground: Ground, at: datetime, first: datetime
) -> None:
    planned = plan(missed(at), [rule], ground, Known(open=callback(first, rule)), at)
    if planned.due_at is not None:
        assert is_open(ground.openings(rule, CALLER), planned.due_at)


@settings(deadline=None)
@given(here, grounds, moments, st.booleans(), st.integers(0, 5))
def test_nobody_is_rung_when_it_is_closed(rule: Rule, ground: Ground, at: datetime, by_hand: bool, today: int) -> None:
    asked = replace(callback(at, rule), by_hand=by_hand)
    decision = check(asked, rule, Known(dialled=Dialled(number_today=today)), [], ground, at)
    hours = (ground.legal(CALLER),) if by_hand else ground.openings(rule, CALLER)
    if decision == Go():
        assert is_open(hours, at)
    if isinstance(decision, Wait):
        assert decision.until > at and is_open(hours, decision.until)


@settings(deadline=None)
@given(here, grounds, moments, outcomes)
def test_the_next_attempt_is_due_when_it_is_open(rule: Rule, ground: Ground, at: datetime, outcome: str) -> None:
    then = after(callback(at, rule), Disposition("FAILED", outcome, True), rule, ground, at)
    if then.due_at is not None:
        assert at < then.due_at < at + rule.retry.expire
        assert is_open(ground.openings(rule, CALLER), then.due_at)


@settings(deadline=None)
@given(here, grounds, moments, st.integers(0, 200_000), st.integers(0, 3))
def test_what_is_planned_anew_is_due_when_it_is_open(
    rule: Rule, ground: Ground, at: datetime, later: int, attempts: int
) -> None:
    how = replanned(replace(callback(at, rule), attempts=attempts), rule, ground, at + timedelta(seconds=later))
    if isinstance(how, Again):
        assert is_open(ground.openings(rule, CALLER), how.due_at)


@settings(deadline=None)
@given(rules("sales"), rules("support"))
def test_applying_what_was_exported_changes_nothing(sales: Rule, support: Rule) -> None:
    again = file.read(file.write([sales, support]))
    assert again == (sales, support)
    assert difference.difference([sales, support], again) == []
