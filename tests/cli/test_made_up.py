"""``backfill`` and ``journal stats``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from asterisk_missed.cli import main

Run = Callable[..., tuple[int, str, str]]
CEL = Path(__file__).parent.parent / "history" / "22.csv"
DAY = ("--from", "2026-11-23", "--to", "2026-11-24")


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A verb on a PBX that has written CEL: status, stdout, stderr."""
    shutil.copy(CEL, tmp_path / "cel.csv")
    config = tmp_path / "asterisk_missed.conf"
    config.write_text(
        f"[general]\npbx = pbx1\nlanguage = en\ntimezone = UTC\ndatabase = sqlite:///{tmp_path}/journal.db\n"
        f"[history]\ncel = {tmp_path}/cel.csv\ncdr = {tmp_path}/none.csv\n"
    )

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["--config", str(config), *words])
        return status, *capsys.readouterr()

    return run


class TestBackfill:
    def test_makes_up_a_period_and_twice_changes_nothing(self, run: Run) -> None:
        status, out, _ = run("backfill", *DAY, "--json")
        (made,) = json.loads(out)
        assert status == 0 and made["recovered"] >= 14
        rows = run("journal", "list", "--json")[1]
        assert len(json.loads(rows)) == made["recovered"] and all(row["recovered"] for row in json.loads(rows))
        assert json.loads(run("backfill", *DAY, "--json")[1])[0]["recovered"] == 0
        assert run("journal", "list", "--json")[1] == rows

    def test_says_what_it_did(self, run: Run) -> None:
        status, out, _ = run("backfill", *DAY)
        assert status == 0 and "2026-11-23 00:00:00 - 2026-11-24 00:00:00: from part:" in out

    def test_says_when_there_is_nothing_to_do(self, run: Run) -> None:
        assert run("backfill") == (0, "no gap is left to make up\n", "")

    @pytest.mark.parametrize("words", [("--to", "2026-11-24"), ("--from", "2026-11-24", "--to", "2026-11-23")])
    def test_refuses_a_period_without_a_begin(self, run: Run, words: tuple[str, ...]) -> None:
        status, out, err = run("backfill", *words)
        assert (status, out) == (2, "") and err.count("\n") == 1 and "--to" in err

    def test_tells_a_story_that_says_from_where(self, run: Run) -> None:
        run("backfill", *DAY)
        assert "while nobody listened, as cel tells" in run("journal", "show", "1")[1]


class TestStats:
    def test_count_the_calls_and_say_how_much_was_heard(self, run: Run) -> None:
        run("backfill", *DAY)
        status, out, _ = run("journal", "stats", *DAY, "--json")
        told = json.loads(out)
        assert (status, told["coverage"], told["gaps"]) == (0, 0.0, [])
        assert sum(told["missed"].values()) >= 14

    def test_are_read_by_a_person(self, run: Run) -> None:
        status, out, _ = run("journal", "stats")
        assert status == 0 and "covered: 0.00% of the time" in out

    def test_refuse_a_period_that_ends_before_it_begins(self, run: Run) -> None:
        status, _, err = run("journal", "stats", "--from", "2026-11-24", "--to", "2026-11-23")
        assert status == 2 and "--from" in err and err.count("\n") == 1
