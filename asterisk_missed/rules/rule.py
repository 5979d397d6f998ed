"""A rule: which missed calls are called back, when, by whom and how. Frozen, and checked when it is made.

Knows no file, no database and no clock. Durations are timedeltas of whole seconds; as text they are ``5m``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal, Self, cast
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)

from . import findings
from .dialling import dial_string
from .duration import between, written
from .guard import passes
from .hours import Holidays, Hours, Span

SourceKind = Literal["did", "trunk", "queue", "extension"]
Strategy = Literal["all", "order", "longest-idle"]

MOST_EXTENSIONS = 9  # phones rung at once for one client; more are a queue
MOST_NAMES = 100  # sources of one rule
MOST_SPANS = 50  # intervals of one rule's hours
VOICEMAIL = "voicemail"  # whom the dispatcher may ring instead of employees

# missed-request and so on are contexts of their own.
RESERVED = frozenset(("request", "hints", "mark", "talked", "stamp"))

_SLUG = re.compile(r"[a-z][a-z0-9-]{0,30}")
_EXTENSION = re.compile(r"[0-9]{2,10}")
_QUEUE = re.compile(r"[A-Za-z0-9_.-]{1,79}")  # 79: AST_MAX_EXTENSION of Asterisk, less its end
_PBX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SOUND = re.compile(r"(?!.*\.\.)[A-Za-z0-9_/][A-Za-z0-9_./-]{0,99}")
_CLASS = re.compile(r"[A-Za-z0-9_-]{1,79}")
_MAILBOX = re.compile(r"[0-9]{1,20}@[A-Za-z0-9_-]{1,79}")
_TRUNK = re.compile(r"([A-Za-z][A-Za-z0-9]*/)?[A-Za-z0-9_.@+-]{1,79}")

_SOURCES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "did": (re.compile(r"\+?[0-9]{3,20}"), "numbers of 3 to 20 digits"),
    "trunk": (_TRUNK, "trunk names such as trunk-main"),
    "queue": (_QUEUE, "queue names of letters, digits and _ . -"),
    "extension": (_EXTENSION, "extensions of 2 to 10 digits"),
}


class RuleError(ValueError):
    """What is wrong with a rule, in one line: its slug, the field, the value, what is allowed."""


def _names(value: object, pattern: re.Pattern[str], allowed: str, most: int) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if any(isinstance(name, (int, float)) for name in names):
        raise ValueError(f'{allowed}, in quotes (as in "101"): a bare number loses its zeros and plus')
    if not names or len(names) > most or not all(isinstance(n, str) and pattern.fullmatch(n) for n in names):
        raise ValueError(f"{allowed}, 1 to {most} of them")
    if len(set(names)) != len(names):
        raise ValueError(f"{allowed}, each once")
    return cast(tuple[str, ...], names)


def _slug(value: object) -> str:
    if not (isinstance(value, str) and _SLUG.fullmatch(value)):
        raise ValueError("a letter a-z, then up to 30 of a-z, 0-9 and -")
    if value in RESERVED:
        raise ValueError("another word: missed-<slug> would be the name of a context that is there already")
    return value


def _title(value: object) -> str:
    if isinstance(value, str) and 0 < len(value.strip()) <= 100 and value.isprintable():
        return value.strip()
    raise ValueError("1 to 100 printable characters on one line")


def _extensions(value: object) -> tuple[str, ...] | None:
    return None if value is None else _names(value, _EXTENSION, "extensions of 2 to 10 digits", MOST_EXTENSIONS)


def _to(value: object) -> tuple[str, ...] | str:
    return VOICEMAIL if value == VOICEMAIL else _names(value, _EXTENSION, _DISPATCHED, MOST_EXTENSIONS)


_DISPATCHED = f"{VOICEMAIL}, or extensions of 2 to 10 digits"


def _text(pattern: re.Pattern[str], allowed: str) -> BeforeValidator:
    """The check of a text that null leaves out."""

    def check(value: object) -> str | None:
        if value is None or (isinstance(value, str) and pattern.fullmatch(value)):
            return value
        raise ValueError(allowed)

    return BeforeValidator(check)


def _caller_id(value: object) -> str | None:
    if value is None or (isinstance(value, str) and passes(value)):
        return value
    raise ValueError("3 to 20 digits in quotes, with or without +, or null for the DID that was called")


def _dial(value: object) -> str | None:
    return None if value is None else dial_string(value, "number")


def _zone(value: object) -> str | None:
    if value is None:
        return None
    try:
        return ZoneInfo(cast(str, value)).key
    except (ValueError, OSError, LookupError, TypeError, AttributeError):
        raise ValueError("a time zone of the tz database, such as Europe/Moscow, or null for the PBX's") from None


def _spans(value: object) -> object:
    value = [] if value is None else value
    if not isinstance(value, (list, tuple)) or len(value) > MOST_SPANS:
        raise ValueError(f"a list of up to {MOST_SPANS} intervals, such as {{days: mon-fri, time: '10:00-18:00'}}")
    return value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Part):
    """Where the call must have been missed: in the file ``{queue: sales}`` or ``{queue: [a, b]}``."""

    kind: SourceKind
    names: tuple[str, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in _SOURCES:
            kind, names = next(iter(value.items()))
            pattern, allowed = _SOURCES[kind]
            return {"kind": kind, "names": _names(names, pattern, allowed, MOST_NAMES)}
        raise ValueError("exactly one of did, trunk, queue and extension, with a name or a list of names")

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the file; one name is no list."""
        return {self.kind: self.names[0] if len(self.names) == 1 else list(self.names)}


class Wait(_Part):
    """How long the caller must have waited, and how long at most; both bounds are inside."""

    min: Annotated[timedelta, between("0s", "1d")] = timedelta(0)
    max: Annotated[timedelta, between("0s", "1d")] | None = None

    @model_validator(mode="after")
    def _some_wait(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"min and max with min no longer than max (min is {written(self.min)})")
        return self


class Dispatcher(_Part):
    """Greeting to the client, then the employees of ``to`` while he hears ``music``, then voicemail.

    ``to`` is ``voicemail`` where nobody is rung. ``voicemail_after`` None: never.
    """

    greeting: Annotated[
        str | None, _text(_SOUND, "a sound as Playback() names it, such as missed/greeting, or null")
    ] = "missed/greeting"
    to: Annotated[tuple[str, ...] | str, BeforeValidator(_to)]
    music: Annotated[str, _text(_CLASS, "a music class of letters, digits, _ and -")] = "default"
    voicemail_after: Annotated[timedelta, between("1s", "10m")] | None = timedelta(seconds=30)
    mailbox: Annotated[str | None, _text(_MAILBOX, "a mailbox such as 100@default, or null")] = None

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {
            "greeting": self.greeting,
            "to": self.to if isinstance(self.to, str) else list(self.to),
            "music": self.music,
            "voicemail_after": None if self.voicemail_after is None else written(self.voicemail_after),
            "mailbox": self.mailbox,
        }


class Connect(_Part):
    """Who talks with the client: one queue, some extensions, or the dispatcher."""

    queue: Annotated[str | None, _text(_QUEUE, "a queue name of letters, digits and _ . -")] = None
    extensions: Annotated[tuple[str, ...] | None, BeforeValidator(_extensions)] = None
    dispatcher: Dispatcher | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.queue, self.extensions, self.dispatcher].count(None) != 2:
            raise ValueError("exactly one of queue, extensions and dispatcher")
        return self

    @property
    def rung(self) -> tuple[str, ...]:
        """The extensions that are rung by name; none for a queue or voicemail."""
        if self.dispatcher is not None:
            return () if isinstance(self.dispatcher.to, str) else self.dispatcher.to
        return self.extensions or ()

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the file."""
        if self.dispatcher is not None:
            return {"dispatcher": self.dispatcher.as_dict()}
        return {"queue": self.queue} if self.queue is not None else {"extensions": list(self.rung)}


class Ring(_Part):
    """Whom to ring first of several, and for how long each end is rung."""

    strategy: Strategy = "all"
    employee: Annotated[timedelta, between("1s", "10m")] = timedelta(seconds=25)
    client: Annotated[timedelta, between("1s", "10m")] = timedelta(seconds=45)


class Confirm(_Part):
    """Who accepts the call by a key, so that no machine is taken for a person."""

    employee: StrictBool = False
    client: StrictBool = False


class Retry(_Part):
    """Attempts in all, the pause after each outcome, and how long after its first due time a callback is given up."""

    attempts: Annotated[StrictInt, Field(ge=1, le=20)] = 3
    busy: Annotated[timedelta, between("1s", "7d")] = timedelta(minutes=5)
    no_answer: Annotated[timedelta, between("1s", "7d")] = timedelta(minutes=30)
    employee_absent: Annotated[timedelta, between("1s", "7d")] = timedelta(minutes=10)
    expire: Annotated[timedelta, between("1m", "30d")] = timedelta(hours=24)


class Rule(_Part):
    """One rule. Make it with `Rule.read`, whose errors are one line that names the field."""

    slug: Annotated[str, BeforeValidator(_slug)]
    title: Annotated[str, BeforeValidator(_title)]
    enabled: StrictBool = True
    pbx: Annotated[str | None, _text(_PBX, "the name of a PBX, or null for any")] = None
    source: Source
    wait: Wait = Wait()
    delay: Annotated[timedelta, between("0s", "30d")] = timedelta(minutes=2)
    hours: Annotated[tuple[Annotated[Span, PlainValidator(Span.parse)], ...], BeforeValidator(_spans)] = ()
    holidays: Annotated[Holidays | None, PlainValidator(Holidays.parse)] = None
    timezone: Annotated[str | None, BeforeValidator(_zone)] = None
    outside_hours: Literal["wait", "skip"] = "wait"
    first: Literal["employee", "client"]
    connect: Connect
    ring: Ring = Ring()
    confirm: Confirm = Confirm()
    retry: Retry = Retry()
    caller_id: Annotated[str | None, BeforeValidator(_caller_id)] = None
    dial: Annotated[str | None, BeforeValidator(_dial)] = None
    at_once: Annotated[StrictInt, Field(ge=1, le=1_000)] = 2

    @model_validator(mode="before")
    @classmethod
    def _titled(cls, value: object) -> object:
        return {"title": value.get("slug"), **value} if isinstance(value, Mapping) else value

    @model_validator(mode="after")
    def _somebody_is_rung(self) -> Self:
        dispatcher = self.connect.dispatcher
        if dispatcher is not None and dispatcher.to == VOICEMAIL and self.first == "employee":
            raise ValueError("first = employee needs employees in connect.dispatcher.to, not voicemail")
        return self

    def opening(self, zone: ZoneInfo) -> Hours:
        """When clients may be called by this rule. ``zone``: the PBX's, where the rule names none."""
        return _hours(self.hours, self.holidays, ZoneInfo(self.timezone) if self.timezone else zone)

    @classmethod
    def read(cls, fields: object, place: int = 1) -> Rule:
        """The rule that a mapping from a file, the database or the API means. ``place``: its number where it has no
        slug to be named by. RuleError: the first thing wrong with it.
        """
        name = f"number {place}"
        if not isinstance(fields, Mapping):
            raise RuleError(f"rule {name}: {findings.shown(fields)}: must be a mapping of fields")
        if isinstance(slug := fields.get("slug"), str) and _SLUG.fullmatch(slug):
            name = slug
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise RuleError(f"rule {name}: {findings.first(error, _known(error))}") from None

    def as_dict(self) -> dict[str, Any]:
        """The fields in the file's order, durations as text: what `read` makes the same rule of."""
        return {
            "slug": self.slug,
            "title": self.title,
            "enabled": self.enabled,
            "pbx": self.pbx,
            "source": self.source.as_dict(),
            "wait": {"min": written(self.wait.min), "max": _or_none(self.wait.max)},
            "delay": written(self.delay),
            "hours": [span.as_dict() for span in self.hours],
            "holidays": None if self.holidays is None else self.holidays.as_value(),
            "timezone": self.timezone,
            "outside_hours": self.outside_hours,
            "first": self.first,
            "connect": self.connect.as_dict(),
            "ring": {
                "strategy": self.ring.strategy,
                "employee": written(self.ring.employee),
                "client": written(self.ring.client),
            },
            "confirm": {"employee": self.confirm.employee, "client": self.confirm.client},
            "retry": {
                "attempts": self.retry.attempts,
                "busy": written(self.retry.busy),
                "no_answer": written(self.retry.no_answer),
                "employee_absent": written(self.retry.employee_absent),
                "expire": written(self.retry.expire),
            },
            "caller_id": self.caller_id,
            "dial": self.dial,
            "at_once": self.at_once,
        }


_hours = lru_cache(maxsize=1024)(Hours)  # asked with every missed call


def _or_none(duration: timedelta | None) -> str | None:
    return None if duration is None else written(duration)


def _known(error: ValidationError) -> list[str]:
    """The names that could have stood where the unknown one does."""
    unknown = next((e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"), ())
    part = _PARTS.get(".".join(map(str, unknown[:-1])))
    return list(part.model_fields) if part else []


_PARTS: Mapping[str, type[BaseModel]] = {
    "": Rule,
    "wait": Wait,
    "connect": Connect,
    "connect.dispatcher": Dispatcher,
    "ring": Ring,
    "confirm": Confirm,
    "retry": Retry,
}
