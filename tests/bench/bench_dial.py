"""What 10,000 callbacks that are due at the same second cost the daemon. Not a test: ``make bench``.

The daemon is the real one, with its journal on a disk; the PBX is a process beside it that answers as Asterisk does, rings
each client for a while in vain, and lets strangers call and hang up meanwhile. Limits are off: the config allows 100
Originates a second at most, and here the daemon's own pace is asked for.

Measured: the order of the Originates on the wire; CPU and wall time for each, and for all that follows until it is closed;
how long after his hang-up a stranger's row is in the journal, beyond the grace. Then, with 100,000 attempts in the table,
what the two questions of the dial loop take, and by which index they are answered.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import itertools
import json
import logging
import multiprocessing
import os
import platform
import pstats
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "ami"))

from fake_ami import Changes, FakeAmi, Headers, block
from sqlalchemy import Connection, event, insert, text

from asterisk_missed.callbacks.plan import Callback, Go, Wait, check
from asterisk_missed.calls.call import EndedCall
from asterisk_missed.calls.tracker import GRACE
from asterisk_missed.config import Config, read
from asterisk_missed.daemon import LOT, Daemon
from asterisk_missed.journal import rulebook
from asterisk_missed.journal.journal import Journal
from asterisk_missed.journal.tables import attempts, callbacks, missed
from asterisk_missed.rules.rule import Rule

RINGS = 5.0  # seconds for which a client is rung in vain
STRANGER_EVERY = 0.25  # seconds
GOAL = 5.0  # ms for a callback
STARVED = 1.0  # seconds to the row of a missed call, beyond the grace
# Stands for `asterisk -rx`: it has loaded what is in the folder.
LOADED = """#!/bin/sh
sed -n "s/^exten => \\(stamp[0-9a-f]*\\),1.*/  '\\1' => 1. NoOp()/p" "{folder}"/*.conf
"""
SALES = Rule.read(
    {
        "slug": "sales",
        "source": {"did": "74951234567"},
        "first": "client",
        "connect": {"extensions": ["101"]},
        "delay": "1d",
        "retry": {"attempts": 1},
        "at_once": 1000,
    }
)


# --- the far end: a process of its own, so that its work is not the daemon's


def far_end(pipe: Pipe) -> None:
    """Tells its port; at the word ``end``, what it has seen."""
    asyncio.run(_serve(pipe))


async def _serve(pipe: Pipe) -> None:
    async with FakeAmi(Changes()) as ami:
        seen: list[tuple[float, str]] = []
        hung_up: dict[str, float] = {}
        ami.answers["Originate"] = lambda headers: _originated(ami, seen, headers)
        pipe.send(ami.port)
        strangers = asyncio.create_task(_strangers(ami, seen, hung_up))
        await asyncio.to_thread(pipe.recv)
        strangers.cancel()
        pipe.send((seen, hung_up))


def _originated(ami: FakeAmi, seen: list[tuple[float, str]], headers: Headers) -> bytes:
    """The client rings. His number stands in the channel to be called: Local/+7916…@missed-sales-client/n."""
    number = headers["Channel"].partition("/")[2].partition("@")[0]
    seen.append((time.monotonic(), number))
    loop, call = asyncio.get_running_loop(), partial(_ringing, headers["ChannelId"], number, len(seen))
    loop.call_soon(lambda: ami.say(call("begins")))
    loop.call_later(RINGS, lambda: ami.say(call("ends")))
    return block("Response: Success", f"ActionID: {headers['ActionID']}", "Message: Originate successfully queued")


def _ringing(channel_id: str, number: str, n: int, what: str) -> bytes:
    """As Asterisk 22 tells an Originate of a Local channel whose far half dials the trunk; nobody answers there."""
    local = f"Local/{number}@missed-sales-client-{n:08x}"
    one = _channel(f"{local};1", "0", number, "missed-sales", "s", channel_id, channel_id)
    two = _channel(f"{local};2", "4", number, "missed-sales-client", number, f"{channel_id};2", channel_id)
    out = _channel(f"PJSIP/trunk-main-{n:08x}", "0", number, "from-trunk", number, f"{n}.1", channel_id)
    dest = [f"Dest{line}" for line in out]
    if what == "begins":
        return b"".join(
            (
                _event("Newchannel", *one),
                _event("Newchannel", *two),
                _event("Newchannel", *out),
                _event("DialBegin", *two, *dest, f"DialString: {number}@trunk-main"),
            )
        )
    over = ("Cause: 19", "Cause-txt: User alerting, no answer")
    return b"".join(
        (
            _event("DialEnd", *two, *dest, "DialStatus: NOANSWER"),
            *(_event("Hangup", *channel, *over) for channel in (out, two, one)),
        )
    )


async def _strangers(ami: FakeAmi, seen: Sequence[object], hung_up: dict[str, float]) -> None:
    """While callbacks are made, somebody calls every so often and hangs up at once. Uniqueid -> when he did."""
    for n in itertools.count():
        await asyncio.sleep(STRANGER_EVERY)
        if seen:
            now = time.time()
            uniqueid = f"{now:.0f}.{n}"
            channel = _channel(
                f"PJSIP/trunk-main-f{n:07x}", "4", f"7903{n:07}", "from-trunk", "74951234567", uniqueid, uniqueid
            )
            over = ("Cause: 16", "Cause-txt: Normal Clearing")
            ami.say(_event("Newchannel", *channel, at=now) + _event("Hangup", *channel, *over, at=now))
            hung_up[uniqueid] = now


def _event(name: str, *lines: str, at: float | None = None) -> bytes:
    return block(f"Event: {name}", "Privilege: call,all", f"Timestamp: {at or time.time():.6f}", *lines)


def _channel(name: str, state: str, number: str, context: str, exten: str, uniqueid: str, linkedid: str) -> list[str]:
    return [
        f"Channel: {name}",
        f"ChannelState: {state}",
        "ChannelStateDesc: Ring",
        f"CallerIDNum: {number}",
        "CallerIDName: <unknown>",
        "ConnectedLineNum: <unknown>",
        "ConnectedLineName: <unknown>",
        "Language: en",
        "AccountCode: ",
        f"Context: {context}",
        f"Exten: {exten}",
        "Priority: 1",
        f"Uniqueid: {uniqueid}",
        f"Linkedid: {linkedid}",
    ]


# --- the journal


def configured(folder: Path, port: int = 5038, breaker: int = 0) -> Config:
    """Round the clock, without caps and limits; ``breaker``: the attempts that it looks at."""
    command = folder / "asterisk"
    command.write_text(LOADED.replace("{folder}", f"{folder}/d"))
    command.chmod(0o755)
    (folder / "d").mkdir(exist_ok=True)
    config = read(
        f"[general]\ndatabase = sqlite:///{folder}/journal.db\nstate = {folder}\ntimezone = Europe/Moscow\n"
        f"[ami]\nport = {port}\nsecret = secret\n"
        f"[pbx]\nasterisk = {command}\ncontexts = {folder}/d\n"
        "[calls]\nlegal_hours = 00:00-24:00\n"
        "[guard]\nmax_per_prefix_per_hour = 1000000\nmax_per_day = 1000000\nmax_minutes_per_day = 1000000\n"
        f"breaker_attempts = {breaker}\n",
        {},
    )
    limits = config.limits.model_copy(update={"at_once": 100_000, "originates_per_second": 1e9})
    return config.model_copy(update={"limits": limits})


def opened(config: Config) -> Journal:
    journal = Journal.open(config.general.database, "pbx1")
    rulebook.replace(journal, [SALES], "bench", config.ground, datetime.now(UTC))
    return journal


_NO_CLIENTS = (903, 940, 954)  # the strangers', Abkhazia's, satellites'


def numbers(count: int, prefixes: int) -> list[str]:
    """Russian mobile numbers of so many prefixes."""
    heads = [head for head in range(900, 1000) if head not in _NO_CLIENTS][: prefixes or None]
    return [f"+7{heads[n % len(heads)]}{1_000_000 + n:07}" for n in range(count)]


def promise(journal: Journal, callers: Sequence[str], due: datetime) -> list[str]:
    """A callback for each, all due within the same second; the order is not that of their ids. Returns it."""
    places = list(range(len(callers)))
    random.Random(4).shuffle(places)
    began = due - timedelta(minutes=3)
    promised = [
        {"pbx": "pbx1", "number": number, "open_number": number, "rule": "sales", "state": "waiting", "attempts": 0}
        | {"reason": "scheduled", "due_at": due + timedelta(microseconds=50 * place), "first_due_at": due, "did": ""}
        | {"since": began, "asked_at": began, "expires_at": due + timedelta(days=1), "by_hand": False, "id": n + 1}
        for n, (number, place) in enumerate(zip(callers, places, strict=True))
    ]
    rows = [
        {"pbx": "pbx1", "linkedid": f"before.{n}", "callback_id": n + 1, "missed_at": began, "started_at": began}
        | {"caller": number, "caller_name": "", "did": "74951234567", "trunk": "trunk-main", "rule": "sales"}
        | {"wait": 5.0, "status": "not_called_back", "reason": "scheduled", "due_at": due, "attempts": 0}
        | {"recovered": False}
        for n, number in enumerate(callers)
    ]
    with journal.database.writing() as db:
        db.execute(insert(callbacks), promised)
        db.execute(insert(missed), rows)
    return [number for _, number in sorted(zip(places, callers, strict=True))]


def tried(journal: Journal, count: int, over: timedelta, now: datetime) -> None:
    """So many attempts of the past, to numbers of other clients, the last a moment ago."""
    others = numbers(count, 0)
    rows = [
        {"callback_id": 1, "number": number, "nth": 1, "pbx": "pbx1", "channel_id": f"missed-{n:016x}", "rule": "sales"}
        | {"first": "client", "started_at": (at := now - over * (count - n) / count), "disposition": "NO ANSWER"}
        | {"ended_at": at + timedelta(seconds=40), "reason": "client_no_answer", "rung": True, "cause": 19}
        for n, number in enumerate(others)
    ]
    with journal.database.writing() as db:
        db.execute(insert(attempts), rows)


# --- the run


class Clocked(Journal):
    """A journal that remembers when each missed call was in it (Uniqueid -> unix seconds), and when dialling began."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal.database, journal.pbx)
        self.entered: dict[str, float] = {}
        self.began = 0.0  # CPU seconds of this process

    def known(self, *args: Any, **kwargs: Any) -> Any:
        self.began = self.began or time.process_time()
        return super().known(*args, **kwargs)

    def enter(self, ended: EndedCall, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().enter(ended, *args, **kwargs)
        finally:
            self.entered[ended.linkedid] = time.time()


@contextmanager
def beside() -> Iterator[Pipe]:
    """The far end's process."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=far_end, args=(there,), daemon=True)
    process.start()
    yield here
    process.join(10)


def dialled(folder: Path, count: int, prefixes: int, profile: bool) -> dict[str, Any]:
    """All of them made by a daemon, and what that took."""
    with beside() as far:
        config = configured(folder, far.recv())
        journal = Clocked(opened(config))
        wanted = promise(
            journal, numbers(count, prefixes), datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
        )
        figures = asyncio.run(_run(Daemon(config, journal), journal, count, profile))
        far.send("end")
        seen, hung_up = far.recv()
    made = [number for _, number in seen]
    late = [journal.entered[uniqueid] - at - GRACE for uniqueid, at in hung_up.items() if uniqueid in journal.entered]
    wall = seen[-1][0] - seen[0][0]
    return figures | {
        "callbacks": count,
        "prefixes": prefixes,
        "originates": len(made),
        "out_of_order": sum(a != b for a, b in zip(made, wanted, strict=False)) + abs(len(made) - len(wanted)),
        "wall_ms": round(wall / count * 1e3, 2),
        "strangers": len(late),
        "stranger_median_s": round(statistics.median(late), 3),
        "stranger_worst_s": round(max(late), 3),
        "strangers_starved": sum(seconds > STARVED for seconds in late),
    }


async def _run(daemon: Daemon, journal: Clocked, count: int, profile: bool) -> dict[str, Any]:
    """CPU milliseconds for each callback until the last Originate was answered, and until the last was closed."""
    profiles = [cProfile.Profile(), cProfile.Profile()] if profile else []
    if profile:
        daemon._thread = ThreadPoolExecutor(max_workers=1, initializer=profiles[1].enable)
        profiles[0].enable()
    running = asyncio.create_task(daemon.run())
    began = time.monotonic()
    marks: dict[str, float] = {}
    while len(marks) < 2:
        await asyncio.sleep(0.5)
        left = await asyncio.to_thread(_left, journal, count)
        spent = (time.process_time() - journal.began) / count * 1e3
        if not left["waiting"]:
            marks.setdefault("dial_cpu_ms", round(spent, 2))
        if not left["waiting"] and not left["calling"]:
            marks.setdefault("all_cpu_ms", round(spent, 2))
        if time.monotonic() - began > 60 + count * 0.2:
            raise SystemExit(f"it does not end: {left}")
    for each in profiles[:1]:
        each.disable()
    daemon.stop()
    await running
    _shown(profiles)
    return dict(marks)


def held(folder: Path, count: int) -> dict[str, Any]:
    """Hardly anybody answers: all are looked at, and put off until the breaker lets one through in ten minutes."""
    with beside() as far:
        config = configured(folder, far.recv(), 50)
        journal = Clocked(opened(config))
        now = datetime.now(UTC)
        promise(journal, numbers(count, 0), now - timedelta(seconds=1))
        tried(journal, 100, timedelta(hours=1), now)
        figures = asyncio.run(_put_off(Daemon(config, journal), journal, count))
        far.send("end")
        far.recv()
    return figures


async def _put_off(daemon: Daemon, journal: Clocked, count: int) -> dict[str, Any]:
    running = asyncio.create_task(daemon.run())
    while not journal.began:
        await asyncio.sleep(0.01)
    began = time.monotonic()
    while (await asyncio.to_thread(_waiting, journal)) and not running.done():
        await asyncio.sleep(0.5)
    cpu, wall = time.process_time() - journal.began, time.monotonic() - began
    daemon.stop()
    await running
    return {"callbacks": count, "cpu_ms": round(cpu / count * 1e3, 2), "all_s": round(wall, 1)}


def _waiting(journal: Journal) -> int:
    with journal.database.reading() as db:
        return int(db.execute(text("SELECT count(*) FROM callbacks WHERE reason != 'held_limit'")).scalar_one())


def _left(journal: Journal, count: int) -> dict[str, int]:
    states = text("SELECT state, count(*) FROM callbacks WHERE id <= :count GROUP BY state")
    with journal.database.reading() as db:
        found = {str(state): int(times) for state, times in db.execute(states, {"count": count}).all()}
    return {state: found.get(state, 0) for state in ("waiting", "calling")}


def _shown(profiles: Sequence[cProfile.Profile]) -> None:
    for whose, each in zip(("loop", "journal's thread"), profiles, strict=False):
        print(f"--- profile of the {whose}")
        for order in ("cumulative", "tottime"):
            pstats.Stats(each).sort_stats(order).print_stats(40)


# --- the questions of the dial loop


def asked(folder: Path, count: int, over: timedelta, times: int = 200) -> dict[str, Any]:
    """What a look costs (ms) with so many attempts in the table, and with what indexes SQLite answers."""
    config = configured(folder)
    journal = opened(config)
    now = datetime.now(UTC)
    promise(journal, numbers(10_000, 0), now - timedelta(seconds=2))
    tried(journal, count, over, now)
    lot = journal.due(now, LOT)
    clock = time.perf_counter
    took: dict[str, list[float]] = {"due": [], "known": [], "check": [], "hold": []}
    for n in range(times):
        callback = lot[n % LOT]
        marks = [clock()]
        assert len(journal.due(now, LOT)) == LOT
        marks.append(clock())
        known = journal.known(callback, config.ground, now)
        marks.append(clock())
        assert check(callback, SALES, known, (), config.ground, now) == Go()
        marks.append(clock())
        journal.hold(callback, Wait("held_limit", callback.due_at, "as it was"), now)
        marks.append(clock())
        for name, (a, b) in zip(took, itertools.pairwise(marks), strict=True):
            took[name].append((b - a) * 1e3)
    medians = {name: round(statistics.median(spent), 2) for name, spent in took.items()}
    return {
        "attempts": count,
        "within_hours": over // timedelta(hours=1),
        "ms": medians,
        "plans": _plans(journal, config, lot[0], now),
    }


def _plans(journal: Journal, config: Config, callback: Callback, now: datetime) -> dict[str, list[str]]:
    """SQLite's own words for how it answers."""
    questions: dict[str, Callable[[], object]] = {
        "due": lambda: journal.due(now, LOT, {"busy"}),
        "next_due": lambda: journal.next_due({"busy"}),
        "known": lambda: journal.known(callback, config.ground, now),
    }
    return {name: [line for query in _heard(journal, ask) for line in query] for name, ask in questions.items()}


def _heard(journal: Journal, ask: Callable[[], object]) -> list[list[str]]:
    said: list[tuple[str, Any]] = []

    def hear(_c: Connection, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool) -> None:
        said.append((statement, parameters))

    engine = journal.database.engine
    event.listen(engine, "before_cursor_execute", hear)
    ask()
    event.remove(engine, "before_cursor_execute", hear)
    plans = []
    with journal.database.reading() as db:
        for statement, parameters in said:
            if statement.startswith("SELECT"):
                plan = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
                table = statement.partition("FROM ")[2].split()[0]
                plans.append([f"{table}: {row[-1]}" for row in plan])
    return plans


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--callbacks", type=int, default=10_000)
    words.add_argument("--prefixes", type=int, default=0, help="of the clients' numbers; 0: all of a country's mobiles")
    words.add_argument(
        "--attempts", type=int, default=100_000, help="in the table when the questions are asked; 0: none"
    )
    words.add_argument("--folder", type=Path, help="where the journals are kept meanwhile")
    words.add_argument("--profile", action="store_true", help="show what costs the most (everything is slower then)")
    words.add_argument("--json", type=Path, help="write the figures into this file too")
    given = words.parse_args()
    logging.disable(logging.CRITICAL)
    figures: dict[str, Any] = {"python": platform.python_version(), "cores": os.cpu_count()}
    with ExitStack() as stack:

        def folder() -> Path:
            return Path(stack.enter_context(tempfile.TemporaryDirectory(dir=given.folder)))

        if given.callbacks:
            figures["dial"] = row = dialled(folder(), given.callbacks, given.prefixes, given.profile)
            print(f"{row['originates']:,} Originates, {row['out_of_order']} out of order")
            sent, closed = row["dial_cpu_ms"], row["all_cpu_ms"]
            print(
                f"a callback until it is sent {sent:.2f} ms CPU (goal: under {GOAL:g}), {row['wall_ms']:.2f} ms of time"
            )
            print(f"a callback until it is closed {closed:.2f} ms CPU")
            print(
                f"{row['strangers']} missed calls meanwhile: in the journal {row['stranger_median_s']:.3f} s after the grace "
                f"(median), {row['stranger_worst_s']:.3f} s at worst; {row['strangers_starved']} later than {STARVED:g} s"
            )
            figures["held"] = row = held(folder(), given.callbacks)
            print(
                f"{row['callbacks']:,} put off by the breaker: {row['cpu_ms']:.2f} ms CPU each, {row['all_s']:.0f} s for all, "
                "every ten minutes"
            )
        if given.attempts:
            spans = (timedelta(days=365), timedelta(days=30), timedelta(hours=6))
            figures["questions"] = [asked(folder(), given.attempts, over) for over in spans]
            for row in figures["questions"]:
                costs = ", ".join(f"{name} {ms:.2f}" for name, ms in row["ms"].items())
                print(f"{row['attempts']:,} attempts within {row['within_hours']:,} hours: {costs} ms")
            for name, plan in figures["questions"][0]["plans"].items():
                print(f"{name}:", *plan, sep="\n    ")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")
    else:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
