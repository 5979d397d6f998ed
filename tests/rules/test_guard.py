"""Which numbers are one number, and which may be called."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from asterisk_missed.rules.countries import COUNTRIES
from asterisk_missed.rules.guard import (
    DENIED_TYPES,
    TYPES,
    Gate,
    Refusal,
    as_dialled,
    normalise,
    passes,
    refusal,
    zone_of,
)

NUMBERS = Path(__file__).with_name("numbers.csv")
VERDICTS = {"bad_number": "bad", "refused_number": "refused"}

# Whose numbers the table's rows "own DID" and "extension" are.
OWN = {
    "RU": ("+74951234567", "88007000600"),
    "US": ("2122220100",),
    "GB": ("02072220100",),
    "DE": ("0302220100",),
    "FR": ("0142220100",),
    "IT": ("0622220100",),
    "ES": ("912220100",),
    "PL": ("222220100",),
    "UA": ("0442220100",),
    "KZ": ("87272220100",),
    "AU": ("0292220100",),
}
EXTENSIONS = ("1XX", "2[0-5]X")

RUSSIA = Gate("RU", dids=OWN["RU"], extensions=EXTENSIONS)


def reason(text: str, gate: Gate) -> str | None:
    refused = refusal(text, gate)
    return refused.reason if refused else None


def table() -> list[dict[str, str]]:
    with NUMBERS.open(newline="", encoding="utf-8") as rows:
        return list(csv.DictReader(rows))


def verdict(text: str, gate: Gate) -> str:
    refused = refusal(text, gate)
    return VERDICTS[refused.reason] if refused else f"ok {normalise(text, gate.country)}"


def test_every_number_of_the_table_gets_its_verdict() -> None:
    gates = {home: Gate(home, dids=OWN.get(home, ()), extensions=EXTENSIONS) for home in COUNTRIES}
    rows = table()
    wrong = [
        f"{row['written']!r} at home in {row['home']}: {row['verdict']} ({row['why']}), not {said}"
        for row in rows
        if (said := verdict(row["written"], gates[row["home"]])) != row["verdict"]
    ]
    assert wrong == []
    assert len(rows) >= 1000


def test_the_table_has_no_row_twice_and_ordinary_numbers_of_every_home() -> None:
    rows = table()
    assert len({(row["written"], row["home"]) for row in rows}) == len(rows)
    ordinary = {row["home"] for row in rows if row["verdict"].startswith("ok +")}
    assert {row["home"] for row in rows} <= ordinary
    assert len(ordinary) >= 30


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


HOMES = ["RU", "US", "GB", "DE", "FR", "IT", "ES", "PL", "UA", "KZ", "AU", "BR"]
TEXTS = st.one_of(
    st.from_regex(r"\A\+?[0-9]{3,20}\Z"),
    # Ones that are nearly right: the code or the trunk prefix of a home before digits.
    st.builds(
        "{}{}".format,
        st.sampled_from(
            ["+7", "7", "8", "+1", "1", "+44", "0", "+49", "0049", "810", "+39", "+34", "+61", "+48", "+380"]
        ),
        st.from_regex(r"\A[0-9]{7,12}\Z"),
    ),
)


@given(TEXTS, st.sampled_from(HOMES))
def test_whatever_is_let_through_is_a_complete_number_of_the_country_and_of_an_ordinary_type(
    text: str, home: str
) -> None:
    if refusal(text, Gate(home)) is None:
        e164 = normalise(text, home)
        assert e164 is not None and passes(e164) and e164.startswith("+")
        number = phonenumbers.parse(e164, None)
        assert phonenumbers.is_valid_number_for_region(number, home)
        assert phonenumbers.number_type(number) in {
            phonenumbers.PhoneNumberType.FIXED_LINE,
            phonenumbers.PhoneNumberType.MOBILE,
            phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
            phonenumbers.PhoneNumberType.TOLL_FREE,
            phonenumbers.PhoneNumberType.VOIP,
        }


@given(TEXTS, st.sampled_from(HOMES))
def test_no_writing_lets_through_what_another_does_not(text: str, home: str) -> None:
    gate = Gate(home, extensions=EXTENSIONS)
    e164 = normalise(text, home)
    if e164 is not None and refusal(text, gate) is None:
        ways = (e164, "00" + e164[1:], as_dialled(e164, "national", home))
        assert [refusal(way, gate) for way in ways] == [None] * 3
        assert {normalise(way, home) for way in ways} == {e164}


@given(st.from_regex(r"\A[3489][0-9]{9}\Z"))
def test_all_writings_of_a_russian_number_are_judged_alike(national: str) -> None:
    ways = [before + national for before in ("+7", "7", "8", "007", "8107")]
    assume(normalise(ways[0], "RU"))  # else a writing without a plus may be a number abroad
    assert len({refusal(way, RUSSIA) for way in ways}) == 1


@given(st.text(max_size=25))
def test_any_text_is_judged(text: str) -> None:
    refused = refusal(text, RUSSIA)
    assert refused is None or refused.ground


def test_the_grounds_are_said_in_words() -> None:
    said = {text: refusal(text, RUSSIA) for text in ("+5351234567", "88091234567", "4951234567", "105", "8112", "*72")}
    assert said == {
        "+5351234567": Refusal("refused_number", "numbers of Cuba (+53) are not called"),
        "88091234567": Refusal("refused_number", "premium rate"),
        "4951234567": Refusal("refused_number", "one of our own numbers"),
        "105": Refusal("refused_number", "an employee's extension"),
        "8112": Refusal("refused_number", "an emergency number"),
        "*72": Refusal("bad_number", "not 3 to 20 digits"),
    }


def test_satellites_have_no_country_in_their_ground() -> None:
    assert refusal("+881612345678", RUSSIA) == Refusal("refused_number", "satellite numbers (+881) are not called")


HOSTILE = ["", "12", "1" * 21, "+", "++79161234567", "79161234567\n", "7916 1234567", "٧٩١٦١٢٣٤٥٦٧", "7916&101", "*60"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_fails_the_gate_is_a_bad_number(text: str) -> None:
    assert not passes(text)
    assert reason(text, RUSSIA) == "bad_number"


def test_an_extension_pattern_of_any_length_does_not_refuse_every_client() -> None:
    gate = Gate("RU", extensions=(".",))
    assert refusal("89161234567", gate) is None
    assert reason("5555", gate) == "refused_number"


@pytest.mark.parametrize("text", ["84956667788", "+74956667788", "4956667788"])
def test_an_extension_that_looks_like_a_number_at_home_is_refused_in_every_writing(text: str) -> None:
    assert reason(text, Gate("RU", extensions=("8495666XXXX",))) == "refused_number"


def test_an_own_number_that_is_no_complete_one_is_refused_as_it_is_written() -> None:
    assert reason("6667788", Gate("RU", dids=("6667788",))) == "refused_number"
    assert reason("6667788", Gate("RU")) == "bad_number"


@pytest.mark.parametrize("home", HOMES)
def test_emergency_numbers_are_refused_whatever_the_prefixes_allow(home: str) -> None:
    everything = Gate(home, allow_prefixes=tuple("123456789"), deny_types=frozenset())
    assert {reason(text, everything) for text in ("112", "911", "+112", "00112")} == {"refused_number"}


class TestCountries:
    def test_none_named_means_home(self) -> None:
        assert refusal("+79161234567", Gate("RU")) is None
        assert reason("+375291234567", Gate("RU")) == "refused_number"

    def test_named_ones_are_called_and_no_others(self) -> None:
        gate = Gate("RU", countries=("BY", "KZ"))
        assert refusal("+375291234567", gate) is None
        assert refusal("87011234567", gate) is None
        assert reason("+79161234567", gate) == "refused_number"

    def test_a_number_of_a_shared_plan_belongs_to_each_of_its_countries(self) -> None:
        assert refusal("+18002345678", Gate("CA")) is None
        assert reason("+12127365000", Gate("CA")) == "refused_number"

    def test_digits_that_begin_like_an_emergency_call_are_no_number_abroad_without_their_plus(self) -> None:
        gate = Gate("US", countries=("US", "IN"))
        assert refusal("+911123456789", gate) is None
        assert reason("911123456789", gate) == "refused_number"


class TestPrefixes:
    def test_an_allowed_one_opens_a_country_in_part(self) -> None:
        gate = Gate("RU", allow_prefixes=("+37529",))
        assert refusal("+375291234567", gate) is None
        assert reason("+375172345678", gate) == "refused_number"

    def test_a_denied_one_closes_home_in_part(self) -> None:
        gate = Gate("RU", deny_prefixes=("7940", "+7916"))
        assert refusal("89161234567", gate) == Refusal("refused_number", "numbers that begin with +7916 are not called")
        assert refusal("89171234567", gate) is None

    @pytest.mark.parametrize(
        ("number", "expected"),
        [
            ("+375291234567", None),
            ("+375292234567", "refused_number"),
            ("+375291334567", "refused_number"),
            ("+375172345678", "refused_number"),
        ],
    )
    def test_the_longest_wins(self, number: str, expected: str | None) -> None:
        gate = Gate("RU", allow_prefixes=("+375291",), deny_prefixes=("+375", "+3752913"))
        assert reason(number, gate) == expected

    def test_allow_wins_over_deny_of_the_same_length(self) -> None:
        assert refusal("89161234567", Gate("RU", allow_prefixes=("7916",), deny_prefixes=("+7916",))) is None

    def test_a_country_code_does_not_open_its_dear_numbers(self) -> None:
        gate = Gate("RU", allow_prefixes=("+44",))
        assert refusal("+442079461234", gate) is None
        assert refusal("+449012345678", gate) == Refusal("refused_number", "premium rate")
        assert refusal("+447012345678", gate) == Refusal("refused_number", "personal number")

    @pytest.mark.parametrize(
        ("prefix", "number"), [("+4470", "+447012345678"), ("7809", "88091234567"), ("+881", "+881612345678")]
    )
    def test_one_that_names_a_dear_range_opens_it(self, prefix: str, number: str) -> None:
        assert reason(number, Gate("RU")) == "refused_number"
        assert refusal(number, Gate("RU", allow_prefixes=(prefix,))) is None

    @pytest.mark.parametrize("text", ["+74951234567", "4951234567", "112", "105"])
    def test_none_opens_our_own_numbers_or_emergency_ones(self, text: str) -> None:
        gate = replace(RUSSIA, allow_prefixes=("+7", "+7495123", "+74951234567", "112", "105"))
        assert reason(text, gate) == "refused_number"


class TestTypes:
    def test_each_denied_one_is_a_word_with_its_ground(self) -> None:
        assert TYPES.keys() >= DENIED_TYPES

    def test_only_the_named_ones_are_denied(self) -> None:
        assert reason("88005553535", Gate("RU", deny_types=frozenset({"toll_free"}))) == "refused_number"
        assert refusal("88091234567", Gate("RU", deny_types=frozenset({"toll_free"}))) is None

    def test_what_no_plan_has_given_out_stays_bad_with_none_denied(self) -> None:
        assert reason("88051234567", Gate("RU", deny_types=frozenset())) == "bad_number"


def test_gates_of_the_same_words_are_equal() -> None:
    assert Gate("RU", dids=("74951234567",)) == Gate("RU", dids=("74951234567",))
    assert hash(Gate("RU", dids=("74951234567",))) == hash(Gate("RU", dids=("74951234567",)))
    assert Gate("RU") != Gate("KZ")


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+74951234567", "Europe/Moscow"),
        ("+73431234567", "Asia/Yekaterinburg"),
        ("+493012345678", "Europe/Berlin"),
        ("+12015550123", "America/New_York"),
        ("+79161234567", None),  # a mobile may be anywhere in Russia
        ("+78005553535", None),
        ("+870773111632", None),
        ("+7", None),
        ("105", None),
        ("anonymous", None),
    ],
)
def test_a_number_has_the_time_zone_of_its_place_if_it_has_one(number: str, zone: str | None) -> None:
    found = zone_of(number)
    assert (found.key if found else None) == zone


def test_every_country_has_a_name() -> None:
    assert COUNTRIES.keys() == phonenumbers.SUPPORTED_REGIONS


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
