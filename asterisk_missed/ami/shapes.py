"""What Asterisk's events look like: which headers, in which order. Pure; knows nothing of bytes and sockets but patterns.

A *shape* is the list of an event's header names. `shape_faults` judges one with care; a shape that was found in order is
kept as a pattern (`Shapes`), so that the next block of the same shape is read and judged in one match.

Sources: the headers of a channel are those of Asterisk's main/manager_channels.c
(ast_manager_build_channel_state_string_prefix), the first lines of an event those of main/manager.c, QueueEntry's those
of apps/app_queue.c; checked by recordings of Asterisk 16 and 22.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SNAPSHOT = _words("""
    Channel ChannelState ChannelStateDesc CallerIDNum CallerIDName ConnectedLineNum ConnectedLineName
    Language AccountCode Context Exten Priority Uniqueid Linkedid
""")
# Headers that stand nowhere but in a channel's snapshot. (Context and Exten are also LocalBridge's own.)
_ONLY_IN_SNAPSHOT = frozenset(SNAPSHOT) - {"Language", "Context", "Exten"}

# Which channels an event speaks of, by the prefix of their headers: those it cannot be without, and those it may have.
# Events of channels that nobody counts (RTCP, tests) are not here.
_PREFIXES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    **dict.fromkeys(
        _words("""
            Newchannel Newstate Newexten NewCallerid NewConnectedLine NewAccountCode Hangup HangupRequest
            SoftHangupRequest Hold Unhold MusicOnHoldStart MusicOnHoldStop DTMFBegin DTMFEnd BridgeEnter BridgeLeave
            QueueCallerJoin QueueCallerLeave QueueCallerAbandon CoreShowChannel Status
        """),
        (("",), ()),
    ),
    "VarSet": ((), ("",)),  # a global variable has no channel
    # an Originate has no caller
    **dict.fromkeys(_words("DialBegin DialState DialEnd"), (("Dest",), ("",))),
    # a queue's event may lack a channel that is gone already
    **dict.fromkeys(_words("AgentCalled AgentConnect AgentComplete AgentDump AgentRingNoAnswer"), ((), ("", "Dest"))),
    "Pickup": (("", "Target"), ()),
    **dict.fromkeys(
        _words("LocalBridge LocalOptimizationBegin LocalOptimizationEnd"), (("LocalOne", "LocalTwo"), ("Source",))
    ),
    **dict.fromkeys(_words("ParkedCall ParkedCallGiveUp ParkedCallTimeOut ParkedCallSwap"), (("Parkee",), ("Parker",))),
    "UnParkedCall": (("Parkee", "Retriever"), ("Parker",)),
    "BlindTransfer": (("Transferer",), ("Transferee",)),
    "AttendedTransfer": (
        ("OrigTransferer", "SecondTransferer"),
        ("Transferee", "TransferTarget", "LocalOne", "LocalTwo"),
    ),
}
# What may stand between the first lines and the first channel.
_BEFORE_CHANNEL = {
    "BridgeEnter": re.compile("Bridge[A-Za-z]+"),
    "BridgeLeave": re.compile("Bridge[A-Za-z]+"),
    "BlindTransfer": re.compile("Result"),
    "AttendedTransfer": re.compile("Result"),
}
# The first lines of an event; list events have ActionID in place of Privilege.
_FIRST = re.compile(
    "Event (Privilege|ActionID)( ActionID)?( Timestamp)?( SequenceNumber File Line Func)?( SystemName)?( ActionID)?"
)
# No snapshot, but a known list all the same; here the caller's bytes come after Uniqueid.
_QUEUE_ENTRY = _words(
    "Event Queue Position Channel Uniqueid CallerIDNum CallerIDName ConnectedLineNum ConnectedLineName Wait"
)

_MAY_REPEAT = re.compile(r"Variable|[A-Za-z]*ChanVariable.*|Output|FileName")
# TestEvent (only in builds for Asterisk's own tests) prints State twice. It counts for nothing.
_MAY_REPEAT_ALL = frozenset({"TestEvent"})

# A channel that has a tenant tells it among the headers of its snapshot (Asterisk 20.9 and later).
_TENANT = re.compile(r"[A-Za-z]*TenantI[Dd]")

# What stands in a snapshot only, whatever its channel is called: outside one it is a piece of another event.
_STRAY = re.compile(r"[A-Za-z]+(CallerIDNum|CallerIDName|ConnectedLineNum|ConnectedLineName|Linkedid)")

Names = tuple[str | None, ...]


@lru_cache(maxsize=1024)
def shape_faults(event: str, names: Names) -> tuple[str, ...]:
    """The faults (see `Message.faults`) that show in the list of header names; None stands for a line that is none."""
    faults = []
    if names[0] not in ("Event", "Response"):
        faults.append("no_name")
    if None in names:
        faults.append("no_colon")
    known = tuple(name for name in names if name is not None and not _TENANT.fullmatch(name))
    once = [name for name in known if not _MAY_REPEAT.fullmatch(name)]
    if len(set(once)) != len(once) and event not in _MAY_REPEAT_ALL:
        faults.append("twice")
    if _is_torn(event, known):
        faults.append("torn")
    return tuple(faults)


def _is_torn(event: str, names: Sequence[str]) -> bool:
    """Whether a channel event is other than: first lines, its channels one by one and whole, its own headers."""
    if event == "QueueEntry":
        return names[: len(_QUEUE_ENTRY)] != _QUEUE_ENTRY
    if event not in _PREFIXES:  # nothing but a snapshot holds a Linkedid: this one is another block's
        rest = _snapshots(names)[1]
        return any(name.endswith("Linkedid") or _begins_snapshot(rest, i) for i, name in enumerate(rest))
    first = next((i for i in range(len(names)) if _begins_snapshot(names, i)), len(names))
    if first < len(names) and not _opens_well(event, names[:first]):
        return True
    seen, rest = _snapshots(names)
    must, may = _PREFIXES[event]
    strays = bool(_strays(event) & set(rest)) or any(_STRAY.fullmatch(name) for name in rest)
    return strays or not set(must) <= set(seen) <= {*must, *may}


def _opens_well(event: str, names: Sequence[str]) -> bool:
    before = _BEFORE_CHANNEL.get(event)
    return _FIRST.fullmatch(" ".join(name for name in names if not (before and before.fullmatch(name)))) is not None


def _begins_snapshot(names: Sequence[str], i: int) -> bool:
    return names[i].endswith("Channel") and names[i + 1 : i + 2] == (names[i] + "State",)


def _snapshots(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The prefixes of the whole snapshots, and the headers that are in none."""
    seen, rest = [], []
    i = 0
    while i < len(names):
        prefix = names[i].removesuffix("Channel")
        if _begins_snapshot(names, i) and names[i : i + len(SNAPSHOT)] == tuple(prefix + name for name in SNAPSHOT):
            seen.append(prefix)
            i += len(SNAPSHOT)
        else:
            rest.append(names[i])
            i += 1
    return seen, rest


def prefixes(event: str) -> dict[str, bool]:
    """The channels that an event may speak of, by the prefix of their headers, and whether it cannot be without them."""
    must, may = _PREFIXES.get(event, ((), ()))
    return {**dict.fromkeys(must, True), **dict.fromkeys(may, False)}


@lru_cache
def _strays(event: str) -> frozenset[str]:
    """Headers that an event has inside its snapshots only."""
    must, may = _PREFIXES[event]
    return frozenset(prefix + name for prefix in (*must, *may) for name in _ONLY_IN_SNAPSHOT)


class Shape:
    """One list of headers that was found in order, as a pattern of a whole block without control bytes.

    ``match`` gives the values as groups; ``places`` the group of each name, the first where it repeats.
    """

    __slots__ = ("match", "names", "places")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.match = re.compile(
            b"\r\n".join(re.escape(name.encode()) + b": ([ -~\x80-\xff]*+)" for name in names)
        ).fullmatch
        self.places = {name: i for i, name in reversed(list(enumerate(names, 1)))}


class Shapes:
    """The shapes seen so far. Only such as have no fault are learned, and a bounded number: a caller can make new ones,
    and then blocks are read the slow way, with the same result."""

    # Asterisk writes an event in one or two shapes (a Hangup with and without TechCause), and has some 150 events.
    PER_EVENT = 8
    EVENTS = 300

    def __init__(self) -> None:
        self.names: dict[bytes, str] = {}  # of the events whose shapes are known
        self._known: dict[str, list[Shape]] = {}

    def of(self, event: str) -> Sequence[Shape]:
        return self._known.get(event, ())

    def learn(self, event: str, names: tuple[str, ...], block: bytes) -> None:
        """``block`` is in order and has these headers. (A header without the space after its colon makes no pattern.)"""
        known = self._known.get(event, [])
        if len(known) >= self.PER_EVENT or (not known and len(self._known) >= self.EVENTS):
            return
        shape = Shape(names)
        if shape.match(block):
            self._known[event] = [*known, shape]
            self.names[event.encode()] = event
