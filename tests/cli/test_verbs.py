"""The other verbs: what they print, and the one line that bad input gets."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from asterisk_missed.callbacks.plan import Ground
from asterisk_missed.calls.call import EndedCall, Missed
from asterisk_missed.cli import main
from asterisk_missed.journal.journal import Journal
from asterisk_missed.rules.guard import Gate
from asterisk_missed.rules.hours import DailyHours

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts"
NOON = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    config = tmp_path / "asterisk_missed.conf"
    config.write_text(
        f"[general]\ndatabase = sqlite:///{tmp_path}/journal.db\ntimezone = Europe/Moscow\nlanguage = en\n"
        f"state = {tmp_path}\n[pbx]\nasterisk = /nowhere/asterisk\ncontexts = {tmp_path}\n"
    )
    monkeypatch.setenv("ASTERISK_MISSED_CONFIG", str(config))

    def run(*args: object) -> tuple[int, str, str]:
        status = main([str(arg) for arg in args])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def row(tmp_path: Path) -> Journal:
    """A journal with one row, of a caller with a hostile name."""
    journal = Journal.open(f"sqlite:///{tmp_path}/journal.db", "pbx1")
    ended = EndedCall(
        linkedid="pbx-1.1",
        caller="79161234567",
        caller_name="\x1b[31m=cmd()",
        did="74951234567",
        trunk="trunk-main",
        started_at=NOON,
        ended_at=NOON,
        answered=False,
        answered_by=None,
        wait=3.0,
        missed=Missed("74951234567", "trunk-main", (), ("101",)),
        lost_in="extension",
        lost_how="abandoned",
    )
    journal.enter(ended, (), Ground(Gate("RU"), ZoneInfo("Europe/Moscow"), DailyHours.parse("09:00-21:00")), NOON)
    return journal


class TestJournal:
    def test_lists_rows_in_the_zone_of_the_pbx(self, run: Run, row: Journal) -> None:
        status, out, _ = run("journal", "list")
        assert status == 0 and "2026-06-01 12:00:00" in out and "+79161234567" in out and "\x1b" not in out

    def test_speaks_json_with_the_names_of_the_contract(self, run: Run, row: Journal) -> None:
        (shown,) = json.loads(run("journal", "list", "--json")[1])
        names = (
            "id pbx linkedid missed_at caller caller_name did trunk queue extension source rule wait queue_wait lost_in "
            "lost_how status reason due_at called_back_at employee talk attempts message recovered"
        )
        assert list(shown) == names.split()
        assert (shown["missed_at"], shown["recovered"]) == ("2026-06-01T09:00:00Z", False)
        assert shown["source"] == {"kind": "extension", "name": "101"}

    def test_a_row_tells_its_story(self, run: Run, row: Journal) -> None:
        status, out, _ = run("journal", "show", "1")
        assert status == 0 and "missed after 3.0 s (extension, abandoned)" in out and "no rule" in out
        story = json.loads(run("--json", "journal", "show", "1")[1])["story"]
        assert [line["event"] for line in story] == ["missed", "planned"]

    def test_a_row_that_is_not_there_is_status_1(self, run: Run) -> None:
        assert run("journal", "show", "99") == (1, "", "asterisk-missed: no missed call 99\n")

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            (("--caller", "6123"), 1),
            (("--status", "failed"), 0),
            (("--from", "2026-06-01T12:00"), 1),
            (("--from", "2026-06-01T12:00:01"), 0),
            (("--to", "2026-06-01T09:00:01Z"), 1),
            (("--source", "101"), 1),
            (("--rule", "sales"), 0),
        ],
    )
    def test_filters(self, run: Run, row: Journal, words: tuple[str, ...], found: int) -> None:
        assert len(json.loads(run("journal", "list", "--json", *words)[1])) == found

    @pytest.mark.parametrize(
        "words", [("--from", "yesterdayish"), ("--status", "good"), ("--limit", "0"), ("--nonsense",)]
    )
    def test_what_cannot_be_understood_is_one_line_and_status_2(self, run: Run, words: tuple[str, ...]) -> None:
        status, out, err = run("journal", "list", *words)
        assert (status, out, err.count("\n")) == (2, "", 1) and words[-1] in err

    def test_a_database_that_cannot_be_opened_is_one_line_and_status_3(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        config = tmp_path / "other.conf"
        config.write_text("[general]\ndatabase = sqlite:////nowhere/journal.db\n")
        status, _, err = run("--config", config, "journal", "list")
        assert status == 3 and err.count("\n") == 1 and "/nowhere" in err


class TestReplay:
    def lines(self, out: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in out.splitlines()]

    def test_prints_a_line_per_call_and_per_contact(self, run: Run) -> None:
        status, out, _ = run("replay", TRANSCRIPTS / "24-employee-dials-client-answered.ami")
        call, contact = self.lines(out)
        assert status == 0
        assert (call["type"], call["direction"], call["caller"]) == ("call", "in", "79160240001")
        assert call["missed"] == {"did": "74951234567", "trunk": "trunk-main", "queues": [], "extensions": ["101"]}
        assert (contact["type"], contact["number"], contact["employee"]) == ("contact", "+79160240001", "102")
        assert (contact["direction"], contact["talk"]) == ("out", pytest.approx(3.0, abs=0.5))

    def test_names_the_rule_that_would_take_the_call(self, run: Run, tmp_path: Path) -> None:
        rules = tmp_path / "rules.yaml"
        rules.write_text("rules: [{slug: s, source: {queue: sales}, first: client, connect: {queue: sales}}]\n")
        out = run("replay", TRANSCRIPTS / "08-queue-abandon.ami", "--rules", rules)[1]
        assert self.lines(out)[0]["rule"] == "s"
        out = run("replay", TRANSCRIPTS / "01-ext-caller-hangs-up.ami", "--rules", rules)[1]
        assert (self.lines(out)[0]["rule"], self.lines(out)[0]["reason"]) == (None, "no_rule")

    def test_without_times_it_goes_by_the_timestamps(self, run: Run, tmp_path: Path) -> None:
        shutil.copy(TRANSCRIPTS / "30-two-at-once.ami", tmp_path / "copy.ami")
        first, second = (
            self.lines(run("replay", path)[1]) for path in (tmp_path / "copy.ami", TRANSCRIPTS / "30-two-at-once.ami")
        )
        assert [line.get("missed") for line in first] == [line.get("missed") for line in second]

    def test_two_files_are_two_connections(self, run: Run) -> None:
        names = ("05-ext-answers.ami", "01-ext-caller-hangs-up.ami")
        out = run("replay", *(TRANSCRIPTS / name for name in names))[1]
        assert [line["type"] for line in self.lines(out)] == ["call", "contact", "call"]

    def test_opens_no_journal(self, run: Run, tmp_path: Path) -> None:
        run("replay", TRANSCRIPTS / "05-ext-answers.ami")
        assert not (tmp_path / "journal.db").exists()

    def test_a_file_that_is_not_there_is_one_line(self, run: Run, tmp_path: Path) -> None:
        status, _, err = run("replay", tmp_path / "none.ami")
        assert status == 2 and err.count("\n") == 1 and "none.ami" in err

    def test_garbage_is_survived(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "garbage.ami").write_bytes(bytes(range(256)) * 50 + b"\r\n\r\nEvent: Hangup\r\n\r\n")
        assert run("replay", tmp_path / "garbage.ami")[:2] == (0, "")


class TestDialplan:
    def test_renders_to_stdout_and_to_a_folder(self, run: Run, tmp_path: Path) -> None:
        assert "[missed-talked]" in run("dialplan", "render")[1]
        run("dialplan", "render", "--to", tmp_path / "out")
        assert (tmp_path / "out" / "common.conf").exists()

    @pytest.mark.parametrize("verb", ["check", "install"])
    def test_an_asterisk_that_cannot_be_asked_is_status_3(self, run: Run, verb: str) -> None:
        status, _, err = run("dialplan", verb)
        assert status == 3 and "/nowhere/asterisk" in err and err.count("\n") == 1


class TestDatabase:
    def test_upgrading_twice_changes_nothing(self, run: Run) -> None:
        assert "upgraded from nothing to 0003" in run("db", "upgrade")[1]
        assert "already" in run("db", "upgrade")[1]


class TestRun:
    def test_without_a_secret_it_says_which_file(self, run: Run, tmp_path: Path) -> None:
        status, _, err = run("run", "--no-web")
        assert status == 2 and "secret_file = /etc/asterisk-missed/ami.secret" in err

    def test_a_second_daemon_of_one_pbx_refuses(self, run: Run, tmp_path: Path) -> None:
        hold = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); input()"
        words = [sys.executable, "-c", hold, str(tmp_path / "pbx1.lock")]
        other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert other.stdout is not None
            other.stdout.readline()
            status, _, err = run("run", "--no-web")
            assert status == 1 and "another daemon of the PBX pbx1 runs on this host" in err
        finally:
            other.kill()
            other.wait()

    def test_the_lock_of_a_killed_daemon_holds_nobody_up(self, run: Run, tmp_path: Path) -> None:
        self.test_a_second_daemon_of_one_pbx_refuses(run, tmp_path)
        assert run("run", "--no-web")[0] == 2  # past the lock: the secret is missing
