"""When a client may be called: hours, holidays and the floor, asked of a moment in any zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_missed.rules.hours import (
    HORIZON,
    Calendar,
    DailyHours,
    Holidays,
    Hours,
    Span,
    floor,
    is_open,
    next_open,
    openings,
)

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
DECENT = DailyHours.parse("09:00-21:00")
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(text: str) -> Span:
    """``mon-fri 10:00-18:00``, or days alone."""
    days, _, time = text.strip().partition(" ")
    return Span.parse({"days": days, "time": time or None})


def hours(text: str, zone: ZoneInfo = MOSCOW, holidays: object = None) -> Hours:
    return Hours(tuple(span(part) for part in text.split(";") if part), Holidays.parse(holidays), zone)


# --- The table


def table() -> list[Any]:
    lines = (Path(__file__).parent / "hours_table.txt").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line and not line.startswith("#")]
    return [pytest.param(*row, id=" ".join([row[0], row[1], row[4]])) for row in rows]


def wall(text: str, zone: ZoneInfo) -> datetime:
    """A moment of the table in UTC; the zone must have read so then."""
    at = datetime.fromisoformat(text)
    assert at.astimezone(zone).utcoffset() == at.utcoffset(), f"{zone} had another offset then: {text}"
    return at.astimezone(UTC)


@pytest.mark.parametrize(("zone", "spans", "days_off", "decent", "at", "opens"), table())
def test_the_next_opening_is_what_the_calendar_on_the_wall_says(
    zone: str, spans: str, days_off: str, decent: str, at: str, opens: str
) -> None:
    where = ZoneInfo(zone)
    asked = [hours(spans.strip("-"), where, None if days_off == "-" else days_off.split(","))]
    if decent != "-":
        asked.append(floor(DailyHours.parse(decent), where))
    moment = wall(at, where)
    expected = {"open": moment, "never": None}[opens] if opens in ("open", "never") else wall(opens, where)
    assert next_open(asked, moment) == expected
    assert is_open(asked, moment) == (opens == "open")
    assert Calendar(asked, moment - timedelta(days=3), moment + timedelta(days=3)).next_open(moment) == expected
    assert Calendar(asked, moment, moment + MINUTE).next_open(moment) == expected  # the answer lies beyond it
    if expected is not None and expected > moment:
        assert not is_open(asked, expected - timedelta(microseconds=1))


def test_hours_and_floor_may_be_of_two_zones() -> None:
    asked = [hours("mon-fri 10:00-18:00", MOSCOW), floor(DECENT, ZoneInfo("Asia/Vladivostok"))]
    # the client's 09:00-21:00 in Vladivostok (+10) is 02:00-14:00 in Moscow (+03)
    assert next_open(asked, utc("2025-06-02 10:59:59")) == utc("2025-06-02 10:59:59")
    assert next_open(asked, utc("2025-06-02 11:00:00")) == utc("2025-06-03 07:00")


def test_hours_of_two_zones_that_never_meet_never_open() -> None:
    asked = [hours("mon-sun 10:00-12:00", MOSCOW), floor(DailyHours.parse("09:00-12:00"), ZoneInfo("Asia/Vladivostok"))]
    assert next_open(asked, utc("2025-06-02 00:00")) is None


def test_holidays_every_day_for_two_years_never_open() -> None:
    days = [(date(2025, 1, 1) + timedelta(n)).isoformat() for n in range(1000)]
    asked = [hours("mon-fri 10:00-18:00", holidays=days)]
    assert next_open(asked, utc("2025-01-01 10:00")) is None
    assert next_open(asked, utc("2026-01-01 10:00")) == utc("2027-09-28 07:00")  # a Tuesday, the day after the last


def test_a_calendar_too_looks_two_years_ahead_and_no_further() -> None:
    days = [(date(2025, 1, 1) + timedelta(n)).isoformat() for n in range(1000)]
    asked = [hours("mon-sun 10:00-18:00", holidays=days)]
    calendar = Calendar(asked, utc("2025-01-01 00:00"), utc("2028-01-01 00:00"))
    opens = utc("2027-09-28 07:00")
    for at in (opens - timedelta(HORIZON), opens - timedelta(HORIZON) + timedelta(seconds=1)):
        assert calendar.next_open(at) == next_open(asked, at)
    assert calendar.next_open(opens - timedelta(HORIZON)) is None
    assert calendar.next_open(opens - timedelta(HORIZON) + timedelta(seconds=1)) == opens


def test_nothing_asked_is_always_open() -> None:
    at = utc("2025-06-02 00:00")
    assert next_open([], at) == at
    assert Calendar([], at, at + MINUTE).next_open(at) == at
    assert openings([], at, at + MINUTE) == [(at, at + MINUTE)]


def test_no_spans_and_no_holidays_are_one_opening_without_an_end_even_over_new_year() -> None:
    since, until = utc("2025-03-01 00:00"), utc("2027-03-01 00:00")
    assert openings([hours("", BERLIN), floor(DailyHours.parse("00:00-24:00"), BERLIN)], since, until) == [
        (since, until)
    ]


def test_the_openings_of_a_weekend_with_a_change_of_the_clock() -> None:
    asked = [hours("fri-sun 22:00-03:00; sun 02:00-04:00", BERLIN)]
    assert openings(asked, utc("2025-10-25 00:00"), utc("2025-10-27 00:00")) == [
        (utc("2025-10-25 00:00"), utc("2025-10-25 01:00")),  # Friday's, 03:00+02
        (utc("2025-10-25 20:00"), utc("2025-10-26 03:00")),  # 22:00+02 to 04:00+01, through both hours from 02:00
        (utc("2025-10-26 21:00"), utc("2025-10-27 00:00")),  # 22:00+01, cut where the question ends
    ]


def test_no_time_between_two_moments_has_no_openings() -> None:
    at = utc("2025-06-02 12:00")
    assert openings([hours("")], at, at) == openings([hours("")], at, at - MINUTE) == []


def test_a_moment_in_another_zone_is_answered_in_utc() -> None:
    asked = [floor(DECENT, MOSCOW)]
    for at in (datetime(2025, 6, 2, 3, 0, tzinfo=BERLIN), datetime(2025, 6, 2, 12, 0, tzinfo=BERLIN)):
        expected = max(at, utc("2025-06-02 06:00"))
        for answer in (next_open(asked, at), Calendar(asked, at, at + MINUTE).next_open(at)):
            assert answer == expected and answer is not None and answer.tzinfo is UTC


def test_a_naive_moment_is_refused() -> None:
    asked, naive, at = [floor(DECENT, MOSCOW)], datetime(2025, 6, 2, 3, 0), utc("2025-06-02 03:00")  # noqa: DTZ001
    for ask in (
        lambda: next_open(asked, naive),
        lambda: is_open([], naive),
        lambda: Calendar(asked, at, at).next_open(naive),
        lambda: Calendar(asked, naive, at),
    ):
        with pytest.raises(ValueError, match="without a zone"):
            ask()


# --- The same, step by step: what the code must say, worked out by a clock that ticks in minutes

CHANGING = [
    ("Europe/Moscow", ["2010-03-28", "2010-10-31", "2014-10-26", "2025-12-31"]),
    ("Europe/Berlin", ["2025-03-30", "2025-10-26", "2026-03-29"]),
    ("America/New_York", ["2025-03-09", "2025-11-02"]),
    ("Australia/Lord_Howe", ["2025-04-06", "2025-10-05"]),
    ("Pacific/Auckland", ["2025-04-06", "2025-09-28"]),
    ("America/Santiago", ["2025-04-06", "2025-09-07"]),
    ("America/Sao_Paulo", ["2018-11-04", "2019-02-17"]),
    ("Africa/Cairo", ["2025-04-25", "2025-10-31"]),
    ("Pacific/Apia", ["2011-12-30", "2011-12-31"]),
    ("Antarctica/Troll", ["2025-03-30", "2025-10-26"]),
    ("Asia/Kathmandu", ["2024-02-29"]),
]
NIGHTS = [(zone, night) for zone, nights in CHANGING for night in nights]


def reads_inside(one: Hours, at: datetime) -> bool:
    """Whether the wall clock reads inside a span: written from the words of the documentation, not from the code."""
    reading = at.astimezone(one.zone).replace(tzinfo=None)
    for days_ago in (0, 1):
        midnight = datetime.combine(reading.date() - timedelta(days=days_ago), datetime.min.time())
        if one.holidays is not None and midnight.date() in one.holidays.dates:
            continue
        if not one.spans and days_ago == 0:
            return True
        for each in one.spans:
            begin = midnight + each.opens * MINUTE
            end = midnight + each.closes * MINUTE + (timedelta(days=1) if each.closes <= each.opens else timedelta(0))
            if midnight.weekday() in each.days and begin <= reading < end:
                return True
    return False


def all_read_inside(asked: Sequence[Hours], at: datetime) -> bool:
    return all(reads_inside(one, at) for one in asked)


def prove(asked: Sequence[Hours], at: datetime, answer: datetime | None, most: timedelta) -> None:
    """The answer is the least open moment that is not past; walked minute by minute, for as long as ``most``."""
    assert is_open(asked, at) == all_read_inside(asked, at)
    if answer is not None:
        assert answer >= at
        assert all_read_inside(asked, answer)
        assert (answer == at) == is_open(asked, at)
    until = at + most if answer is None else min(answer, at + most)
    minute = at
    while minute < until:  # every offset and every opening is at a whole minute: nothing happens between
        assert not all_read_inside(asked, minute), f"open already at {minute}"
        minute = minute.replace(second=0, microsecond=0) + MINUTE


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """Any hours; those that begin or end at night are likelier than by day."""
    time_of_day = st.one_of(st.integers(0, 240), st.integers(0, 1439), st.integers(1380, 1439))
    opens, closes = draw(time_of_day), draw(st.one_of(time_of_day, st.just(1440)))
    if opens == closes:
        closes = 1440
    days = st.one_of(st.just(frozenset(range(7))), st.frozensets(st.integers(0, 6), min_size=1))
    return Span(draw(days), opens, closes)


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[Hours], datetime]:
    """One or two Hours in zones of any kind, and a moment about a night on which the first one's clock changes."""
    zone, night = draw(st.sampled_from(NIGHTS))
    other = draw(st.one_of(st.just(zone), st.sampled_from(NIGHTS).map(lambda pair: pair[0])))
    at = utc(night) + timedelta(
        minutes=draw(st.integers(-2 * 1440, 2 * 1440)),
        seconds=draw(st.sampled_from([0, 0, 1, 59])),
        microseconds=draw(st.sampled_from([0, 0, 1, 999_999])),
    )
    near = st.integers(-2, 2).map(lambda days: date.fromisoformat(night) + timedelta(days))
    asked = []
    for where in (zone, other)[: draw(st.integers(1, 2))]:
        off = draw(st.one_of(st.none(), st.frozensets(near, max_size=2).map(lambda dates: Holidays(None, dates))))
        asked.append(Hours(tuple(draw(st.lists(spans(), max_size=3))), off, ZoneInfo(where)))
    return asked, at


@settings(deadline=None, max_examples=150)
@given(questions())
def test_the_answer_is_the_least_open_moment_and_never_in_the_past(question: tuple[list[Hours], datetime]) -> None:
    asked, at = question
    prove(asked, at, next_open(asked, at), timedelta(days=4))


@settings(deadline=None, max_examples=60)
@given(
    one=spans(),
    zone=st.sampled_from(sorted(available_timezones() - {"localtime"})),
    at=st.datetimes(datetime(1996, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001
)
def test_it_is_so_in_every_zone_of_the_world(one: Span, zone: str, at: datetime) -> None:
    asked, moment = [Hours((one,), None, ZoneInfo(zone))], at.replace(tzinfo=UTC)
    prove(asked, moment, next_open(asked, moment), timedelta(days=2))


@settings(deadline=None, max_examples=100)
@given(questions(), st.integers(0, 3 * 86_400), st.lists(st.integers(-5 * 86_400, 5 * 86_400), max_size=8))
def test_a_calendar_answers_as_it_would_be_answered_without_it(
    question: tuple[list[Hours], datetime], length: int, seconds: list[int]
) -> None:
    asked, since = question
    until = since + timedelta(seconds=length)
    calendar = Calendar(asked, since, until)
    opened = openings(asked, since, until)
    ends = [end for both in opened for end in both]
    for at in [since, until, *ends, *(since + timedelta(seconds=s) for s in seconds)]:
        assert calendar.next_open(at) == next_open(asked, at)
    assert all(is_open(asked, at) and not is_open(asked, end) for at, end in opened[1:-1])


# --- How hours are written


@pytest.mark.parametrize(
    ("days", "numbers"),
    [
        ("mon", {0}),
        ("mon-thu", {0, 1, 2, 3}),
        ("mon,wed,fri", {0, 2, 4}),
        ("sat-sun,wed", {2, 5, 6}),
        ("fri-mon", {4, 5, 6, 0}),
        ("sun-sat", {0, 1, 2, 3, 4, 5, 6}),
        ("MON - Thu , Sat", {0, 1, 2, 3, 5}),
        ("mon,mon-tue", {0, 1}),
        ("sun-sun", {6}),
        (["mon", "wed-thu"], {0, 2, 3}),
    ],
)
def test_days_are_names_ranges_and_lists(days: object, numbers: set[int]) -> None:
    assert Span.parse({"days": days}) == Span(frozenset(numbers), 0, 1440)


@pytest.mark.parametrize(
    ("time", "opens", "closes"),
    [
        ("10:00-18:00", 600, 1080),
        ("10:00 - 18:00", 600, 1080),
        ("22:00-06:00", 1320, 360),
        ("00:00-24:00", 0, 1440),
        ("18:00-24:00", 1080, 1440),
        ("18:00-00:00", 1080, 0),
        ("", 0, 1440),
        (None, 0, 1440),
    ],
)
def test_a_time_may_pass_midnight_or_be_left_empty(time: object, opens: int, closes: int) -> None:
    assert Span.parse({"days": "mon", "time": time}) == Span(frozenset({0}), opens, closes)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("mon-fri", "days with a time such as"),
        ([], "days with a time such as"),
        (None, "days with a time such as"),
        ({"days": "mon", "tiem": "10:00-18:00"}, "without 'tiem'"),
        ({"days": "mon", 5: "10:00-18:00"}, "without 5"),
        ({}, "days such as mon-fri"),
        ({"time": "10:00-18:00"}, "days such as mon-fri"),
        *(
            ({"days": days}, "of mon, tue, wed, thu, fri, sat, sun")
            for days in (
                "",
                " ",
                ",",
                "mon,",
                "monday",
                "mon-",
                "-mon",
                "mon-fri-sat",
                "mon fri",
                "8",
                1,
                None,
                [],
                [1],
            )
        ),
        *(
            ({"days": "mon", "time": time}, "days with a time such as 10:00-18:00 or 22:00-06:00")
            for time in ("10:00-10:00", "00:00-00:00", "10-18", "10:00", "25:00-26:00", "10:60-11:00", "24:00-06:00")
        ),
        ({"days": "mon", "time": 10}, "days with a time such as"),
        ({"days": "mon", "time": "10:00–18:00"}, "days with a time such as"),
        ({"days": "mon", "time": "١٠:٠٠-١٨:٠٠"}, "days with a time such as"),
        ({"days": "mon", "time": "00:00-24:01"}, "days with a time such as"),
    ],
)
def test_what_is_no_span_is_refused_with_what_is_allowed(value: object, says: str) -> None:
    with pytest.raises(ValueError) as error:
        Span.parse(value)
    assert says in str(error.value)


@pytest.mark.parametrize(("days", "opens", "closes"), [([], 0, 1440), ([7], 0, 1440), ([0], 600, 600), ([0], 0, 1441)])
def test_a_span_that_never_opens_is_not_made(days: list[int], opens: int, closes: int) -> None:
    with pytest.raises(ValueError, match="days"):
        Span(frozenset(days), opens, closes)


@pytest.mark.parametrize(
    ("days", "written"),
    [
        ("mon", "mon"),
        ("mon,tue", "mon,tue"),
        ("mon,tue,wed", "mon-wed"),
        ("sat-sun,wed", "wed,sat,sun"),
        ("fri-mon", "mon,fri-sun"),
        ("sun,mon,tue,wed,thu,fri,sat", "mon-sun"),
        ("mon-wed,fri-sun", "mon-wed,fri-sun"),
    ],
)
def test_days_are_written_as_ranges_where_three_are_in_a_row(days: str, written: str) -> None:
    assert Span.parse({"days": days}).as_dict() == {"days": written}


def test_a_span_is_written_with_its_time() -> None:
    fields = {"days": "mon-thu", "time": "22:00-06:00"}
    assert Span.parse(fields).as_dict() == fields


@given(spans())
def test_a_span_is_read_as_it_was_written(one: Span) -> None:
    assert Span.parse(one.as_dict()) == one
    assert Span.parse(one) is one


# --- Holidays


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("RU", "RU"),
        ("ru", "RU"),
        (["RU"], "RU"),
        ("de-by", "DE-BY"),
        (["2026-05-04", "2025-01-02", "2026-05-04"], ["2025-01-02", "2026-05-04"]),
        ([date(2026, 5, 4)], ["2026-05-04"]),
        (["2026-05-04", "RU"], ["RU", "2026-05-04"]),
    ],
)
def test_holidays_are_a_country_dates_or_both(value: object, written: object) -> None:
    read = Holidays.parse(value)
    assert read is not None and read.as_value() == written
    assert Holidays.parse(read.as_value()) == Holidays.parse(read) == read


def test_no_holidays_are_none() -> None:
    assert Holidays.parse(None) is None and Holidays.parse([]) is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("XX", "two letters, such as RU or DE"),
        ("UK", "not 'UK'"),
        ("Russia", "two letters"),
        ("", "two letters"),
        (5, "two letters"),
        (True, "two letters"),
        ({"RU": 1}, "two letters"),
        ([None], "two letters"),
        ([["RU"]], "two letters"),
        ("04.05.2026", "dates such as 2026-05-04"),
        (["2026-5-4"], "dates such as 2026-05-04"),
        (["20260504"], "dates such as 2026-05-04"),
        (["2026-02-29"], "there is no day 2026-02-29"),
        ([datetime(2026, 5, 4, tzinfo=UTC)], "dates such as 2026-05-04"),
        (["RU", "BY"], "one country and dates, not 2 countries: BY, RU"),
        ("DE-XX", "DE or a part of it: DE-BB,"),
        ("RU-MOW", "RU alone"),
    ],
)
def test_what_are_no_holidays_is_refused_with_what_is_allowed(value: object, says: str) -> None:
    with pytest.raises(ValueError) as error:
        Holidays.parse(value)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("value", "day", "falls"),
    [
        ("RU", "2025-01-07", True),
        ("RU", "2025-01-09", False),
        ("RU", "2026-05-09", True),
        ("US", "2021-12-31", True),  # New Year's Day 2022 was a Saturday: observed in the year before
        ("DE", "2026-06-04", False),
        ("DE-BY", "2026-06-04", True),
        (["RU", "2026-06-04"], "2026-06-04", True),
        (["RU", "2026-06-04"], "2027-06-04", False),
    ],
)
def test_a_holiday_is_known_by_its_date(value: object, day: str, falls: bool) -> None:
    read = Holidays.parse(value)
    assert read is not None and read.falls_on(date.fromisoformat(day)) is falls


def test_a_country_that_is_not_known_makes_no_holidays() -> None:
    with pytest.raises(ValueError, match="not 'XX'"):
        Holidays("XX")


# --- The floor's own words


def test_the_whole_day_on_every_day_is_round_the_clock() -> None:
    assert DailyHours.parse("00:00-24:00").round_the_clock
    assert not DailyHours.parse("00:00-23:59").round_the_clock


@pytest.mark.parametrize(
    "text", ["09:00-09:00", "00:00-00:00", "9-21", "09:00", "25:00-26:00", "09:60-10:00", "24:00-06:00", None, 9]
)
def test_hours_that_never_open_or_are_none_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match="hours such as"):
        DailyHours.parse(text)


@pytest.mark.parametrize("text", ["09:00-21:00", "22:00-06:00", "00:00-24:00", "21:00-24:00", "21:00-00:00"])
def test_hours_are_written_as_they_were_read(text: str) -> None:
    assert str(DailyHours.parse(text)) == text
