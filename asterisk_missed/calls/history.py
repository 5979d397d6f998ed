"""Calls out of what Asterisk wrote down itself (CEL): rows in, ended calls and contacts out.

For the time in which nobody listened to AMI. No I/O, no clock, no log: the time comes with each row, in unix seconds. The
rows change a `Switch` (`cel`, `cel_signs`) as AMI's events do, and the verdict on it is the same code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from .cel import CelRow, Past
from .cel_signs import EVENTS, follow
from .channel import Channel, root
from .lines import Kind, Lines
from .missed import counting_talks, verdict
from .tracker import GRACE, CallEnded, ContactEnded, contact_on

__all__ = ["EVENTS", "FORGOTTEN_AFTER", "CelRow", "History"]

# A channel without an end is forgotten after so many seconds of the rows' time: its end was never written.
FORGOTTEN_AFTER = 24 * 3600.0
# So long it is remembered where a channel that has ended began, in seconds of the rows' time.
LATELY = 120.0


class History:
    """Follows the calls of one CEL file. ``min_talk``: seconds of talk that count as one."""

    def __init__(self, lines: Lines, *, min_talk: float = 1.0, lost_after_answer: bool = True) -> None:
        self.lines = lines
        self.min_talk = min_talk
        self.lost_after_answer = lost_after_answer
        self._past = Past(lines)
        self._ending: dict[str, Channel] = {}
        self._ended_lately: deque[tuple[float, Any]] = deque()
        self._out: list[CallEnded | ContactEnded] = []

    def feed(self, row: CelRow) -> list[CallEnded | ContactEnded]:
        """Take the next row. Rows are in the order in which they were written, which is that of their times to some ms."""
        past = self._past
        self._judge_until(row.at)
        self._drop_old(row.at)
        past.at = row.at
        channel = past.seen(row)
        if channel is not None:
            follow(past, channel, row)
        self._take_gone()
        if row.event == "LINKEDID_END":
            self._close(row.linkedid)
        return self._given()

    def first_open(self) -> Any:
        """The place of the first row of the oldest call that is not closed; None where all are."""
        return next((trace.place for trace in self._past.traces.values()), None)

    def just_ended(self, since: float) -> list[Any]:
        """The places of the first rows of the channels that ended after ``since`` (unix seconds by the rows' clock)."""
        return [place for ended, place in self._ended_lately if ended > since]

    def cut(self, living: Collection[str], at: float) -> list[CallEnded | ContactEnded]:
        """The rows are over for now. ``living``: the Uniqueids of all channels that Asterisk had at ``at``, unix seconds by the
        PBX's clock. It is to be asked a moment before the file is read: what ended after it must be in the rows.

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
        self._remember(channel)
        if channel.kind is Kind.TRUNK and not channel.ours:
            self._trunk_ended(channel)
        top = root(channel)
        if not top.alive and top.uniqueid not in self._ending:
            self._past.forget(top)

    def _remember(self, channel: Channel) -> None:
        trace = self._past.traces.get(channel.uniqueid)
        if trace is not None:
            self._ended_lately.append((channel.gone_at or trace.last, trace.place))
        while self._ended_lately and self._ended_lately[0][0] < self._past.last - LATELY:
            self._ended_lately.popleft()

    def _trunk_ended(self, channel: Channel) -> None:
        if channel.inbound:
            ended = verdict(channel, self.lines, self.min_talk, lost_after_answer=self.lost_after_answer)
            if ended.lost_in == "voicemail":  # CEL does not say whether a message was left
                ended = replace(ended, lost_how="unknown")
            self._out.append(CallEnded(ended))
        talks = counting_talks(channel, self.min_talk)
        contact = (
            contact_on(channel, talks[0], round(sum(t.seconds(self._past.at) for t in talks), 1)) if talks else None
        )
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
