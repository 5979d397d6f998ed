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


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"delay": "1m"}, "Перезванивает через 1 минуту после окончания вызова."),
        ({"delay": "21m"}, "Перезванивает через 21 минуту после окончания вызова."),
        ({"delay": "90s"}, "Перезванивает через 1 минуту 30 секунд после окончания вызова."),
        ({"delay": "11h"}, "Перезванивает через 11 часов после окончания вызова."),
        ({"delay": "2d"}, "Перезванивает через 2 дня после окончания вызова."),
        ({"delay": "0s"}, "Перезванивает сразу после окончания вызова."),
        ({"wait": {"min": "1m", "max": "1m"}}, "если клиент ждал ровно 1 минуту."),
        ({"wait": {"min": "21s", "max": "2h"}}, "если клиент ждал от 21 секунды до 2 часов."),
        ({"wait": {"max": "1h"}}, "если клиент ждал не больше 1 часа."),
        ({"source": {"queue": "q"}, "wait": {"min": "5s"}}, "если клиент ждал в очереди не меньше 5 секунд."),
        ({"retry": {"attempts": 1}}, "Звонит клиенту самое большее 1 раз:"),
        ({"retry": {"attempts": 5}}, "Звонит клиенту самое большее 5 раз:"),
        ({"retry": {"expire": "24h"}}, "Перестаёт через 24 часа после первого срока."),
        ({"at_once": 1}, "не больше 1 вызова."),
        ({"at_once": 21}, "не больше 21 вызова."),
        ({"at_once": 11}, "не больше 11 вызовов."),
        ({"hours": [{"days": "mon-fri", "time": "10:00-18:00"}]}, "Звонит клиентам по будням с 10:00 до 18:00, по"),
        (
            {"hours": [{"days": "tue-thu", "time": "22:00-06:00"}]},
            "со вторника по четверг с 22:00 до 06:00 следующего дня",
        ),
        ({"hours": [{"days": "wed-sun", "time": "18:00-00:00"}]}, "со среды по воскресенье с 18:00 до 24:00"),
        ({"hours": [{"days": "sat-mon"}]}, "с субботы по понедельник весь день"),
        (
            {"hours": [{"days": "mon,wed,sun", "time": "09:00-10:00"}]},
            "по понедельникам, средам и воскресеньям с 09:00",
        ),
        ({"hours": [{"days": "mon-sun", "time": "09:00-10:00"}]}, "ежедневно с 09:00 до 10:00"),
        ({"holidays": ["RU", "2026-05-04"]}, "но не в праздники (RU) и 04.05.2026."),
        ({"connect": {"extensions": ["101"]}}, "Сначала звонит сотруднику 101 (до 25 секунд); когда ответят, звонит"),
        ({"first": "client", "connect": {"queue": "q"}}, "когда он ответит, ставит его в очередь q (до 25 секунд)."),
    ],
)
def test_russian_sentences_are_as_people_say_them(fields: dict[str, Any], sentence: str) -> None:
    assert sentence in told("ru", **fields)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"delay": "1m"}, "It calls back 1 minute after the call has ended."),
        ({"delay": "90s"}, "It calls back 1 minute 30 seconds after the call has ended."),
        ({"hours": [{"days": "mon-fri", "time": "22:00-06:00"}]}, "on weekdays from 22:00 to 06:00 of the next day"),
        ({"hours": [{"days": "sat-mon"}]}, "from Saturday to Monday all day"),
        ({"retry": {"attempts": 1}}, "It calls the client once at most:"),
        ({"connect": {"dispatcher": {"to": "voicemail"}}, "first": "client"}, "then leaves a voice message."),
    ],
)
def test_english_sentences_are_as_people_say_them(fields: dict[str, Any], sentence: str) -> None:
    assert sentence in told("en", **fields)


def test_the_clients_own_clock_is_said() -> None:
    legal = Legal(DailyHours.parse("09:00-21:00"), "Europe/Moscow", callers_zone=True)
    assert "по времени клиента" in "\n".join(sentences(Rule.read(BASE), legal, "ru"))
    always = Legal(DailyHours.parse("00:00-24:00"), "Europe/Moscow")
    assert "sets no legal hours" in "\n".join(sentences(Rule.read(BASE), always, "en"))
