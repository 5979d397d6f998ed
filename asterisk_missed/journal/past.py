"""The journal's last days, as a preview asks for them: few columns, values of the decisions, in the order of time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from ..callbacks.preview import History, Past
from ..calls.call import Contact, EndedCall, Missed
from .journal import Journal
from .tables import blocked, contacts, missed

# A talk that settles a callback of the period's last calls may come so much later.
LATER = timedelta(days=30)

_CALL = (
    *(missed.c.linkedid, missed.c.caller, missed.c.did, missed.c.trunk, missed.c.queue, missed.c.extension),
    *(missed.c.started_at, missed.c.missed_at, missed.c.wait, missed.c.queue_wait, missed.c.status, missed.c.reason),
)
_CONTACT = (
    contacts.c.uniqueid,
    contacts.c.number,
    contacts.c.direction,
    contacts.c.employee,
    contacts.c.at,
    contacts.c.talk,
)


def history(journal: Journal, since: datetime, until: datetime) -> History:
    """Missed calls of this PBX that ended in the period, with the contacts of the whole journal since then.

    A call is kept with one queue and one extension: a rule of another that it was missed on too does not find it here.
    """
    ended = select(*_CALL).where(missed.c.pbx == journal.pbx, missed.c.missed_at >= since, missed.c.missed_at < until)
    made = select(*_CONTACT).where(contacts.c.at >= since, contacts.c.at < until + LATER)
    with journal.database.reading() as db:
        calls = [_past(row) for row in db.execute(ended.order_by(missed.c.missed_at, missed.c.id))]
        talks = [Contact(*row) for row in db.execute(made.order_by(contacts.c.at, contacts.c.id))]
        never = frozenset(db.execute(select(blocked.c.number)).scalars())
    return History(calls, talks, never)


def _past(row: Any) -> Past:
    queues, extensions = (row.queue,) if row.queue else (), (row.extension,) if row.extension else ()
    waits = {row.queue: row.wait if row.queue_wait is None else row.queue_wait} if row.queue else {}
    doubt = row.reason if row.reason == "unconfirmed" else None
    ended = EndedCall(
        row.linkedid, row.caller, "", row.did or "", row.trunk or "", row.started_at, row.missed_at, False, None, row.wait,
        waits, Missed(row.did, row.trunk, queues, extensions), None, None, doubt,
    )  # fmt: skip
    return Past(ended, row.status)
