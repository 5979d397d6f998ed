"""Call detail records out of somebody else's table: what FreePBX, cdr_adaptive_odbc or cdr_pgsql keep. Reads, and nothing else.

The names of columns differ from one PBX to another: those that are there are taken. Times without a zone are the PBX's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Column, MetaData, RowMapping, Table, select
from sqlalchemy.exc import NoSuchTableError

from ..calls.cdr import CdrRow
from .database import Database, JournalUnreachable

# What a record has, and what its column may be called, the usual name first.
_NAMES = {
    "start": ("calldate", "start", "starttime"),
    "src": ("src",),
    "name": ("cnam", "clid"),
    "dst": ("dst",),
    "channel": ("channel",),
    "dstchannel": ("dstchannel",),
    "application": ("lastapp",),
    "data": ("lastdata",),
    "duration": ("duration",),
    "billsec": ("billsec",),
    "disposition": ("disposition",),
    "uniqueid": ("uniqueid",),
    "linkedid": ("linkedid",),
    "did": ("did",),
}
_MAY_BE_ABSENT = frozenset(("name", "uniqueid", "linkedid", "did"))
_AT_ONCE = 1_000  # rows that are fetched from the server together


def cdr_rows(
    database: Database, since: datetime, until: datetime, zone: tzinfo, table: str = "cdr"
) -> Iterator[CdrRow]:
    """The records of calls that began in [since, until), in their order; both are aware.

    JournalUnreachable where the database, the table or a column that is needed is not there.
    """
    schema, _, name = table.rpartition(".")
    with database.reading() as connection:
        try:
            found = Table(name, MetaData(), schema=schema or None, autoload_with=connection)
        except NoSuchTableError:
            raise JournalUnreachable(f"database: there is no table {table}") from None
        columns = _columns(found)
        start = columns["start"]
        between = (start >= _naive(since, zone), start < _naive(until, zone))
        asked = select(*(c.label(name) for name, c in columns.items())).where(*between).order_by(start)
        for row in connection.execution_options(yield_per=_AT_ONCE).execute(asked).mappings():
            yield _row(row, zone)


def _columns(table: Table) -> dict[str, Column[Any]]:
    there = {column.name.lower(): column for column in table.columns}
    found = {}
    for name, called in _NAMES.items():
        column = next((there[c] for c in called if c in there), None)
        if column is not None:
            found[name] = column
        elif name not in _MAY_BE_ABSENT:
            raise JournalUnreachable(f"database: table {table.name} has no column {' or '.join(called)}")
    return found


def _naive(at: datetime, zone: tzinfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def _row(row: RowMapping, zone: tzinfo) -> CdrRow:
    texts = {name: str(row[name]) if row.get(name) is not None else "" for name in _NAMES}
    return CdrRow(
        start=_aware(row["start"], zone).timestamp(),
        src=texts["src"],
        name=texts["name"].rpartition("<")[0].strip().strip('"') if "<" in texts["name"] else texts["name"],
        dst=texts["dst"],
        channel=texts["channel"],
        dstchannel=texts["dstchannel"],
        application=texts["application"],
        data=texts["data"],
        duration=float(row["duration"] or 0),
        billsec=float(row["billsec"] or 0),
        disposition=texts["disposition"],
        uniqueid=texts["uniqueid"],
        linkedid=texts["linkedid"],
        did=texts["did"],
    )


def _aware(at: datetime, zone: tzinfo) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)
