"""What was dialled already, counted for the caps: asked before every call, so its questions are put together once.

To put a question together takes SQLAlchemy five times as long as SQLite takes to answer it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Integer, and_, bindparam, case, func, or_, select

from ..callbacks.plan import Ground
from ..rules.caps import Dialled, prefix_of
from .tables import attempts, callbacks

HOUR = timedelta(hours=1)

_BEGAN = attempts.c.started_at
_RANG = or_(attempts.c.rung.is_(None), attempts.c.rung)  # an attempt of which nobody knows counts
_TO_HIM = func.coalesce(func.sum(case((attempts.c.number == bindparam("number"), 1), else_=0)), 0)
_TALKED = func.coalesce(func.sum(attempts.c.talk), 0.0)
_TODAY = select(func.count(), _TALKED, _TO_HIM).where(bindparam("day") <= _BEGAN, _RANG)
_NEAR = (
    select(_BEGAN)
    .where(bindparam("hour") < _BEGAN, _RANG, attempts.c.number.like(bindparam("prefix")))
    .order_by(_BEGAN)
)
_LAST = select(_BEGAN).where(_RANG).order_by(_BEGAN.desc()).limit(1)
_ENDED = (
    select(attempts.c.disposition)
    .where(_RANG, attempts.c.ended_at.is_not(None))
    .order_by(_BEGAN.desc())
    .limit(bindparam("latest", type_=Integer))
)
_PUT_OFF = select(func.count()).where(
    callbacks.c.open_number.like(bindparam("prefix")),
    and_(callbacks.c.state == "waiting", callbacks.c.reason == "held_limit", callbacks.c.due_at > bindparam("now")),
)


def dialled(db: Connection, number: str, ground: Ground, now: datetime) -> Dialled:
    """What was dialled lately, on every PBX of this journal. ``number``: E.164, whose turn it is."""
    count, talked, to_him = db.execute(_TODAY, {"day": ground.day_began(now), "number": number}).one()
    prefix = prefix_of(number) + "%"
    near = tuple(db.execute(_NEAR, {"hour": now - HOUR, "prefix": prefix}).scalars())
    crowded = len(near) >= ground.caps.max_per_prefix_per_hour
    latest = db.execute(_ENDED, {"latest": max(1, ground.caps.breaker_attempts)})
    return Dialled(
        number_today=to_him,
        prefix_last_hour=near,
        prefix_put_off=db.execute(_PUT_OFF, {"prefix": prefix, "now": now}).scalar_one() if crowded else 0,
        today=count,
        minutes_today=talked / 60,
        recent=tuple(disposition == "ANSWERED" for disposition in latest.scalars()),
        last_at=db.execute(_LAST).scalar(),
    )
