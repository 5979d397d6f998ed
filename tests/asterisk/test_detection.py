"""The verdict on calls through real Asterisks, 22 and 16, the latter with PJSIP and with chan_sip: all calls at once, judged
from one AMI stream.

What must come out is what the telephones were made to do (docs/lab.md has the number plan).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from lab import Lab
from until import until

from asterisk_missed.ami.wire import Action, Decoder, Message
from asterisk_missed.calls.call import EndedCall
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.tracker import CallEnded, ContactEnded, Tracker

pytestmark = pytest.mark.asterisk


@dataclass(frozen=True)
class Expected:
    """A call into the company: what is dialled, for how long, and what is true of it afterwards."""

    did: str
    seconds: float
    answered_by: str | None = None
    queues: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    lost: tuple[str, str] | None = None


CALLS = {
    "nobody answers, the caller hangs up": Expected("74952000112", 3, None, (), ("112",), ("extension", "abandoned")),
    "busy": Expected("74952000113", 6, None, (), ("113",), ("extension", "busy_or_declined")),
    "declined": Expected("74952000114", 6, None, (), ("114",), ("extension", "busy_or_declined")),
    "not registered": Expected("74952000115", 6, None, (), ("115",), ("extension", "unreachable")),
    "answered": Expected("74952000111", 5, "111"),
    "with a plus": Expected("+74952000111", 5, "111"),
    "a ring group, one answers": Expected("74952001121", 5, "121"),
    "a ring group, none answers": Expected("74952001122", 3, None, (), ("122", "123"), ("ringgroup", "abandoned")),
    "hung up in the menu": Expected("74952002130", 4, None, (), (), ("ivr", "abandoned")),
    "a queue that does not answer": Expected("74952003013", 7, None, ("n3",), (), ("queue", "abandoned")),
    "a queue that answers": Expected("74952003003", 6, "131"),
    "a queue that lets nobody in": Expected("74952003099", 6, None, ("nobody",), (), ("queue", "join_empty")),
    "a voicemail, hung up in its greeting": Expected("74952004142", 3, None, (), (), ("voicemail", "abandoned")),
    "a voicemail, with a message": Expected("74952004142", 20, None, (), (), ("voicemail", "message_left")),
    "an announcement": Expected("74952005142", 20, None, (), (), ("direct", "announcement")),
    "follow-me to a mobile": Expected("74952007152", 12, "152"),
    "through a Local channel": Expected("74952009161", 6, "161"),
    "through a Local channel, in vain": Expected("74952009162", 4, None, (), ("162",), ("extension", "abandoned")),
}


class Listener:
    """Reads one AMI connection into a tracker."""

    def __init__(self, lab: Lab) -> None:
        account = lab.ami("pbx")
        self.socket: socket.socket = lab.connect(account.host, account.port)
        self.socket.settimeout(None)  # a PBX may be silent for long
        login = Action("Login", [("Username", account.user), ("Secret", account.secret)])
        self.socket.sendall(login.encode("test"))
        self.tracker = Tracker(Lines(["PJSIP/trunk-main", "SIP/trunk-main"], ["1XX"]))
        self.calls: dict[str, EndedCall] = {}
        self.contacts: list[ContactEnded] = []
        self.faulty: list[Message] = []
        self.lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, action: str) -> None:
        self.socket.sendall(Action(action).encode(f"test-{action}"))

    def _read(self) -> None:
        decoder = Decoder()
        while data := self.socket.recv(65536):
            now = time.time()
            with self.lock:
                for message in decoder.feed(data):
                    self.faulty += [message] if message.faults else []
                    self._take(self.tracker.feed(message, now))

    def tick(self) -> dict[str, EndedCall]:
        with self.lock:
            self._take(self.tracker.tick(time.time()))
            return dict(self.calls)

    def _take(self, happenings: object) -> None:
        for happening in happenings:  # type: ignore[attr-defined]
            if isinstance(happening, CallEnded):
                self.calls[happening.call.caller] = happening.call
            elif isinstance(happening, ContactEnded):
                self.contacts.append(happening)


@pytest.fixture(scope="module", params=[("22", "pjsip"), ("16", "pjsip"), ("16", "sip")], ids="-".join)
def heard(request: pytest.FixtureRequest, worker: str) -> Iterator[tuple[Listener, dict[str, str]]]:
    """A listener that has heard all the calls, and each call's number."""
    asterisk, driver = request.param
    lab = Lab(f"detect-{asterisk}-{driver}-{worker}", asterisk, driver).up()
    try:
        listener = Listener(lab)
        numbers = {name: f"7916777{place:04}" for place, name in enumerate(CALLS)}
        for name, expected in CALLS.items():
            lab.client_calls(numbers[name], expected.did, expected.seconds)
        lab.employee_dials("171", "89160000501", 12)
        for action in ("CoreStatus", "CoreShowChannels", "BridgeList", "QueueStatus"):  # in the middle of it all
            listener.ask(action)
        until(lambda: len(listener.tick()) >= len(CALLS), 60, lambda: f"all were judged: {sorted(listener.calls)}")
        until(lambda: any(c.contact.direction == "out" for c in listener.contacts), 30, "the contact was seen")
        until(lambda: listener.tick() and not listener.tracker.switch.channels, 30, "all channels were forgotten")
        yield listener, numbers
    finally:
        lab.down()


@pytest.mark.parametrize("name", CALLS)
def test_the_verdict(name: str, heard: tuple[Listener, dict[str, str]]) -> None:
    listener, numbers = heard
    call, expected = listener.calls[numbers[name]], CALLS[name]
    assert (call.answered, call.answered_by) == (expected.answered_by is not None, expected.answered_by)
    assert (call.missed is None) == (expected.lost is None)
    if call.missed is not None:
        assert (call.missed.queues, call.missed.extensions) == (expected.queues, expected.extensions)
        assert (call.lost_in, call.lost_how) == expected.lost


def test_an_employees_call_to_a_client_is_a_contact(heard: tuple[Listener, dict[str, str]]) -> None:
    (contact,) = [c.contact for c in heard[0].contacts if c.contact.direction == "out"]
    assert (contact.number[-10:], contact.employee) == ("9160000501", "171")
    assert contact.talk == pytest.approx(5, abs=1)


def test_what_a_real_asterisk_sends_is_in_order(heard: tuple[Listener, dict[str, str]]) -> None:
    assert [(message.name, message.faults, message.raw) for message in heard[0].faulty] == []
