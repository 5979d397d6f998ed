"""Calls out of what Asterisk wrote down itself (CEL): rows in, ended calls and contacts out.

For the time in which nobody listened to AMI. No I/O, no clock, no log: the time comes with each row, in unix seconds. Each
kind of row is translated into changes of a `Switch`, by a table as in `signs`; the verdict is the same code. What AMI says
and CEL does not is found out from the order of rows:

- who had a channel rung: the channel with the same Linkedid that runs Dial, Queue, ... and hears nobody;
- a queue: from the begin of the application Queue to its end, or to the caller's entering a bridge;
- a telephone that cannot be reached: Dial was over and no channel of its targets was ever born.

Sources: main/cel.c; measured on 16.28 and 22.10. An application has a begin and an end of its own only where the one before
had another name: of two queues in a row the second shows in the columns of a later row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..ami.wire import Message
from .channel import Bridge, Channel, Ring, Stay, Unreached, descendants, root
from .lines import NUMBER, ChannelName, Kind, Lines, dialled_number
from .missed import counting_talks, verdict
from .switch import Switch
from .tracker import GRACE, CallEnded, ContactEnded, _contact

# Applications that have other channels rung.
_RINGING = frozenset(("Dial", "RetryDial", "Queue", "FollowMe", "Page"))
_DIAL = frozenset(("Dial", "RetryDial"))
# The application of a channel that was rung, never of one that rings in.
_CALLED = "(Outgoing Line)"
# Who has left a queue within this time (seconds) without anybody's being rung was refused at its door: 1 ms, measured.
_REFUSED_WITHIN = 0.3
# The end of a queue's time limit is noticed within a second.
_TIMEOUT_SLACK = 1.0
# Q.850 causes as DialStatus names them (main/causes.c, app_dial.c); all others are NOANSWER.
_STATUS = {17: "BUSY", 34: "CONGESTION", 38: "CONGESTION", 42: "CONGESTION", 3: "CHANUNAVAIL", 20: "CHANUNAVAIL"}
_PARK_END = {"ParkedCallGiveUp": "gave_up", "ParkedCallTimeOut": "timed_out"}
# A channel without an end is forgotten after so many seconds of the rows' time: its end was never written.
FORGOTTEN_AFTER = 24 * 3600.0


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


class History:
    """Follows the calls of one CEL file. ``min_talk``: seconds of talk that count as one."""

    def __init__(self, lines: Lines, *, min_talk: float = 1.0, lost_after_answer: bool = True) -> None:
        self.lines = lines
        self.min_talk = min_talk
        self.lost_after_answer = lost_after_answer
        self._past = _Past(lines)
        self._ending: dict[str, Channel] = {}
        self._out: list[CallEnded | ContactEnded] = []

    def feed(self, row: CelRow) -> list[CallEnded | ContactEnded]:
        """Take the next row. Rows are in the order in which they were written, which is that of their times to some ms."""
        past = self._past
        self._judge_until(row.at)
        self._drop_old(row.at)
        past.at = row.at
        channel = past.seen(row)
        if channel is not None:
            _follow_application(past, channel, row)
            _ROWS.get(row.event, _nothing)(past, channel, row)
        self._take_gone()
        if row.event == "LINKEDID_END":
            self._close(row.linkedid)
        return self._given()

    def first_open(self) -> Any:
        """The place of the first row of the oldest call that is not closed; None where all are."""
        return next((trace.place for trace in self._past.traces.values()), None)

    def cut(self, living: Collection[str], at: float) -> list[CallEnded | ContactEnded]:
        """The rows are over for now. ``living``: the Uniqueids of all channels that Asterisk had at ``at`` (unix seconds).

        Who has no end and is not among them was cut by a crash. He was there until the last row of his call; who was
        talking, until the last row of all. What has ended is judged, without waiting for more.
        """
        past = self._past
        lost = [c for c in past.channels.values() if c.alive and c.uniqueid not in living and past.last_of(c) <= at]
        ends = {c.uniqueid: min(at, past.last if c.bridge else past.last_of(c)) for c in lost}
        for talk in (t for c in lost for t in c.talks if t.ended is None):
            talk.found = True  # nobody knows how long it lasted
        for channel in sorted(lost, key=lambda c: ends[c.uniqueid]):
            past.at = ends[channel.uniqueid]
            channel.restarted = channel.unseen_end = True
            past.end(channel)
        self._take_gone()
        self._judge_until(max(at, past.last) + 2 * GRACE)
        return self._given()

    # --- what comes of it

    def _given(self) -> list[CallEnded | ContactEnded]:
        out, self._out = self._out, []
        return out

    def _take_gone(self) -> None:
        while self._past.gone:
            channel = self._past.gone.popleft()
            self._ending[channel.uniqueid] = channel
        self._past.talking.clear()

    def _judge_until(self, at: float) -> None:
        """Judge whoever was gone a moment before: rows of other threads came in that moment."""
        for channel in list(self._ending.values()):
            if (channel.gone_at or 0.0) + GRACE > at:
                return
            self._ended(channel)

    def _close(self, linkedid: str) -> None:
        """No channel has this Linkedid any more."""
        for uniqueid in list(self._past.calls.get(linkedid, ())):
            if uniqueid in self._ending:
                self._ended(self._ending[uniqueid])

    def _ended(self, channel: Channel) -> None:
        del self._ending[channel.uniqueid]
        if channel.kind is Kind.TRUNK and not channel.ours:
            self._trunk_ended(channel)
        top = root(channel)
        if not top.alive and top.uniqueid not in self._ending:
            self._past.forget(top)

    def _trunk_ended(self, channel: Channel) -> None:
        if channel.inbound:
            ended = verdict(channel, self.lines, self.min_talk, lost_after_answer=self.lost_after_answer)
            if ended.lost_in == "voicemail":  # CEL does not say whether a message was left
                ended = replace(ended, lost_how="unknown")
            self._out.append(CallEnded(ended))
        talks = counting_talks(channel, self.min_talk)
        contact = _contact(channel, talks[0], round(sum(t.seconds(self._past.at) for t in talks), 1)) if talks else None
        if contact is not None and (contact.number or contact.direction == "in"):
            self._out.append(ContactEnded(contact))

    def _drop_old(self, at: float) -> None:
        """Without a verdict: it would come a day late."""
        while self._past.traces:
            uniqueid, trace = next(iter(self._past.traces.items()))
            if trace.first > at - FORGOTTEN_AFTER:
                return
            self._ending.pop(uniqueid, None)
            self._past.drop(uniqueid)


@dataclass(slots=True)
class _Trace:
    """Where and when a channel stood in the file first and last, and where in the dialplan its application began."""

    place: Any
    first: float
    last: float
    linkedid: str = ""
    position: tuple[str, str] = ("", "")
    once: bool = False  # the queue is left after one round (option n)


class _Past(Switch):
    """The switch as its rows tell it.

    ``traces``: of all channels that are kept, in the order of their first rows; ``calls``: their Uniqueids by Linkedid,
    which changes silently and is taken anew from every row.
    """

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self.traces: dict[str, _Trace] = {}
        self.calls: dict[str, dict[str, None]] = {}
        self.last = 0.0

    def seen(self, row: CelRow) -> Channel | None:
        """The channel of a row, made if it is new."""
        self.last = max(self.last, row.at)
        channel = self.channels.get(row.uniqueid)
        if channel is None:
            if row.uniqueid in self._buried or row.event not in ("CHAN_START", "APP_START", "BRIDGE_ENTER"):
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
        self.channels[row.uniqueid] = channel
        self.traces[row.uniqueid] = _Trace(row.place, row.at, row.at)
        self._join_attempt(channel, row.uniqueid, row.linkedid)
        self._pair_by_name(channel)
        return channel

    def end(self, channel: Channel) -> None:
        """As `Switch.end`; its bridge goes with the last one in it."""
        bridge = channel.bridge
        super().end(channel)
        self.forget_empty(bridge)

    def forget_empty(self, bridge: Bridge | None) -> None:
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
            self.channels.pop(uniqueid, None)
            self._buried[uniqueid] = None
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


# --- applications


def _follow_application(past: _Past, channel: Channel, row: CelRow) -> None:
    """Every row shows what its channel runs: the second of two dials or queues in a row is seen there alone.

    But for leaving a bridge: that row is made of what was before, in the middle of a transfer.
    """
    if row.data == _CALLED and not channel.applications:
        channel.inbound = False
    running = channel.application if row.event != "BRIDGE_EXIT" else None
    if running is None or row.application != running[0] or row.data == running[1]:
        return
    until = _limit(channel, row.at)
    began = until if row.application == "Queue" else channel.application_at  # whom the second dialled was rung by now
    _application_over(past, channel, until)
    _application_began(past, channel, (row.application, row.data), began)


def _limit(channel: Channel, at: float) -> float:
    """When a queue that was left for another was left: by its time limit, where it has one."""
    name, data = channel.application or ("", "")
    seconds = (data.split(",") + [""] * 5)[4] if name == "Queue" else ""
    return min(at, channel.application_at + float(seconds)) if re.fullmatch("[0-9]{1,5}", seconds) else at


def _application_began(past: _Past, channel: Channel, application: tuple[str, str], at: float) -> None:
    channel.application, channel.application_at = application, at
    if channel.inbound:
        channel.applications.append((at, application[0]))
    if application[0] == "Queue":
        channel.stays.append(Stay(application[1].split(",")[0], channel, at))


def _application_over(past: _Past, channel: Channel, at: float) -> None:
    name, data = channel.application or ("", "")
    for ring in channel.rings:
        _rung_out(ring, at, "")
    if name in _DIAL:
        _unreachable(past, channel, data, at)
    elif name == "Queue" and channel.stays and channel.stays[-1].left is None:
        _leave_queue(channel, channel.stays[-1], at)
    channel.application = None


def _unreachable(past: _Past, channel: Channel, data: str, at: float) -> None:
    """A telephone that is not registered gets no channel: only Dial's arguments name it."""
    targets = data.split(",")[0].split("&")
    rings = [r for r in channel.rings if r.began >= channel.application_at]
    at = max((r.began for r in rings), default=at)  # all were dialled at once
    for target in targets:
        extension = past.lines.extension(target.partition("/")[2])
        if extension and not any(_names(target, r.dest) for r in rings):
            channel.unreachable.append(Unreached(at, extension, bool(rings)))


def _leave_queue(channel: Channel, stay: Stay, at: float) -> None:
    """Nobody took him. Whether he hung up shows in what comes next."""
    stay.left = at
    stay.abandoned = True
    rung = any(r.began >= stay.joined for r in channel.rings)
    if at - stay.joined < _REFUSED_WITHIN and not rung:
        stay.status = "JOINEMPTY"
    elif _limit(channel, at + _TIMEOUT_SLACK) <= at + _TIMEOUT_SLACK / 2:
        stay.status = "TIMEOUT"


def _goes_on(past: _Past, channel: Channel, row: CelRow) -> None:
    """He is in the dialplan again. One who left a queue before its time did so by a key, which is an extension of its
    context; or it had nobody left."""
    stay = channel.stays[-1] if channel.stays else None
    if stay is None or not stay.abandoned or stay.status:
        return
    trace = past.traces[channel.uniqueid]
    moved = (row.context, row.exten) != trace.position
    if trace.once:
        stay.status = "TIMEOUT"
    elif moved and re.fullmatch("[0-9*#]", row.exten):
        stay.abandoned = False
    else:
        stay.status = "LEAVEEMPTY"


def _names(target: str, channel: Channel) -> bool:
    """Whether a target of Dial (``PJSIP/101``, ``PJSIP/7916@trunk``, ``Local/101@internal/n``) is this channel's."""
    technology, _, rest = target.partition("/")
    if technology.lower() != channel.name.partition("/")[0].lower():
        return False
    return rest.split("/")[0] == channel.endpoint or channel.endpoint in re.split("[/@]", rest)


# --- the rows


def _nothing(past: _Past, channel: Channel, row: CelRow) -> None:
    """Some rows say nothing that is needed."""


def _born(past: _Past, channel: Channel, row: CelRow) -> None:
    channel.first_exten = row.exten
    if channel.name.endswith(";2"):
        return  # rung with its other half
    ringer = _ringer(past, channel)
    if ringer is not None:
        target = next((t for t in _targets(ringer) if _names(t, channel)), "")
        ring = past.rung(channel, ringer, _NO_MESSAGE)
        ring.dialled, ring.context = dialled_number(target), ringer.context
        if not target and _targets(ringer) and channel.endpoint.split("@")[0] not in ringer.forwards:
            ring.dial_at = past.at  # by another Dial, right after the one that was seen to begin
        channel.caller = ring.dialled if channel.kind is Kind.TRUNK and ring.dialled else channel.caller
    elif channel.kind is Kind.TRUNK and row.uniqueid == row.linkedid:
        channel.inbound = True


_NO_MESSAGE = Message(b"")


def _ringer(past: _Past, born: Channel) -> Channel | None:
    """Who has this new channel rung: of those that ring, who names it, else a queue, else who began last."""
    ringing = [c for c in past.call_of(born) if c is not born and c.alive and c is not born.pair and _may_ring(c)]
    return max(ringing, key=lambda c: (_claim(c, born), c.application_at), default=None)


def _may_ring(channel: Channel) -> bool:
    """Who hears somebody rings nobody."""
    hears = channel.bridge is not None and not channel.bridge.holding
    return channel.application is not None and channel.application[0] in _RINGING and not hears


def _claim(ringer: Channel, born: Channel) -> int:
    if any(_names(target, born) for target in _targets(ringer)):
        return 2
    return int(ringer.application is not None and ringer.application[0] not in _DIAL)


def _targets(ringer: Channel) -> list[str]:
    name, data = ringer.application or ("", "")
    return data.split(",")[0].split("&") if name in _DIAL else []


def _app_start(past: _Past, channel: Channel, row: CelRow) -> None:
    _number_of_analogue(channel, row)
    _goes_on(past, channel, row)
    trace = past.traces[channel.uniqueid]
    trace.position, trace.once = (row.context, row.exten), "n" in [*row.data.split(","), ""][1]
    _application_began(past, channel, (row.application, row.data), row.at)


def _number_of_analogue(channel: Channel, row: CelRow) -> None:
    """An analogue line tells the caller's number only after the first ring, when its channel is there already."""
    if channel.inbound and channel.name.startswith("DAHDI/") and not NUMBER.fullmatch(channel.caller):
        channel.caller = row.caller


def _app_end(past: _Past, channel: Channel, row: CelRow) -> None:
    if channel.application is not None and channel.application[0] == row.application:
        _application_over(past, channel, row.at)


def _bridge_enter(past: _Past, channel: Channel, row: CelRow) -> None:
    if not row.word("bridge_id"):
        return
    bridge = past.bridge(row.word("bridge_id"))
    bridge.holding = "holding" in row.word("bridge_technology")
    if channel.rung_by is not None:
        _rung_out(channel.rung_by, row.at, "ANSWER")
    stay = channel.stays[-1] if channel.stays else None
    if stay is not None and stay.left is None and not bridge.holding:
        stay.left = stay.connected = row.at
    past.move(channel, bridge)


def _rung_out(ring: Ring, at: float, status: str) -> None:
    """The first end counts; why it ended may be said later, by the hang-up of who was rung."""
    ring.ended = at if ring.ended is None else ring.ended
    ring.status = ring.status or status


def _bridge_exit(past: _Past, channel: Channel, row: CelRow) -> None:
    bridge = channel.bridge
    if bridge is None or bridge.uniqueid != row.word("bridge_id"):
        return
    past.move(channel, None)
    past.forget_empty(bridge)


def _park_start(past: _Past, channel: Channel, row: CelRow) -> None:
    channel.parking, channel.parked_at = "parked", row.at


def _park_end(past: _Past, channel: Channel, row: CelRow) -> None:
    channel.parking = _PARK_END.get(row.word("reason"), channel.parking)


def _pickup(past: _Past, channel: Channel, row: CelRow) -> None:
    """The row is of the telephone that rang; ``extra`` names who took the call."""
    if channel.rung_by is not None:
        channel.rung_by.picked_up = True


def _forward(past: _Past, channel: Channel, row: CelRow) -> None:
    """The row is of the caller. Which of several telephones sent him on is not said."""
    ringing = [r for r in channel.rings if r.ended is None and r.dest.is_person]
    extension = past.lines.extension(ringing[0].dest.endpoint) if len(ringing) == 1 else None
    if extension:
        ringing[0].forwarded = True
        channel.forwards[row.word("forward").split("@")[0].rsplit("/", 1)[-1]] = extension


def _attended_transfer(past: _Past, channel: Channel, row: CelRow) -> None:
    """Who was asked, or is being rung, is there for the one who was transferred from now on."""
    transferee = past.channels.get(row.word("transferee_channel_uniqueid"))
    asked = past.channels.get(row.word("transfer_target_channel_uniqueid"))  # named where it is in a bridge
    asking = past.channels.get(row.word("channel2_uniqueid"))
    if transferee is None:
        return
    if asked is not None and asked.kind is Kind.LOCAL and asked.rung_by is None:  # it was made for the transfer
        past.rung(asked, transferee, _NO_MESSAGE)
    elif row.word("app") and asking is not None:
        _takes_over(transferee, asking, row.at)


def _takes_over(channel: Channel, other: Channel, at: float) -> None:
    """The one steps into the application that the other was in, with all whom it rings."""
    for ring in [r for r in other.rings if r.ended is None]:
        other.rings.remove(ring)
        ring.caller = channel
        channel.rings.append(ring)
    stay = other.stays[-1] if other.stays else None
    if stay is not None and stay.left is None:
        stay.left = at
        channel.stays.append(Stay(stay.queue, channel, at))
    channel.application, channel.application_at = other.application, other.application_at
    other.application = None


def _hangup(past: _Past, channel: Channel, row: CelRow) -> None:
    cause = row.extra.get("hangupcause")
    channel.cause = cause if isinstance(cause, int) else 0
    if row.word("hangupsource") == row.channel:
        channel.hung_up_at = row.at
    _application_over(past, channel, row.at)
    if len(channel.rings) == 1 and row.word("dialstatus") == "BUSY":  # chan_sip's telephones do not say it themselves
        _rung_out(channel.rings[0], row.at, "BUSY")
    if row.word("hangupsource").startswith("dialplan/"):
        _goes_on(past, channel, row)
    if channel.rung_by is not None:
        _rung_out(channel.rung_by, row.at, _STATUS.get(channel.cause, ""))
    past.end(channel)


_ROWS: Mapping[str, Callable[[_Past, Channel, CelRow], None]] = {
    "CHAN_START": _born,
    "APP_START": _app_start,
    "APP_END": _app_end,
    "BRIDGE_ENTER": _bridge_enter,
    "BRIDGE_EXIT": _bridge_exit,
    "PARK_START": _park_start,
    "PARK_END": _park_end,
    "PICKUP": _pickup,
    "FORWARD": _forward,
    "ATTENDEDTRANSFER": _attended_transfer,
    "HANGUP": _hangup,
}
# The events that cel.conf must name. LINKEDID_END closes a call, so that it need not wait for a later row; by ANSWER a
# channel shows that it was rung by an Originate, before it runs an application of its own.
EVENTS = (*_ROWS, "ANSWER", "LINKEDID_END")
