"""Callers of whom every byte can be chosen: a few words of SIP, sent to the lab's pbx from the provider's address.

The lab's own clients (`Lab.client_calls`) go through an Asterisk, which shows nobody's number but a proper one.
"""

from __future__ import annotations

import re
import secrets
import select
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from lab import Lab
from lab_world import enter_network

PBX = ("127.0.0.1", 5060)
PROVIDER = "127.0.0.2"

# A call whose INVITE nobody answered is begun again, as a telephone would.
AGAIN = 1.0

SDP = (
    f"v=0\r\no=- 1 1 IN IP4 {PROVIDER}\r\ns=-\r\nc=IN IP4 {PROVIDER}\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
).encode()
_STATUS = re.compile(rb"SIP/2\.0 ([0-9]{3}) ")


PLAIN = b"+0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def address(number: bytes) -> bytes:
    """A caller's address: of his number, what is no letter, digit or plus is written as %XX."""
    user = b"".join(bytes([c]) if c in PLAIN else b"%%%02X" % c for c in number)
    return b"sip:" + (user + b"@" if user else b"") + PROVIDER.encode()


@dataclass
class SipCall:
    """One call: who is shown as its caller, what he dials, and how long he rings (or talks, once answered)."""

    did: str
    number: bytes
    name: bytes  # what stands between the quotes
    asserted: bytes | None = None  # number in P-Asserted-Identity
    seconds: float = 3.0
    statuses: list[int] = field(default_factory=list)  # every answer to the INVITE, once
    over: bool = False
    _id: bytes = field(default_factory=lambda: secrets.token_hex(8).encode())
    _sent: float = 0.0
    _leaves: float | None = None
    _to: bytes = b""  # as the PBX has completed it

    def act(self, now: float, sock: socket.socket) -> None:
        """What is due: ring, ring again, hang up."""
        if not self._sent or (not self.statuses and now - self._sent > AGAIN):
            self._sent = now
            self._say(sock, b"INVITE", SDP)
        elif self._leaves is not None and now >= self._leaves:
            self._leaves = now + AGAIN
            self._say(sock, b"BYE" if 200 in self.statuses else b"CANCEL")

    def hears(self, data: bytes, now: float, sock: socket.socket) -> None:
        """An answer of the PBX, or a request."""
        if not data.startswith(b"SIP/2.0"):
            self._agrees(data, sock)
            return
        found = _STATUS.match(data)
        assert found is not None, data
        status = int(found[1])
        if b" INVITE" in _header(data, b"CSeq"):
            self._of_invite(status, data, now, sock)
        elif b" BYE" in _header(data, b"CSeq"):
            self.over = True

    def _of_invite(self, status: int, data: bytes, now: float, sock: socket.socket) -> None:
        if status not in self.statuses:
            self.statuses.append(status)
            if status in (180, 183, 200) and (self._leaves is None or status == 200):
                self._leaves = now + self.seconds
        if status >= 200:
            self._to = _header(data, b"To")
            self._say(sock, b"ACK")
            self.over = self.over or status >= 300

    def _agrees(self, request: bytes, sock: socket.socket) -> None:
        names = (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
        lines = [b"SIP/2.0 200 OK", *(b"%s: %s" % (name, _header(request, name)) for name in names)]
        sock.sendto(b"\r\n".join([*lines, b"Content-Length: 0", b"", b""]), PBX)
        self.over = self.over or request.startswith(b"BYE")

    def _say(self, sock: socket.socket, method: bytes, body: bytes = b"") -> None:
        here = b"%s:%d" % (PROVIDER.encode(), sock.getsockname()[1])
        to = b"<sip:%s@127.0.0.1>" % self.did.encode()
        answered = 200 in self.statuses
        inside = answered and method in (b"ACK", b"BYE")
        lines = [
            b"%s sip:%s@127.0.0.1 SIP/2.0" % (method, self.did.encode()),
            b"Via: SIP/2.0/UDP %s;rport;branch=z9hG4bK%s%s" % (here, self._id, method if inside else b""),
            b"Max-Forwards: 70",
            b'From: "%s" <%s>;tag=%s' % (self.name, address(self.number), self._id),
            b"To: " + (self._to if inside or method == b"ACK" else to),
            b"Call-ID: " + self._id,
            b"CSeq: %d %s" % (2 if method == b"BYE" else 1, method),
            b"Contact: <sip:%s>" % here,
        ]
        if self.asserted is not None:
            lines.append(b'P-Asserted-Identity: "%s" <%s>' % (self.name, address(self.asserted)))
        if body:
            lines.append(b"Content-Type: application/sdp")
        sock.sendto(b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body]), PBX)


def _header(data: bytes, name: bytes) -> bytes:
    found = re.search(rb"\r\n" + name + rb":[ \t]*([^\r\n]*)", data, re.IGNORECASE)
    return found[1] if found else b""


def ring(lab: Lab, calls: Sequence[SipCall], pace: float = 0.05, patience: float = 30.0) -> None:
    """Make these calls, one begun every ``pace`` seconds; returns when all are over."""
    failed: list[BaseException] = []

    def make() -> None:
        try:
            _ring(lab, calls, pace, patience)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=make)  # a thread of its own: it goes into the lab's network
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def _ring(lab: Lab, calls: Sequence[SipCall], pace: float, patience: float) -> None:
    if lab.network:
        enter_network(lab.network)
    began = time.monotonic()
    by_id = {call._id: call for call in calls}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((PROVIDER, 0))
        while not all(call.over for call in calls):
            now = time.monotonic()
            if now - began > patience:
                raise AssertionError(f"not over: {[(call.number, call.statuses) for call in calls if not call.over]}")
            for place, call in enumerate(calls):
                if not call.over and now - began >= place * pace:
                    call.act(now, sock)
            while select.select([sock], [], [], 0.01)[0]:
                data = sock.recv(65536)
                call_of = by_id.get(_header(data, b"Call-ID"))
                if call_of is not None:
                    call_of.hears(data, time.monotonic(), sock)
