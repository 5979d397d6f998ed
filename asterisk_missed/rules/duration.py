"""Durations as people write them: ``90s``, ``5m``, ``2h``, ``1d``. Pure text; nothing here knows a clock."""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic import BeforeValidator

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}  # seconds, the longest first
WRITTEN = "a duration such as 90s, 5m, 2h or 1d"

_DURATION = re.compile(r"(0|[1-9][0-9]{0,6})([smhd])")


def parse(text: object) -> timedelta:
    """``90s`` -> 90 seconds. ValueError says what is allowed; a bare number is refused, since its unit is unknown."""
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(WRITTEN)
    return timedelta(seconds=int(match[1]) * UNITS[match[2]])


def written(duration: timedelta) -> str:
    """The shortest exact text: 120 seconds -> ``2m``, 90 seconds -> ``90s``. Whole seconds only."""
    seconds = int(duration.total_seconds())
    unit = next((unit for unit, length in UNITS.items() if seconds and seconds % length == 0), "s")
    return f"{seconds // UNITS[unit]}{unit}"


def between(shortest: str, longest: str) -> BeforeValidator:
    """The check of a field that takes a duration, both bounds allowed: ``between("1s", "10m")``."""
    low, high = parse(shortest), parse(longest)

    def check(text: object) -> timedelta:
        try:
            duration = parse(text)
        except ValueError:
            raise ValueError(f"{WRITTEN}, from {shortest} to {longest}") from None
        if not low <= duration <= high:
            raise ValueError(f"a duration from {shortest} to {longest}")
        return duration

    return BeforeValidator(check)
