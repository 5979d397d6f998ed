"""What each row of CEL says about the switch: a table from the event's name to a function of the switch, channel and row.

None of these functions decides about a call. What AMI says and CEL does not is found out from the order of rows:

- who had a channel rung: the channel with the same Linkedid that runs Dial, Queue, ... and hears nobody;
- a queue: from the begin of the application Queue to its end, or to the caller's entering a bridge;
- a telephone that cannot be reached: Dial was over and no channel of its targets was ever born.

Sources: main/cel.c; measured on 16.28 and 22.10, with chan_pjsip and chan_sip. An application has a begin and an end of its
own only where the one before had another name: of two queues in a row the second shows in the columns of a later row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from .cel import CelRow, Past
from .channel import Channel, Ring, Stay, Unreached
from .lines import NUMBER, Kind, dialled_number

# Applications that have other channels rung.
_RINGING = frozenset(("Dial", "RetryDial", "Queue", "FollowMe", "Page"))
_DIAL = frozenset(("Dial", "RetryDial"))
# The data of a channel that was rung, never of one that rings in.
_CALLED = "(Outgoing Line)"
# Who has left a queue within this time (seconds) without anybody's being rung was refused at its door: 1 ms, measured.
_REFUSED_WITHIN = 0.3
# The end of a queue's time limit is noticed within this time (seconds).
_TIMEOUT_SLACK = 0.5
# Q.850 causes as DialStatus names them (app_dial.c); all others are NOANSWER.
_STATUS = {17: "BUSY", 34: "CONGESTION", 38: "CONGESTION", 42: "CONGESTION", 3: "CHANUNAVAIL", 20: "CHANUNAVAIL"}
_PARK_END = {"ParkedCallGiveUp": "gave_up", "ParkedCallTimeOut": "timed_out"}


def follow(past: Past, channel: Channel, row: CelRow) -> None:
    """Take a row of a channel that is known. What comes after its end says nothing more."""
    if not channel.alive:
        return
    _application_shown(past, channel, row)
    sign = CEL_SIGNS.get(row.event)
    if sign is not None:
        sign(past, channel, row)


# --- applications


def _application_shown(past: Past, channel: Channel, row: CelRow) -> None:
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


def _application_began(past: Past, channel: Channel, application: tuple[str, str], at: float) -> None:
    channel.application, channel.application_at = application, at
    if channel.inbound:
        channel.applications.append((at, application[0]))
    if application[0] == "Queue":
        queue, options, *_ = [*application[1].split(","), ""]
        past.traces[channel.uniqueid].once = "n" in options
        channel.stays.append(Stay(queue, channel, at))


def _application_over(past: Past, channel: Channel, at: float) -> None:
    name, data = channel.application or ("", "")
    for ring in channel.rings:
        _rung_out(ring, at, "")
    if name in _DIAL:
        _unreachable(past, channel, data, at)
    elif name == "Queue" and channel.stays and channel.stays[-1].left is None:
        _leave_queue(channel, channel.stays[-1], at)
    channel.application = None


def _unreachable(past: Past, channel: Channel, data: str, at: float) -> None:
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
    elif _limit(channel, at + 2 * _TIMEOUT_SLACK) <= at + _TIMEOUT_SLACK:
        stay.status = "TIMEOUT"


def _goes_on(past: Past, channel: Channel, row: CelRow) -> None:
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


def _born(past: Past, channel: Channel, row: CelRow) -> None:
    channel.first_exten = row.exten
    if channel.name.endswith(";2"):
        return  # rung with its other half
    ringer = _ringer(past, channel)
    if ringer is not None:
        target = next((t for t in _targets(ringer) if _names(t, channel)), "")
        ring = past.rung(channel, ringer, dialled_number(target), ringer.context)
        if not target and _targets(ringer) and channel.endpoint.split("@")[0] not in ringer.forwards:
            ring.dial_at = past.at  # by another Dial, right after the one that was seen to begin
    elif channel.kind is Kind.TRUNK and row.uniqueid == row.linkedid:
        channel.inbound = True


def _ringer(past: Past, born: Channel) -> Channel | None:
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


def _app_start(past: Past, channel: Channel, row: CelRow) -> None:
    _number_of_analogue(channel, row)
    _goes_on(past, channel, row)
    past.traces[channel.uniqueid].position = (row.context, row.exten)
    _application_began(past, channel, (row.application, row.data), row.at)


def _number_of_analogue(channel: Channel, row: CelRow) -> None:
    """An analogue line tells the caller's number only after the first ring, when its channel is there already."""
    if channel.inbound and channel.name.startswith("DAHDI/") and not NUMBER.fullmatch(channel.caller):
        channel.caller = row.caller


def _app_end(past: Past, channel: Channel, row: CelRow) -> None:
    if channel.application is not None and channel.application[0] == row.application:
        _application_over(past, channel, row.at)


def _bridge_enter(past: Past, channel: Channel, row: CelRow) -> None:
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


def _bridge_exit(past: Past, channel: Channel, row: CelRow) -> None:
    if channel.bridge is not None and channel.bridge.uniqueid == row.word("bridge_id"):
        past.move(channel, None)


def _park_start(past: Past, channel: Channel, row: CelRow) -> None:
    channel.parking, channel.parked_at = "parked", row.at


def _park_end(past: Past, channel: Channel, row: CelRow) -> None:
    channel.parking = _PARK_END.get(row.word("reason"), channel.parking)


def _pickup(past: Past, channel: Channel, row: CelRow) -> None:
    """The row is of the telephone that rang; ``extra`` names who took the call."""
    if channel.rung_by is not None:
        channel.rung_by.picked_up = True


def _forward(past: Past, channel: Channel, row: CelRow) -> None:
    """The row is of the caller. Which of several telephones sent him on is not said."""
    ringing = [r for r in channel.rings if r.ended is None and r.dest.is_person]
    extension = past.lines.extension(ringing[0].dest.endpoint) if len(ringing) == 1 else None
    if extension:
        ringing[0].forwarded = True
        channel.forwards[row.word("forward").split("@")[0].rsplit("/", 1)[-1]] = extension


def _attended_transfer(past: Past, channel: Channel, row: CelRow) -> None:
    """Who was asked, or is being rung, is there for the one who was transferred from now on."""
    transferee = past.channels.get(row.word("transferee_channel_uniqueid"))
    asked = past.channels.get(row.word("transfer_target_channel_uniqueid"))  # named where it is in a bridge
    asking = past.channels.get(row.word("channel2_uniqueid"))
    if transferee is None:
        return
    if asked is not None and asked.kind is Kind.LOCAL and asked.rung_by is None:  # it was made for the transfer
        past.rung(asked, transferee)
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


def _hangup(past: Past, channel: Channel, row: CelRow) -> None:
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


CEL_SIGNS: Mapping[str, Callable[[Past, Channel, CelRow], None]] = {
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
EVENTS = (*CEL_SIGNS, "ANSWER", "LINKEDID_END")
