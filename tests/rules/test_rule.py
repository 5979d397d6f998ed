"""A rule is checked when it is read, and every error is one line that names rule, field and value."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from asterisk_missed.rules.duration import parse, written
from asterisk_missed.rules.rule import Rule, RuleError

REQUIRED: dict[str, Any] = {
    "slug": "sales",
    "source": {"queue": "sales"},
    "first": "employee",
    "connect": {"queue": "sales"},
}


def rule(**fields: Any) -> Rule:
    return Rule.read({**REQUIRED, **fields})


def error(**fields: Any) -> str:
    with pytest.raises(RuleError) as caught:
        rule(**fields)
    return str(caught.value)


def test_four_fields_make_a_rule_and_the_rest_has_the_documented_defaults() -> None:
    assert rule().as_dict() == {
        "slug": "sales",
        "title": "sales",
        "enabled": True,
        "source": {"queue": "sales"},
        "wait": {"min": "0s"},
        "delay": "2m",
        "first": "employee",
        "connect": {"queue": "sales"},
        "ring": {"strategy": "all", "employee": "25s", "client": "45s"},
        "retry": {"attempts": 3, "busy": "5m", "no_answer": "30m", "employee_absent": "10m"},
        "caller_id": None,
        "dial": None,
    }


@pytest.mark.parametrize("field", ["slug", "source", "first", "connect"])
def test_a_missing_required_field_is_named(field: str) -> None:
    with pytest.raises(RuleError, match=f"{field} is missing"):
        Rule.read({name: value for name, value in REQUIRED.items() if name != field})


def test_what_is_written_is_read_as_the_same_rule() -> None:
    full = rule(
        title="Отдел продаж",
        source={"did": ["74951234567", "+78120000001"]},
        wait={"min": "5s"},
        delay="90s",
        connect={"extensions": ["101", "102"]},
        ring={"strategy": "longest-idle", "employee": "20s", "client": "1m"},
        retry={"attempts": 5, "busy": "1m", "no_answer": "1h", "employee_absent": "15m"},
        caller_id="74951234567",
        dial="PJSIP/{number}@trunk-main",
    )
    assert Rule.read(full.as_dict()) == full


def test_a_rule_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        rule().slug = "other"


@pytest.mark.parametrize(
    "harmless",
    [
        {"pbx": None},
        {"hours": []},
        {"hours": None},
        {"holidays": None},
        {"timezone": None},
        {"outside_hours": "wait"},
        {"confirm": {"employee": False, "client": False}},
        {"wait": {"min": "5s", "max": None}},
        {"retry": {"attempts": 3, "expire": "24h"}},
        {"connect": {"queue": "sales", "dispatcher": None}},
    ],
)
def test_a_field_that_asks_for_nothing_new_is_let_pass(harmless: dict[str, Any]) -> None:
    assert rule(**harmless).slug == "sales"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"enabled": False}, "enabled = False"),
        ({"pbx": "pbx2"}, "pbx = 'pbx2'"),
        ({"wait": {"max": "5m"}}, "wait.max = '5m'"),
        ({"hours": [{"days": "mon-fri"}]}, "hours = "),
        ({"holidays": "RU"}, "holidays = 'RU'"),
        ({"timezone": "Asia/Omsk"}, "timezone = 'Asia/Omsk'"),
        ({"outside_hours": "skip"}, "outside_hours = 'skip'"),
        ({"connect": {"dispatcher": {"to": ["101"]}}}, "connect.dispatcher = "),
        ({"confirm": {"client": True}}, "confirm.client = True"),
        ({"confirm": True}, "confirm = True"),
        ({"retry": {"expire": "2h"}}, "retry.expire = '2h'"),
        ({"at_once": 2}, "at_once = 2"),
    ],
)
def test_what_is_not_built_yet_is_refused_by_name(fields: dict[str, Any], named: str) -> None:
    line = error(**fields)
    assert line.startswith(f"rule sales: {named}") and "not supported yet" in line


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"delay": "5 min"}, "delay", "'5 min'"),
        ({"delay": 120}, "delay", "120"),
        ({"delay": "90d"}, "delay", "'90d'"),
        ({"wait": {"min": "-5s"}}, "wait.min", "'-5s'"),
        ({"wait": None}, "wait", "None"),
        ({"first": "both"}, "first", "'both'"),
        ({"soruce": "x"}, "soruce", "'x'"),
        ({"ring": {"emploee": "5s"}}, "ring.emploee", "'5s'"),
        ({"ring": {"employee": "0s"}}, "ring.employee", "'0s'"),
        ({"ring": {"client": "11m"}}, "ring.client", "'11m'"),
        ({"ring": {"strategy": "random"}}, "ring.strategy", "'random'"),
        ({"retry": {"attempts": 0}}, "retry.attempts", "0"),
        ({"retry": {"attempts": 21}}, "retry.attempts", "21"),
        ({"retry": {"attempts": True}}, "retry.attempts", "True"),
        ({"retry": {"attempts": "3"}}, "retry.attempts", "'3'"),
        ({"source": {}}, "source", "{}"),
        ({"source": "sales"}, "source", "'sales'"),
        ({"source": {"queue": "a", "did": "74951234567"}}, "source", "{"),
        ({"source": {"queue": []}}, "source", "{'queue': []}"),
        ({"source": {"queue": ["a", "a"]}}, "source", "{"),
        ({"source": {"did": 74951234567}}, "source", "{"),
        ({"source": {"did": "call me"}}, "source", "{"),
        ({"source": {"extension": "1XX"}}, "source", "{"),
        ({"connect": {}}, "connect", "{}"),
        ({"connect": {"queue": "a", "extensions": ["101"]}}, "connect", "{"),
        ({"connect": {"queue": "a b"}}, "connect.queue", "'a b'"),
        ({"connect": {"extensions": []}}, "connect.extensions", "[]"),
        ({"connect": {"extensions": [101]}}, "connect.extensions", "[101]"),
        ({"connect": {"extensions": ["101", "101"]}}, "connect.extensions", "['101', '101']"),
        ({"connect": {"extensions": [str(n) for n in range(100, 110)]}}, "connect.extensions", "['100'"),
        ({"connect": {"extensions": ["101&102"]}}, "connect.extensions", "['101&102']"),
        ({"title": "two\nlines"}, "title", r"'two\nlines'"),
        ({"title": ""}, "title", "''"),
        ({"title": "x" * 101}, "title", "'xxx"),
        ({"caller_id": "+7 495 1234567"}, "caller_id", "'+7 495 1234567'"),
        ({"caller_id": 74951234567}, "caller_id", "74951234567"),
        ({"dial": "PJSIP/trunk"}, "dial", "'PJSIP/trunk'"),
        ({"dial": "PJSIP/{number}{number}@t"}, "dial", "'PJSIP/"),
        ({"dial": "PJSIP/{number}@a&PJSIP/{x}@b"}, "dial", "'PJSIP/"),
        ({"dial": "Local/{number}@a,30"}, "dial", "'Local/"),
        ({"dial": "PJSIP/${number}@t"}, "dial", "'PJSIP/"),
        ({"enabled": "yes"}, "enabled", "'yes'"),
    ],
)
def test_a_bad_value_is_one_line_with_rule_field_and_value(fields: dict[str, Any], field: str, value: str) -> None:
    line = error(**fields)
    assert line.startswith(f"rule sales: {field} = {value}"), line
    assert "\n" not in line and len(line) < 300


@pytest.mark.parametrize("slug", ["", "Sales", "1st", "a_b", "a" * 32, "продажи", "a\n", None, 5, True])
def test_a_bad_slug_is_named_and_the_rule_by_its_place(slug: object) -> None:
    with pytest.raises(RuleError) as caught:
        Rule.read({**REQUIRED, "slug": slug}, place=4)
    assert str(caught.value).startswith("rule number 4: slug = ")


@pytest.mark.parametrize("fields", [None, [], "sales", 5])
def test_what_is_no_mapping_is_no_rule(fields: object) -> None:
    with pytest.raises(RuleError, match=r"rule number 2: .*: must be a mapping of fields"):
        Rule.read(fields, 2)


@given(st.integers(0, 9_999_999))
def test_a_duration_is_written_so_that_it_is_read_the_same(seconds: int) -> None:
    assert parse(written(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("90s", 90), ("5m", 300), ("2h", 7_200), ("1d", 86_400)])
def test_durations_are_read_as_people_write_them(text: str, seconds: int) -> None:
    assert parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "05m", "1.5h", "5M", "5m ", "1h30m", "٥m", 5, None])
def test_other_texts_are_no_durations(text: object) -> None:
    with pytest.raises(ValueError, match="a duration such as"):
        parse(text)
