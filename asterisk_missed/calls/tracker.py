"""Events in, ended calls and contacts out: the state machine that follows every call of one PBX.

No I/O and no clock: the time comes with each message. It never waits; what must be waited for (events of other
threads after a hang-up) is settled by the time of later messages or by `Tracker.tick`.

The one rule that decides an answer: a person answered a caller if and only if, at some moment, the caller's channel and
another person's channel hear each other, over common bridges and Local channels. Dial, agent and queue events only tell
who was rung, where, and why it failed. Measured on recordings of Asterisk 16 and 22 with chan_pjsip and chan_sip.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from ..ami.torn import Mender
from ..ami.wire import Message
from .attempt import AttemptCall, AttemptReport
from .call import Contact, EndedCall, utc
from .channel import ROUNDING, Channel, Talk, root
from .lines import NUMBER, Kind, Lines
from .missed import counting_talks, verdict
from .signs import SIGNS, VARIABLES
from .snapshot import TOLD, Snapshot
from .switch import Switch

# After the hang-up of a caller's channel Asterisk's other threads still print events of the same call: within 3 ms on
# an idle machine. A second is ample, and the callback's delay hides it.
GRACE = 1.0
# Events of one moment are told apart by their order: each is later than the last, by this many seconds at least.
TICK = 1e-6
LATEST = 1e11  # no moment of this world, in unix seconds


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


_SAYING = frozenset(SIGNS) | TOLD
_VARIABLES = frozenset(variable.encode() for variable in VARIABLES)

Happening = CallEnded | ContactBegan | ContactEnded | AttemptTalks | AttemptOver


class Tracker:
    """Follows all calls of one PBX. ``min_talk``: seconds of talk that count as one."""

    def __init__(self, lines: Lines, *, min_talk: float = 1.0, lost_after_answer: bool = True) -> None:
        self.lines = lines
        self.min_talk = min_talk
        self.lost_after_answer = lost_after_answer
        self.switch = Switch(lines)
        self._snapshot = Snapshot(self.switch)
        self._mender = Mender(self.switch.may_be)
        self._last = 0.0
        self._wake_at = 0.0  # when something may come of the time alone
        self._told = 0.0  # when the last sign was given
        self._announce_at = math.inf  # when the first of the talks that go on will have lasted long enough
        self._skew = 0.0  # our clock minus Asterisk's, by the last message
        self._ending: deque[tuple[float, Channel]] = deque()
        self._unsorted = False  # somebody's end was found out later
        self._out: list[Happening] = []

    def obey(self, lines: Lines, *, min_talk: float, lost_after_answer: bool) -> None:
        """The config was read anew. Channels that are known keep what they were taken for."""
        self.lines = self.switch.lines = lines
        self.min_talk = min_talk
        self.lost_after_answer = lost_after_answer

    # --- what comes in

    def feed(self, message: Message, received_at: float) -> list[Happening]:
        """Take one message; ``received_at`` is unix seconds by our clock, used where Asterisk sends no Timestamp."""
        # Most of what Asterisk prints (variables of the dialplan) says nothing; it must only be in order. This is the way
        # of two events in three, and worth its few lines.
        name = message.name
        says = message.says("Variable", _VARIABLES) if name == "VarSet" else name in _SAYING
        if self._mender.held or message.faults or (says and self.switch.is_forged(message)):
            for whole in self._mender.take(message, received_at):
                self._take(whole, received_at)
        elif says:
            self._take(message, received_at)
        else:
            self.switch.at = at = received_at - self._skew
            return self._settled(at) if at >= self._wake_at or at < self._last - GRACE else []
        return self._given()

    def _take(self, message: Message, received_at: float) -> None:
        sign = SIGNS.get(message.name)
        if sign is None:
            self.switch.at = received_at - self._skew
            self._snapshot.takes(message)
        else:
            at = _timestamp(message) or received_at
            self._skew = received_at - at
            if self._told - GRACE < at <= self._told:  # what came later happened later, by however little
                at = self._told + TICK
            self._told = at
            if at >= self._wake_at or at < self._last - GRACE:
                self._settle(at)
            self.switch.at = at
            sign(self.switch, message)
            if self._snapshot.anew:
                self._snapshot.heard(message)
        if self.switch.gone or self.switch.news or sign is None:
            self._settle(self.switch.at)

    def tick(self, now: float) -> list[Happening]:
        """Let time pass: judge the calls whose grace is over, announce the talks that have lasted long enough."""
        for whole in self._mender.give_up(now - GRACE):
            self._take(whole, now)
        return self._settled(now - self._skew)

    def link_lost(self, now: float) -> list[Happening]:
        """Nothing is heard from here on, until the state of the switch is taken anew. What has ended is judged at once."""
        at = now - self._skew
        self._mender.forget()
        self._settle(at)
        while self._ending and not self._snapshot.taking(at):
            self._ended(self._ending.popleft()[1], at + GRACE)
        self._snapshot.link_lost(at)
        return self._given()

    def state_taken(self) -> None:
        """The state of the switch has been asked for, and all answers have been fed."""
        self._snapshot.told()

    def finish(self) -> list[Happening]:
        """The stream is over: judge what has ended."""
        while self._mender.held:
            for whole in self._mender.give_up(math.inf):
                self._take(whole, self.switch.at + self._skew)
        self._snapshot.end()
        return self._settled(self.switch.at + GRACE + self.min_talk)

    # --- what is going on

    @property
    def dropped(self) -> int:
        """How many blocks Asterisk never wrote, or could not be understood."""
        return self._mender.dropped

    def follows(self, channel_id: str) -> bool:
        """Whether a callback of ours has a channel in Asterisk now."""
        return channel_id in self.switch.attempts

    def live_numbers(self) -> dict[str, str]:
        """Number outside, as Asterisk shows it -> channel, for everybody who is in a call with us now, ringing included.

        A callback of ours that still rings or talks is such a call too, and so is one that has just ended and is not
        judged yet.
        """
        alive = [c for c in self.switch.channels.values() if c.kind is Kind.TRUNK and c.gone_at is None]
        ending = [c for _, c in self._ending if c.kind is Kind.TRUNK]
        return {c.caller: c.name for c in (*ending, *alive)}

    def living(self) -> frozenset[str] | None:
        """The Uniqueids of all channels that Asterisk has; None where it has not listed them since the last log-in."""
        if not self._snapshot.listed:
            return None
        return frozenset(c.uniqueid for c in self.switch.channels.values() if c.alive)

    def half_known(self) -> list[str]:
        """The Uniqueids of callers who came in before we listened: the state of the switch does not tell what they dialled,
        and their number is what the dialplan has made of it since."""
        return [c.uniqueid for c in self.switch.channels.values() if c.inbound and c.alive and not c.first_exten]

    def learn(self, uniqueid: str, *, did: str, caller: str) -> None:
        """What such a caller had dialled, and his number. Text that is no number is not believed."""
        channel = self.switch.channels.get(uniqueid)
        if channel is not None and NUMBER.fullmatch(did):
            channel.first_exten = did
        if channel is not None and NUMBER.fullmatch(caller):
            channel.caller = caller

    # --- what comes of it

    def _settled(self, at: float) -> list[Happening]:
        self._settle(at)
        return self._given()

    def _given(self) -> list[Happening]:
        out, self._out = self._out, []
        return out

    def _settle(self, at: float) -> None:
        while self.switch.gone:
            channel = self.switch.gone.popleft()
            self._unsorted = self._unsorted or channel.unseen_end
            self._ending.append(((channel.gone_at or at) + GRACE, channel))
        if self._snapshot.taking(at):
            self._wake_at = at
            return
        if self._unsorted:
            self._ending = deque(sorted(self._ending, key=lambda ending: ending[0]))
            self._unsorted = False
        self._announce(at)
        if at < self._last - GRACE:  # the wall clock was put back: what waits for its time would wait for long
            while self._ending:
                self._ended(self._ending.popleft()[1], at + GRACE)
        self._last = at
        while self._ending and self._ending[0][0] <= at:
            self._ended(self._ending.popleft()[1], at)
        ends_at = self._ending[0][0] if self._ending else math.inf
        self._wake_at = min(self._announce_at, ends_at, at + GRACE)

    def _announce(self, at: float) -> None:
        """Contact is made when a talk has lasted the minimum; whoever waits for it is told at once."""
        if not self.switch.news and at < self._announce_at:
            return
        self.switch.news, self._announce_at = False, math.inf
        for trunk in list(self.switch.talking.values()):
            talk = next((t for t in trunk.talks if t.counts(at, self.min_talk)), None)
            if talk is not None:
                self._out += self._talk_began(trunk, talk)
            if talk is not None or not trunk.alive:
                del self.switch.talking[trunk.uniqueid]
            else:
                lasting = [t.began for t in trunk.talks if t.ended is None]
                self._announce_at = min([self._announce_at, *(began + self.min_talk - ROUNDING for began in lasting)])

    def _talk_began(self, trunk: Channel, talk: Talk) -> list[Happening]:
        if talk.announced:
            return []
        talk.announced = True
        attempt = self.switch.attempt_of.get(trunk.uniqueid)
        if attempt is not None:
            return [AttemptTalks(attempt.channel_id, talk.who, utc(talk.began))]
        contact = contact_on(trunk, talk)
        return [ContactBegan(contact)] if contact else []

    def _ended(self, channel: Channel, at: float) -> None:
        """The grace of a dead channel is over."""
        if channel.ours:
            self._attempt_part_ended(self.switch.attempt_of.get(channel.uniqueid))
            return
        if channel.kind is Kind.TRUNK:
            self._trunk_ended(channel, at)
        top = root(channel)
        if top.gone_at is not None and top.gone_at + GRACE <= at:
            self.switch.forget(top)

    def _trunk_ended(self, channel: Channel, at: float) -> None:
        if channel.inbound:
            ended = verdict(channel, self.lines, self.min_talk, lost_after_answer=self.lost_after_answer)
            self._out.append(CallEnded(ended))
        counted = counting_talks(channel, self.min_talk)
        if counted:
            contact = contact_on(channel, counted[0], round(sum(t.seconds(at) for t in counted), 1))
            if contact is not None:
                self._out.append(ContactEnded(contact))
        elif channel.answered_unseen:
            ended_at = utc(channel.gone_at or at)
            self._out.append(
                ContactEnded(Contact(channel.uniqueid, channel.caller, "in", channel.answered_unseen_by, ended_at))
            )

    def _attempt_part_ended(self, attempt: AttemptCall | None) -> None:
        if attempt is not None and all(not channel.alive for channel in attempt.channels.values()):
            self._out.append(AttemptOver(attempt.report(self.lines, self.min_talk)))
            self.switch.forget_attempt(attempt)


def contact_on(trunk: Channel, talk: Talk, seconds: float | None = None) -> Contact | None:
    """The contact that a talk on this trunk channel is; None where it is another call's answer (follow-me, a 302)."""
    if not trunk.inbound and (root(trunk).inbound or any(t.peer.inbound for t in trunk.talks)):
        return None
    direction = "in" if trunk.inbound else "out"
    return Contact(trunk.uniqueid, trunk.caller, direction, talk.who or None, utc(talk.began), seconds)


def _timestamp(message: Message) -> float | None:
    """Asterisk's own time of an event, sent with ``timestampevents = yes``."""
    try:
        at = float(message.get("Timestamp"))
    except ValueError:
        return None
    return at if 0.0 < at < LATEST else None
