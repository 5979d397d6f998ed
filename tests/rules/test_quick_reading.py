"""Nearly every E.164 number is read the quick way: as phonenumbers would have read it."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_missed.rules.guard import _full_reading, _quick_reading

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@st.composite
def e164(draw: st.DrawFn) -> str:
    """A number that is one of some country's examples, or begins like one."""
    region = draw(st.sampled_from(REGIONS))
    kind = draw(st.sampled_from(sorted(phonenumbers.supported_types_for_region(region))))
    example = phonenumbers.example_number_for_type(region, kind)
    written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164) if example else "+79161234567"
    kept = draw(st.integers(2, len(written)))
    tail = draw(st.text("0123456789", min_size=len(written), max_size=len(written)))
    return (written[:kept] + tail)[: len(written) + draw(st.sampled_from((-1, 0, 0, 0, 0, 1)))]


@settings(deadline=None, max_examples=1_500)
@given(e164())
def test_a_number_is_read_alike_in_both_ways(number: str) -> None:
    quick = _quick_reading(number)
    assert quick is None or quick == _full_reading(number, "RU")


@pytest.mark.parametrize(
    ("number", "quick"),
    [
        *(("+79161234567", True), ("+74957654321", True), ("+79541234567", True), ("+375291234567", True)),
        *(("+4915112345678", True), ("+12015550123", True)),
        *(
            ("+78121234567", False),
            ("+7916123456", False),
            ("+390612345678", False),
            ("+8816123456", False),
        ),  # the long way
    ],
)
def test_ordinary_numbers_are_read_the_quick_way(number: str, quick: bool) -> None:
    assert (_quick_reading(number) is not None) == quick
