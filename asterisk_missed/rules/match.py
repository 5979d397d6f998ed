"""Which rule takes a missed call, and why none does. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..calls.call import EndedCall, Missed
from .guard import normalise
from .rule import Rule, SourceKind

NO_RULE = "no_rule"
WAIT_TOO_SHORT = "wait_too_short"


@dataclass(frozen=True, slots=True)
class Match:
    """The rule takes the call; ``kind`` and ``name`` say on what it was missed: ``queue``, ``sales``."""

    rule: Rule
    kind: SourceKind
    name: str


@dataclass(frozen=True, slots=True)
class NoMatch:
    """No rule takes the call. ``rule`` is the one that would have taken it, had the caller waited longer."""

    reason: str
    rule: Rule | None = None
    kind: SourceKind | None = None
    name: str | None = None


def first_match(rules: Sequence[Rule], ended: EndedCall, country: str) -> Match | NoMatch:
    """The first rule, in order, whose source the call was missed on and whose ``wait`` it fulfils.

    A queue rule's ``wait`` is compared with the longest stay in that queue, every other rule's with the whole wait;
    the bound itself fulfils it. A rule that is switched off takes nothing. ``country``: in which DIDs are read.
    ValueError: the call was not missed.
    """
    if ended.missed is None:
        raise ValueError(f"call {ended.linkedid} was not missed")
    too_short: NoMatch | None = None
    for rule in rules:
        waits = dict(_waits(rule, ended, ended.missed, country)) if rule.enabled else {}
        if not waits:
            continue
        name = max(waits, key=lambda n: waits[n])
        if waits[name] >= rule.wait.min.total_seconds():
            return Match(rule, rule.source.kind, name)
        too_short = too_short or NoMatch(WAIT_TOO_SHORT, rule, rule.source.kind, name)
    if too_short:
        return too_short
    kind, name_or_none = nearest(ended.missed) or (None, None)
    return NoMatch(NO_RULE, None, kind, name_or_none)


def nearest(missed: Missed) -> tuple[SourceKind, str] | None:
    """The source of a missed call without a rule: where the caller was last. Queue, else extension, DID, trunk."""
    if missed.queues:
        return "queue", missed.queues[-1]
    if missed.extensions:
        return "extension", missed.extensions[-1]
    if missed.did:
        return "did", missed.did
    return ("trunk", missed.trunk) if missed.trunk else None


def _waits(rule: Rule, ended: EndedCall, missed: Missed, country: str) -> Iterator[tuple[str, float]]:
    """Each thing that the call was missed on and the rule names -> the seconds to compare its ``wait`` with."""
    names = rule.source.names
    if rule.source.kind == "queue":
        yield from ((queue, ended.queue_waits.get(queue, 0.0)) for queue in missed.queues if queue in names)
    elif rule.source.kind == "extension":
        yield from ((extension, ended.wait) for extension in missed.extensions if extension in names)
    elif rule.source.kind == "did":
        if missed.did and _same(missed.did, country) in {_same(name, country) for name in names}:
            yield missed.did, ended.wait
    elif missed.trunk and any(_same_trunk(name, missed.trunk) for name in names):
        yield missed.trunk, ended.wait


def _same(did: str, country: str) -> str:
    """What two ways to write one number have in common."""
    return normalise(did, country) or did.removeprefix("+")


def _same_trunk(named: str, seen: str) -> bool:
    """``trunk-main`` and ``PJSIP/trunk-main`` are one trunk; two technologies are two."""
    if "/" in named and "/" in seen:
        return named.lower() == seen.lower()
    return named.rpartition("/")[2] == seen.rpartition("/")[2]
