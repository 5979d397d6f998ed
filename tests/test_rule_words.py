"""A rule in plain words: every setting is said, in both languages, and Russian numbers agree with their nouns."""

from __future__ import annotations

import re
from typing import Any

import pytest

from asterisk_missed.rule_words import Legal, plural, sentences
from asterisk_missed.rules.hours import DailyHours
from asterisk_missed.rules.rule import Rule

LEGAL = Legal(DailyHours.parse("09:00-21:00"), "Europe/Moscow")
BASE: dict[str, Any] = {
    "slug": "sales",
    "source": {"did": "74951234567"},
    "first": "employee",
    "connect": {"extensions": ["101", "102"]},
}
DISPATCHER = {
    "to": ["101"],
    "greeting": "missed/hello",
    "music": "jazz",
    "voicemail_after": "40s",
    "mailbox": "100@box",
}
# A field set to something of its own -> what both languages must say of it.
SAID: list[tuple[dict[str, Any], str]] = [
    ({"title": "Sales line"}, "Sales line"),
    ({"pbx": "pbx7"}, "pbx7"),
    ({"source": {"queue": ["a", "b"]}}, "a"),
    ({"wait": {"min": "7s"}}, "7"),
    ({"wait": {"max": "11m"}}, "11"),
    ({"delay": "13m"}, "13"),
    ({"hours": [{"days": "mon-thu", "time": "10:15-18:45"}]}, "18:45"),
    ({"holidays": "RU"}, "RU"),
    ({"holidays": ["2027-03-08"]}, "2027"),
    ({"timezone": "Asia/Omsk"}, "Asia/Omsk"),
    ({"connect": {"queue": "support"}}, "support"),
    ({"connect": {"dispatcher": DISPATCHER}}, "missed/hello"),
    ({"connect": {"dispatcher": DISPATCHER}}, "jazz"),
    ({"connect": {"dispatcher": DISPATCHER}}, "40"),
    ({"connect": {"dispatcher": DISPATCHER}}, "100@box"),
    ({"ring": {"employee": "17s"}}, "17"),
    ({"ring": {"client": "19s"}}, "19"),
    ({"retry": {"attempts": 8}}, "8"),
    ({"retry": {"busy": "23m"}}, "23"),
    ({"retry": {"no_answer": "29m"}}, "29"),
    ({"retry": {"employee_absent": "31m"}}, "31"),
    ({"retry": {"expire": "37h"}}, "37"),
    ({"caller_id": "+78120000001"}, "+78120000001"),
    ({"dial": "Local/{number}@out/n"}, "Local/{number}@out/n"),
    ({"at_once": 6}, "6"),
]
# What has no value to be found by must change what is said.
CHANGES: list[dict[str, Any]] = [
    {"enabled": False},
    {"outside_hours": "skip"},
    {"first": "client"},
    {"ring": {"strategy": "order"}},
    {"ring": {"strategy": "longest-idle"}},
    {"confirm": {"employee": True}},
    {"confirm": {"client": True}},
]


def told(language: str, **fields: Any) -> str:
    return "\n".join(sentences(Rule.read(BASE | fields), LEGAL, language))


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize(("fields", "word"), SAID)
def test_every_setting_is_said(fields: dict[str, Any], word: str, language: str) -> None:
    said = told(language, **fields)
    assert re.search(rf"(?<![\w+]){re.escape(word)}(?!\w)", said), said
    assert said != told(language)


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("fields", CHANGES)
def test_every_choice_is_said(fields: dict[str, Any], language: str) -> None:
    assert told(language, **fields) != told(language)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_legal_hours_are_said(language: str) -> None:
    assert "09:00" in told(language) and "21:00" in told(language)


def test_a_language_is_not_mixed_with_another() -> None:
    assert re.search(r"[А-я]", told("ru")) and not re.search(r"[А-я]", told("en"))


@pytest.mark.parametrize(
    ("count", "word"),
    [
        (1, "раз"),
        (2, "раза"),
        (4, "раза"),
        (5, "раз"),
        (11, "раз"),
        (12, "раз"),
        (21, "раз"),
        (22, "раза"),
        (112, "раз"),
    ],
)
def test_russian_numbers_agree_with_their_nouns(count: int, word: str) -> None:
    assert plural(count, ("раз", "раза", "раз")) == word
