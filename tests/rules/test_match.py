"""Which rule takes a missed call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from asterisk_missed.calls.call import EndedCall, Missed
from asterisk_missed.rules.match import Match, NoMatch, first_match, nearest
from asterisk_missed.rules.rule import Rule

AT = datetime(2025, 6, 2, 9, 0, tzinfo=UTC)


def rule(slug: str, source: Mapping[str, Any], **fields: Any) -> Rule:
    return Rule.read({"slug": slug, "source": source, "first": "client", "connect": {"queue": "sales"}, **fields})


def call(
    wait: float = 20.0,
    did: str | None = "+74951234567",
    queues: Mapping[str, float] | None = None,
    extensions: tuple[str, ...] = (),
    trunk: str | None = "trunk-main",
) -> EndedCall:
    queues = queues or {}
    return EndedCall(
        linkedid="1717318800.1",
        caller="79161234567",
        caller_name="",
        did=did or "",
        trunk=trunk or "",
        started_at=AT,
        ended_at=AT + timedelta(seconds=wait),
        answered=False,
        answered_by=None,
        wait=wait,
        queue_waits=queues,
        missed=Missed(did, trunk, tuple(queues), extensions),
    )


def taken(rules: list[Rule], ended: EndedCall) -> tuple[str, str, str]:
    match = first_match(rules, ended, "RU")
    assert isinstance(match, Match)
    return match.rule.slug, match.kind, match.name


@pytest.mark.parametrize("written", ["74951234567", "+74951234567", "84951234567", "4951234567"])
def test_a_did_is_the_same_however_it_is_written(written: str) -> None:
    assert taken([rule("a", {"did": written})], call(did="+74951234567")) == ("a", "did", "+74951234567")
    assert taken([rule("a", {"did": "+74951234567"})], call(did=written)) == ("a", "did", written)


def test_a_short_did_is_compared_as_it_is() -> None:
    assert taken([rule("a", {"did": "5500"})], call(did="5500"))[0] == "a"


@pytest.mark.parametrize("written", ["trunk-main", "PJSIP/trunk-main"])
def test_a_trunk_may_be_named_with_its_technology(written: str) -> None:
    assert taken([rule("a", {"trunk": written})], call()) == ("a", "trunk", "trunk-main")


def test_the_first_rule_that_matches_takes_the_call() -> None:
    rules = [
        rule("support", {"queue": "support"}),
        rule("sales", {"queue": "sales"}),
        rule("line", {"did": "74951234567"}),
    ]
    assert taken(rules, call(queues={"sales": 12.0})) == ("sales", "queue", "sales")
    assert taken(rules[::-1], call(queues={"sales": 12.0}))[0] == "line"


def test_of_two_queues_the_one_he_stayed_in_longest_is_named() -> None:
    both = rule("a", {"queue": ["sales", "support"]}, wait={"min": "10s"})
    assert taken([both], call(queues={"sales": 5.0, "support": 12.0})) == ("a", "queue", "support")


def test_an_extension_that_missed_the_call_is_a_source() -> None:
    assert taken([rule("a", {"extension": ["101", "102"]})], call(extensions=("102",))) == ("a", "extension", "102")


@pytest.mark.parametrize(("wait", "expected"), [(4.9, "wait_too_short"), (5.0, None), (5.1, None)])
def test_the_bound_of_the_wait_is_included(wait: float, expected: str | None) -> None:
    match = first_match([rule("a", {"did": "74951234567"}, wait={"min": "5s"})], call(wait=wait), "RU")
    assert (match.reason if isinstance(match, NoMatch) else None) == expected


def test_a_queue_rule_looks_at_the_stay_in_its_queue_and_not_at_the_whole_wait() -> None:
    sales = rule("a", {"queue": "sales"}, wait={"min": "10s"})
    match = first_match([sales], call(wait=60.0, queues={"sales": 9.9}), "RU")
    assert match == NoMatch("wait_too_short", sales, "queue", "sales")


def test_a_later_rule_may_take_him_who_waited_too_short_for_the_first() -> None:
    rules = [rule("long", {"did": "74951234567"}, wait={"min": "1m"}), rule("any", {"trunk": "trunk-main"})]
    assert taken(rules, call(wait=20.0))[0] == "any"


def test_no_rule_names_the_nearest_thing_missed_on() -> None:
    match = first_match([rule("a", {"queue": "support"})], call(queues={"sales": 3.0}), "RU")
    assert match == NoMatch("no_rule", None, "queue", "sales")


def test_a_rule_that_is_switched_off_takes_nothing() -> None:
    off = rule("a", {"did": "74951234567"}).model_copy(update={"enabled": False})
    match = first_match([off], call(), "RU")
    assert isinstance(match, NoMatch) and match.reason == "no_rule"


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        (Missed("74951234567", "trunk-main", ("sales", "support"), ("101",)), ("queue", "support")),
        (Missed("74951234567", "trunk-main", (), ("101",)), ("extension", "101")),
        (Missed("74951234567", "trunk-main"), ("did", "74951234567")),
        (Missed(None, "trunk-main"), ("trunk", "trunk-main")),
        (Missed(None, None), None),
    ],
)
def test_the_nearest_source_is_where_the_caller_was_last(missed: Missed, expected: tuple[str, str] | None) -> None:
    assert nearest(missed) == expected


def test_an_answered_call_is_not_asked_about() -> None:
    ended = call()
    answered = EndedCall(**{**{f: getattr(ended, f) for f in ended.__slots__}, "missed": None})
    with pytest.raises(ValueError, match="was not missed"):
        first_match([], answered, "RU")
