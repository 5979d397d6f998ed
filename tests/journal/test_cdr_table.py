"""Records are read from whatever table a PBX keeps them in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text

from asterisk_missed.journal.cdr_table import cdr_rows
from asterisk_missed.journal.database import Database, JournalUnreachable

# As FreePBX makes it, less what nobody here reads.
FREEPBX = """create table cdr (calldate datetime, clid varchar(80), src varchar(80), dst varchar(80), dcontext varchar(80),
    channel varchar(80), dstchannel varchar(80), lastapp varchar(80), lastdata varchar(80), duration int, billsec int,
    disposition varchar(45), uniqueid varchar(32), did varchar(50), cnam varchar(80), linkedid varchar(32))"""
MOSCOW = timezone(timedelta(hours=3))
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/cdr.sqlite")
    with made.writing() as connection:
        connection.execute(text(FREEPBX))
    yield made
    made.engine.dispose()


def insert(database: Database, at: str, **values: object) -> None:
    row = {
        "calldate": at,
        "src": "79160000001",
        "dst": "101",
        "channel": "PJSIP/trunk-main-00000001",
        "dstchannel": "PJSIP/101-00000002",
        "lastapp": "Dial",
        "lastdata": "PJSIP/101,30",
        "duration": 5,
        "billsec": 3,
        "disposition": "ANSWERED",
        "uniqueid": "1795442587.260",
        "did": "74951234567",
        "cnam": "Anna",
        "linkedid": "1795442587.260",
    } | values
    with database.writing() as connection:
        connection.execute(
            text(f"insert into cdr ({','.join(row)}) values ({','.join(':' + name for name in row)})"), row
        )


def test_a_record_has_all_that_its_table_has(database: Database) -> None:
    insert(database, "2026-11-23 15:00:00.000000")
    (row,) = cdr_rows(database, NOON, NOON + timedelta(hours=1), MOSCOW)
    assert row.start == NOON.timestamp() and (row.duration, row.billsec) == (5.0, 3.0)
    assert (row.src, row.name, row.dst, row.did) == ("79160000001", "Anna", "101", "74951234567")
    assert (row.uniqueid, row.linkedid, row.application, row.disposition) == (
        "1795442587.260",
        "1795442587.260",
        "Dial",
        "ANSWERED",
    )


def test_the_period_is_half_open_and_in_order(database: Database) -> None:
    for minute in ("15:59:59", "15:00:00", "14:59:59", "16:00:00"):
        insert(database, f"2026-11-23 {minute}.000000", uniqueid=minute)
    rows = cdr_rows(database, NOON, NOON + timedelta(hours=1), MOSCOW)
    assert [row.uniqueid for row in rows] == ["15:00:00", "15:59:59"]


def test_empty_columns_are_empty_text(database: Database) -> None:
    insert(database, "2026-11-23 15:00:00.000000", did=None, dstchannel=None, billsec=None, cnam=None)
    (row,) = cdr_rows(database, NOON, NOON + timedelta(hours=1), MOSCOW)
    assert (row.did, row.dstchannel, row.billsec, row.name) == ("", "", 0.0, "")


def test_a_table_of_another_kind_is_said_to_be_one(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("create table calls (calldate datetime, src varchar(80))"))
    with pytest.raises(JournalUnreachable, match="table calls has no column dst"):
        list(cdr_rows(database, NOON, NOON, UTC, table="calls"))
    with pytest.raises(JournalUnreachable, match="there is no table nothing"):
        list(cdr_rows(database, NOON, NOON, UTC, table="nothing"))


def test_what_has_neither_uniqueid_nor_did_is_read_all_the_same(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(
            text(
                """create table old (start datetime, clid text, src text, dst text, channel text, dstchannel text,
                lastapp text, lastdata text, duration int, billsec int, disposition text)"""
            )
        )
        connection.execute(
            text(
                "insert into old values ('2026-11-23 12:00:00.000000','\"Anna\" <1>','1','2','c','','Dial','',1,0,'BUSY')"
            )
        )
    (row,) = cdr_rows(database, NOON, NOON + timedelta(hours=1), UTC, table="old")
    assert (row.name, row.uniqueid, row.linkedid, row.did) == ("Anna", "", "", "")
