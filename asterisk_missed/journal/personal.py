"""All that the journal holds about one client: shown as a whole, and erased as a whole.

What Asterisk itself writes of its calls (CEL, CDR, queue_log) is not the journal's to erase.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, func, or_, select, update

from ..rules.guard import as_dialled, normalise
from . import numbers, search
from .by_hand import NotAllowed, NotPossible, changing
from .journal import WAITING, Journal
from .tables import attempts, blocked, callbacks, contacts, missed, story
from .values import shown


@dataclass(frozen=True, slots=True)
class Held:
    """How much is held about a number, in rows. ``blocked``: it is on the never-call list, which keeps it."""

    number: str
    missed: int
    story: int
    callbacks: int
    attempts: int
    contacts: int
    blocked: bool

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to erase."""
        return not (self.missed or self.callbacks or self.attempts or self.contacts)


def held(journal: Journal, text: str, country: str) -> Held:
    """How much is held about a number, however it is written; a text that is no number is taken as callers sent it.

    NotAllowed: it is empty.
    """
    number, writings = _writings(text, country)
    with journal.database.reading() as db:
        return _held(db, number, _traces(db, writings))


def forget(journal: Journal, text: str, country: str) -> Held:
    """Erase all of it but the number on the never-call list; how much there was.

    NotPossible: nothing is held, or the number is being called.
    """
    number, writings = _writings(text, country)
    with changing(journal) as db:
        _erase_wholly(db)
        found = _traces(db, writings)
        # Taken away from the daemons first: what is then not being called cannot be any more.
        waiting = and_(found.callbacks, callbacks.c.state.in_(WAITING))
        db.execute(update(callbacks).where(waiting).values(state="closed", open_number=None, due_at=None))
        calling = select(callbacks.c.id).where(found.callbacks, callbacks.c.state == "calling")
        in_flight = select(attempts.c.id).where(found.attempts, attempts.c.ended_at.is_(None))
        if db.execute(calling).first() or db.execute(in_flight).first():
            raise NotPossible(f"{number}: is being called at this moment: nothing was erased")
        there = _held(db, number, found)
        if there.nothing:
            raise NotPossible(f"{number}: nothing is held about it")
        for table in (story, missed, attempts, callbacks, contacts):  # those first that name others
            db.execute(table.delete().where(getattr(found, table.name)))
    _forget_the_log(journal)
    return there


def dossier(journal: Journal, text: str, country: str) -> dict[str, Any]:
    """All that is held about a number: its missed calls with story and attempts, callbacks, attempts, contacts, and what
    the never-call list says of it. NotAllowed: the text is empty.
    """
    number, writings = _writings(text, country)
    with journal.database.reading() as db:
        found = _traces(db, writings)
        ids = db.execute(select(missed.c.id).where(found.missed).order_by(missed.c.id)).scalars().all()
        whole = {
            table.name: [dict(row) for row in db.execute(_all(table, found)).mappings()]
            for table in (callbacks, attempts, contacts)
        }
        entry = db.execute(select(blocked).where(found.blocked)).mappings().first()
    rows = [row for row in (search.row(journal, missed_id) for missed_id in ids) if row is not None]
    return {"number": number, "missed": rows, **whole, "blocked": dict(entry) if entry is not None else None}


def _writings(text: str, country: str) -> tuple[str, tuple[str, ...]]:
    """The number as it is shown, and every text by which the journal may hold it."""
    if not text.strip():
        raise NotAllowed("NUMBER: must be a number, or what the caller sent as his, and is empty")
    as_received = shown(text)
    try:
        number = numbers.e164(text, country)
    except NotAllowed:
        return as_received, (as_received,)
    digits = number.removeprefix("+")
    shorter = (digits[length:] for length in (1, 2, 3))  # without the country code
    forms = (number, digits, f"00{digits}", as_dialled(number, "national", country), *shorter, as_received)
    return number, tuple(dict.fromkeys(form for form in forms if normalise(form, country) == number))


@dataclass(frozen=True, slots=True)
class _Traces:
    """Which rows of each table are about a number."""

    missed: ColumnElement[bool]
    story: ColumnElement[bool]
    callbacks: ColumnElement[bool]
    attempts: ColumnElement[bool]
    contacts: ColumnElement[bool]
    blocked: ColumnElement[bool]


def _traces(db: Connection, writings: tuple[str, ...]) -> _Traces:
    ids = db.execute(select(callbacks.c.id).where(callbacks.c.number.in_(writings))).scalars().all()
    rows = or_(missed.c.caller.in_(writings), missed.c.callback_id.in_(ids))
    return _Traces(
        missed=rows,
        story=story.c.missed_id.in_(select(missed.c.id).where(rows)),
        callbacks=callbacks.c.id.in_(ids),
        attempts=or_(attempts.c.number.in_(writings), attempts.c.callback_id.in_(ids)),
        contacts=contacts.c.number.in_(writings),
        blocked=blocked.c.number.in_(writings),
    )


def _all(table: Table, found: _Traces) -> Select[Any]:
    return select(table).where(getattr(found, table.name)).order_by(table.c.id)


def _held(db: Connection, number: str, found: _Traces) -> Held:
    def count(table: Table) -> int:
        return db.execute(select(func.count()).select_from(table).where(getattr(found, table.name))).scalar_one()

    counts = {table.name: count(table) for table in (missed, story, callbacks, attempts, contacts)}
    return Held(number, **counts, blocked=bool(count(blocked)))


def _erase_wholly(db: Connection) -> None:
    """SQLite leaves what it deletes in the file until something is written over it, unless it is told not to."""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete = ON")


def _forget_the_log(journal: Journal) -> None:
    """SQLite's write-ahead log still has the rows as they were; where somebody reads just now it keeps them a little."""
    if journal.database.url.get_backend_name() != "sqlite":
        return
    connection = journal.database.engine.raw_connection()
    try:
        with suppress(sqlite3.Error):  # they are erased from the journal whatever becomes of its log
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
