"""Waiting: the only place in the tests where anything sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float, what: str | Callable[[], str]) -> T:
    """Wait until the condition is true and return what it gave; the test fails when it is not within so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain until {what() if callable(what) else what}")
        time.sleep(0.05)
