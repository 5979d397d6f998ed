"""The state of the switch, taken anew after each log-in: what is known is kept, what is missing ended unseen.

The answers to CoreStatus, CoreShowChannels, BridgeList and QueueStatus stand in the stream between the events, and are
taken in their order. Events of channels that the list shows may come after it: every sign may be given twice.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..ami.wire import Message
from .channel import Channel, Stay
from .lines import Kind
from .signs import number
from .switch import Switch

_CALLED = frozenset(("AppDial", "AppDial2", "AppQueue"))  # applications of channels that were rung, not ringing in


class Snapshot:
    """Takes the lists of one log-in and brings a switch up to them."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.boot: str | None = None
        self.link_lost_at: float | None = None
        self._lines: list[Message] = []
        self._bridged: list[tuple[Channel, str]] = []  # until it is known which bridges are holding ones
        self._entries: set[tuple[str, str]] = set()
        self._gap_from: float | None = None

    def takes(self, message: Message) -> bool:
        """Take a message if it is part of a list. True if it was."""
        if message.name == "CoreShowChannel":
            self._lines.append(message)
        elif message.name == "CoreShowChannelsComplete":
            self._channels()
        elif message.name == "BridgeListItem":
            self._bridge(message)
        elif message.name == "BridgeListComplete":
            self._enter_bridges()
        elif message.name == "QueueStatusComplete":
            self.complete()
        elif message.name == "QueueEntry":
            self._queue_entry(message)
        elif message.is_response and "CoreStartupTime" in message:
            self._core_status(message)
        else:
            return False
        return True

    def link_lost(self, at: float) -> None:
        """Nothing was heard from ``at`` on."""
        self.link_lost_at = self._gap_from = at
        self._lines.clear()
        self._bridged.clear()
        self._entries.clear()

    def complete(self) -> None:
        """All lists have been told."""
        self._enter_bridges()
        self._left_queues()

    def _core_status(self, message: Message) -> None:
        """A new boot means that every call we knew is over."""
        boot = f"{message.get('CoreStartupDate')} {message.get('CoreStartupTime')}"
        if self.boot not in (None, boot):
            for channel in self.switch.channels.values():
                channel.restarted = channel.restarted or channel.alive
            self._end_unseen(self.switch.channels.values())
        self.boot = boot

    def _channels(self) -> None:
        lines, self._lines = self._lines, []
        shown = {line.get("Uniqueid") for line in lines}
        if self.link_lost_at is not None:
            self._end_unseen(c for c in self.switch.channels.values() if c.uniqueid not in shown)
            self.link_lost_at = None
        for line in lines:
            self._channel(line)

    def _enter_bridges(self) -> None:
        """Put the channels where the list showed them; who has left a bridge in the gap is taken out of it."""
        bridged, self._bridged = self._bridged, []
        self.switch.finding = True
        for channel, bridge in bridged:
            if channel.alive:
                self.switch.move(channel, self.switch.bridge(bridge) if bridge else None)
        self.switch.finding = False

    def _left_queues(self) -> None:
        """Who waited in a queue before the gap and is not in it now has left it: for the talk that goes on, if one does."""
        if self._gap_from is None:
            return
        for channel in self.switch.channels.values():
            for stay in channel.stays:
                if (
                    stay.left is None
                    and stay.joined <= self._gap_from
                    and (channel.uniqueid, stay.queue) not in self._entries
                ):
                    stay.left = self.switch.at
                    stay.connected = next((t.began for t in channel.talks if t.found and t.ended is None), None)
        self._gap_from = None

    def _end_unseen(self, channels: Iterable[Channel]) -> None:
        """These ended while nobody listened: their end is put at the moment when the link was lost."""
        now = self.switch.at
        self.switch.at = self.link_lost_at if self.link_lost_at is not None else now
        for channel in [c for c in channels if c.alive]:
            channel.unseen_end = True
            self.switch.end(channel)
        self.switch.at = now

    def _channel(self, line: Message) -> None:
        known = line.get("Uniqueid") in self.switch.channels
        channel = self.switch.channel(line)
        if channel is None:
            return
        if line.get("ChannelState") == "6" and channel.up_at is None:
            channel.up_at = self.switch.at
        if not known:
            channel.born = self.switch.at - _seconds(line.get("Duration"))
            called = line.get("Application") in _CALLED
            channel.inbound = channel.kind is Kind.TRUNK and channel.linkedid == channel.uniqueid and not called
            channel.first_exten = ""  # Exten is where the call stands now, not where it came in
        self._bridged.append((channel, line.get("BridgeId")))

    def _bridge(self, message: Message) -> None:
        if "holding" in message.get("BridgeTechnology") or message.get("BridgeType") == "parking":
            self.switch.bridge(message.get("BridgeUniqueid")).holding = True

    def _queue_entry(self, message: Message) -> None:
        channel = self.switch.channels.get(message.get("Uniqueid"))
        queue = message.get("Queue")
        self._entries.add((message.get("Uniqueid"), queue))
        if channel is not None and not channel.stays_in(queue):
            channel.stays.append(Stay(queue, channel, self.switch.at - number(message.get("Wait"))))


def _seconds(duration: str) -> float:
    """``00:01:30`` of CoreShowChannel."""
    return float(sum(number(part) * 60**place for place, part in enumerate(reversed(duration.split(":")))))
