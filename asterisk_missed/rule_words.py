"""A rule as a person would say it, in Russian or English: every setting that has a say, one sentence after the other.

Values in, sentences out. Russian nouns stand in the table of their three forms, so that "1 раз", "2 раза" and "5 раз" come
out right; what a sentence needs in another case has a table of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from .rules.duration import UNITS
from .rules.hours import DAY, EVERY_DAY, MINUTE, DailyHours, Holidays, Span
from .rules.rule import VOICEMAIL, Dispatcher, Rule

WORKDAYS = frozenset(range(5))
WEEKEND = frozenset((5, 6))

Forms = tuple[str, str, str]  # as with 1, 2 and 5 of them


@dataclass(frozen=True, slots=True)
class Legal:
    """What the config says of every rule: the legal hours, the PBX's zone, whether the client's own clock is asked."""

    hours: DailyHours
    zone: str
    callers_zone: bool = False


def sentences(rule: Rule, legal: Legal, language: str) -> list[str]:
    """All that a rule says, in sentences. ``language``: ``ru``, or anything else for English."""
    told = _RUSSIAN if language == "ru" else _ENGLISH
    return [sentence for say in told for sentence in say(rule, legal)]


def plural(count: int, forms: Forms) -> str:
    """The Russian form that goes with a number: ``1 раз``, ``2 раза``, ``5 раз``, ``11 раз``, ``21 раз``."""
    if count % 100 in range(11, 15):
        return forms[2]
    return forms[0] if count % 10 == 1 else forms[1] if count % 10 in (2, 3, 4) else forms[2]


def _parts(duration: timedelta) -> list[tuple[int, str]]:
    """Largest units first, none of them zero; days from two on: 24 hours are told as hours."""
    seconds = int(duration.total_seconds())
    parts = []
    for unit, length in UNITS.items():
        if unit != "d" or seconds >= 2 * length:
            count, seconds = divmod(seconds, length)
            parts += [(count, unit)] if count else []
    return parts or [(0, "s")]


# --- Russian

# After "через" and "ровно" (accusative); after "от", "до" and "не меньше" (genitive).
_AFTER: Mapping[str, Forms] = {
    "s": ("секунду", "секунды", "секунд"),
    "m": ("минуту", "минуты", "минут"),
    "h": ("час", "часа", "часов"),
    "d": ("день", "дня", "дней"),
}
_UP_TO: Mapping[str, Forms] = {
    "s": ("секунды", "секунд", "секунд"),
    "m": ("минуты", "минут", "минут"),
    "h": ("часа", "часов", "часов"),
    "d": ("дня", "дней", "дней"),
}
_FROM_DAY = ("понедельника", "вторника", "среды", "четверга", "пятницы", "субботы", "воскресенья")
_TO_DAY = ("понедельник", "вторник", "среду", "четверг", "пятницу", "субботу", "воскресенье")
_ON_DAYS = ("понедельникам", "вторникам", "средам", "четвергам", "пятницам", "субботам", "воскресеньям")
_WITH = {1: "со", 2: "со"}  # со вторника, со среды
_MISSED_ON_RU: Mapping[str, tuple[str, str]] = {
    "did": ("на номер", "на номера"),
    "trunk": ("на транке", "на транках"),
    "queue": ("в очереди", "в очередях"),
    "extension": ("на внутреннем номере", "на внутренних номерах"),
}


def _ru(duration: timedelta, forms: Mapping[str, Forms] = _AFTER) -> str:
    return " ".join(f"{count} {plural(count, forms[unit])}" for count, unit in _parts(duration))


def _up_to(duration: timedelta) -> str:
    return _ru(duration, _UP_TO)


def _ru_name(rule: Rule, _legal: Legal) -> list[str]:
    name = rule.slug if rule.title == rule.slug else f"{rule.slug} «{rule.title}»"
    where = f"для АТС {rule.pbx}" if rule.pbx else "для любой АТС журнала"
    state = "включено" if rule.enabled else "выключено: вызовов не берёт, его перезвоны приостановлены"
    return [f"Правило {name}, {where}, {state}."]


def _ru_source(rule: Rule, _legal: Legal) -> list[str]:
    one, several = _MISSED_ON_RU[rule.source.kind]
    names = rule.source.names
    source = f"{one if len(names) == 1 else several} {_listed(names, 'и')}"
    return [f"Берёт вызовы, пропущенные {source}, {_ru_wait(rule)}."]


def _ru_wait(rule: Rule) -> str:
    least, most = rule.wait.min, rule.wait.max
    where = " в очереди" if rule.source.kind == "queue" else ""
    if most is None:
        how = f"не меньше {_up_to(least)}" if least else ""
    elif least == most:
        how = f"ровно {_ru(most)}"
    else:
        how = f"от {_up_to(least)} до {_up_to(most)}" if least else f"не больше {_up_to(most)}"
    return f"если клиент ждал{where} {how}" if how else f"сколько бы клиент{where} ни ждал"


def _ru_delay(rule: Rule, _legal: Legal) -> list[str]:
    when = f"через {_ru(rule.delay)} после" if rule.delay else "сразу после"
    return [f"Перезванивает {when} окончания вызова."]


def _ru_hours(rule: Rule, legal: Legal) -> list[str]:
    zone = f"по времени {rule.timezone}" if rule.timezone else f"по времени АТС ({legal.zone})"
    hours = "; ".join(map(_ru_span, rule.hours)) or "круглосуточно"
    said = [f"Звонит клиентам {hours}, {zone}{_ru_holidays(rule.holidays)}.", _ru_legal(legal)]
    if rule.outside_hours == "wait":
        return [*said, "Если срок выпадает на другое время, ждёт ближайшего разрешённого часа."]
    return [*said, "Если срок выпадает на другое время, не перезванивает."]


def _ru_span(span: Span) -> str:
    return f"{_ru_days(span.days)} {_ru_time(span)}"


def _ru_days(days: frozenset[int]) -> str:
    if days == EVERY_DAY:
        return "ежедневно"
    if days in (WORKDAYS, WEEKEND):
        return "по будням" if days == WORKDAYS else "по выходным"
    runs, single = _runs(days)
    said = [f"{_WITH.get(a, 'с')} {_FROM_DAY[a]} по {_TO_DAY[b]}" for a, b in runs]
    if single:
        said.append(f"по {_listed([_ON_DAYS[day] for day in single], 'и')}")
    return _listed(said, "и")


def _ru_time(span: Span) -> str:
    if (span.opens, span.closes) == (0, DAY):
        return "весь день"
    next_day = " следующего дня" if 0 < span.closes < span.opens else ""
    return f"с {_clock(span.opens)} до {_clock(span.closes or DAY)}{next_day}"


def _ru_holidays(holidays: Holidays | None) -> str:
    if holidays is None:
        return ", в праздники тоже"
    days = [f"в праздники ({holidays.country})"] if holidays.country else []
    days += [_ru_date(day) for day in sorted(holidays.dates)]
    return f", но не {_listed(days, 'и')}"


def _ru_date(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def _ru_legal(legal: Legal) -> str:
    if legal.hours.round_the_clock:
        return "Законных часов для звонков в настройках не задано."
    hours = f"с {_clock(legal.hours.opens)} до {_clock(legal.hours.closes or DAY)}"
    whose = "по времени клиента, а где оно неизвестно, по времени АТС" if legal.callers_zone else "по времени АТС"
    return f"В любом случае только {hours} {whose} ({legal.zone})."


def _ru_calls(rule: Rule, _legal: Legal) -> list[str]:
    client = f"до {_up_to(rule.ring.client)}"
    if rule.first == "employee":
        whom = _ru_employees(rule)
        first = f"Сначала {whom}; когда ответят, звонит клиенту ({client})."
    elif rule.connect.dispatcher is not None:
        return [f"Сначала звонит клиенту ({client}).", *_ru_dispatcher(rule, rule.connect.dispatcher)]
    else:
        first = f"Сначала звонит клиенту ({client}); когда он ответит, {_ru_employees(rule)}."
    return [first, *(_ru_dispatcher(rule, rule.connect.dispatcher) if rule.connect.dispatcher else ())]


def _ru_employees(rule: Rule) -> str:
    """Who is rung, how and for how long, as a verb with what belongs to it."""
    seconds = f"до {_up_to(rule.ring.employee)}"
    if rule.connect.queue is not None:
        waits = "ждёт сотрудника в очереди" if rule.first == "employee" else "ставит его в очередь"
        return f"{waits} {rule.connect.queue} ({seconds})"
    people = rule.connect.rung
    if len(people) == 1:
        return f"звонит сотруднику {people[0]} ({seconds})"
    how = {
        "all": f"всем сразу, {seconds}",
        "order": f"по очереди, каждому {seconds}",
        "longest-idle": f"по очереди, начиная с того, кто дольше всех не разговаривал, каждому {seconds}",
    }[rule.ring.strategy]
    return f"звонит сотрудникам {_listed(people, 'и')} ({how})"


def _ru_dispatcher(rule: Rule, dispatcher: Dispatcher) -> list[str]:
    greeting = f"приветствие {dispatcher.greeting}" if dispatcher.greeting else ""
    if rule.first == "employee":
        heard = f"клиент слышит {greeting} и" if greeting else "клиента без приветствия"
        end = "соединяется с ответившим сотрудником" if greeting else "соединяют с ответившим сотрудником"
        return [f"Диспетчер: {heard} {end}.", *_ru_unheard(dispatcher)]
    heard = f"Диспетчер: клиент слышит {greeting}" if greeting else "Диспетчер: приветствия нет"
    if dispatcher.to == VOICEMAIL:
        return [f"{heard}, затем оставляет сообщение на голосовой почте.", *_ru_mailbox(dispatcher)]
    mail = (
        f"если за {_ru(dispatcher.voicemail_after)} никто не ответил, клиент может оставить голосовое сообщение"
        if dispatcher.voicemail_after
        else "голосовой почты нет"
    )
    call = f"Потом {_ru_employees(rule)}, клиент тем временем слышит мелодию {dispatcher.music}; {mail}."
    return [f"{heard}.", call, *_ru_mailbox(dispatcher)]


def _ru_unheard(dispatcher: Dispatcher) -> list[str]:
    """What a dispatcher who rings employees first has no use for."""
    mail = f"голосовая почта (через {_ru(dispatcher.voicemail_after)}" if dispatcher.voicemail_after else ""
    box = f"ящик {dispatcher.mailbox}" if dispatcher.mailbox else ""
    mail = f" и {mail}{', ' + box if box else ''})" if mail else f" и {box}" if box else ""
    return [f"Мелодия {dispatcher.music}{mail} нужны, только когда первым звонят клиенту."] if mail else [
        f"Мелодия {dispatcher.music} нужна, только когда первым звонят клиенту; голосовой почты нет."
    ]  # fmt: skip


def _ru_mailbox(dispatcher: Dispatcher) -> list[str]:
    return [f"Сообщение попадает и в ящик {dispatcher.mailbox}."] if dispatcher.mailbox else []


def _ru_confirm(rule: Rule, _legal: Legal) -> list[str]:
    said = {
        (False, False): "Подтверждать вызов клавишей никому не нужно.",
        (True, False): "Сотрудник принимает вызов клавишей, клиент — просто ответив.",
        (False, True): "Клиент подтверждает вызов клавишей, сотруднику это не нужно.",
        (True, True): "И сотрудник, и клиент подтверждают вызов клавишей.",
    }
    return [said[rule.confirm.employee, rule.confirm.client]]


def _ru_retry(rule: Rule, _legal: Legal) -> list[str]:
    retry = rule.retry
    attempts = f"{retry.attempts} {plural(retry.attempts, ('раз', 'раза', 'раз'))}"
    return [
        f"Звонит клиенту самое большее {attempts}: если занято, снова через {_ru(retry.busy)}, "
        f"если он не ответил, через {_ru(retry.no_answer)}, если не ответил сотрудник, через {_ru(retry.employee_absent)}.",
        f"Перестаёт через {_ru(retry.expire)} после первого срока.",
    ]


def _ru_line(rule: Rule, _legal: Legal) -> list[str]:
    seen = f"номер {rule.caller_id}" if rule.caller_id else "тот номер, на который звонил"
    dial = f"через {rule.dial}" if rule.dial else "как задано в настройках"
    at_once = f"{rule.at_once} {plural(rule.at_once, ('вызова', 'вызовов', 'вызовов'))}"
    return [f"Клиент видит {seen}; набирает его {dial}.", f"Одновременно делает не больше {at_once}."]


# --- English

_NAMES: Mapping[str, str] = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
_WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MISSED_ON: Mapping[str, tuple[str, str]] = {
    "did": ("at the number", "at the numbers"),
    "trunk": ("on the trunk", "on the trunks"),
    "queue": ("in the queue", "in the queues"),
    "extension": ("at the extension", "at the extensions"),
}


def _en(duration: timedelta) -> str:
    return " ".join(f"{count} {_NAMES[unit]}{'' if count == 1 else 's'}" for count, unit in _parts(duration))


def _name(rule: Rule, _legal: Legal) -> list[str]:
    name = rule.slug if rule.title == rule.slug else f"{rule.slug} “{rule.title}”"
    where = f"for the PBX {rule.pbx}" if rule.pbx else "for any PBX of the journal"
    state = "switched on" if rule.enabled else "switched off: it takes no calls, its callbacks are paused"
    return [f"The rule {name}, {where}, is {state}."]


def _source(rule: Rule, _legal: Legal) -> list[str]:
    one, several = _MISSED_ON[rule.source.kind]
    names = rule.source.names
    return [f"It takes calls missed {one if len(names) == 1 else several} {_listed(names, 'and')}, {_wait(rule)}."]


def _wait(rule: Rule) -> str:
    least, most = rule.wait.min, rule.wait.max
    where = " in the queue" if rule.source.kind == "queue" else ""
    if most is None:
        how = f"{_en(least)} or longer" if least else ""
    elif least == most:
        how = f"exactly {_en(most)}"
    else:
        how = f"from {_en(least)} to {_en(most)}" if least else f"{_en(most)} at most"
    return f"if the client waited{where} {how}" if how else f"however long the client waited{where}"


def _delay(rule: Rule, _legal: Legal) -> list[str]:
    when = f"{_en(rule.delay)} after" if rule.delay else "as soon as"
    return [f"It calls back {when} the call has ended."]


def _hours(rule: Rule, legal: Legal) -> list[str]:
    zone = f"by the clock of {rule.timezone}" if rule.timezone else f"by the clock of the PBX ({legal.zone})"
    hours = "; ".join(map(_span, rule.hours)) or "round the clock"
    said = [f"It calls clients {hours}, {zone}{_holidays(rule.holidays)}.", _legal_hours(legal)]
    if rule.outside_hours == "wait":
        return [*said, "What would be due at another time waits for the next opening."]
    return [*said, "What would be due at another time is not called back."]


def _span(span: Span) -> str:
    return f"{_days(span.days)} {_time(span)}"


def _days(days: frozenset[int]) -> str:
    if days == EVERY_DAY:
        return "every day"
    if days in (WORKDAYS, WEEKEND):
        return "on weekdays" if days == WORKDAYS else "at weekends"
    runs, single = _runs(days)
    said = [f"from {_WEEK[a]} to {_WEEK[b]}" for a, b in runs]
    if single:
        said.append(f"on {_listed([f'{_WEEK[day]}s' for day in single], 'and')}")
    return _listed(said, "and")


def _time(span: Span) -> str:
    if (span.opens, span.closes) == (0, DAY):
        return "all day"
    next_day = " of the next day" if 0 < span.closes < span.opens else ""
    return f"from {_clock(span.opens)} to {_clock(span.closes or DAY)}{next_day}"


def _holidays(holidays: Holidays | None) -> str:
    if holidays is None:
        return ", on holidays too"
    days = [f"on holidays ({holidays.country})"] if holidays.country else []
    days += [f"on {day.isoformat()}" for day in sorted(holidays.dates)]
    return f", but not {_listed(days, 'and')}"


def _legal_hours(legal: Legal) -> str:
    if legal.hours.round_the_clock:
        return "The config sets no legal hours."
    hours = f"from {_clock(legal.hours.opens)} to {_clock(legal.hours.closes or DAY)}"
    whose = "the client's clock, or the PBX's where that is not known" if legal.callers_zone else "the PBX's clock"
    return f"In any case only {hours} by {whose} ({legal.zone})."


def _calls(rule: Rule, _legal: Legal) -> list[str]:
    client, dispatcher = f"for up to {_en(rule.ring.client)}", rule.connect.dispatcher
    told = [] if dispatcher is None else _dispatcher(rule, dispatcher)
    if rule.first == "employee":
        return [f"First it {_employees(rule)}; when somebody has answered, it rings the client {client}.", *told]
    if dispatcher is not None:
        return [f"First it rings the client {client}.", *told]
    return [f"First it rings the client {client}; when he has answered, it {_employees(rule)}."]


def _employees(rule: Rule) -> str:
    """Who is rung, how and for how long, as a verb with what belongs to it."""
    seconds = f"for up to {_en(rule.ring.employee)}"
    if rule.connect.queue is not None:
        waits = "waits for somebody in the queue" if rule.first == "employee" else "puts him into the queue"
        return f"{waits} {rule.connect.queue} {seconds}"
    people = rule.connect.rung
    if len(people) == 1:
        return f"rings the employee {people[0]} {seconds}"
    how = {
        "all": f"all at once, {seconds}",
        "order": f"one after the other, each {seconds}",
        "longest-idle": f"one after the other, beginning with who has not talked for longest, each {seconds}",
    }[rule.ring.strategy]
    return f"rings the employees {_listed(people, 'and')} ({how})"


def _dispatcher(rule: Rule, dispatcher: Dispatcher) -> list[str]:
    heard = f"hears the greeting {dispatcher.greeting}" if dispatcher.greeting else "hears no greeting"
    if rule.first == "employee":
        return [f"Dispatcher: the client {heard} and is joined to who has answered.", *_unheard(dispatcher)]
    if dispatcher.to == VOICEMAIL:
        return [f"Dispatcher: the client {heard}, then leaves a voice message.", *_mailbox(dispatcher)]
    mail = (
        f"if nobody has answered after {_en(dispatcher.voicemail_after)}, he may leave a voice message"
        if dispatcher.voicemail_after
        else "there is no voicemail"
    )
    call = f"Then it {_employees(rule)}, while he hears the music {dispatcher.music}; {mail}."
    return [f"Dispatcher: the client {heard}.", call, *_mailbox(dispatcher)]


def _unheard(dispatcher: Dispatcher) -> list[str]:
    """What a dispatcher who rings employees first has no use for."""
    mail = f"voicemail (after {_en(dispatcher.voicemail_after)})" if dispatcher.voicemail_after else "no voicemail"
    box = f", mailbox {dispatcher.mailbox}" if dispatcher.mailbox else ""
    return [f"Only where the client is rung first: the music {dispatcher.music}, {mail}{box}."]


def _mailbox(dispatcher: Dispatcher) -> list[str]:
    return [f"The message goes into the mailbox {dispatcher.mailbox} too."] if dispatcher.mailbox else []


def _confirm(rule: Rule, _legal: Legal) -> list[str]:
    said = {
        (False, False): "Nobody has to accept the call by a key.",
        (True, False): "The employee accepts the call by a key, the client by answering.",
        (False, True): "The client accepts the call by a key, the employee by answering.",
        (True, True): "Both the employee and the client accept the call by a key.",
    }
    return [said[rule.confirm.employee, rule.confirm.client]]


def _retry(rule: Rule, _legal: Legal) -> list[str]:
    retry = rule.retry
    attempts = "once" if retry.attempts == 1 else f"{retry.attempts} times"
    return [
        f"It calls the client {attempts} at most: busy, again after {_en(retry.busy)}; no answer, after "
        f"{_en(retry.no_answer)}; no employee answered, after {_en(retry.employee_absent)}.",
        f"It gives up {_en(retry.expire)} after the first due time.",
    ]


def _line(rule: Rule, _legal: Legal) -> list[str]:
    seen = f"the number {rule.caller_id}" if rule.caller_id else "the number that he called"
    dial = f"by {rule.dial}" if rule.dial else "as the config says"
    calls = "one call" if rule.at_once == 1 else f"{rule.at_once} calls"
    return [f"The client sees {seen}; he is dialled {dial}.", f"It makes {calls} at one time at most."]


# --- both


def _runs(days: frozenset[int]) -> tuple[list[tuple[int, int]], list[int]]:
    """Three days in a row or more, as (first, last), a run over the end of the week included; and the days that are left."""
    runs, single = [], []
    begins = [day for day in sorted(days) if (day - 1) % 7 not in days]
    for begin in begins:
        length = next(n for n in range(1, 8) if (begin + n) % 7 not in days)
        if length > 2:
            runs.append((begin, (begin + length - 1) % 7))
        else:
            single += [(begin + n) % 7 for n in range(length)]
    return runs, sorted(single)


def _clock(minutes: int) -> str:
    return f"{minutes // MINUTE:02}:{minutes % MINUTE:02}"


def _listed(names: Sequence[str], conjunction: str) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"


# What stands over and beside the numbers of a preview.
_HEADINGS: Mapping[str, tuple[str, str]] = {
    "openings": ("Open next:", "Ближайшие часы для звонков:"),
    "endless": ("without end", "без конца"),
    "never": ("never", "никогда"),
    "history": (
        "With the missed calls of the last {days} days ({calls} in all) it would have been:",
        "На пропущенных вызовах журнала (дней: {days}, вызовов: {calls}) было бы так:",
    ),
    "taken": ("calls that it takes", "вызовы, которые берёт правило"),
    "callbacks": ("callbacks", "перезвоны"),
    "waited": ("of them at an opening, for which they wait", "из них ждут начала разрешённых часов"),
    "joined": (
        "calls joined with an earlier one of the same client",
        "вызовы, объединённые с прежним того же клиента",
    ),
    "came_back": (
        "callbacks not needed: the client came back himself or was reached",
        "перезвоны, которые не понадобились: клиент позвонил сам или с ним поговорили",
    ),
    "expired": ("callbacks expired", "перезвоны, которым вышел срок"),
    "refused": ("numbers that the guard refuses", "номера, на которые звонить нельзя"),
    "lines": ("lines at once at most", "линии одновременно, самое большее"),
    "measured": (
        "one callback is taken to last {seconds} s: half of each ringing, and a talk of {talk} s, the average of these clients",
        "один перезвон считается за {seconds} с: половина каждого ожидания и разговор {talk} с, средний у этих клиентов",
    ),
    "assumed": (
        "one callback is taken to last {seconds} s: half of each ringing, and a talk of {talk} s, since none is known",
        "один перезвон считается за {seconds} с: половина каждого ожидания и разговор {talk} с, так как настоящих нет",
    ),
    "reasons": ("Calls not called back:", "Вызовы без перезвона:"),
    "really": ("What really became of the calls that it takes:", "Что на самом деле стало с вызовами этого правила:"),
    "by_weekday": ("Callbacks by weekday:", "Перезвоны по дням недели:"),
    "by_hour": ("Callbacks by hour:", "Перезвоны по часам:"),
}
_SHORT_WEEK = (
    ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    ("пн", "вт", "ср", "чт", "пт", "сб", "вс"),
)


def heading(name: str, language: str) -> str:
    """What stands over or beside something in a preview."""
    return _HEADINGS[name][language == "ru"]


def decision(rule: str | None, reason: str, due_at: str, ground: str, language: str) -> str:
    """What is decided about one missed call, in a sentence or two; ``reason`` in words already, ``due_at`` empty for never."""
    russian = language == "ru"
    if due_at:
        by = f"Перезвоним по правилу {rule}" if russian else f"Called back by the rule {rule}"
        said = f"{by}: {due_at}, {reason}."
    else:
        by = f" ({'правило' if russian else 'rule'} {rule})" if rule else ""
        said = f"{'Не перезвоним' if russian else 'Not called back'}{by}: {reason}."
    return f"{said} {ground[0].upper()}{ground[1:]}." if ground else said


def week(language: str) -> Sequence[str]:
    """The days of the week in short, Monday first."""
    return _SHORT_WEEK[language == "ru"]


_Say = Callable[[Rule, Legal], list[str]]
_RUSSIAN: tuple[_Say, ...] = (
    *(_ru_name, _ru_source, _ru_delay, _ru_hours, _ru_calls, _ru_confirm, _ru_retry, _ru_line),
)
_ENGLISH: tuple[_Say, ...] = (*(_name, _source, _delay, _hours, _calls, _confirm, _retry, _line),)
