"""The state of the switch, taken anew after each log-in and every so often: what is known is kept, what is missing ended
unseen.

The answers to CoreStatus, CoreShowChannels, BridgeList and QueueStatus stand in the stream between the events, and are
taken in their order. Events of channels that the list shows may come after it: every sign may be given twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ..ami.wire import Message
from .channel import Channel, Stay
from .counts import Count, answered_unseen
from .lines import Kind
from .signs import number
from .switch import Switch

_CALLED = frozenset(("AppDial", "AppDial2", "AppQueue"))  # applications of channels that were rung, not ringing in
# Without an answer to QueueStatus within this time of the list of channels (seconds), there will be none.
WHOLE_WITHIN = 10.0
# What a snapshot takes: the events of lists, and answers, which have no name.
TOLD = frozenset(
    (
        *("", "FullyBooted", "CoreShowChannel", "CoreShowChannelsComplete", "BridgeListItem", "BridgeListComplete"),
        *("QueueParams", "QueueMember", "QueueEntry", "QueueStatusComplete"),
    )
)
_CORE_STATUS = (
    "ActionID",
    "CoreStartupDate",
    "CoreStartupTime",
    "CoreReloadDate",
    "CoreReloadTime",
    "CoreCurrentCalls",
)


class Snapshot:
    """Takes the lists of one log-in and brings a switch up to them."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.boot: str | None = None
        self.link_lost_at: float | None = None  # until the list of channels is there
        self._gap_from: float | None = None  # until all lists are there
        self._known: set[str] = set()  # channels that lived when the link was lost, and were not heard of since
        self._hung_up: list[Channel] = []  # that lived when the link was lost, and ended before a list was told
        self._absent: set[str] = set()  # that were not in the last list, without a gap
        self._asked: deque[str] = deque(maxlen=20)  # ActionIDs of the last lists
        self._lines: list[Message] = []
        self._listed_at = 0.0
        self.listed = False  # the channels, since the link was lost
        # Channel, the bridge that the list shows, its moves till then: until it is known which bridges are holding ones.
        self._bridged: list[tuple[Channel, str, int]] = []
        self._entries: set[tuple[str, str]] = set()
        self._counts: dict[str, Count] = {}
        self._untouched = False  # nothing has been heard since the link was lost
        self._taken = False  # the state has been taken once, so that later lists tell nothing new of bridges

    @property
    def anew(self) -> bool:
        """Whether the link was lost, and the state has not been taken since."""
        return self._gap_from is not None

    def taking(self, at: float) -> bool:
        """Whether more may still be told of what happened while nothing was heard: no unseen end is judged yet."""
        waited_for = self.link_lost_at is not None or at < self._listed_at + WHOLE_WITHIN
        return self._gap_from is not None and waited_for

    def takes(self, message: Message) -> None:
        """Take a message if it is part of a list that was asked for; a caller may write something like it."""
        if message.is_response:
            self._response(message)
        elif message.name == "FullyBooted":
            self._fully_booted(message)
        elif message.action_id in self._asked:
            self._listed(message)

    def _response(self, message: Message) -> None:
        if "EventList" in message:
            self._asked.append(message.action_id)
        elif all(name in message for name in _CORE_STATUS):
            self._core_status(message)

    def _listed(self, message: Message) -> None:
        if message.name == "CoreShowChannel":
            self._lines.append(message)
        elif message.name == "CoreShowChannelsComplete":
            self._channels()
        elif message.name == "BridgeListItem":
            self._bridge(message)
        elif message.name == "BridgeListComplete":
            self._enter_bridges()
        elif message.name == "QueueParams":
            count = self._counts.setdefault(message.get("Queue"), Count())
            count.completed, count.abandoned = number(message.get("Completed")), number(message.get("Abandoned"))
        elif message.name == "QueueMember":
            count = self._counts.setdefault(message.get("Queue"), Count())
            count.taken[message.get("Location")] = number(message.get("CallsTaken"))
        elif message.name == "QueueEntry":
            self._queue_entry(message)
        elif message.name == "QueueStatusComplete":
            self.complete()

    def heard(self, message: Message) -> None:
        """An event has come. Its channel lives on; and what is said of booting from now on may be a caller's."""
        self._untouched = False
        uniqueid = message.get("Uniqueid")
        self._known.discard(uniqueid)
        gone = self.switch.channels.get(uniqueid) if message.name == "Hangup" else None
        if gone is not None and self._gap_from is not None and gone.born < self._gap_from:
            self._hung_up.append(gone)

    def link_lost(self, at: float) -> None:
        """Nothing was heard from ``at`` on."""
        if self._gap_from is None:  # else nothing is known of what was since
            self._gap_from = at
            self._known = {c.uniqueid for c in self.switch.channels.values() if c.alive}
        self.link_lost_at = self._gap_from
        self.listed = False
        self._untouched = True
        self._absent.clear()
        self._hung_up.clear()
        self._lines.clear()
        self._bridged.clear()
        self._entries.clear()
        self._counts.clear()

    def complete(self) -> None:
        """All lists have been told."""
        self._enter_bridges()
        self._left_queues()
        if self._gap_from is not None and self.link_lost_at is None:
            switch = self.switch
            answered_unseen(switch.channels.values(), switch.counts, self._counts, self._gap_from, switch.lines)
        if self._counts:
            self.switch.counts, self._counts = self._counts, {}
        self._entries.clear()
        if self.link_lost_at is None:
            self._gap_from = None
            self._taken = True
            self._known.clear()
            self._hung_up.clear()

    def told(self) -> None:
        """All that was asked for has been answered, lists that are refused too: who is not listed then lives until heard."""
        self.complete()
        self.link_lost_at = self._gap_from = None
        self._known.clear()
        self._hung_up.clear()

    def end(self) -> None:
        """The stream is over. Who lived before a gap, and of whom nothing was heard since, has ended in it."""
        if self.link_lost_at is not None:
            self._end_unseen(self._of_old())
            self.link_lost_at = None
        self.complete()

    # --- booting

    def _core_status(self, message: Message) -> None:
        """A new boot means that every call we knew is over."""
        boot = f"{message.get('CoreStartupDate')} {message.get('CoreStartupTime')}"
        if self.boot not in (None, boot):
            self._restarted()
        self.boot = boot

    def _fully_booted(self, message: Message) -> None:
        """Said at each log-in, first of all, with the seconds since the boot. Later in the stream anybody may say it."""
        uptime = message.get("Uptime")
        since = self._gap_from
        if self._untouched and since is not None and uptime and self.switch.at - number(uptime) > since + 1.0:
            self._restarted()
        self._untouched = False

    def _restarted(self) -> None:
        channels = self._of_old() if self._gap_from is not None else list(self.switch.channels.values())
        for channel in channels:
            channel.restarted = channel.restarted or channel.alive
        self._end_unseen(channels)
        self.switch.counts.clear()

    def _of_old(self) -> list[Channel]:
        return [c for c in self.switch.channels.values() if c.uniqueid in self._known]

    def _end_unseen(self, channels: Iterable[Channel]) -> None:
        """These ended while nobody listened: their end is put at the moment when the link was lost."""
        now = self.switch.at
        self.switch.at = self._gap_from if self._gap_from is not None else now
        for channel in [c for c in channels if c.alive]:
            channel.unseen_end = True
            self.switch.end(channel)
        self.switch.at = now

    # --- channels and bridges

    def _channels(self) -> None:
        lines, self._lines = self._lines, []
        self.listed = True
        shown = {line.get("Uniqueid") for line in lines}
        absent = [c for c in self.switch.channels.values() if c.alive and c.uniqueid not in shown]
        if self.link_lost_at is not None:
            self._end_unseen(c for c in absent if c.uniqueid in self._known)
            for channel in self._hung_up:  # he may have been answered in the gap: no list has shown him with anybody
                channel.unseen_end = True
            self.link_lost_at, self._listed_at = None, self.switch.at
        else:  # its Hangup may be on its way; who is absent twice has ended, and was lost on the way
            self._end_unseen(c for c in absent if c.uniqueid in self._absent)
            self._absent = {c.uniqueid for c in absent}
        for line in lines:
            self._channel(line)

    def _channel(self, line: Message) -> None:
        known = line.get("Uniqueid") in self.switch.channels
        channel = self.switch.channel(line)
        if channel is None:
            return
        channel.name = line.get("Channel") or channel.name
        if line.get("ChannelState") == "6" and channel.up_at is None:
            channel.up_at = self.switch.at
        if not known:
            channel.born = self.switch.at - _seconds(line.get("Duration"))
            called = line.get("Application") in _CALLED
            channel.inbound = channel.kind is Kind.TRUNK and line.get("Linkedid") == channel.uniqueid and not called
            channel.first_exten = ""  # Exten is where the call stands now, not where it came in
        self._bridged.append((channel, line.get("BridgeId"), channel.moves))

    def _bridge(self, message: Message) -> None:
        if "holding" in message.get("BridgeTechnology") or message.get("BridgeType") == "parking":
            self.switch.bridge(message.get("BridgeUniqueid")).holding = True

    def _enter_bridges(self) -> None:
        """Put the channels where the list showed them; who has left a bridge in the gap is taken out of it."""
        bridged, self._bridged = self._bridged, []
        if self._taken and self._gap_from is None:
            return  # what was heard is later than the list
        self.switch.finding = True
        for channel, bridge, moves in bridged:
            if channel.alive and channel.moves == moves:  # else an event has moved it since the list was told
                self.switch.move(channel, self.switch.bridge(bridge) if bridge else None)
        self.switch.finding = False

    # --- queues

    def _queue_entry(self, message: Message) -> None:
        channel = self.switch.channels.get(message.get("Uniqueid"))
        queue = message.get("Queue")
        self._entries.add((message.get("Uniqueid"), queue))
        if channel is not None and channel.alive and not channel.stays_in(queue):
            channel.stays.append(Stay(queue, channel, self.switch.at - number(message.get("Wait"))))

    def _left_queues(self) -> None:
        """Who waited in a queue before the gap and is not in it now has left it: for the talk that goes on, if one does."""
        if self._gap_from is None:
            return
        for channel in self.switch.channels.values():
            for stay in channel.stays:
                waits = stay.left is None and (channel.uniqueid, stay.queue) in self._entries
                if stay.left is None and stay.joined <= self._gap_from and not waits:
                    stay.left = self.switch.at
                    stay.connected = next((t.began for t in channel.talks if t.found and t.ended is None), None)


def _seconds(duration: str) -> float:
    """``00:01:30`` of CoreShowChannel."""
    return float(sum(number(part) * 60**place for place, part in enumerate(reversed(duration.split(":")))))
