"""When a client may be called: the floor, asked of a moment in any zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_missed.rules.hours import DailyHours, is_open, next_open

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
FLOOR = DailyHours.parse("09:00-21:00")
NIGHT = DailyHours.parse("22:00-06:00")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def opening(hours: str, at: str, zone: str) -> str:
    """The next opening, as the UTC text that the tables below hold."""
    return next_open(DailyHours.parse(hours), utc(at), ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2025-06-02 05:59:59", "2025-06-02 06:00:00"),  # 08:59:59 in Moscow
        ("2025-06-02 06:00:00", "2025-06-02 06:00:00"),
        ("2025-06-02 12:34:56", "2025-06-02 12:34:56"),
        ("2025-06-02 17:59:59", "2025-06-02 17:59:59"),
        ("2025-06-02 18:00:00", "2025-06-03 06:00:00"),  # 21:00 is closed already
        ("2025-12-31 23:30:00", "2026-01-01 06:00:00"),
    ],
)
def test_a_closed_moment_waits_for_nine_oclock_in_moscow(at: str, expected: str) -> None:
    assert opening("09:00-21:00", at, "Europe/Moscow") == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2025-06-02 18:59:59", "2025-06-02 19:00:00"),
        ("2025-06-02 22:00:00", "2025-06-02 22:00:00"),  # 01:00
        ("2025-06-03 02:59:59", "2025-06-03 02:59:59"),
        ("2025-06-03 03:00:00", "2025-06-03 19:00:00"),
    ],
)
def test_hours_may_pass_midnight(at: str, expected: str) -> None:
    assert opening("22:00-06:00", at, "Europe/Moscow") == expected


# The nights on which the clocks change, each looked at from the evening before or from inside.
DST_NIGHTS = [
    # Berlin, 30 March 2025: 02:00 +01 becomes 03:00 +02
    ("02:30-05:00", "2025-03-30 00:00", "Europe/Berlin", "2025-03-30 01:00:00"),  # 02:30 is leapt over: 03:00 it is
    ("09:00-21:00", "2025-03-29 20:30", "Europe/Berlin", "2025-03-30 07:00:00"),
    ("02:10-02:50", "2025-03-29 02:00", "Europe/Berlin", "2025-03-31 00:10:00"),  # never open that day
    # Berlin, 26 October 2025: 03:00 +02 becomes 02:00 +01
    ("02:30-05:00", "2025-10-26 00:00", "Europe/Berlin", "2025-10-26 00:30:00"),  # the first 02:30
    ("02:30-02:45", "2025-10-26 00:50", "Europe/Berlin", "2025-10-26 01:30:00"),  # the second 02:30
    ("01:00-02:30", "2025-10-26 00:40", "Europe/Berlin", "2025-10-26 01:00:00"),  # the clock is put back into the hours
    ("09:00-21:00", "2025-10-25 19:30", "Europe/Berlin", "2025-10-26 08:00:00"),
    # New York, 9 March and 2 November 2025
    ("02:15-04:00", "2025-03-09 06:00", "America/New_York", "2025-03-09 07:00:00"),
    ("09:00-21:00", "2025-11-02 02:00", "America/New_York", "2025-11-02 14:00:00"),
    # Lord Howe moves by half an hour: 5 October 2025, 02:00 +10:30 becomes 02:30 +11
    ("02:10-03:00", "2025-10-04 15:00", "Australia/Lord_Howe", "2025-10-04 15:30:00"),
    # Santiago changes at midnight: 7 September 2025, 00:00 -04 becomes 01:00 -03
    ("00:00-06:00", "2025-09-07 03:00", "America/Santiago", "2025-09-07 04:00:00"),
    # Samoa left out 30 December 2011
    ("09:00-21:00", "2011-12-30 08:00", "Pacific/Apia", "2011-12-30 19:00:00"),
]


@pytest.mark.parametrize(("hours", "at", "zone", "expected"), DST_NIGHTS)
def test_the_opening_is_right_when_the_clocks_change(hours: str, at: str, zone: str, expected: str) -> None:
    assert opening(hours, at, zone) == expected


ZONES = [
    "Europe/Moscow",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kathmandu",
]
CHANGES = [
    "2025-03-09",
    "2025-03-30",
    "2025-04-06",
    "2025-09-07",
    "2025-10-05",
    "2025-10-26",
    "2025-11-02",
    "2025-06-15",
]


@settings(deadline=None, max_examples=150)
@given(
    opens=st.integers(0, 1439),
    length=st.integers(1, 1439),
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(CHANGES),
    minutes=st.integers(-1440, 2 * 1440),
    seconds=st.integers(0, 59),
)
def test_the_answer_is_the_first_open_moment_and_never_in_the_past(
    opens: int, length: int, zone: str, day: str, minutes: int, seconds: int
) -> None:
    hours = DailyHours(opens, (opens + length) % 1440)
    where, at = ZoneInfo(zone), utc(day) + timedelta(minutes=minutes, seconds=seconds)
    answer = next_open(hours, at, where)
    assert answer >= at
    assert is_open(hours, answer, where)
    if answer > at:  # every whole minute between is closed, and so is the last second
        minute = at.replace(second=0) + timedelta(minutes=1)
        assert not is_open(hours, at, where)
        assert not is_open(hours, answer - timedelta(seconds=1), where)
        while minute < answer:
            assert not is_open(hours, minute, where)
            minute += timedelta(minutes=1)


def test_round_the_clock_never_waits() -> None:
    hours = DailyHours.parse("00:00-24:00")
    assert hours.round_the_clock
    assert next_open(hours, utc("2025-06-02 00:00"), MOSCOW) == utc("2025-06-02 00:00")


def test_an_open_moment_is_its_own_opening_to_the_microsecond() -> None:
    at = utc("2025-06-02 17:59:59.999999")
    assert next_open(FLOOR, at, MOSCOW) == at


def test_a_moment_in_another_zone_is_answered_in_utc() -> None:
    at = datetime(2025, 6, 2, 3, 0, tzinfo=BERLIN)
    answer = next_open(FLOOR, at, MOSCOW)
    assert answer == utc("2025-06-02 06:00") and answer.tzinfo is UTC


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        next_open(FLOOR, datetime(2025, 6, 2, 3, 0), MOSCOW)  # noqa: DTZ001


@pytest.mark.parametrize(
    "text", ["09:00-09:00", "00:00-00:00", "9-21", "09:00", "25:00-26:00", "09:60-10:00", "24:00-06:00"]
)
def test_hours_that_never_open_or_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="hours such as"):
        DailyHours.parse(text)


@pytest.mark.parametrize("text", ["09:00-21:00", "22:00-06:00", "00:00-24:00", "21:00-24:00", "21:00-00:00"])
def test_hours_are_written_as_they_were_read(text: str) -> None:
    assert str(DailyHours.parse(text)) == text
