"""When a client may be called: the legal floor, asked of a moment. The only room that knows local time.

No clock is read here: moments come and go as aware datetimes in UTC. Windows are half-open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

MINUTE = 60
DAY = 24 * 60  # minutes
WRITTEN = "hours such as 09:00-21:00 (00:00-24:00: round the clock), that are open at some time"

# The longest gap that a wall clock ever made is a day left out (Samoa, 30 December 2011): three days hold an opening.
HORIZON = timedelta(days=3)

_HOURS = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")


@dataclass(frozen=True, slots=True)
class DailyHours:
    """The same hours on every day: ``opens`` and ``closes`` in minutes of the wall clock, 0..1440.

    ``closes`` before ``opens`` passes midnight; 0 and 1440 together are round the clock. ValueError: never open.
    """

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not (0 <= self.opens < DAY and 0 <= self.closes <= DAY) or self.opens == self.closes:
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

    def open_at(self, wall: time) -> bool:
        """True when open at that reading of the wall clock."""
        minute = wall.hour * MINUTE + wall.minute  # half-open: the seconds cannot change the answer
        if self.opens < self.closes:
            return self.opens <= minute < self.closes
        return minute >= self.opens or minute < self.closes


def next_open(hours: DailyHours, at: datetime, zone: tzinfo) -> datetime:
    """``at`` itself when open then, else the next opening: the first moment after it at which the wall clock is inside.

    ``at`` and the answer are aware datetimes in UTC. Where the clock leaps over the opening, the leap is the opening;
    where it is put back, the hours may open twice. ValueError: ``at`` is naive.
    """
    if at.tzinfo is None:
        raise ValueError("a moment without a zone")
    at = at.astimezone(UTC)
    if hours.round_the_clock or is_open(hours, at, zone):
        return at
    candidates = sorted([*_openings(hours, at, zone), *_leaps(at, zone)])
    return next(moment for moment in candidates if moment > at and is_open(hours, moment, zone))


def is_open(hours: DailyHours, at: datetime, zone: tzinfo) -> bool:
    """True when the wall clock of the zone stands inside the hours at that moment (an aware datetime)."""
    return hours.open_at(at.astimezone(zone).time())


def _openings(hours: DailyHours, at: datetime, zone: tzinfo) -> list[datetime]:
    """Every moment at which the wall clock shows the opening time; one that it leaps over is left out."""
    today = at.astimezone(zone).date()
    opening = time(hours.opens // MINUTE, hours.opens % MINUTE)
    walls = [datetime.combine(today + timedelta(days), opening, zone) for days in range(-1, HORIZON.days + 1)]
    moments = [wall.replace(fold=fold).astimezone(UTC) for wall in walls for fold in (0, 1)]
    return [m for m in moments if m.astimezone(zone).time() == opening]


def _leaps(at: datetime, zone: tzinfo) -> list[datetime]:
    """The moments at which the wall clock is put forward or back, to the second."""
    hour = timedelta(hours=1)
    steps = [at + n * hour for n in range(HORIZON // hour)]
    return [_leap(a, a + hour, zone) for a in steps if _offset(a, zone) != _offset(a + hour, zone)]


def _leap(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    low, high = int(before.timestamp()), int(after.timestamp()) + 1
    old = _offset(before, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(datetime.fromtimestamp(middle, UTC), zone) == old:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(at: datetime, zone: tzinfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
