"""Rules that change under callbacks that wait."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rows import CALLER, GROUND, LATER, NOON, SALES, missed, row

from asterisk_missed.callbacks.disposition import Disposition
from asterisk_missed.callbacks.plan import after
from asterisk_missed.journal import rulebook
from asterisk_missed.journal.journal import Journal
from asterisk_missed.journal.rulebook import Effect
from asterisk_missed.rules.rule import Rule

DAY = timedelta(days=1)


def sales(**fields: Any) -> Rule:
    return Rule.read(SALES.as_dict() | fields)


def waiting(journal: Journal) -> None:
    journal.enter(missed(), rulebook.read(journal), GROUND, NOON)


def replaced(journal: Journal, *rules: Rule, at: Any = NOON) -> list[Effect]:
    said = rulebook.effects(journal, rules, GROUND, at)
    done = rulebook.replace(journal, rules, "tester", GROUND, at)
    assert said == done, "what is said before is not what is done"
    return done


def test_what_is_applied_twice_does_nothing(journal: Journal) -> None:
    waiting(journal)
    assert replaced(journal, SALES) == []
    assert [line["event"] for line in row(journal)["story"]] == ["missed", "planned"]


def test_a_rule_that_is_switched_off_pauses_what_waits_and_on_again_lets_it_go_on(journal: Journal) -> None:
    waiting(journal)
    assert replaced(journal, sales(enabled=False)) == [Effect("sales", "paused", 1)]
    shown = row(journal)
    assert (shown["status"], shown["reason"], shown["due_at"]) == ("not_called_back", "paused", None)
    assert journal.due(NOON + DAY / 2, 10) == ()
    assert replaced(journal, sales()) == [Effect("sales", "resumed", 1)]
    assert row(journal)["due_at"] == NOON + timedelta(minutes=2)
    (callback,) = journal.due(LATER, 10)
    assert callback.number == CALLER


def test_a_paused_callback_expires(journal: Journal) -> None:
    waiting(journal)
    replaced(journal, sales(enabled=False))
    due = NOON + timedelta(minutes=2)
    assert journal.next_due() == due + DAY
    assert journal.expire(due + DAY - timedelta(seconds=1)) == 0
    assert journal.expire(due + DAY) == 1
    assert (row(journal)["reason"], journal.open_callback(CALLER)) == ("expired", None)


def test_a_new_miss_takes_a_paused_callback_over(journal: Journal) -> None:
    waiting(journal)
    other = sales(slug="other")
    replaced(journal, sales(enabled=False), other)
    journal.enter(missed("pbx-1.2", LATER), rulebook.read(journal), GROUND, LATER)
    assert [row(journal, n)["rule"] for n in (1, 2)] == ["sales", "other"]
    assert [row(journal, n)["reason"] for n in (1, 2)] == ["scheduled", "scheduled"]
    (callback,) = journal.due(LATER + timedelta(minutes=2), 10)
    assert callback.rule == "other"


def test_a_rule_that_is_deleted_cancels_by_name(journal: Journal) -> None:
    waiting(journal)
    assert replaced(journal) == [Effect("sales", "cancelled", 1)]
    assert row(journal)["story"][-1]["by"] == "tester"


def test_a_paused_callback_of_a_deleted_rule_is_cancelled(journal: Journal) -> None:
    waiting(journal)
    replaced(journal, sales(enabled=False))
    assert replaced(journal) == [Effect("sales", "cancelled", 1)]


def test_a_changed_rule_plans_anew(journal: Journal) -> None:
    waiting(journal)
    assert replaced(journal, sales(delay="1h")) == [Effect("sales", "replanned", 1)]
    shown = row(journal)
    assert (shown["reason"], shown["due_at"]) == ("scheduled", NOON + timedelta(hours=1))
    assert journal.due(NOON + timedelta(minutes=59), 10) == ()


@pytest.mark.parametrize("fields", [{"title": "Other"}, {"connect": {"queue": "q"}}, {"ring": {"client": "1m"}}])
def test_a_rule_that_is_changed_otherwise_leaves_what_waits(journal: Journal, fields: dict[str, Any]) -> None:
    waiting(journal)
    assert replaced(journal, sales(**fields)) == []


def test_a_callback_between_attempts_keeps_its_time_and_shows_how_the_last_one_ended(journal: Journal) -> None:
    waiting(journal)
    (callback,) = journal.due(LATER, 10)
    attempt = journal.claim(callback, SALES, LATER)
    assert attempt is not None
    busy = Disposition("BUSY", "client_busy", True)
    journal.finish(attempt, busy, after(callback, busy, SALES, GROUND, LATER), LATER)
    replaced(journal, sales(delay="1h", retry={"expire": "2h"}), at=LATER)
    shown = row(journal)
    assert (shown["status"], shown["reason"]) == ("failed", "client_busy")
    assert shown["due_at"] == LATER + timedelta(minutes=5)


def test_what_the_changed_rule_would_have_let_go_ends(journal: Journal) -> None:
    waiting(journal)
    evening = sales(hours=[{"days": "mon", "time": "20:00-21:00"}], outside_hours="skip")
    assert replaced(journal, evening) == [Effect("sales", "ended", 1)]
    assert row(journal)["reason"] == "skipped_outside_hours"


def test_somebody_elses_change_is_not_overwritten(journal: Journal) -> None:
    _, revision = rulebook.revised(journal)
    replaced(journal, sales(delay="1h"))
    with pytest.raises(rulebook.Changed):
        rulebook.replace(journal, [], "tester", GROUND, NOON, revision)
    assert len(rulebook.read(journal)) == 1


def test_a_daemon_sees_that_the_rules_changed(journal: Journal) -> None:
    before = rulebook.revision(journal)
    replaced(journal, sales(delay="1h"))
    assert rulebook.revision(journal) == before + 1
