"""A rule: which missed calls are called back, when, by whom and how. Frozen, and checked when it is made.

Knows no file, no database and no clock. Durations are timedeltas of whole seconds; as text they are ``5m``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)

from . import findings, later
from .dialling import dial_string
from .duration import between, written
from .guard import passes

SourceKind = Literal["did", "trunk", "queue", "extension"]
Strategy = Literal["all", "order", "longest-idle"]

MOST_EXTENSIONS = 9  # phones rung at once for one client; more are a queue
MOST_NAMES = 100  # sources of one rule

# missed-request and so on are contexts of their own.
RESERVED = frozenset(("request", "hints", "mark", "talked", "stamp"))

_SLUG = re.compile(r"[a-z][a-z0-9-]{0,30}")
_EXTENSION = re.compile(r"[0-9]{2,10}")
_QUEUE = re.compile(r"[A-Za-z0-9_.-]{1,79}")  # 79: AST_MAX_EXTENSION of Asterisk, less its end
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


def _queue(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _QUEUE.fullmatch(value)):
        return value
    raise ValueError("a queue name of letters, digits and _ . -")


def _caller_id(value: object) -> str | None:
    if value is None or (isinstance(value, str) and passes(value)):
        return value
    raise ValueError("3 to 20 digits in quotes, with or without +, or null for the DID that was called")


def _dial(value: object) -> str | None:
    return None if value is None else dial_string(value, "number")


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
    """How long the caller must have waited, itself included."""

    min: Annotated[timedelta, between("0s", "1d")] = timedelta(0)


class Connect(_Part):
    """Who talks with the client: one queue, or some extensions."""

    queue: Annotated[str | None, BeforeValidator(_queue)] = None
    extensions: Annotated[tuple[str, ...] | None, BeforeValidator(_extensions)] = None

    @model_validator(mode="after")
    def _one(self) -> Connect:
        if (self.queue is None) == (self.extensions is None):
            raise ValueError("exactly one of queue and extensions")
        return self

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {"queue": self.queue} if self.queue is not None else {"extensions": list(self.extensions or ())}


class Ring(_Part):
    """Whom to ring first of several, and for how long each end is rung."""

    strategy: Strategy = "all"
    employee: Annotated[timedelta, between("1s", "10m")] = timedelta(seconds=25)
    client: Annotated[timedelta, between("1s", "10m")] = timedelta(seconds=45)


class Retry(_Part):
    """Attempts in all, and the pause after each outcome."""

    attempts: Annotated[StrictInt, Field(ge=1, le=20)] = 3
    busy: Annotated[timedelta, between("1s", "7d")] = timedelta(minutes=5)
    no_answer: Annotated[timedelta, between("1s", "7d")] = timedelta(minutes=30)
    employee_absent: Annotated[timedelta, between("1s", "7d")] = timedelta(minutes=10)


class Rule(_Part):
    """One rule. Make it with `Rule.read`, whose errors are one line that names the field."""

    slug: Annotated[str, BeforeValidator(_slug)]
    title: Annotated[str, BeforeValidator(_title)]
    enabled: StrictBool = True
    source: Source
    wait: Wait = Wait()
    delay: Annotated[timedelta, between("0s", "30d")] = timedelta(minutes=2)
    first: Literal["employee", "client"]
    connect: Connect
    ring: Ring = Ring()
    retry: Retry = Retry()
    caller_id: Annotated[str | None, BeforeValidator(_caller_id)] = None
    dial: Annotated[str | None, BeforeValidator(_dial)] = None

    @model_validator(mode="before")
    @classmethod
    def _titled(cls, value: object) -> object:
        return {"title": value.get("slug"), **value} if isinstance(value, Mapping) else value

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
            return cls.model_validate(later.settled(fields))
        except later.NotYet as error:
            raise RuleError(f"rule {name}: {error}") from None
        except ValidationError as error:
            raise RuleError(f"rule {name}: {findings.first(error, _known(error))}") from None

    def as_dict(self) -> dict[str, Any]:
        """The fields in the file's order, durations as text: what `read` makes the same rule of."""
        return {
            "slug": self.slug,
            "title": self.title,
            "enabled": self.enabled,
            "source": self.source.as_dict(),
            "wait": {"min": written(self.wait.min)},
            "delay": written(self.delay),
            "first": self.first,
            "connect": self.connect.as_dict(),
            "ring": {
                "strategy": self.ring.strategy,
                "employee": written(self.ring.employee),
                "client": written(self.ring.client),
            },
            "retry": {
                "attempts": self.retry.attempts,
                "busy": written(self.retry.busy),
                "no_answer": written(self.retry.no_answer),
                "employee_absent": written(self.retry.employee_absent),
            },
            "caller_id": self.caller_id,
            "dial": self.dial,
        }


def _known(error: ValidationError) -> list[str]:
    """The names that could have stood where the unknown one does."""
    parts: Mapping[str, type[BaseModel]] = {"wait": Wait, "connect": Connect, "ring": Ring, "retry": Retry}
    unknown = next((e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"), ())
    part = parts.get(str(unknown[0])) if len(unknown) > 1 else Rule
    return list(part.model_fields) if part else []
