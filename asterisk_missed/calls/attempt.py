"""One of our own callbacks, as the switch saw it: who rang, who answered, who talked.

Its channels are known by the channel id that we chose for the Originate. No I/O, no clock; times are unix seconds inside
and aware datetimes in the report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from .call import utc
from .channel import Channel, ancestors
from .lines import Kind, Lines
from .missed import counting_talks

PREFIX = "missed-"  # of every ChannelId that we give to an Originate


def is_attempt(uniqueid: str) -> bool:
    """Whether a Uniqueid or Linkedid is one that we chose."""
    return uniqueid.startswith(PREFIX)


@dataclass(frozen=True, slots=True)
class Leg:
    """One end of a callback: ``who`` (extension, or number outside), when it answered, why it ended.

    ``cause`` is Q.850, ``tech_cause`` the SIP code (0 where Asterisk does not say), ``status`` the DialStatus.
    """

    who: str
    answered_at: datetime | None
    cause: int
    tech_cause: int
    status: str
    hung_up_itself: bool


@dataclass(frozen=True, slots=True)
class AttemptReport:
    """What became of a callback, once all of its channels are gone.

    ``client`` and ``employees`` are the ends that were rung. ``talked_at`` and ``talk`` (seconds) are set when client and
    employee heard each other for the minimum. ``unseen_end``: the end was not seen, so the rest may be incomplete.
    """

    channel_id: str
    began_at: datetime
    ended_at: datetime
    client: Leg | None
    employees: tuple[Leg, ...]
    employee: str | None
    talked_at: datetime | None
    talk: float | None
    unseen_end: bool


@dataclass(slots=True)
class AttemptCall:
    """The living callback: its channels, by Uniqueid."""

    channel_id: str
    began: float
    channels: dict[str, Channel] = field(default_factory=dict)

    def report(self, lines: Lines, min_talk: float) -> AttemptReport:
        """What it came to; to be asked when every channel is gone."""
        clients = [c for c in self.channels.values() if is_client(c)]
        employees = [c for c in self.channels.values() if c.is_person and not is_client(c)]
        talked = next((c for c in clients if counting_talks(c, min_talk)), None)
        talks = counting_talks(talked, min_talk) if talked else []
        ended = max((c.gone_at or self.began for c in self.channels.values()), default=self.began)
        return AttemptReport(
            self.channel_id,
            utc(self.began),
            utc(ended),
            _leg(talked or clients[-1], lines) if clients else None,
            tuple(_leg(c, lines) for c in employees),
            talks[0].who if talks else next((_who(c, lines) for c in employees if c.up_at is not None), None),
            utc(talks[0].began) if talks else None,
            round(sum(t.seconds(ended) for t in talks), 1) if talks else None,
            any(c.unseen_end for c in self.channels.values()),
        )


def is_client(channel: Channel) -> bool:
    """The client's end: the trunk channel that the context ``missed-<slug>-client`` dialled, itself or through others.

    One that was found after a break has no such record: then every trunk channel, unless the employees' context dialled it.
    """
    if channel.kind is not Kind.TRUNK:
        return False
    dialled_by = [c.rung_by.context for c in ancestors(channel) if c.rung_by is not None]
    ours = [context for context in dialled_by if context.startswith(PREFIX)]
    if ours:
        return any(context.endswith("-client") for context in ours)
    return not any(c.context.endswith("-employee") for c in ancestors(channel) if c is not channel)


def _who(channel: Channel, lines: Lines) -> str:
    if channel.kind is Kind.TRUNK:
        return channel.caller
    return lines.extension(channel.endpoint) or channel.endpoint


def _leg(channel: Channel, lines: Lines) -> Leg:
    return Leg(
        _who(channel, lines),
        utc(channel.up_at) if channel.up_at is not None else None,
        channel.cause,
        channel.tech_cause,
        channel.rung_by.status if channel.rung_by else "",
        channel.hung_up_itself,
    )
