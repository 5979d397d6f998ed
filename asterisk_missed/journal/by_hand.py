"""What people do to missed calls by hand: call now, cancel, done, assign. The journal's verbs for that, each in one
transaction.

A hand skips delay, pause and hours. It never makes a call twice, nor calls a number that may not be called: one that is
being called is left alone, and the guard, the never-call list and the contacts are asked as before every callback.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..callbacks.plan import ROUNDED, Ground, contact_since, contact_words
from ..calls.lines import asterisk_pattern
from ..rules.guard import normalise, refusal
from ..rules.hours import next_open
from ..rules.rule import Rule
from .journal import Journal
from .tables import callbacks, contacts, missed, rules
from .values import added, clean, shown

# Statuses of a client who was reached.
REACHED = ("called_back", "client_called")
# How an attempt can end, beside `failed`: such a row shows that until the next one.
_UNATTENDED = ("employee_absent", "client_gave_up", "message_left")
_EXTENSION = re.compile(r"[0-9]{2,10}")  # as a rule's connect.extensions: it becomes a part of a dial string


class NotPossible(Exception):
    """It is not there, or cannot be done now; one line that says why."""


class NotAllowed(ValueError):
    """What was given is not allowed; one line that names it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a missed call stands. ``assigned``: the extension that is rung first for it."""

    id: int
    number: str
    rule: str | None
    status: str
    reason: str | None
    due_at: datetime | None
    called_back_at: datetime | None
    assigned: str | None


@contextmanager
def changing(journal: Journal) -> Iterator[Connection]:
    """A transaction in which somebody does something by hand."""
    try:
        with journal.database.writing() as db:
            yield db
    except IntegrityError:  # two hands at the same number, where the database lets two write at once
        raise NotPossible(_OVERTAKEN) from None


_OVERTAKEN = "something else was done to it at this moment: look again"


def call_now(
    journal: Journal, missed_id: int, by: str, ground: Ground, now: datetime, slug: str | None = None
) -> Standing:
    """Make the callback of a missed call due, by the rule ``slug`` or its own; outside the legal hours, at their opening.

    A closed callback is opened again, one that never was is made; a row whose client has another open callback joins
    that one. NotPossible: no such row or rule, the client was reached or is being called, his number is never called.
    NotAllowed: it has no rule, and none is named.
    """
    with changing(journal) as db:
        row = _row(db, missed_id)
        promise = _promise(db, row, ground.country)
        there = promise.there
        if there is not None and there.state == "calling":
            raise NotPossible(_being_called(missed_id))
        _not_reached(journal, db, row, promise)
        _callable(journal, db, promise.number, ground)
        rule = _rule(db, row, there, slug)
        due = next_open((ground.legal(promise.number),), now)
        if due is None:
            raise NotPossible(f"{promise.number}: the legal hours in which it may be called never come")
        status, reason = _last_attempt(db, there) or ("not_called_back", "scheduled" if due == now else "outside_hours")
        callback_id = _opened(db, row, promise, rule, due, reason)
        db.execute(update(missed).where(missed.c.id == missed_id).values(callback_id=callback_id, rule=rule.slug))
        new = {"status": status, "reason": reason, "due_at": due}
        waiting = journal.rows_of(db, callback_id, new | {"attempts": there.attempts if there is not None else 0})
        journal.tell(db, waiting, now, "call_now", clean(rule=rule.slug, by=by, **new))
        return _standing(db, missed_id)


def cancel(journal: Journal, missed_id: int, by: str, now: datetime) -> Standing:
    """Give up the callback of a missed call that waits or is paused. NotPossible: there is none."""
    with changing(journal) as db:
        row = _row(db, missed_id)
        own = _callback(db, callbacks.c.id == row.callback_id)
        if own is None or own.state == "closed":
            raise NotPossible(f"missed call {missed_id}: no callback waits: {_shown(row)}")
        if not journal.close(db, own.id, "not_called_back", "cancelled", now, by=by):
            raise NotPossible(_being_called(missed_id))
        return _standing(db, missed_id)


def done(journal: Journal, missed_id: int, by: str, now: datetime) -> Standing:
    """Somebody called the client himself: it and every row of its callback is settled, and whatever waits for him.

    NotPossible: no such row, he was reached already, or is being called.
    """
    with changing(journal) as db:
        row = _row(db, missed_id)
        if row.status in REACHED:
            raise NotPossible(f"missed call {missed_id}: contact was made already: {_shown(row)}")
        own = _callback(db, callbacks.c.id == row.callback_id)
        open_one = _callback(db, callbacks.c.open_number == (own.number if own is not None else row.caller))
        settled = {"status": "called_back", "reason": "by_hand", "due_at": None}
        if open_one is not None:
            reached = {"called_back_at": now}
            if not journal.close(db, open_one.id, "called_back", "by_hand", now, by=by, extra=reached):
                raise NotPossible(_being_called(missed_id))
        if open_one is None or open_one.id != row.callback_id:
            _settle_closed(journal, db, row, settled | {"called_back_at": now}, clean(**settled, by=by), now)
        return _standing(db, missed_id)


def assign(journal: Journal, missed_id: int, who: str, by: str, extensions: Sequence[str], now: datetime) -> Standing:
    """Let this employee's telephone be rung first. ``extensions``: the dialplan patterns of those that there are.

    NotAllowed: ``who`` is none of them. NotPossible: the missed call has no open callback.
    """
    if not _EXTENSION.fullmatch(who) or not any(asterisk_pattern(p).fullmatch(who) for p in extensions):
        raise NotAllowed(f"{shown(who)!r}: must be an employee's number by [pbx] extensions = {', '.join(extensions)}")
    with changing(journal) as db:
        row = _row(db, missed_id)
        mine = and_(callbacks.c.id == row.callback_id, callbacks.c.open_number.is_not(None))
        if not db.execute(update(callbacks).where(mine).values(assigned=who)).rowcount:
            raise NotPossible(f"missed call {missed_id}: it has no open callback: {_shown(row)}")
        journal.tell(db, journal.rows_of(db, row.callback_id), now, "assigned", clean(extension=who, by=by))
        return _standing(db, missed_id)


# --- what is there


def _row(db: Connection, missed_id: int) -> Any:
    row = db.execute(select(missed).where(missed.c.id == missed_id)).one_or_none()
    if row is None:
        raise NotPossible(f"no missed call {missed_id}")
    return row


def _callback(db: Connection, which: Any) -> Any:
    return db.execute(select(callbacks).where(which)).one_or_none()


def _began(db: Connection, row: Any) -> datetime:
    """From when on a contact makes the callback needless: who talked, and was then lost, has to be reached again."""
    own_talk = and_(contacts.c.pbx == row.pbx, contacts.c.uniqueid == row.linkedid)
    talked = db.execute(select(contacts.c.id).where(own_talk)).first() is not None
    began: datetime = row.missed_at + ROUNDED if talked else row.started_at
    return began


@dataclass(frozen=True, slots=True)
class _Promise:
    """Whom to call back, and from when on a contact makes that needless. ``there``: his open callback, else the closed one
    of the row, else None."""

    number: str
    there: Any
    since: datetime


def _promise(db: Connection, row: Any, country: str) -> _Promise:
    own = _callback(db, callbacks.c.id == row.callback_id)
    number = own.number if own is not None else normalise(row.caller, country) or row.caller
    open_one = _callback(db, callbacks.c.open_number == number)
    since = own.since if own is not None else _began(db, row)
    return _Promise(number, open_one if open_one is not None else own, since)


def _opened(db: Connection, row: Any, promise: _Promise, rule: Rule, due: datetime, reason: str) -> int:
    """The open callback: a new one, or the one that is there, as it was seen."""
    number, there = promise.number, promise.there
    values = {"rule": rule.slug, "due_at": due, "first_due_at": due, "expires_at": due + rule.retry.expire}
    values |= {"state": "waiting", "open_number": number, "reason": reason, "by_hand": True}
    if there is None:
        values |= {"pbx": row.pbx, "number": number, "did": row.did or "", "asked_at": row.missed_at, "attempts": 0}
        return added(db, callbacks, since=promise.since, **values)
    as_seen = and_(callbacks.c.id == there.id, callbacks.c.state == there.state)
    again = update(callbacks).where(as_seen).values(since=min(promise.since, there.since), **values)
    if not db.execute(again).rowcount:
        raise NotPossible(_OVERTAKEN)
    return int(there.id)


def _last_attempt(db: Connection, callback: Any) -> tuple[str, str] | None:
    """Status and reason by which its rows show how the last attempt ended: they go on to do so until the next one."""
    if callback is None:
        return None
    row = db.execute(select(missed).where(missed.c.callback_id == callback.id).limit(1)).one_or_none()
    shows = row is not None and (row.status == "failed" or row.reason in _UNATTENDED)
    return (row.status, row.reason) if row is not None and shows else None


def _rule(db: Connection, row: Any, there: Any, slug: str | None) -> Rule:
    """The rule that is named; else that of the callback, else that of the row, where it still is."""
    bodies = {found.slug: found.body for found in db.execute(select(rules.c.slug, rules.c.body)).all()}
    if slug is not None and slug not in bodies:
        raise NotPossible(f"no rule {shown(slug)}")
    own = [there.rule if there is not None else row.rule, row.rule]
    name = slug or next((name for name in own if name in bodies), None)
    if name is None:
        why = f"its rule {row.rule} was deleted" if row.rule else "it has no rule"
        raise NotAllowed(f"missed call {row.id}: {why}: name one with --rule")
    rule, pbx = Rule.read(bodies[name]), there.pbx if there is not None else row.pbx
    if slug is not None and rule.pbx not in (None, pbx):
        raise NotPossible(f"the rule {slug} is one of the PBX {rule.pbx}, the call was missed on {pbx}")
    return rule


def _standing(db: Connection, missed_id: int) -> Standing:
    query = select(missed, callbacks.c.assigned).join_from(missed, callbacks, isouter=True)
    row = db.execute(query.where(missed.c.id == missed_id)).one()
    times = (row.due_at, row.called_back_at)
    return Standing(row.id, row.caller, row.rule, row.status, row.reason, *times, row.assigned)


# --- what forbids it


def _not_reached(journal: Journal, db: Connection, row: Any, promise: _Promise) -> None:
    number, since = promise.number, promise.since
    ground = _shown(row) if row.status in REACHED else ""
    if not ground:
        made = contact_since(journal.contacts_of(db, number, since), since)
        ground = contact_words(made) if made is not None else ""
    if not ground:  # somebody said so of another missed call of his
        done_since = and_(missed.c.caller == number, missed.c.status.in_(REACHED), missed.c.called_back_at >= since)
        other = db.execute(select(missed).where(done_since).limit(1)).one_or_none()
        ground = f"missed call {other.id}: {_shown(other)}" if other is not None else ""
    if ground:
        raise NotPossible(f"missed call {row.id}: contact was made already: {ground}")


def _callable(journal: Journal, db: Connection, number: str, ground: Ground) -> None:
    refused = refusal(number, ground.gate)
    if refused is not None:
        raise NotPossible(f"{number or 'no number'}: {refused.reason}: {refused.ground}")
    if journal.is_blocked(db, number):
        raise NotPossible(f"{number}: blocked_number: it is on the list of those that are never called")


def _being_called(missed_id: int) -> str:
    return f"missed call {missed_id}: the client is being called at this moment"


def _shown(row: Any) -> str:
    return f"{row.status} ({row.reason})" if row.reason else str(row.status)


def _settle_closed(
    journal: Journal, db: Connection, row: Any, values: dict[str, Any], details: dict[str, Any], now: datetime
) -> None:
    """Settle the rows of a callback that is over, or the one row that never had any."""
    own = missed.c.id == row.id
    mine = or_(own, missed.c.callback_id == row.callback_id) if row.callback_id is not None else own
    unreached = and_(mine, missed.c.status.not_in((*REACHED, "calling")))
    settled = list(db.execute(select(missed.c.id).where(unreached)).scalars())
    if db.execute(update(missed).where(unreached).values(values)).rowcount != len(settled) or row.id not in settled:
        raise NotPossible(_OVERTAKEN)
    if row.callback_id is not None:
        closed = and_(callbacks.c.id == row.callback_id, callbacks.c.state == "closed")
        if not db.execute(update(callbacks).where(closed).values(reason="by_hand")).rowcount:
            raise NotPossible(_OVERTAKEN)
    journal.tell(db, settled, now, "closed", details)
