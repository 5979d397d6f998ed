"""How often clients are called: caps per number, prefix and day, and the breaker.

Values in, values out: what was dialled already, the caps and the time come in; go on, wait or end comes out. Whoever counts
attempts counts those in which a client was rung.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException

DAILY_CAP = "daily_cap"
HELD_LIMIT = "held_limit"

PREFIX_WINDOW = timedelta(hours=1)
# Fewer answered than this: those who rang are no clients, or the trunk swallows the calls.
HARDLY_ANY = 0.05
# An open breaker lets one call through so often, to see whether things have mended.
LOOK_AGAIN = timedelta(minutes=10)

_DIGITS_WITHOUT_AREA = 3  # of the national number, where the plan has no area codes


@dataclass(frozen=True, slots=True)
class Caps:
    """The numbers of the config's ``[guard]``. ``breaker_attempts`` 0 switches the breaker off."""

    max_per_number_per_day: int = 3
    max_per_prefix_per_hour: int = 50
    max_per_day: int = 1000
    max_minutes_per_day: float = 3000
    breaker_attempts: int = 50


@dataclass(frozen=True, slots=True)
class Dialled:
    """What was dialled already.

    ``number_today``, ``today``: attempts since the PBX's midnight, to this number and in all. ``prefix_last_hour``: when
    attempts to numbers of the same prefix began, in any order; ``prefix_put_off``: how many callbacks wait for room there.
    ``minutes_today``: talked. ``recent``: whether the latest attempts were answered, newest first; ``last_at``: when the
    last of all began, one that goes on included.
    """

    number_today: int = 0
    prefix_last_hour: tuple[datetime, ...] = ()
    prefix_put_off: int = 0
    today: int = 0
    minutes_today: float = 0.0
    recent: tuple[bool, ...] = ()
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Capped:
    """Not now. ``until``: ask again then; None: this number has had its calls. ``alarm``: somebody has to look at it."""

    reason: str
    until: datetime | None
    ground: str
    alarm: bool = False


@lru_cache(maxsize=16_384)
def prefix_of(e164: str) -> str:
    """The country code and area code (``+7916``), which neighbouring numbers share; ``e164`` with its plus.

    Where the plan has no area codes, the country code and three more digits. ValueError: not an E.164 number.
    """
    try:
        number = phonenumbers.parse(e164, None)
    except NumberParseException:
        raise ValueError(f"not an E.164 number: {e164!r}") from None
    national = phonenumbers.national_significant_number(number)
    length = phonenumbers.length_of_national_destination_code(number) or _DIGITS_WITHOUT_AREA
    return f"+{number.country_code}{national[:length]}"


def capped(dialled: Dialled, caps: Caps, now: datetime, next_day: datetime) -> Capped | None:
    """What forbids one more attempt now; None: nothing does.

    ``next_day``: the PBX's next midnight, from which daily caps count anew. What holds longest is said first.
    """
    return (
        _number(dialled, caps)
        or _day(dialled, caps, next_day)
        or _breaker(dialled, caps, now)
        or _prefix(dialled, caps, now)
    )


def _number(dialled: Dialled, caps: Caps) -> Capped | None:
    if dialled.number_today < caps.max_per_number_per_day:
        return None
    return Capped(DAILY_CAP, None, f"this number was called {_times(dialled.number_today)} today")


def _day(dialled: Dialled, caps: Caps, next_day: datetime) -> Capped | None:
    if dialled.today >= caps.max_per_day:
        return Capped(DAILY_CAP, next_day, f"{dialled.today} calls were made today, {caps.max_per_day} are allowed")
    if dialled.minutes_today >= caps.max_minutes_per_day:
        ground = f"{dialled.minutes_today:.0f} minutes were talked today, {caps.max_minutes_per_day:g} are allowed"
        return Capped(DAILY_CAP, next_day, ground)
    return None


def _breaker(dialled: Dialled, caps: Caps, now: datetime) -> Capped | None:
    """Open when hardly any of the latest attempts was answered; it asks for an alarm."""
    latest = dialled.recent[: caps.breaker_attempts]
    if not caps.breaker_attempts or len(latest) < caps.breaker_attempts or dialled.last_at is None:
        return None
    until = dialled.last_at + LOOK_AGAIN
    if sum(latest) >= HARDLY_ANY * len(latest) or until <= now:
        return None
    ground = f"of the last {len(latest)} calls {sum(latest)} were answered: who was called is worth a look"
    return Capped(HELD_LIMIT, until, ground, alarm=True)


def _prefix(dialled: Dialled, caps: Caps, now: datetime) -> Capped | None:
    """An hour is a window that slides: the next may go when so many have left it that there is room for one."""
    inside = sorted(at for at in dialled.prefix_last_hour if at + PREFIX_WINDOW > now)
    cap = caps.max_per_prefix_per_hour
    if len(inside) < cap:
        return None
    # Who waits behind so many others need not be looked at with each of them.
    until = inside[len(inside) - cap] + PREFIX_WINDOW * (1 + dialled.prefix_put_off // cap)
    return Capped(HELD_LIMIT, until, f"{len(inside)} calls to numbers of the same prefix within an hour")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
