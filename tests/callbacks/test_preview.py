"""What rules would have done with the calls of the last days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rules import rules as any_rules

from asterisk_missed.callbacks.plan import Ground, Known, plan
from asterisk_missed.callbacks.preview import Effect, History, Past, imagined, next_openings, preview
from asterisk_missed.calls.call import Contact
from asterisk_missed.rules.guard import Gate
from asterisk_missed.rules.hours import DailyHours
from asterisk_missed.rules.rule import Rule

NOON = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)  # Monday, 12:00 in Moscow
GROUND = Ground(Gate("RU"), ZoneInfo("Europe/Moscow"), DailyHours.parse("09:00-21:00"))
DID = "74951234567"


def rule(**fields: object) -> Rule:
    given = {"slug": "sales", "source": {"did": DID}, "first": "employee", "connect": {"extensions": ["101"]}}
    return Rule.read(given | fields)


def call(minute: float, client: int = 0, wait: float = 10.0, status: str = "failed", caller: str = "") -> Past:
    at = NOON + timedelta(minutes=minute)
    number = caller or f"+7916123456{client}"
    return Past(replace(imagined(number, "did", DID, wait, at), linkedid=f"pbx-{minute}.{client}"), status)


def contact(minute: float, client: int = 0) -> Contact:
    return Contact(f"pbx-c{minute}", f"+7916123456{client}", "in", "101", NOON + timedelta(minutes=minute), 30.0)


def effect(*calls: Past, contacts: Sequence[Contact] = (), by: Rule | None = None) -> Effect:
    return preview([by or rule()], GROUND, History(calls, contacts)).effects["sales"]


def test_each_client_is_one_callback() -> None:
    found = effect(call(0), call(1), call(1, client=1))
    assert (found.taken, found.callbacks, found.joined) == (3, 2, 1)


def test_who_is_missed_again_after_his_callback_is_called_again() -> None:
    assert (effect(call(0), call(3)).callbacks, effect(call(0), call(3)).joined) == (2, 0)


def test_who_came_back_before_his_time_is_not_called() -> None:
    found = effect(call(0), call(0, client=1), contacts=[contact(1)])
    assert (found.callbacks, found.came_back) == (1, 1)
    assert effect(call(0), contacts=[contact(3)]).came_back == 0


def test_what_would_be_due_at_night_waits_for_the_opening() -> None:
    found = effect(call(10 * 60), call(11 * 60, client=1))  # 22:00 and 23:00 in Moscow
    assert (found.waited, found.lines) == (2, 2)
    assert found.by_hour[9] == 2 and sum(found.by_hour) == 2
    assert found.by_weekday == [0, 2, 0, 0, 0, 0, 0]


def test_what_is_let_go_says_why() -> None:
    found = effect(
        call(0, wait=2.0), call(1, caller="+5312345678"), call(2, caller="anonymous"), by=rule(wait={"min": "5s"})
    )
    assert found.reasons == {"wait_too_short": 1, "refused_number": 1, "bad_number": 1}
    assert (found.refused, found.callbacks, found.taken) == (2, 0, 3)


def test_what_really_happened_stands_beside_it() -> None:
    assert effect(call(0, status="called_back"), call(5, client=1)).really == {"called_back": 1, "failed": 1}


def test_rules_are_tried_in_their_order() -> None:
    first = rule(slug="first", wait={"max": "5s"})
    found = preview([first, rule()], GROUND, History([call(0, wait=3.0), call(1, client=1)]))
    assert [found.effects[slug].callbacks for slug in ("first", "sales")] == [1, 1]


def test_calls_that_no_rule_takes_are_counted() -> None:
    other = Past(replace(imagined("+79161234567", "queue", "q", 5.0, NOON), linkedid="x"), "failed")
    found = preview([rule()], GROUND, History([other]))
    assert (found.calls, found.no_rule) == (1, 1)


def test_a_blocked_number_is_not_called() -> None:
    found = preview([rule()], GROUND, History([call(0)], (), frozenset({"+79161234560"})))
    assert found.effects["sales"].reasons == {"blocked_number": 1}


def test_lines_are_counted_at_the_worst_moment() -> None:
    found = effect(*(call(0, client=n) for n in range(5)), call(10, client=6))
    assert found.lines == 5


@pytest.mark.parametrize(("talks", "seconds"), [((), 95.0), ((30.0,), 65.0)])
def test_a_callback_is_as_long_as_its_ringing_and_a_usual_talk(talks: tuple[float, ...], seconds: float) -> None:
    made = [Contact(f"x{n}", "+79990000000", "in", "101", NOON, talk) for n, talk in enumerate(talks)]
    assert effect(call(0), contacts=made).seconds == seconds


def test_the_next_openings_are_those_of_rule_and_law() -> None:
    shop = rule(hours=[{"days": "mon", "time": "08:00-12:30"}, {"days": "tue", "time": "20:00-23:00"}])
    moscow = [
        tuple(f"{at.astimezone(GROUND.zone):%a %H:%M}" for at in window) for window in next_openings(shop, GROUND, NOON)
    ]
    assert moscow[:3] == [("Mon 12:00", "Mon 12:30"), ("Tue 20:00", "Tue 21:00"), ("Mon 09:00", "Mon 12:30")]


@settings(deadline=None, max_examples=50)
@given(
    any_rules(source={"did": DID}, enabled=True, pbx=None),
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 400), st.booleans()), max_size=8),
)
def test_calls_of_different_clients_are_decided_as_they_would_be(by: Rule, calls: list[tuple[int, int, bool]]) -> None:
    made = [
        call(minute, caller=f"+791612345{n:02}", wait=float(wait)) if home else call(minute, caller=f"+53123456{n:02}")
        for n, (minute, wait, home) in enumerate(sorted(calls))
    ]
    alone = [plan(past.ended, [by], GROUND, Known(), past.ended.ended_at) for past in made]
    found = preview([by], GROUND, History(made)).effects["sales"]
    assert found.callbacks == sum(planned.due_at is not None for planned in alone)
    assert found.waited == sum(planned.reason == "outside_hours" for planned in alone)
    let_go = [planned.reason for planned in alone if planned.due_at is None]
    assert dict(found.reasons) == {reason: let_go.count(reason) for reason in set(let_go)}
