"""Blocks as Asterisk prints them, for tests of what is in order and what is not."""

from __future__ import annotations

from asterisk_missed.ami.shapes import SNAPSHOT
from asterisk_missed.ami.wire import Decoder, Message


def event(name: str, *more: str, number: str = "79160000001", first: str = "Privilege: call,all") -> bytes:
    values = dict.fromkeys(SNAPSHOT, "x") | {"CallerIDNum": number, "AccountCode": "", "Uniqueid": "1.1"}
    return "\r\n".join([f"Event: {name}", first, *(f"{k}: {v}" for k, v in values.items()), *more]).encode()


def decode(*pieces: bytes) -> list[Message]:
    decoder = Decoder()
    return [message for piece in pieces for message in decoder.feed(piece)]
