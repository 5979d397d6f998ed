"""A journal of an older version is brought up to date with everything that is in it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import alembic.command
from rows import NOON
from sqlalchemy import inspect, text

from asterisk_missed.journal.database import Database, _alembic
from asterisk_missed.journal.journal import Journal
from asterisk_missed.journal.tables import metadata


def at_version(url: str, version: str) -> Database:
    database = Database(url)
    with database.writing() as connection:
        config = _alembic()
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, version)
    return database


def test_callbacks_that_waited_get_the_times_and_numbers_that_they_lacked(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    with at_version(url, "0002").writing() as db:
        at = {"at": f"{NOON:%Y-%m-%d %H:%M:%S.%f}"}
        columns = "id, pbx, number, open_number, rule, state, reason, due_at, first_due_at, since, attempts, did"
        values = "7, 'pbx1', '+79161234567', '+79161234567', 'sales', 'waiting', 'scheduled', :at, :at, :at, 1, ''"
        db.execute(text(f"INSERT INTO callbacks ({columns}) VALUES ({values})"), at)
        columns = "id, callback_id, nth, pbx, channel_id, rule, first, started_at, disposition"
        for tried in (
            "1, 7, 1, 'pbx1', 'missed-1', 'sales', 'client', :at, 'NOT SENT'",
            "2, 7, 2, 'pbx1', 'missed-2', 'sales', 'client', :at, NULL",
        ):
            db.execute(text(f"INSERT INTO attempts ({columns}) VALUES ({tried})"), at)
    assert Database(url).upgrade() == ("0002", "0003")
    journal = Journal.open(url, "pbx1")
    callback = journal.callback(7)
    assert (callback.asked_at, callback.expires_at) == (NOON, NOON + timedelta(days=1))
    assert (callback.by_hand, callback.assigned) == (False, None)
    with journal.database.reading() as db:
        rows = db.execute(text("SELECT number, rung FROM attempts ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("+79161234567", 0), ("+79161234567", None)]


def test_the_migrations_make_the_tables_that_the_verbs_see(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/journal.db")
    database.upgrade()
    found = inspect(database.engine)
    for table in metadata.sorted_tables:
        assert {c["name"] for c in found.get_columns(table.name)} == {c.name for c in table.columns}, table.name
        nullable = {c["name"]: c["nullable"] for c in found.get_columns(table.name)}
        assert {name for name, may in nullable.items() if may} == {c.name for c in table.columns if c.nullable}, (
            table.name
        )
        indexes = {i["name"] for i in found.get_indexes(table.name)}
        assert {i.name for i in table.indexes} <= indexes, table.name
