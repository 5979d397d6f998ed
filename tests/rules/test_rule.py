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
        "pbx": None,
        "source": {"queue": "sales"},
        "wait": {"min": "0s", "max": None},
        "delay": "2m",
        "hours": [],
        "holidays": None,
        "timezone": None,
        "outside_hours": "wait",
        "first": "employee",
        "connect": {"queue": "sales"},
        "ring": {"strategy": "all", "employee": "25s", "client": "45s"},
        "confirm": {"employee": False, "client": False},
        "retry": {"attempts": 3, "busy": "5m", "no_answer": "30m", "employee_absent": "10m", "expire": "1d"},
        "caller_id": None,
        "dial": None,
        "at_once": 2,
    }


def test_a_dispatcher_needs_to_know_only_whom_to_ring() -> None:
    assert rule(connect={"dispatcher": {"to": ["101"]}}).as_dict()["connect"] == {
        "dispatcher": {
            "greeting": "missed/greeting",
            "to": ["101"],
            "music": "default",
            "voicemail_after": "30s",
            "mailbox": None,
        }
    }


@pytest.mark.parametrize("field", ["slug", "source", "first", "connect"])
def test_a_missing_required_field_is_named(field: str) -> None:
    with pytest.raises(RuleError, match=f"{field} is missing"):
        Rule.read({name: value for name, value in REQUIRED.items() if name != field})


def test_what_is_written_is_read_as_the_same_rule() -> None:
    full = rule(
        title="Отдел продаж",
        source={"did": ["74951234567", "+78120000001"]},
        enabled=False,
        pbx="pbx2",
        wait={"min": "5s", "max": "10m"},
        delay="90s",
        hours=[{"days": "mon-thu", "time": "10:00-18:00"}, {"days": "fri,sun", "time": "22:00-06:00"}, {"days": "sat"}],
        holidays=["2027-01-01", "2027-01-07"],
        timezone="Asia/Omsk",
        outside_hours="skip",
        connect={
            "dispatcher": {
                "greeting": None,
                "to": ["101", "102"],
                "music": "jazz",
                "voicemail_after": None,
                "mailbox": "100@default",
            }
        },
        ring={"strategy": "longest-idle", "employee": "20s", "client": "1m"},
        confirm={"employee": True, "client": True},
        retry={"attempts": 5, "busy": "1m", "no_answer": "1h", "employee_absent": "15m", "expire": "2h"},
        at_once=7,
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
def test_null_is_the_default(harmless: dict[str, Any]) -> None:
    assert rule(**harmless).slug == "sales"


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"delay": "5 min"}, "delay", "'5 min'"),
        ({"delay": 120}, "delay", "120"),
        ({"delay": "90d"}, "delay", "'90d'"),
        ({"wait": {"min": "-5s"}}, "wait.min", "'-5s'"),
        ({"wait": None}, "wait", "None"),
        ({"wait": {"min": "5m", "max": "1m"}}, "wait", "{'max': '1m', 'min': '5m'}"),
        ({"pbx": "a b"}, "pbx", "'a b'"),
        ({"pbx": 1}, "pbx", "1"),
        ({"hours": "mon-fri"}, "hours", "'mon-fri'"),
        ({"hours": [{"days": "mon-fri", "time": "25:00-26:00"}]}, "hours.0", "{"),
        ({"hours": [{"days": "mon"}, {"days": "someday"}]}, "hours.1", "{"),
        ({"hours": [{"day": "mon"}]}, "hours.0", "{"),
        ({"hours": [{"days": "mon"}] * 51}, "hours", "[{"),
        ({"holidays": "XX"}, "holidays", "'XX'"),
        ({"holidays": ["2026-02-30"]}, "holidays", "['2026-02-30']"),
        ({"timezone": "Mars/Olympus"}, "timezone", "'Mars/Olympus'"),
        ({"timezone": "../etc/passwd"}, "timezone", "'../etc/passwd'"),
        ({"timezone": 3}, "timezone", "3"),
        ({"outside_hours": "call"}, "outside_hours", "'call'"),
        ({"connect": {"dispatcher": {}}}, "connect.dispatcher.to", ""),
        ({"connect": {"dispatcher": {"to": []}}}, "connect.dispatcher.to", "[]"),
        ({"connect": {"dispatcher": {"to": "mailbox"}}}, "connect.dispatcher.to", "'mailbox'"),
        ({"connect": {"dispatcher": {"to": ["101"], "greeting": "../x"}}}, "connect.dispatcher.greeting", "'../x'"),
        ({"connect": {"dispatcher": {"to": ["101"], "greeting": "a&b"}}}, "connect.dispatcher.greeting", "'a&b'"),
        ({"connect": {"dispatcher": {"to": ["101"], "music": None}}}, "connect.dispatcher.music", "None"),
        ({"connect": {"dispatcher": {"to": ["101"], "mailbox": "100"}}}, "connect.dispatcher.mailbox", "'100'"),
        ({"connect": {"dispatcher": {"to": ["101"], "x": 1}}}, "connect.dispatcher.x", "1"),
        ({"confirm": True}, "confirm", "True"),
        ({"confirm": {"client": "yes"}}, "confirm.client", "'yes'"),
        ({"retry": {"expire": "2s"}}, "retry.expire", "'2s'"),
        ({"at_once": 0}, "at_once", "0"),
        ({"at_once": "2"}, "at_once", "'2'"),
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
    assert line.startswith(f"rule sales: {field} = {value}" if value else f"rule sales: {field} is missing"), line
    assert "\n" not in line and len(line) < 300


def test_voicemail_cannot_be_rung_first() -> None:
    assert "first = employee needs employees" in error(connect={"dispatcher": {"to": "voicemail"}})
    assert rule(first="client", connect={"dispatcher": {"to": "voicemail"}}).connect.rung == ()


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
