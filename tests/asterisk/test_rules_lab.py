"""Rules on a real PBX: when a client is rung, when he is not, and what hands and switches do to callbacks that wait.

How often and when somebody was rung is the truth of the far end's own log, never of the journal.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from lab import FarCall, Lab, WorldCall
from product import CONFIG, Product, Row
from scenarios import Phone
from until import until

pytestmark = pytest.mark.asterisk

# A zone in which it is noon now, so that neither midnight nor a closing hour comes in between.
ZONE = ZoneInfo(f"Etc/GMT{datetime.now(UTC).hour - 12:+d}")
NOON = CONFIG.replace("[general]\n", f"[general]\ntimezone = {ZONE.key}\n")

# What a hand or a switch does is seen at the telephones within this, in seconds.
AT_ONCE = 3.0

# Who was on the line when his time came is rung within this after its end, in seconds: a second of grace belongs to it.
HELD = 2.0


def is_missed(lab: Lab, product: Product, number: str, did: str) -> Row:
    """A client calls and is not answered; his row, once it is there."""
    lab.client_calls(number, did, 3)
    product.await_rows(number, bool, 15, "was journalled")
    return product.rows(number)[0]


def first_ring(lab: Lab, number: str, seconds: float = 15) -> FarCall:
    """The first call that reached him."""
    return until(lambda: lab.far_calls(number), seconds, f"{number} was rung")[0]


def due(row: Row) -> datetime:
    return datetime.fromisoformat(row["due_at"])


def await_time(at: float, what: str) -> None:
    """Wait for a moment (unix time): what must not happen has had its time."""
    until(lambda: time.time() >= at, max(0.0, at - time.time()) + 5, what)


# --- the clock is moved: no other callbacks beside these

# Telephones 1L3 are busy, so that their DIDs make a missed call at once.
HOURS = """\
rules:
  - {slug: always, source: {did: "74952000103"}, delay: 1s, first: client, connect: {extensions: ["107"]}}
  - slug: late
    source: {did: "74952000133"}
    delay: 1s
    hours: [{days: mon-sun, time: "18:00-20:00"}]
    first: client
    connect: {extensions: ["107"]}
    retry: {expire: 2d}
  - &afternoon
    slug: afternoon
    source: {did: "74952000113"}
    delay: 1s
    hours: [{days: mon-sun, time: "17:00-20:00"}]
    first: client
    connect: {extensions: ["107"]}
  - {<<: *afternoon, slug: skipping, source: {did: "74952000123"}, outside_hours: skip}
"""


@pytest.fixture
def evening(lab: Lab) -> Iterator[Product]:
    """A daemon whose clock can be moved, with a journal of its own: other tests have no use for a row of tomorrow."""
    config = NOON.replace("00:00-24:00", "15:00-21:00")
    database = "sqlite:////var/lib/asterisk-missed/evening.db"
    config = config.replace("[general]\n", f"[general]\ndatabase = {database}\n")
    lab.put_clock(0)
    product = Product(lab, config=config, movable_clock=True)
    product.configure(HOURS)
    product.start()
    yield product
    product.stop()
    lab.path(database.removeprefix("sqlite:///")).unlink()
    lab.cli("pbx", "database deltree missed_talk")  # the dialplan's marks of attempts that are nobody's now


def clock_reads(lab: Lab, at: datetime) -> float:
    """Put the daemon's clock to this moment; by how many seconds it is ahead of the telephones' then."""
    ahead = at.timestamp() - time.time()
    lab.put_clock(ahead)
    return ahead


def test_a_client_is_called_once_when_the_hours_open_and_never_outside(lab: Lab, evening: Product) -> None:
    always, afternoon, skipped, late = clients = [f"7916000453{place}" for place in range(4)]
    noon = datetime.now(ZONE).replace(minute=0, second=0, microsecond=0)
    legal, opening, last, closing = (noon.replace(hour=hour) for hour in (15, 17, 18, 20))
    day = timedelta(days=1)

    def is_called_at(client: str, opens: datetime) -> None:
        ahead = clock_reads(lab, opens - timedelta(seconds=1))
        call = first_ring(lab, client)
        assert 0 <= call.at + ahead - opens.timestamp() < 5
        row = evening.await_end("+" + client)
        assert (row["status"], row["employee"], lab.calls_to(client)) == ("called_back", "107", 1)

    for client, lane in zip(clients, range(4), strict=True):
        lab.client_calls(client, lab.did_of(f"1{lane}3"), 3)
    until(lambda: len(evening.rows()) == 4, 15, "they were journalled")
    rows = {row["caller"]: (row["reason"], row["due_at"] and due(row)) for row in evening.rows()}
    assert [rows["+" + client] for client in clients] == [
        ("outside_hours", legal),
        ("outside_hours", opening),
        ("skipped_outside_hours", None),
        ("outside_hours", last),
    ]
    assert [lab.calls_to(client) for client in clients] == [0, 0, 0, 0]

    is_called_at(always, legal)
    assert lab.calls_to(afternoon) == 0 and evening.rows(afternoon)[0]["reason"] == "outside_hours"
    is_called_at(afternoon, opening)

    clock_reads(lab, closing)  # when the daemon comes to the last one, the hours that it waited for are over
    evening.await_rows(late, lambda rows: due(rows[0]) == last + day, 10, "was put off")
    assert evening.rows(late)[0]["reason"] == "outside_hours" and lab.calls_to(late) == 0
    is_called_at(late, last + day)
    assert lab.calls_to(skipped) == 0


# --- what needs no other clock: all at once, each scenario with numbers and telephones of its own

# Telephones 1L0 and 1L9 refuse as quickly as those that are busy. 1L7 talks for 3 s.
RULES = """\
rules:
  - {slug: returned, source: {did: "74952000103"}, delay: 6s, first: client, connect: {extensions: ["107"]}}
  - slug: again
    source: {did: ["74952000113", "74952000112"]}
    delay: 4s
    first: client
    connect: {extensions: ["117"]}
  - {slug: thrice, source: {did: "74952000123"}, delay: 12s, first: client, connect: {extensions: ["127"]}}
  - {slug: switched, source: {did: "74952000133"}, delay: 12s, first: client, connect: {extensions: ["137"]}}
  - {slug: deleted, source: {did: "74952000143"}, delay: 12s, first: client, connect: {extensions: ["147"]}}
  - {slug: patient, source: {did: "74952000153"}, delay: 1h, first: client, connect: {extensions: ["157"]}}
  - {slug: soon, source: {did: "74952000150"}, delay: 12s, first: client, connect: {extensions: ["157"]}}
  - slug: assigned
    source: {did: "74952000159"}
    delay: 1h
    first: employee
    connect: {extensions: ["167"]}
    ring: {employee: 2s}
  - {slug: one, source: {did: "74952000163"}, delay: 4s, first: employee, connect: {extensions: ["161"]}, at_once: 1}
  - {slug: beside, source: {did: "74952000160"}, delay: 4s, first: client, connect: {extensions: ["177"]}}
  - &capped
    slug: capped
    source: {did: "74952000173"}
    delay: 1s
    first: client
    connect: {extensions: ["171"]}
    retry: {attempts: 3, busy: 2s}
  - {<<: *capped, slug: capped-today, source: {did: "74952000170"}, retry: {attempts: 3, busy: 2s, expire: 1h}}
  - slug: impatient
    source: {did: "74952000182"}
    wait: {max: 2s}
    delay: 1s
    first: client
    connect: {extensions: ["187"]}
  - &elsewhere
    slug: elsewhere
    pbx: other
    source: {did: ["74952000183", "74952000180"]}
    delay: 1s
    first: client
    connect: {extensions: ["181"]}
  - {<<: *elsewhere, slug: here, pbx: lab, source: {did: "74952000183"}, connect: {extensions: ["187"]}}
"""

TALK_LITTLE = ("79190000412", "79190000413", "79190000414")

Scenario = Callable[[Lab, Product], None]
SCENARIOS: dict[str, Scenario] = {}
_CHANGING_RULES = threading.Lock()


def scenario(story: Scenario) -> Scenario:
    """All scenarios are begun together; each test waits for its own."""
    SCENARIOS[story.__name__] = story
    return story


@pytest.fixture(scope="module")
def product(lab: Lab) -> Iterator[Product]:
    product = Product(lab, config=NOON.replace("[guard]\n", "[guard]\nmax_per_number_per_day = 1\n"))
    product.configure(RULES)
    told = {"101": Phone(rings=10)} | {client: Phone(rings=0, talk=2) for client in TALK_LITTLE}
    for number, what in told.items():
        tell(lab, number, str(what))
    product.start()
    yield product
    product.stop()
    for number in told:
        tell(lab, number, "")


@pytest.fixture(scope="module")
def begun(lab: Lab, product: Product) -> Iterator[dict[str, Future[None]]]:
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        yield {name: pool.submit(story, lab, product) for name, story in SCENARIOS.items()}


def tell(lab: Lab, number: str, what: str) -> None:
    """Tell a telephone what to do; "": what its number says."""
    with lab.session("world") as ami:
        ami.do("Setvar", Variable=f"TOLD_{number}", Value=what)


def by_hand(product: Product, *words: str) -> float:
    """A verb of the command line, which is obeyed; when it had been (unix time)."""
    done = product.run(*words)
    assert done.returncode == 0, done.stderr
    return time.time()


def change_rule(product: Product, verb: str, slug: str) -> float:
    """One after the other: a change of the list that somebody else is changing is refused."""
    with _CHANGING_RULES:
        return by_hand(product, "rules", verb, slug, "--yes")


@scenario
def who_is_on_the_line_when_his_time_comes_and_is_answered_is_not_dialled(lab: Lab, product: Product) -> None:
    client = "79160004501"
    first = lab.client_calls(client, "74952000103", 3)
    until(lambda: first.ended, 10, "he was refused")
    again = lab.client_calls(client, "74952000101", 14)  # who answers after 10 s
    product.await_rows(client, lambda rows: rows and rows[0]["reason"] == "held_on_call", 15, "was held")
    assert not again.answered
    row = product.await_end("+" + client)
    assert (row["status"], row["reason"], row["employee"]) == ("client_called", "client_returned", "101")
    assert again.answered and row["attempts"] == []
    until(lambda: again.ended, 15, "they had talked")
    await_time(time.time() + 2, "nothing was left to be done")
    assert lab.calls_to(client) == 0


def is_held(lab: Lab, product: Product, client: str, did: str) -> WorldCall:
    """A client of the rule `again` is missed, calls this DID and is on the line, in vain, when his time comes."""
    first = lab.client_calls(client, "74952000113", 3)
    until(lambda: first.ended, 10, "he was refused")
    again = lab.client_calls(client, did, 8)
    product.await_rows(client, lambda rows: rows and rows[0]["reason"] == "held_on_call", 15, "was held")
    assert not again.ended
    return again


def after_its_end(lab: Lab, call: WorldCall, client: str) -> float:
    """How many seconds after the end of a call he was rung."""
    ring = first_ring(lab, client)
    assert call.seen is not None and call.seen.ended_at is not None
    return ring.at - call.seen.ended_at


@scenario
def who_was_held_is_rung_as_soon_as_he_hangs_up(lab: Lab, product: Product) -> None:
    client = "79160004521"
    again = is_held(lab, product, client, "74952000122")  # which no rule takes
    assert 0 <= after_its_end(lab, again, client) < HELD
    assert product.await_end("+" + client)["rule"] is None
    assert [(row["rule"], row["status"]) for row in product.rows(client)] == [
        (None, "not_called_back"),
        ("again", "called_back"),
    ]
    assert lab.calls_to(client) == 1


@scenario
def who_was_held_and_is_missed_again_is_rung_once_as_soon_as_he_hangs_up(lab: Lab, product: Product) -> None:
    client = "79160004502"
    again = is_held(lab, product, client, "74952000112")
    assert 0 <= after_its_end(lab, again, client) < HELD
    row = product.await_end("+" + client)
    assert [row["status"] for row in product.rows(client)] == ["called_back"] * 2 and len(row["attempts"]) == 1
    assert lab.calls_to(client) == 1


@scenario
def three_misses_of_one_client_are_one_call_and_all_their_rows_show_it(lab: Lab, product: Product) -> None:
    client = "79160004503"
    for count in (1, 2, 3):
        lab.client_calls(client, "74952000123", 3)
        product.await_rows(client, lambda rows, n=count: len(rows) == n, 15, f"was journalled, {count}")  # type: ignore[misc]
    rows = product.rows(client)
    assert len({row["due_at"] for row in rows}) == 1 and rows[0]["status"] == "not_called_back"
    product.await_end("+" + client)
    stories = [product.show(row["id"]) for row in product.rows(client)]
    shown = [(r["status"], r["reason"], r["employee"], r["called_back_at"], r["talk"]) for r in stories]
    assert len(shown) == 3 and set(shown) == {("called_back", "answered", "127", shown[0][3], shown[0][4])}
    assert [line["event"] for row in stories for line in row["story"]].count("calling") == 3  # a line in each
    assert lab.calls_to(client) == 1


@scenario
def a_rule_that_is_switched_off_rings_nobody_until_it_is_switched_on(lab: Lab, product: Product) -> None:
    client, later = "79160004504", "79160004505"
    row = is_missed(lab, product, client, "74952000133")
    assert row["reason"] == "scheduled"
    change_rule(product, "disable", "switched")
    product.await_rows(client, lambda rows: rows[0]["reason"] == "paused", AT_ONCE, "was paused")
    new = is_missed(lab, product, later, "74952000133")
    assert (new["rule"], new["reason"], new["due_at"]) == (None, "no_rule", None)
    await_time(due(row).timestamp() + 2, "his time had come")
    (paused,) = product.rows(client)
    assert (paused["reason"], paused["due_at"], lab.calls_to(client)) == ("paused", None, 0)
    switched = change_rule(product, "enable", "switched")
    assert first_ring(lab, client).at - switched < AT_ONCE
    product.await_rows(client, lambda rows: rows[0]["status"] == "called_back", 20, "was called back")
    assert (lab.calls_to(client), lab.calls_to(later)) == (1, 0)


@scenario
def a_rule_that_is_deleted_takes_its_callbacks_with_it(lab: Lab, product: Product) -> None:
    client = "79160004506"
    row = is_missed(lab, product, client, "74952000143")
    change_rule(product, "delete", "deleted")
    product.await_rows(client, lambda rows: rows[0]["reason"] == "cancelled", AT_ONCE, "was cancelled")
    await_time(due(row).timestamp() + 2, "his time had come")
    assert product.rows(client)[0]["due_at"] is None and lab.calls_to(client) == 0


@scenario
def who_is_to_be_called_now_is_called_now(lab: Lab, product: Product) -> None:
    client = "79160004507"
    row = is_missed(lab, product, client, "74952000153")
    assert lab.calls_to(client) == 0
    told = by_hand(product, "journal", "call-now", str(row["id"]))
    assert first_ring(lab, client).at - told < AT_ONCE
    assert product.await_end("+" + client)["status"] == "called_back"
    assert lab.calls_to(client) == 1


@scenario
def what_is_cancelled_done_or_blocked_by_hand_rings_nobody(lab: Lab, product: Product) -> None:
    clients = cancelled, done, blocked = "79160004508", "79160004509", "79160004510"
    for client in clients:
        lab.client_calls(client, "74952000150", 3)
    for client in clients:
        product.await_rows(client, bool, 15, "was journalled")
    rows = [product.rows(client)[0] for client in clients]
    by_hand(product, "journal", "cancel", str(rows[0]["id"]))
    by_hand(product, "journal", "done", str(rows[1]["id"]))
    by_hand(product, "numbers", "block", "8" + blocked[1:])  # as people write it
    for client, status, reason in (
        (cancelled, "not_called_back", "cancelled"),
        (done, "called_back", "by_hand"),
        (blocked, "not_called_back", "blocked_number"),
    ):
        product.await_rows(client, lambda rows, why=reason: rows[0]["reason"] == why, AT_ONCE, f"was {reason}")  # type: ignore[misc]
        (row,) = product.rows(client)
        assert (row["status"], row["due_at"]) == (status, None)
    assert datetime.now(UTC) < min(map(due, rows))
    lab.client_calls(blocked, "74952000150", 3)
    product.await_rows(blocked, lambda rows: len(rows) == 2, 15, "was journalled again")
    assert product.rows(blocked)[0]["reason"] == "blocked_number"
    await_time(max(map(due, rows)).timestamp() + 2, "their time had come")
    assert [lab.calls_to(client) for client in clients] == [0, 0, 0]


@scenario
def who_is_assigned_is_rung_before_those_of_the_rule(lab: Lab, product: Product) -> None:
    client = "79160004511"
    row = is_missed(lab, product, client, "74952000159")
    missed = time.time()
    by_hand(product, "journal", "assign", str(row["id"]), "102")  # who does not answer
    told = by_hand(product, "journal", "call-now", str(row["id"]))
    row = product.await_end("+" + client)
    assert (row["status"], row["employee"], lab.calls_to(client)) == ("called_back", "167", 1)
    desks = [c for c in lab.far_calls() if c.side == "telephones" and client[1:] in c.caller and c.at > missed]
    assert [call.number for call in desks] == ["102", "167"]
    assert desks[0].at - told < AT_ONCE and desks[0].ended_at is not None and desks[0].ended_at <= desks[1].at + 0.5


@scenario
def a_rule_rings_no_more_at_once_than_it_says_and_keeps_no_other_waiting(lab: Lab, product: Product) -> None:
    other = "79160004515"
    for client in TALK_LITTLE:
        lab.client_calls(client, "74952000163", 3)
    lab.client_calls(other, "74952000160", 3)
    product.await_rows(other, bool, 15, "was journalled")
    rows = [product.await_end("+" + client) for client in TALK_LITTLE]
    assert [row["status"] for row in rows] == ["called_back"] * 3
    calls = sorted((call for client in TALK_LITTLE for call in lab.far_calls(client)), key=lambda call: call.at)
    assert len(calls) == 3
    assert all(a.ended_at is not None and a.ended_at <= b.at for a, b in pairwise(calls))
    held = [row["caller"] for row in rows if "held_limit" in [line.get("reason") for line in row["story"]]]
    assert len(held) == 2
    beside = product.await_end("+" + other)
    assert beside["status"] == "called_back" and "held" not in [line["event"] for line in beside["story"]]
    (call,) = lab.far_calls(other)
    assert calls[0].ended_at is not None and call.at < calls[0].ended_at  # while the first of them was on the line


@scenario
def a_number_is_called_as_often_a_day_as_the_cap_says_then_tomorrow(lab: Lab, product: Product) -> None:
    client = "79162000416"  # busy
    lab.client_calls(client, "74952000173", 3)
    product.await_rows(client, lambda rows: rows and rows[0]["reason"] == "daily_cap", 20, "was called often enough")
    row = product.row("+" + client)
    midnight = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert (row["status"], due(row)) == ("not_called_back", midnight)
    assert [attempt["disposition"] for attempt in row["attempts"]] == ["BUSY"] and lab.calls_to(client) == 1


@scenario
def a_cap_ends_what_would_come_too_late_tomorrow(lab: Lab, product: Product) -> None:
    client = "79162000417"  # busy
    lab.client_calls(client, "74952000170", 3)
    row = product.await_end("+" + client)
    assert (row["status"], row["reason"], row["due_at"]) == ("not_called_back", "daily_cap", None)
    assert [attempt["disposition"] for attempt in row["attempts"]] == ["BUSY"] and lab.calls_to(client) == 1


@scenario
def who_waited_longer_than_the_rule_takes_is_not_called(lab: Lab, product: Product) -> None:
    client = "79160004518"
    lab.client_calls(client, "74952000182", 4)
    product.await_rows(client, bool, 15, "was journalled")
    (row,) = product.rows(client)
    assert (row["reason"], row["due_at"]) == ("wait_too_long", None) and row["wait"] > 2
    await_time(time.time() + 2, "he would have been called")
    assert lab.calls_to(client) == 0


@scenario
def a_rule_of_another_pbx_takes_no_call_of_this_one(lab: Lab, product: Product) -> None:
    client, other = "79160004519", "79160004520"
    lab.client_calls(other, "74952000180", 3)
    assert is_missed(lab, product, client, "74952000183")["rule"] == "here"
    row = product.await_end("+" + client)
    assert (row["status"], row["employee"], lab.calls_to(client)) == ("called_back", "187", 1)
    (row,) = product.rows(other)
    assert (row["rule"], row["reason"], row["due_at"], lab.calls_to(other)) == (None, "no_rule", None, 0)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, begun: dict[str, Future[None]]) -> None:
    begun[name].result()
