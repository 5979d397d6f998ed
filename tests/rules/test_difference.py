"""What applying a file changes, in words."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from asterisk_missed.rules.difference import deleted, difference, merged
from asterisk_missed.rules.rule import Rule


def rule(slug: str, **fields: Any) -> Rule:
    return Rule.read({"slug": slug, "source": {"queue": "q"}, "first": "client", "connect": {"queue": "q"}, **fields})


def rules(slugs: str) -> list[Rule]:
    return [rule(slug) for slug in slugs]


def test_the_same_rules_make_no_difference() -> None:
    assert difference(rules("abc"), rules("abc")) == []


def test_adding_deleting_and_changing_are_said() -> None:
    old = [rule("sales"), rule("support")]
    new = [rule("sales", delay="5m", connect={"extensions": ["101", "102"]}), rule("night")]
    assert difference(old, new) == [
        "delete support",
        "sales: delay 2m -> 5m",
        "sales: connect.queue q -> none",
        "sales: connect.extensions none -> 101, 102",
        "add night",
    ]


def test_only_the_rule_that_moved_is_said_to_move() -> None:
    assert difference(rules("abcde"), rules("aebcd")) == ["move e to place 2"]
    assert difference(rules("abcde"), rules("bcdea")) == ["move a to place 5"]


def test_deleting_moves_nobody() -> None:
    assert difference(rules("abc"), rules("bc")) == ["delete a"]


def test_a_rule_added_before_others_is_said_to_stand_there() -> None:
    assert difference(rules("ab"), rules("axb")) == ["add x", "move x to place 2"]


def test_keeping_leaves_the_rules_that_the_file_does_not_name_behind_its_own() -> None:
    new = [rule("c"), rule("a", delay="1m")]
    assert [r.slug for r in merged(rules("abd"), new, keep=True)] == ["c", "a", "b", "d"]
    assert [r.slug for r in merged(rules("abd"), new, keep=False)] == ["c", "a"]
    assert deleted(rules("abd"), new) == ["b", "d"]


@given(
    st.lists(st.sampled_from("abcdefgh"), unique=True),
    st.lists(st.sampled_from("abcdefgh"), unique=True),
    st.booleans(),
)
def test_applying_twice_changes_nothing(old: list[str], new: list[str], keep: bool) -> None:
    once = merged(rules("".join(old)), rules("".join(new)), keep=keep)
    assert difference(once, merged(once, rules("".join(new)), keep=keep)) == []
    assert bool(difference(rules("".join(old)), once)) == ([r.slug for r in once] != old)
