"""What applying a list of rules changes, in words, and the list that comes of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .rule import Rule


def merged(old: Sequence[Rule], new: Sequence[Rule], *, keep: bool) -> tuple[Rule, ...]:
    """The rules after applying ``new``: with ``keep`` the old ones that it does not name stay, behind it, in order."""
    named = {rule.slug for rule in new}
    return (*new, *(rule for rule in old if keep and rule.slug not in named))


def deleted(old: Sequence[Rule], new: Sequence[Rule]) -> list[str]:
    """The slugs that are in ``old`` alone."""
    named = {rule.slug for rule in new}
    return [rule.slug for rule in old if rule.slug not in named]


def difference(old: Sequence[Rule], new: Sequence[Rule]) -> list[str]:
    """One line per change, none when the lists are the same: ``sales: delay 2m -> 5m``, ``delete support``.

    Slugs are unique in each list. Places count from 1 in the new list.
    """
    before = {rule.slug: rule for rule in old}
    lines = [f"delete {slug}" for slug in deleted(old, new)]
    for rule in new:
        if rule.slug not in before:
            lines.append(f"add {rule.slug}")
        else:
            lines += [f"{rule.slug}: {change}" for change in _changes(before[rule.slug], rule)]
    return lines + [f"move {slug} to place {place}" for slug, place in _moves(old, new)]


def _changes(old: Rule, new: Rule) -> Iterator[str]:
    was, becomes = _flat(old.as_dict()), _flat(new.as_dict())
    for field in dict.fromkeys((*was, *becomes)):
        if was.get(field) != becomes.get(field):
            yield f"{field} {_said(was.get(field))} -> {_said(becomes.get(field))}"


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def _said(value: object) -> str:
    if value is None:
        return "none"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _moves(old: Sequence[Rule], new: Sequence[Rule]) -> list[tuple[str, int]]:
    """The fewest rules that must change places among the others, with their new places.

    A rule added before old ones pushes them down: that is no move, but it changes who matches first, so it is said.
    """
    order = {rule.slug: place for place, rule in enumerate(old)}
    known = [(place, rule.slug) for place, rule in enumerate(new, 1) if rule.slug in order]
    staying = _longest_rising([order[slug] for _, slug in known])
    last = max((place for place, _ in known), default=0)
    placed = [(slug, place) for place, slug in known if order[slug] not in staying]
    added = [(r.slug, place) for place, r in enumerate(new, 1) if r.slug not in order and place < last]
    return sorted(placed + added, key=lambda move: move[1])


def _longest_rising(places: Sequence[int]) -> set[int]:
    """The members of a longest rising subsequence: the rules that keep their order."""
    tails: list[int] = []
    before: dict[int, int | None] = {}
    for place in places:
        at = bisect_left(tails, place)
        before[place] = tails[at - 1] if at else None
        tails[at : at + 1] = [place]
    chain: set[int] = set()
    member = tails[-1] if tails else None
    while member is not None:
        chain.add(member)
        member = before[member]
    return chain
