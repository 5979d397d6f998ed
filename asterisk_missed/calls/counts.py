"""A queue's own counters: they tell who was answered while nobody listened. Pure.

Source: QueueParams (Completed, Abandoned) and QueueMember (CallsTaken), which app_queue counts up when it sends
AgentComplete and QueueCallerAbandon; a time-out and an emptied queue count as abandoned. They survive a reload, and begin
at 0 after a restart or QueueReset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .channel import Channel
from .lines import Lines


@dataclass(slots=True)
class Count:
    """What a queue has counted. ``taken``: calls taken, by the member's interface."""

    completed: int = 0
    abandoned: int = 0
    taken: dict[str, int] = field(default_factory=dict)


def answered_unseen(
    channels: Iterable[Channel], before: Mapping[str, Count], now: Mapping[str, Count], since: float, lines: Lines
) -> None:
    """Mark the callers who waited in a queue at ``since``, ended unseen, and were answered as their queue has counted.

    Only where the counts leave no doubt: everybody who left that queue was answered. Else nothing is said.
    """
    ended = [c for c in channels if c.unseen_end and not c.restarted and c.gone_at == since]
    for queue in now.keys() & before.keys():
        was, count = before[queue], now[queue]
        waited = [c for c in ended if _waited(c, queue)]
        answered = count.completed - was.completed - sum(1 for c in ended if _talked(c, queue))
        if not waited or count.abandoned != was.abandoned or answered < len(waited):
            continue
        members = [member for member, taken in count.taken.items() if taken > was.taken.get(member, 0)]
        who = lines.extension(members[0].partition("/")[2]) if len(members) == len(waited) == 1 else None
        for channel in waited:
            channel.answered_unseen, channel.answered_unseen_by = True, who
            channel.stays[-1].connected = since


def _waited(channel: Channel, queue: str) -> bool:
    stay = channel.stays[-1] if channel.stays else None
    return stay is not None and stay.queue == queue and stay.left == channel.gone_at and stay.connected is None


def _talked(channel: Channel, queue: str) -> bool:
    talks_at_the_end = any(t.ended == channel.gone_at for t in channel.talks)
    return talks_at_the_end and any(s.queue == queue and s.connected is not None for s in channel.stays)
