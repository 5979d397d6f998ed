"""What happened to one caller: the values that the tracker hands on.

Nothing here reads a clock, a socket or a database. Times are aware datetimes in UTC, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Missed:
    """What missed a call: the trunk and number it came in by, and every queue and extension that did not answer it."""

    did: str | None
    trunk: str | None
    queues: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndedCall:
    """One inbound call, from the birth to the hang-up of its trunk channel, with its verdict.

    ``linkedid`` is the Uniqueid of the inbound trunk channel; ``caller`` and ``did`` are as Asterisk showed them.
    ``wait`` runs from the birth of that channel to the first answer or to the end (to a tenth of a second);
    ``queue_waits`` holds the longest stay in each queue. ``missed`` is None where a person answered, unless the
    caller was lost afterwards; ``lost_in`` and ``lost_how`` (words of docs/rules.md) are set when ``missed`` is.
    ``reason`` is ``unconfirmed`` where the end was not seen, ``bad_number`` where the caller cannot be called.
    """

    linkedid: str
    caller: str
    caller_name: str
    did: str
    trunk: str
    started_at: datetime
    ended_at: datetime
    answered: bool
    answered_by: str | None
    wait: float
    queue_waits: Mapping[str, float] = field(default_factory=dict)
    missed: Missed | None = None
    lost_in: str | None = None
    lost_how: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A talk between an employee and a number outside, in either direction. ``talk`` is None while it goes on."""

    uniqueid: str
    number: str
    direction: str  # "in" | "out"
    employee: str | None
    at: datetime
    talk: float | None = None


def utc(at: float) -> datetime:
    """Unix seconds as an aware datetime in UTC."""
    return datetime.fromtimestamp(at, UTC)
