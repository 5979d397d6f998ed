"""When a client may be called: hours by weekday, holidays, and the legal floor. The only room that knows local time.

Open is what the wall clock says: it reads inside a span, in both passes of an hour that is repeated; an opening that
the clock leaps over is the moment of the leap. A span belongs to the day on which it opens. All windows are half-open.

No clock is read here: moments come and go as aware datetimes in UTC. Inside, a moment is a whole second since 1970 (no
opening has a fraction), and a wall clock that reading as if it were UTC; between two changes of a zone's offset the one
is the other, shifted.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from holidays import country_holidays, list_supported_countries

from .findings import shown

MINUTE = 60
DAY = 24 * 60  # minutes
DAY_SECONDS = DAY * 60
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))

WRITTEN = "hours such as 09:00-21:00 (00:00-24:00: round the clock), that are open at some time"
SPAN_FIELDS = ("days", "time")
SPAN_WRITTEN = 'days with a time such as {days: mon-fri, time: "10:00-18:00"}'
DAYS_WRITTEN = f"days such as mon-fri, mon,wed or sat, of {', '.join(WEEK)}"
TIME_WRITTEN = "days with a time such as 10:00-18:00 or 22:00-06:00 (no time: the whole day), that is open at some time"
HOLIDAYS_WRITTEN = (
    "a country by its two letters, such as RU or DE (DE-BY: a part of it), where its holidays are known, "
    "or a list of dates such as 2026-05-04"
)

# Two years of days: what does not open within them never does. Looked at in steps, since most opens within a weekend.
HORIZON = 731
STEPS = (4, 32, HORIZON)

PAGE = 32 * DAY_SECONDS  # worked out at once, since who asks for one moment asks for its neighbours too

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = EPOCH.toordinal()
NEVER = 1 << 62  # a second after all others

_HOURS = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTRY = re.compile(r"([A-Za-z]{2})(?:-(.+))?")

Interval = tuple[int, int]  # two seconds, half-open


@dataclass(frozen=True, slots=True)
class DailyHours:
    """The same hours on every day: ``opens`` and ``closes`` in minutes of the wall clock, 0..1440.

    ``closes`` before ``opens`` passes midnight; 0 and 1440 together are round the clock. ValueError: never open.
    """

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not _opens_some_time(self.opens, self.closes):
            raise ValueError(WRITTEN)

    @classmethod
    def parse(cls, text: object) -> DailyHours:
        """``09:00-21:00``. ValueError says what is allowed."""
        if isinstance(text, DailyHours):
            return text
        match = _HOURS.fullmatch(text.replace(" ", "")) if isinstance(text, str) else None
        if match is None or int(match[2]) >= MINUTE or int(match[4]) >= MINUTE:
            raise ValueError(WRITTEN)
        return cls(int(match[1]) * MINUTE + int(match[2]), int(match[3]) * MINUTE + int(match[4]))

    def __str__(self) -> str:
        return f"{self.opens // 60:02}:{self.opens % 60:02}-{self.closes // 60:02}:{self.closes % 60:02}"

    @property
    def round_the_clock(self) -> bool:
        """True where no moment is closed."""
        return self.opens == 0 and self.closes == DAY


def _opens_some_time(opens: int, closes: int) -> bool:
    return 0 <= opens < DAY and 0 <= closes <= DAY and opens != closes


@dataclass(frozen=True, slots=True)
class Span:
    """Hours on some days of the week: ``days`` 0 (Monday) to 6, ``opens`` and ``closes`` in minutes, 0..1440.

    ``closes`` before ``opens`` passes midnight into the next day, whatever day that is; 0 and 1440 together are the
    whole day. ValueError: never open.
    """

    days: frozenset[int]
    opens: int = 0
    closes: int = DAY

    def __post_init__(self) -> None:
        if not self.days or not self.days <= EVERY_DAY:
            raise ValueError(DAYS_WRITTEN)
        if not _opens_some_time(self.opens, self.closes):
            raise ValueError(TIME_WRITTEN)

    @classmethod
    def parse(cls, value: object) -> Span:
        """``{"days": "mon-thu", "time": "10:00-18:00"}``; without a time the whole day. ValueError says what is allowed.

        ``days``: names, ranges and both, with commas or as a list; a range may pass the end of the week (``fri-mon``).
        """
        if isinstance(value, Span):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(SPAN_WRITTEN)
        unknown = next((name for name in value if name not in SPAN_FIELDS), None)
        if unknown is not None:
            raise ValueError(f"{SPAN_WRITTEN}, without {shown(unknown)}")
        opens, closes = _times(value.get("time"))
        return cls(_days(value.get("days")), opens, closes)

    def as_dict(self) -> dict[str, str]:
        """What `parse` makes the same span of, in the shortest words: three days in a row or more are a range."""
        whole = self.opens == 0 and self.closes == DAY
        time = {} if whole else {"time": str(DailyHours(self.opens, self.closes))}
        return {"days": _days_written(self.days)} | time


def _times(text: object) -> Interval:
    if text is None or text == "":
        return 0, DAY
    try:
        daily = DailyHours.parse(text)
    except ValueError:
        raise ValueError(TIME_WRITTEN) from None
    return daily.opens, daily.closes


def _days(text: object) -> frozenset[int]:
    parts = text.split(",") if isinstance(text, str) else text
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError(DAYS_WRITTEN)
    return frozenset(day for part in parts for day in _range(part))


def _range(text: str) -> list[int]:
    first, dash, last = (word.strip().lower() for word in text.partition("-"))
    if first not in WEEK or (dash and last not in WEEK):
        raise ValueError(DAYS_WRITTEN)
    begin = WEEK.index(first)
    length = (WEEK.index(last) - begin) % 7 if dash else 0
    return [(begin + day) % 7 for day in range(length + 1)]


def _days_written(days: frozenset[int]) -> str:
    words: list[str] = []
    for day in sorted(days):
        if day - 1 in days:
            continue  # it went with its run
        end = next(n for n in range(day, 8) if n not in days)
        run = WEEK[day:end]
        words += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else run
    return ",".join(words)


@dataclass(frozen=True, slots=True)
class Holidays:
    """Days on which nothing opens: those of a country (``RU``; ``DE-BY``: of a part of it) and dates of one's own.

    ValueError: a country whose holidays are not known. They come from the library holidays; days that a government
    moves from year to year are as new as its version.
    """

    country: str | None = None
    dates: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if self.country is not None:
            object.__setattr__(self, "country", _country(self.country))

    @classmethod
    def parse(cls, value: object) -> Holidays | None:
        """``RU``, a list of ISO dates, or a list of one country and dates; None and an empty list: no holidays.

        ValueError says what is allowed.
        """
        if value is None or isinstance(value, Holidays):
            return value
        items = value if isinstance(value, (list, tuple)) else [value]
        dates = frozenset(day for day in map(_date, items) if day is not None)
        countries = {_country(item) for item in items if _date(item) is None}
        if len(countries) > 1:
            raise ValueError(f"one country and dates, not {len(countries)} countries: {', '.join(sorted(countries))}")
        return cls(next(iter(countries), None), dates) if items else None

    def as_value(self) -> str | list[str]:
        """What `parse` makes the same holidays of: a country alone is no list; the dates are in their order."""
        dates = [day.isoformat() for day in sorted(self.dates)]
        if self.country is None:
            return dates
        return [self.country, *dates] if dates else self.country

    def falls_on(self, day: date) -> bool:
        """True when that day is a holiday."""
        return day in self.dates or (self.country is not None and day in _country_days(self.country, day.year))


def _date(item: object) -> date | None:
    """The date that an item of the list is, None for what does not look like one."""
    if isinstance(item, date) and not isinstance(item, datetime):
        return item
    if not (isinstance(item, str) and _DATE.fullmatch(item)):
        return None
    try:
        return date.fromisoformat(item)
    except ValueError:
        raise ValueError(f"{HOLIDAYS_WRITTEN}; there is no day {item}") from None


def _country(item: object) -> str:
    match = _COUNTRY.fullmatch(item) if isinstance(item, str) else None
    country, part = (match[1].upper(), match[2]) if match else ("", None)
    if country not in _parts_of_countries():
        raise ValueError(f"{HOLIDAYS_WRITTEN}, not {shown(item)}")
    if part is None:
        return country
    parts = {name.casefold(): f"{country}-{name}" for name in _parts_of_countries()[country]}
    if part.casefold() not in parts:
        known = f"or a part of it: {', '.join(parts.values())}" if parts else "alone, since no parts of it are known"
        raise ValueError(f"{country} {known}")
    return parts[part.casefold()]


@lru_cache(maxsize=1)
def _parts_of_countries() -> Mapping[str, Sequence[str]]:
    return list_supported_countries(include_aliases=False)


@lru_cache(maxsize=1024)
def _country_days(country: str, year: int) -> frozenset[date]:
    """A country's holidays of one year; also what is observed in it for a day of the next."""
    code, _, part = country.partition("-")
    return frozenset(country_holidays(code, subdiv=part or None, years=year))


@dataclass(frozen=True, slots=True)
class Hours:
    """When one rule, or the floor, is open, on the wall clock of ``zone``.

    No spans: round the clock. On a holiday nothing opens; what opened the day before goes on past midnight.
    """

    spans: tuple[Span, ...]
    holidays: Holidays | None
    zone: ZoneInfo
    # By weekday, in minutes from that day's midnight: what passes midnight closes after 1440.
    _week: tuple[tuple[Interval, ...], ...] = field(init=False, repr=False, compare=False)
    _hash: int = field(init=False, repr=False, compare=False)  # asked with every question

    def __post_init__(self) -> None:
        spans = self.spans or (Span(EVERY_DAY),)
        object.__setattr__(self, "_week", tuple(_on(weekday, spans) for weekday in range(7)))
        object.__setattr__(self, "_hash", hash((self.spans, self.holidays, self.zone)))

    def __hash__(self) -> int:
        return self._hash

    def open_at(self, at: datetime) -> bool:
        """True when the wall clock reads inside at that moment (aware). The cheap way, for one question."""
        wall = at.astimezone(self.zone)
        day, minute = wall.toordinal(), wall.hour * MINUTE + wall.minute  # half-open: no second changes the answer
        return self._holds(day, minute) or self._holds(day - 1, minute + DAY)

    def _holds(self, day: int, minute: int) -> bool:
        inside = any(opens <= minute < closes for opens, closes in self._week[(day - 1) % 7])  # day 1 was a Monday
        return inside and not self._shut(day)

    def _shut(self, day: int) -> bool:
        return self.holidays is not None and self.holidays.falls_on(date.fromordinal(day))

    def on_wall(self, since: int, until: int) -> Iterator[Interval]:
        """Every span that the wall clock may meet between two readings of it, whole: in seconds, overlaps included."""
        for day in range(since // DAY_SECONDS - 1, (until - 1) // DAY_SECONDS + 1):
            spans = self._week[(day + EPOCH_ORDINAL - 1) % 7]
            if spans and not self._shut(day + EPOCH_ORDINAL):
                midnight = day * DAY_SECONDS
                yield from ((midnight + opens * MINUTE, midnight + closes * MINUTE) for opens, closes in spans)


def _on(weekday: int, spans: Sequence[Span]) -> tuple[Interval, ...]:
    return tuple((s.opens, s.closes + DAY * (s.closes < s.opens)) for s in spans if weekday in s.days)


@lru_cache(maxsize=1024)
def floor(daily: DailyHours, zone: ZoneInfo) -> Hours:
    """The legal floor: the same hours on every day, holidays or not."""
    return Hours((Span(EVERY_DAY, daily.opens, daily.closes),), None, zone)


def is_open(hours: Sequence[Hours], at: datetime) -> bool:
    """True when all of them are open at that moment (aware, else ValueError)."""
    at = _utc(at)
    return all(h.open_at(at) for h in hours)


def next_open(hours: Sequence[Hours], at: datetime) -> datetime | None:
    """``at`` itself when all are open then, else the first moment after it at which all are. In UTC.

    None: not within two years. ValueError: ``at`` is naive.
    """
    at = _utc(at)
    return _calendar(tuple(hours), _second(at) // PAGE).next_open(at)


@lru_cache(maxsize=1024)
def _calendar(hours: tuple[Hours, ...], page: int) -> Calendar:
    """What is asked of a month is worked out once."""
    return Calendar(hours, _moment(page * PAGE), _moment((page + 1) * PAGE))


def _search(hours: Sequence[Hours], at: datetime) -> datetime | None:
    """`next_open`, worked out for one moment."""
    if all(h.open_at(at) for h in hours):
        return at
    now = since = _second(at)
    for days in STEPS:
        until = now + days * DAY_SECONDS
        opened = _all_open(hours, since, until)
        if opened:
            return _moment(opened[0][0])
        since = until
    return None


def openings(hours: Sequence[Hours], since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """From when to when all are open between two moments, in order, half-open, none touching the next. In UTC."""
    found = _all_open(hours, _second(_utc(since)), _second(_utc(until)))
    return [(_moment(opens), _moment(closes)) for opens, closes in found]


class Calendar:
    """`next_open` of the same hours for many moments between ``since`` and ``until``; beyond them it works longer."""

    __slots__ = ("_begins", "_ends", "_hours", "_moments", "_since", "_until")

    def __init__(self, hours: Sequence[Hours], since: datetime, until: datetime) -> None:
        self._hours = tuple(hours)
        self._since, self._until = _second(_utc(since)), _second(_utc(until))
        found = _all_open(self._hours, self._since, self._until)
        after = _search(self._hours, _utc(until))
        last = _second(after) if after is not None else NEVER
        self._begins = [*(begin for begin, _ in found), last]
        self._ends = [*(end for _, end in found), NEVER]
        self._moments = [*(_moment(begin) for begin, _ in found), after]

    def next_open(self, at: datetime) -> datetime | None:
        """As `next_open` says."""
        at = _utc(at)
        now = _second(at)
        if not self._since <= now < self._until:
            return _search(self._hours, at)
        place = bisect_right(self._ends, now)
        begin = self._begins[place]
        if begin <= now:
            return at
        return self._moments[place] if begin < now + HORIZON * DAY_SECONDS else None


def _all_open(hours: Sequence[Hours], since: int, until: int) -> list[Interval]:
    found = [(since, until)] if since < until else []
    for one in hours:
        found = _common(found, _open(one, since, until)) if found else []
    return found


def _open(hours: Hours, since: int, until: int) -> list[Interval]:
    found = [
        (max(opens - offset, begin), min(closes - offset, end))
        for begin, end, offset in _offsets(hours.zone, since, until)
        for opens, closes in hours.on_wall(begin + offset, end + offset)
    ]
    return _joined(sorted((opens, closes) for opens, closes in found if opens < closes))


def _joined(intervals: Sequence[Interval]) -> list[Interval]:
    """Sorted intervals without overlaps: those that touch are one."""
    joined: list[Interval] = []
    for opens, closes in intervals:
        if joined and opens <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(closes, joined[-1][1])
        else:
            joined.append((opens, closes))
    return joined


def _common(some: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """What lies in both of two sorted lists."""
    common, mine, theirs = [], 0, 0
    while mine < len(some) and theirs < len(others):
        opens = max(some[mine][0], others[theirs][0])
        closes = min(some[mine][1], others[theirs][1])
        if opens < closes:
            common.append((opens, closes))
        if some[mine][1] <= others[theirs][1]:
            mine += 1
        else:
            theirs += 1
    return common


def _offsets(zone: ZoneInfo, since: int, until: int) -> Iterator[tuple[int, int, int]]:
    """The parts of a time in which a zone keeps its offset from UTC: (from, until, offset), all in seconds."""
    for year in range(_moment(since).year, _moment(until - 1).year + 1):
        for begin, end, offset in _offsets_of_year(zone, year):
            if begin < until and since < end:
                yield max(begin, since), min(end, until), offset


@lru_cache(maxsize=4096)
def _offsets_of_year(zone: ZoneInfo, year: int) -> tuple[tuple[int, int, int], ...]:
    """Looked for by days: the shortest time between two changes of any zone since 1900 is a week."""
    begin, end = (_second(datetime(y, 1, 1, tzinfo=UTC)) for y in (year, year + 1))
    midnights = range(begin, end, DAY_SECONDS)
    changes = [_change(zone, midnight, midnight + DAY_SECONDS) for midnight in midnights]
    bounds = [begin, *(change for change in changes if change is not None and change < end), end]
    return tuple((a, b, _offset(zone, a)) for a, b in pairwise(bounds))


def _change(zone: ZoneInfo, low: int, high: int) -> int | None:
    """The second at which the zone's offset becomes another after ``low``, up to ``high``; None where it stays."""
    old = _offset(zone, low)
    if _offset(zone, high) == old:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == old else (low, middle)
    return high


def _offset(zone: ZoneInfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset() or timedelta(0)
    return offset.days * DAY_SECONDS + offset.seconds


def _utc(at: datetime) -> datetime:
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None:
        raise ValueError("a moment without a zone")
    return at.astimezone(UTC)


def _second(at: datetime) -> int:
    since = at - EPOCH
    return since.days * DAY_SECONDS + since.seconds


def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
