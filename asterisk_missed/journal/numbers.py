"""The numbers that are never called, whatever a rule says: put on the list, taken off it, listed.

The journal's verbs for that, each in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from ..rules.guard import normalise
from .by_hand import NotAllowed, NotPossible, changing
from .journal import Journal
from .tables import blocked, callbacks
from .values import shown

LONGEST_WHY = 200
# What people put between the digits of a number.
_BETWEEN = str.maketrans("", "", " \u00a0()-.")


@dataclass(frozen=True, slots=True)
class Blocked:
    """A number that is never called (E.164): since when, by whom, and why."""

    number: str
    at: datetime
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Blocking:
    """A number on the list. ``new``: it was not there; ``callback``: its open one was ``closed``, or goes on as
    ``calling`` and is not tried again; None: it has none."""

    entry: Blocked
    new: bool
    callback: str | None


def e164(text: str, country: str) -> str:
    """The number that a person has written, blanks, brackets, dashes and dots in it. NotAllowed: it is none."""
    number = normalise(text.translate(_BETWEEN), country)
    if number is None:
        raise NotAllowed(f"{shown(text)!r}: must be a complete telephone number, such as +79161234567")
    return number


def block(journal: Journal, number: str, by: str, now: datetime, why: str = "") -> Blocking:
    """Never call this number (E.164) again: its callback is closed. One that is there stays as it is.

    NotAllowed: ``why`` is no line of text of `LONGEST_WHY` characters.
    """
    if len(why) > LONGEST_WHY or not why.isprintable():
        raise NotAllowed(f"why = {shown(why)!r}: must be a line of up to {LONGEST_WHY} printable characters")
    with changing(journal) as db:
        there = db.execute(select(blocked).where(blocked.c.number == number)).one_or_none()
        entry = Blocked(number, now, by, why) if there is None else Blocked(*there)
        if there is None:
            db.execute(insert(blocked).values(number=number, at=now, by=by, why=why))
        callback = db.execute(select(callbacks.c.id).where(callbacks.c.open_number == number)).scalar()
        became = None
        if callback is not None:
            ended = journal.close(db, callback, "not_called_back", "blocked_number", now, by=by)
            became = "closed" if ended else "calling"
        return Blocking(entry, there is None, became)


def unblock(journal: Journal, number: str) -> Blocked:
    """Take a number (E.164) off the list; nothing that was closed by it is opened. NotPossible: it is not there."""
    with changing(journal) as db:
        this = blocked.c.number == number
        there = db.execute(select(blocked).where(this)).one_or_none()
        if there is None or not db.execute(blocked.delete().where(this)).rowcount:
            raise NotPossible(f"{number}: is not on the list")
        return Blocked(*there)


def listed(journal: Journal) -> list[Blocked]:
    """The whole list, newest first."""
    with journal.database.reading() as db:
        rows = db.execute(select(blocked).order_by(blocked.c.at.desc(), blocked.c.number)).all()
        return [Blocked(*row) for row in rows]
