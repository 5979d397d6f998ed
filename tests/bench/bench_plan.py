"""What planning and previewing 100,000 missed calls costs, beside the bare SQL. Not a test: ``make bench``.

A month of a busy company: five rules with hours and holidays, some 60,000 different callers, every eighth of them abroad or
withheld; as many contacts as missed calls, a fifth of them with those callers. Each way in turn, the median of five.

- preview: the journal read and run through the rules, as `rules preview` does it;
- bare SQL: the same rows read from SQLite by the same questions, and nothing done with them;
- planning: `plan`, call by call, as when each is entered.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from asterisk_missed.callbacks.plan import Ground, Known, plan
from asterisk_missed.callbacks.preview import preview
from asterisk_missed.calls.call import EndedCall, Missed
from asterisk_missed.journal import past
from asterisk_missed.journal.journal import Journal
from asterisk_missed.journal.tables import contacts, missed
from asterisk_missed.rules.guard import Gate
from asterisk_missed.rules.hours import DailyHours
from asterisk_missed.rules.rule import Rule

CALLS = 100_000
ROUNDS = 5
GOAL = 2.0  # seconds
MONTH = timedelta(days=30)
BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
SEED = 7
RULES = tuple(
    Rule.read(
        {
            "slug": f"line-{n}",
            "source": {"did": f"7495123456{n}"},
            "wait": {"min": "5s"},
            "hours": [{"days": "mon-thu", "time": "10:00-18:00"}, {"days": "fri", "time": "10:00-16:30"}],
            "holidays": "RU",
            "first": "employee",
            "connect": {"queue": "sales"},
        }
    )
    for n in range(5)
)
GROUND = Ground(
    Gate("RU", dids=("74951234560",), extensions=("1XX",)),
    ZoneInfo("Europe/Moscow"),
    DailyHours.parse("09:00-21:00"),
    pbx="pbx1",
)
# The questions of `past.history`, in SQLite's own words.
PERIOD = "missed_at >= ? and missed_at < ?"
BARE = (
    f"select pbx, linkedid, caller, did, trunk, queue, extension, started_at, missed_at, wait, queue_wait, status, reason "
    f"from missed where {PERIOD} order by missed_at, id",
    f"select number, uniqueid, direction, at, talk from contacts "
    f"where number in (select caller from missed where {PERIOD}) and at >= ?",
)


def callers(dice: random.Random) -> list[str]:
    """Some 60,000 numbers: at home of any network, abroad, and those who withhold theirs."""
    home = [f"+79{dice.randrange(10**9):09}" for _ in range(CALLS * 8 // 10)]
    fixed = [f"+7495{dice.randrange(10**7):07}" for _ in range(CALLS // 10)]
    abroad = [f"+53{dice.randrange(10**8):08}" for _ in range(CALLS // 20)]
    return home + fixed + abroad + ["anonymous"] * (CALLS // 50)


def calls(dice: random.Random, numbers: list[str]) -> list[EndedCall]:
    """A month of them, in their order."""
    made = []
    for n in range(CALLS):
        at, wait = BEGIN + MONTH * n / CALLS, dice.randrange(600) / 10
        did = f"7495123456{dice.randrange(7)}"
        made.append(
            EndedCall(
                linkedid=f"pbx1-{n}.1",
                caller=dice.choice(numbers),
                caller_name="",
                did=did,
                trunk="trunk-main",
                started_at=at - timedelta(seconds=wait),
                ended_at=at,
                answered=False,
                answered_by=None,
                wait=wait,
                missed=Missed(did, "trunk-main"),
                lost_in="direct",
                lost_how="abandoned",
            )
        )
    return made


def fill(journal: Journal, ended: list[EndedCall], dice: random.Random) -> None:
    """The journal as it stands after that month."""
    rows = [
        {
            "pbx": "pbx1",
            "linkedid": call.linkedid,
            "missed_at": call.ended_at,
            "started_at": call.started_at,
            "caller": call.caller,
            "did": call.did,
            "trunk": call.trunk,
            "wait": call.wait,
            "status": dice.choice(("failed", "called_back", "not_called_back")),
            "reason": "scheduled",
        }
        for call in ended
    ]
    talks = [
        {
            "pbx": "pbx1",
            "uniqueid": f"pbx1-c{n}",
            "number": dice.choice(ended).caller if n % 5 == 0 else f"+7916{dice.randrange(10**7):07}",
            "direction": "in",
            "employee": "101",
            "at": BEGIN + MONTH * n / CALLS,
            "talk": dice.randrange(3_000) / 10,
        }
        for n in range(CALLS)
    ]
    with journal.database.writing() as db:
        db.execute(insert(missed), rows)
        db.execute(insert(contacts), talks)


def planned(ended: list[EndedCall]) -> None:
    """Call by call."""
    for call in ended:
        plan(call, RULES, GROUND, Known(), call.ended_at)


def bare(path: Path) -> None:
    """What SQLite takes alone."""
    with sqlite3.connect(path) as db:
        period = [f"{at:%Y-%m-%d %H:%M:%S.%f}" for at in (BEGIN, BEGIN + MONTH)]
        for query, given in zip(BARE, (period, [*period, period[0]]), strict=True):
            for _row in db.execute(query, given):
                pass


def measured(folder: Path) -> dict[str, dict[str, float]]:
    """Seconds of each way, median and all."""
    dice = random.Random(SEED)
    ended = calls(dice, callers(dice))
    path = folder / "journal.db"
    journal = Journal.open(f"sqlite:///{path}", "pbx1")
    fill(journal, ended, dice)
    ways: dict[str, Callable[[], object]] = {
        "bare SQL": lambda: bare(path),
        "preview, journal read included": lambda: preview(RULES, GROUND, past.history(journal, BEGIN, BEGIN + MONTH)),
        "planning, call by call": lambda: planned(ended),
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):  # in turn, so that a noisy machine is noisy for all
        for way, run in ways.items():
            gc.collect()
            started = time.perf_counter()
            run()
            found[way].append(time.perf_counter() - started)
    base = statistics.median(found["bare SQL"])
    journal.database.engine.dispose()
    return {
        way: {
            "seconds": round(statistics.median(times), 3),
            "fastest": round(min(times), 3),
            "ratio": round(statistics.median(times) / base, 1),
        }
        for way, times in found.items()
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--json", type=Path, help="write the figures into this file too")
    asked = words.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        table = measured(Path(folder))
    print(f"{f'{CALLS:,} missed calls':34} {'seconds':>8} {'fastest':>8} {'x bare SQL':>11}")
    for way, row in table.items():
        late = f"  over {GOAL:g} s" if row["seconds"] > GOAL else ""
        print(f"{way:34} {row['seconds']:>8.2f} {row['fastest']:>8.2f} {row['ratio']:>11.1f}{late}")
    figures = {"python": platform.python_version(), "calls": CALLS, "plan": table}
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1) + "\n")
    else:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
