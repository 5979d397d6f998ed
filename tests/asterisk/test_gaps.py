"""AMI is cut for a while, or Asterisk goes down: afterwards every call has its right row, and each missed client was rung once.

Truth from the far end's own log: who was rung, and how often.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from lab import Lab
from lab_pair import WorldCall
from product import Product, Row
from proxy import Proxy
from until import until

pytestmark = pytest.mark.asterisk

RULES = """\
rules:
  - slug: all
    source: {trunk: trunk-main}
    delay: 4s
    first: employee
    connect: {extensions: ["191"]}
    retry: {attempts: 1, busy: 3s}
    at_once: 10
"""


Act = Callable[[], object]


@dataclass(frozen=True)
class Call:
    """A client's call about a gap. ``begins`` and ``seconds``: when it begins, counted from the cut, and how long the client
    stays; ``missed``: its ``lost_in`` and ``lost_how``, None where he is answered."""

    did: str
    begins: float
    seconds: float
    missed: tuple[str, str] | None


def calls_about(gap: float) -> dict[str, Call]:
    """Calls that begin, end, and wholly pass in a gap of so many seconds."""
    inside = min(1.0, gap / 4)
    short = max(0.5, min(3.0, gap - 2 * inside))
    late = max(inside, gap - 20)  # a telephone is rung for 30 s
    made = {
        "ends in it, missed": Call("74952000132", -2, 2 + inside + 0.2, ("extension", "abandoned")),
        "begins in it, missed": Call("74952000142", late, gap - late + 3, ("extension", "abandoned")),
        "is wholly inside, missed": Call("74952000162", inside, short, ("extension", "abandoned")),
        "goes on through it, answered before": Call("74952000111", -3, gap + 5, None),
        "begins in it, talks on after": Call("74952000121", late, gap - late + 4, None),
    }
    if gap < 20:
        made["goes on through it, missed"] = Call("74952000152", -2, gap + 5, ("extension", "abandoned"))
    if gap < 5:
        return made
    return made | {
        "ends in it, in a queue, missed": Call("74952003013", -2, 2 + inside + 0.2, ("queue", "abandoned")),
        "ends in it, answered in it": Call("74952000136", -1, 6, None),  # rings for 3 s
        "ends in it, answered in it by a queue": Call("74952003004", -0.5, 6, None),
        "is wholly inside, answered": Call("74952000151", inside, 5, None),
        "is wholly inside, in the menu": Call("74952002130", inside, 3, ("ivr", "abandoned")),
        "is wholly inside, in a queue": Call("74952003015", inside, 4, ("queue", "abandoned")),
        "is wholly inside, at voicemail": Call("74952004142", inside, 3, ("voicemail", "unknown")),
        "is wholly inside, refused by a queue": Call("74952003099", inside, 4, ("queue", "join_empty")),
    }


@pytest.fixture(scope="module")
def lab(worker: str) -> Iterator[Lab]:
    made = Lab(f"gaps-{worker}").up()
    yield made
    made.down()


@pytest.fixture
def product(lab: Lab) -> Iterator[Product]:
    lab.await_ready("pbx")
    made = Product(lab, port=5039)
    made.configure(RULES)
    made.switch_on_cel()
    yield made
    if made.daemon is not None:
        made.daemon.kill()
        made.daemon.wait()


@pytest.fixture
def proxy(lab: Lab) -> Iterator[Proxy]:
    made = Proxy(lab)
    yield made
    made.cut()


def play(lab: Lab, calls: Iterable[Call], first: int, cut: Act, mend: Act, gap: float) -> None:
    """Make the calls about a gap; returns when it is over and all of them have ended."""
    begun: list[WorldCall] = []

    def begin(place: int, call: Call) -> None:
        begun.append(lab.client_calls(number(first, place), call.did, call.seconds))

    moments: list[tuple[float, Act]] = [(0.0, cut), (gap, mend)]
    moments += [(call.begins, partial(begin, place, call)) for place, call in enumerate(calls)]
    at = time.monotonic() - min(moment for moment, _ in moments)
    for moment, act in sorted(moments, key=lambda one: one[0]):
        time.sleep(max(0.0, at + moment - time.monotonic()))
        act()
    until(lambda: all(call.ended for call in begun), 90, "all calls had ended")


def number(first: int, place: int) -> str:
    return f"7916000{first + place:04}"


@pytest.mark.parametrize(("gap", "first"), [(1.0, 1000), (10.0, 1100), (60.0, 1200)])
def test_after_a_cut_every_call_has_its_right_row_and_its_one_callback(
    lab: Lab, product: Product, proxy: Proxy, gap: float, first: int
) -> None:
    product.start()
    calls = calls_about(gap)
    play(lab, calls.values(), first, proxy.cut, proxy.mend, gap)
    for place, (name, call) in enumerate(calls.items()):
        client = number(first, place)
        if call.missed is None:
            assert lab.calls_to(client) == 0, name
            continue
        row = await_called_back(product, client)
        assert (row["lost_in"], row["lost_how"]) == call.missed, (name, row)
        assert lab.calls_to(client) == 1, name
    missed = {number(first, place) for place, call in enumerate(calls.values()) if call.missed}
    listed = {
        row["caller"].removeprefix("+") for row in product.rows() if row["caller"].startswith(f"+7916000{first // 100}")
    }
    assert listed == missed
    for place, (name, call) in enumerate(calls.items()):
        assert lab.calls_to(number(first, place)) == (call.missed is not None), name
    again = json.loads(product.run("--json", "backfill").stdout)
    assert again == []


def await_called_back(product: Product, client: str) -> Row:
    """His row, once it is so; it may be unconfirmed for a while."""
    product.await_rows(f"+{client}", lambda rows: rows and rows[0]["reason"] == "answered", 60, "was called back")
    return product.row(f"+{client}")


def stats(product: Product) -> Row:
    told: Row = json.loads(product.run("--json", "journal", "stats").stdout)
    return told


def test_a_daemon_that_was_away_makes_up_what_it_did_not_hear(lab: Lab, product: Product, proxy: Proxy) -> None:
    product.start()
    calls = {
        "ends while it is away": Call("74952000132", -2, 4, ("extension", "abandoned")),
        "wholly while it is away": Call("74952000142", 1, 3, ("extension", "abandoned")),
        "answered while it is away": Call("74952000151", 1, 4, None),
    }
    play(lab, calls.values(), 1300, product.kill, product.start, 8)
    for place, call in enumerate(calls.values()):
        if call.missed is not None:
            await_called_back(product, number(1300, place))
    assert [lab.calls_to(number(1300, place)) for place in range(3)] == [1, 1, 0]
    gap = stats(product)["gaps"][-1]
    assert (gap["why"], gap["witness"]) == ("nobody listened", "cel") and gap["recovered"] >= 1
    assert stats(product)["coverage"] > 0


@pytest.mark.parametrize(("how", "first"), [("kill -9", 1400), ("core restart now", 1500)])
def test_asterisk_goes_down_under_callers(lab: Lab, product: Product, proxy: Proxy, how: str, first: int) -> None:
    product.start()
    calls = {
        "rings": Call("74952000132", -3, 30, ("restart", "restart")),
        "waits in a queue": Call("74952003013", -3, 30, ("restart", "restart")),
        "talks": Call("74952000111", -3, 30, None),
    }

    def down() -> None:
        if how == "kill -9":
            lab.kill("pbx")
        else:
            lab.cli("pbx", "core restart now")

    def up() -> None:
        if how == "kill -9":
            lab.start("pbx")
        lab.await_ready("pbx")

    play(lab, calls.values(), first, down, up, 2)
    for place, call in enumerate(calls.values()):
        if call.missed is not None:
            row = await_called_back(product, number(first, place))
            if how == "kill -9":
                assert (row["lost_in"], row["lost_how"]) == call.missed
    assert [lab.calls_to(number(first, place)) for place in range(3)] == [1, 1, 0]
    answered = product.rows("+" + number(first, 2))
    assert answered == [], [product.show(row["id"])["story"] for row in answered]
