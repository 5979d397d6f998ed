"""Two listeners on the same calls of a real Asterisk, 22 and 16: one with `read = all`, one with the product's own file.

Both must judge every call alike; how much each had to hear is printed (``pytest -s``).
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from lab import Lab
from lab_world import Account
from test_detection import CALLS, Listener
from until import until

from asterisk_missed.ami.wire import END, Decoder, Message
from asterisk_missed.calls.call import EndedCall
from asterisk_missed.calls.signs import VARIABLES
from asterisk_missed.pbx.listening import PASSING, events, render

pytestmark = pytest.mark.asterisk

VERSIONS = {"22": "22.10.1", "16": "16.28.0"}
SECRET = "lab-of-the-least-listening"
ALL = f"[everything]\nsecret = {SECRET}\nread = all\nwrite = all\nwritetimeout = 10000\n"
STATE = ("CoreStatus", "CoreShowChannels", "BridgeList", "QueueStatus")


class Kept:
    """A socket that keeps what it has received."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.data = bytearray()

    def recv(self, size: int) -> bytes:
        data = self._socket.recv(size)
        self.data += data
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class As:
    """The lab as one AMI user sees it."""

    def __init__(self, lab: Lab, user: str) -> None:
        self.lab = lab
        self.account = Account("127.0.0.1", 5038, user, SECRET)

    def ami(self, which: str) -> Account:
        return self.account

    def connect(self, host: str, port: int) -> Kept:
        return Kept(self.lab.connect(host, port))


@dataclass
class Both:
    """What came of all the calls, for each of the two."""

    numbers: dict[str, str]
    everything: Listener
    least: Listener

    def messages(self) -> list[Message]:
        """What the lesser one heard."""
        return Decoder().feed(bytes(self.least.socket.data))  # type: ignore[attr-defined]

    def heard(self, listener: Listener, *, asked: bool = False) -> tuple[Counter[str], int]:
        """Events by name, and their bytes; with ``asked`` those of lists too."""
        data = bytes(listener.socket.data)  # type: ignore[attr-defined]
        messages = [m for m in Decoder().feed(data) if m.name and (asked or not m.action_id.startswith("test-"))]
        return Counter(message.name for message in messages), sum(len(message.raw) + len(END) for message in messages)


def listened(version: str, lab: Lab) -> Both:
    """All the calls of CALLS at once, heard by both."""
    lab.write("/etc/asterisk/manager.d/everything.conf", ALL)
    lab.write("/etc/asterisk/manager.d/asterisk-missed.conf", render(VERSIONS[version], SECRET))
    lab.cli("pbx", "manager reload")
    both = Both(
        {name: f"7916777{place:04}" for place, name in enumerate(CALLS)},
        Listener(As(lab, "everything")),  # type: ignore[arg-type]
        Listener(As(lab, "asterisk-missed")),  # type: ignore[arg-type]
    )
    listeners = (both.everything, both.least)
    for listener in listeners:
        until(lambda listener=listener: b"FullyBooted" in listener.socket.data, 10, "it was logged in")  # type: ignore[misc]
    for name, expected in CALLS.items():
        lab.client_calls(both.numbers[name], expected.did, expected.seconds)
    lab.employee_dials("171", "89160000501", 12)
    # In the middle of it all, so that the lists have something to tell.
    until(lambda: len(both.least.tracker.switch.bridges) > 2, 20, "somebody talked")
    for listener in listeners:
        for action in STATE:
            listener.ask(action)
    for listener in listeners:
        until(lambda listener=listener: len(listener.tick()) >= len(CALLS), 60, "all were judged")  # type: ignore[misc]
        until(lambda listener=listener: listener.tick() and not listener.tracker.switch.channels, 30, "all were over")  # type: ignore[misc]
    return both


@pytest.fixture(scope="module")
def heard(worker: str) -> Iterator[dict[str, Both]]:
    """Both Asterisks at the same time, so that it takes as long as the longest call."""
    with ExitStack() as stack, ThreadPoolExecutor() as threads:

        def listen(version: str) -> Both:
            lab = Lab(f"listen-{version}-{worker}", version)
            stack.callback(lab.down)
            return listened(version, lab.up())

        yield dict(zip(VERSIONS, threads.map(listen, VERSIONS), strict=True))


def judged(call: EndedCall) -> tuple[object, ...]:
    lost = call.missed and (call.missed.queues, call.missed.extensions, call.missed.did)
    return (call.answered, call.answered_by, call.did, call.trunk, lost, call.lost_in, call.lost_how, call.reason)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CALLS)
def test_the_verdict_is_the_same(name: str, version: str, heard: dict[str, Both]) -> None:
    both, expected = heard[version], CALLS[name]
    number = both.numbers[name]
    least, everything = both.least.calls[number], both.everything.calls[number]
    assert judged(least) == judged(everything)
    assert least.wait == pytest.approx(everything.wait, abs=0.11)
    assert (least.answered_by, (least.lost_in, least.lost_how)) == (expected.answered_by, expected.lost or (None, None))


@pytest.mark.parametrize("version", VERSIONS)
def test_contacts_are_the_same(version: str, heard: dict[str, Both]) -> None:
    both = heard[version]
    least, everything = (
        sorted((c.contact.number, c.contact.direction, c.contact.employee) for c in listener.contacts)
        for listener in (both.least, both.everything)
    )
    assert least == everything and any(direction == "out" for _, direction, _ in least)


@pytest.mark.parametrize("version", VERSIONS)
def test_lists_and_answers_pass_by_the_filters(version: str, heard: dict[str, Both]) -> None:
    both = heard[version]
    lists = ("CoreShowChannel", "CoreShowChannelsComplete", "BridgeListItem", "QueueParams", "QueueStatusComplete")
    least, everything = (both.heard(who, asked=True)[0] for who in (both.least, both.everything))
    assert all(least[name] for name in lists)
    assert {least[name] - everything[name] for name in lists if name != "CoreShowChannel"} <= {-1, 0, 1}


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_a_fraction_that_is_heard(version: str, heard: dict[str, Both]) -> None:
    both = heard[version]
    (least, few), (everything, all_bytes) = both.heard(both.least), both.heard(both.everything)
    calls = len(CALLS) + 1
    for what, names, size in (("read = all", everything, all_bytes), ("filters", least, few)):
        print(
            f"\nAsterisk {version}, {what:10} {names.total() / calls:5.1f} events, {size / calls / 1000:5.1f} kB a call",
            end="",
        )
    assert few < all_bytes / 2 and least.total() < everything.total() / 2


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_needed_is_not_heard(version: str, heard: dict[str, Both]) -> None:
    names = heard[version].heard(heard[version].least)[0]
    assert names.keys() <= set(events())
    passing = [m.get("Application") for m in heard[version].messages() if m.name == "Newexten"]
    assert passing and not set(passing) & set(PASSING)
    assert {m.get("Variable") for m in heard[version].messages() if m.name == "VarSet"} <= VARIABLES
