"""The rules file: YAML 1.2 in, rules out, and back."""

from __future__ import annotations

import pytest

from asterisk_missed.rules.file import read, write
from asterisk_missed.rules.rule import RuleError

GOOD = """
rules:
  - slug: sales
    title: 2026-01-01
    source: {did: "74951234567"}
    first: employee
    connect: {extensions: ["101", "102"]}
  - slug: "no"
    title: off
    source: {queue: [sales, support]}
    wait: {min: 10s}
    first: client
    connect:
      queue: support
"""


def test_rules_come_in_the_order_of_the_file() -> None:
    assert [rule.slug for rule in read(GOOD)] == ["sales", "no"]


def test_off_and_dates_are_text() -> None:
    assert [rule.title for rule in read(GOOD)] == ["2026-01-01", "off"]


def test_what_is_written_is_read_as_the_same_rules() -> None:
    assert read(write(read(GOOD))) == read(GOOD)


def test_an_empty_list_is_a_list() -> None:
    assert read("rules: []") == ()


def test_an_alias_may_stand_for_what_it_names() -> None:
    text = """
rules:
  - &a {slug: a, source: {queue: a}, first: client, connect: &c {queue: a}}
  - {slug: b, source: {queue: b}, first: client, connect: *c}
"""
    assert [rule.connect.queue for rule in read(text)] == ["a", "a"]


RULE = "{slug: a, source: {queue: a}, first: client, connect: {queue: a}}"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "None: must be one key, rules"),
        ("[]", "[]: must be one key, rules"),
        ("rules:", "{'rules': None}: must be one key, rules"),
        ("rules: []\nother: 1", "must be one key, rules"),
        ("rules: [", "line 1: "),
        ("rules:\n  - slug: a\n    slug: b\n", 'line 3: found duplicate key "slug"'),
        ("rules:\n\t- slug: a\n", "line 2: "),
        ("rules: [*nobody]", "line 1: found undefined alias 'nobody'"),
        ("rules: []\n---\nrules: []", "line 2: but found another document"),
        ("rules: [!!python/name:os.system x]", "line 1: could not determine a constructor"),
        ("rules: [!!int many]", "no YAML: "),
        ("rules: &a [*a]", "rule number 1: "),
        ("\x00", "no YAML: "),
        ("[" * 50_000, "nested too deeply"),
        (BOMB + "rules: *j", "must be one key, rules"),
        ("#" * (1 << 21), "longer than 1048576 characters"),
        (f"rules: [{', '.join([RULE] * 501)}]", "rules: more than 500 of them"),
        (f"rules: [{RULE}, {RULE}]", "rule a: slug = 'a': rules 1 and 2 have it"),
        (f"rules: [{RULE}, 5]", "rule number 2: 5: must be a mapping of fields"),
        (
            "rules: [{slug: a, source: {queue: a}, first: client, connect: {queue: no way}}]",
            "rule a: connect.queue = 'no way'",
        ),
    ],
)
def test_a_broken_file_is_one_line_that_says_where(text: str, expected: str) -> None:
    with pytest.raises(RuleError) as caught:
        read(text)
    line = str(caught.value)
    assert expected in line
    assert "\n" not in line and len(line) < 300
