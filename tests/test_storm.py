"""A storm of calls that ring once and hang up, so that somebody calls back: through detector, plan and journal, as they are.

Nothing is dialled here, and the time is an argument: the dial loop below does what the daemon's does, step by step, with a
clock of its own. What it may do is judged by its own list of what it did, never by the journal's.
"""

from __future__ import annotations

import gc
import heapq
import itertools
import os
import random
import re
import shutil
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from sqlalchemy import text

from asterisk_missed.ami.wire import Decoder
from asterisk_missed.callbacks.disposition import Disposition
from asterisk_missed.callbacks.originate import Attempt
from asterisk_missed.callbacks.plan import Callback, End, Ground, Pause, Wait, after, check
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.tracker import CallEnded, Tracker
from asterisk_missed.daemon import LOT
from asterisk_missed.journal import rulebook
from asterisk_missed.journal.journal import Journal
from asterisk_missed.rules.caps import Caps, prefix_of
from asterisk_missed.rules.guard import Gate, normalise, refusal
from asterisk_missed.rules.hours import DailyHours
from asterisk_missed.rules.rule import Rule

pytestmark = pytest.mark.storm

MOSCOW = ZoneInfo("Europe/Moscow")
GROUND = Ground(Gate("RU"), MOSCOW, DailyHours.parse("09:00-21:00"))
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def moscow(day: int, clock: str = "00:00") -> datetime:
    """Of June 2026; the first is a Monday."""
    return datetime.fromisoformat(f"2026-06-{day:02} {clock}").replace(tzinfo=MOSCOW).astimezone(UTC)


def rule(**given: Any) -> Rule:
    asked = {"slug": "sales", "source": {"did": "74951234567"}, "first": "client", "connect": {"extensions": ["101"]}}
    return Rule.read(asked | {"delay": "2m", "at_once": 10} | given)


# --- numbers

# Where such calls come from, and what they would cost: digits without the plus, and how many follow.
# Sources: ITU-T E.164 list of assigned codes; the regulators' plans. Many are numbers that nobody has been given.
_DEAR = """
53:8 216:8 223:8 224:9 232:8 234:10 235:8 239:7 240:9 245:7 252:8 257:8 261:9 269:7 371:8 373:8 375:9 381:9 387:8 509:8
592:7 597:7 670:8 674:7 675:8 676:5 677:7 678:7 682:5 685:7 686:8 688:6 690:4 850:10 960:7 992:9 994:9 998:9
Caribbean within +1, Abkhazia and Kazakhstan within +7: 1268:7 1284:7 1473:7 1649:7 1664:7 1767:7 1809:7 1876:7 7701:7 7840:7
satellites, ships, aircraft: 870:9 8816:8 8818:8 88213:8 88216:8 8835:10 7954:7
international premium, shared cost and personal numbers: 979:9 808:8 878:12
premium numbers of RU, NANP, GB, DE, FR, IT, ES, PL, UA, AU, CH, AT, NL: 7803:7 7809:7 1900:7 4490:8 4498:8 49900:7 33899:6
39899:6 34803:6 34806:6 34905:6 4870:7 380900:6 61190:7 41900:6 43900:6 31900:7 31906:7
"""
_WRITINGS: tuple[Callable[[str], str], ...] = (
    lambda digits: f"+{digits}",
    lambda digits: f"00{digits}",
    lambda digits: f"810{digits}",
    lambda digits: digits,
)


def dear(luck: random.Random) -> Iterator[str]:
    """Foreign, premium and satellite numbers without end, as trunks write them: each range in each writing in turn."""
    ranges = [(prefix, int(tail)) for prefix, tail in re.findall(r"\b(\d+):(\d+)\b", _DEAR)]
    ranges += [(digits[:-3], 3) for digits in _examples()]
    for round_ in itertools.count():
        for place, (prefix, tail) in enumerate(ranges):
            digits = prefix + "".join(luck.choices("0123456789", k=tail))
            written = _WRITINGS[(round_ + place) % len(_WRITINGS)](digits)
            if prefix[0] == "7" or not _at_home(written):
                yield written


def _examples() -> Iterator[str]:
    """A number of each kind of each country, as phonenumbers knows them."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS - {"RU"}):
        for kind in sorted(phonenumbers.supported_types_for_region(region)):
            number = phonenumbers.example_number_for_type(region, kind)
            # 800 is of Russia and Kazakhstan in common: who calls it is not abroad.
            if number is not None and not phonenumbers.is_valid_number_for_region(number, "RU"):
                yield phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def _at_home(written: str) -> bool:
    """84912345678 is a mobile of Vietnam that lost its plus, or one of Ryazan: who calls it, calls Ryazan. No case of ours."""
    if written.startswith(("+", "00", "810")):
        return False
    try:
        number = phonenumbers.parse(written, "RU")
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number_for_region(number, "RU")


def neighbours(how_many: int) -> list[str]:
    """Numbers of one home prefix, each once, as trunks write them."""
    heads = ("+7916", "8916", "7916", "916")
    return [f"{heads[n % len(heads)]}{n * 7919 % 10_000_000:07}" for n in range(how_many)]


# --- what Asterisk prints


def printed(callers: Iterable[str], began: float, every: float) -> Iterator[tuple[float, bytes]]:
    """The events of calls that ring an employee for a second and a half, one call each ``every`` seconds, as they overlap."""
    open_: list[tuple[float, int, bytes]] = []
    serial = itertools.count()
    for n, caller in enumerate(callers):
        at = began + n * every
        while open_ and open_[0][0] < at:
            yield _said(open_)
        for moment, block in _call(n, caller, at):
            heapq.heappush(open_, (moment, next(serial), block))
    while open_:
        yield _said(open_)


def _said(open_: list[tuple[float, int, bytes]]) -> tuple[float, bytes]:
    at, _, block = heapq.heappop(open_)
    return at, block


def _call(n: int, caller: str, at: float) -> Iterator[tuple[float, bytes]]:
    client, phone = f"{at:.0f}.{2 * n}", f"{at:.0f}.{2 * n + 1}"
    trunk = _channel(f"PJSIP/trunk-main-{2 * n:08x}", "4", caller, "from-trunk", "74951234567", client, client)
    rung = _channel(f"PJSIP/101-{2 * n + 1:08x}", "0", "101", "internal", "s", phone, client)
    ringing = rung.replace("ChannelState: 0", "ChannelState: 5")
    dest = "".join(f"Dest{line}\r\n" for line in rung.split("\r\n")[:-1])
    over = "Cause: 127\r\nCause-txt: Interworking, unspecified\r\n"
    parts = (
        (0.0, "Newchannel", trunk),
        (0.001, "Newchannel", rung),
        (0.002, "DialBegin", f"{trunk}{dest}DialString: 101\r\n"),
        (0.003, "Newstate", ringing),
        (1.5, "DialEnd", f"{trunk}{dest}DialStatus: CANCEL\r\n"),
        (1.501, "Hangup", ringing + over),
        (1.502, "Hangup", trunk + over),
    )
    for later, name, headers in parts:
        head = f"Event: {name}\r\nPrivilege: call,all\r\nTimestamp: {at + later:.6f}\r\n"
        yield at + later, f"{head}{headers}\r\n".encode()


def _channel(name: str, state: str, number: str, context: str, exten: str, uniqueid: str, linkedid: str) -> str:
    headers = {
        "Channel": name,
        "ChannelState": state,
        "ChannelStateDesc": "Ring",
        "CallerIDNum": number,
        "CallerIDName": "<unknown>",
        "ConnectedLineNum": "<unknown>",
        "ConnectedLineName": "<unknown>",
        "Language": "en",
        "AccountCode": "",
        "Context": context,
        "Exten": exten,
        "Priority": "1",
        "Uniqueid": uniqueid,
        "Linkedid": linkedid,
    }
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


# --- the listener


@dataclass
class Listener:
    """Bytes in, rows out: what the daemon's *listen* does, at the moment that the bytes tell."""

    journal: Journal
    rules: Sequence[Rule]
    tracker: Tracker = field(default_factory=lambda: Tracker(Lines(["PJSIP/trunk-main"], ["1XX"])))
    decoder: Decoder = field(default_factory=Decoder)
    entered: int = 0

    def hear(self, stream: Iterable[tuple[float, bytes]]) -> Iterator[int]:
        """Yields how many misses are in the journal, whenever one more is."""
        for at, data in stream:
            cut = len(data) // 3  # a block seldom comes whole
            for part in (data[:cut], data[cut:]):
                for message in self.decoder.feed(part):
                    yield from self._enter(self.tracker.feed(message, at), at)
        yield from self._enter(self.tracker.tick(at + 5), at + 5)

    def _enter(self, happenings: Iterable[object], at: float) -> Iterator[int]:
        for happening in happenings:
            if isinstance(happening, CallEnded) and happening.call.missed is not None:
                now = datetime.fromtimestamp(at, UTC)
                assert self.journal.enter(happening.call, self.rules, GROUND, now) is not None
                self.entered += 1
                yield self.entered


def resident() -> float:
    """Megabytes of this process. Source: proc(5), statm's second field, in pages."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


# --- the dial loop


@dataclass(frozen=True)
class Made:
    """One call to a client."""

    number: str
    began: datetime
    ended: datetime
    answered: bool

    @property
    def day(self) -> object:
        return self.began.astimezone(MOSCOW).date()


@dataclass
class DialLoop:
    """The daemon's *dial*: what is due, a last look, written down, rung; what became of it, written down.

    Each call rings and talks for ``lasts``; ``answers`` says of its place in the order of all calls whether it is answered.
    """

    journal: Journal
    rule: Rule
    ground: Ground
    now: datetime
    answers: Callable[[int], bool] = lambda nth: False
    lasts: timedelta = timedelta(seconds=40)
    made: list[Made] = field(default_factory=list)
    alarms: list[datetime] = field(default_factory=list)
    _rested: datetime = field(init=False)
    _flying: list[tuple[Attempt, Made]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rested = self.now

    def run(self, until: datetime, pace: timedelta = timedelta(milliseconds=20)) -> None:
        """Let the time pass. ``pace``: from one lot to the next, at least."""
        while self.now < until:
            self._land()
            if self.now >= self._rested:
                self._look()
                self._rested = self.now + pace
            due = self.journal.next_due(self._busy())
            self.now = min(until, max(due or until, self._rested), *(made.ended for _, made in self._flying))

    def _busy(self) -> frozenset[str]:
        return frozenset({self.rule.slug} if len(self._flying) >= self.rule.at_once else ())

    def _look(self) -> None:
        self.journal.expire(self.now)
        for callback in self.journal.due(self.now, LOT, self._busy()):
            if not self._busy():
                self._consider(callback)
        if busy := self._busy():
            self.journal.held_by_limit(self.now, busy, f"{len(self._flying)} callbacks at once", LOT)

    def _consider(self, callback: Callback) -> None:
        known = self.journal.known(callback, self.ground, self.now)
        decision = check(callback, self.rule, known, (), self.ground, self.now)
        assert not isinstance(decision, Pause)
        if isinstance(decision, End):
            assert self.journal.end(callback, decision, self.now)
        elif isinstance(decision, Wait):
            assert decision.until > self.now
            self.alarms += [self.now] * decision.alarm
            self.journal.hold(callback, decision, self.now)
        else:
            self._ring(callback)

    def _ring(self, callback: Callback) -> None:
        attempt = self.journal.claim(callback, self.rule, self.now)
        assert attempt is not None
        answered = self.answers(len(self.made))
        self.made.append(Made(callback.number, self.now, self.now + self.lasts, answered))
        self._flying.append((attempt, self.made[-1]))

    def _land(self) -> None:
        over = [flight for flight in self._flying if flight[1].ended <= self.now]
        for attempt, made in over:
            self._flying.remove((attempt, made))
            ended = Disposition("NO ANSWER", "client_no_answer", True, cause=19)
            if made.answered:
                talked_at = made.began + 10 * SECOND
                self.journal.talks(attempt.channel_id, "101", talked_at)
                talk = (made.ended - talked_at).total_seconds()
                ended = Disposition("ANSWERED", "answered", True, "101", talked_at, talk)
            callback = self.journal.callback(attempt.callback_id)
            then = after(callback, ended, self.rule, self.ground, self.now)
            assert self.journal.finish(attempt, ended, then, self.now)


# --- what must be true of all that was dialled


@dataclass(frozen=True)
class Judged:
    """The calls that were made, in their order."""

    made: Sequence[Made]

    @cached_property
    def starts(self) -> list[datetime]:
        return [made.began for made in self.made]

    def breaches(self, caps: Caps) -> dict[str, int]:
        """What was done that must not be, and how often. Empty: nothing."""
        found = {
            "out of order": sum(a > b for a, b in itertools.pairwise(self.starts)),
            "outside the legal hours": sum(not 9 <= at.astimezone(MOSCOW).hour < 21 for at in self.starts),
            "twice at once": sum(any(self._crosses(a, b) for b in self.made[:n]) for n, a in enumerate(self.made)),
            "over the cap of a prefix": self._over_prefix(caps.max_per_prefix_per_hour),
            "over the cap of a day": _over(Counter(m.day for m in self.made), caps.max_per_day),
            "over the cap of a number": _over(
                Counter((m.day, m.number) for m in self.made), caps.max_per_number_per_day
            ),
            "after so many minutes in a day": self._over_minutes(caps.max_minutes_per_day),
            "through the breaker": self._through_breaker(caps.breaker_attempts),
            "after an answer": sum(a.answered and a.number == b.number for n, b in enumerate(self.made) for a in self.made[:n]),
        }  # fmt: skip
        return {breach: times for breach, times in found.items() if times}

    def _crosses(self, one: Made, other: Made) -> bool:
        return one.number == other.number and one.began < other.ended

    def _over_prefix(self, cap: int) -> int:
        """In how many hours, each ending with a call, more than ``cap`` were made to numbers of its prefix."""
        by_prefix: dict[str, list[datetime]] = {}
        for made in self.made:
            by_prefix.setdefault(prefix_of(made.number), []).append(made.began)
        return sum(
            n + 1 - bisect_right(starts, at - HOUR) > cap
            for starts in by_prefix.values()
            for n, at in enumerate(starts)
        )

    def _over_minutes(self, cap: float) -> int:
        """Calls that were begun when so many minutes had been talked; what was going on then is not known yet."""
        return sum(
            sum((m.ended - m.began - 10 * SECOND) / timedelta(minutes=1) for m in self._answered_before(made)) >= cap
            for made in self.made
        )

    def _answered_before(self, made: Made) -> list[Made]:
        return [m for m in self.made if m.answered and m.ended <= made.began and m.day == made.day]

    def _through_breaker(self, attempts: int) -> int:
        """Calls within ten minutes after another, when of the latest that had ended fewer than one in twenty was answered."""
        found = 0
        for n, made in enumerate(self.made):
            ended = [m.answered for m in self.made[:n] if m.ended <= made.began][-attempts:]
            hardly_any = attempts and len(ended) == attempts and sum(ended) < attempts / 20
            found += bool(hardly_any and made.began - self.made[n - 1].began < timedelta(minutes=10))
        return found


def _over(counted: Counter[Any], cap: int) -> int:
    return sum(times > cap for times in counted.values())


def told(journal: Journal, query: str) -> list[tuple[Any, ...]]:
    with journal.database.reading() as db:
        return [tuple(row) for row in db.execute(text(query)).all()]


OPEN = "SELECT count(*) FROM callbacks WHERE state != 'closed' OR open_number IS NOT NULL"
STUCK = "SELECT count(*) FROM missed WHERE status = 'calling' OR due_at IS NOT NULL"
REASONS = "SELECT reason, count(*) FROM missed GROUP BY reason"
# Of each row the last line of its story that tells a status, where that is another than the row's.
UNTOLD = """SELECT m.id FROM missed m LEFT JOIN story s ON s.id = (SELECT max(id) FROM story WHERE missed_id = m.id
AND (event = 'calling' OR json_extract(details, '$.status') IS NOT NULL))
WHERE coalesce(json_extract(s.details, '$.status'), '') != m.status
OR coalesce(json_extract(s.details, '$.reason'), '') != m.reason"""


# --- the storm

NIGHT = moscow(1, "03:00")
EACH = 10_000  # misses of either kind
SALES = rule(retry={"attempts": 3, "expire": "30h"})


@dataclass
class Storm:
    """Twenty thousand calls of one night, in the journal; and how large this process was after so many of them."""

    journal: Journal
    listener: Listener
    megabytes: dict[int, float]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """In memory where there is such a place: how long a disk takes to be sure of 100,000 commits is not asked here."""
    memory = Path("/dev/shm")
    made = tempfile.mkdtemp(dir=memory if memory.is_dir() and os.access(memory, os.W_OK) else None)
    yield Path(made)
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def storm(folder: Path) -> Storm:
    journal = opened(folder / "storm.db", SALES)
    luck = random.Random(4)
    numbers = dear(luck)
    remember(itertools.islice(numbers, 2_000))
    callers = [*itertools.islice(numbers, EACH), *neighbours(EACH)]
    luck.shuffle(callers)
    listener, megabytes = Listener(journal, [SALES]), {}
    for entered in listener.hear(printed(callers, NIGHT.timestamp(), 0.3)):
        if entered in (2_000, 2 * EACH):
            megabytes[entered] = resident()
    return Storm(journal, listener, megabytes)


def remember(some: Iterable[str]) -> None:
    """What is kept of countries and of numbers gets its full size, which is bounded."""
    abroad = (f"+{digits}" for digits in _examples())
    for number in itertools.chain(some, abroad, (f"+53{50_000_000 + n}" for n in range(17_000))):
        refusal(number, GROUND.gate)
        prefix_of(normalise(number, "RU") or "+79160000000")


def opened(path: Path, sales: Rule) -> Journal:
    journal = Journal.open(f"sqlite:///{path}", "pbx1")
    rulebook.replace(journal, [sales], "tester", GROUND, moscow(1))
    return journal


def test_every_call_of_the_storm_is_in_the_journal_and_memory_stays_flat(storm: Storm) -> None:
    assert storm.listener.entered == 2 * EACH
    assert not storm.listener.tracker.switch.channels and not storm.listener.tracker.dropped
    assert storm.megabytes[2 * EACH] - storm.megabytes[2_000] < 5, storm.megabytes


def test_no_foreign_or_premium_number_gets_a_callback(storm: Storm) -> None:
    rows = told(
        storm.journal, "SELECT reason, callback_id, count(*) FROM missed WHERE caller NOT LIKE '+7916%' GROUP BY 1, 2"
    )
    assert {reason for reason, _, _ in rows} == {"refused_number", "bad_number"}
    assert {callback for _, callback, _ in rows} == {None}
    assert sum(times for _, _, times in rows) == EACH


def test_a_neighbour_gets_one_callback_and_not_before_the_morning(storm: Storm) -> None:
    found = told(storm.journal, "SELECT count(*), count(DISTINCT number), min(due_at), max(due_at) FROM callbacks")
    nine = f"{moscow(1, '09:00'):%Y-%m-%d %H:%M:%S.%f}"
    assert found == [(EACH, EACH, nine, nine)]
    assert told(storm.journal, "SELECT count(*) FROM callbacks WHERE number NOT LIKE '+7916_______'") == [(0,)]


def test_two_days_in_which_nobody_answers(storm: Storm) -> None:
    """The daemon is a slow one, which takes up fifty in so long; its own pace is tried below, on fewer numbers."""
    loop = DialLoop(storm.journal, SALES, GROUND, moscow(1, "08:00"))
    loop.run(moscow(1, "09:06"), 5 * SECOND)
    loop.run(moscow(1, "21:30"), HOUR / 3)
    loop.run(moscow(2, "09:00"), 3 * HOUR)
    loop.run(moscow(2, "15:00"), HOUR / 3)  # when all of them expire
    loop.run(moscow(3, "00:00"))
    assert 50 <= len(loop.made) < 250
    assert loop.alarms and Judged(loop.made).breaches(Caps()) == {}
    assert told(storm.journal, OPEN) == told(storm.journal, STUCK) == [(0,)]
    reasons = dict(told(storm.journal, REASONS))
    assert reasons.keys() == {"bad_number", "refused_number", "expired", "client_no_answer"}
    assert reasons["expired"] + reasons["client_no_answer"] == EACH
    assert told(storm.journal, UNTOLD) == []


# --- the daemon's own pace, on fewer numbers


def promised(path: Path, callers: Sequence[str], sales: Rule) -> Journal:
    """A journal in which these have called at night."""
    journal = opened(path, sales)
    for _ in Listener(journal, [sales]).hear(printed(callers, NIGHT.timestamp(), 0.3)):
        pass
    assert told(journal, "SELECT count(*) FROM callbacks") == [(len(callers),)]
    return journal


# Each reaches another of the caps: some of the calls are answered, so that the breaker lets them be.
SMALL = Caps(max_per_prefix_per_hour=1000, max_per_day=1000, max_minutes_per_day=1000, breaker_attempts=50)


@pytest.mark.parametrize(
    ("caps", "minutes", "cap"),
    [
        (replace(SMALL, max_per_prefix_per_hour=5), 1, "same prefix"),
        (replace(SMALL, max_per_day=20), 1, "calls were made today"),
        (replace(SMALL, max_minutes_per_day=30), 6, "minutes were talked today"),
        (replace(SMALL, max_per_number_per_day=2), 1, "this number was called"),
        (replace(SMALL, max_per_prefix_per_hour=7, max_per_day=40, max_minutes_per_day=20), 4, "same prefix"),
    ],
)
def test_each_cap_is_kept_at_every_moment_and_nobody_is_forgotten(
    folder: Path, caps: Caps, minutes: int, cap: str
) -> None:
    sales = rule(retry={"attempts": 3, "expire": "30h"}, at_once=3)
    journal = promised(folder / f"{hash(caps)}.db", neighbours(100), sales)
    ground, lasts = replace(GROUND, caps=caps), timedelta(minutes=minutes)
    loop = DialLoop(journal, sales, ground, moscow(1, "08:00"), lambda nth: nth % 4 == 3, lasts)
    loop.run(moscow(3))
    assert Judged(loop.made).breaches(caps) == {}
    assert told(journal, OPEN) == told(journal, STUCK) == [(0,)]
    assert told(journal, UNTOLD) == []
    grounds = told(journal, "SELECT DISTINCT json_extract(details, '$.ground') FROM story")
    assert any(cap in (ground or "") for (ground,) in grounds)
    assert {number for (number,) in told(journal, "SELECT number FROM callbacks")} >= {m.number for m in loop.made}


def test_the_breaker_lets_one_call_through_in_ten_minutes_until_somebody_answers(folder: Path) -> None:
    """Three may be made at once, and each takes longer than the look at the next."""
    caps = replace(SMALL, breaker_attempts=10)
    sales = rule(retry={"attempts": 20, "expire": "30h"}, at_once=3)
    journal = promised(folder / "breaker.db", neighbours(30), sales)
    mended = [False]
    loop = DialLoop(journal, sales, replace(GROUND, caps=caps), moscow(1, "08:00"), lambda nth: mended[0])
    loop.run(moscow(1, "10:30"))
    tripped = len(loop.made)
    assert 15 <= tripped <= 22 and loop.alarms
    assert Judged(loop.made).breaches(caps) == {}
    mended[0] = True
    loop.run(moscow(1, "11:30"))
    assert len(loop.made) > tripped + 20
    assert Judged(loop.made).breaches(caps) == {}
