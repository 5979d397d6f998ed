"""Channels, and what ties them: bridges, rings, stays in queues, talks.

The record of what one PBX does, changed by `switch` alone. No I/O, no clock: times are unix seconds, by Asterisk's own
clock where it sends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .lines import Kind

# Moments are told to the microsecond, and moved by some to keep them in order.
ROUNDING = 0.001


@dataclass(slots=True, eq=False)
class Channel:
    """One end of a call in Asterisk, keyed by Uniqueid (which is never parsed: a systemname may stand before it)."""

    uniqueid: str
    name: str
    kind: Kind
    endpoint: str
    born: float
    caller: str = ""
    caller_name: str = ""
    first_exten: str = ""
    context: str = ""
    up_at: float | None = None
    gone_at: float | None = None
    cause: int = 0
    tech_cause: int = 0
    hung_up_at: float | None = None  # the other side hung up; the PBX may keep the channel for long after that
    pair: Channel | None = None
    bridge: Bridge | None = None
    moves: int = 0  # how often it was heard to enter or leave a bridge
    rung_by: Ring | None = None
    rings: list[Ring] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    wires: dict[str, Channel] = field(default_factory=dict)  # Local channels that a trunk channel has heard over
    forwards: dict[str, str] = field(default_factory=dict)  # target of a 302 -> the extension that sent it
    parking: str = ""  # "parked", then "gave_up" or "timed_out"
    parked_at: float | None = None
    inbound: bool = False
    ours: bool = False  # a part of one of our own callbacks
    unseen_end: bool = False
    answered_unseen: bool = False  # as its queue has counted; nobody knows when, nor for how long
    answered_unseen_by: str | None = None
    restarted: bool = False  # Asterisk went down under it
    application: tuple[str, str] | None = None
    application_at: float = 0.0
    extension: str = ""  # of the dialplan, where the application was
    stale: bool = False  # the application is that of before a transfer; where it went to is the extension
    applications: list[tuple[float, str]] = field(default_factory=list)
    unreachable: list[Unreached] = field(default_factory=list)

    @property
    def is_person(self) -> bool:
        """Somebody may be at the other side (a client, an employee)."""
        return self.kind in (Kind.TRUNK, Kind.EXTENSION)

    @property
    def hung_up_itself(self) -> bool:
        """The other side ended it, not the PBX."""
        return self.hung_up_at is not None

    @property
    def alive(self) -> bool:
        return self.gone_at is None

    def stays_in(self, queue: str) -> bool:
        """Whether it waits in that queue now."""
        return bool(self.stays) and self.stays[-1].left is None and self.stays[-1].queue == queue


@dataclass(slots=True, eq=False)
class Bridge:
    """Channels that hear each other. In a holding bridge (parking) they hear music, not each other."""

    uniqueid: str
    holding: bool = False
    members: dict[str, Channel] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Ring:
    """One channel rung for another. ``queue`` is set where a queue rang its member."""

    dest: Channel
    caller: Channel | None
    began: float
    dialled: str = ""
    context: str = ""  # of the dialplan that dialled
    dial_at: float = 0.0  # when the application that dialled began, where the dialplan is heard
    queue: str | None = None
    ended: float | None = None
    status: str = ""
    picked_up: bool = False
    forwarded: bool = False  # by the telephone (302): another was rung in its place


@dataclass(frozen=True, slots=True)
class Unreached:
    """An extension that was dialled and has no telephone that could ring. ``beside``: others of its group did ring."""

    at: float
    extension: str
    beside: bool = False


@dataclass(slots=True, eq=False)
class Stay:
    """A caller's stay in a queue, or his refusal at its door (``refused``)."""

    queue: str
    channel: Channel
    joined: float
    left: float | None = None
    abandoned: bool = False
    connected: float | None = None
    status: str = ""  # QUEUESTATUS

    @property
    def refused(self) -> bool:
        return self.status.startswith("JOIN") or self.status == "FULL"


@dataclass(slots=True, eq=False)
class Talk:
    """A trunk channel and another person hear each other. ``who``: that person's extension, else his number."""

    peer: Channel
    who: str
    began: float
    found: bool = False  # it was going on when the state was taken: it began earlier, nobody knows when
    ended: float | None = None
    announced: bool = False

    def seconds(self, now: float) -> float:
        """How long it lasted, or has lasted by ``now``; at least, where its begin was not seen."""
        return max(0.0, (now if self.ended is None else self.ended) - self.began)

    def counts(self, now: float, min_talk: float) -> bool:
        """Long enough to be a talk; one of unknown length is, and one that was long enough before the clock was put back."""
        return self.found or self.announced or self.seconds(now) >= min_talk - ROUNDING


def component(start: Channel) -> dict[str, Channel]:
    """Every living channel that hears ``start``: over common bridges (not holding ones) and halves of Local channels."""
    seen = {start.uniqueid: start}
    todo = [start]
    while todo:
        for other in _neighbours(todo.pop()):
            if other.uniqueid not in seen and other.gone_at is None:
                seen[other.uniqueid] = other
                todo.append(other)
    return seen


def _neighbours(channel: Channel) -> Iterator[Channel]:
    if channel.pair is not None:
        yield channel.pair
    if channel.bridge is not None and not channel.bridge.holding:
        yield from channel.bridge.members.values()


def parent(channel: Channel) -> Channel | None:
    """The channel that had this one rung: over the second half of a Local channel to its first."""
    if channel.rung_by is not None:
        return channel.rung_by.caller
    if channel.name.endswith(";2"):
        return channel.pair
    return None


def ancestors(channel: Channel) -> Iterator[Channel]:
    """The channel itself, who had it rung, who had that one rung, and so on up to the root."""
    seen: set[str] = set()
    step: Channel | None = channel
    while step is not None and step.uniqueid not in seen:
        seen.add(step.uniqueid)
        yield step
        step = parent(step)


def root(channel: Channel) -> Channel:
    """Where the chain of dialling began."""
    return list(ancestors(channel))[-1]


def descendants(channel: Channel) -> Iterator[Channel]:
    """The channel itself and everything that was rung for it, in the order of ringing."""
    seen: set[str] = set()
    todo = [channel]
    while todo:
        step = todo.pop(0)
        if step.uniqueid in seen:
            continue
        seen.add(step.uniqueid)
        yield step
        todo.extend(ring.dest for ring in step.rings)
        if step.pair is not None and step.name.endswith(";1"):
            todo.append(step.pair)
