"""How often clients are called, and when the breaker opens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterisk_missed.rules.caps import Capped, Caps, Dialled, capped, prefix_of

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)  # of Moscow
CAPS = Caps(max_per_number_per_day=3, max_per_prefix_per_hour=4, max_per_day=10, max_minutes_per_day=60)


def ask(dialled: Dialled, caps: Caps = CAPS) -> Capped | None:
    return capped(dialled, caps, NOW, MIDNIGHT)


def ago(*minutes: float) -> tuple[datetime, ...]:
    return tuple(NOW - timedelta(minutes=m) for m in minutes)


def test_nothing_dialled_is_no_cap() -> None:
    assert ask(Dialled()) is None
    assert ask(Dialled(number_today=2, prefix_last_hour=ago(1, 2, 3), today=9, minutes_today=59.9)) is None


def test_a_number_that_had_its_calls_today_is_done() -> None:
    assert ask(Dialled(number_today=3)) == Capped("daily_cap", None, "this number was called 3 times today")


def test_one_call_is_once() -> None:
    found = ask(Dialled(number_today=1), Caps(max_per_number_per_day=1))
    assert found is not None and found.ground == "this number was called once today"


def test_the_calls_of_a_day_go_on_at_midnight() -> None:
    assert ask(Dialled(today=10)) == Capped("daily_cap", MIDNIGHT, "10 calls were made today, 10 are allowed")


def test_the_minutes_of_a_day_go_on_at_midnight() -> None:
    found = ask(Dialled(minutes_today=60.2))
    assert found == Capped("daily_cap", MIDNIGHT, "60 minutes were talked today, 60 are allowed")


class TestPrefix:
    def test_the_next_goes_when_the_oldest_leaves_the_hour(self) -> None:
        found = ask(Dialled(prefix_last_hour=ago(5, 50, 20, 30)))
        assert found == Capped(
            "held_limit", NOW + timedelta(minutes=10), "4 calls to numbers of the same prefix within an hour"
        )

    def test_of_too_many_so_many_have_to_leave(self) -> None:
        found = ask(Dialled(prefix_last_hour=ago(50, 40, 30, 20, 10, 5)))
        assert found is not None and found.until == NOW + timedelta(minutes=30)

    def test_what_is_an_hour_old_counts_no_longer(self) -> None:
        assert ask(Dialled(prefix_last_hour=ago(60, 20, 10, 5))) is None

    @given(st.lists(st.floats(min_value=0, max_value=90), max_size=12))
    def test_at_its_time_it_holds_no_longer_and_a_moment_before_it_does(self, minutes: list[float]) -> None:
        dialled = Dialled(prefix_last_hour=ago(*minutes))
        found = ask(dialled)
        if found is not None:
            assert found.until is not None and NOW < found.until <= NOW + timedelta(hours=1)
            assert capped(dialled, CAPS, found.until, MIDNIGHT) is None
            assert capped(dialled, CAPS, found.until - timedelta(microseconds=1), MIDNIGHT) is not None


class TestBreaker:
    CAPS = Caps(breaker_attempts=40)
    NONE = (False,) * 40

    def ask(self, recent: tuple[bool, ...], minutes: float = 3, caps: Caps = CAPS) -> Capped | None:
        return ask(Dialled(recent=recent, last_at=NOW - timedelta(minutes=minutes)), caps)

    def test_it_opens_and_shouts_when_hardly_anybody_answers(self) -> None:
        ground = "of the last 40 calls 1 were answered: who was called is worth a look"
        found = self.ask((True, *self.NONE[1:]))
        assert found == Capped("held_limit", NOW + timedelta(minutes=7), ground, alarm=True)

    def test_one_in_twenty_is_enough(self) -> None:
        assert self.ask((True, True, *self.NONE[2:])) is None

    def test_it_judges_no_fewer_attempts_than_it_was_told(self) -> None:
        assert self.ask(self.NONE[1:]) is None

    def test_only_the_latest_attempts_count(self) -> None:
        assert self.ask((*self.NONE, *(True,) * 40)) is not None
        assert self.ask((*(True,) * 40, *self.NONE)) is None

    def test_ten_minutes_after_the_last_attempt_one_may_try(self) -> None:
        assert self.ask(self.NONE, minutes=9.99) is not None
        assert self.ask(self.NONE, minutes=10) is None

    def test_nought_switches_it_off(self) -> None:
        assert self.ask(self.NONE, caps=Caps(breaker_attempts=0)) is None

    def test_other_caps_do_not_shout(self) -> None:
        found = ask(Dialled(number_today=3))
        assert found is not None and not found.alarm


def test_what_ends_a_callback_is_said_before_what_holds_it() -> None:
    everything = Dialled(3, ago(1, 2, 3, 4), 10, 60, (False,) * 50, NOW)
    found = ask(everything)
    assert found is not None and found.until is None


@pytest.mark.parametrize(
    ("number", "prefix"),
    [
        ("+79161234567", "+7916"),
        ("+74951234567", "+7495"),
        ("+12015550123", "+1201"),
        ("+442079460123", "+4420"),
        ("+493012345678", "+4930"),
        ("+3725123456", "+372512"),  # no area codes
        ("+390612345678", "+3906"),  # the zero stays
    ],
)
def test_neighbouring_numbers_share_a_prefix(number: str, prefix: str) -> None:
    assert prefix_of(number) == prefix


@given(st.from_regex(r"\A\+79[0-9]{9}\Z"))
def test_a_prefix_begins_its_number(number: str) -> None:
    assert number.startswith(prefix_of(number)) and len(prefix_of(number)) == 5


def test_what_is_no_number_has_no_prefix() -> None:
    with pytest.raises(ValueError, match="not an E"):
        prefix_of("anonymous")


def test_who_waits_behind_others_for_room_in_a_prefix_is_put_off_for_longer() -> None:
    began = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
    hour = tuple(began + timedelta(minutes=n) for n in range(3))
    caps, next_day = Caps(max_per_prefix_per_hour=3), began + timedelta(days=1)
    for waiting, hours in ((0, 1), (2, 1), (3, 2), (7, 3)):
        held = capped(
            Dialled(prefix_last_hour=hour, prefix_put_off=waiting), caps, began + timedelta(minutes=5), next_day
        )
        assert held is not None and held.until == began + timedelta(hours=hours)
