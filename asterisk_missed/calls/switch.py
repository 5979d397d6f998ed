"""The switch: all living channels of one PBX and who hears whom, and the dead ones that a verdict may still ask for.

Changed by the signs that AMI gives (`signs`) and by the state taken anew (`snapshot`), read by the tracker. No I/O; the
moment of the present message is `Switch.at`, in unix seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ..ami.wire import EOL, Message, unescape
from .attempt import AttemptCall, is_attempt
from .channel import Bridge, Channel, Ring, Talk, component, descendants
from .counts import Count
from .lines import ChannelName, Kind, Lines
from .missed import who_answered

# So many Uniqueids of dead channels are remembered: minutes of the busiest PBX.
REMEMBERED = 5_000
_CHANNEL = b"\r\nChannel: "


class Switch:
    """The state of one PBX.

    ``gone`` collects the channels that ended and ``talking`` the trunk channels on which a talk began, for the tracker to
    take out. ``attempts`` are our own living callbacks, by channel id; ``attempt_of`` finds that of a channel. ``counts``
    are the queues' own, as far as they were told.
    """

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.at = 0.0
        self.finding = False  # while the state is taken anew: what is found began earlier
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self.attempts: dict[str, AttemptCall] = {}
        self.attempt_of: dict[str, AttemptCall] = {}
        self.counts: dict[str, Count] = {}
        self.gone: deque[Channel] = deque()
        self.talking: dict[str, Channel] = {}
        self.news = False  # a talk has begun
        self._buried: dict[str, None] = {}
        self._halves: dict[str, Channel] = {}  # of Local channels, until the other half is seen

    # --- channels

    def channel(self, message: Message, prefix: str = "") -> Channel | None:
        """The channel that a message speaks of (``prefix``: ``Dest``, ``Parkee``), made if it is new.

        The stream may begin in mid-air, so that any event may be the first of its channel.
        """
        uniqueid = message.get(prefix + "Uniqueid")
        channel = self.channels.get(uniqueid)
        if channel is not None:
            return channel
        name = message.get(prefix + "Channel")
        # A late event of a channel that is gone must not raise it again.
        if not uniqueid or not name or uniqueid in self._buried:
            return None
        return self._told(message, prefix, uniqueid, name)

    def may_be(self, name: str, uniqueid: str) -> bool:
        """Whether the channel of that name may have that Uniqueid: it is known to be this channel's, or both are new."""
        known = self.channels.get(uniqueid)
        if known is not None:
            return known.name == name
        return bool(uniqueid) and not any(c.alive and c.name == name for c in self.channels.values())

    def is_forged(self, message: Message) -> bool:
        """Whether it speaks of a channel by another one's name: then a caller has written some of it."""
        known = self.channels.get(message.get("Uniqueid"))
        begin = message.raw.find(_CHANNEL) if known is not None else -1
        if known is None or begin < 0:
            return False
        return not message.raw.startswith(known.name.encode() + EOL, begin + len(_CHANNEL))

    def _told(self, message: Message, prefix: str, uniqueid: str, name: str) -> Channel:
        parsed = ChannelName.parse(name)
        channel = Channel(
            uniqueid,
            name,
            self.lines.kind(parsed),
            parsed.endpoint,
            self.at,
            caller=message.get(prefix + "CallerIDNum"),
            caller_name=_name(message.get(prefix + "CallerIDName")),
            first_exten=message.get(prefix + "Exten"),
            context=message.get(prefix + "Context"),
        )
        return self.born(channel, message.get(prefix + "Linkedid"))

    def born(self, channel: Channel, linkedid: str) -> Channel:
        """Take in a channel that is new."""
        self.channels[channel.uniqueid] = channel
        self._join_attempt(channel, channel.uniqueid, linkedid)
        self._pair_by_name(channel)
        return channel

    def is_buried(self, uniqueid: str) -> bool:
        """Whether a channel of that Uniqueid was there, and was forgotten a while ago."""
        return uniqueid in self._buried

    def bury(self, uniqueid: str) -> None:
        """Forget a channel, but not that it was there."""
        self.channels.pop(uniqueid, None)
        self._buried[uniqueid] = None
        while len(self._buried) > REMEMBERED:
            del self._buried[next(iter(self._buried))]

    def _join_attempt(self, channel: Channel, *keys: str) -> None:
        """A channel belongs to a callback of ours whose id it, its Linkedid or who had it rung carries; to one only."""
        if channel.ours:
            return
        for key in (k.removesuffix(";2") for k in keys):
            if is_attempt(key):
                attempt = self.attempts.setdefault(key, AttemptCall(key, self.at))
                attempt.channels[channel.uniqueid] = channel
                self.attempt_of[channel.uniqueid] = attempt
                channel.ours = True
                return

    def _pair_by_name(self, channel: Channel) -> None:
        """The halves of a Local channel differ in the last letter of their names only."""
        if channel.kind is not Kind.LOCAL or channel.name[-2:] not in (";1", ";2"):
            return
        other = self._halves.pop(channel.name[:-2], None)
        if other is not None and other.alive and other.name != channel.name:
            self.pair(channel, other)
        else:
            self._halves[channel.name[:-2]] = channel

    def pair(self, one: Channel, two: Channel) -> None:
        """Tie the halves of a Local channel."""
        one.pair, two.pair = two, one
        self.hear([one])

    def rung(self, dest: Channel, caller: Channel | None, dialled: str = "", context: str = "") -> Ring:
        """``dest`` is rung for ``caller`` (None: for an Originate). ``dialled``: the number, where it is one."""
        ring = Ring(dest, caller, self.at, dialled, context)
        dest.rung_by = ring
        dest.inbound = False
        if dest.kind is Kind.TRUNK and ring.dialled:
            dest.caller = ring.dialled
        if caller is not None:
            stay = caller.stays[-1] if caller.stays else None
            ring.queue = stay.queue if stay is not None and stay.left is None else None
            ring.dial_at = caller.application_at
            caller.rings.append(ring)
            attempt = self.attempt_of.get(caller.uniqueid)
            if attempt is not None:
                self._join_attempt(dest, attempt.channel_id)
        return ring

    # --- who hears whom

    def bridge(self, uniqueid: str) -> Bridge:
        """The bridge of that id, made if it is new."""
        return self.bridges.setdefault(uniqueid, Bridge(uniqueid))

    def move(self, channel: Channel, bridge: Bridge | None) -> None:
        """Into a bridge, or out of the one it is in."""
        channel.moves += 1
        before = list(component(channel).values())
        self._leave(channel)
        if bridge is not None:
            bridge.members[channel.uniqueid] = channel
            channel.bridge = bridge
        self.hear([channel, *before])

    def _leave(self, channel: Channel) -> None:
        if channel.bridge is not None:
            channel.bridge.members.pop(channel.uniqueid, None)
            channel.bridge = None

    def hear(self, changed: Iterable[Channel]) -> None:
        """Begin and end the talks of every trunk channel that the change may have touched."""
        touched = {c.uniqueid: c for start in changed for c in component(start).values()}
        for trunk in touched.values():
            if trunk.kind is Kind.TRUNK:
                self._talks_of(trunk)

    def _talks_of(self, trunk: Channel) -> None:
        heard = component(trunk) if trunk.alive else {}
        # Two clients in one conference have not been answered: the company has not spoken with them.
        peers = {u: c for u, c in heard.items() if c.is_person and c is not trunk and not (c.inbound and trunk.inbound)}
        trunk.wires |= {u: c for u, c in heard.items() if c.kind is Kind.LOCAL}
        going_on = {t.peer.uniqueid: t for t in trunk.talks if t.ended is None}
        for uniqueid, talk in going_on.items():
            if uniqueid not in peers:
                talk.ended = self.at
        for uniqueid, peer in peers.items():
            if uniqueid not in going_on:
                for stay in trunk.stays:  # taken out of a queue without a word of it, by AMI's Bridge
                    stay.left = self.at if stay.left is None else stay.left
                trunk.talks.append(Talk(peer, who_answered(peer, self.lines), self.at, self.finding))
                self.talking[trunk.uniqueid] = trunk
                self.news = True

    # --- the end

    def end(self, channel: Channel) -> None:
        """The channel is gone; what it was in the middle of is over."""
        if not channel.alive:
            return
        before = list(component(channel).values())
        self._leave(channel)
        channel.gone_at = self.at
        if channel.rung_by is not None and channel.rung_by.ended is None:
            channel.rung_by.ended = self.at
        for stay in channel.stays:
            stay.left = self.at if stay.left is None else stay.left
        self.hear([channel, *before])
        self.gone.append(channel)

    def forget(self, root: Channel) -> None:
        """Drop a dead channel and every dead one that was rung for it. Living ones become roots of their own."""
        for channel in list(descendants(root)):
            if channel.alive:
                channel.rung_by = None
                if channel.pair is not None and not channel.pair.alive:
                    channel.pair = None
                continue
            self._halves.pop(channel.name[:-2], None)
            self.bury(channel.uniqueid)

    def forget_attempt(self, attempt: AttemptCall) -> None:
        """Drop a callback of ours that is over, with its channels."""
        del self.attempts[attempt.channel_id]
        for channel in attempt.channels.values():
            del self.attempt_of[channel.uniqueid]
            self.forget(channel)


def _name(text: str) -> str:
    return "" if text == "<unknown>" else unescape(text)
