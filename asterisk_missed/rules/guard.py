"""Which numbers may be called, how they are compared, and how they are written for a trunk.

Values in, values out: no telephone, no database, no clock. What passes here may be put into a dial string.

A number is read once (`_reading`), and everything else is asked of the reading: whose it is, of what type, whether it is one
of ours. The plans are phonenumbers' ones; where these lack a range that its regulator has given out, `_RANGES` and
`_ABROAD` say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberDesc,
    PhoneNumberFormat,
    PhoneNumberType,
)
from phonenumbers import shortnumberinfo as short_numbers
from phonenumbers.timezone import time_zones_for_number

from ..calls.lines import NUMBER, asterisk_pattern
from .countries import country_name

SHORTEST_SUBSCRIBER = 6  # digits; what is shorter and has no + is an internal, service or emergency number

BAD_NUMBER = "bad_number"
REFUSED_NUMBER = "refused_number"

# The kinds of numbers, and how a refusal says them.
TYPES: Mapping[str, str] = {
    "fixed": "fixed line",
    "mobile": "mobile",
    "fixed_or_mobile": "fixed line or mobile",
    "toll_free": "toll-free",
    "voip": "internet telephony",
    "premium": "premium rate",
    "shared_cost": "shared cost",
    "satellite": "satellite",
    "personal": "personal number",
    "pager": "pager",
    "uan": "company-wide number",
    "voicemail": "voicemail access",
    "unknown": "of no known type",
}

# Numbers whose calls cost more than a call, or reach no person: the traps of those who ring and hang up.
DENIED_TYPES = frozenset(
    ("premium", "shared_cost", "satellite", "personal", "pager", "uan", "voicemail", "unknown"),
)

_WORDS = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
}

# Ranges of the numbering plans that phonenumbers lacks, takes for ordinary ones, or knows only in the blocks given out so
# far (a caller may show any number). E.164 without its plus, X any digit. Sources: ITU-T E.164 list of assigned codes; the
# plans of the regulators, by country.
_RANGES: Mapping[str, tuple[str, ...]] = {
    "satellite": (
        *("870", "881", "882", "883"),  # Inmarsat; GMSS; international networks: EMSAT, Thuraya, ships, aircraft, M2M
        "7954",  # RU: GlobalTel (Globalstar)
        "1600",  # CA: non-geographic services, satellite among them
        "6114",  # AU: 014 satellite telephones
    ),
    "premium": (
        "979",  # the international premium rate service
        *("7803", "7807", "7809"),  # RU, KZ: televoting, information at an additional charge
        *("1900", "1976", "1XXX976"),  # NANP: 900, and the 976 exchange of every area code
        *("1880", "1881", "1882"),  # NANP: toll-free numbers whose foreign caller pays
        *("4490", "4491", "4498"),  # GB: 09
        *("49900", "49190", "4912"),  # DE: 0900, 0190 before it; 012 innovative services
        *("3389", "33836"),  # FR: 089, 0836 before it
        *("39144", "39163", "39164", "39166", "39892", "39894", "39895", "39899"),  # IT
        *("34803", "34806", "34807", "34905", "34907"),  # ES
        "4870",  # PL: 70x
        *("380900", "380703"),  # UA: 0900 services, 0703 televoting
        "61190",  # AU: 190x
        *("41900", "41901", "41906"),  # CH
        *("43900", "43901", "43930", "43931", "43939"),  # AT
        *("31900", "31906", "31909"),  # NL
    ),
    "shared_cost": (
        "808",  # the international shared cost service
        *("7801", "7802", "7805", "7806"),  # RU, KZ: calls by card and with divided payment
        *("4484", "4487"),  # GB: 084, 087
        *("49137", "49138", "49180"),  # DE: mass calls, 0180 services
        *("3381", "3382", "33884"),  # FR: 081, 082, 0884
        *("39199", "39840", "39841", "39847", "39848"),  # IT
        *("34901", "34902"),  # ES
        "48801",  # PL
        "6113",  # AU: 13, 1300
        "4184",  # CH: 084x
        *("4381", "4382"),  # AT: 081x, 082x
    ),
    # UPT; NANP 700: what the caller's carrier makes of it; GB 070; DE 0700; IT 178; AU 0500; CH 0878
    "personal": ("878", "1700", "4470", "49700", "39178", "61500", "41878"),
    "pager": ("6116",),  # AU
    "uan": ("888",),  # disaster relief, withdrawn
}

# Who stands behind a prefix of another country's plan, where phonenumbers does not say.
_ABROAD: Mapping[str, tuple[str, str]] = {
    "70": ("KZ", "Kazakhstan"),
    "76": ("KZ", "Kazakhstan"),
    "7840": ("", "Abkhazia"),  # Russia's networks charge these four as calls abroad
    "7940": ("", "Abkhazia"),
    "7850": ("", "South Ossetia"),
}

# What a mobile network or a telephone takes for an emergency call wherever it stands: 3GPP TS 22.101, 10.1.1.
_EMERGENCY_ANYWHERE = frozenset(("000", "08", "110", "112", "118", "119", "911", "999"))
# Emergency and gas services that phonenumbers does not list, by country.
_EMERGENCY_HERE: Mapping[str, frozenset[str]] = {
    country: frozenset(("01", "02", "03", "04", "101", "102", "103", "104", "109", "112"))
    for country in ("AM", "AZ", "BY", "GE", "KG", "KZ", "MD", "RU", "TJ", "TM", "UA", "UZ")
} | {"ES": frozenset(("061", "062", "080", "085", "088", "091", "092"))}
_LONGEST_EMERGENCY = 6  # digits

_WORLD = "001"  # phonenumbers' region of codes that belong to no country
# An allow prefix says what kind of numbers it means when it goes so far beyond the country code: +44 allows the ordinary
# numbers of a country, +4470 its personal ones.
_NAMES_A_TYPE = 2
# Reading one number costs about 50 microseconds; the numbers of a busy day fit.
_REMEMBERED = 16_384
# A zone of the same offset in the middle of each month is one zone, whatever its names.
_SAMPLES = tuple(datetime(2026, month, 15, tzinfo=UTC) for month in range(1, 13))


def _compiled(ranges: Mapping[str, Iterable[str]]) -> re.Pattern[str]:
    """One pattern for all ranges; its group is named after the type."""
    words = (f"(?P<{word}>{'|'.join(prefix.replace('X', '[0-9]') for prefix in ranges[word])})" for word in ranges)
    return re.compile("|".join(words))


_RANGE = _compiled(_RANGES)


@dataclass(frozen=True, eq=False)
class _Known:
    """What a gate has worked out of its words once."""

    allowed: tuple[str, ...]
    codes: frozenset[int]
    own: frozenset[str]
    prefixes: Mapping[str, bool]
    longest: int
    extensions: re.Pattern[str]
    open_extensions: re.Pattern[str]
    code: int
    trunk: str
    abroad: re.Pattern[str]


@dataclass(frozen=True)
class Gate:
    """What the config says of numbers.

    ``country`` is the home country: digits are read by its plan. ``countries`` may be called; none named: home alone.
    ``allow_prefixes``, ``deny_prefixes``: beginnings of E.164 numbers, with or without their plus; the longest that fits
    wins, allow before deny. ``deny_types``: words of `TYPES`. ``dids``: our own numbers, however written. ``extensions``:
    dialplan patterns of the employees' numbers.
    """

    country: str
    countries: tuple[str, ...] = ()
    allow_prefixes: tuple[str, ...] = ()
    deny_prefixes: tuple[str, ...] = ()
    deny_types: frozenset[str] = DENIED_TYPES
    dids: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    _known: _Known = field(init=False, repr=False, compare=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named = (self.country, self.countries, self.allow_prefixes, self.deny_prefixes, self.deny_types)
        # Asked with every number: thousands of DIDs would be hashed each time.
        object.__setattr__(self, "_hash", hash((*named, self.dids, self.extensions)))
        object.__setattr__(self, "_known", _work_out(self))

    def __hash__(self) -> int:
        return self._hash


def _work_out(gate: Gate) -> _Known:
    allowed = gate.countries or (gate.country,)
    prefixes = dict.fromkeys((p.removeprefix("+") for p in gate.deny_prefixes), False)
    prefixes |= dict.fromkeys((p.removeprefix("+") for p in gate.allow_prefixes), True)
    plan = PhoneMetadata.metadata_for_region(gate.country)
    return _Known(
        allowed=allowed,
        codes=frozenset(phonenumbers.country_code_for_region(country) for country in allowed),
        own=frozenset({normalise(did, gate.country) or did for did in gate.dids} | set(gate.dids)),
        prefixes=prefixes,
        longest=max(map(len, prefixes), default=0),
        # A pattern of any length (``.``) says nothing about a complete number.
        extensions=_any_of(p for p in gate.extensions if "." not in p and "!" not in p),
        open_extensions=_any_of(gate.extensions),
        code=phonenumbers.country_code_for_region(gate.country),
        trunk=(plan.national_prefix if plan else None) or "",
        abroad=re.compile(f"00|{(plan.international_prefix if plan else None) or '00'}"),
    )


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(asterisk_pattern(p).pattern for p in patterns) or r"(?!)")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a number is never called. ``ground`` in plain words: ``premium rate``."""

    reason: str
    ground: str


def passes(text: str) -> bool:
    """The number gate: 3 to 20 ASCII digits, with or without a plus. Everything that is dialled goes through it."""
    return NUMBER.fullmatch(text) is not None


def normalise(text: str, country: str) -> str | None:
    """E.164 with its plus (``+79161234567``), or None for what is no complete number of any country.

    ``country`` (``RU``) is the home country. A plus, 00 or the country's own prefix means an international number.
    Digits alone are read as a number of the home country where they can be (national, with the trunk prefix, or with the
    country code), and as an international number that lost its plus only where they cannot. So a foreign number that
    looks like one at home is taken for one at home: dear destinations abroad are never reached by a doubtful reading.
    """
    reading = _reading(text, country)
    return reading and reading.e164


class _Reading(NamedTuple):
    """A complete number. ``region`` is phonenumbers' one, ``national`` its digits without the country code."""

    e164: str
    code: int
    national: str
    region: str
    type: str

    @property
    def digits(self) -> str:
        return self.e164[1:]


@lru_cache(maxsize=_REMEMBERED)
def _reading(text: str, country: str) -> _Reading | None:
    quick = _quick_reading(text) if text.startswith("+") and passes(text) else None
    return quick or _full_reading(text, country)


def _full_reading(text: str, country: str) -> _Reading | None:
    """By phonenumbers, whatever the text."""
    number = _read(text, country) if passes(text) else None
    if number is None:
        return None
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return _Reading(
        e164=e164,
        code=number.country_code or 0,
        national=phonenumbers.national_significant_number(number),
        region=phonenumbers.region_code_for_number(number) or _WORLD,
        type=_range_of(e164[1:]) or _WORDS.get(phonenumbers.number_type(number), "unknown"),
    )


class _Plan(NamedTuple):
    """The numbers of one region: those that begin so are its own (None: those that fit), and of what type each is."""

    region: str
    begins: re.Pattern[str] | None
    prefix: re.Pattern[str] | None
    types: re.Pattern[str]


def _quick_reading(text: str) -> _Reading | None:
    """The same for nearly every E.164 number, in a tenth of the time: a preview asks for a hundred thousand of them.

    None: phonenumbers is to be asked, because the number begins as with a trunk prefix, or fits no plan.
    """
    for length in (1, 2, 3):
        plans = _plans(int(text[1 : 1 + length] or 0))
        if plans:
            break
    else:
        return None
    national = text[1 + length :]
    if national[:1] == "0" or (plans[0].prefix is not None and plans[0].prefix.match(national)):
        return None
    for plan in plans:
        if plan.begins is not None and not plan.begins.match(national):
            continue
        fits = plan.types.fullmatch(national)
        if fits is not None:
            kind = _range_of(text[1:]) or fits.lastgroup or "unknown"
            return _Reading(text, int(text[1 : 1 + length]), national, plan.region, kind)
        if plan.begins is not None:
            return None
    return None


# phonenumbers' own order: the first that fits is the type.
_IN_ORDER = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")


@lru_cache(maxsize=1024)
def _plans(code: int) -> tuple[_Plan, ...]:
    """The regions behind a country code, in phonenumbers' order; none for codes that belong to no country."""
    regions = phonenumbers.region_codes_for_country_code(code)
    metadata = [PhoneMetadata.metadata_for_region(region) for region in regions if region != _WORLD]
    return tuple(_plan_of(one) for one in metadata if one is not None)


def _plan_of(region: PhoneMetadata) -> _Plan:
    fixed, mobile = region.fixed_line, region.mobile
    ranges = [(_WORDS[getattr(PhoneNumberType, name.upper())], getattr(region, name)) for name in _IN_ORDER]
    if region.same_mobile_and_fixed_line_pattern:
        ranges.append(("fixed_or_mobile", fixed))
    else:
        ranges += [("fixed", fixed), ("mobile", mobile)]
    fitting = [(word, _digits_of(desc)) for word, desc in ranges]
    named = [f"(?P<{word}>{digits})" for word, digits in fitting if digits]
    if not region.same_mobile_and_fixed_line_pattern and _digits_of(fixed) and _digits_of(mobile):
        both = f"(?P<fixed_or_mobile>(?=(?:{_digits_of(mobile)})$)(?:{_digits_of(fixed)}))"
        named.insert(len(named) - 2, both)
    general = _digits_of(region.general_desc) or "(?!)"
    begins, prefix = region.leading_digits, region.national_prefix_for_parsing
    return _Plan(
        region.id,
        re.compile(begins) if begins is not None else None,
        re.compile(prefix) if prefix is not None else None,
        re.compile(f"(?=(?:{general})$)(?:{'|'.join(named) or '(?!)'})"),
    )


def _digits_of(desc: PhoneNumberDesc | None) -> str:
    """The pattern of a description with its lengths; empty where there are no such numbers."""
    if desc is None or desc.national_number_pattern is None or desc.possible_length == (-1,):
        return ""
    pattern = _unnamed(desc.national_number_pattern)
    lengths = "|".join(f"[0-9]{{{length}}}" for length in desc.possible_length)
    return f"(?=(?:{lengths})$)(?:{pattern})" if lengths else pattern


def _unnamed(pattern: str) -> str:
    """Without groups of its own and without white space, which the library writes for its readers."""
    return re.sub(r"\((?!\?)", "(?:", re.sub(r"\s+", "", pattern))


def _read(text: str, country: str) -> PhoneNumber | None:
    """The complete number that ``text``, which has passed the gate, means."""
    if text.startswith("+"):
        return _valid(text, None)
    if len(text) < SHORTEST_SUBSCRIBER:
        return None
    number = _valid(text, country)
    if not text.startswith("00"):
        return number or _valid("+" + text, None)
    # 0055 is an international prefix with a carrier in Brazil, and 00 before Brazil's own code: home wins here too.
    plain = _valid("+" + text[2:], None)
    home = plain is not None and plain.country_code == phonenumbers.country_code_for_region(country)
    return plain if home else number or plain


def _valid(text: str, country: str | None) -> PhoneNumber | None:
    number = _parsed(text, country)
    return number if number is not None and phonenumbers.is_valid_number(number) else None


def _parsed(text: str, country: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, country)
    except NumberParseException:
        return None


def _range_of(digits: str) -> str | None:
    """The type of a range that phonenumbers does not know. ``digits``: E.164 without its plus."""
    found = _RANGE.match(digits)
    return found.lastgroup if found else None


def refusal(text: str, gate: Gate) -> Refusal | None:
    """Why this number is never called; None when it may be.

    ``text`` as Asterisk showed it or E.164. ``bad_number``: it is no number, or no complete one. ``refused_number``: one
    of ours, an emergency service, or what the gate's prefixes, countries and types do not let through.
    """
    return _refusal(text, gate)


@lru_cache(maxsize=_REMEMBERED)
def _refusal(text: str, gate: Gate) -> Refusal | None:
    if not passes(text):
        return Refusal(BAD_NUMBER, "not 3 to 20 digits")
    reading = _reading(text, gate.country)
    if reading is None:
        return _of_no_number(text, gate)
    ground = _ours(text, reading, gate) or _barred(reading, gate)
    return Refusal(REFUSED_NUMBER, ground) if ground else None


# Numbers as they are


def _ours(text: str, number: _Reading, gate: Gate) -> str | None:
    """One of our own numbers, an employee's or an emergency one, in whatever writing it would be dialled."""
    known = gate._known
    if number.e164 in known.own or text in known.own:
        return "one of our own numbers"
    # Without its trunk prefix a number may begin like an emergency one (17 in France), but is not dialled so. Digits that
    # are read as a number abroad only for want of a better reading are.
    dialled = known.trunk + number.national if number.code == known.code else text
    if dialled[0] != "+" and _emergency(dialled, gate.country):
        return "an emergency number"
    writings = (text, number.digits, number.national, known.trunk + number.national)
    return "an employee's extension" if any(map(known.extensions.fullmatch, writings)) else None


@lru_cache(maxsize=256)
def _emergency_begins(country: str) -> re.Pattern[str]:
    short = PhoneMetadata.short_metadata_for_region(country)
    return re.compile((short and short.emergency and short.emergency.national_number_pattern) or r"(?!)")


def _emergency(text: str, country: str) -> bool:
    """Whether dialling this reaches an emergency service, by its first three digits or more.

    Codes of two digits are left out: Lithuania's 01, 02 and 03 are how its numbers begin today.
    """
    if not _emergency_begins(country).match(text):  # nearly always: the library takes longer to say so
        return False
    return bool(short_numbers.connects_to_emergency_number(text, country)) and any(
        short_numbers.is_emergency_number(text[:n], country) for n in range(3, _LONGEST_EMERGENCY + 1)
    )


def _barred(number: _Reading, gate: Gate) -> str | None:
    """What the prefixes, the countries and the types say of a complete number."""
    prefix = _longest_prefix(number.digits, gate._known)
    if prefix is not None and not gate._known.prefixes[prefix]:
        return f"numbers that begin with +{prefix} are not called"
    if prefix is None and not _in_allowed_country(number, gate._known):
        return _abroad(number.digits, number.code, number.region, number.type)
    named = prefix is not None and _names_type(prefix, number)
    return TYPES[number.type] if number.type in gate.deny_types and not named else None


def _longest_prefix(digits: str, known: _Known) -> str | None:
    prefixes = known.prefixes
    return next((digits[:n] for n in range(known.longest, 0, -1) if digits[:n] in prefixes), None)


def _names_type(prefix: str, number: _Reading) -> bool:
    """An allow prefix lifts the types it names: beyond a country code, or in a code without a country."""
    return len(prefix) >= len(str(number.code)) + (0 if number.region == _WORLD else _NAMES_A_TYPE)


def _in_allowed_country(number: _Reading, known: _Known) -> bool:
    """Countries share plans (+1, +7, +44): a toll-free number of a plan belongs to each of them, a subscriber to one."""
    if number.code not in known.codes:
        return False
    owner = _owner(number.digits)
    if owner is not None:
        return owner[0] in known.allowed
    if number.region in known.allowed:
        return True
    parsed = phonenumbers.parse(number.e164, None)
    return any(phonenumbers.is_valid_number_for_region(parsed, country) for country in known.allowed)


def _owner(digits: str) -> tuple[str, str] | None:
    return _ABROAD.get(digits[:4]) or _ABROAD.get(digits[:2])


def _abroad(digits: str, code: int, region: str, word: str) -> str:
    owner = _owner(digits)
    whose = f"numbers of {owner[1] if owner else country_name(region)}"
    return f"{f'{TYPES[word]} numbers' if region == _WORLD else whose} (+{code}) are not called"


# What is no complete number


def _of_no_number(text: str, gate: Gate) -> Refusal:
    ground = _ours_in_short(text, gate) or _barred_anyway(text, gate)
    return Refusal(REFUSED_NUMBER, ground) if ground else Refusal(BAD_NUMBER, "no complete number of any country")


def _ours_in_short(text: str, gate: Gate) -> str | None:
    if text in gate._known.own:
        return "one of our own numbers"
    if gate._known.open_extensions.fullmatch(text):
        return "an employee's extension"
    shortened = _shortened(text, gate._known)
    if _emergency(text, gate.country) or any(_is_emergency(short, gate.country) for short in shortened):
        return "an emergency number"
    return None


def _shortened(text: str, known: _Known) -> set[str]:
    """What is left of 112, +112, 00112, 810112, +7112, 8112 without prefixes, where that is short."""
    left = {text.removeprefix("+")}
    left |= {known.abroad.sub("", t, count=1) for t in left if known.abroad.match(t)}
    left |= {t.removeprefix(str(known.code)) for t in left}
    left |= {t.removeprefix(known.trunk) for t in left}
    return {t for t in left if 1 < len(t) <= _LONGEST_EMERGENCY}


def _is_emergency(short: str, country: str) -> bool:
    return (
        short in _EMERGENCY_ANYWHERE
        or short in _EMERGENCY_HERE.get(country, ())
        or bool(short_numbers.is_emergency_number(short, country))
    )


def _barred_anyway(text: str, gate: Gate) -> str | None:
    """Why a number that its plan does not know, or not yet, would not be called if it did."""
    known = gate._known
    international = text.startswith(("+", "00"))
    number = _parsed("+" + text.lstrip("+0") if international else text, gate.country)
    if number is None or not phonenumbers.is_possible_number(number):
        return None
    digits = phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")
    word = _range_of(digits) or "unknown"
    if word != "unknown" and word in gate.deny_types:
        return TYPES[word]
    code = number.country_code or 0
    if (not international and code == known.code) or _longest_prefix(digits, known):
        return None
    owner = _owner(digits)
    region = owner[0] if owner else phonenumbers.region_code_for_number(number)
    if code in known.codes and (region is None or region in known.allowed):
        return None
    main = phonenumbers.region_code_for_country_code(code)
    return _abroad(digits, code, region or main, word)


# Beside the gate


@lru_cache(maxsize=_REMEMBERED)
def zone_of(e164: str) -> ZoneInfo | None:
    """The time zone of a number; None where none is known, or several with different clocks (Russian mobiles)."""
    number = _valid(e164, None)
    if number is None:
        return None
    try:
        zones = [ZoneInfo(name) for name in time_zones_for_number(number)]
    except (ZoneInfoNotFoundError, ValueError):  # Etc/Unknown
        return None
    clocks = {tuple(at.astimezone(zone).utcoffset() for at in _SAMPLES) for zone in zones}
    return zones[0] if len(clocks) == 1 else None


def writings(e164: str, country: str) -> tuple[str, ...]:
    """How trunks may write a number: with its plus, as digits, with the trunk prefix, and (at home) without it."""
    national = as_dialled(e164, "national", country)
    bare = phonenumbers.national_significant_number(phonenumbers.parse(e164, None))
    return tuple(dict.fromkeys((e164, e164.removeprefix("+"), national, bare)))


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
