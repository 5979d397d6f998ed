"""The rules in the journal: read, and replaced as a whole list; what that does to callbacks that wait.

Every change of a rule, one by one or from a file, is a new list. It is refused where somebody else changed the list
meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from ..callbacks.plan import Again, Callback, End, Ground, Pause, replanned
from ..rules.rule import Rule
from .journal import WAITING, Journal
from .tables import callbacks, revisions, rules
from .values import callback_of, clean

LIST = "rules"  # its row in the table `revisions`

# What a rule says of when; the rest does not touch a callback before it rings.
_TIMES = ("enabled", "delay", "hours", "holidays", "timezone", "outside_hours", "retry")


class Changed(Exception):
    """Somebody else changed the rules since they were read."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to the waiting callbacks of one rule: ``what`` is cancelled, paused, resumed, replanned, ended."""

    slug: str
    what: str
    callbacks: int


def read(journal: Journal) -> tuple[Rule, ...]:
    """All rules, in their order."""
    with journal.database.reading() as db:
        return _rules(db)


def revised(journal: Journal) -> tuple[tuple[Rule, ...], int]:
    """The rules, and the number of their revision, for `replace`."""
    with journal.database.reading() as db:
        return _rules(db), _revision(db)


def revision(journal: Journal) -> int:
    """A number that grows whenever the rules change: a daemon looks at it, since another process may have changed them."""
    with journal.database.reading() as db:
        return _revision(db)


def effects(journal: Journal, new: Sequence[Rule], ground: Ground, now: datetime) -> list[Effect]:
    """What `replace` would do to the callbacks that wait."""
    with journal.database.reading() as db:
        return _counted(_outcomes(db, new, ground, now))


def replace(
    journal: Journal, new: Sequence[Rule], by: str, ground: Ground, now: datetime, seen: int | None = None
) -> list[Effect]:
    """Make these the whole list, in this order, and plan anew what waits. Returns what that did to callbacks.

    Changed: ``seen`` (the number of `revised`) is no longer that of the list.
    """
    with journal.database.writing() as db:
        if seen is not None and seen != _revision(db):
            raise Changed
        outcomes = list(_outcomes(db, new, ground, now))
        db.execute(rules.delete())
        for position, rule in enumerate(new, 1):
            db.execute(insert(rules).values(slug=rule.slug, position=position, body=rule.as_dict()))
        for outcome in outcomes:
            _carry_out(journal, db, outcome, by, now)
        _changed(db)
        return _counted(outcomes)


def _rules(db: Connection) -> tuple[Rule, ...]:
    rows = db.execute(select(rules.c.body).order_by(rules.c.position)).scalars()
    return tuple(Rule.read(body, place) for place, body in enumerate(rows, 1))


def _revision(db: Connection) -> int:
    return db.execute(select(revisions.c.number).where(revisions.c.name == LIST)).scalar() or 0


def _changed(db: Connection) -> None:
    this = update(revisions).where(revisions.c.name == LIST).values(number=revisions.c.number + 1)
    if not db.execute(this).rowcount:
        db.execute(insert(revisions).values(name=LIST, number=1))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What happens to one callback that waits."""

    slug: str
    what: str
    callback: Callback
    how: Again | Pause | End


def _counted(outcomes: Iterable[_Outcome]) -> list[Effect]:
    counts = Counter((outcome.slug, outcome.what) for outcome in outcomes)
    return [Effect(slug, what, count) for (slug, what), count in counts.items()]


def _outcomes(db: Connection, new: Sequence[Rule], ground: Ground, now: datetime) -> Iterator[_Outcome]:
    """What the new list does to each callback that it does something to."""
    before, after = {rule.slug: rule for rule in _rules(db)}, {rule.slug: rule for rule in new}
    touched = [slug for slug, rule in before.items() if slug not in after or _times(rule) != _times(after[slug])]
    waiting = select(callbacks).where(callbacks.c.state.in_(WAITING), callbacks.c.rule.in_(touched))
    for row in db.execute(waiting.order_by(callbacks.c.id)).all():
        callback, rule = callback_of(row), after.get(row.rule)
        how = replanned(callback, rule, ground, now)
        what = _what(row.state, callback, rule, how)
        if what:
            yield _Outcome(row.rule, what, callback, how)


def _times(rule: Rule) -> tuple[object, ...]:
    return tuple(getattr(rule, name) for name in _TIMES)


def _what(state: str, callback: Callback, rule: Rule | None, how: Again | Pause | End) -> str:
    match how:
        case Pause():
            return "" if state == "paused" or callback.by_hand else "paused"
        case End():
            return "cancelled" if rule is None else "ended"
        case Again(_, due_at, _, expires_at):
            if state == "paused":
                return "resumed"
            return "replanned" if (due_at, expires_at) != (callback.due_at, callback.expires_at) else ""


def _carry_out(journal: Journal, db: Connection, outcome: _Outcome, by: str, now: datetime) -> None:
    callback, how = outcome.callback, outcome.how
    if isinstance(how, Pause):
        journal.paused(db, callback.id, now)
    elif isinstance(how, End):
        journal.close(db, callback.id, how.status, how.reason, now, ground=how.ground, by=by)
    else:
        new: dict[str, Any] = {"due_at": how.due_at}
        if outcome.what == "resumed" or not callback.attempts:  # between attempts a row shows how the last one ended
            new |= {"status": "not_called_back", "reason": how.reason}
        values = {"reason": how.reason, "due_at": how.due_at, "state": "waiting"}
        values |= {"first_due_at": how.first_due_at, "expires_at": how.expires_at}
        db.execute(update(callbacks).where(callbacks.c.id == callback.id).values(values))
        rows = journal.rows_of(db, callback.id, new)
        journal.tell(db, rows, now, "planned", clean(rule=callback.rule, by=by, ground="its rule was changed", **new))
