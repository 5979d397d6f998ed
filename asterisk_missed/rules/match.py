"""Which rule takes a missed call, and why none does. Values in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..calls.call import EndedCall, Missed
from .guard import normalise
from .rule import Rule, SourceKind

NO_RULE = "no_rule"
WAIT_TOO_SHORT = "wait_too_short"
WAIT_TOO_LONG = "wait_too_long"


@dataclass(frozen=True, slots=True)
class Match:
    """The rule takes the call; ``kind`` and ``name`` say on what it was missed: ``queue``, ``sales``."""

    rule: Rule
    kind: SourceKind
    name: str


@dataclass(frozen=True, slots=True)
class NoMatch:
    """No rule takes the call. ``rule`` is the first that would have taken it, but for the caller's wait."""

    reason: str
    rule: Rule | None = None
    kind: SourceKind | None = None
    name: str | None = None


def first_match(rules: Sequence[Rule], ended: EndedCall, country: str, pbx: str | None = None) -> Match | NoMatch:
    """The first rule, in order, whose source the call was missed on and whose ``wait`` it fulfils.

    A queue rule's ``wait`` is compared with the longest stay in that queue, every other rule's with the whole wait;
    the bounds themselves fulfil it. A rule that is switched off takes nothing, nor does one of another ``pbx`` (None: the
    rule's own). ``country``: in which DIDs are read. ValueError: the call was not missed.
    """
    if ended.missed is None:
        raise ValueError(f"call {ended.linkedid} was not missed")
    nearly: NoMatch | None = None
    did = _same(ended.missed.did, country) if ended.missed.did else None
    for rule in rules:
        here = rule.enabled and (pbx is None or rule.pbx in (None, pbx))
        waits = _waits(rule, ended, ended.missed, did, country) if here else None
        if not waits:
            continue
        taken = [name for name, wait in waits.items() if _out_of_bounds(rule, wait) is None]
        name = max(taken or waits, key=waits.__getitem__)
        if taken:
            return Match(rule, rule.source.kind, name)
        nearly = nearly or NoMatch(_out_of_bounds(rule, waits[name]) or NO_RULE, rule, rule.source.kind, name)
    if nearly:
        return nearly
    kind, name_or_none = nearest(ended.missed) or (None, None)
    return NoMatch(NO_RULE, None, kind, name_or_none)


def _out_of_bounds(rule: Rule, wait: float) -> str | None:
    if wait < rule.wait.min.total_seconds():
        return WAIT_TOO_SHORT
    return WAIT_TOO_LONG if rule.wait.max is not None and wait > rule.wait.max.total_seconds() else None


def nearest(missed: Missed) -> tuple[SourceKind, str] | None:
    """The source of a missed call without a rule: where the caller was last. Queue, else extension, DID, trunk."""
    if missed.queues:
        return "queue", missed.queues[-1]
    if missed.extensions:
        return "extension", missed.extensions[-1]
    if missed.did:
        return "did", missed.did
    return ("trunk", missed.trunk) if missed.trunk else None


def _waits(rule: Rule, ended: EndedCall, missed: Missed, did: str | None, country: str) -> Mapping[str, float] | None:
    """Each thing that the call was missed on and the rule names -> the seconds to compare its ``wait`` with.

    ``did`` as `_same` has it. Asked of every rule for every call: nothing is made where nothing fits.
    """
    kind, names = rule.source.kind, rule.source.names
    if kind == "did":
        return {missed.did: ended.wait} if missed.did and did in _all_same(names, country) else None
    if kind == "queue":
        return {queue: ended.queue_waits.get(queue, 0.0) for queue in missed.queues if queue in names}
    if kind == "extension":
        return dict.fromkeys((extension for extension in missed.extensions if extension in names), ended.wait)
    if missed.trunk and any(_same_trunk(name, missed.trunk) for name in names):
        return {missed.trunk: ended.wait}
    return None


@lru_cache(maxsize=4096)
def _same(did: str, country: str) -> str:
    """What two ways to write one number have in common."""
    return normalise(did, country) or did.removeprefix("+")


@lru_cache(maxsize=1024)
def _all_same(names: tuple[str, ...], country: str) -> frozenset[str]:
    return frozenset(_same(name, country) for name in names)


def _same_trunk(named: str, seen: str) -> bool:
    """``trunk-main`` and ``PJSIP/trunk-main`` are one trunk; two technologies are two."""
    if "/" in named and "/" in seen:
        return named.lower() == seen.lower()
    return named.rpartition("/")[2] == seen.rpartition("/")[2]
