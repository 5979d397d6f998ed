"""The journal's last days, as a preview asks for them: few columns, streamed, in the order of time.

Reads only. Every PBX of the journal is in it: a client is one client on all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, DateTime, Select, TypeCoerce, func, select, type_coerce

from ..callbacks.preview import History, Miss, Talk
from .journal import OFTEN, Journal
from .tables import blocked, contacts, missed

BATCH = 5_000  # rows that are in memory at a time
# A talk that began before the period may go on in it, and one after it may settle a callback of its last calls.
AROUND = timedelta(days=1)


def _naive(column: Column[Any]) -> TypeCoerce[datetime]:
    """A time without its zone: `Utc` gives it one in a call for each value, which took a third of the reading."""
    return type_coerce(column, DateTime)


_MISS = (
    *(missed.c.pbx, missed.c.linkedid, missed.c.caller, missed.c.did, missed.c.trunk, missed.c.queue),
    *(missed.c.extension, _naive(missed.c.started_at), _naive(missed.c.missed_at), missed.c.wait),
    *(missed.c.queue_wait, missed.c.status, missed.c.reason),
)
_TALK = (contacts.c.number, contacts.c.uniqueid, contacts.c.direction, _naive(contacts.c.at), contacts.c.talk)


def history(journal: Journal, since: datetime, until: datetime) -> History:
    """The missed calls that ended in the period, the contacts with their callers around it, the never-call list.

    To be used up once: the rows come as they are asked for, `BATCH` of them in memory at a time.
    """
    period = (missed.c.missed_at >= since, missed.c.missed_at < until)
    rows = select(*_MISS).where(*period).order_by(missed.c.missed_at, missed.c.id)
    callers = select(missed.c.caller).where(*period)
    talks = select(*_TALK).where(contacts.c.number.in_(callers), contacts.c.at >= since - AROUND)
    dialled = select(missed.c.did).where(*period, missed.c.did.is_not(None)).group_by(missed.c.did)
    with journal.database.reading() as db:
        never = frozenset(db.execute(select(blocked.c.number)).scalars())
        dids = frozenset(db.execute(dialled.having(func.count() >= OFTEN)).scalars())
    return History(since, until, _misses(_rows(journal, rows)), _talks(_rows(journal, talks)), never, dids)


def _misses(rows: Iterator[Any]) -> Iterator[Miss]:
    for pbx, linkedid, caller, did, trunk, queue, extension, began, ended, wait, queue_wait, status, reason in rows:
        times = began.replace(tzinfo=UTC), ended.replace(tzinfo=UTC)
        where = (did, trunk, queue, extension)
        yield Miss(pbx, linkedid, caller, *where, *times, wait, queue_wait, status, reason == "unconfirmed")


def _talks(rows: Iterator[Any]) -> Iterator[Talk]:
    for number, uniqueid, direction, at, seconds in rows:
        yield Talk(number, uniqueid, direction, at.replace(tzinfo=UTC), seconds)


def _rows(journal: Journal, query: Select[Any]) -> Iterator[Any]:
    with journal.database.reading() as db:
        yield from db.execution_options(yield_per=BATCH).execute(query)
