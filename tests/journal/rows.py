"""What the tests of the journal put in and look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from asterisk_missed.callbacks.plan import Ground
from asterisk_missed.calls.call import EndedCall, Missed
from asterisk_missed.journal import search
from asterisk_missed.journal.journal import Journal
from asterisk_missed.rules.guard import Gate
from asterisk_missed.rules.hours import DailyHours
from asterisk_missed.rules.rule import Rule

NOON = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=3)
GROUND = Ground(Gate("RU"), ZoneInfo("Europe/Moscow"), DailyHours.parse("00:00-24:00"))
CALLER = "+79161234567"
SALES = Rule.read(
    {
        "slug": "sales",
        "source": {"did": "74951234567"},
        "first": "employee",
        "connect": {"extensions": ["101"]},
        "delay": "2m",
    }
)


def check_invariants(journal: Journal) -> None:
    """What must be true at any moment, by the rows alone."""
    for row in search.rows(journal, search.Filter(), 1000):
        told = search.row(journal, row["id"])
        assert told is not None and told["story"], "a row without a story"
        last = [line for line in told["story"] if "status" in line or line["event"] == "calling"][-1]
        assert row["status"] == last.get("status", "calling"), "the story ends otherwise than the row"


def missed(linkedid: str = "pbx-1.1", at: datetime = NOON, caller: str = "79161234567") -> EndedCall:
    return EndedCall(
        linkedid=linkedid,
        caller=caller,
        caller_name="Ромашка",
        did="74951234567",
        trunk="trunk-main",
        started_at=at - timedelta(seconds=10),
        ended_at=at,
        answered=False,
        answered_by=None,
        wait=10.0,
        missed=Missed("74951234567", "trunk-main", (), ("101",)),
        lost_in="extension",
        lost_how="abandoned",
    )


def row(journal: Journal, missed_id: int | None = 1) -> dict[str, Any]:
    assert missed_id is not None
    found = search.row(journal, missed_id)
    assert found is not None
    return found
