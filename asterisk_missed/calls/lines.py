"""Channel names: which end of a call is a trunk, an employee's telephone, or no person at all.

Decides from the name alone (``PJSIP/trunk-main-0000000c``); touches nothing.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What stands at the other side of a channel."""

    TRUNK = "trunk"
    EXTENSION = "extension"  # a telephone of the company, whatever its name
    LOCAL = "local"  # one half of a Local channel: a piece of wire
    MACHINE = "machine"  # announcers, recorders, bots: never a person


# Drivers behind whose channels nobody listens. Sources: the channel types that Asterisk's own modules create
# (core_unreal, bridge_softmix, app_confbridge, app_chanspy, res_parking, chan_rtp, chan_audiosocket, chan_websocket).
_MACHINES = frozenset(
    (
        *("announcer", "asyncgoto", "audiosocket", "bridge", "cbann", "cbrec", "message", "multicastrtp", "nullrtp"),
        *("parked", "recorder", "rtp", "snoop", "surrogate", "unicastrtp", "websocket"),
    )
)

# The number gate: everything that is dialled, or dials, goes through it. ASCII digits: isdigit() accepts others.
NUMBER = re.compile(r"\+?[0-9]{3,20}")

_SERIAL = re.compile(r"-[0-9a-f]+(;[12])?$")


@dataclass(frozen=True, slots=True)
class ChannelName:
    """``PJSIP/101-0000001a`` taken apart: technology ``PJSIP``, endpoint ``101``."""

    technology: str
    endpoint: str

    @classmethod
    def parse(cls, name: str) -> ChannelName:
        """Any text: what cannot be taken apart has an empty endpoint."""
        technology, _, rest = name.partition("/")
        endpoint = _SERIAL.sub("", rest)
        if technology in ("DAHDI", "IAX2"):  # DAHDI/i1/74951234567-2, DAHDI/3-1, IAX2/trunk-main-1034
            endpoint = endpoint.split("/")[0]
        return cls(technology, endpoint)


def asterisk_pattern(pattern: str) -> re.Pattern[str]:
    """An extension pattern of the dialplan (``1XX``, ``_2[0-5]X``, ``NXX``, ``9.``) as a regular expression.

    X is 0-9, Z is 1-9, N is 2-9, ``.`` one or more characters, ``!`` any number of them.
    """
    sets = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".+", "!": ".*"}
    parts = re.findall(r"\[[0-9-]+\]|.", pattern.removeprefix("_"))
    return re.compile("".join(p if p.startswith("[") else sets.get(p.upper(), re.escape(p)) for p in parts))


@dataclass(frozen=True)
class Lines:
    """The lines of one PBX, as its config names them.

    ``trunks``: patterns over ``TECH/endpoint`` (``PJSIP/trunk-main``, ``DAHDI/*``; case does not count).
    ``extensions``: dialplan patterns of employees' numbers.
    """

    trunks: Sequence[str]
    extensions: Sequence[str]
    _extension_patterns: tuple[re.Pattern[str], ...] = field(init=False, repr=False)
    _trunk_pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_extension_patterns", tuple(asterisk_pattern(p) for p in self.extensions))
        trunks = "|".join(fnmatch.translate(t) for t in self.trunks) or r"(?!)"
        object.__setattr__(self, "_trunk_pattern", re.compile(trunks, re.IGNORECASE))

    def kind(self, name: ChannelName) -> Kind:
        """What stands behind the channel of that name."""
        technology = name.technology.lower()
        if technology == "local":
            return Kind.LOCAL
        if technology in _MACHINES or not name.endpoint or (technology, name.endpoint) == ("dahdi", "pseudo"):
            return Kind.MACHINE
        if self._trunk_pattern.match(f"{name.technology}/{name.endpoint}"):
            return Kind.TRUNK
        return Kind.EXTENSION

    def extension(self, text: str) -> str | None:
        """The employee's number in ``101``, ``101@internal`` or ``101-mobile``; None where there is none."""
        number = re.split(r"[^0-9*#A-Za-z]", text, maxsplit=1)[0]
        return number if any(p.fullmatch(number) for p in self._extension_patterns) else None


def dialled_number(dial_string: str) -> str:
    """The number in the DialString of a DialBegin; empty where there is none.

    chan_pjsip prints ``79160001122@trunk-main`` or ``trunk-main/sip:79160001122@host``, the others
    ``trunk-main/79160001122``.
    """
    last = dial_string.rsplit("/", 1)[-1]
    number = last.removeprefix("sip:").split("@")[0]
    return number if NUMBER.fullmatch(number) else ""
