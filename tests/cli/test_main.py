"""The frame of the command line: exit statuses, one line on stderr, and no traceback for what people get wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from asterisk_missed import cli
from asterisk_missed.cli import errors, forward, main


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], "Missing command."),
        (["rule"], "No such command 'rule'"),
        (["rules", "frobnicate"], "rules: No such command 'frobnicate'"),
        (["rules", "show"], "rules show: Missing argument 'SLUG'."),
        (["rules", "list", "--colour"], "rules list: No such option '--colour'"),
        (["rules", "list", "--config"], "Option '--config' requires an argument."),
    ],
)
def test_bad_usage_is_one_line_and_status_2(args: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"asterisk-missed: {expected}")
    assert said.err.count("\n") == 1


def test_a_bad_config_is_one_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.conf"
    path.write_text("[web]\nlisten = 0.0.0.0:80\n")
    assert main(["rules", "list", f"--config={path}"]) == 2
    assert capsys.readouterr().err == f"asterisk-missed: {path}: [web] listen = '0.0.0.0:80': not supported yet\n"


def test_help_names_every_verb_and_the_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {verb} " in out for verb in cli.VERBS)
    assert "Exit status" in out


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_its_command(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: asterisk-missed {verb}")


def test_help_imports_no_room_that_costs() -> None:
    code = (
        "import sys; from asterisk_missed.cli import main; main(['--help']); "
        "sys.exit(bool({'sqlalchemy', 'pydantic', 'phonenumbers', 'rich', 'ruamel.yaml'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["rules", "list", "--json"], ["--json", "rules", "list"]),
        (["rules", "list", "--config", "a", "x"], ["--config", "a", "rules", "list", "x"]),
        (["rules", "--config=a", "list"], ["--config=a", "rules", "list"]),
        (["rules", "show", "--", "--json"], ["rules", "show", "--", "--json"]),
        (["rules", "--config"], ["--config"]),
    ],
)
def test_json_and_config_may_stand_anywhere(given: list[str], expected: list[str]) -> None:
    assert forward(given) == expected


@pytest.mark.parametrize(
    ("error", "line", "status"),
    [
        (KeyboardInterrupt(), "", 130),
        (click.Abort(), "", 130),
        (errors.Failure("no rule x"), "no rule x", 1),
        (errors.BadInput("x = 5"), "x = 5", 2),
        (errors.Unreachable("PBX 127.0.0.1:5038"), "PBX 127.0.0.1:5038", 3),
        (PermissionError(13, "Permission denied", "/etc/x"), "/etc/x: Permission denied", 1),
    ],
)
def test_an_expected_error_has_a_line_and_a_status(error: BaseException, line: str, status: int) -> None:
    assert errors.explained(error) == errors.Problem(line, status)


def test_a_bug_keeps_its_traceback() -> None:
    assert errors.explained(ZeroDivisionError()) is None


def test_no_error_line_can_write_over_another() -> None:
    assert errors.one_line("a\r\n\x1b[2Jb\u2028c") == "a [2Jb c"


def test_a_reader_that_has_read_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "asterisk_missed", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
