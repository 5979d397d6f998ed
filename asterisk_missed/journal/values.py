"""Between the rows of the tables and the values of the decisions."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, insert

from ..callbacks.disposition import Disposition
from ..callbacks.plan import Callback
from ..calls.call import Contact


def added(db: Connection, table: Table, **values: Any) -> int:
    """Insert a row; its id."""
    key = db.execute(insert(table), values).inserted_primary_key
    assert key is not None
    return int(key[0])


def callback_of(row: Any) -> Callback:
    """A row of `callbacks`; a closed one has no due time any more, and shows its first."""
    due_at = row.due_at or row.first_due_at
    times = (due_at, row.first_due_at, row.since, row.asked_at, row.expires_at)
    known = (row.attempts, row.did, row.reason, row.by_hand, row.assigned)
    return Callback(row.id, row.number, row.rule, *times, *known)


def contact_columns(made: Contact | None) -> dict[str, Any]:
    """What a contact tells about the missed call that it settles."""
    return {"employee": made.employee, "called_back_at": made.at, "talk": made.talk} if made is not None else {}


def disposition_columns(ended: Disposition) -> dict[str, Any]:
    """The columns of `attempts`; what is not known here leaves what was written before (the talk that began)."""
    columns = asdict(ended)
    columns["disposition"] = columns.pop("word")
    for unkept in (
        "client_rung",
        *(() if ended.talked_at else ("talked_at",)),
        *(() if ended.employee else ("employee",)),
    ):
        columns.pop(unkept)
    return columns


def clean(**details: Any) -> dict[str, Any]:
    """Only what is known, in JSON's types."""
    plain = {k: _iso(v) if isinstance(v, datetime) else v for k, v in details.items()}
    return {k: v for k, v in plain.items() if v not in (None, "")}


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def shown(text: str) -> str:
    """A caller's text as it may be kept: escaped, at most 200 characters."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)[:200]
