"""Calls out of call detail records and the queues' log: for where Asterisk writes no CEL.

Pure: rows in, ended calls and contacts out. CDR misleads: a menu, a queue and a voicemail are ANSWERED, one call has several
rows, and nobody is named who was not reachable. What it cannot know is said to be unknown:

- answered only where a row names another person's channel, over Local channels if need be, is ANSWERED for the minimum,
  and, where a queue made it, the queue's log has a CONNECT of that call;
- who was transferred, parked or forgotten after an answer: not seen, so that nobody is missed after he was answered;
- the DID: the row's ``dst`` is where the call stood last, and is taken only where it is an outside number.

Sources: main/cdr.c, cdr/cdr_csv.c, app_queue.c (ast_queue_log); measured on 16.28 and 22.10.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .attempt import is_attempt
from .call import Contact, EndedCall, Missed, utc
from .lines import NUMBER, ChannelName, Kind, Lines, dialled_number

_CALLED = frozenset(("AppDial", "AppDial2", "AppQueue"))  # the application of a channel that was rung
_DIAL = frozenset(("Dial", "RetryDial"))
# The place that an application is. What is not here says nothing of where a caller was lost.
_PLACES = {
    **dict.fromkeys(("BackGround", "Background", "WaitExten", "Read"), "ivr"),
    **dict.fromkeys(("Playback", "ControlPlayback", "Congestion", "Busy"), "direct"),
    "VoiceMail": "voicemail",
    "Park": "parking",
    "Queue": "queue",
}
# How a stay in a queue ended, as its log calls it.
_HOW = {
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "timed_out",
    "EXITEMPTY": "left_empty",
    "EXITWITHKEY": "left_by_key",
}
_END = frozenset((*_HOW, "CONNECT"))
# Without a Uniqueid, rows of one channel name are one call where they are so near to each other (seconds; times are whole).
_ADJACENT = 2.0


@dataclass(frozen=True, slots=True)
class CdrRow:
    """One record. ``start``: unix seconds; ``duration``, ``billsec``: seconds; '' for what is not kept there."""

    start: float
    src: str
    name: str
    dst: str
    channel: str
    dstchannel: str
    application: str
    data: str
    duration: float
    billsec: float
    disposition: str
    uniqueid: str = ""
    linkedid: str = ""
    did: str = ""

    @property
    def end(self) -> float:
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One line of the queues' log. ``at``: unix seconds, whole ones where the log has no others. ``talk``: whole seconds, of
    a COMPLETEAGENT or COMPLETECALLER."""

    at: float
    uniqueid: str
    queue: str
    member: str
    verb: str
    talk: float | None = None


def calls_of(
    rows: Iterable[CdrRow], queue_log: Sequence[QueueEntry] | None, lines: Lines, min_talk: float
) -> list[EndedCall | Contact]:
    """Every inbound call and every contact of these rows, by the end. ``queue_log``: None where there is none.

    ``linkedid`` of a call is the Uniqueid of its channel; where rows have none, ``cdr-<start>-<channel>``: the same rows
    give the same calls each time.
    """
    records = _Records([r for r in rows if not (is_attempt(r.uniqueid) or is_attempt(r.linkedid))], queue_log, lines)
    found: list[EndedCall | Contact] = []
    for key, call in records.calls():
        found += _judged(records, key, call, min_talk)
    found += [c for row in records.rows if (c := _outward(row, lines, min_talk))]
    return sorted(found, key=lambda f: f.ended_at if isinstance(f, EndedCall) else f.at)


class _Records:
    """The rows, asked in the words of the verdict."""

    def __init__(self, rows: Sequence[CdrRow], queue_log: Sequence[QueueEntry] | None, lines: Lines) -> None:
        self.rows = sorted(rows, key=lambda r: r.start)
        self.lines = lines
        self.has_log = queue_log is not None
        self._log: dict[str, list[QueueEntry]] = defaultdict(list)
        for entry in queue_log or ():
            self._log[entry.uniqueid].append(entry)
        self._by_channel: dict[str, list[CdrRow]] = defaultdict(list)
        for row in self.rows:
            self._by_channel[row.channel].append(row)

    def kind(self, channel: str) -> Kind:
        return self.lines.kind(ChannelName.parse(channel))

    def log(self, call: Sequence[CdrRow]) -> list[QueueEntry]:
        """What the queues' log has of a call; nothing where its rows have no Uniqueid."""
        return self._log.get(call[0].uniqueid, []) if call[0].uniqueid else []

    def calls(self) -> list[tuple[str, list[CdrRow]]]:
        """The rows of each inbound call, with its key."""
        calls: dict[str, list[CdrRow]] = {}
        latest: dict[str, str] = {}  # the last key of a channel without a Uniqueid
        for row in self.rows:
            if self.kind(row.channel) is not Kind.TRUNK:
                continue
            key = row.uniqueid or self._key_of(row, calls, latest)
            calls.setdefault(key, []).append(row)
        return [(key, call) for key, call in calls.items() if not any(r.application in _CALLED for r in call)]

    @staticmethod
    def _key_of(row: CdrRow, calls: dict[str, list[CdrRow]], latest: dict[str, str]) -> str:
        key = latest.get(row.channel)
        if key is None or row.start > max(r.end for r in calls[key]) + _ADJACENT:
            key = latest[row.channel] = f"cdr-{int(row.start)}-{row.channel}"
        return key

    def persons(self, row: CdrRow, seen: frozenset[str] = frozenset()) -> list[CdrRow]:
        """The rows by which a person's channel was rung for this row: itself, or those of a Local channel's other half."""
        kind = self.kind(row.dstchannel)
        if not row.dstchannel or row.dstchannel == row.channel or row.application == "FollowMe":
            return []  # FollowMe asks whether the call is taken, and CDR does not say what was answered
        if kind in (Kind.TRUNK, Kind.EXTENSION):
            return [row]
        if kind is not Kind.LOCAL or row.dstchannel in seen:
            return []
        half = self._by_channel.get(row.dstchannel.removesuffix(";1") + ";2", [])
        near = [r for r in half if row.start - _ADJACENT <= r.start <= row.end + _ADJACENT]
        return [p for r in near for p in self.persons(r, seen | {row.dstchannel})]

    def who(self, row: CdrRow) -> str:
        """Who is at the other side of a row: an extension; outside, whom it was dialled for, else the number."""
        endpoint = ChannelName.parse(row.dstchannel).endpoint
        if self.kind(row.dstchannel) is not Kind.TRUNK:
            return self.lines.extension(endpoint) or endpoint
        owner = self.lines.extension(ChannelName.parse(row.channel).endpoint)
        return owner or dialled_number(row.data.split(",")[0]) or row.dst


def _judged(records: _Records, key: str, call: list[CdrRow], min_talk: float) -> list[EndedCall | Contact]:
    log = records.log(call)
    taken = _taken(records, call, log, min_talk)
    first, ended = call[0], max(r.end for r in call)
    answered_at = _answered_at(taken, log) if taken else ended
    ended_call = EndedCall(
        linkedid=key,
        caller=first.src,
        caller_name=first.name,
        did=_did(records, call),
        trunk=ChannelName.parse(first.channel).endpoint,
        started_at=utc(first.start),
        ended_at=utc(ended),
        answered=taken is not None,
        answered_by=records.who(taken) if taken else None,
        wait=round(max(0.0, answered_at - first.start), 1),
        queue_waits=_queue_waits(log, ended),
    )
    if taken is None:
        return [_missed(ended_call, records, call, log)]
    talk = round(max(0.0, ended - answered_at), 1)
    return [ended_call, Contact(key, first.src, "in", records.who(taken), utc(answered_at), talk)]


def _taken(records: _Records, call: list[CdrRow], log: list[QueueEntry], min_talk: float) -> CdrRow | None:
    """The row by which a person answered: both the call's own and that of the telephone say so."""
    for row in call:
        if row.disposition != "ANSWERED" or row.billsec < min_talk:
            continue
        if row.application == "Queue" and records.has_log and row.uniqueid and not _connected(log, min_talk):
            continue
        for person in records.persons(row):
            if person.disposition == "ANSWERED" and person.billsec >= min_talk:
                return person
    return None


def _connected(log: list[QueueEntry], min_talk: float) -> bool:
    """Connected, and not for a moment only: a queue's row is billed from Answer() on, before anybody spoke."""
    talks = [e.talk for e in log if e.talk is not None]
    return any(e.verb == "CONNECT" for e in log) and (not talks or max(talks) >= min_talk)


def _answered_at(taken: CdrRow, log: list[QueueEntry]) -> float:
    """A queue's row begins to be billed when its own Answer() is run: there the log knows the moment."""
    connected = next((e.at for e in log if e.verb == "CONNECT"), None)
    return connected if taken.application == "Queue" and connected is not None else taken.end - taken.billsec


def _did(records: _Records, call: list[CdrRow]) -> str:
    known = next((r.did for r in call if r.did), "")
    dst = call[0].dst
    outside = NUMBER.fullmatch(dst) and not records.lines.extension(dst)
    return known or (dst if outside else "")


def _queue_waits(log: list[QueueEntry], ended: float) -> dict[str, float]:
    """The longest stay in each queue, in seconds."""
    waits: dict[str, float] = {}
    for entry in log:
        if entry.verb == "ENTERQUEUE":
            left = next((e.at for e in log if e.queue == entry.queue and e.verb in _END and e.at >= entry.at), ended)
            waits[entry.queue] = max(waits.get(entry.queue, 0.0), round(left - entry.at, 1))
    return waits


# --- who missed it, where and how


def _missed(ended: EndedCall, records: _Records, call: list[CdrRow], log: list[QueueEntry]) -> EndedCall:
    lost_in, lost_how = _lost(records, call, log)
    did = ended.did or None
    missed = Missed(did, ended.trunk, _queues(call, log), _extensions(records, call))
    asked = any(r.application == "FollowMe" and r.disposition == "ANSWERED" for r in call)
    reason = None if NUMBER.fullmatch(ended.caller) else "bad_number"
    return replace(ended, missed=missed, lost_in=lost_in, lost_how=lost_how, reason="unconfirmed" if asked else reason)


def _queues(call: list[CdrRow], log: list[QueueEntry]) -> tuple[str, ...]:
    """Whom the log names, and who refused him at the door (that the log does not have)."""
    by_rows = [r.data.split(",")[0] for r in call if r.application == "Queue" and r.data]
    return tuple(dict.fromkeys([*(e.queue for e in log if e.verb == "ENTERQUEUE"), *by_rows]))


def _extensions(records: _Records, call: list[CdrRow]) -> tuple[str, ...]:
    """Telephones that were rung, or dialled in vain; members of a queue are not among them."""
    found: list[str | None] = []
    for row in (r for r in call if r.application in _DIAL):
        rung = [records.who(p) for p in records.persons(row)]
        targets = row.data.split(",")[0].split("&") if not row.dstchannel else []
        found += [records.lines.extension(w) for w in (*rung, *(t.partition("/")[2] for t in targets))]
    return tuple(dict.fromkeys(e for e in found if e))


def _lost(records: _Records, call: list[CdrRow], log: list[QueueEntry]) -> tuple[str, str]:
    """Where he was last, and how he was lost there."""
    last = next((r for r in reversed(call) if r.application in _PLACES or r.application in _DIAL), None)
    if last is None:
        return "unknown", "unknown"
    if last.application in _DIAL:
        return _lost_ringing(last)
    if last.application == "Queue":
        return "queue", next((_HOW[e.verb] for e in reversed(log) if e.verb in _HOW), "unknown")
    place = _PLACES[last.application]
    return place, {"ivr": "abandoned", "direct": "announcement"}.get(place, "unknown")


def _lost_ringing(row: CdrRow) -> tuple[str, str]:
    place = "ringgroup" if "&" in row.data.split(",")[0] else "extension"
    if not row.dstchannel:
        return place, "unreachable"
    return place, "busy_or_declined" if row.disposition == "BUSY" and place == "extension" else "unknown"


# --- contacts


def _outward(row: CdrRow, lines: Lines, min_talk: float) -> Contact | None:
    """An employee who reached a number outside."""
    channel, dest = ChannelName.parse(row.channel), ChannelName.parse(row.dstchannel)
    if lines.kind(channel) is not Kind.EXTENSION or lines.kind(dest) is not Kind.TRUNK:
        return None
    if row.disposition != "ANSWERED" or row.billsec < min_talk:
        return None
    number = dialled_number(row.data.split(",")[0]) or row.dst
    key = row.uniqueid or f"cdr-{int(row.start)}-{row.channel}"
    employee = lines.extension(channel.endpoint) or channel.endpoint
    return Contact(key, number, "out", employee, utc(row.end - row.billsec), row.billsec)
