"""How long planning and preview of 100,000 missed calls take, beside their bare SQL. Not a test: ``make bench``.

A journal of thirty days: every third caller calls again, every fifth has been talked with. Each way in turn, in one process;
the median counts. Numbers are read anew in each round (what was read is kept for a busy day, no more).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import insert, text

from asterisk_missed.callbacks.plan import Ground, Known, plan
from asterisk_missed.callbacks.preview import preview
from asterisk_missed.journal import past
from asterisk_missed.journal.journal import Journal
from asterisk_missed.journal.tables import contacts, missed
from asterisk_missed.rules import guard
from asterisk_missed.rules.guard import Gate
from asterisk_missed.rules.hours import DailyHours
from asterisk_missed.rules.rule import Rule

ROUNDS = 5
DAYS = 30
NOW = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
DIDS = [f"7495123456{n}" for n in range(5)]
GROUND = Ground(
    Gate("RU", dids=tuple(DIDS), extensions=("1XX",)), ZoneInfo("Europe/Moscow"), DailyHours.parse("09:00-21:00")
)
RULES = [
    Rule.read(
        {
            "slug": f"line{n}",
            "source": {"did": did},
            "wait": {"min": "5s"},
            "hours": [{"days": "mon-thu", "time": "10:00-18:00"}, {"days": "fri", "time": "10:00-16:30"}],
            "holidays": "RU",
            "first": "employee",
            "connect": {"extensions": ["101", "102"]},
        }
    )
    for n, did in enumerate(DIDS)
]


def fill(journal: Journal, calls: int) -> None:
    """A journal of so many missed calls, and a fifth as many contacts."""
    luck = random.Random(7)
    clients = [
        f"+7{luck.choice(('916', '903', '495', '812'))}{luck.randrange(10**7):07}" for _ in range(calls * 2 // 3)
    ]
    every = timedelta(days=DAYS) / calls
    began = NOW - timedelta(days=DAYS)
    with journal.database.writing() as db:
        for lot in range(0, calls, 5_000):
            db.execute(
                insert(missed), [_row(n, luck.choice(clients), began + n * every) for n in range(lot, lot + 5_000)]
            )
        talks = [(n, luck.choice(clients), began + luck.random() * timedelta(days=DAYS)) for n in range(calls // 5)]
        db.execute(insert(contacts), [_talk(*talk) for talk in talks])


def _row(n: int, caller: str, at: datetime) -> dict[str, object]:
    wait = float(n % 60)
    return {
        "pbx": "pbx1", "linkedid": f"pbx-{n}", "missed_at": at, "started_at": at - timedelta(seconds=wait), "caller": caller,
        "caller_name": "", "did": DIDS[n % len(DIDS)], "trunk": "trunk-main", "wait": wait, "status": "not_called_back",
        "reason": "no_rule", "attempts": 0, "recovered": False,
    }  # fmt: skip


def _talk(n: int, number: str, at: datetime) -> dict[str, object]:
    return {
        "pbx": "pbx1",
        "uniqueid": f"c-{n}",
        "number": number,
        "direction": "in",
        "employee": "101",
        "at": at,
        "talk": 60.0,
    }


def ways(journal: Journal) -> Iterator[tuple[str, Callable[[], object]]]:
    since = NOW - timedelta(days=DAYS)
    calls = past.history(journal, since, NOW).calls

    def bare() -> None:
        with journal.database.reading() as db:
            db.execute(
                text("SELECT * FROM missed WHERE missed_at >= :since ORDER BY missed_at, id"), {"since": since}
            ).all()
            db.execute(text("SELECT * FROM contacts WHERE at >= :since ORDER BY at, id"), {"since": since}).all()

    def planned() -> None:
        for call in calls:
            plan(call.ended, RULES, GROUND, Known(), call.ended.ended_at)

    def previewed() -> None:
        preview(RULES, GROUND, past.history(journal, since, NOW))

    yield "bare SQL: calls and contacts read", bare
    yield "calls and contacts read as values", lambda: past.history(journal, since, NOW)
    yield "every call planned", planned
    yield "read and previewed", previewed


def timed(work: Callable[[], object]) -> float:
    guard._reading.cache_clear()
    guard._refusal.cache_clear()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--calls", type=int, default=100_000)
    asked.add_argument("--json", type=Path)
    args = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.open(f"sqlite:///{folder}/journal.db", "pbx1")
        fill(journal, args.calls)
        taken: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, work in ways(journal):
                taken.setdefault(name, []).append(timed(work))
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    least = medians["bare SQL: calls and contacts read"]
    for name, seconds in medians.items():
        print(f"{name:40} {seconds:6.2f} s {seconds / least:6.1f} x")
    if args.json is not None:
        args.json.write_text(json.dumps({"calls": args.calls, "seconds": medians}, indent=1))


if __name__ == "__main__":
    main()
