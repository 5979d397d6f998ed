"""The journal's verbs: what the daemon and the command line write and ask, each in one transaction.

The database is the referee: every change of state is one guarded UPDATE whose rows are counted, with its line of the story
in the same transaction. One open callback per number and one row per call are unique keys, so that a second listener, a
replay or a repeated verb changes nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..callbacks.disposition import Disposition
from ..callbacks.originate import Attempt
from ..callbacks.plan import Callback, End, Ground, Known, Next, Planned, Wait, contact_status, contact_words, plan
from ..calls.attempt import PREFIX
from ..calls.call import Contact, EndedCall
from ..rules.guard import normalise, writings
from ..rules.rule import Rule
from .database import Database
from .dialled import dialled
from .tables import attempts, blocked, callbacks, contacts, missed, story
from .values import added, callback_of, clean, contact_columns, disposition_columns, shown

P = ParamSpec("P")
T = TypeVar("T")

# A callback that is open and not being made: a contact settles it, a hand may cancel it.
WAITING = ("waiting", "paused")
LONGEST_WHO = 64  # as the column `employee`
LONGEST_DID = 64  # as its column; an extension of Asterisk's has 79 characters at most
OFTEN = 2  # callers who dialled a number make it one of ours; once may be a call that was read wrongly


@dataclass(frozen=True, slots=True)
class InFlight:
    """An attempt that has been written down and not closed: its call may be going on."""

    attempt: Attempt
    first: str
    started_at: datetime
    talked_at: datetime | None
    employee: str | None


def _once_more(verb: Callable[P, T]) -> Callable[P, T]:
    """Where the database lets two write at once, the other one's row is seen on a second look, and joined."""

    @wraps(verb)
    def looked_again(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return verb(*args, **kwargs)
        except IntegrityError:
            return verb(*args, **kwargs)

    return looked_again


class Journal:
    """The journal as one PBX's daemon and its engineer see it."""

    def __init__(self, database: Database, pbx: str) -> None:
        self.database = database
        self.pbx = pbx

    @classmethod
    def open(cls, url: str, pbx: str) -> Journal:
        """Open it, making the tables where the database is empty. `JournalUnreachable` says in one line why not."""
        database = Database(url)
        database.ready()
        return cls(database, pbx)

    # --- missed calls --------------------------------------------------------------------------------------------

    def open_callback(self, number: str) -> Callback | None:
        """The one callback that is open for a number (E.164), on whichever PBX of this journal."""
        with self.database.reading() as db:
            return self._open_callback(db, number)

    def _open_callback(self, db: Connection, number: str) -> Callback | None:
        row = db.execute(_OPEN, {"number": number}).one_or_none()
        return callback_of(row) if row else None

    @_once_more
    def enter(
        self, ended: EndedCall, rules: Sequence[Rule], ground: Ground, now: datetime
    ) -> tuple[int, Planned] | None:
        """Write a missed call and what is to be done about it, by the rules and by what is known of its caller.

        Returns its id and the plan, None where it was there already.
        """
        with self.database.writing() as db:
            if self._known(db, ended.linkedid) is not None:
                return None
            planned = self._planned(db, ended, rules, ground, now)
            missed_id = added(db, missed, **self._row(ended, planned), recovered=False)
            self._entered(db, missed_id, ended, planned, now, "missed")
            return missed_id, planned

    @_once_more
    def recover(
        self, ended: EndedCall, rules: Sequence[Rule], ground: Ground, now: datetime, witness: str
    ) -> str | None:
        """Write a missed call that nobody heard the end of, as ``witness`` tells it.

        ``recovered``: it was not there; ``confirmed``: it was there and `unconfirmed`; None: it was there, nothing changes.
        """
        with self.database.writing() as db:
            row = self._known(db, ended.linkedid)
            if row is not None and row.reason != "unconfirmed":
                return None
            planned = self._planned(db, ended, rules, ground, now)
            if row is None:
                missed_id = added(db, missed, **self._row(ended, planned), recovered=True)
                self._entered(db, missed_id, ended, planned, now, "recovered", witness)
                return "recovered"
            if planned.reason == "unconfirmed":
                return None
            values = self._row(ended, planned) | {"recovered": True}
            db.execute(update(missed).where(missed.c.id == row.id).values(**values))
            self._entered(db, row.id, ended, planned, now, "confirmed", witness)
            return "confirmed"

    def _planned(
        self, db: Connection, ended: EndedCall, rules: Sequence[Rule], ground: Ground, now: datetime
    ) -> Planned:
        known = self._known_of(db, ended.caller, ground, ended.started_at)
        return plan(ended, rules, ground, known, now)

    def is_blocked(self, db: Connection, number: str) -> bool:
        """Whether it is on the never-call list."""
        return db.execute(_BLOCKED, {"number": number}).first() is not None

    def known_of(self, caller: str, ground: Ground, since: datetime) -> Known:
        """What a missed call of this caller would be planned on. ``caller`` as Asterisk shows it."""
        with self.database.reading() as db:
            return self._known_of(db, caller, ground, since)

    def _known_of(self, db: Connection, caller: str, ground: Ground, since: datetime) -> Known:
        e164 = normalise(caller, ground.country)
        number = e164 or caller
        made = self.contacts_of(db, number, since)
        there, never = self._open_callback(db, number), self.is_blocked(db, number)
        return Known(made, there, never, e164 is not None and _is_ours(db, e164, ground))

    def take_back(self, linkedid: str) -> bool:
        """The call was answered: its `unconfirmed` row was a false alarm and goes. True if there was one."""
        with self.database.writing() as db:
            row = self._known(db, linkedid)
            if row is None or row.reason != "unconfirmed":
                return False
            db.execute(story.delete().where(story.c.missed_id == row.id))
            db.execute(missed.delete().where(missed.c.id == row.id))
            return True

    def _known(self, db: Connection, linkedid: str) -> Any:
        mine = and_(missed.c.pbx == self.pbx, missed.c.linkedid == linkedid)
        return db.execute(select(missed.c.id, missed.c.reason).where(mine)).one_or_none()

    def _entered(
        self, db: Connection, missed_id: int, ended: EndedCall, planned: Planned, now: datetime, event: str,
        witness: str = "",
    ) -> None:  # fmt: skip
        """What follows from a row that has just been written: its callback, and the first two lines of its story."""
        details = clean(lost_in=ended.lost_in, lost_how=ended.lost_how, wait=ended.wait, witness=witness)
        self.tell(db, [missed_id], now if witness else ended.ended_at, event, details)
        details = clean(
            status=planned.status,
            reason=planned.reason,
            rule=planned.rule,
            due_at=planned.due_at,
            ground=planned.ground,
        )
        self.tell(db, [missed_id], now, "planned", details)
        if planned.due_at is not None:
            callback_id = self._promise(db, ended, planned)
            db.execute(update(missed).where(missed.c.id == missed_id).values(callback_id=callback_id))
            self._follow(db, callback_id, missed_id, planned, now)

    def _row(self, ended: EndedCall, planned: Planned) -> dict[str, Any]:
        who = ended.missed
        assert who is not None
        kind, name = planned.source or (None, None)
        queue = name if kind == "queue" else next(iter(who.queues), None)
        return {
            "pbx": self.pbx,
            "linkedid": ended.linkedid,
            "missed_at": ended.ended_at,
            "started_at": ended.started_at,
            "caller": shown(planned.number),
            "caller_name": shown(ended.caller_name),
            "did": who.did,
            "trunk": who.trunk,
            "queue": queue,
            "extension": name if kind == "extension" else next(iter(who.extensions), None),
            "source_kind": kind,
            "source_name": name,
            "rule": planned.rule,
            "wait": ended.wait,
            "queue_wait": ended.queue_waits.get(queue) if queue else None,
            "lost_in": ended.lost_in,
            "lost_how": ended.lost_how,
            "status": planned.status,
            "reason": planned.reason,
            "due_at": planned.due_at,
            **contact_columns(planned.contact),
        }

    def _promise(self, db: Connection, ended: EndedCall, planned: Planned) -> int:
        """The open callback of this number: a new one, or the one that is there, taken over by the newest miss's rule."""
        values = {"rule": planned.rule, "due_at": planned.due_at, "reason": planned.reason}
        values |= {"did": ended.did[:LONGEST_DID], "first_due_at": planned.first_due_at}
        values |= {"asked_at": planned.asked_at, "expires_at": planned.expires_at}
        there = db.execute(select(callbacks).where(callbacks.c.open_number == planned.number)).one_or_none()
        if there is not None:
            mine = and_(callbacks.c.id == there.id, callbacks.c.state.in_(WAITING))
            db.execute(update(callbacks).where(mine).values(state="waiting", **values))
            return int(there.id)
        return added(
            db,
            callbacks,
            pbx=self.pbx,
            number=planned.number,
            open_number=planned.number,
            state="waiting",
            since=planned.since or ended.started_at,
            attempts=0,
            **values,
        )

    def _follow(self, db: Connection, callback_id: int, missed_id: int, planned: Planned, now: datetime) -> None:
        """All rows of one callback show the same; a row that joins while we ring shows that we ring."""
        row = db.execute(select(callbacks).where(callbacks.c.id == callback_id)).one()
        if row.state == "calling":
            new = {"status": "calling", "reason": None, "due_at": None, "attempts": row.attempts}
            self.tell(db, [missed_id], now, "joined", clean(status="calling"))
            db.execute(update(missed).where(missed.c.id == missed_id).values(new))
            return
        new = {"status": planned.status, "reason": planned.reason, "due_at": planned.due_at, "attempts": row.attempts}
        others = [other for other in self.rows_of(db, callback_id, new) if other != missed_id]
        self.tell(db, others, now, "missed_again", clean(**new))

    # --- contacts ------------------------------------------------------------------------------------------------

    def known(self, callback: Callback, ground: Ground, now: datetime, *, again: bool = False) -> Known:
        """What is known of a client at the moment before he is rung; contacts of any PBX of this journal.

        ``again``: he was looked up a moment ago, and is claimed: only what may have come in between is asked.
        """
        with self.database.reading() as db:
            made = self.contacts_of(db, callback.number, callback.since)
            if made or again:
                return Known(made, blocked=self.is_blocked(db, callback.number))
            return Known(
                blocked=self.is_blocked(db, callback.number),
                ours=_is_ours(db, callback.number, ground),
                dialled=dialled(db, callback.number, ground, now),
            )

    def contacts_of(self, db: Connection, number: str, since: datetime) -> tuple[Contact, ...]:
        """The contacts with a number (E.164), on any PBX of this journal, that began or were going on after ``since``."""
        rows = db.execute(_CONTACTS, {"number": number, "since": since}).all()
        return tuple(Contact(r.uniqueid, r.number, r.direction, r.employee, r.at, r.talk) for r in rows)

    def contact(self, made: Contact, number: str, now: datetime) -> bool:
        """Write a contact with ``number`` (E.164) and settle the callback that waits for it. True if one was settled."""
        made = replace(made, employee=made.employee and made.employee[:LONGEST_WHO])
        with self.database.writing() as db:
            mine = and_(contacts.c.pbx == self.pbx, contacts.c.uniqueid == made.uniqueid)
            if not db.execute(update(contacts).where(mine).values(talk=made.talk)).rowcount:
                values = asdict(made) | {"pbx": self.pbx, "number": number}
                db.execute(insert(contacts).values(values))
            open_ones = select(callbacks).where(callbacks.c.open_number == number, callbacks.c.state.in_(WAITING))
            row = db.execute(open_ones).one_or_none()
            settled = False
            if row is not None and made.at >= row.since:
                settled = self._settle_by(db, row.id, made, now)
            if made.talk is not None:
                closed = and_(missed.c.called_back_at == made.at, missed.c.caller == number, missed.c.talk.is_(None))
                db.execute(update(missed).where(closed).values(talk=made.talk))
            return settled

    def _settle_by(self, db: Connection, callback_id: int, made: Contact, now: datetime) -> bool:
        status, reason = contact_status(made)
        ground, extra = contact_words(made), contact_columns(made)
        return self.close(db, callback_id, status, reason, now, ground=ground, extra=extra)

    # --- callbacks and attempts ----------------------------------------------------------------------------------

    def due(self, now: datetime, limit: int, without: Collection[str] = ()) -> tuple[Callback, ...]:
        """This PBX's callbacks whose time has come, in the order of their due time. ``without``: rules that are busy."""
        waiting = (callbacks.c.state == "waiting", callbacks.c.pbx == self.pbx, callbacks.c.due_at <= now)
        with self.database.reading() as db:
            query = select(callbacks).where(*waiting, callbacks.c.rule.not_in(without))
            rows = db.execute(query.order_by(callbacks.c.due_at, callbacks.c.id).limit(limit)).all()
            return tuple(callback_of(row) for row in rows)

    def next_due(self, without: Collection[str] = ()) -> datetime | None:
        """When the next waiting callback of this PBX is due, or a paused one expires."""
        mine, at = callbacks.c.pbx == self.pbx, callbacks.c.due_at
        waiting = select(at).where(callbacks.c.state == "waiting", mine, callbacks.c.rule.not_in(without))
        paused = select(callbacks.c.expires_at).where(callbacks.c.state == "paused", mine)
        with self.database.reading() as db:
            first = db.execute(waiting.order_by(at).limit(1)).scalar()
            expires = db.execute(paused.order_by(callbacks.c.expires_at).limit(1)).scalar()
        return min((moment for moment in (first, expires) if moment is not None), default=None)

    def held_by_limit(self, now: datetime, rules: Collection[str], ground: str, limit: int) -> int:
        """Say of callbacks whose time has come that there are too many at once; they keep their place. How many were."""
        waiting = (callbacks.c.state == "waiting", callbacks.c.pbx == self.pbx, callbacks.c.due_at <= now)
        with self.database.reading() as db:
            query = select(callbacks).where(*waiting, callbacks.c.rule.in_(rules), callbacks.c.reason != "held_limit")
            rows = db.execute(query.order_by(callbacks.c.due_at, callbacks.c.id).limit(limit)).all()
        for callback in map(callback_of, rows):
            self.hold(callback, Wait("held_limit", callback.due_at, ground), now)
        return len(rows)

    def expire(self, now: datetime) -> int:
        """Close the paused callbacks whose time is over; how many."""
        over = (callbacks.c.state == "paused", callbacks.c.pbx == self.pbx, callbacks.c.expires_at <= now)
        with self.database.reading() as db:
            rows = db.execute(select(callbacks.c.id).where(*over)).scalars().all()
        if not rows:
            return 0
        with self.database.writing() as db:
            for row in rows:
                self.close(db, row, "not_called_back", "expired", now, ground="its rule was switched off all the time")
            return len(rows)

    def pause(self, callback: Callback, now: datetime) -> None:
        """Its rule is switched off: it waits without a due time until it is switched on again, or expires."""
        with self.database.writing() as db:
            self.paused(db, callback.id, now)

    def paused(self, db: Connection, callback_id: int, now: datetime) -> None:
        """The same, within a transaction."""
        mine = and_(callbacks.c.id == callback_id, callbacks.c.state == "waiting")
        if db.execute(update(callbacks).where(mine).values(state="paused", reason="paused")).rowcount:
            new = {"status": "not_called_back", "reason": "paused", "due_at": None}
            self.tell(db, self.rows_of(db, callback_id, new), now, "held", clean(**new))

    def release(self, number: str, now: datetime) -> None:
        """The call for which a callback was held is over: judge it anew, now."""
        held = and_(
            callbacks.c.open_number == number, callbacks.c.reason == "held_on_call", callbacks.c.state == "waiting"
        )
        with self.database.writing() as db:
            row = db.execute(select(callbacks).where(held)).one_or_none()
            if row is not None and row.due_at > now:
                db.execute(update(callbacks).where(callbacks.c.id == row.id).values(due_at=now))
                self.rows_of(db, row.id, {"due_at": now})

    def hold(self, callback: Callback, wait: Wait, now: datetime) -> None:
        """Put a waiting callback off. Its row tells the reason once, not at every look."""
        with self.database.writing() as db:
            mine = {"of": callback.id, "was_due": callback.due_at}
            if not db.execute(_STILL_DUE, mine | {"due_at": wait.until, "reason": wait.reason}).rowcount:
                return
            new = {"status": "not_called_back", "reason": wait.reason, "due_at": wait.until}
            rows = self.rows_of(db, callback.id, new)
            if callback.reason != wait.reason:
                self.tell(db, rows, now, "held", clean(ground=wait.ground, **new))

    def end(self, callback: Callback, end: End, now: datetime) -> bool:
        """Close a waiting callback without ringing. False if somebody else was quicker."""
        with self.database.writing() as db:
            if end.contact is not None:
                return self._settle_by(db, callback.id, end.contact, now)
            return self.close(db, callback.id, end.status, end.reason, now, ground=end.ground)

    def claim(self, callback: Callback, rule: Rule, now: datetime) -> Attempt | None:
        """Write down that this callback is being made. To be committed before anything rings; None if it was taken."""
        with self.database.writing() as db:
            mine = {"of": callback.id, "was_due": callback.due_at}
            if not db.execute(_STILL_DUE, mine | {"state": "calling", "reason": ""}).rowcount:
                return None
            channel_id = PREFIX + secrets.token_hex(8)
            values: dict[str, Any] = {
                "callback_id": callback.id,
                "pbx": self.pbx,
                "channel_id": channel_id,
                "number": callback.number,
                "rule": rule.slug,
            }
            nth = db.execute(_TRIES, {"of": callback.id}).scalar_one() + 1
            attempt_id = added(db, attempts, **values, nth=nth, first=rule.first, started_at=now)
            rows = self.rows_of(db, callback.id, {"status": "calling", "reason": None, "due_at": None})
            self.tell(db, rows, now, "calling", {"attempt": nth, "rule": rule.slug, "first": rule.first})
            known = (callback.id, callback.number, rule.slug, callback.did, nth, callback.assigned)
            return Attempt(attempt_id, channel_id, *known)

    def unsent(self, attempt: Attempt, why: str, due_at: datetime, now: datetime) -> None:
        """The action never left this process: nothing rang, the callback waits as before."""
        with self.database.writing() as db:
            if self._end_attempt(db, attempt, now, {"disposition": "NOT SENT", "rung": False}):
                values = {"state": "waiting", "due_at": due_at, "reason": "scheduled"}
                db.execute(update(callbacks).where(callbacks.c.id == attempt.callback_id).values(values))
                new = {"status": "not_called_back", "reason": "scheduled", "due_at": due_at}
                rows = self.rows_of(db, attempt.callback_id, new)
                self.tell(db, rows, now, "not_sent", {"attempt": attempt.nth, "ground": why} | clean(**new))

    def talks(self, channel_id: str, employee: str, at: datetime) -> None:
        """Client and employee talk: whatever happens to us now, contact was made."""
        with self.database.writing() as db:
            row = db.execute(select(attempts).where(attempts.c.channel_id == channel_id)).one_or_none()
            if row is None or row.talked_at is not None:
                return
            db.execute(update(attempts).where(attempts.c.id == row.id).values(talked_at=at, employee=employee))
            number = db.execute(select(callbacks.c.number).where(callbacks.c.id == row.callback_id)).scalar_one()
            made = Contact(channel_id, number, "out", employee, at)
            db.execute(insert(contacts).values(asdict(made) | {"pbx": self.pbx}))
            if row.ended_at is not None:  # it had been given up as lost, and was not: he is not to be called again
                self._settle_by(db, row.callback_id, made, at)
                return
            rows = self.rows_of(db, row.callback_id, {"employee": employee})
            self.tell(db, rows, at, "talking", {"attempt": row.nth, "employee": employee})

    def note(self, attempt: Attempt, event: str, now: datetime, **details: Any) -> None:
        """A line of the story that changes nothing else (an attempt found again after a break)."""
        with self.database.writing() as db:
            self.tell(
                db, self.rows_of(db, attempt.callback_id), now, event, {"attempt": attempt.nth} | clean(**details)
            )

    def in_flight(self) -> tuple[InFlight, ...]:
        """This PBX's attempts that are not closed."""
        query = select(attempts, callbacks.c.did, callbacks.c.assigned).join(callbacks)
        with self.database.reading() as db:
            rows = db.execute(query.where(attempts.c.ended_at.is_(None), attempts.c.pbx == self.pbx)).all()
        return tuple(
            InFlight(
                Attempt(r.id, r.channel_id, r.callback_id, r.number, r.rule, r.did, r.nth, r.assigned),
                r.first,
                r.started_at,
                r.talked_at,
                r.employee,
            )
            for r in rows
        )

    def callback(self, callback_id: int) -> Callback:
        """One callback by its id."""
        with self.database.reading() as db:
            return callback_of(db.execute(select(callbacks).where(callbacks.c.id == callback_id)).one())

    def missed_meanwhile(self, attempt: Attempt, began: datetime) -> tuple[str, datetime] | None:
        """(rule, end) of the latest call in which the client was missed since ``began``, while this attempt is made."""
        mine = and_(missed.c.callback_id == attempt.callback_id, missed.c.missed_at > began, missed.c.rule.is_not(None))
        with self.database.reading() as db:
            found = db.execute(select(missed).where(mine).order_by(missed.c.missed_at.desc()).limit(1)).one_or_none()
        return (found.rule, found.missed_at) if found is not None else None

    def finish(self, attempt: Attempt, ended: Disposition, then: Next, now: datetime, ground: str = "") -> bool:
        """Close an attempt and set what follows. False if it was closed already: then nothing changes."""
        with self.database.writing() as db:
            if not self._end_attempt(db, attempt, now, disposition_columns(ended) | {"rung": ended.client_rung}):
                return False
            callback = db.execute(select(callbacks).where(callbacks.c.id == attempt.callback_id)).one()
            if ended.answered:
                mine = and_(contacts.c.pbx == self.pbx, contacts.c.uniqueid == attempt.channel_id)
                db.execute(update(contacts).where(mine).values(talk=ended.talk))
            made = None if ended.answered else self._contact_since(db, callback.number, callback.since)
            if made is not None:  # while we rang, he was reached otherwise
                then = Next(*contact_status(made), None, then.counted, contact_words(made))
            count = callback.attempts + then.counted
            open_still = then.due_at is not None
            state = "waiting" if open_still else "closed"
            values: dict[str, Any] = {"state": state, "due_at": then.due_at, "reason": then.reason}
            values |= {"attempts": count, "by_hand": False} | ({} if open_still else {"open_number": None})
            if then.rule is not None:
                values["rule"] = then.rule
            if then.expires_at is not None:  # a new promise: it is counted anew
                values |= {"attempts": 0, "first_due_at": then.due_at, "expires_at": then.expires_at}
            db.execute(update(callbacks).where(callbacks.c.id == callback.id).values(values))
            new = {"status": then.status, "reason": then.reason, "due_at": then.due_at, "attempts": count}
            if ended.answered:
                new |= {"called_back_at": ended.talked_at or now, "employee": ended.employee, "talk": ended.talk}
            new |= contact_columns(made)
            rows = self.rows_of(db, callback.id, new)
            details = clean(
                attempt=attempt.nth, disposition=ended.word, status=then.status, reason=then.reason, employee=ended.employee,
                talk=ended.talk, cause=ended.cause or None, due_at=then.due_at, ground=ground or then.ground,
            )  # fmt: skip
            self.tell(db, rows, now, "ended", details)
            return True

    def last_talks(self, employees: Sequence[str]) -> dict[str, float]:
        """Extension -> end of its last talk (unix seconds), by contacts and by callbacks; one that goes on ends last."""
        last: dict[str, float] = {}
        talks = (
            (contacts.c.employee, contacts.c.at, contacts.c.talk),
            (attempts.c.employee, attempts.c.talked_at, attempts.c.talk),
        )
        with self.database.reading() as db:
            for employee in employees:
                for who, at, talk in talks:
                    newest = select(at, talk).where(who == employee, at.is_not(None)).order_by(at.desc()).limit(1)
                    for began, seconds in db.execute(newest).all():
                        last[employee] = max(began.timestamp() + (seconds or 0.0), last.get(employee, 0.0))
        return last

    def _contact_since(self, db: Connection, number: str, since: datetime) -> Contact | None:
        later = select(contacts).where(contacts.c.number == number, contacts.c.at >= since)
        r = db.execute(later.order_by(contacts.c.at).limit(1)).one_or_none()
        return Contact(r.uniqueid, r.number, r.direction, r.employee, r.at, r.talk) if r is not None else None

    # --- the two things that every change ends with --------------------------------------------------------------

    def _end_attempt(self, db: Connection, attempt: Attempt, now: datetime, values: Mapping[str, Any]) -> bool:
        return bool(db.execute(_OPEN_ATTEMPT, {"of": attempt.id, "ended_at": now, **values}).rowcount)

    def close(
        self, db: Connection, callback_id: int, status: str, reason: str, now: datetime, *, ground: str = "",
        by: str = "", extra: Mapping[str, Any] | None = None,
    ) -> bool:  # fmt: skip
        """Close a callback that waits or is paused: one guarded UPDATE, its rows, their story. ``by``: who did it."""
        mine = and_(callbacks.c.id == callback_id, callbacks.c.state.in_(WAITING))
        closing = update(callbacks).where(mine).values(state="closed", open_number=None, due_at=None, reason=reason)
        if not db.execute(closing).rowcount:
            return False
        rows = self.rows_of(db, callback_id, {"status": status, "reason": reason, "due_at": None} | dict(extra or {}))
        employee = (extra or {}).get("employee")
        details = clean(status=status, reason=reason, employee=employee, ground=ground, by=by)
        self.tell(db, rows, now, "closed", details)
        return True

    def rows_of(self, db: Connection, callback_id: int, values: Mapping[str, Any] | None = None) -> list[int]:
        """The missed calls that share a callback, given these values."""
        if values:
            db.execute(_CHANGE_ROWS, {"of": callback_id, **values})
        return list(db.execute(_ITS_ROWS, {"of": callback_id}).scalars())

    def tell(self, db: Connection, rows: Sequence[int], at: datetime, event: str, details: Mapping[str, Any]) -> None:
        """One line in the story of each of these missed calls."""
        lines = [{"missed_id": row, "at": at, "event": event, "details": dict(details)} for row in rows]
        if lines:
            db.execute(_TELL, lines)


def _is_ours(db: Connection, number: str, ground: Ground) -> bool:
    """Whether callers have dialled this number (E.164), more than once: then it is one of our DIDs, named or not."""
    return len(db.execute(_CALLED, {"writings": writings(number, ground.country)}).all()) >= OFTEN


# What is asked before every call, and written with it. Made once: to put a question together takes SQLAlchemy five times as
# long as SQLite takes to answer it.
_OPEN = select(callbacks).where(callbacks.c.open_number == bindparam("number"))
_BLOCKED = select(blocked.c.number).where(blocked.c.number == bindparam("number"))
_ONGOING = and_(contacts.c.at < bindparam("since"), contacts.c.talk.is_not(None))
_CONTACTS = (
    select(contacts)
    .where(contacts.c.number == bindparam("number"), or_(contacts.c.at >= bindparam("since"), _ONGOING))
    .order_by(contacts.c.at.desc())
    .limit(50)
)
_CALLED = select(missed.c.id).where(missed.c.did.in_(bindparam("writings", expanding=True))).limit(OFTEN)
_TRIES = select(func.count()).select_from(attempts).where(attempts.c.callback_id == bindparam("of"))
_STILL_DUE = update(callbacks).where(
    callbacks.c.id == bindparam("of"), callbacks.c.state == "waiting", callbacks.c.due_at == bindparam("was_due")
)
_ITS_ROWS = select(missed.c.id).where(missed.c.callback_id == bindparam("of"))
_CHANGE_ROWS = update(missed).where(missed.c.callback_id == bindparam("of"))
_OPEN_ATTEMPT = update(attempts).where(attempts.c.id == bindparam("of"), attempts.c.ended_at.is_(None))
_TELL = insert(story)
