"""When a PBX was listened to and when nothing was heard of it; how far what it wrote has been read. The journal's verbs for
that, each in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from .journal import Journal
from .tables import gaps, listening, missed, places

LONGEST_WHY = 200
# A channel that is missing in two lists without a word had ended before the first: lists are a minute apart.
UNHEARD = "a hang-up was not heard"
UNHEARD_FOR = timedelta(minutes=3)
SAME_MOMENT = timedelta(seconds=2)  # Asterisk's clock, by which calls end, and ours, by which gaps begin


@dataclass(frozen=True, slots=True)
class Gap:
    """From ``began_at`` nothing was heard; ``ended_at`` is None while that goes on.

    ``witness``: from what the calls in it were made up (``cel``, ``cdr``; ``part``: from CEL, which began later), ``none``
    where there is nothing to make them up from, None where that is still to be done.
    """

    id: int
    began_at: datetime
    ended_at: datetime | None
    why: str
    witness: str | None = None
    recovered: int = 0
    confirmed: int = 0
    taken_back: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a period was listened to. ``listened`` and ``period`` in seconds; ``unconfirmed`` counts rows."""

    period: float
    listened: float
    gaps: tuple[Gap, ...]
    unconfirmed: int

    @property
    def share(self) -> float:
        """From 0 to 1: what was listened to, or made up from CEL."""
        return self.listened / self.period if self.period else 1.0


def heard(journal: Journal, now: datetime) -> None:
    """The PBX is being listened to at this moment."""
    with journal.database.writing() as db:
        mine = listening.c.pbx == journal.pbx
        if not db.execute(update(listening).where(mine).values(until=now)).rowcount:
            db.execute(insert(listening).values(pbx=journal.pbx, since=now, until=now))


def away(journal: Journal, at: datetime, why: str) -> None:
    """From ``at`` on nothing was heard. A gap that goes on already goes on."""
    with journal.database.writing() as db:
        _away(db, journal.pbx, at, why)


def started(journal: Journal) -> None:
    """Listening is about to begin; since it was last known to be done nothing was heard."""
    with journal.database.writing() as db:
        until = db.execute(select(listening.c.until).where(listening.c.pbx == journal.pbx)).scalar()
        if until is not None:
            _away(db, journal.pbx, until, "nobody listened")


def _away(db: Connection, pbx: str, at: datetime, why: str) -> None:
    if db.execute(select(gaps.c.id).where(_open(pbx))).first() is None:
        counted = {"recovered": 0, "confirmed": 0, "taken_back": 0}
        db.execute(insert(gaps).values(pbx=pbx, began_at=at, why=why[:LONGEST_WHY], **counted))


def doubted(journal: Journal, ended: datetime, now: datetime) -> bool:
    """The end of a call was not heard; without a gap that explains it, one is made of the time in which it may have been."""
    explains = and_(
        gaps.c.pbx == journal.pbx,
        gaps.c.began_at <= ended + SAME_MOMENT,
        or_(gaps.c.ended_at.is_(None), gaps.c.ended_at >= ended - SAME_MOMENT),
    )
    with journal.database.writing() as db:
        if db.execute(select(gaps.c.id).where(explains)).first() is not None:
            return False
        values = {"began_at": ended - UNHEARD_FOR, "ended_at": now, "why": UNHEARD}
        db.execute(insert(gaps).values(pbx=journal.pbx, recovered=0, confirmed=0, taken_back=0, **values))
        return True


def back(journal: Journal, now: datetime) -> None:
    """Everything that Asterisk tells of its state has been heard: the gap is over."""
    with journal.database.writing() as db:
        db.execute(update(gaps).where(_open(journal.pbx)).values(ended_at=now))


def unmade(journal: Journal) -> tuple[Gap, ...]:
    """The gaps that are over, and whose calls have not been made up yet, oldest first."""
    todo = and_(gaps.c.pbx == journal.pbx, gaps.c.ended_at.is_not(None), gaps.c.witness.is_(None))
    with journal.database.reading() as db:
        rows = db.execute(select(gaps).where(todo).order_by(gaps.c.began_at)).all()
        return tuple(_gap(row) for row in rows)


def made_up(journal: Journal, done: Sequence[Gap]) -> None:
    """Keep what has been made up of these gaps: their ``witness`` and counts."""
    with journal.database.writing() as db:
        for gap in done:
            counted = {"recovered": gap.recovered, "confirmed": gap.confirmed, "taken_back": gap.taken_back}
            db.execute(update(gaps).where(gaps.c.id == gap.id).values(witness=gap.witness, **counted))


def place(journal: Journal, file: str) -> tuple[int, int] | None:
    """(inode, offset) up to which a file was read, None where it never was."""
    with journal.database.reading() as db:
        mine = and_(places.c.pbx == journal.pbx, places.c.file == file)
        row = db.execute(select(places.c.inode, places.c.offset).where(mine)).one_or_none()
        return (row.inode, row.offset) if row is not None else None


def read_up_to(journal: Journal, file: str, inode: int, offset: int) -> None:
    """Keep how far a file was read: every call in it before that place is over and written down."""
    with journal.database.writing() as db:
        mine = and_(places.c.pbx == journal.pbx, places.c.file == file)
        if not db.execute(update(places).where(mine).values(inode=inode, offset=offset)).rowcount:
            db.execute(insert(places).values(pbx=journal.pbx, file=file, inode=inode, offset=offset))


def coverage(journal: Journal, since: datetime, until: datetime, now: datetime) -> Coverage:
    """How much of a period was listened to, as far as it has passed, and the gaps in it, oldest first."""
    until = min(until, now)
    with journal.database.reading() as db:
        began = db.execute(select(listening.c.since).where(listening.c.pbx == journal.pbx)).scalar()
        touching = and_(gaps.c.began_at < until, or_(gaps.c.ended_at.is_(None), gaps.c.ended_at > since))
        rows = db.execute(select(gaps).where(gaps.c.pbx == journal.pbx, touching).order_by(gaps.c.began_at)).all()
        doubtful = and_(missed.c.pbx == journal.pbx, missed.c.reason == "unconfirmed")
        in_period = and_(missed.c.missed_at >= since, missed.c.missed_at < until)
        unconfirmed = db.execute(select(func.count()).where(doubtful, in_period)).scalar() or 0
    found = tuple(_gap(row) for row in rows)
    dark = sum((_within(g, since, until) for g in found if g.witness != "cel"), timedelta())
    lit = until - max(since, began) if began is not None and began < until else timedelta()
    period = max(timedelta(), until - since)
    return Coverage(period.total_seconds(), max(timedelta(), lit - dark).total_seconds(), found, unconfirmed)


def _within(gap: Gap, since: datetime, until: datetime) -> timedelta:
    return min(gap.ended_at or until, until) - max(gap.began_at, since)


def _open(pbx: str):  # type: ignore[no-untyped-def]  # a condition of SQLAlchemy's
    return and_(gaps.c.pbx == pbx, gaps.c.ended_at.is_(None))


def _gap(row) -> Gap:  # type: ignore[no-untyped-def]
    return Gap(row.id, row.began_at, row.ended_at, row.why, row.witness, row.recovered, row.confirmed, row.taken_back)
