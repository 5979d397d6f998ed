"""``journal call-now, cancel, done, assign, forget, dossier`` and ``numbers``: what they print, and their statuses."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from asterisk_missed.callbacks.plan import Ground
from asterisk_missed.calls.call import EndedCall, Missed
from asterisk_missed.cli import main
from asterisk_missed.journal import rulebook
from asterisk_missed.journal.journal import Journal
from asterisk_missed.rules.guard import Gate
from asterisk_missed.rules.hours import DailyHours
from asterisk_missed.rules.rule import Rule

CALLER = "+79161234567"
SALES = Rule.read({"slug": "sales", "source": {"did": "74951234567"}, "first": "client", "connect": {"queue": "sales"}})
GROUND = Ground(Gate("RU"), ZoneInfo("Europe/Moscow"), DailyHours.parse("00:00-24:00"))
Said = tuple[int, str, str]
Run = Callable[..., Said]


class Terminal(io.StringIO):
    """A person at the keyboard who types what it holds."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a verb as the user anna; returns status, output, errors."""
    config = tmp_path / "asterisk_missed.conf"
    config.write_text(
        f"[general]\ndatabase = sqlite:///{tmp_path}/journal.db\ntimezone = Europe/Moscow\nlanguage = en\n"
        "[calls]\nlegal_hours = 00:00-24:00\n"
    )
    monkeypatch.setenv("ASTERISK_MISSED_CONFIG", str(config))
    monkeypatch.setenv("LOGNAME", "anna")
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def run(*args: object) -> Said:
        status = main([str(arg) for arg in args])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal with a missed call that waits, 1, and one that no rule took, 2, of another number."""
    opened = Journal.open(f"sqlite:///{tmp_path}/journal.db", "pbx1")
    rulebook.replace(opened, [SALES], "tester", GROUND, datetime.now(UTC))
    for linkedid, caller, rules in (("pbx-1.1", "79161234567", [SALES]), ("pbx-1.2", "79161234568", [])):
        at = datetime.now(UTC) - timedelta(seconds=30)
        ended = EndedCall(
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
        opened.enter(ended, rules, GROUND, at)
    return opened


class TestByHand:
    def test_each_verb_shows_how_the_row_stands_now(self, run: Run, journal: Journal) -> None:
        status, out, err = run("journal", "call-now", 1)
        assert (status, err) == (0, "") and out.startswith(f"1  {CALLER}  not called back (waiting for its time)  20")
        assert run("journal", "assign", 1, "105")[1].endswith("-> 105\n")
        assert run("journal", "cancel", 1) == (0, f"1  {CALLER}  not called back (cancelled)  -> 105\n", "")
        assert run("journal", "done", 1) == (0, f"1  {CALLER}  called back (by hand)  -> 105\n", "")

    def test_json_is_a_small_object(self, run: Run, journal: Journal) -> None:
        said = json.loads(run("journal", "call-now", 1, "--json")[1])
        names = ["id", "number", "rule", "status", "reason", "due_at", "called_back_at", "assigned"]
        assert list(said) == names and said["due_at"].endswith("Z")
        assert (said["id"], said["status"], said["reason"]) == (1, "not_called_back", "scheduled")

    def test_the_story_names_who_did_it(self, run: Run, journal: Journal) -> None:
        run("journal", "call-now", 1)
        story = json.loads(run("journal", "show", 1, "--json")[1])["story"]
        assert (story[-1]["event"], story[-1]["by"]) == ("call_now", "anna")

    @pytest.mark.parametrize("name", ["\x1b[31m" * 50, "\udcff", "two\nlines"])
    def test_a_user_of_any_name_is_kept_in_one_short_line(
        self, run: Run, journal: Journal, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv("LOGNAME", name)
        assert run("numbers", "block", CALLER)[0] == 0
        (entry,) = json.loads(run("numbers", "list", "--json")[1])
        assert entry["by"].isprintable() and 0 < len(entry["by"]) <= 64

    @pytest.mark.parametrize(
        ("words", "status", "line"),
        [
            (("call-now", 99), 1, "no missed call 99"),
            (("cancel", 2), 1, "no callback waits: not_called_back (no_rule)"),
            (("assign", 2, "105"), 1, "it has no open callback"),
            (("call-now", 1, "--rule", "nosuch"), 1, "no rule nosuch"),
            (("call-now", 2), 2, "journal call-now: missed call 2: it has no rule: name one with --rule"),
            (("assign", 1, "300"), 2, "journal assign: '300': must be an employee's number by [pbx] extensions = 1XX"),
            (("done", 0), 2, "journal done: Invalid value for 'ID'"),
            (("cancel", "1; DROP TABLE missed"), 2, "journal cancel: Invalid value for 'ID'"),
            (("done", 2**63), 2, "journal done: Invalid value for 'ID'"),
            (("forget", " ", "--yes"), 2, "journal forget: NUMBER: must be a number"),
            (("dossier", ""), 2, "journal dossier: NUMBER: must be a number"),
        ],
    )
    def test_what_cannot_be_done_is_one_line_and_a_status(
        self, run: Run, journal: Journal, words: tuple[object, ...], status: int, line: str
    ) -> None:
        said = run("journal", *words)
        assert (said[0], said[1], said[2].count("\n")) == (status, "", 1) and line in said[2]


class TestForget:
    def test_without_a_terminal_it_needs_yes(self, run: Run, journal: Journal) -> None:
        status, out, err = run("journal", "forget", CALLER)
        assert (status, out) == (2, "") and "needs --yes" in err and err.count("\n") == 1
        assert len(json.loads(run("journal", "list", "--json")[1])) == 2

    @pytest.mark.parametrize(("typed", "status", "left"), [("y\n", 0, 1), ("n\n", 1, 2), ("\n", 1, 2)])
    def test_on_a_terminal_it_asks(
        self, run: Run, journal: Journal, monkeypatch: pytest.MonkeyPatch, typed: str, status: int, left: int
    ) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        said, _, err = run("journal", "forget", CALLER)
        assert said == status and f"{CALLER}: erase missed calls 1, callbacks 1, attempts 0, contacts 0?" in err
        assert len(json.loads(run("journal", "list", "--json")[1])) == left

    def test_says_what_it_erased_and_what_it_keeps(self, run: Run, journal: Journal) -> None:
        run("numbers", "block", CALLER)
        status, out, _ = run("journal", "forget", "89161234567", "--yes")
        assert status == 0
        assert out.startswith(f"{CALLER}: erased: missed calls 1, callbacks 1, attempts 0, contacts 0\n")
        assert "stays on the never-call list" in out
        assert run("journal", "forget", CALLER, "--yes")[0] == 1

    def test_json_gives_the_counts(self, run: Run, journal: Journal) -> None:
        told = json.loads(run("journal", "forget", CALLER, "--yes", "--json")[1])
        assert told.pop("story") >= 2
        counts = {"missed": 1, "callbacks": 1, "attempts": 0, "contacts": 0}
        assert told == {"number": CALLER, "blocked": False} | counts


class TestDossier:
    def test_is_always_json(self, run: Run, journal: Journal) -> None:
        status, out, _ = run("journal", "dossier", "9161234567")
        told = json.loads(out)
        assert status == 0 and told["missed"] == [json.loads(run("journal", "show", 1, "--json")[1])]
        assert run("journal", "dossier", CALLER, "--json")[1] == out

    def test_of_a_forgotten_number_is_empty(self, run: Run, journal: Journal) -> None:
        run("journal", "forget", CALLER, "--yes")
        status, out, _ = run("journal", "dossier", CALLER)
        assert status == 0 and json.loads(out)["missed"] == []


class TestNumbers:
    def test_an_empty_list_is_an_empty_array(self, run: Run) -> None:
        assert run("numbers", "list", "--json") == (0, "[]\n", "")

    def test_what_is_blocked_is_listed_until_it_is_not(self, run: Run) -> None:
        assert run("numbers", "block", "89161234567", "--why", "he asked") == (0, f"{CALLER}: is never called\n", "")
        assert run("numbers", "block", CALLER) == (0, f"{CALLER}: was on the list already\n", "")
        (entry,) = json.loads(run("numbers", "list", "--json")[1])
        assert list(entry) == ["number", "at", "by", "why"]
        assert (entry["number"], entry["by"], entry["why"]) == (CALLER, "anna", "he asked")
        assert f"{CALLER}  20" in run("numbers", "list")[1]
        assert run("numbers", "unblock", "9161234567") == (0, f"{CALLER}: may be called again\n", "")
        assert run("numbers", "unblock", CALLER)[0] == 1

    def test_blocking_says_what_becomes_of_the_callback(self, run: Run, journal: Journal) -> None:
        assert run("numbers", "block", CALLER)[1] == f"{CALLER}: is never called; its callback is closed\n"
        story = json.loads(run("journal", "show", 1, "--json")[1])["story"]
        assert (story[-1]["reason"], story[-1]["by"]) == ("blocked_number", "anna")

    @pytest.mark.parametrize("verb", ["block", "unblock"])
    @pytest.mark.parametrize(
        "number", ["", "anonymous", "101", "112", "+7916", "'; --", "\udcff", "1\r\nAction: Originate"]
    )
    def test_what_is_no_number_is_one_line_and_status_2(self, run: Run, verb: str, number: str) -> None:
        status, out, err = run("numbers", verb, number)
        assert (status, out, err.count("\n")) == (2, "", 1) and "must be a complete telephone number" in err
