"""A list of rules, changed in one place: values in, a new list out. RuleError says in one line what cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .rule import Rule, RuleError


def found(rules: Sequence[Rule], slug: str) -> Rule | None:
    """The rule of that slug."""
    return next((rule for rule in rules if rule.slug == slug), None)


def with_fields(fields: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    """The fields of a rule with some set: ``{"retry.busy": "1m", "source": {"queue": "sales"}}``.

    One way to be connected replaces another: ``connect.queue`` takes ``connect.extensions`` away.
    """
    new: dict[str, Any] = {name: dict(v) if isinstance(v, Mapping) else v for name, v in fields.items()}
    for path, value in changes.items():
        outer, _, inner = path.partition(".")
        if not inner:
            new[outer] = value
        elif outer in ("connect", "source") and not inner.startswith("dispatcher."):
            new[outer] = {inner: value}
        else:
            part = new.get(outer)
            new[outer] = with_fields(part if isinstance(part, Mapping) else {}, {inner: value})
    return new


def added(rules: Sequence[Rule], rule: Rule, place: int | None = None) -> tuple[Rule, ...]:
    """With a new rule: last, or at ``place`` (from 1)."""
    if found(rules, rule.slug) is not None:
        raise RuleError(f"rule {rule.slug}: slug = {rule.slug!r}: there is a rule of that slug already")
    at = len(rules) if place is None else _place(place, len(rules) + 1) - 1
    return (*rules[:at], rule, *rules[at:])


def replaced(rules: Sequence[Rule], rule: Rule) -> tuple[Rule, ...]:
    """With the rule of that slug changed; it keeps its place."""
    return tuple(rule if old.slug == rule.slug else old for old in rules)


def without(rules: Sequence[Rule], slug: str) -> tuple[Rule, ...]:
    """Without one rule."""
    return tuple(rule for rule in rules if rule.slug != slug)


def moved(rules: Sequence[Rule], slug: str, place: int) -> tuple[Rule, ...]:
    """With one rule at ``place`` (from 1)."""
    others, rule = without(rules, slug), found(rules, slug)
    assert rule is not None
    return added(others, rule, _place(place, len(rules)))


def _place(place: int, last: int) -> int:
    if not 1 <= place <= last:
        raise RuleError(f"place = {place}: must be 1 to {last}")
    return place
