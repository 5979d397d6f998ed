"""The verdict: what became of an inbound call, who missed it, where and how it was lost.

Pure: reads the record that the tracker kept of one call and returns a value. The policies are the product's (a call that
any person answered is missed by nobody, unless the caller was lost afterwards), the signs are measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from .call import EndedCall, Missed, utc
from .channel import Channel, Ring, Stay, Talk, ancestors, descendants
from .lines import NUMBER, Kind, Lines

# Somebody who answers within this time of a ring's end answered *instead* of it (a pickup, the winner of a ring group).
ANSWERED_ELSEWHERE = 1.0
# A talk belongs to a queue's AgentConnect when it begins within this time of it.
CONNECTED = 2.0
# The caller's hang-up and his leaving of the queue are one act when they are this near.
SAME_MOMENT = 0.5

# Applications that are over as soon as they began: no caller is ever *in* one, so that none tells where he was lost.
# A dialplan of macros (FreePBX) makes a hundred of them a call, which our AMI user is not sent. AppDial and AppQueue stand
# for a channel that is rung.
PASSING = (
    *("AppDial", "AppDial2", "AppQueue", "ExecIf", "Gosub", "GosubIf", "Goto", "GotoIf", "GotoIfTime", "Log", "Macro"),
    *("MacroExit", "MacroIf", "MSet", "NoOp", "Return", "Set", "StackPop", "Verbose"),
)
_MENU = {"Background", "BackGround", "WaitExten", "Read"}
_ANNOUNCEMENT = {"Playback", "ControlPlayback", "SayDigits", "PlayTones", "MusicOnHold", "Congestion", "Busy"}
_BUSY_OR_DECLINED = {17, 21}  # Q.850: user busy, call rejected
_CUT = 44  # Q.850: requested channel not available. Measured: what `rtp_timeout` leaves on the channel that it cuts


def verdict(call: Channel, lines: Lines, min_talk: float, *, lost_after_answer: bool) -> EndedCall:
    """Judge the call of a dead inbound trunk channel. ``min_talk`` in seconds.

    ``lost_after_answer``: whether a caller who talked and was then lost (transferred to nobody, forgotten in the parking
    lot) is missed.
    """
    record = _Record(call, lines, min_talk)
    ended, talks = record.ended, record.talks
    lost = record.lost_after_talking() if talks else not call.answered_unseen
    missed = None
    if lost and (not talks or lost_after_answer):
        missed = Missed(
            call.first_exten if any(c.isdigit() for c in call.first_exten) else None,
            call.endpoint,
            record.queues(),
            record.extensions(),
        )
    answered_at = talks[0].began if talks else ended
    return EndedCall(
        linkedid=call.uniqueid,
        caller=call.caller,
        caller_name=call.caller_name,
        did=call.first_exten,
        trunk=call.endpoint,
        started_at=utc(call.born),
        ended_at=utc(ended),
        answered=bool(talks) or call.answered_unseen,
        answered_by=talks[0].who if talks else call.answered_unseen_by,
        wait=round(max(0.0, answered_at - call.born), 1),
        queue_waits=record.queue_waits(),
        missed=missed,
        lost_in=record.lost_in() if missed else None,
        lost_how=record.lost_how() if missed else None,
        reason=record.reason() if missed else None,
    )


def counting_talks(channel: Channel, min_talk: float) -> list[Talk]:
    """The talks of a dead trunk channel from the first that counts; none where all together are shorter than the minimum."""
    end = channel.gone_at or 0.0
    first = next((i for i, t in enumerate(channel.talks) if t.counts(end, min_talk)), None)
    if first is not None:
        return channel.talks[first:]
    return channel.talks if channel.talks and sum(t.seconds(end) for t in channel.talks) >= min_talk else []


def who_answered(peer: Channel, lines: Lines) -> str:
    """Who is at the other side: an extension; for a leg sent outside the one it was rung for, else the outside number."""
    if peer.kind is not Kind.TRUNK:
        return lines.extension(peer.endpoint) or peer.endpoint
    for channel in ancestors(peer):
        owner = _owner(channel, lines)
        if owner:
            return owner
    return peer.caller


def _owner(channel: Channel, lines: Lines) -> str | None:
    """The extension on whose behalf this channel dials outside: follow-me by Local channel or application, a 302."""
    if channel.kind is Kind.LOCAL:
        caller = channel.rung_by.caller if channel.rung_by else None
        number = channel.endpoint.split("@")[0]
        if caller is not None and number in caller.forwards:
            return caller.forwards[number]
        return lines.extension(channel.endpoint)
    application, data = channel.application or ("", "")
    return lines.extension(data) if application == "FollowMe" else None


class _Record:
    """What the tracker kept of one call, asked in the words of the verdict."""

    def __init__(self, call: Channel, lines: Lines, min_talk: float) -> None:
        self.call = call
        self.lines = lines
        gone = call.gone_at if call.gone_at is not None else call.born
        self.ended = gone if call.hung_up_at is None else min(gone, call.hung_up_at)
        self.talks = counting_talks(call, min_talk)
        # What was rung for him, and what was rung by whom he was put through to (an attended transfer by digits).
        parts = list({c.uniqueid: c for top in (call, *call.wires.values()) for c in descendants(top)}.values())
        self.rings = [ring for channel in parts for ring in channel.rings]
        self.stays = sorted((s for c in parts for s in c.stays), key=lambda s: s.joined)
        self.unreachable = [u for c in parts for u in c.unreachable if not self._by_queue(c, u.at)]
        # The dialplan behind a Local channel is his; that of a queue's member is not.
        told = ((c, at, name) for c in parts if c is call or c.kind is Kind.LOCAL for at, name in c.applications)
        self.applications = sorted((at, name) for c, at, name in told if not self._by_queue(c, at))
        # Parked by whom he was put through to over a Local channel, its half lies in the lot for him.
        lots = [c for c in parts if c.parking and (c is call or c.kind is Kind.LOCAL)]
        self.parked = max(lots, key=lambda c: c.parked_at or 0.0, default=call)
        self.after = self.talks[-1].ended if self.talks else None  # only what came later can have lost him

    # --- who missed it

    def queues(self) -> tuple[str, ...]:
        """Every queue that did not answer him, in the order of his coming."""
        return _distinct(s.queue for s in self.stays if self._late(s.left or self.ended) and not self._answered(s))

    def extensions(self) -> tuple[str, ...]:
        """Every extension that the call was meant for and that did not answer. Members rung by a queue are not among them."""
        last: dict[str, Ring] = {}
        for ring in self._direct_rings():
            extension = self._extension(ring)
            if extension:
                last[extension] = ring
        rung = [e for e, r in last.items() if r in self._late_rings() and not self._taken(r)]
        return _distinct([*rung, *(u.extension for u in self.unreachable if self._late(u.at))])

    def queue_waits(self) -> dict[str, float]:
        """The longest stay in each queue, in seconds."""
        waits: dict[str, float] = {}
        for stay in self.stays:
            seconds = round((stay.left if stay.left is not None else self.ended) - stay.joined, 1)
            waits[stay.queue] = max(seconds, waits.get(stay.queue, 0.0))
        return waits

    def lost_after_talking(self) -> bool:
        """He talked; but the last thing before his end was somebody's ringing, a queue or the parking lot, not a talk."""
        rung = any(not self._taken(r) for r in self._late_rings())
        voicemail = any(name == "VoiceMail" and self._late(at) for at, name in self.applications)
        return rung or voicemail or bool(self.queues() or self.extensions() or self._parked_at_the_end())

    # --- where and how

    def lost_in(self) -> str:
        """The place where he was lost: one word of the contract."""
        if self.call.restarted:
            return "restart"
        if self._parked_at_the_end():
            return "parking"
        if self.talks:
            return "transfer"
        return self._last_place()[1]

    def lost_how(self) -> str:
        """How he was lost there: one word of the contract."""
        place = self.lost_in()
        if place == "restart":
            return "restart"
        if place == "parking":
            return "timed_out" if self.parked.parking == "timed_out" else "gave_up"
        if self._trunk_lost():
            return "trunk_lost"
        if place == "transfer":
            place = self._last_place()[1]
        if place == "voicemail":
            return "message_left" if self._application("VMSTATUS=SUCCESS") else "abandoned"
        if place == "queue":
            return self._how_in_queue(self._open_stays()[-1])
        if place in ("extension", "ringgroup"):
            return self._how_rung()
        if self.call.unseen_end:
            return "unknown"
        if self._last_application() in _ANNOUNCEMENT:
            return "announcement"
        return "abandoned" if self.call.hung_up_itself or place == "ivr" else "unknown"

    def _trunk_lost(self) -> bool:
        """Nothing came from the trunk any more (its RTP timed out). A cause may also be that of whom he was put through to."""
        others = any(ring.dest.cause == _CUT for ring in self.rings)
        return self.call.cause == _CUT and not self.call.hung_up_itself and not others

    def reason(self) -> str | None:
        """``unconfirmed``: nobody saw the end; ``bad_number``: he cannot be called."""
        if self.call.unseen_end and not self.call.restarted:
            return "unconfirmed"
        return None if NUMBER.fullmatch(self.call.caller) else "bad_number"

    def _last_place(self) -> tuple[float, str]:
        """(when he came there, where) for the last place that he was in."""
        places = [(s.left if s.left is not None else self.ended, "queue") for s in self._open_stays()]
        rings = self._late_rings()
        if rings:
            latest = _together(rings)
            beside = [u.extension for u in self.unreachable if u.beside and u.at >= latest[0].began]
            # Who is rung for one that forwarded the call is no second one.
            forwards = [r.ended or self.ended for r in latest if r.forwarded]
            meant = [self._extension(r) or "" for r in latest if r.began < min(forwards, default=self.ended)]
            group = len(_distinct([*meant, *beside])) > 1
            places.append((max(r.ended or self.ended for r in rings), "ringgroup" if group else "extension"))
        unreachable = [u for u in self.unreachable if self._late(u.at) and not u.beside]
        if unreachable:
            places.append((unreachable[-1].at, "ringgroup" if len(unreachable) > 1 else "extension"))
        for at, application in self.applications:
            if application == "VoiceMail" or application.startswith("VMSTATUS"):
                places.append((at, "voicemail"))
            elif application in _MENU:
                places.append((at, "ivr"))
        return max(places, default=(self.call.born, "unknown" if self.call.unseen_end else "direct"))

    def _how_in_queue(self, stay: Stay) -> str:
        words = {"JOIN": "join_empty", "FULL": "full", "LEAV": "left_empty", "TIME": "timed_out"}
        if stay.status[:4] in words:
            return words[stay.status[:4]]
        if stay.connected is not None:  # with a machine, or for a moment only
            return "abandoned"
        if self.ended - (stay.left if stay.left is not None else self.ended) <= SAME_MOMENT:
            return "unknown" if self.call.unseen_end else "abandoned" if stay.abandoned else "left_by_key"
        return "timed_out" if stay.abandoned else "left_by_key"

    def _how_rung(self) -> str:
        rings = self._late_rings()
        if not rings or any(u.at > rings[-1].began and not u.beside for u in self.unreachable):
            return "unreachable"
        if self.call.unseen_end:
            return "unknown"
        latest = [r for r in _together(rings) if not r.forwarded] or rings[-1:]
        if self.call.hung_up_itself and any(self.ended - (r.ended or self.ended) <= SAME_MOMENT for r in latest):
            return "abandoned"
        if all(r.status in ("CONGESTION", "CHANUNAVAIL") for r in latest):
            return "unreachable"
        # A telephone that ends its ringing itself refuses; one whose ringing the PBX ends is not answered. Causes and
        # DialStatus differ between drivers and versions for the same act.
        refused = all(r.dest.hung_up_itself or r.dest.cause in _BUSY_OR_DECLINED or r.status == "BUSY" for r in latest)
        return "busy_or_declined" if refused else "no_answer"

    # --- the record

    def _direct_rings(self) -> list[Ring]:
        """Rings of telephones and outside lines that no queue made, in the order of their beginning."""
        direct = [r for r in self.rings if r.dest.is_person and not r.dest.inbound and not self._rung_by_queue(r)]
        return sorted(direct, key=lambda r: r.began)

    def _late_rings(self) -> list[Ring]:
        """Those that came to nothing after he had talked, with the others of their groups."""
        direct = self._direct_rings()
        late = [r for r in direct if self._late(r.ended or self.ended)]
        return late if self.after is None else [r for r in direct if any(_with(r, other) for other in late)]

    def _rung_by_queue(self, ring: Ring) -> bool:
        return ring.queue is not None or self._by_queue(ring.dest, ring.began)

    def _by_queue(self, channel: Channel, at: float) -> bool:
        """Whether a queue stands in the chain that had this channel rung. Whom its member puts the caller through to
        after their talk is rung by the member."""
        by_queue = next((c.rung_by for c in ancestors(channel) if c.rung_by is not None and c.rung_by.queue), None)
        return by_queue is not None and not any(by_queue.began <= t.began < at for t in self.talks)

    def _extension(self, ring: Ring) -> str | None:
        who = who_answered(ring.dest, self.lines)
        return who if ring.dest.kind is not Kind.TRUNK else self.lines.extension(who)

    def _taken(self, ring: Ring) -> bool:
        """This ring led to a talk: here, by pickup, or by somebody who answered in its place."""
        if any(t.peer is ring.dest for t in self.talks) or ring.picked_up:
            return True
        until = (ring.ended if ring.ended is not None else self.ended) + ANSWERED_ELSEWHERE
        return any(ring.began <= t.began <= until for t in self.talks)

    def _answered(self, stay: Stay) -> bool:
        connected = stay.connected
        return connected is not None and any(abs(t.began - connected) <= CONNECTED for t in self.talks)

    def _open_stays(self) -> list[Stay]:
        return [s for s in self.stays if self._late(s.left or self.ended) and not self._answered(s)]

    def _late(self, at: float) -> bool:
        return self.after is None or at > self.after

    def _parked_at_the_end(self) -> bool:
        bridgeless = self.parked.parking in ("parked", "gave_up", "timed_out")
        return bridgeless and not any(t.began > self._parked_since() for t in self.talks)

    def _parked_since(self) -> float:
        return self.parked.parked_at or self.ended

    def _application(self, name: str) -> bool:
        return any(application == name for _, application in self.applications)

    def _last_application(self) -> str:
        return next((a for _, a in reversed(self.applications) if a != "Hangup" and a not in PASSING), "")


def _together(rings: list[Ring]) -> list[Ring]:
    """Of rings in their order: the last one, and those that one Dial began with it."""
    return [r for r in rings if _with(r, rings[-1])]


def _with(one: Ring, other: Ring) -> bool:
    """Whether one Dial made both; where the dialplan is not heard, whether they began together."""
    dial = _dial_of(one)
    return dial == _dial_of(other) and (dial > 0.0 or abs(one.began - other.began) <= SAME_MOMENT)


def _dial_of(ring: Ring) -> float:
    """When the caller's own Dial began, to which this ring goes back over Local channels."""
    for channel in ancestors(ring.dest):
        ring = channel.rung_by or ring
    return ring.dial_at


def _distinct(words: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(w for w in words if w))
