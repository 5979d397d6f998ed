"""Reading the journal: rows by filters, one row with its story and attempts. Values as the contract's JSON names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from .journal import Journal
from .tables import attempts, callbacks, missed, story

# Columns of `missed` that a row shows as they are, in the contract's order; `source`, `message` are put in their places.
_PLAIN_BEFORE = ("id", "pbx", "linkedid", "missed_at", "caller", "caller_name", "did", "trunk", "queue", "extension")
_PLAIN_AFTER = (
    *("rule", "wait", "queue_wait", "lost_in", "lost_how", "status", "reason", "due_at", "called_back_at", "employee"),
    *("talk", "attempts", "message", "recovered"),
)
_ATTEMPT = (
    *(
        "id",
        "nth",
        "rule",
        "first",
        "started_at",
        "ended_at",
        "disposition",
        "reason",
        "cause",
        "tech_cause",
        "employee",
    ),
    *("talked_at", "talk", "channel_id"),
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What to list; every field that is None lets all pass. Times are aware; ``until`` is not included.

    ``caller`` is a number or a part of it; ``source`` a name of a DID, trunk, queue or extension.
    """

    since: datetime | None = None
    until: datetime | None = None
    status: str | None = None
    caller: str | None = None
    rule: str | None = None
    source: str | None = None
    employee: str | None = None


def rows(journal: Journal, wanted: Filter, limit: int = 100, offset: int = 0) -> list[dict[str, Any]]:
    """The missed calls that pass, newest first."""
    query = select(missed).where(*_conditions(wanted)).order_by(missed.c.missed_at.desc(), missed.c.id.desc())
    with journal.database.reading() as db:
        return [_shown(row._asdict()) for row in db.execute(query.limit(limit).offset(offset)).all()]


def row(journal: Journal, missed_id: int) -> dict[str, Any] | None:
    """One missed call with its ``story`` and the list of its ``attempts``; None where there is none of that id."""
    with journal.database.reading() as db:
        found = db.execute(select(missed).where(missed.c.id == missed_id)).one_or_none()
        if found is None:
            return None
        shown = _shown(found._asdict())
        tries = select(attempts).where(attempts.c.callback_id == found.callback_id).order_by(attempts.c.id)
        shown["attempts"] = [_attempt(line._asdict()) for line in db.execute(tries).all()]
        lines = db.execute(select(story).where(story.c.missed_id == missed_id).order_by(story.c.id)).all()
        shown["story"] = [{"at": line.at, "event": line.event, **line.details} for line in lines]
        return shown


def counts(journal: Journal, wanted: Filter) -> dict[str, int]:
    """How many of the missed calls that pass have each status."""
    query = select(missed.c.status, func.count()).where(*_conditions(wanted)).group_by(missed.c.status)
    with journal.database.reading() as db:
        return {row[0]: row[1] for row in db.execute(query).all()}


def open_callbacks(journal: Journal) -> int:
    """How many callbacks are waiting or being made."""
    with journal.database.reading() as db:
        return len(db.execute(select(callbacks.c.id).where(callbacks.c.open_number.is_not(None))).all())


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(missed.c.missed_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(missed.c.missed_at < wanted.until)
    for column in ("status", "rule", "employee"):
        if getattr(wanted, column) is not None:
            conditions.append(missed.c[column] == getattr(wanted, column))
    if wanted.caller is not None:
        conditions.append(missed.c.caller.contains(wanted.caller, autoescape=True))
    if wanted.source is not None:
        names = [missed.c[c] == wanted.source for c in ("source_name", "did", "trunk", "queue", "extension")]
        conditions.append(or_(*names))
    return conditions


def _shown(found: Mapping[str, Any]) -> dict[str, Any]:
    source = {"kind": found["source_kind"], "name": found["source_name"]} if found["source_kind"] else None
    shown: dict[str, Any] = {name: found[name] for name in _PLAIN_BEFORE}
    shown["source"] = source
    return shown | {name: found.get(name) for name in _PLAIN_AFTER}


def _attempt(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in _ATTEMPT}
