"""A list of rules, changed in one place."""

from __future__ import annotations

from typing import Any

import pytest

from asterisk_missed.rules import editing
from asterisk_missed.rules.rule import Rule, RuleError

FIELDS: dict[str, Any] = {"source": {"queue": "q"}, "first": "employee", "connect": {"extensions": ["101"]}}


def named(*slugs: str) -> tuple[Rule, ...]:
    return tuple(Rule.read(FIELDS | {"slug": slug}) for slug in slugs)


def slugs(rules: tuple[Rule, ...]) -> str:
    return "".join(rule.slug for rule in rules)


def test_a_field_is_set_and_the_others_stay() -> None:
    changed = editing.with_fields(FIELDS | {"retry": {"attempts": 5}}, {"retry.busy": "1m", "delay": "5m"})
    assert changed == FIELDS | {"retry": {"attempts": 5, "busy": "1m"}, "delay": "5m"}


@pytest.mark.parametrize(
    ("path", "value", "field", "becomes"),
    [
        ("connect.queue", "q", "connect", {"queue": "q"}),
        ("source.did", "74951234567", "source", {"did": "74951234567"}),
        ("connect", {"queue": "q"}, "connect", {"queue": "q"}),
    ],
)
def test_one_way_to_connect_replaces_another(path: str, value: object, field: str, becomes: object) -> None:
    assert editing.with_fields(FIELDS, {path: value})[field] == becomes


def test_a_field_of_the_dispatcher_is_set_alone() -> None:
    fields = FIELDS | {"connect": {"dispatcher": {"to": ["101"], "music": "jazz"}}}
    changed = editing.with_fields(fields, {"connect.dispatcher.music": "default"})
    assert changed["connect"] == {"dispatcher": {"to": ["101"], "music": "default"}}


def test_what_was_given_is_not_changed() -> None:
    fields = FIELDS | {"retry": {"attempts": 5}}
    editing.with_fields(fields, {"retry.attempts": 1, "source.queue": "other"})
    assert fields == FIELDS | {"retry": {"attempts": 5}}


def test_a_rule_is_added_at_its_place() -> None:
    abc, (new,) = named("a", "b", "c"), named("n")
    assert slugs(editing.added(abc, new)) == "abcn"
    assert [slugs(editing.added(abc, new, place)) for place in (1, 2, 4)] == ["nabc", "anbc", "abcn"]


@pytest.mark.parametrize(("slug", "place", "order"), [("a", 3, "bca"), ("c", 1, "cab"), ("b", 2, "abc")])
def test_a_rule_moves_to_its_place(slug: str, place: int, order: str) -> None:
    assert slugs(editing.moved(named("a", "b", "c"), slug, place)) == order


@pytest.mark.parametrize("place", [0, 4, -1])
def test_a_place_that_is_not_there_is_refused(place: int) -> None:
    with pytest.raises(RuleError, match="must be 1 to 3"):
        editing.moved(named("a", "b", "c"), "a", place)


def test_two_rules_of_one_slug_are_refused() -> None:
    with pytest.raises(RuleError, match="there is a rule of that slug already"):
        editing.added(named("a"), named("a")[0])
