"""Rare shapes of calls through real Asterisks, recorded from AMI and judged: transfers, pickups, parking, screening,
conferences, members of queues who are no people. What people do, and what is true of it, stands in scenarios.py.

ASTERISK_MISSED_CORPUS: a folder in which the recordings are kept, for `asterisk-missed replay`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from lab import Lab, WorldCall
from scenarios import (
    CALLS,
    FIRST,
    OUTWARD,
    SECOND,
    Call,
    Connect,
    Dial,
    Gather,
    HandOver,
    Outward,
    Phone,
    Redirect,
    Tell,
)
from until import until

from asterisk_missed.ami.wire import Action, Decoder
from asterisk_missed.calls.call import Contact, EndedCall
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.tracker import CallEnded, ContactEnded, Tracker

pytestmark = pytest.mark.asterisk

# One after another, so that no Asterisk has to begin a hundred calls in one moment.
APART = 0.06
# When the second half begins, in seconds.
HALF = 22
# A telephone reacts within this of what it was told; keys take their time.
TOLERANCE = 1.2
ACTED = 3.0  # where a person of this process has to do something at the right moment, on a busy machine


# Headers that tell a call's course.
_TELLING = (
    "Event",
    "Channel",
    "DestChannel",
    "DialStatus",
    "BridgeUniqueid",
    "Application",
    "AppData",
    "Result",
    "Cause",
)


class Recording:
    """One AMI connection, written down: its bytes, and when each block came."""

    def __init__(self, lab: Lab) -> None:
        account = lab.ami("pbx")
        self.socket: socket.socket = lab.connect(account.host, account.port)
        self.socket.settimeout(None)  # a PBX may be silent for long
        login = Action("Login", [("Username", account.user), ("Secret", account.secret)])
        self.socket.sendall(login.encode("test"))
        self.data = bytearray()
        self.blocks: list[tuple[float, int, int]] = []  # unix time, begin, length
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        begun = 0
        while data := self.socket.recv(65536):
            now = time.time()
            self.data += data
            while (end := self.data.find(b"\r\n\r\n", begun)) >= 0:
                self.blocks.append((now, begun, end + 4 - begun))
                begun = end + 4

    def told_of(self, linkedid: str) -> str:
        """What Asterisk said of one call, an event a line: for whoever has to find out why a verdict is wrong."""
        lines = []
        for at, begun, length in self.blocks:
            block = self.data[begun : begun + length].decode(errors="replace")
            if f"\r\nLinkedid: {linkedid}\r\n" in block or f"\r\nUniqueid: {linkedid}\r\n" in block:
                headers = dict(line.split(": ", 1) for line in block.split("\r\n") if ": " in line)
                words = [headers[name] for name in _TELLING if headers.get(name)]
                lines += [f"{at:.2f} {' '.join(words)}"] if headers.get("Event") != "VarSet" else []
        return "\n".join(lines)

    def quiet(self, seconds: float) -> bool:
        """Whether nothing has come for so long."""
        return bool(self.blocks) and time.time() - self.blocks[-1][0] > seconds

    def channel_of(self, caller: str) -> str:
        """The latest channel in which somebody came in, by his number."""
        line = rb"(?:[^\r\n]+\r\n)*?"
        shape = rb"Event: Newchannel\r\n%bChannel: (\S+)\r\n%bCallerIDNum: %b\r" % (line, line, caller.encode())
        return str(re.findall(shape, bytes(self.data))[-1].decode())

    def judged(self) -> tuple[list[EndedCall], list[Contact]]:
        """The calls that came in, and the contacts outward."""
        tracker = Tracker(Lines(["PJSIP/trunk-main", "SIP/trunk-main"], ["1XX"]))
        decoder, happenings = Decoder(), []
        for at, begun, length in self.blocks:
            for message in decoder.feed(bytes(self.data[begun : begun + length])):
                happenings += tracker.feed(message, at)
        happenings += tracker.finish()
        contacts = [h.contact for h in happenings if isinstance(h, ContactEnded)]
        calls = [h.call for h in happenings if isinstance(h, CallEnded)]
        return calls, [contact for contact in contacts if contact.direction == "out"]

    def keep(self, folder: Path, truth: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "all.ami").write_bytes(self.data)
        with (folder / "all.times").open("w") as times:
            for at, begun, length in self.blocks:
                first = self.data[begun : begun + length].splitlines()[0].decode(errors="replace")
                times.write(f"{at:.6f} {begun} {length} {first}\n")
        (folder / "all.json").write_text(json.dumps(truth, indent=1))


class People:
    """Everybody who does something, each at his time."""

    def __init__(self, lab: Lab, recording: Recording) -> None:
        self.lab = lab
        self.recording = recording
        self.calls = {name: call for name, call in CALLS.items() if call.only in ("", lab.asterisk)}
        self.numbers = {name: call.number or f"7916777{place:04}" for place, (name, call) in enumerate(CALLS.items())}
        self.dialled: dict[str, WorldCall] = {}
        self.plan: list[tuple[float, Callable[[], object]]] = []
        for extension in {extension for call in FIRST.values() for extension in call.phones}:
            self._at(HALF - 1, self._tell, extension, "")
        for half, calls in ((0, FIRST), (HALF, SECOND)):
            for place, name in enumerate(name for name in calls if name in self.calls):
                self._call(half, half + place * APART + calls[name].at, self.numbers[name], calls[name])
        for place, outward in enumerate(OUTWARD.values()):
            self._at(HALF / 2 + place * APART, self._outward, outward)

    def act(self) -> None:
        """All of it; returns when the last one has begun."""
        begun = time.monotonic()
        for at, do in sorted(self.plan, key=lambda step: step[0]):
            until(lambda at=at: time.monotonic() >= begun + at, HALF, "it was time")  # type: ignore[misc]
            do()

    def _call(self, half: float, at: float, number: str, call: Call) -> None:
        for extension, phone in call.phones.items():
            self._at(half - 0.5, self._tell, extension, phone)
        self._at(at, self.lab.client_calls, number, call.did, call.seconds, None, call.keys)
        for act in call.acts:
            if isinstance(act, Tell):
                self._at(at + act.at, self._tell, act.extension, act.phone)
            elif isinstance(act, Dial):
                self._at(at + act.at, self._dial, act)
            elif isinstance(act, HandOver):
                self._at(at + act.at, self._hand_over, act.extension)
            elif isinstance(act, Redirect):
                self._at(at + act.at, self._redirect, number, act.to)
            elif isinstance(act, Connect):
                self._at(at + act.at, self._connect, number, act.extension)
            elif isinstance(act, Gather):
                self._at(at + act.at, self._gather, number, act.to)
            else:
                self._at(at + act.at, self._hang_up, number)

    def _at(self, at: float, do: Callable[..., object], *words: object) -> None:
        self.plan.append((at, lambda: do(*words)))

    def _tell(self, telephone: str, what: Phone | str) -> None:
        with self.lab.session("world") as ami:
            ami.do("Setvar", Variable=f"TOLD_{telephone}", Value=str(what))

    def _dial(self, act: Dial) -> None:
        self.dialled[act.extension] = self.lab.employee_dials(act.extension, act.number, act.seconds, act.keys)

    def _hand_over(self, extension: str) -> None:
        talk = next(call for call in reversed(self.lab.far_calls(extension)) if call.ended_at is None)
        with self.lab.session("world") as ami:
            call_id, theirs, ours = (
                ami.do("Getvar", Channel=self.dialled[extension].uniqueid, Variable=f"CHANNEL(pjsip,{word})")["Value"]
                for word in ("call-id", "remote_tag", "local_tag")
            )
            to = f"sip:{extension}@127.0.0.1?Replaces={call_id}%3Bto-tag%3D{theirs}%3Bfrom-tag%3D{ours}"
            ami.do("Setvar", Channel=talk.uniqueid, Variable="REFER_TO", Value=to)
            ami.do("Redirect", Channel=talk.uniqueid, Context="refer", Exten="s", Priority="1")

    def _redirect(self, number: str, to: str) -> None:
        with self.lab.session("pbx") as ami:
            channel = self.recording.channel_of(number)
            ami.do("Redirect", Channel=channel, Context="internal", Exten=to, Priority="1")

    def _gather(self, number: str, to: str) -> None:
        with self.lab.session("pbx") as ami:
            channel = self.recording.channel_of(number)
            peer = ami.do("Getvar", Channel=channel, Variable="BRIDGEPEER")["Value"]
            where = {"Channel": channel, "Context": "internal", "Exten": to, "Priority": "1"}
            extra = {f"Extra{name}": value for name, value in where.items()} | {"ExtraChannel": peer}
            ami.do("Redirect", **where, **extra)

    def _connect(self, number: str, extension: str) -> None:
        with self.lab.session("pbx") as ami:
            client, employee = (self.recording.channel_of(who) for who in (number, extension))
            ami.do("Bridge", Channel1=client, Channel2=employee)

    def _hang_up(self, number: str) -> None:
        with self.lab.session("pbx") as ami:
            ami.do("Hangup", Channel=self.recording.channel_of(number))

    def _outward(self, outward: Outward) -> None:
        if outward.originated is None:
            self.lab.employee_dials(outward.extension, outward.number, outward.seconds, outward.keys)
            return
        tech = {"pjsip": "PJSIP", "sip": "SIP"}[self.lab.driver]
        headers = {key: value.replace("{TECH}", tech) for key, value in outward.originated.items()}
        where = {} if "Application" in headers else {"Context": "internal", "Priority": "1"}
        with self.lab.session("pbx") as ami:
            ami.do("Originate", **headers, **where, Timeout="3000", Async="true")


class Heard:
    """What came of it all."""

    def __init__(self, people: People, recording: Recording) -> None:
        self.people = people
        self.recording = recording
        calls, self.contacts = recording.judged()
        self.calls = {call.caller: call for call in calls}

    def call(self, name: str) -> EndedCall:
        return self.calls[self.people.numbers[name]]

    def was_made(self, name: str) -> bool:
        """Whether this Asterisk has what the call needs (`M()` went with 21)."""
        return name in self.people.calls or not CALLS[name].only


@pytest.fixture(scope="module", params=[("22", "pjsip"), ("16", "pjsip"), ("16", "sip")], ids="-".join)
def heard(request: pytest.FixtureRequest, worker: str) -> Iterator[Heard]:
    asterisk, driver = request.param
    lab = Lab(f"scenes-{asterisk}-{driver}-{worker}", asterisk, driver).up()
    try:
        recording = Recording(lab)
        people = People(lab, recording)
        people.act()
        until(lambda: "\n0 active channels" in lab.cli("pbx", "core show channels"), 120, "all had hung up")
        until(lambda: recording.quiet(1), 30, "the last word was said")
        if folder := os.environ.get("ASTERISK_MISSED_CORPUS"):
            truth = {people.numbers[name]: {"what": name, **asdict(call)} for name, call in people.calls.items()}
            recording.keep(Path(folder) / "-".join((asterisk, driver)).removesuffix("-pjsip"), truth)
        yield Heard(people, recording)
    finally:
        lab.down()


@pytest.mark.parametrize("name", CALLS)
def test_the_verdict(name: str, heard: Heard) -> None:
    if not heard.was_made(name):
        return
    call, truth = heard.call(name), CALLS[name].truth
    assert (call.answered, call.answered_by) == (truth.answered_by is not None, truth.answered_by)
    assert call.wait == pytest.approx(truth.wait, abs=ACTED if CALLS[name].acts else TOLERANCE)
    assert (call.missed is None) == (truth.lost is None), heard.recording.told_of(call.linkedid)
    if call.missed is not None and truth.lost is not None:
        assert call.missed.queues == truth.queues
        assert truth.extensions is None or sorted(call.missed.extensions) == sorted(truth.extensions)
        place, how = truth.lost
        assert (call.lost_in, call.lost_how) == (place or call.lost_in, how or call.lost_how)


@pytest.mark.parametrize("name", OUTWARD)
def test_an_employees_call_to_a_client(name: str, heard: Heard) -> None:
    outward = OUTWARD[name]
    contacts = [c.employee for c in heard.contacts if c.number[-10:] == outward.number[-10:]]
    assert contacts == ([outward.extension] if outward.talks else [])


def test_nobody_else_is_a_contact(heard: Heard) -> None:
    known = {outward.number[-10:] for outward in OUTWARD.values()}
    assert [c for c in heard.contacts if c.number[-10:] not in known] == []
