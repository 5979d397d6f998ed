"""The documentation says what the program does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from asterisk_missed import words
from asterisk_missed.callbacks.plan import _OUTCOMES
from asterisk_missed.cli import commands
from asterisk_missed.config import Config
from asterisk_missed.pbx.witness import cel_conf, cel_custom_mapping
from asterisk_missed.rules.rule import Rule

# The words of the JSON that scripts hold on to.
LOST_IN = ("ivr", "direct", "extension", "queue", "ringgroup", "voicemail", "parking", "transfer", "restart", "unknown")
LOST_HOW = (
    *("abandoned", "timed_out", "left_by_key", "join_empty", "left_empty", "full", "busy_or_declined", "no_answer"),
    *("unreachable", "gave_up", "announcement", "message_left", "restart", "trunk_lost", "unknown"),
)

ROOT = Path(__file__).parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def verbs(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from verbs(command, f"{path}{name} ")
        else:
            yield path + name, command


VERBS = dict(verbs(commands))


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_stands_in_the_reference_with_its_options(name: str) -> None:
    row = next((line for line in OPERATIONS.splitlines() if re.match(rf"\| `{name}\b", line)), "")
    assert row, f"docs/operations.md lacks `{name}`"
    for option in (o for p in VERBS[name].params for o in p.opts if isinstance(p, click.Option)):
        assert option in row, f"the row of `{name}` lacks {option}"


def test_the_reference_names_no_verb_that_is_not_there() -> None:
    table = OPERATIONS.split("## What a row says")[0]
    named = re.findall(r"^\| `([a-z]+(?: [a-z-]+)?)", table, flags=re.MULTILINE)
    assert {name.strip() for name in named} <= set(VERBS)


@pytest.mark.parametrize("word", [*words.STATUSES, *words.REASONS, *_OUTCOMES])
def test_every_status_and_reason_is_explained(word: str) -> None:
    assert f"`{word}`" in OPERATIONS


@pytest.mark.parametrize("reason", _OUTCOMES)
def test_every_reason_has_words_in_both_languages(reason: str) -> None:
    assert words.reason(reason, "ru") != words.reason(reason, "en") != ""


@pytest.mark.parametrize("field", Rule.model_fields)
def test_every_field_of_a_rule_is_explained(field: str) -> None:
    assert re.search(rf"\b{field}\b", (ROOT / "docs" / "rules.md").read_text())


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_what_asterisk_is_to_write_stands_in_the_instructions() -> None:
    told = (ROOT / "docs" / "install.md").read_text()
    for line in (*cel_conf().splitlines(), cel_custom_mapping().rstrip()):
        assert f"    {line}\n" in told, line


@pytest.mark.parametrize("section", Config.model_fields)
def test_every_key_of_the_config_stands_in_the_shipped_file(section: str) -> None:
    shipped = (ROOT / "conf" / "asterisk_missed.conf").read_text()
    for key in Config.model_fields[section].annotation.model_fields:  # type: ignore[union-attr]
        assert re.search(rf"^;?{key} =", shipped, flags=re.MULTILINE), key


@pytest.mark.parametrize("word", [*LOST_IN, *LOST_HOW])
def test_every_way_to_lose_a_call_is_explained(word: str) -> None:
    assert f"`{word}`" in (ROOT / "docs" / "detection.md").read_text()
