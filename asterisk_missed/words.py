"""What users read, in Russian and English: statuses, reasons, and the sentences of a story.

Tables of words and one function that fills them in. Touches nothing; every face reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STATUSES: Mapping[str, tuple[str, str]] = {
    "not_called_back": ("not called back", "не перезвонили"),
    "failed": ("failed", "неуспешный вызов"),
    "called_back": ("called back", "успешно перезвонили"),
    "client_called": ("client called", "клиент позвонил сам"),
    "calling": ("calling now", "звонят сейчас"),
}

REASONS: Mapping[str, tuple[str, str]] = {
    "scheduled": ("waiting for its time", "ждёт своего времени"),
    "outside_hours": ("waiting for the hours", "ждёт разрешённых часов"),
    "held_on_call": ("the client is on the line with us", "клиент сейчас говорит с нами"),
    "held_limit": ("too many calls at once", "слишком много вызовов сразу"),
    "paused": ("its rule is switched off", "правило выключено"),
    "daily_cap": ("the day's limit is reached", "дневной предел исчерпан"),
    "no_rule": ("no rule", "нет правила"),
    "wait_too_short": ("waited too short", "ждал слишком мало"),
    "wait_too_long": ("waited too long", "ждал слишком долго"),
    "skipped_outside_hours": ("outside the hours, let go", "вне часов, не перезваниваем"),
    "blocked_number": ("never called: on the list", "в списке «не звонить»"),
    "bad_number": ("no number to call", "нет номера"),
    "refused_number": ("number refused", "на этот номер не звонят"),
    "expired": ("expired", "срок истёк"),
    "cancelled": ("cancelled", "отменено"),
    "unconfirmed": ("end not seen", "конец вызова не виден"),
    "not_loaded": ("dialplan not loaded", "диалплан не загружен"),
    "employee_absent": ("no employee answered", "сотрудник не ответил"),
    "client_gave_up": ("the client hung up", "клиент не дождался"),
    "client_busy": ("busy", "занято"),
    "client_no_answer": ("no answer", "не ответил"),
    "client_declined": ("declined", "отклонил вызов"),
    "invalid_number": ("no such number", "номера не существует"),
    "congestion": ("trunk did not take it", "транк не принял вызов"),
    "lost": ("end not seen", "конец вызова не виден"),
    "answered": ("answered", "ответил"),
    "by_hand": ("by hand", "вручную"),
    "client_returned": ("called again", "перезвонил сам"),
}

# event of a story -> sentence, with the names of its details.
_STORY: Mapping[str, tuple[str, str]] = {
    "missed": ("missed after {wait} s ({lost_in}, {lost_how})", "пропущен после {wait} с ({lost_in}, {lost_how})"),
    "recovered": (
        "missed after {wait} s ({lost_in}, {lost_how}) while nobody listened, as {witness} tells",
        "пропущен после {wait} с ({lost_in}, {lost_how}), пока никто не слушал: об этом говорит {witness}",
    ),
    "confirmed": (
        "{witness} confirms it: missed after {wait} s ({lost_in}, {lost_how})",
        "{witness} подтверждает: пропущен после {wait} с ({lost_in}, {lost_how})",
    ),
    "planned": ("{reason_words}", "{reason_words}"),
    "held": ("held: {reason_words}", "отложен: {reason_words}"),
    "calling": ("attempt {attempt}: calling, {first} first", "попытка {attempt}: звоним, первым — {first_ru}"),
    "not_sent": ("attempt {attempt}: nothing was sent", "попытка {attempt}: ничего не отправлено"),
    "talking": (
        "attempt {attempt}: {employee} talks with the client",
        "попытка {attempt}: {employee} говорит с клиентом",
    ),
    "joined": ("joins the callback that is being made", "присоединён к вызову, который идёт"),
    "missed_again": ("he called again and was missed again", "звонил снова и снова пропущен"),
    "found": ("attempt {attempt}: found again in Asterisk", "попытка {attempt}: снова найдена в Asterisk"),
    "ended": ("attempt {attempt}: {disposition}: {reason_words}", "попытка {attempt}: {disposition}: {reason_words}"),
    "call_now": ("call now: {reason_words}", "позвонить сейчас: {reason_words}"),
    "assigned": ("assigned to {extension}", "назначен сотруднику {extension}"),
    "closed": ("closed: {reason_words}", "закрыт: {reason_words}"),
}
# Details that are added where they are there, in this order.
_TAILS: tuple[tuple[str, str, str], ...] = (
    ("rule", "by the rule {rule}", "по правилу {rule}"),
    ("by", "done by {by}", "сделал {by}"),
    ("employee", "with {employee}", "с {employee}"),
    ("talk", "talked {talk} s", "разговор {talk} с"),
    ("ground", "{ground}", "{ground}"),
    ("due_at", "due {due_at}", "срок {due_at}"),
)
_FIRST_RU = {"employee": "сотрудник", "client": "клиент"}


def _pick(words: tuple[str, str], language: str) -> str:
    return words[1] if language == "ru" else words[0]


def status(name: str, language: str) -> str:
    """A status in the user's language; an unknown one as it is."""
    return _pick(STATUSES.get(name, (name, name)), language)


def reason(name: str | None, language: str) -> str:
    """A reason in the user's language; empty where there is none."""
    return _pick(REASONS.get(name, (name, name)), language) if name else ""


def effect(slug: str, what: str, callbacks: int, language: str) -> str:
    """What a change of rules does to the callbacks that wait."""
    return _pick(_EFFECTS[what], language).format(slug=slug, n=callbacks)


_EFFECTS: Mapping[str, tuple[str, str]] = {
    "cancelled": ("{slug}: waiting callbacks that are cancelled: {n}", "{slug}: ожидающих перезвонов отменяется: {n}"),
    "paused": ("{slug}: waiting callbacks that are paused: {n}", "{slug}: ожидающих перезвонов приостановлено: {n}"),
    "resumed": ("{slug}: paused callbacks that go on: {n}", "{slug}: приостановленных перезвонов продолжится: {n}"),
    "replanned": ("{slug}: callbacks that get another time: {n}", "{slug}: перезвонов с новым временем: {n}"),
    "ended": (
        "{slug}: callbacks that are let go by the changed rule: {n}",
        "{slug}: перезвонов, которых по новому правилу не будет: {n}",
    ),
}


def coverage(share: float, unconfirmed: int, language: str) -> str:
    """How much of a period was seen, and how many of its calls are in doubt."""
    seen = ("every call was judged", "учтён каждый вызов") if share >= 1 else (
        f"covered: {share:.2%} of the time (listened to, or made up from CEL)",
        f"охвачено {share:.2%} времени (слышно или восстановлено по CEL)",
    )  # fmt: skip
    doubt = (f"{unconfirmed} calls whose end is not known", f"вызовов с неизвестным концом: {unconfirmed}")
    return "; ".join(_pick(said, language) for said in ((seen, doubt) if unconfirmed else (seen,)))


def sentence(event: str, details: Mapping[str, Any], language: str) -> str:
    """One line of a story. ``details`` as the journal keeps them, times already written for the reader."""
    filled = {"lost_in": "?", "lost_how": "?", "employee": "?", **details}
    filled["reason_words"] = reason(details.get("reason"), language)
    filled["first_ru"] = _FIRST_RU.get(str(details.get("first")), "")
    template = _pick(_STORY.get(event, (event, event)), language)
    tails = [
        _pick((en, ru), language).format(**filled)
        for name, en, ru in _TAILS
        if name in details and "{" + name + "}" not in template
    ]
    return "; ".join([template.format(**filled), *tails])
