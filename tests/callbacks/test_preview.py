"""What rules would have done with a part of the journal, and with one imagined call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rules import ZONES, rules

from asterisk_missed.callbacks.plan import Callback, End, Go, Ground, Known, check, plan
from asterisk_missed.callbacks.preview import (
    TALK,
    Effect,
    History,
    Miss,
    Preview,
    Talk,
    explain,
    next_openings,
    preview,
)
from asterisk_missed.calls.attempt import PREFIX, is_attempt
from asterisk_missed.calls.call import Contact, EndedCall, Missed
from asterisk_missed.rules.guard import Gate, normalise
from asterisk_missed.rules.hours import DailyHours, is_open
from asterisk_missed.rules.rule import Rule

MONDAY = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)  # 12:00 in Moscow
MOSCOW = ZoneInfo("Europe/Moscow")
GROUND = Ground(Gate("RU", dids=("74951234567",), extensions=("1XX",)), MOSCOW, DailyHours.parse("09:00-21:00"))
DID, CALLER, OTHER = "74951234567", "+79161234567", "+79161234568"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def rule(slug: str = "sales", **fields: object) -> Rule:
    given = {"slug": slug, "source": {"did": DID}, "first": "employee", "connect": {"extensions": ["101"]}}
    return Rule.read(given | fields)


def miss(at: datetime = MONDAY, caller: str = CALLER, **fields: Any) -> Miss:
    call = Miss(
        "pbx1", f"pbx-{at.timestamp()}", caller, DID, "trunk-main", None, None, at - timedelta(seconds=20), at, 20.0, None,
        "failed", False,
    )  # fmt: skip
    return call._replace(**fields)


def talk(at: datetime, number: str = CALLER, seconds: float | None = 60.0, **fields: Any) -> Talk:
    return Talk(number, f"pbx-{at.timestamp()}.2", "in", at, seconds)._replace(**fields)


def run(
    list_of_rules: Sequence[Rule],
    misses: Sequence[Miss],
    talks: Sequence[Talk] = (),
    ground: Ground = GROUND,
    **known: Any,
) -> Preview:
    return preview(
        list_of_rules, ground, History(MONDAY - 30 * DAY, MONDAY + 30 * DAY, iter(misses), iter(talks), **known)
    )


def effect(misses: Sequence[Miss], talks: Sequence[Talk] = (), by: Rule | None = None, **known: Any) -> Effect:
    return run([by or rule()], misses, talks, **known).effects["sales"]


class TestARule:
    def test_calls_back_who_was_missed_and_not_reached(self) -> None:
        done = effect([miss(), miss(MONDAY + HOUR, OTHER)])
        assert (done.taken, done.callbacks, done.joined, done.waited) == (2, 2, 0, 0)
        assert done.really == {"failed": 2}
        assert [(hour, n) for hour, n in enumerate(done.by_hour) if n] == [(12, 1), (13, 1)]
        assert done.by_weekday == [2, 0, 0, 0, 0, 0, 0]

    def test_calls_a_client_once_who_was_missed_again_before_his_time(self) -> None:
        done = effect([miss(), miss(MONDAY + MINUTE), miss(MONDAY + 3 * MINUTE)])
        assert (done.taken, done.callbacks, done.joined) == (3, 2, 1)  # due at 12:02: the third came later

    def test_waits_for_an_opening(self) -> None:
        done = effect([miss(MONDAY + 12 * HOUR)])
        assert (done.callbacks, done.waited, done.by_hour[9], done.by_weekday[1]) == (1, 1, 1, 1)

    def test_tells_its_hours_by_its_own_clock(self) -> None:
        assert effect([miss()], by=rule(timezone="Asia/Omsk")).by_hour[15] == 1

    @pytest.mark.parametrize(
        ("again", "came_back"),
        [
            (talk(MONDAY + MINUTE), 1),
            (talk(MONDAY + MINUTE, direction="out"), 1),
            (talk(MONDAY + 2 * MINUTE), 1),
            (talk(MONDAY + 3 * MINUTE), 0),  # after his time
            (talk(MONDAY - HOUR), 0),
            (talk(MONDAY - HOUR, seconds=4_000.0), 0),  # he still talks on another line: no callback is promised at all
            (talk(MONDAY + MINUTE, OTHER), 0),
            (talk(MONDAY + MINUTE, uniqueid=PREFIX + "0123456789abcdef"), 0),  # made by a callback that was
        ],
    )
    def test_leaves_alone_who_came_back_before_his_time(self, again: Talk, came_back: int) -> None:
        assert effect([miss()], [again]).came_back == came_back

    def test_does_not_promise_a_call_to_who_is_talking_already(self) -> None:
        done = effect([miss()], [talk(MONDAY - HOUR, seconds=4_000.0)])
        assert (done.taken, done.callbacks, done.reasons) == (1, 0, {"client_returned": 1})

    def test_calls_back_who_talked_and_was_lost_in_a_transfer(self) -> None:
        lost = miss(linkedid="pbx-7.1", wait=5.0)
        done = effect([lost], [talk(MONDAY - timedelta(seconds=10), seconds=5.0, uniqueid="pbx-7.1")])
        assert (done.callbacks, done.came_back, done.reasons) == (1, 0, {})

    def test_counts_the_numbers_that_the_guard_refuses(self) -> None:
        abroad = [miss(MONDAY + n * MINUTE, "+4930123456") for n in range(3)]
        done = effect([*abroad, miss(MONDAY + HOUR, "anonymous"), miss(MONDAY + HOUR, "+74951234567")])
        assert (done.refused, done.callbacks) == (3, 0)
        assert done.reasons == {"refused_number": 4, "bad_number": 1}

    def test_says_why_it_takes_no_other_call_on_its_source(self) -> None:
        by = rule(
            wait={"min": "10s", "max": "30s"}, hours=[{"days": "mon-fri", "time": "10:00-18:00"}], outside_hours="skip"
        )
        calls = [
            miss(wait=9.9),
            miss(MONDAY + MINUTE, wait=30.1),
            miss(MONDAY + 8 * HOUR),
            miss(MONDAY + 9 * HOUR, did="1"),
        ]
        found = run([by], calls)
        done = found.effects["sales"]
        assert done.reasons == {"wait_too_short": 1, "wait_too_long": 1, "skipped_outside_hours": 1}
        assert (done.taken, done.callbacks, found.calls, found.no_rule) == (1, 0, 4, 1)

    def test_calls_nobody_on_the_never_call_list_nor_a_number_that_callers_dial(self) -> None:
        assert effect([miss()], blocked={CALLER}).reasons == {"blocked_number": 1}
        assert effect([miss()], dids={"89161234567"}).reasons == {"refused_number": 1}

    def test_gets_what_those_before_it_leave(self) -> None:
        first, second = rule("first", wait={"min": "30s"}), rule("second")
        effects = run([first, second], [miss(), miss(MONDAY + HOUR, wait=40.0)]).effects
        assert (effects["first"].taken, effects["second"].taken) == (1, 1)

    def test_that_is_switched_off_takes_nothing(self) -> None:
        assert run([rule(enabled=False)], [miss()]).no_rule == 1

    def test_of_one_pbx_takes_no_call_of_another(self) -> None:
        done = effect([miss(), miss(MONDAY + HOUR, OTHER, pbx="pbx2")], by=rule(pbx="pbx2"))
        assert done.taken == 1

    def test_of_a_queue_looks_at_the_stay_in_it(self) -> None:
        by = rule(source={"queue": "q"}, wait={"max": "10s"})
        calls = [miss(queue="q", queue_wait=10.0), miss(MONDAY + MINUTE, OTHER, queue="q", queue_wait=10.1)]
        assert effect(calls, by=by).reasons == {"wait_too_long": 1}


class TestLinesAtOnce:
    def test_are_those_of_calls_that_overlap(self) -> None:
        calls = [miss(MONDAY + n * MINUTE, f"+7916123456{n}") for n in range(3)]
        done = effect(calls, [talk(MONDAY - DAY, number, 40.0) for number in (CALLER, OTHER)])
        assert done.seconds == 75.0  # (25 + 45) / 2 + 40
        assert (done.lines, done.lines_at) == (2, MONDAY + 3 * MINUTE)

    def test_are_few_when_one_ends_as_the_next_begins(self) -> None:
        calls = [miss(MONDAY + n * timedelta(seconds=95), f"+7916123456{n}") for n in range(3)]
        done = effect(calls)
        assert (done.seconds, done.lines) == (35.0 + TALK, 1)

    def test_are_many_at_the_opening(self) -> None:
        night = [miss(MONDAY + 12 * HOUR + n * MINUTE, f"+7916123456{n}") for n in range(9)]
        assert effect(night).lines == 9

    def test_say_where_the_length_of_a_talk_was_assumed(self) -> None:
        assert run([rule()], []).talk_assumed
        found = run([rule()], [], [talk(MONDAY, seconds=30.0), talk(MONDAY + HOUR, seconds=90.0)])
        assert (found.talk, found.talk_assumed) == (60.0, False)


class TestNextOpenings:
    def test_are_those_of_the_hours_and_the_legal_floor_together(self) -> None:
        by = rule(hours=[{"days": "mon-fri", "time": "08:00-18:00"}], holidays=["2026-06-03"])
        opened = next_openings(by, GROUND, MONDAY)
        local = [(f"{a.astimezone(MOSCOW):%a %H:%M}", b and f"{b.astimezone(MOSCOW):%a %H:%M}") for a, b in opened]
        assert local[0] == ("Mon 12:00", "Mon 18:00")  # it is open already
        assert local[1:] == [(f"{day} 09:00", f"{day} 18:00") for day in ("Tue", "Thu", "Fri", "Mon")]

    def test_may_last_for_good(self) -> None:
        always = replace(GROUND, floor=DailyHours.parse("00:00-24:00"))
        assert next_openings(rule(), always, MONDAY) == [(MONDAY, None)]

    def test_are_none_where_it_never_opens(self) -> None:
        night = rule(hours=[{"days": "sat", "time": "22:00-06:00"}])
        assert next_openings(night, GROUND, MONDAY) == []

    def test_may_be_far_away(self) -> None:
        days = [(MONDAY + n * DAY).date().isoformat() for n in range(60)]
        assert next_openings(rule(holidays=days), GROUND, MONDAY)[0][0] == datetime(2026, 7, 31, 6, 0, tzinfo=UTC)


class TestOneImaginedCall:
    @pytest.mark.parametrize(
        ("caller", "source", "wait", "decided"),
        [
            ("89161234567", ("did", "+74951234567"), 10, ("sales", "scheduled", MONDAY + 2 * MINUTE)),
            ("89161234567", ("did", "74951234568"), 10, (None, "no_rule", None)),
            ("89161234567", ("queue", "q"), 4, ("queue", "wait_too_short", None)),
            ("89161234567", ("queue", "q"), 5, ("queue", "scheduled", MONDAY + 2 * MINUTE)),
            ("anonymous", ("did", "74951234567"), 10, ("sales", "bad_number", None)),
            ("", ("trunk", "trunk-main"), 10, (None, "bad_number", None)),
            ("+4930123456", ("did", "74951234567"), 10, ("sales", "refused_number", None)),
        ],
    )
    def test_is_decided_as_the_daemon_would(
        self, caller: str, source: Any, wait: int, decided: tuple[str | None, str, datetime | None]
    ) -> None:
        list_of_rules = [rule(), rule("queue", source={"queue": "q"}, wait={"min": "5s"})]
        planned = explain(caller, source, timedelta(seconds=wait), MONDAY, list_of_rules, GROUND)
        assert (planned.rule, planned.reason, planned.due_at) == decided

    def test_knows_only_what_was_so_at_its_time(self) -> None:
        later = Contact("pbx-2.1", CALLER, "in", "102", MONDAY + MINUTE, 60.0)
        there = Callback(1, CALLER, "sales", MONDAY, MONDAY, MONDAY, MONDAY, MONDAY + DAY)
        ask = CALLER, ("did", DID), timedelta(seconds=10)
        known = Known((later,), there)
        assert explain(*ask, MONDAY - HOUR, [rule()], GROUND, known).due_at == MONDAY - HOUR + 2 * MINUTE
        assert explain(*ask, MONDAY + MINUTE, [rule()], GROUND, known).reason == "client_returned"


# --- as the daemon would have decided, call by call


def slowly(list_of_rules: Sequence[Rule], ground: Ground, history: History) -> tuple[int, dict[str, dict[str, Any]]]:
    """The same by `plan` and `check`, one call after the other: (calls of no rule, what matters of the effects)."""
    effects = {
        r.slug: {"reasons": Counter(), "taken": 0, "joined": 0, "over": Counter(), "dues": []} for r in list_of_rules
    }
    by_slug = {r.slug: r for r in list_of_rules}
    made = [Contact(t.uniqueid, t.number, t.direction, "101", t.at, t.seconds) for t in history.talks]
    made = [c for c in made if not is_attempt(c.uniqueid)]
    ours = {normalise(did, ground.country) for did in history.dids}
    waiting: dict[str, Callback] = {}
    no_rule = 0

    def known(number: str, until: datetime, there: Callback | None = None) -> Known:
        so_far = [c for c in made if c.number == number and c.at <= until]
        return Known(so_far, there, number in history.blocked, number in ours)

    def over(callback: Callback, at: datetime) -> bool:
        """Whether nothing is waited for any more at this time; then it is counted."""
        early = min(at, callback.due_at)
        decision = check(callback, by_slug[callback.rule], known(callback.number, early), (), ground, early)
        told = effects[callback.rule]
        if isinstance(decision, End) and decision.contact is not None:
            told["over"]["came_back"] += 1
        elif at < callback.due_at:
            return False
        elif isinstance(decision, Go):
            told["over"]["callbacks"] += 1
            told["dues"].append(callback.due_at)
        else:
            assert isinstance(decision, End), decision
            told["over"][decision.reason] += 1
        return True

    for call in history.misses:
        number = normalise(call.caller, ground.country) or call.caller
        there = waiting.get(number)
        if there is not None and over(there, call.ended_at):
            there = waiting.pop(number) and None
        answered = any(c.number == number and c.uniqueid == call.linkedid for c in made)
        queues = (call.queue,) if call.queue else ()
        ended = EndedCall(
            call.linkedid, call.caller, "", call.did or "", call.trunk or "", call.started_at, call.ended_at, answered,
            "101" if answered else None, call.wait, {call.queue: call.queue_wait or 0.0} if call.queue else {},
            Missed(call.did, call.trunk, queues, (call.extension,) if call.extension else ()),
            reason="unconfirmed" if call.unconfirmed else None,
        )  # fmt: skip
        theirs = replace(ground, pbx=call.pbx)
        planned = plan(ended, list_of_rules, theirs, known(number, call.ended_at, there), call.ended_at)
        if planned.rule is None:
            no_rule += 1
            continue
        told = effects[planned.rule]
        told["taken"] += planned.reason not in ("wait_too_short", "wait_too_long")
        if planned.due_at is None:
            told["reasons"][planned.reason] += 1
            continue
        told["joined"] += there is not None
        since = planned.since if there is None else there.since
        times = (planned.due_at, planned.first_due_at, since, planned.asked_at, planned.expires_at)
        waiting[number] = Callback(1, number, planned.rule, *times)
    for callback in waiting.values():
        assert over(callback, callback.due_at)
    return no_rule, effects


CALLERS = (
    CALLER,
    CALLER,
    OTHER,
    OTHER,
    "+74957654321",
    "+4930123456",
    "anonymous",
    "+78121234567",
    "",
    "+74951234567",
    "112",
)
# Close together, so that misses meet callbacks and contacts; and over nights.
moments = st.one_of(st.integers(0, 3_600 * 10), st.integers(0, 4 * 24 * 3_600 * 10)).map(
    lambda tenths: MONDAY + timedelta(seconds=tenths / 10)
)
waits = st.integers(0, 400).map(lambda tenths: tenths / 10)
uniqueids = st.integers(0, 40).map(lambda n: f"pbx-1.{n}")
misses = st.builds(
    lambda at, began, queue_wait, **fields: Miss(
        started_at=at - timedelta(seconds=began), ended_at=at, wait=began, queue_wait=queue_wait, **fields
    ),
    moments,
    waits,
    st.one_of(st.none(), waits),
    pbx=st.sampled_from(("pbx1", "pbx1", "pbx2")),
    linkedid=uniqueids,
    caller=st.sampled_from(CALLERS),
    did=st.sampled_from((DID, DID, "+" + DID, "1", None)),
    trunk=st.sampled_from(("trunk-main", None)),
    queue=st.sampled_from(("sales", "a.b-c", None)),
    extension=st.sampled_from(("101", None)),
    status=st.sampled_from(("failed", "called_back")),
    unconfirmed=st.sampled_from((False, False, False, True)),
)
talks = st.builds(
    Talk,
    st.sampled_from(CALLERS),
    st.one_of(uniqueids, st.just(PREFIX + "0123456789abcdef")),
    st.sampled_from(("in", "out")),
    moments,
    st.one_of(st.none(), st.integers(0, 90_000).map(lambda tenths: tenths / 10)),
)
floors = st.sampled_from(("09:00-21:00", "00:00-24:00", "22:00-06:00")).map(DailyHours.parse)
zones = st.sampled_from(ZONES).map(ZoneInfo)
gates = st.sampled_from((Gate("RU", dids=(DID,), extensions=("1XX",)), Gate("RU", countries=("RU", "DE"))))
lists = st.lists(st.sampled_from("abcd"), unique=True, min_size=1, max_size=4).flatmap(
    lambda slugs: st.tuples(
        *(
            rules(slug) | rules(slug, source={"did": DID}, enabled=True, delay=st.sampled_from(("2m", "30m")))
            for slug in slugs
        )
    )
)


@settings(deadline=None, max_examples=200)
@given(
    lists,
    st.builds(Ground, gates, zones, floors, st.booleans()),
    st.lists(misses, max_size=25),
    st.lists(talks, max_size=12),
    st.sets(st.sampled_from(CALLERS), max_size=2),
    st.sets(st.sampled_from(CALLERS[:5]), max_size=1),
)
def test_a_history_comes_to_what_planning_call_by_call_comes_to(
    list_of_rules: tuple[Rule, ...],
    ground: Ground,
    calls: list[Miss],
    made: list[Talk],
    never: set[str],
    dids: set[str],
) -> None:
    calls = sorted(calls, key=lambda call: call.ended_at)
    history = History(MONDAY, MONDAY + 4 * DAY, calls, made, frozenset(never), frozenset(dids))
    found = preview(list_of_rules, ground, history)
    no_rule, expected = slowly(list_of_rules, ground, history)
    assert (found.calls, found.no_rule) == (len(calls), no_rule)
    for by in list_of_rules:
        done, told = found.effects[by.slug], expected[by.slug]
        zone = by.opening(ground.zone).zone
        assert done.reasons == told["reasons"]
        assert (done.taken, done.joined) == (told["taken"], told["joined"])
        over = Counter({"callbacks": done.callbacks, "came_back": done.came_back, "expired": done.expired})
        assert +over == told["over"]
        assert Counter({h: n for h, n in enumerate(done.by_hour) if n}) == Counter(
            due.astimezone(zone).hour for due in told["dues"]
        )
        assert done.lines == max((_going_on(told["dues"], at, done.seconds) for at in told["dues"]), default=0)
        assert sum(done.by_weekday) == done.callbacks and sum(done.really.values()) == done.taken
        assert all(is_open((by.opening(ground.zone),), due) for due in told["dues"])


def _going_on(dues: Sequence[datetime], at: datetime, seconds: float) -> int:
    return sum(due <= at < due + timedelta(seconds=seconds) for due in dues)
