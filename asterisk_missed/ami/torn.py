r"""Events that a caller has torn, put together again. Pure: messages in, messages out.

AMI prints a caller's number as it came, line ends included: an event may be cut in two, with blocks between its halves
that Asterisk never wrote. What stands before the caller's bytes (the event, its channel, that channel's state) and what
stands after them (Uniqueid, Linkedid, the event's own headers) is Asterisk's; the rest is one value, and is written here
as one: with its control characters escaped, so that no reader takes it for a number that can be called.

Measured: nothing of Asterisk's own stands between the halves. A number has at most 79 bytes with chan_pjsip; chan_sip cuts
none, so that whole events fit into one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from .shapes import prefixes
from .wire import Message

# More bytes than this between head and tail are not one caller's number: what was taken for a head was none. A SIP packet
# has at most 65,535, and an event of two channels prints the number twice.
LONGEST_TEAR = 128 * 1024
# So many tails are tried for one head: each is a whole one that the caller has written.
MOST_TAILS = 50

_TEAR = frozenset(("no_name", "no_colon", "twice", "torn"))
_LINE = re.compile(r"[A-Za-z][A-Za-z0-9_()-]*: ?[^\r\n]*")
_RUN = ("Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid")
_BLOCK_END = "\r\n\r\n"


class Mender:
    """Takes every message of one connection, in order.

    ``belongs(channel name, Uniqueid)`` says whether that Uniqueid is unknown or that channel's: a caller may have written
    one of his own choice. ``held`` are the blocks of an event whose tail has not come; ``dropped`` counts the blocks that
    Asterisk never wrote, or that nothing can be made of.
    """

    def __init__(self, belongs: Callable[[str, str], bool]) -> None:
        self.dropped = 0
        self._belongs = belongs
        self.held: list[Message] = []
        self._since = 0.0

    def take(self, message: Message, at: float) -> Sequence[Message]:
        """The messages that are in order by now; most often the one that came. ``at``: unix seconds."""
        if not self.held and self._whole(message):
            return (message,)
        return list(self._take(message, at))

    def give_up(self, before: float) -> Sequence[Message]:
        """What was held since before that moment is not waited for any longer: the tail of a torn event comes at once."""
        if not self.held or self._since >= before:
            return ()
        return list(self._release(before))

    def forget(self) -> None:
        """The connection is lost, and what was half told with it."""
        self.dropped += len(self.held)
        self.held.clear()

    def _take(self, message: Message, at: float) -> Iterator[Message]:
        whole = self._whole(message)
        if not self.held:
            if whole:
                yield message
            elif message.name == "QueueEntry":  # all that counts of it stands before the caller's bytes
                yield _of_lines(f"{name}: {value}" for name, value in message.head().items())
            elif _begun(message) is not None:
                self._since = at
                yield from self._join(message)
            else:
                self.dropped += 1
        elif whole:
            # Nobody's tail. If it is Asterisk's own, what is held was no head; if it is the caller's, it goes with him.
            if message.get("Channel") == self.held[0].head().get("Channel"):
                yield from self._release(at)
                yield message
            else:
                yield from self._hold(message, at)
        else:
            yield from self._join(message)
            if self.held:
                yield from self._bound(at)

    def _whole(self, message: Message) -> bool:
        """Nothing shows that a caller had a hand in it; not even that it speaks of a channel by another one's name."""
        if message.faults and not _TEAR.isdisjoint(message.faults):
            return False
        uniqueid, name = message.get("Uniqueid"), message.get("Channel")
        return not uniqueid or not name or self._belongs(name, uniqueid)

    def _join(self, message: Message) -> Iterator[Message]:
        self.held.append(message)
        mended = _joined(self.held, self._belongs)
        if mended is not None:
            self.dropped += len(self.held) - 1
            self.held.clear()
            yield mended

    def _hold(self, message: Message, at: float) -> Iterator[Message]:
        self.held.append(message)
        yield from self._bound(at)

    def _bound(self, at: float) -> Iterator[Message]:
        if sum(len(block.raw) for block in self.held[1:]) > LONGEST_TEAR:
            yield from self._release(at)

    def _release(self, at: float) -> Iterator[Message]:
        """The first block was no head: let it go, and look at the others again."""
        self.dropped += 1
        others, self.held = self.held[1:], []
        for message in others:
            yield from self._take(message, at)


def _begun(message: Message) -> str | None:
    """The prefix of the channel in whose headers the caller's bytes begin; None where Asterisk wrote no such beginning."""
    names = list(message.head())[-3:]
    if not message.name or len(names) < 3 or not names[0].endswith("Channel"):
        return None
    prefix = names[0].removesuffix("Channel")
    return prefix if names[1:] == [f"{prefix}ChannelState", f"{prefix}ChannelStateDesc"] else None


def _joined(blocks: Sequence[Message], belongs: Callable[[str, str], bool]) -> Message | None:
    """The event that these blocks are the halves of; None while its tail has not come."""
    text = _BLOCK_END.join(block.raw.decode("utf-8", "replace") for block in blocks)
    speaks_of = prefixes(blocks[0].name) or {str(_begun(blocks[0])): True}
    lines = _parsed(text, 0, speaks_of, belongs)
    return _of_lines(lines) if lines is not None else None


def _parsed(
    text: str, place: int, speaks_of: Mapping[str, bool], belongs: Callable[[str, str], bool]
) -> list[str] | None:
    """The lines from ``place`` on, once the channels that the event speaks of are whole; None where they are not.

    A caller's bytes may hold tails of his own, behind each place where his number stands: the last one that leaves the rest
    whole is Asterisk's.
    """
    begun = _next_head(text, place, speaks_of)
    if begun is None:
        own = _LINE.findall(text[place:].split(_BLOCK_END)[0])
        own_lines = list({line.partition(":")[0]: line for line in reversed(own)}.values())
        return own_lines if not any(speaks_of.values()) else None
    prefix, head = begun
    others = {name: must for name, must in speaks_of.items() if name != prefix}
    for tail in list(reversed(_tails(text, head, prefix, belongs)))[:MOST_TAILS]:
        rest = _parsed(text, tail.end(), others, belongs)
        if rest is not None:
            return [*_LINE.findall(text[place : head.start()]), *_snapshot(text, head, tail, prefix), *rest]
    return None


def _of_lines(lines: Iterable[str]) -> Message:
    return Message("\r\n".join(lines).encode())


def _next_head(text: str, place: int, wanted: Iterable[str]) -> tuple[str, re.Match[str]] | None:
    found = [(prefix, _patterns(prefix)[0].search(text, place)) for prefix in wanted]
    heads = [(prefix, head) for prefix, head in found if head is not None]
    return min(heads, key=lambda one: one[1].start(), default=None)


def _tails(text: str, head: re.Match[str], prefix: str, belongs: Callable[[str, str], bool]) -> list[re.Match[str]]:
    """All that may be the head's own, in their order."""
    found = _patterns(prefix)[1].finditer(text, head.end())
    return [tail for tail in found if belongs(head["Channel"], tail["Uniqueid"])]


def _snapshot(text: str, head: re.Match[str], tail: re.Match[str], prefix: str) -> list[str]:
    number, _, rest = text[head.end() : tail.start()].rpartition(f"\r\n{prefix}CallerIDName: ")
    name, _, connected = rest.partition(f"\r\n{prefix}ConnectedLineNum: ")
    return [
        *head[0].lstrip("\r\n").split("\r\n")[:-1],
        f"{prefix}CallerIDNum: {_one_line(number)}",
        f"{prefix}CallerIDName: {_one_line(name)}",
        f"{prefix}ConnectedLineNum: {_one_line(connected)}",
        *tail[0].lstrip("\r\n").split("\r\n"),
    ]


@lru_cache
def _patterns(prefix: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Of a snapshot's head, up to the caller's number; of its tail, from after the connected number on."""
    head = (
        rf"(?:\A|\r\n){prefix}Channel: (?P<Channel>[^\r\n]*)\r\n{prefix}ChannelState: [0-9]+\r\n"
        rf"{prefix}ChannelStateDesc: [^\r\n]*\r\n{prefix}CallerIDNum: "
    )
    run = "".join(rf"\r\n{prefix}{name}: (?P<{name}>[^\r\n]*)" for name in _RUN)
    return re.compile(head), re.compile(rf"\r\n{prefix}ConnectedLineName: [^\r\n]*{run}(?=\r\n|\Z)")


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
