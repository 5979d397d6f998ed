"""The tables of the journal database. The migrations make them; this is how the verbs see them.

Times are UTC, to the microsecond. Portable between SQLite, PostgreSQL and MariaDB: no partial index, no RETURNING.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy import Column as C


class Utc(TypeDecorator[datetime]):
    """An aware datetime, kept as naive UTC: no database is asked about zones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime: it would be somebody's local time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

rules = Table(
    "rules",
    metadata,
    C("slug", String(31), primary_key=True),
    C("position", Integer, nullable=False),
    C("body", JSON, nullable=False),  # the rule as the rules file writes it
)

# One line: how often the list of rules has changed. A daemon that sees it change renders the dialplan anew.
revisions = Table("revisions", metadata, C("name", String(31), primary_key=True), C("number", Integer, nullable=False))

callbacks = Table(
    "callbacks",
    metadata,
    C("id", Integer, primary_key=True),
    C("pbx", String(63), nullable=False),
    C("number", String(32), nullable=False),
    # The number while the callback is open, NULL when it is closed: a plain UNIQUE column is "one open callback per
    # number" on every database (partial indexes are not everywhere).
    C("open_number", String(32), unique=True),
    C("rule", String(31), nullable=False),
    C("state", String(15), nullable=False),  # waiting | paused (its rule is switched off) | calling | closed
    C("reason", String(31), nullable=False),
    C("due_at", Utc),
    C("first_due_at", Utc, nullable=False),
    C("since", Utc, nullable=False),
    C("attempts", Integer, nullable=False, default=0),
    C("did", String(64), nullable=False, default=""),
    C("asked_at", Utc, nullable=False),  # the end of the missed call from which the rule's delay counts
    C("expires_at", Utc, nullable=False),
    C("by_hand", Boolean, nullable=False, default=False),  # "call now": the rule's hours are not asked
    C("assigned", String(15)),  # the extension that is rung first
    Index("ix_callbacks_due", "state", "due_at"),
    Index("ix_callbacks_expiry", "state", "expires_at"),
    Index("ix_callbacks_number", "number"),
    sqlite_autoincrement=True,  # what was erased leaves its id unused, here and below: pages and marks refer to it
)

missed = Table(
    "missed",
    metadata,
    C("id", Integer, primary_key=True),
    C("pbx", String(63), nullable=False),
    C("linkedid", String(150), nullable=False),
    C("callback_id", ForeignKey("callbacks.id"), index=True),
    C("missed_at", Utc, nullable=False, index=True),  # the end of the call
    C("started_at", Utc, nullable=False),
    C("caller", String(200), nullable=False, index=True),
    C("caller_name", String(200), nullable=False, default=""),
    C("did", String(200), index=True),
    C("trunk", String(100)),
    C("queue", String(100)),
    C("extension", String(100)),
    C("source_kind", String(15)),
    C("source_name", String(100)),
    C("rule", String(31)),
    C("wait", Float, nullable=False),
    C("queue_wait", Float),
    C("lost_in", String(15)),
    C("lost_how", String(31)),
    C("status", String(31), nullable=False),
    C("reason", String(31)),
    C("due_at", Utc),
    C("called_back_at", Utc),
    C("employee", String(64)),
    C("talk", Float),
    C("attempts", Integer, nullable=False, default=0),
    C("recovered", Boolean, nullable=False, default=False),
    UniqueConstraint("pbx", "linkedid"),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    C("id", Integer, primary_key=True),
    C("callback_id", ForeignKey("callbacks.id"), nullable=False, index=True),
    C("number", String(32), nullable=False),
    C("nth", Integer, nullable=False),  # of its callback, from 1
    C("pbx", String(63), nullable=False),
    C("channel_id", String(149), nullable=False, unique=True),
    C("rule", String(31), nullable=False),
    C("first", String(15), nullable=False),
    C("started_at", Utc, nullable=False),
    C("ended_at", Utc, index=True),
    C("disposition", String(31)),
    C("reason", String(31)),
    C("rung", Boolean),  # whether the client's telephone may have rung; None while nobody knows
    C("cause", Integer),
    C("tech_cause", Integer),
    C("employee", String(64)),
    C("talked_at", Utc),
    C("talk", Float),
    Index("ix_attempts_number", "number", "started_at"),
    Index("ix_attempts_started", "started_at", "rung", "number", "talk"),
    sqlite_autoincrement=True,
)

story = Table(
    "story",
    metadata,
    C("id", Integer, primary_key=True),
    C("missed_id", ForeignKey("missed.id"), nullable=False, index=True),
    C("at", Utc, nullable=False),
    C("event", String(31), nullable=False),
    C("details", JSON, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    C("id", Integer, primary_key=True),
    C("pbx", String(63), nullable=False),
    C("uniqueid", String(150), nullable=False),
    C("number", String(200), nullable=False),
    C("direction", String(3), nullable=False),
    C("employee", String(64)),
    C("at", Utc, nullable=False),
    C("talk", Float),
    UniqueConstraint("pbx", "uniqueid"),
    Index("ix_contacts_number", "number", "at"),
)

# Numbers that are never called.
blocked = Table(
    "blocked",
    metadata,
    C("number", String(32), primary_key=True),
    C("at", Utc, nullable=False),
    C("by", String(64), nullable=False),
    C("why", String(200), nullable=False, default=""),
)

# Since when, and until when at least, each PBX has been listened to.
listening = Table(
    "listening",
    metadata,
    C("pbx", String(63), primary_key=True),
    C("since", Utc, nullable=False),
    C("until", Utc, nullable=False),
)

# When nothing was heard of a PBX; one without an end goes on. ``witness``: from what the calls in it were made up.
gaps = Table(
    "gaps",
    metadata,
    C("id", Integer, primary_key=True),
    C("pbx", String(63), nullable=False),
    C("began_at", Utc, nullable=False),
    C("ended_at", Utc),
    C("why", String(200), nullable=False),
    C("witness", String(15)),
    C("recovered", Integer, nullable=False, default=0),
    C("confirmed", Integer, nullable=False, default=0),
    C("taken_back", Integer, nullable=False, default=0),
    Index("ix_gaps_pbx", "pbx", "began_at"),
)

# How far a file that Asterisk writes has been read.
places = Table(
    "places",
    metadata,
    C("pbx", String(63), primary_key=True),
    C("file", String(200), primary_key=True),
    C("inode", BigInteger, nullable=False),
    C("offset", BigInteger, nullable=False),
)
