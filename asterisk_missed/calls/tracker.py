"""Events in, ended calls and contacts out: the state machine that follows every call of one PBX.

No I/O and no clock: the time comes with each message. It never waits; what must be waited for (events of other
threads after a hang-up) is settled by the time of later messages or by `Tracker.tick`.

The one rule that decides an answer: a person answered a caller if and only if, at some moment, the caller's channel and
another person's channel hear each other, over common bridges and Local channels. Dial, agent and queue events only tell
who was rung, where, and why it failed. Measured on recordings of Asterisk 16 and 22 with chan_pjsip and chan_sip.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ..ami.wire import Message, unescape
from .attempt import AttemptCall, AttemptReport, is_attempt
from .call import Contact, EndedCall, utc
from .lines import ChannelName, Kind, Lines, dialled_number
from .missed import counting_talks, verdict, who_answered
from .switch import Bridge, Channel, Ring, Stay, Switch, Talk, root

# After the hang-up of a caller's channel Asterisk's other threads still print events of the same call: within 3 ms on
# an idle machine. A second is ample, and the callback's delay hides it.
GRACE = 1.0


@dataclass(frozen=True, slots=True)
class CallEnded:
    """An inbound call is over and judged."""

    call: EndedCall


@dataclass(frozen=True, slots=True)
class ContactBegan:
    """A talk has lasted the minimum: contact is made. ``contact.talk`` is None."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class ContactEnded:
    """The talk is over; ``contact.talk`` has its seconds."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class AttemptTalks:
    """In one of our own callbacks client and employee have talked for the minimum."""

    channel_id: str
    employee: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AttemptOver:
    """Every channel of one of our own callbacks is gone."""

    attempt: AttemptReport


Happening = CallEnded | ContactBegan | ContactEnded | AttemptTalks | AttemptOver


class Tracker:
    """Follows all calls of one PBX. ``min_talk``: seconds of talk that count as one."""

    def __init__(self, lines: Lines, *, min_talk: float = 1.0, lost_after_answer: bool = True) -> None:
        self.lines = lines
        self.min_talk = min_talk
        self.lost_after_answer = lost_after_answer
        self.switch = Switch()
        self.attempts: dict[str, AttemptCall] = {}
        self.boot: str | None = None
        self._skew = 0.0  # our clock minus Asterisk's, by the last message
        self._at = 0.0
        self._ending: deque[tuple[float, Channel]] = deque()
        self._young: dict[str, Channel] = {}
        self._out: list[Happening] = []
        self._attempt_of: dict[str, AttemptCall] = {}
        self._snapshot: list[Message] = []
        self._link_lost_at: float | None = None
        self._handlers: dict[str, Callable[[Message], None]] = {
            "Newchannel": self._newchannel,
            "Newstate": self._newstate,
            "Newexten": self._newexten,
            "VarSet": self._varset,
            "LocalBridge": self._local_bridge,
            "DialBegin": self._dial_begin,
            "DialEnd": self._dial_end,
            "Pickup": self._pickup,
            "BridgeEnter": self._bridge_enter,
            "BridgeLeave": self._bridge_leave,
            "BridgeDestroy": self._bridge_destroy,
            "BridgeMerge": self._bridge_merge,
            "QueueCallerJoin": self._queue_join,
            "QueueCallerLeave": self._queue_leave,
            "QueueCallerAbandon": self._queue_abandon,
            "AgentConnect": self._agent_connect,
            "ParkedCall": self._parked,
            "ParkedCallGiveUp": self._parked,
            "ParkedCallTimeOut": self._parked,
            "HangupRequest": self._hangup_request,
            "Hangup": self._hangup,
            "CoreShowChannel": self._snapshot_line,
            "CoreShowChannelsComplete": self._snapshot_line,
            "BridgeListItem": self._snapshot_bridge,
            "QueueEntry": self._snapshot_queue_entry,
        }

    # --- what comes in -------------------------------------------------------------------------------------------

    def feed(self, message: Message, received_at: float) -> list[Happening]:
        """Take one message; ``received_at`` is unix seconds by our clock, used where Asterisk sends no Timestamp."""
        handler = self._handlers.get(message.name)
        if handler is None:
            if message.is_response and "CoreStartupTime" in message:
                self._core_status(message)
            return self._settle(received_at - self._skew)
        self._at = _timestamp(message) or received_at
        self._skew = received_at - self._at
        self._settle_into(self._at)
        if "torn" not in message.faults:
            handler(message)
        return self._drain()

    def tick(self, now: float) -> list[Happening]:
        """Let time pass: judge the calls whose grace is over, announce the talks that have lasted long enough."""
        return self._settle(now - self._skew)

    def link_lost(self, now: float) -> None:
        """Nothing is heard from here on, until the state of the switch is taken anew."""
        self._link_lost_at = now - self._skew
        self._snapshot.clear()

    def finish(self) -> list[Happening]:
        """The stream is over: judge what has ended."""
        return self._settle(self._at + GRACE + self.min_talk)

    def live_numbers(self) -> dict[str, str]:
        """Number outside, as Asterisk shows it -> channel, for everybody who is in a call with us now, ringing included.

        The channels of our own callbacks are left out.
        """
        return {
            channel.caller: channel.name
            for channel in self.switch.channels.values()
            if channel.kind is Kind.TRUNK and channel.gone_at is None and self._attempt_of.get(channel.uniqueid) is None
        }

    # --- channels ------------------------------------------------------------------------------------------------

    def _channel(self, message: Message, prefix: str = "") -> Channel | None:
        """The channel that a message speaks of, made if it is new (the stream may begin in mid-air)."""
        uniqueid = message.get(prefix + "Uniqueid")
        if not uniqueid:
            return None
        channel = self.switch.channels.get(uniqueid)
        if channel is None:
            name = message.get(prefix + "Channel")
            if not name:
                return None
            channel = self._born(message, prefix, uniqueid, name)
        channel.linkedid = message.get(prefix + "Linkedid") or channel.linkedid
        channel.context = message.get(prefix + "Context") or channel.context
        return channel

    def _born(self, message: Message, prefix: str, uniqueid: str, name: str) -> Channel:
        parsed = ChannelName.parse(name)
        channel = Channel(
            uniqueid,
            name,
            self.lines.kind(parsed),
            parsed.endpoint,
            self._at,
            caller=message.get(prefix + "CallerIDNum"),
            caller_name=_name(message.get(prefix + "CallerIDName")),
            first_exten=message.get(prefix + "Exten"),
        )
        self.switch.channels[uniqueid] = channel
        self._join_attempt(channel, uniqueid, message.get(prefix + "Linkedid"))
        return channel

    def _join_attempt(self, channel: Channel, *keys: str) -> None:
        """A channel belongs to a callback of ours whose id it, its Linkedid or the one who had it rung carries."""
        for key in (k.removesuffix(";2") for k in keys):
            if is_attempt(key):
                attempt = self.attempts.setdefault(key, AttemptCall(key, self._at))
                attempt.channels[channel.uniqueid] = channel
                self._attempt_of[channel.uniqueid] = attempt
                return

    def _newchannel(self, message: Message) -> None:
        channel = self._channel(message)
        if channel is None:
            return
        channel.linkedid = message.get("Linkedid")
        self._pair_by_name(channel)
        self._state(channel, message)

    def _newstate(self, message: Message) -> None:
        channel = self._channel(message)
        if channel is not None:
            self._state(channel, message)

    def _state(self, channel: Channel, message: Message) -> None:
        state = message.get("ChannelState")
        if state == "4" and channel.kind is Kind.TRUNK and channel.rung_by is None and channel.up_at is None:
            # chan_pjsip is born ringing in; chan_sip is born Down and rings in with its first Newstate.
            channel.inbound = True
        elif state == "6" and channel.up_at is None:
            channel.up_at = self._at

    def _pair_by_name(self, channel: Channel) -> None:
        """The halves of a Local channel differ in the last letter of their names only."""
        if channel.kind is not Kind.LOCAL or channel.pair is not None or channel.name[-2:] not in (";1", ";2"):
            return
        other = self.switch.halves.pop(channel.name[:-2], None)
        if other is not None and other.gone_at is None and other.name != channel.name:
            self._pair(channel, other)
        else:
            self.switch.halves[channel.name[:-2]] = channel

    def _pair(self, one: Channel, two: Channel) -> None:
        one.pair, two.pair = two, one
        self._hear([one])

    def _local_bridge(self, message: Message) -> None:
        one = self._channel_of_local(message, "LocalOne")
        two = self._channel_of_local(message, "LocalTwo")
        if one is not None and two is not None and one.pair is not two:
            self._pair(one, two)

    def _channel_of_local(self, message: Message, prefix: str) -> Channel | None:
        return self._channel(message, prefix)

    # --- who is rung ---------------------------------------------------------------------------------------------

    def _dial_begin(self, message: Message) -> None:
        dest = self._channel(message, "Dest")
        if dest is not None:
            self._rung(dest, self._channel(message), message)

    def _rung(self, dest: Channel, caller: Channel | None, message: Message) -> Ring:
        ring = Ring(dest, caller, self._at, dialled=dialled_number(message.get("DialString")))
        dest.rung_by = ring
        dest.inbound = False
        if dest.kind is Kind.TRUNK and ring.dialled:
            dest.caller = ring.dialled
        if caller is not None:
            stay = caller.stays[-1] if caller.stays else None
            if stay is not None and stay.left is None:
                ring.queue = stay.queue
            caller.rings.append(ring)
            attempt = self._attempt_of.get(caller.uniqueid)
            if attempt is not None:
                self._join_attempt(dest, attempt.channel_id)
        return ring

    def _dial_end(self, message: Message) -> None:
        dest = self._channel(message, "Dest")
        if dest is None:
            return
        caller = self._channel(message)
        ring = dest.rung_by or self._rung(dest, caller, message)  # never dialled: it picked the call up
        if caller is not None and ring.caller is not caller:  # transferred while ringing
            if ring.caller is not None:
                ring.caller.rings.remove(ring)
            ring.caller = caller
            caller.rings.append(ring)
        if ring.ended is None:  # a queue prints a second DialEnd, which says less
            ring.ended = self._at
            ring.status = message.get("DialStatus")
        extension = self.lines.extension(dest.endpoint)
        if message.get("Forward") and extension and ring.caller is not None:
            ring.caller.forwards[message.get("Forward").split("@")[0].rsplit("/", 1)[-1]] = extension

    def _pickup(self, message: Message) -> None:
        target = self._channel(message, "Target")
        if target is not None and target.rung_by is not None:
            target.rung_by.picked_up = True

    def _newexten(self, message: Message) -> None:
        channel = self._channel(message)
        if channel is None:
            return
        application = message.get("Application")
        channel.application = (application, message.get("AppData"))
        if channel.inbound:
            channel.applications.append((self._at, application))

    def _varset(self, message: Message) -> None:
        variable, value = message.get("Variable"), message.get("Value")
        if variable not in ("DIALSTATUS", "QUEUESTATUS", "VMSTATUS", "FROM_DID", "__FROM_DID") or not value:
            return
        channel = self._channel(message)
        if channel is None:
            return
        if variable == "DIALSTATUS":
            self._dialstatus(channel, value)
        elif variable == "QUEUESTATUS":
            self._queuestatus(channel, value)
        elif variable == "VMSTATUS":
            channel.applications.append((self._at, f"VMSTATUS={value}"))
        elif not any(c.isdigit() for c in channel.first_exten):
            channel.first_exten = value  # analogue lines come in at exten `s`

    def _dialstatus(self, channel: Channel, status: str) -> None:
        """A telephone that is not registered gets no channel and no DialBegin: only Dial's arguments name it."""
        application, data = channel.application or ("", "")
        if application != "Dial" or status not in ("CHANUNAVAIL", "CONGESTION"):
            return
        if channel.rings and channel.rings[-1].began >= self._application_began(channel):
            return
        for target in data.split(",")[0].split("&"):
            extension = self.lines.extension(target.partition("/")[2])
            if extension:
                channel.unreachable.append((self._at, extension))

    def _application_began(self, channel: Channel) -> float:
        return channel.applications[-1][0] if channel.applications else 0.0

    # --- queues --------------------------------------------------------------------------------------------------

    def _queue_join(self, message: Message) -> None:
        channel = self._channel(message)
        if channel is not None and not _staying(channel, message.get("Queue")):
            channel.stays.append(Stay(message.get("Queue"), channel, self._at))

    def _stay(self, message: Message) -> Stay | None:
        channel = self._channel(message)
        stays = channel.stays if channel is not None else []
        return next((s for s in reversed(stays) if s.queue == message.get("Queue")), None)

    def _queue_leave(self, message: Message) -> None:
        stay = self._stay(message)
        if stay is not None and stay.left is None:
            stay.left = self._at

    def _queue_abandon(self, message: Message) -> None:
        stay = self._stay(message)
        if stay is not None:
            stay.abandoned = True

    def _agent_connect(self, message: Message) -> None:
        stay = self._stay(message)
        if stay is not None:
            stay.connected = self._at

    def _queuestatus(self, channel: Channel, status: str) -> None:
        application, data = channel.application or ("", "")
        if status in ("JOINEMPTY", "JOINUNAVAIL", "FULL") and application == "Queue":
            channel.stays.append(Stay(data.split(",")[0], channel, self._at, left=self._at, status=status))
        elif channel.stays:
            channel.stays[-1].status = status

    def _parked(self, message: Message) -> None:
        channel = self._channel(message, "Parkee")
        words = {"ParkedCall": "parked", "ParkedCallGiveUp": "gave_up", "ParkedCallTimeOut": "timed_out"}
        if channel is not None:
            channel.parking = words[message.name]
            channel.parked_at = channel.parked_at if message.name != "ParkedCall" else self._at

    # --- who hears whom ------------------------------------------------------------------------------------------

    def _bridge_enter(self, message: Message) -> None:
        channel = self._channel(message)
        if channel is None:
            return
        bridge = self.switch.bridge(message.get("BridgeUniqueid"))
        bridge.holding = "holding" in message.get("BridgeTechnology") or message.get("BridgeType") == "parking"
        self._move(channel, bridge)

    def _bridge_leave(self, message: Message) -> None:
        channel = self._channel(message)
        if channel is not None and channel.bridge is not None:
            if channel.bridge.uniqueid == message.get("BridgeUniqueid"):
                self._move(channel, None)

    def _bridge_destroy(self, message: Message) -> None:
        bridge = self.switch.bridges.pop(message.get("BridgeUniqueid"), None)
        for channel in list(bridge.members.values()) if bridge else []:
            self._move(channel, None)

    def _bridge_merge(self, message: Message) -> None:
        source = self.switch.bridges.get(message.get("FromBridgeUniqueid"))
        target = self.switch.bridge(message.get("ToBridgeUniqueid"))
        for channel in list(source.members.values()) if source else []:
            self._move(channel, target)

    def _move(self, channel: Channel, bridge: Bridge | None) -> None:
        before = list(self.switch.component(channel).values())
        if bridge is None:
            self.switch.leave(channel)
        else:
            self.switch.enter(channel, bridge)
        self._hear([channel, *before])

    def _hear(self, changed: Iterable[Channel]) -> None:
        """Begin and end the talks of every trunk channel that the change may have touched."""
        touched = {c.uniqueid: c for start in changed for c in self.switch.component(start).values()}
        for trunk in touched.values():
            if trunk.kind is Kind.TRUNK:
                self._talks_of(trunk)

    def _talks_of(self, trunk: Channel) -> None:
        heard = self.switch.component(trunk) if trunk.gone_at is None else {}
        peers = {u: c for u, c in heard.items() if c.is_person and c is not trunk}
        open_talks = {t.peer.uniqueid: t for t in trunk.talks if t.ended is None}
        for uniqueid, talk in open_talks.items():
            if uniqueid not in peers:
                talk.ended = self._at
        for uniqueid, peer in peers.items():
            if uniqueid not in open_talks:
                trunk.talks.append(Talk(peer, who_answered(peer, self.lines), self._at))
                self._young[trunk.uniqueid] = trunk

    # --- the end -------------------------------------------------------------------------------------------------

    def _hangup_request(self, message: Message) -> None:
        channel = self._channel(message)
        if channel is not None:
            channel.hung_up_itself = True

    def _hangup(self, message: Message) -> None:
        channel = self.switch.channels.get(message.get("Uniqueid"))
        if channel is None:
            return
        channel.cause, channel.tech_cause = _number(message.get("Cause")), _number(message.get("TechCause"))
        self._gone(channel)

    def _gone(self, channel: Channel) -> None:
        if channel.gone_at is not None:
            return
        before = list(self.switch.component(channel).values())
        self.switch.leave(channel)
        channel.gone_at = self._at
        if channel.rung_by is not None and channel.rung_by.ended is None:
            channel.rung_by.ended = self._at
        for stay in channel.stays:
            stay.left = self._at if stay.left is None else stay.left
        self._hear([channel, *before])
        if channel.kind is Kind.TRUNK:
            self._talks_of(channel)
        self._ending.append((self._at + GRACE, channel))

    def _settle(self, at: float) -> list[Happening]:
        self._settle_into(at)
        return self._drain()

    def _settle_into(self, at: float) -> None:
        self._announce(at)
        while self._ending and self._ending[0][0] <= at:
            self._ended(self._ending.popleft()[1], at)

    def _drain(self) -> list[Happening]:
        out, self._out = self._out, []
        return out

    def _announce(self, at: float) -> None:
        """Contact is made when a talk has lasted the minimum; whoever waits for it is told at once."""
        for trunk in list(self._young.values()):
            talk = next((t for t in trunk.talks if t.seconds(at) >= self.min_talk), None)
            if talk is not None and not talk.announced:
                talk.announced = True
                self._out += self._talk_happening(trunk, talk)
            if talk is not None or trunk.gone_at is not None:
                self._young.pop(trunk.uniqueid, None)

    def _talk_happening(self, trunk: Channel, talk: Talk) -> list[Happening]:
        attempt = self._attempt_of.get(trunk.uniqueid)
        if attempt is not None:
            return [AttemptTalks(attempt.channel_id, talk.who, utc(talk.began))]
        contact = self._contact(trunk, talk)
        return [ContactBegan(contact)] if contact else []

    def _contact(self, trunk: Channel, talk: Talk, seconds: float | None = None) -> Contact | None:
        """The contact that a talk on this trunk channel is; None where it is another call's answer (follow-me, 302)."""
        if not trunk.inbound and root(trunk).inbound:
            return None
        number, direction = (trunk.caller, "in") if trunk.inbound else (trunk.caller, "out")
        if not trunk.inbound and any(t.peer.inbound for t in trunk.talks):
            return None
        return Contact(trunk.uniqueid, number, direction, talk.who or None, utc(talk.began), seconds)

    def _ended(self, channel: Channel, at: float) -> None:
        """The grace of a dead channel is over."""
        attempt = self._attempt_of.get(channel.uniqueid)
        if attempt is not None:
            self._attempt_part_ended(attempt)
        elif channel.kind is Kind.TRUNK:
            self._trunk_ended(channel, at)
        top = root(channel)
        if attempt is None and top.gone_at is not None and top.gone_at + GRACE <= at:
            self.switch.forget(top)

    def _trunk_ended(self, channel: Channel, at: float) -> None:
        if channel.inbound:
            ended = verdict(channel, self.lines, self.min_talk, lost_after_answer=self.lost_after_answer)
            self._out.append(CallEnded(ended))
        counted = counting_talks(channel, self.min_talk)
        if counted:
            total = sum(t.seconds(at) for t in counted)
            contact = self._contact(channel, counted[0], round(total, 1))
            if contact is not None:
                self._out.append(ContactEnded(contact))

    def _attempt_part_ended(self, attempt: AttemptCall) -> None:
        if any(c.gone_at is None for c in attempt.channels.values()) or attempt.channel_id not in self.attempts:
            return
        del self.attempts[attempt.channel_id]
        self._out.append(AttemptOver(attempt.report(self.lines, self.min_talk)))
        for channel in attempt.channels.values():
            del self._attempt_of[channel.uniqueid]
            self.switch.forget(channel)

    # --- the state of the switch, taken anew ---------------------------------------------------------------------

    def _core_status(self, message: Message) -> None:
        boot = f"{message.get('CoreStartupDate')} {message.get('CoreStartupTime')}"
        if self.boot is not None and boot != self.boot:
            self._end_unseen(self.switch.channels.values(), restarted=True)
        self.boot = boot

    def _snapshot_line(self, message: Message) -> None:
        if message.name == "CoreShowChannel":
            self._snapshot.append(message)
            return
        lines, self._snapshot = self._snapshot, []
        shown = {line.get("Uniqueid") for line in lines}
        if self._link_lost_at is not None:
            self._end_unseen(c for c in self.switch.channels.values() if c.uniqueid not in shown)
            self._link_lost_at = None
        for line in lines:
            self._snapshot_channel(line)

    def _end_unseen(self, channels: Iterable[Channel], restarted: bool = False) -> None:
        """These ended while nobody listened: their end is put at the moment when the link was lost."""
        now = self._at
        self._at = self._link_lost_at if self._link_lost_at is not None else now
        for channel in [c for c in channels if c.gone_at is None]:
            channel.unseen_end = True
            if restarted:
                channel.applications.append((self._at, "RESTART"))
            self._gone(channel)
        self._at = now

    def _snapshot_channel(self, line: Message) -> None:
        known = line.get("Uniqueid") in self.switch.channels
        channel = self._channel(line)
        if channel is None:
            return
        self._pair_by_name(channel)
        if line.get("ChannelState") == "6" and channel.up_at is None:
            channel.up_at = self._at
        if not known:
            channel.born = self._at - _duration(line.get("Duration"))
            called = line.get("Application") in ("AppDial", "AppDial2", "AppQueue")
            own = channel.linkedid == channel.uniqueid
            channel.inbound = channel.kind is Kind.TRUNK and own and not called
            channel.first_exten = "" if channel.inbound else channel.first_exten
        if line.get("BridgeId"):
            self._move(channel, self.switch.bridge(line.get("BridgeId")))

    def _snapshot_bridge(self, message: Message) -> None:
        bridge = self.switch.bridges.get(message.get("BridgeUniqueid"))
        if bridge is not None and "holding" in message.get("BridgeTechnology"):
            bridge.holding = True
            self._hear(bridge.members.values())

    def _snapshot_queue_entry(self, message: Message) -> None:
        channel = self.switch.channels.get(message.get("Uniqueid"))
        if channel is not None and not _staying(channel, message.get("Queue")):
            channel.stays.append(Stay(message.get("Queue"), channel, self._at - _number(message.get("Wait"))))


def _staying(channel: Channel, queue: str) -> bool:
    return bool(channel.stays) and channel.stays[-1].left is None and channel.stays[-1].queue == queue


def _timestamp(message: Message) -> float | None:
    """Asterisk's own time of an event, sent with ``timestampevents = yes``."""
    try:
        return float(message.get("Timestamp"))
    except ValueError:
        return None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _duration(text: str) -> float:
    """``00:01:30`` of CoreShowChannel, in seconds."""
    parts = [_number(p) for p in text.split(":")]
    return float(sum(p * 60**i for i, p in enumerate(reversed(parts))))


def _name(text: str) -> str:
    return "" if text == "<unknown>" else unescape(text)
