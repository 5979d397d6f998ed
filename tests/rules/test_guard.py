"""Which numbers are one number, and which may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterisk_missed.rules.guard import as_dialled, normalise, passes, refusal


@pytest.mark.parametrize(
    "text",
    ["+79161234567", "79161234567", "89161234567", "9161234567", "0079161234567", "81079161234567"],
)
def test_a_russian_number_is_one_number_however_the_trunk_writes_it(text: str) -> None:
    assert normalise(text, "RU") == "+79161234567"


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        # Digits alone: a number at home where that can be, else one from abroad that lost its plus.
        ("49301234567", "RU", "+49301234567"),
        ("375291234567", "RU", "+375291234567"),
        ("12015550123", "RU", "+12015550123"),
        ("4951234567", "RU", "+74951234567"),  # Moscow; it could be German too
        ("84951234567", "RU", "+74951234567"),  # Moscow; it could be Vietnamese too
        ("+84951234567", "RU", "+84951234567"),  # a plus is believed
        ("+4951234567", "RU", "+4951234567"),
        ("77011234567", "RU", "+77011234567"),  # Kazakhstan shares the 7
        ("87011234567", "RU", "+77011234567"),
        ("2015550123", "US", "+12015550123"),
        ("12015550123", "US", "+12015550123"),
        ("01179161234567", "US", "+79161234567"),
        ("03012345678", "DE", "+493012345678"),
        ("00493012345678", "RU", "+493012345678"),
        # No complete number of any country.
        ("101", "RU", None),
        ("1012", "RU", None),
        ("112", "RU", None),
        ("+112", "RU", None),
        ("1234567", "RU", None),
        ("7916123456", "RU", None),
        ("+7916123456", "RU", None),
        ("00", "RU", None),
        ("anonymous", "RU", None),
        ("", "RU", None),
    ],
)
def test_a_number_is_read_as_documented(text: str, country: str, expected: str | None) -> None:
    assert normalise(text, country) == expected


@given(st.from_regex(r"\A9[0-9]{9}\Z"))
def test_all_ways_to_write_a_mobile_number_agree(national: str) -> None:
    ways = {normalise(before + national, "RU") for before in ("+7", "7", "8", "007", "8107")}
    assert len(ways) == 1


@given(st.text(max_size=25), st.sampled_from(["RU", "DE", "US"]))
def test_whatever_is_normalised_passes_the_gate_and_stays_itself(text: str, country: str) -> None:
    number = normalise(text, country)
    if number is not None:
        assert passes(text) and passes(number) and number.startswith("+")
        assert normalise(number, country) == number


@given(st.from_regex(r"\A\+?[0-9]{3,20}\Z"))
def test_no_number_of_another_country_is_ever_allowed(text: str) -> None:
    if refusal(text, country="RU") is None:
        number = normalise(text, "RU")
        assert number is not None and number.startswith("+7") and number[2] not in "67"


HOSTILE = [
    "",
    "12",
    "1" * 21,
    "+",
    "++79161234567",
    "79161234567\n",
    "7916 1234567",
    "٧٩١٦١٢٣٤٥٦٧",
    "7916&101",
    "anonymous",
    "*60",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_fails_the_gate_is_a_bad_number(text: str) -> None:
    assert not passes(text)
    assert refusal(text, country="RU") == "bad_number"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("89161234567", None),
        ("84956667788", None),
        ("88005553535", None),  # toll-free: costs nobody anything
        ("1234567", "bad_number"),  # a number without its area code
        ("+7916123456", "bad_number"),
        ("84951234567", "refused_number"),  # our own, written another way
        ("101", "refused_number"),  # an employee
        ("112", "refused_number"),
        ("103", "refused_number"),
        ("88091234567", "refused_number"),  # premium rate
        ("+12015550123", "refused_number"),
        ("87011234567", "refused_number"),  # Kazakhstan behind the same country code
        ("+882161234567", "refused_number"),  # a satellite telephone
    ],
)
def test_only_ordinary_numbers_at_home_may_be_called(text: str, expected: str | None) -> None:
    assert refusal(text, country="RU", dids=("+74951234567",), extensions=("1XX",)) == expected


def test_an_extension_pattern_of_any_length_does_not_refuse_every_client() -> None:
    assert refusal("89161234567", country="RU", extensions=(".",)) is None
    assert refusal("5555", country="RU", extensions=(".",)) == "refused_number"


def test_an_extension_that_looks_like_a_number_at_home_is_refused() -> None:
    assert refusal("84956667788", country="RU", extensions=("8495666XXXX",)) == "refused_number"


@pytest.mark.parametrize(
    ("number", "number_format", "expected"),
    [
        ("+79161234567", "e164", "+79161234567"),
        ("+79161234567", "digits", "79161234567"),
        ("+79161234567", "national", "89161234567"),
        ("+493012345678", "national", "810493012345678"),
    ],
)
def test_a_number_is_written_as_the_trunk_wants_it(number: str, number_format: str, expected: str) -> None:
    assert as_dialled(number, number_format, "RU") == expected


@pytest.mark.parametrize(
    ("number", "number_format"), [("79161234567", "e164"), ("+7916x", "e164"), ("+79161234567", "x")]
)
def test_nothing_else_is_written(number: str, number_format: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        as_dialled(number, number_format, "RU")
