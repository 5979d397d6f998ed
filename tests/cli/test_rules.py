"""``rules``: a file becomes the list of rules, and what it changes is said before it is done."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asterisk_missed.cli import main

SALES = "{slug: sales, source: {queue: sales}, first: employee, connect: {queue: sales}}"
SUPPORT = (
    '{slug: support, title: "[red]Help", source: {did: "74951234567"}, first: client, connect: {extensions: ["101"]}}'
)

Said = tuple[int, str, str]
Run = Callable[..., Said]


class Terminal(io.StringIO):
    """A person at the keyboard who types what it holds."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a verb against a journal of its own; returns status, output, errors."""
    config = tmp_path / "asterisk_missed.conf"
    config.write_text(f"[general]\ndatabase = sqlite:///{tmp_path}/journal.db\ntimezone = Europe/Moscow\n")
    monkeypatch.setenv("ASTERISK_MISSED_CONFIG", str(config))
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def run(*args: object) -> Said:
        status = main([str(arg) for arg in args])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def rules_file(tmp_path: Path) -> Callable[..., Path]:
    def write(*rules: str) -> Path:
        path = tmp_path / "rules.yaml"
        path.write_text("rules:\n" + "".join(f"  - {rule}\n" for rule in rules) if rules else "rules: []\n")
        return path

    return write


def slugs(run: Run) -> list[str]:
    status, out, _ = run("rules", "list", "--json")
    assert status == 0
    return [rule["slug"] for rule in json.loads(out)]


def test_a_new_journal_has_no_rules(run: Run) -> None:
    assert run("rules", "list", "--json") == (0, "[]\n", "")


def test_a_file_becomes_the_list_and_applying_it_twice_changes_nothing(
    run: Run, rules_file: Callable[..., Path]
) -> None:
    path = rules_file(SALES, SUPPORT)
    assert run("rules", "apply", path) == (0, "add sales\nadd support\n", "")
    assert slugs(run) == ["sales", "support"]
    assert run("rules", "apply", path) == (0, "nothing changes\n", "")
    assert run("rules", "apply", "--json", path) == (
        0,
        '{\n  "changes": [],\n  "applied": false,\n  "callbacks": []\n}\n',
        "",
    )


def test_the_order_of_the_file_is_the_order_of_the_rules(run: Run, rules_file: Callable[..., Path]) -> None:
    run("rules", "apply", rules_file(SALES, SUPPORT))
    assert run("rules", "apply", rules_file(SUPPORT, SALES))[1] == "move support to place 1\n"
    assert slugs(run) == ["support", "sales"]


def test_a_dry_run_says_and_does_not(run: Run, rules_file: Callable[..., Path]) -> None:
    status, out, _ = run("--json", "rules", "apply", "--dry-run", rules_file(SALES))
    assert (status, json.loads(out)) == (0, {"changes": ["add sales"], "applied": False, "callbacks": []})
    assert slugs(run) == []


def test_a_dry_run_says_what_would_be_deleted_without_asking(run: Run, rules_file: Callable[..., Path]) -> None:
    run("rules", "apply", rules_file(SALES))
    assert run("rules", "apply", "--dry-run", rules_file()) == (0, "delete sales\n", "")


def test_rules_are_not_deleted_by_a_script_that_did_not_say_so(run: Run, rules_file: Callable[..., Path]) -> None:
    run("rules", "apply", rules_file(SALES, SUPPORT))
    status, _, err = run("rules", "apply", rules_file(SALES))
    assert status == 2
    assert (
        err == "asterisk-missed: rules: deleting support needs --yes (apply: or --keep, to leave what the file lacks)\n"
    )
    assert slugs(run) == ["sales", "support"]


def test_yes_deletes_what_the_file_does_not_name(run: Run, rules_file: Callable[..., Path]) -> None:
    run("rules", "apply", rules_file(SALES, SUPPORT))
    assert run("rules", "apply", "--yes", rules_file(SALES)) == (0, "delete support\n", "")
    assert slugs(run) == ["sales"]


def test_keep_leaves_what_the_file_does_not_name(run: Run, rules_file: Callable[..., Path]) -> None:
    run("rules", "apply", rules_file(SALES))
    assert run("rules", "apply", "--keep", rules_file(SUPPORT))[0] == 0
    assert slugs(run) == ["support", "sales"]


@pytest.mark.parametrize(("answer", "status", "left"), [("y\n", 0, ["sales"]), ("n\n", 1, ["sales", "support"])])
def test_a_person_is_asked_before_rules_are_deleted(
    run: Run,
    rules_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    status: int,
    left: list[str],
) -> None:
    run("rules", "apply", rules_file(SALES, SUPPORT))
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    said = run("rules", "apply", rules_file(SALES))
    assert said[0] == status and "Do it?" in said[2] and "delete support" in said[1]
    assert slugs(run) == left


def test_a_rule_is_shown_as_it_would_stand_in_a_file(run: Run, rules_file: Callable[..., Path], tmp_path: Path) -> None:
    run("rules", "apply", rules_file(SALES, SUPPORT))
    shown = run("rules", "show", "support")[1]
    (tmp_path / "shown.yaml").write_text(shown)
    assert run("rules", "apply", "--keep", "--dry-run", tmp_path / "shown.yaml")[1] == "move support to place 1\n"
    assert json.loads(run("rules", "show", "support", "--json")[1])["source"] == {"did": "74951234567"}


def test_a_rule_that_is_not_there_is_not_found(run: Run) -> None:
    assert run("rules", "show", "nobody") == (1, "", "asterisk-missed: no rule nobody\n")


def test_a_list_that_is_piped_is_plain_and_whole(run: Run, rules_file: Callable[..., Path]) -> None:
    many = ", ".join(f'"queue-with-a-long-name-{n}"' for n in range(20))
    run(
        "rules",
        "apply",
        rules_file(SUPPORT, f"{{slug: long, source: {{queue: [{many}]}}, first: client, connect: {{queue: q}}}}"),
    )
    out = run("rules", "list")[1]
    assert len(out.splitlines()) == 3
    assert "queue-with-a-long-name-19" in out and "[red]Help" in out and "\x1b" not in out


def test_rules_may_come_by_the_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"rules: [{SALES}]".encode())))
    assert run("rules", "apply", "-")[1] == "add sales\n"


def test_a_broken_file_is_one_line_and_changes_nothing(run: Run, rules_file: Callable[..., Path]) -> None:
    path = rules_file(SALES, SUPPORT.replace('["101"]', "[101]"))
    status, out, err = run("rules", "apply", path)
    assert (status, out) == (2, "")
    assert err.startswith(f"asterisk-missed: {path}: rule support: connect.extensions = [101]: ")
    assert err.count("\n") == 1
    assert slugs(run) == []


def test_a_file_that_is_not_there_or_no_text_is_bad_input(run: Run, tmp_path: Path) -> None:
    assert run("rules", "apply", tmp_path / "none.yaml")[::2] == (
        2,
        f"asterisk-missed: {tmp_path}/none.yaml: No such file or directory\n",
    )
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    assert run("rules", "apply", tmp_path / "bytes.yaml")[0] == 2


def test_a_database_that_cannot_be_reached_is_status_3(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "other.conf"
    config.write_text(f"[general]\ndatabase = sqlite:///{tmp_path}/no/such/folder/journal.db\n")
    status, out, err = run("rules", "list", "--config", config)
    assert (status, out) == (3, "")
    assert err.startswith("asterisk-missed: ") and err.count("\n") == 1


ONE_BY_ONE = ("--set", "source={queue: sales}", "--set", "first=employee", "--set", "connect.extensions=['101']")


class TestOneByOne:
    def test_a_rule_is_added_by_its_fields(self, run: Run) -> None:
        assert run("rules", "add", "sales", *ONE_BY_ONE, "--set", "retry.busy=1m") == (0, "add sales\n", "")
        shown = json.loads(run("rules", "show", "sales", "--json")[1])
        assert (shown["connect"], shown["retry"]["busy"]) == ({"extensions": ["101"]}, "1m")

    def test_a_rule_is_added_from_a_file_at_its_place(self, run: Run, tmp_path: Path) -> None:
        run("rules", "add", "sales", *ONE_BY_ONE)
        (tmp_path / "rule.yaml").write_text(SUPPORT)
        status, out, _ = run("rules", "add", "--file", tmp_path / "rule.yaml", "--at", 1)
        assert (status, out) == (0, "add support\nmove support to place 1\n")
        assert slugs(run) == ["support", "sales"]

    def test_a_slug_is_given_once(self, run: Run) -> None:
        run("rules", "add", "sales", *ONE_BY_ONE)
        status, _, err = run("rules", "add", "sales", *ONE_BY_ONE)
        assert status == 2 and "there is a rule of that slug already" in err

    def test_a_rule_is_changed_by_its_fields(self, run: Run) -> None:
        run("rules", "add", "sales", *ONE_BY_ONE)
        status, out, _ = run("rules", "edit", "sales", "--set", "delay=5m", "--set", "connect.queue=sales")
        assert (status, out) == (
            0,
            "sales: delay 2m -> 5m\nsales: connect.extensions 101 -> none\nsales: connect.queue none -> sales\n",
        )

    def test_a_slug_never_changes(self, run: Run) -> None:
        run("rules", "add", "sales", *ONE_BY_ONE)
        status, _, err = run("rules", "edit", "sales", "--set", "slug=other")
        assert status == 2 and "a slug never changes" in err

    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (("--set", "delay=soon"), "rule sales: delay = 'soon': must be a duration"),
            (("--set", "delay"), "--set delay: must be FIELD=VALUE"),
            (("--set", "dely=5m"), "rule sales: dely = '5m': unknown field"),
            (("--set", "delay=[1"), "line 1: "),
            ((), "without a terminal, say what to change"),
        ],
    )
    def test_what_is_wrong_is_one_line_and_changes_nothing(self, run: Run, words: tuple[str, ...], line: str) -> None:
        run("rules", "add", "sales", *ONE_BY_ONE)
        before = run("rules", "export")
        status, out, err = run("rules", "edit", "sales", *words)
        assert (status, out) == (2, "") and line in err and err.count("\n") == 1
        assert run("rules", "export") == before

    def test_a_rule_that_could_never_open_is_refused(self, run: Run) -> None:
        night = ("--set", "hours=[{days: sat, time: '22:00-06:00'}]")
        status, _, err = run("rules", "add", "night", *ONE_BY_ONE, *night)
        assert status == 2 and "never open together with [calls] legal_hours = 09:00-21:00" in err
        assert slugs(run) == []

    def test_a_rule_is_switched_off_and_on(self, run: Run) -> None:
        run("rules", "add", "sales", *ONE_BY_ONE)
        assert run("rules", "disable", "sales") == (0, "sales: enabled True -> False\n", "")
        assert run("rules", "disable", "sales") == (0, "nothing changes\n", "")
        assert run("rules", "enable", "sales")[:2] == (0, "sales: enabled False -> True\n")

    def test_a_rule_moves(self, run: Run) -> None:
        for slug in ("a", "b", "c"):
            run("rules", "add", slug, *ONE_BY_ONE)
        assert run("rules", "move", "c", 1)[:2] == (0, "move c to place 1\n")
        assert slugs(run) == ["c", "a", "b"]
        assert run("rules", "move", "c", 4)[0] == 2

    def test_a_rule_is_deleted_by_a_script_that_says_so(self, run: Run) -> None:
        run("rules", "add", "sales", *ONE_BY_ONE)
        assert run("rules", "delete", "sales")[0] == 2
        assert run("rules", "delete", "sales", "--yes") == (0, "delete sales\n", "")
        assert slugs(run) == []

    @pytest.mark.parametrize(
        "words", [("edit", "x", "--set", "delay=1m"), ("enable", "x"), ("delete", "x"), ("move", "x", "1")]
    )
    def test_a_rule_that_is_not_there_is_not_found(self, run: Run, words: tuple[str, ...]) -> None:
        assert run("rules", *words) == (1, "", "asterisk-missed: no rule x\n")

    def test_what_is_exported_can_be_applied_and_changes_nothing(self, run: Run, tmp_path: Path) -> None:
        run("rules", "add", "sales", *ONE_BY_ONE, "--set", "hours=[{days: mon-thu, time: '10:00-18:00'}]")
        assert run("rules", "export", tmp_path / "out.yaml") == (0, "", "")
        assert run("rules", "apply", tmp_path / "out.yaml") == (0, "nothing changes\n", "")
        assert run("rules", "export")[1] == (tmp_path / "out.yaml").read_text()

    def test_an_editor_may_be_used(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        run("rules", "add", "sales", *ONE_BY_ONE)
        monkeypatch.setattr(sys, "stdin", Terminal(""))
        monkeypatch.setenv("EDITOR", "sed -i s/2m/7m/")
        assert run("rules", "edit", "sales")[1] == "sales: delay 2m -> 7m\n"

    def test_what_the_contexts_cannot_do_yet_is_said(self, run: Run) -> None:
        dispatcher = ("--set", "connect={dispatcher: {to: ['101']}}")
        status, _, err = run("rules", "add", "sales", *ONE_BY_ONE, *dispatcher)
        assert status == 0 and "connect.dispatcher is not made by this version" in err
