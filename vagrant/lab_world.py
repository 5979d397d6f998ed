"""What a test asks the lab's far end: calls made from it (AMI), and its own log of what reached it (CEL)."""

from __future__ import annotations

import csv
import ctypes
import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lab_room import LabError, network

# From linux/sched.h.
CLONE_NEWNET = 0x40000000

# Seconds for an answer of an Asterisk that is up.
PATIENCE = 5.0

# Columns of world/cel_custom.conf.
COLUMNS = ("event", "at", "context", "exten", "caller", "channel", "uniqueid", "extra")


# What FarCall.side says of a call that was made from here. Its id tells who called whom: see call_id().
CALLER = "caller"
CALL_ID = re.compile(r"(company|desk)-([a-z0-9]+)-([a-z0-9]+)-[0-9a-f]{16}")

# Causes of an end without an answer (Asterisk's causes.h).
# A decline is an end without a cause, which 16 writes as 0 and 22 as 16.
CAUSES = {
    0: "declined",
    1: "unknown number",
    3: "unreachable",
    16: "declined",
    17: "busy",
    19: "unavailable",
    20: "unreachable",
    21: "declined",
    34: "congested",
}


@dataclass(frozen=True)
class Account:
    """Where an AMI is, within the lab's network, and who may log in."""

    host: str
    port: int
    user: str
    secret: str


@dataclass(frozen=True)
class FarCall:
    """One call as the far end saw it. Times are unix seconds, None where it did not come to that."""

    uniqueid: str
    number: str  # as it was dialled
    caller: str  # From
    side: str  # provider, telephones: called by the PBX; caller: made from here
    at: float
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: str | None = None  # pbx, or far: the client or the telephone
    cause: int | None = None  # Asterisk's: 16 normal, 17 busy, 19 no answer, 21 declined, 26 answered elsewhere

    @property
    def outcome(self) -> str:
        """In one word: ringing, talking, answered (and over), given up (by who called), or why it was refused."""
        if self.answered_at is not None:
            return "talking" if self.ended_at is None else "answered"
        if self.ended_at is None:
            return "ringing"
        if self.ended_by == ("far" if self.side == CALLER else "pbx"):
            return "given up"
        return CAUSES.get(self.cause or 0, f"refused ({self.cause})")


def connect(net: str, host: str, port: int) -> socket.socket:
    """A TCP connection made within the lab's network ("": the host's), usable from this process.

    A socket stays in the network in which it was made; only the thread that makes it goes there.
    """
    if not net:
        return socket.create_connection((host, port), PATIENCE)
    made: list[socket.socket] = []
    failed: list[OSError] = []

    def make() -> None:
        try:
            enter_network(net)
            made.append(socket.create_connection((host, port), PATIENCE))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def enter_network(net: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with network(net).open() as handle:
        if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"the network {net} cannot be entered")


class Ami:
    """The few words of AMI that the lab needs. Not the product's client: what tests a thing should not be the thing."""

    def __init__(self, net: str, account: Account) -> None:
        """Connect and log in. OSError or LabError when Asterisk is not ready for it."""
        self._socket = connect(net, account.host, account.port)
        self._lines = self._socket.makefile("r", encoding="utf-8", errors="replace", newline="\r\n")
        self._lines.readline()  # the greeting
        try:
            self.do("Login", Username=account.user, Secret=account.secret)
        except BaseException:
            self.close()
            raise

    def do(self, action: str, **headers: str | list[str]) -> dict[str, str]:
        """Send an action, return its response; LabError when it is refused. Events in between are passed over."""
        mark = os.urandom(8).hex()
        lines = [f"Action: {action}", f"ActionID: {mark}"]
        for name, value in headers.items():
            lines += [f"{name}: {one}" for one in ([value] if isinstance(value, str) else value)]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        response = next((block for block in self.blocks() if block.get("ActionID") == mark), {})
        if response.get("Response") not in ("Success", "Goodbye"):
            raise LabError(f"AMI {action}: {response.get('Message', 'the connection was closed')}")
        return response

    def blocks(self) -> Iterator[dict[str, str]]:
        """Every block from here on, until the connection ends."""
        block: dict[str, str] = {}
        for line in self._lines:
            name, colon, value = line.rstrip("\r\n").partition(":")
            if colon:
                block[name] = value.strip()
            elif block:
                yield block
                block = {}

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Ami:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def far_calls(log: Path) -> list[FarCall]:
    """Every call in the far end's log, in the order in which they began."""
    calls: dict[str, FarCall] = {}
    for row in _rows(log):
        uniqueid, at = row["uniqueid"], float(row["at"])
        if row["event"] == "CHAN_START":
            calls[uniqueid] = _begun(row)
        elif uniqueid in calls and row["event"] == "ANSWER" and calls[uniqueid].answered_at is None:
            calls[uniqueid] = replace(calls[uniqueid], answered_at=at)
        elif uniqueid in calls and row["event"] == "HANGUP":
            calls[uniqueid] = _ended(calls[uniqueid], row)
    return list(calls.values())


def call_id(side: str, number: str, to: str) -> str:
    """A channel id that nobody else has, and that a log can be read by."""
    words = (re.sub("[^a-z0-9]", "", word.lower()) or "0" for word in (number, to))
    return "-".join((side, *words, os.urandom(8).hex()))


def _begun(row: dict[str, str]) -> FarCall:
    at = float(row["at"])
    if ours := CALL_ID.fullmatch(row["uniqueid"]):
        return FarCall(row["uniqueid"], ours[3], ours[2], CALLER, at)
    return FarCall(row["uniqueid"], row["exten"], row["caller"], row["context"], at)


def _ended(call: FarCall, row: dict[str, str]) -> FarCall:
    extra = json.loads(row["extra"] or "{}")
    # Asterisk names the channel by which the end came in: its own when the other side of SIP hung up.
    ended_by = "pbx" if extra.get("hangupsource") == row["channel"] else "far"
    return replace(call, ended_at=float(row["at"]), ended_by=ended_by, cause=extra.get("hangupcause"))


def _rows(log: Path) -> Iterator[dict[str, str]]:
    if not log.exists():
        return
    text = log.read_text(errors="replace")
    complete = text[: text.rfind("\n") + 1]  # a row that is being written is not one yet
    for row in csv.reader(complete.splitlines()):
        if len(row) == len(COLUMNS):
            yield {name: row[place] for place, name in enumerate(COLUMNS)}


def same_number(a: str, b: str) -> bool:
    """Whether two ways of writing are one number: +7, 8 and 7 before ten digits mean the same."""
    return _plain(a) == _plain(b)


def _plain(number: str) -> str:
    digits = re.sub(r"\D", "", number)
    return "7" + digits[1:] if len(digits) == 11 and digits[0] == "8" else digits
