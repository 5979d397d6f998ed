"""``rules explain`` and ``rules preview``, as they are typed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from asterisk_missed.callbacks.preview import imagined
from asterisk_missed.calls.attempt import PREFIX
from asterisk_missed.calls.call import Contact
from asterisk_missed.cli import main
from asterisk_missed.config import load
from asterisk_missed.journal import numbers, past, rulebook
from asterisk_missed.journal.journal import Journal
from asterisk_missed.rules.file import read

RULES = """\
rules:
  - slug: sales
    source: {did: "74951234567"}
    wait: {min: 5s, max: 1m}
    hours: [{days: mon-thu, time: "10:00-18:00"}]
    first: employee
    connect: {extensions: ["101"]}
  - slug: skipping
    source: {queue: q}
    hours: [{days: mon-thu, time: "10:00-18:00"}]
    outside_hours: skip
    first: client
    connect: {queue: q}
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    config = tmp_path / "asterisk_missed.conf"
    config.write_text(
        f"[general]\ndatabase = sqlite:///{tmp_path}/journal.db\ntimezone = Europe/Moscow\nlanguage = en\n"
        "[pbx]\ndids = 74951234567\n"
    )
    monkeypatch.setenv("ASTERISK_MISSED_CONFIG", str(config))
    monkeypatch.setattr(sys, "stdin", StringIO())
    (tmp_path / "rules.yaml").write_text(RULES)

    def run(*words: object) -> tuple[int, str, str]:
        status = main([str(word) for word in words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def journal(run: Run, tmp_path: Path) -> Journal:
    config = load(tmp_path / "asterisk_missed.conf", {})
    opened = Journal.open(config.general.database, config.general.pbx)
    rulebook.replace(opened, read(RULES), "tester", config.ground, datetime.now(UTC))
    return opened


class TestExplain:
    @pytest.mark.parametrize(
        ("words", "told"),
        [
            # 24 November 2026 is a Tuesday; Moscow is three hours ahead
            (
                ("--did", "84951234567", "--at", "2026-11-24T12:00"),
                ("sales", True, "scheduled", "2026-11-24T09:02:00Z"),
            ),
            (
                ("--did", "74951234567", "--at", "2026-11-24T17:58"),
                ("sales", True, "outside_hours", "2026-11-25T07:00:00Z"),
            ),
            (
                ("--did", "74951234567", "--at", "2026-11-24T14:57:59Z"),
                ("sales", True, "scheduled", "2026-11-24T14:59:59Z"),
            ),
            (("--did", "74951234567", "--at", "2026-11-24", "--wait", "4s"), ("sales", False, "wait_too_short", None)),
            (("--did", "74951234567", "--at", "2026-11-24", "--wait", "2m"), ("sales", False, "wait_too_long", None)),
            (("--queue", "q", "--at", "2026-11-24T19:00"), ("skipping", False, "skipped_outside_hours", None)),
            (("--queue", "q", "--at", "2026-11-24T12:00"), ("skipping", True, "scheduled", "2026-11-24T09:02:00Z")),
            (("--queue", "other", "--at", "2026-11-24T12:00"), (None, False, "no_rule", None)),
            (("--trunk", "trunk-main", "--at", "2026-11-24T12:00"), (None, False, "no_rule", None)),
        ],
    )
    def test_says_what_would_be_decided(
        self, run: Run, tmp_path: Path, words: tuple[str, ...], told: tuple[object, ...]
    ) -> None:
        rules = ("--file", tmp_path / "rules.yaml")
        status, out, err = run("--json", "rules", "explain", "--caller", "89161234567", *words, *rules)
        assert (status, err) == (0, "")
        assert json.loads(out) == dict(zip(("rule", "called_back", "reason", "due_at"), told, strict=True))
        assert not (tmp_path / "journal.db").exists(), "a database was opened"

    @pytest.mark.parametrize(
        ("caller", "reason"),
        [
            *(("anonymous", "bad_number"), ("", "bad_number"), ("*72", "bad_number"), ("1\r\nEvent: x", "bad_number")),
            *(("+5312345678", "refused_number"), ("74951234567", "refused_number"), ("112", "refused_number")),
        ],
    )
    def test_takes_a_caller_as_asterisk_shows_him(self, run: Run, tmp_path: Path, caller: str, reason: str) -> None:
        words = ("--caller", caller, "--did", "74951234567", "--at", "2026-11-24", "--file", tmp_path / "rules.yaml")
        status, out, _ = run("rules", "explain", "--json", *words)
        told = json.loads(out)
        assert (status, told["called_back"], told["reason"]) == (0, False, reason)

    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (("--at", "2026-11-24"), "exactly one of --did"),
            (("--at", "2026-11-24", "--did", "1", "--queue", "q"), "exactly one of --did"),
            (("--did", "74951234567"), "--at"),
            (("--did", "74951234567", "--at", "soon"), "'soon' is no time"),
            (("--did", "74951234567", "--at", "9999-12-31"), "must be in the years"),
            (("--did", "74951234567", "--at", "2026-11-24", "--wait", "5"), "must be a duration"),
        ],
    )
    def test_says_what_is_wrong_in_one_line(self, run: Run, words: tuple[str, ...], line: str) -> None:
        status, out, err = run("rules", "explain", "--caller", "89161234567", *words)
        assert (status, out) == (2, "") and line in err and err.count("\n") == 1

    def test_knows_who_is_never_called(self, run: Run, journal: Journal) -> None:
        numbers.block(journal, "+79161234567", "tester", datetime.now(UTC))
        words = ("--caller", "89161234567", "--did", "74951234567", "--at", "2026-11-24T12:00")
        assert json.loads(run("rules", "explain", "--json", *words)[1])["reason"] == "blocked_number"
        assert "on the list" in run("rules", "explain", *words)[1]

    def test_knows_who_was_reached_by_then_and_not_who_was_later(self, run: Run, journal: Journal) -> None:
        made = Contact("pbx-1.1", "+79161234567", "in", "102", datetime(2026, 11, 24, 9, 0, tzinfo=UTC), 60.0)
        journal.contact(made, made.number, made.at)
        words = ("--caller", "89161234567", "--did", "74951234567", "--json")
        before = json.loads(run("rules", "explain", *words, "--at", "2026-11-24T11:59:59")[1])
        during = json.loads(run("rules", "explain", *words, "--at", "2026-11-24T12:00:05")[1])
        assert (before["called_back"], during["reason"]) == (True, "client_returned")

    def test_tells_a_person_which_rule_why_and_when(self, run: Run, tmp_path: Path) -> None:
        words = ("--caller", "89161234567", "--did", "74951234567", "--file", tmp_path / "rules.yaml")
        late = run("rules", "explain", *words, "--at", "2026-11-24T17:58")[1]
        assert late == ("Called back by the rule sales: 2026-11-25 10:00:00 (Europe/Moscow), waiting for the hours.\n")
        short = run("rules", "explain", *words, "--at", "2026-11-24", "--wait", "4s")[1]
        assert short == (
            "Not called back (rule sales): waited too short. The rule sales takes those who waited 5 s or longer.\n"
        )


class TestPreview:
    def entered(self, journal: Journal, tmp_path: Path, how_many: int) -> None:
        ground = load(tmp_path / "asterisk_missed.conf", {}).ground
        for n in range(how_many):
            at = datetime.now(UTC) - timedelta(days=2, minutes=n)
            ended = replace(imagined(f"7916123456{n}", "did", "74951234567", 10.0, at), linkedid=f"pbx-{n}")
            journal.enter(replace(ended, lost_in="direct", lost_how="abandoned"), (), ground, at)

    def test_says_the_rule_its_openings_and_what_it_would_have_done(
        self, run: Run, journal: Journal, tmp_path: Path
    ) -> None:
        self.entered(journal, tmp_path, 3)
        told = json.loads(run("rules", "preview", "sales", "--json")[1])
        (sales,) = told["rules"]
        assert (told["calls"], sales["slug"], sales["effect"]["taken"], sales["effect"]["callbacks"]) == (
            3,
            "sales",
            3,
            3,
        )
        assert sales["effect"]["really"] == {"not_called_back": 3}
        assert len(sales["next_openings"]) == 5 and sales["words"]
        said = run("rules", "preview", "sales")[1]
        assert "Open next:" in said and "callbacks" in said and "#" in said

    def test_runs_every_rule_of_a_file_and_changes_nothing(self, run: Run, journal: Journal, tmp_path: Path) -> None:
        self.entered(journal, tmp_path, 2)
        draft = tmp_path / "draft.yaml"
        draft.write_text(RULES.replace("min: 5s", "min: 20s"))
        told = json.loads(run("rules", "preview", "--file", draft, "--json")[1])
        assert [r["effect"]["reasons"] for r in told["rules"]] == [{"wait_too_short": 2}, {}]
        assert rulebook.read(journal) == read(RULES)

    def test_looks_back_as_far_as_it_is_told(self, run: Run, journal: Journal, tmp_path: Path) -> None:
        self.entered(journal, tmp_path, 2)
        assert json.loads(run("rules", "preview", "sales", "--days", 1, "--json")[1])["calls"] == 0

    def test_shows_one_rule_of_a_file(self, run: Run, tmp_path: Path) -> None:
        told = json.loads(run("rules", "preview", "skipping", "--file", tmp_path / "rules.yaml", "--json")[1])
        assert [rule["slug"] for rule in told["rules"]] == ["skipping"]

    def test_has_the_same_fields_whatever_it_finds(self, run: Run, journal: Journal) -> None:
        told = json.loads(run("rules", "preview", "sales", "--json")[1])
        assert list(told) == ["from", "to", "calls", "no_rule", "talk", "talk_assumed", "rules"]
        (sales,) = told["rules"]
        assert list(sales) == ["slug", "words", "next_openings", "effect"]
        assert list(sales["next_openings"][0]) == ["from", "to"]
        assert list(sales["effect"]) == [
            *("taken", "callbacks", "waited", "joined", "came_back", "expired", "refused", "reasons", "by_hour"),
            *("by_weekday", "lines", "lines_at", "seconds", "really"),
        ]

    def test_counts_who_came_back_and_not_whom_callbacks_reached(
        self, run: Run, journal: Journal, tmp_path: Path
    ) -> None:
        self.entered(journal, tmp_path, 2)
        ends = datetime.now(UTC) - timedelta(days=2)
        for n, uniqueid in enumerate(("pbx-9.1", PREFIX + "0123456789abcdef")):
            made = Contact(uniqueid, f"+7916123456{n}", "out", "101", ends + timedelta(seconds=10 - 60 * n), 40.0)
            journal.contact(made, made.number, made.at)
        (sales,) = json.loads(run("rules", "preview", "sales", "--json")[1])["rules"]
        assert (sales["effect"]["came_back"], sales["effect"]["callbacks"], sales["effect"]["seconds"]) == (1, 1, 75.0)

    def test_speaks_the_language_of_the_config(self, run: Run, journal: Journal, tmp_path: Path) -> None:
        self.entered(journal, tmp_path, 3)
        config = tmp_path / "asterisk_missed.conf"
        config.write_text(config.read_text().replace("language = en", "language = ru"))
        said = run("rules", "preview", "sales")[1]
        assert "Берёт вызовы, пропущенные на номер 74951234567, если клиент ждал от 5 секунд до 1 минуты." in said
        assert "с понедельника по четверг с 10:00 до 18:00" in said
        assert "  3  вызовы, которые берёт правило" in said and "Перезвоны по часам" in said

    def test_reads_only_contacts_with_those_who_were_missed(self, journal: Journal, run: Run, tmp_path: Path) -> None:
        self.entered(journal, tmp_path, 2)
        now = datetime.now(UTC)
        for n, number in enumerate(("+79161234560", "+79998887766")):
            journal.contact(Contact(f"pbx-9.{n}", number, "in", "101", now - timedelta(hours=1), 40.0), number, now)
        history = past.history(journal, now - timedelta(days=5), now)
        assert [talk.number for talk in history.talks] == ["+79161234560"]
        ends = [miss.ended_at for miss in history.misses]
        assert len(ends) == 2 and ends == sorted(ends) and all(end.tzinfo is UTC for end in ends)
        assert history.dids == {"74951234567"}

    @pytest.mark.parametrize(("words", "status"), [(("nobody",), 1), ((), 2), (("sales", "--days", "0"), 2)])
    def test_says_what_is_wrong_in_one_line(
        self, run: Run, journal: Journal, words: tuple[str, ...], status: int
    ) -> None:
        got, out, err = run("rules", "preview", *words)
        assert (got, out) == (status, "") and err.count("\n") == 1
