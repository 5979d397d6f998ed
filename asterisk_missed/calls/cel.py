"""A row of CEL, and the switch as rows tell it.

No I/O, no clock: the time is that of the row, in unix seconds. Changed by `cel_signs` alone, as a `Switch` is by `signs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .channel import Bridge, Channel, descendants
from .lines import ChannelName, Kind, Lines
from .switch import Switch

# A channel whose begin was not kept is made of these: what comes later would make one that is gone already.
_ALIVE = frozenset(("CHAN_START", "APP_START", "BRIDGE_ENTER"))


@dataclass(frozen=True, slots=True)
class CelRow:
    """One row. ``at``: unix seconds; ``caller``: of 0-9 + * # only, '' where it has anything else; ``extra``: the JSON;
    ``place``: where the row stands, for whoever reads on from there."""

    event: str
    at: float
    uniqueid: str
    linkedid: str
    channel: str
    caller: str
    caller_name: str
    exten: str
    context: str
    application: str
    data: str
    extra: Mapping[str, object]
    place: Any

    def word(self, name: str) -> str:
        """A text of ``extra``; '' where there is none."""
        value = self.extra.get(name)
        return value if isinstance(value, str) else ""


@dataclass(slots=True)
class Trace:
    """Where and when a channel stood in the file first and last, and where in the dialplan its application began."""

    place: Any
    first: float
    last: float
    linkedid: str = ""
    position: tuple[str, str] = ("", "")
    once: bool = False  # the queue is left after one round (option n)


class Past(Switch):
    """The switch as its rows tell it.

    ``traces``: of all channels that are kept, in the order of their first rows; ``calls``: their Uniqueids by Linkedid,
    which changes silently and is taken anew from every row.
    """

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self.traces: dict[str, Trace] = {}
        self.calls: dict[str, dict[str, None]] = {}
        self.last = 0.0

    def seen(self, row: CelRow) -> Channel | None:
        """The channel of a row, made if it is new."""
        self.last = max(self.last, row.at)
        channel = self.channels.get(row.uniqueid)
        if channel is None:
            if self.is_buried(row.uniqueid) or row.event not in _ALIVE:
                return None
            channel = self._new(row)
        channel.name = row.channel
        channel.context = row.context or channel.context
        if channel.kind is Kind.TRUNK and channel.rung_by is not None and not channel.caller:
            channel.caller = row.caller  # it was rung, by a queue: who dials has the number in its arguments
        self.traces[row.uniqueid].last = row.at
        self._link(row.uniqueid, row.linkedid)
        return channel

    def _link(self, uniqueid: str, linkedid: str) -> None:
        trace = self.traces[uniqueid]
        if linkedid != trace.linkedid:
            self._unlink(uniqueid, trace.linkedid)
            self.calls.setdefault(linkedid, {})[uniqueid] = None
            trace.linkedid = linkedid

    def _unlink(self, uniqueid: str, linkedid: str) -> None:
        call = self.calls.get(linkedid, {})
        call.pop(uniqueid, None)
        if not call:
            self.calls.pop(linkedid, None)

    def _new(self, row: CelRow) -> Channel:
        name = ChannelName.parse(row.channel)
        channel = Channel(row.uniqueid, row.channel, self.lines.kind(name), name.endpoint, row.at, row.caller)
        channel.caller_name = "" if row.caller_name == "<unknown>" else row.caller_name
        self.traces[row.uniqueid] = Trace(row.place, row.at, row.at)
        return self.born(channel, row.linkedid)

    def move(self, channel: Channel, bridge: Bridge | None) -> None:
        """As `Switch.move`; a bridge goes with the last one in it: no row tells its end."""
        before = channel.bridge
        super().move(channel, bridge)
        self._forget_empty(before)

    def end(self, channel: Channel) -> None:
        """As `Switch.end`."""
        before = channel.bridge
        super().end(channel)
        self._forget_empty(before)

    def _forget_empty(self, bridge: Bridge | None) -> None:
        if bridge is not None and not bridge.members:
            self.bridges.pop(bridge.uniqueid, None)

    def last_of(self, channel: Channel) -> float:
        """The time of the last row of the call that the channel belongs to."""
        return max(self.traces[c.uniqueid].last for c in self.call_of(channel))

    def call_of(self, channel: Channel) -> list[Channel]:
        """The channels with the same Linkedid, itself included."""
        return [self.channels[u] for u in self.calls[self.traces[channel.uniqueid].linkedid]]

    def forget(self, root: Channel) -> None:
        """As `Switch.forget`; the traces go with the channels, and a callback of ours with its last channel."""
        forgotten = [c.uniqueid for c in descendants(root)]
        super().forget(root)
        for uniqueid in forgotten:
            if uniqueid not in self.channels:
                self._untrace(uniqueid)

    def drop(self, uniqueid: str) -> None:
        """Forget a channel, whether it has ended or not."""
        channel = self.channels.get(uniqueid)
        if channel is not None:
            self.end(channel)
            self.gone.clear()
            self.bury(uniqueid)
        self._untrace(uniqueid)

    def _untrace(self, uniqueid: str) -> None:
        trace = self.traces.pop(uniqueid, None)
        if trace is not None:
            self._unlink(uniqueid, trace.linkedid)
        attempt = self.attempt_of.pop(uniqueid, None)
        if attempt is not None:
            attempt.channels.pop(uniqueid, None)
            if not attempt.channels:
                self.attempts.pop(attempt.channel_id, None)
