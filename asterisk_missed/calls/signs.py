"""What each AMI event says about the switch: a table from the event's name to a function of the switch and the message.

None of these functions decides about a call. Each states what one event is worth, as it was measured on Asterisk 16 and 22
with chan_pjsip and chan_sip; events that are not in the table say nothing that is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..ami.wire import Message
from .channel import Channel, Ring, Stay, Unreached
from .lines import NUMBER, Kind, dialled_number
from .switch import Switch

_RING, _UP = "4", "6"  # ChannelState
VARIABLES = frozenset(("DIALSTATUS", "QUEUESTATUS", "VMSTATUS", "FROM_DID", "__FROM_DID"))
_REFUSED = frozenset(("JOINEMPTY", "JOINUNAVAIL", "FULL"))
_UNREACHABLE = frozenset(("CHANUNAVAIL", "CONGESTION"))
_PARKING = {"ParkedCall": "parked", "ParkedCallGiveUp": "gave_up", "ParkedCallTimeOut": "timed_out"}


def _state(switch: Switch, message: Message) -> None:
    """Newchannel, Newstate. chan_pjsip is born ringing in; chan_sip is born Down and rings in with its first Newstate."""
    channel = switch.channel(message)
    if channel is None:
        return
    channel.context = message.get("Context")
    state = message.get("ChannelState")
    if state == _RING and channel.kind is Kind.TRUNK and channel.rung_by is None and channel.up_at is None:
        channel.inbound = True
    elif state == _UP and channel.up_at is None:
        channel.up_at = switch.at


def _rename(switch: Switch, message: Message) -> None:
    """A masquerade gives one channel another's name; the Uniqueid stays."""
    channel = switch.channels.get(message.get("Uniqueid"))
    if channel is not None and channel.name == message.get("Channel"):
        channel.name = message.get("Newname")


def _new_caller_id(switch: Switch, message: Message) -> None:
    """An analogue line tells the caller's number only after the first ring, when its channel is there already."""
    channel = switch.channel(message)
    if (
        channel is not None
        and channel.inbound
        and channel.name.startswith("DAHDI/")
        and not NUMBER.fullmatch(channel.caller)
    ):
        channel.caller = message.get("CallerIDNum")


def _local_bridge(switch: Switch, message: Message) -> None:
    one, two = switch.channel(message, "LocalOne"), switch.channel(message, "LocalTwo")
    if one is not None and two is not None and one.pair is not two:
        switch.pair(one, two)


# --- who is rung


def _dial_begin(switch: Switch, message: Message) -> None:
    dest = switch.channel(message, "Dest")
    if dest is not None:
        _rung(switch, dest, switch.channel(message), message)


def _rung(switch: Switch, dest: Channel, caller: Channel | None, message: Message) -> Ring:
    return switch.rung(dest, caller, dialled_number(message.get("DialString")), message.get("Context"))


def _dial_end(switch: Switch, message: Message) -> None:
    dest, caller = switch.channel(message, "Dest"), switch.channel(message)
    if dest is None:
        return
    ring = dest.rung_by or _rung(switch, dest, caller, message)  # never dialled: it picked the call up
    if caller is not None and ring.caller is not caller:  # transferred while it rang
        if ring.caller is not None:
            ring.caller.rings.remove(ring)
        ring.caller = caller
        caller.rings.append(ring)
    if ring.ended is None:  # a queue prints a second DialEnd, which says less
        ring.ended = switch.at
        ring.status = message.get("DialStatus")
        ring.forwarded = "Forward" in message
    extension = switch.lines.extension(dest.endpoint)
    if message.get("Forward") and extension and ring.caller is not None:
        target = message.get("Forward").split("@")[0].rsplit("/", 1)[-1]
        ring.caller.forwards[target] = extension


def _pickup(switch: Switch, message: Message) -> None:
    target = switch.channel(message, "Target")
    if target is not None and target.rung_by is not None:
        target.rung_by.picked_up = True


# --- the dialplan (class `dialplan`: only where it is read)


def _newexten(switch: Switch, message: Message) -> None:
    """After a transfer one is printed with the new extension and the *old* application, and none with the new one."""
    channel = switch.channel(message)
    if channel is None:
        return
    channel.context = message.get("Context")
    application, extension = (message.get("Application"), message.get("AppData")), message.get("Extension")
    talked_since = bool(channel.talks) and channel.talks[-1].began > channel.application_at
    repeated = talked_since and application == channel.application and extension != channel.extension
    channel.stale = repeated or (channel.bridge is not None and not channel.bridge.holding)
    channel.application, channel.extension = application, extension
    channel.application_at = switch.at
    if channel.inbound or channel.kind is Kind.LOCAL:
        channel.applications.append((switch.at, application[0]))


def _varset(switch: Switch, message: Message) -> None:
    variable, value = message.get("Variable"), message.get("Value")
    channel = switch.channel(message) if variable in VARIABLES and value else None
    if channel is None:
        return
    if variable == "DIALSTATUS":
        _dialstatus(switch, channel, value)
    elif variable == "QUEUESTATUS":
        _queuestatus(switch, channel, value)
    elif variable == "VMSTATUS":
        channel.applications.append((switch.at, f"VMSTATUS={value}"))
    elif not any(c.isdigit() for c in channel.first_exten):
        channel.first_exten = value  # analogue lines come in at the extension `s`


def _dialstatus(switch: Switch, channel: Channel, status: str) -> None:
    """A telephone that is not registered gets no channel and no DialBegin: only Dial's arguments name it."""
    application, data = channel.application or ("", "")
    if application != "Dial" and not channel.stale:
        return
    targets = [channel.extension] if channel.stale else [t.partition("/")[2] for t in data.split(",")[0].split("&")]
    meant = set(filter(None, map(switch.lines.extension, targets)))
    rings = [ring for ring in channel.rings if ring.began >= channel.application_at]
    rung = meant & set(map(switch.lines.extension, (ring.dest.endpoint for ring in rings)))
    if rung or (status in _UNREACHABLE and not rings):
        told = {u.extension for u in channel.unreachable if u.at >= channel.application_at}
        channel.unreachable += [Unreached(switch.at, e, bool(rung)) for e in sorted(meant - rung - told)]


def _queuestatus(switch: Switch, channel: Channel, status: str) -> None:
    """Who is refused at a queue's door gets no Queue event at all."""
    application, data = channel.application or ("", "")
    if status in _REFUSED and application == "Queue":
        channel.stays.append(Stay(data.split(",")[0], channel, switch.at, left=switch.at, status=status))
    elif channel.stays:
        channel.stays[-1].status = status


# --- queues and parking


def _queue_join(switch: Switch, message: Message) -> None:
    channel, queue = switch.channel(message), message.get("Queue")
    if channel is not None and not channel.stays_in(queue):
        channel.stays.append(Stay(queue, channel, switch.at))


def _stay(switch: Switch, message: Message) -> Stay | None:
    channel = switch.channel(message)
    stays = channel.stays if channel is not None else []
    return next((s for s in reversed(stays) if s.queue == message.get("Queue")), None)


def _queue_leave(switch: Switch, message: Message) -> None:
    stay = _stay(switch, message)
    if stay is not None and stay.left is None:
        stay.left = switch.at


def _queue_abandon(switch: Switch, message: Message) -> None:
    """Sent also when the queue timed out or was left empty: no sign of a hang-up."""
    stay = _stay(switch, message)
    if stay is not None:
        stay.abandoned = True
    count = switch.counts.get(message.get("Queue"))
    if count is not None:
        count.abandoned += 1


def _agent_connect(switch: Switch, message: Message) -> None:
    """Sent also when the member's voicemail answered: no sign of a person."""
    stay = _stay(switch, message)
    if stay is not None:
        stay.connected = switch.at


def _agent_complete(switch: Switch, message: Message) -> None:
    """A queue has counted one more. No sign of a talk's end: the caller may have been transferred."""
    count = switch.counts.get(message.get("Queue"))
    if count is not None:
        count.completed += 1
        interface = message.get("Interface")
        count.taken[interface] = count.taken.get(interface, 0) + 1


def _parked(switch: Switch, message: Message) -> None:
    channel = switch.channel(message, "Parkee")
    if channel is not None:
        channel.parking = _PARKING[message.name]
        channel.parked_at = switch.at if message.name == "ParkedCall" else channel.parked_at


def _attended_transfer(switch: Switch, message: Message) -> None:
    """Into an application: the caller steps into the queue, or before the telephones, where the transferrer waited."""
    waited, comes = switch.channel(message, "SecondTransferer"), switch.channel(message, "Transferee")
    if message.get("DestType") != "App" or waited is None or comes is None:
        return
    for stay in [s for s in waited.stays if s.left is None]:
        waited.stays.remove(stay)
        comes.stays.append(stay)
    for ring in [r for r in waited.rings if r.ended is None or 0.0 < waited.application_at == r.dial_at]:
        waited.rings.remove(ring)
        ring.caller = comes
        comes.rings.append(ring)


# --- bridges


def _bridge_enter(switch: Switch, message: Message) -> None:
    """BridgeCreate is printed once in Asterisk's life for a parking lot: the type is taken from every entering."""
    channel = switch.channel(message)
    if channel is not None:
        bridge = switch.bridge(message.get("BridgeUniqueid"))
        bridge.holding = "holding" in message.get("BridgeTechnology") or message.get("BridgeType") == "parking"
        switch.move(channel, bridge)


def _bridge_leave(switch: Switch, message: Message) -> None:
    channel = switch.channel(message)
    if channel is None:
        return
    channel.moves += 1
    if channel.bridge is not None and channel.bridge.uniqueid == message.get("BridgeUniqueid"):
        switch.move(channel, None)


def _bridge_destroy(switch: Switch, message: Message) -> None:
    bridge = switch.bridges.pop(message.get("BridgeUniqueid"), None)
    for channel in list(bridge.members.values()) if bridge else []:
        switch.move(channel, None)


# --- the end


def _hangup_request(switch: Switch, message: Message) -> None:
    """The other side hung up; SoftHangupRequest would be the PBX."""
    channel = switch.channel(message)
    if channel is not None and channel.hung_up_at is None:
        channel.hung_up_at = switch.at


def _hangup(switch: Switch, message: Message) -> None:
    channel = switch.channels.get(message.get("Uniqueid"))
    if channel is not None:
        channel.cause = number(message.get("Cause"))
        channel.tech_cause = number(message.get("TechCause"))
        switch.end(channel)


def number(text: str) -> int:
    """An integer header; 0 where it is none."""
    return int(text) if text.isascii() and text.isdigit() else 0


SIGNS: Mapping[str, Callable[[Switch, Message], None]] = {
    "Newchannel": _state,
    "Newstate": _state,
    "Newexten": _newexten,
    "VarSet": _varset,
    "NewCallerid": _new_caller_id,
    "Rename": _rename,
    "LocalBridge": _local_bridge,
    "DialBegin": _dial_begin,
    "DialEnd": _dial_end,
    "Pickup": _pickup,
    "AttendedTransfer": _attended_transfer,
    "BridgeEnter": _bridge_enter,
    "BridgeLeave": _bridge_leave,
    "BridgeDestroy": _bridge_destroy,
    "QueueCallerJoin": _queue_join,
    "QueueCallerLeave": _queue_leave,
    "QueueCallerAbandon": _queue_abandon,
    "AgentConnect": _agent_connect,
    "AgentComplete": _agent_complete,
    "ParkedCall": _parked,
    "ParkedCallGiveUp": _parked,
    "ParkedCallTimeOut": _parked,
    "HangupRequest": _hangup_request,
    "Hangup": _hangup,
}
