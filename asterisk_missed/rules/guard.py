"""Which numbers may be called, how they are compared, and how they are written for a trunk.

Values in, values out: no telephone, no database, no clock. What passes here may be put into a dial string.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType
from phonenumbers import shortnumberinfo as short_numbers

from ..calls.lines import NUMBER, asterisk_pattern

SHORTEST_SUBSCRIBER = 6  # digits; what is shorter and has no + is an internal, service or emergency number

BAD_NUMBER = "bad_number"
REFUSED_NUMBER = "refused_number"

# Numbers whose calls cost more than a call, or reach no person: the traps of those who ring and hang up.
DENIED_TYPES = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.PAGER,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
        PhoneNumberType.UNKNOWN,
    }
)


def passes(text: str) -> bool:
    """The number gate: 3 to 20 ASCII digits, with or without a plus. Everything that is dialled goes through it."""
    return NUMBER.fullmatch(text) is not None


def normalise(text: str, country: str) -> str | None:
    """E.164 with its plus (``+79161234567``), or None for what is no complete number of any country.

    ``country`` (``RU``) is the home country. A plus or 00 means an international number. Digits alone are read as a
    number of the home country where they can be (national, with the trunk prefix, or with the country code), and
    as an international number that lost its plus only where they cannot. So a foreign number that looks like one at
    home is taken for one at home: dear destinations abroad are never reached by a doubtful reading.
    """
    return _normalise(text, country)


@lru_cache(maxsize=4096)
def _normalise(text: str, country: str) -> str | None:
    number = _parse(text, country)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if number else None


def _parse(text: str, country: str) -> PhoneNumber | None:
    if not passes(text):
        return None
    if text.startswith("+"):
        return _valid(text, None)
    if len(text) < SHORTEST_SUBSCRIBER:
        return None
    if text.startswith("00"):
        return _valid("+" + text[2:], None)
    return _valid(text, country) or _valid("+" + text, None)


def _valid(text: str, country: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def refusal(text: str, *, country: str, dids: Iterable[str] = (), extensions: Sequence[str] = ()) -> str | None:
    """Why this number is never called: ``bad_number``, ``refused_number``; None when it may be.

    ``text`` as Asterisk showed it or E.164. ``dids``: our own numbers, however written. ``extensions``: dialplan
    patterns of the employees' numbers. Refused are those, numbers of other countries, emergency numbers, and types
    that cost more than a call or reach no person.
    """
    if not passes(text):
        return BAD_NUMBER
    number = _parse(text, country)
    if number is None:
        ours = _internal(text, extensions, complete=False) or _emergency(text, country)
        return REFUSED_NUMBER if ours else BAD_NUMBER
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    own = {normalise(did, country) or did for did in dids}
    refused = (
        phonenumbers.region_code_for_number(number) != country
        or phonenumbers.number_type(number) in DENIED_TYPES
        or bool({e164, text} & own)
        or _internal(text, extensions, complete=True)
        or _emergency(text, country)
        or _emergency(as_dialled(e164, "national", country), country)
    )
    return REFUSED_NUMBER if refused else None


def _internal(text: str, extensions: Sequence[str], *, complete: bool) -> bool:
    """True for an employee's number. A pattern of any length (``.``) says nothing about a complete number."""
    fixed = [p for p in extensions if not (complete and ("." in p or "!" in p))]
    return any(asterisk_pattern(pattern).fullmatch(text) for pattern in fixed)


def _emergency(text: str, country: str) -> bool:
    return bool(short_numbers.connects_to_emergency_number(text, country))


def as_dialled(e164: str, number_format: str, country: str) -> str:
    """How a trunk wants the number: ``e164`` +7916…, ``digits`` 7916…, ``national`` 8916… (abroad: 810…).

    ``e164`` as `normalise` gives it. ValueError: it does not pass the gate, or the format is unknown.
    """
    if not (passes(e164) and e164.startswith("+")):
        raise ValueError(f"not an E.164 number: {e164!r}")
    if number_format == "e164":
        return e164
    if number_format == "digits":
        return e164.removeprefix("+")
    if number_format != "national":
        raise ValueError(f"not a number format: {number_format!r}")
    number = phonenumbers.parse(e164, None)
    if number.country_code == phonenumbers.country_code_for_region(country):
        text = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    else:
        text = phonenumbers.format_out_of_country_calling_number(number, country)
    return "".join(c for c in text if c in "0123456789")
