"""Callers who show anything but a number, through real Asterisks: each is judged as any other caller is, nothing of what he
shows is believed, and whoever talks or waits beside him notices nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from callers import SipCall, ring
from hostile_values import EVENTS, HOSTILE, LONG, NAMES
from lab import Lab
from product import Product, Row
from test_detection import Listener
from until import until

from asterisk_missed.calls.call import EndedCall
from asterisk_missed.calls.tracker import CallEnded

pytestmark = pytest.mark.asterisk

RINGS, TALKS = "74952000112", "74952000121"
VALUES = HOSTILE | LONG | NAMES

# What Asterisk itself makes a proper number of: it ends one at NUL, and at a semicolon.
SHOWN = {
    "NUL": "7916",
    "a number and NUL": "79160000001",
    "a semicolon": "79160000001",
    **{name: value.number.decode() for name, value in NAMES.items()},
}


@dataclass(frozen=True)
class Expected:
    """A well-behaved call, beside the others."""

    number: str
    did: str
    seconds: float
    answered_by: str | None = None
    queues: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()


TALKER = Expected("79167770001", "74952000111", 22, "111")
WAITER = Expected("79167770002", "74952003012", 21, queues=("n2",))
WELL_BEHAVED = {
    "talks": TALKER,
    "waits in a queue": WAITER,
    "talks to a queue": Expected("79167770003", "74952003003", 20, "131"),
    "rings": Expected("79167770004", "74952000142", 12, extensions=("142",)),
}


class Ear(Listener):
    """A listener that keeps every verdict, and what went wrong."""

    def __init__(self, lab: Lab) -> None:
        self.ended: list[EndedCall] = []
        self.failed: list[Exception] = []
        super().__init__(lab)

    def _read(self) -> None:
        try:
            super()._read()
        except OSError:  # the lab is down
            pass
        except Exception as error:
            self.failed.append(error)
            raise

    def _take(self, happenings: Iterable[object]) -> None:  # type: ignore[override]
        happenings = list(happenings)
        self.ended += [h.call for h in happenings if isinstance(h, CallEnded)]
        super()._take(happenings)


@dataclass(frozen=True)
class Heard:
    listener: Ear

    def verdicts(self, name: str, did: str = RINGS) -> list[EndedCall]:
        """On the calls of one hostile caller. He is known again by the half of number and name that is none of his art."""
        value = VALUES[name]
        of_did = [call for call in self.listener.ended if call.did == did]
        if value.name is not None:
            return [call for call in of_did if call.caller == value.number.decode()]
        return [call for call in of_did if call.caller_name == mark_of(name)]


def mark_of(name: str) -> str:
    return f"value {list(VALUES).index(name)}"


def believe_asserted(lab: Lab) -> None:
    """Have the PBX take the number from P-Asserted-Identity, as many do with their provider."""
    file, old, new, reload = {
        "pjsip": (
            "pjsip.conf",
            "send_rpid = no",
            "send_rpid = no\ntrust_id_inbound = yes",
            "module reload res_pjsip.so",
        ),
        "sip": ("sip.conf", "trustrpid = no", "trustrpid = yes", "sip reload"),
    }[lab.driver]
    text = lab.read(f"/etc/asterisk/{file}")
    assert old in text
    lab.write(f"/etc/asterisk/{file}", text.replace(old, new))
    lab.cli("pbx", reload)


def known(lab: Lab, talker: str, waiter: str) -> dict[str, str]:
    """What the placeholders of the values stand for, by the numbers of two callers who are in the PBX."""
    lines = [line.split("!") for line in lab.cli("pbx", "core show channels concise").splitlines()]
    channels = {line[7]: line for line in lines if "/trunk-main-" in line[0]}
    return {"{talker}": channels[talker][-1], "{talking}": channels[talker][0], "{waiter}": channels[waiter][-1]}


def sip_call(name: str, did: str, placeholders: Mapping[str, str]) -> SipCall:
    value = VALUES[name].filled(placeholders)
    return SipCall(did, value.number, mark_of(name).encode() if value.name is None else value.name, value.asserted)


@pytest.fixture(scope="module", params=[("22", "pjsip"), ("16", "pjsip"), ("16", "sip")], ids="-".join)
def heard(request: pytest.FixtureRequest, worker: str) -> Iterator[Heard]:
    """A listener that has heard them all."""
    asterisk, driver = request.param
    lab = Lab(f"hostile-{asterisk}-{driver}-{worker}", asterisk, driver).up()
    try:
        believe_asserted(lab)
        listener = Ear(lab)
        for good in WELL_BEHAVED.values():
            lab.client_calls(good.number, good.did, good.seconds)
        lab.employee_dials("171", "89160000501", 12)
        until(lambda: [c for c in lab.far_calls("111") if c.answered_at], 10, "the talker talked")
        with ThreadPoolExecutor(1) as pool:
            beside = known(lab, TALKER.number, WAITER.number)
            calls = [sip_call(name, RINGS, beside) for name in VALUES]
            calls += [sip_call(name, TALKS, beside) for name in EVENTS]  # who forges events also talks
            storm = pool.submit(ring, lab, calls)
            until(lambda: storm.done() or len(listener.tracker.switch.channels) > 120, 10, "they rang")
            for action in ("CoreStatus", "CoreShowChannels", "BridgeList", "QueueStatus"):  # in the middle of it all
                listener.ask(action)
            until(lambda: listener.tick() is not None and storm.done(), 35, "they had hung up")
            storm.result()
        listening_until_all_is_over(lab, listener)
        yield Heard(listener)
    finally:
        lab.down()


def listening_until_all_is_over(lab: Lab, listener: Ear) -> None:
    """Until Asterisk has no channel any more, by its own account, and the listener has had time to understand it."""
    until(lambda: "0 active channels" in lab.cli("pbx", "core show channels count"), 30, "all had hung up")
    deadline = time.monotonic() + 3
    until(lambda: listener.tick() and (not left(listener) or time.monotonic() > deadline), 5, "it was understood")


def left(listener: Ear) -> list[str]:
    return [f"{c.name} {c.uniqueid} {c.caller!r}" for c in listener.tracker.switch.channels.values()]


@pytest.mark.parametrize("name", VALUES)
def test_he_is_missed_as_any_other_caller(name: str, heard: Heard) -> None:
    (call,) = heard.verdicts(name)
    assert (call.answered, call.lost_in, call.lost_how) == (False, "extension", "abandoned")
    assert call.missed is not None and (call.missed.queues, call.missed.extensions) == ((), ("112",))
    assert call.wait == pytest.approx(3, abs=1.5)


@pytest.mark.parametrize("name", VALUES)
def test_his_number_is_none_unless_asterisk_makes_it_one(name: str, heard: Heard) -> None:
    (call,) = heard.verdicts(name)
    shown = SHOWN.get(name)
    assert call.reason == (None if shown else "bad_number")
    assert shown is None or call.caller == shown


@pytest.mark.parametrize("name", EVENTS)
def test_he_is_answered_as_any_other_caller(name: str, heard: Heard) -> None:
    (call,) = heard.verdicts(name, TALKS)
    assert (call.answered, call.answered_by, call.missed) == (True, "121", None)


@pytest.mark.parametrize("name", WELL_BEHAVED)
def test_the_well_behaved_beside_him_notice_nothing(name: str, heard: Heard) -> None:
    good = WELL_BEHAVED[name]
    (call,) = [call for call in heard.listener.ended if call.caller == good.number]
    assert (call.did, call.answered_by, call.reason) == (good.did, good.answered_by, None)
    found = call.missed and (call.missed.queues, call.missed.extensions)
    assert found == (None if good.answered_by else (good.queues, good.extensions))
    assert (call.ended_at - call.started_at).total_seconds() == pytest.approx(good.seconds, abs=1.5)


def test_nothing_was_heard_that_did_not_happen(heard: Heard) -> None:
    listener = heard.listener
    assert len(listener.ended) == len(VALUES) + len(EVENTS) + len(WELL_BEHAVED)
    assert not listener.failed
    assert left(listener) == [] and not listener.tracker.switch.bridges
    talked = [c.contact for c in listener.contacts]
    assert sorted(c.number for c in talked if c.direction == "out") == ["89160000501"]
    assert sum(c.employee == "121" for c in talked) == len(EVENTS)
    assert len(talked) == 1 + len(EVENTS) + 2


def test_line_ends_did_come_through(heard: Heard) -> None:
    """Otherwise all of this shows nothing."""
    assert heard.listener.tracker.dropped > 100
    assert {fault for message in heard.listener.faulty for fault in message.faults} >= {"torn", "no_name", "control"}


# --- the product itself

RULES = """\
rules:
  - slug: hostile
    source: {trunk: trunk-main}
    delay: 1s
    first: employee
    connect: {extensions: ["126"]}
"""
SOME = (
    *("a number and an empty line", "Hangup of the talker", "Newchannel on the trunk", "Shutdown", "FullyBooted"),
    *("Response: Success", "two numbers to dial", "a formula with a command", "markup of a terminal", "a lone CR"),
    *("two pluses", "invalid UTF-8"),
)


@pytest.fixture
def product(lab: Lab) -> Iterator[Product]:
    lab.await_ready("pbx")
    made = Product(lab)
    made.configure(RULES)
    made.start()
    yield made
    made.stop()


def test_the_product_writes_them_down_and_dials_none_of_them(lab: Lab, product: Product) -> None:
    began = time.time()
    lab.client_calls("79160000402", "74952000111", 15)  # talks
    lab.client_calls("79160000403", "74952003012", 13)  # waits in a queue, in vain
    until(lambda: "Up!Queue!" in lab.cli("pbx", "core show channels concise"), 10, "both were in the PBX")
    beside = known(lab, "79160000402", "79160000403")
    ring(lab, [sip_call(name, RINGS, beside) for name in SOME])
    product.await_rows("", lambda rows: len(hostile(rows)) == len(SOME), 15, "they were journalled")
    row = product.await_end("+79160000403")
    assert (row["status"], row["lost_in"], row["lost_how"]) == ("called_back", "queue", "abandoned")
    assert {c.number for c in lab.far_calls() if c.side == "provider" and c.at > began} == {"+79160000403"}

    rows = hostile(product.rows())
    assert {row["caller_name"] for row in rows} == {mark_of(name) for name in SOME}
    assert {(row["status"], row["reason"]) for row in rows} == {("not_called_back", "bad_number")}
    assert all(row["caller"].isprintable() for row in rows)
    assert all(product.show(row["id"])["attempts"] == [] for row in rows)
    listed = product.run("journal", "list", "--limit", "1000").stdout
    assert all(line.isprintable() for line in listed.split("\n"))
    assert not product.rows("9160000402")
    assert "an answer to what was not asked was left out" in product.log
    assert product.log.count(": up,") == 1 and "Traceback" not in product.log


def hostile(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["caller_name"].startswith("value ")]
