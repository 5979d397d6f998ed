"""The wire: bytes <-> AMI messages, whole blocks at a time. Any cut of the stream gives the same messages.

Touches no socket, no clock and no log, and decides nothing about calls. AMI prints a caller's number as the caller sent
it, line ends included, so that a block may be cut in two or hold headers that Asterisk never wrote. Here nothing is
mended: a `Message` tells in ``faults`` in what it differs from what Asterisk writes, and `Message.head` is what stands
before the caller's bytes.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .shapes import Shape, Shapes, shape_faults

EOL = b"\r\n"
END = b"\r\n\r\n"
_SURPLUS = b"\r\n\r\n\r\n"
BANNER = b"Asterisk Call Manager/"

# The longest block that is kept, in bytes. The longest of Asterisk's own are answers to Command (a whole dialplan is
# some 100 KiB); what is longer is no event, and must not fill the memory.
LONGEST_BLOCK = 256 * 1024
# A banner is some 30 bytes: what has no line end by then is none.
LONGEST_BANNER = 100

# An action: Asterisk silently breaks a line of 1,023 bytes or more and a 129th header.
LONGEST_LINE = 1000
MOST_HEADERS = 100

_NOT_CONTROL = bytes(b for b in range(256) if b >= 0x20 and b != 0x7F)
_SHAPES = Shapes()


class Message:
    """One AMI block, as it was sent: read when it is asked for, and never changed.

    ``name`` is the event's name, '' for what is no event. Header names keep the case in which they were sent. Values are
    text; bytes that are no UTF-8 become U+FFFD. Of a header that is there twice the first value counts: what Asterisk
    wrote itself stands before what a caller may have put in; `all` gives every value.
    """

    __slots__ = ("_faults", "_headers", "_shape", "_values", "name", "raw")
    _shape: Shape  # with _values: the block is in order, and this is how it is read

    def __init__(self, raw: bytes) -> None:
        """``raw``: the block without the empty line that ends it."""
        self.raw = raw
        self.name = ""
        if raw[:7] == b"Event: ":
            end = raw.find(EOL, 7)
            name = raw[7:end] if end >= 0 else raw[7:]
            self.name = _SHAPES.names.get(name) or name.decode("utf-8", "replace")
        self._values: re.Match[bytes] | None = None
        self._headers: dict[str, str] | None = None
        self._faults: tuple[str, ...] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Header to value. Not to be changed."""
        self._read()
        if self._headers is None:
            self._headers = {name: self.get(name) for name in self._shape.places}
        return self._headers

    def _read(self) -> None:
        """Find out the block's shape, or take it line by line."""
        if self._values is not None or self._headers is not None:
            return
        for shape in _SHAPES.of(self.name):
            values = shape.match(self.raw)
            if values is not None:
                self._shape, self._values, self._faults = shape, values, ()
                return
        headers: dict[str, str] = {}
        names = []
        for name, value in self._pairs():
            names.append(name)
            if name is not None:
                headers.setdefault(name, value)
        self._headers = headers
        self._faults = shape_faults(self.name, tuple(names)) + self._control(EOL * (len(names) - 1))
        if self.name and not self._faults:
            _SHAPES.learn(self.name, tuple(map(str, names)), self.raw)

    def _pairs(self) -> Iterator[tuple[str | None, str]]:
        """Header and value of each line; None for the name of a line that is no header."""
        for line in self.raw.decode("utf-8", "replace").split("\r\n"):
            name, colon, value = line.partition(": ")
            if not colon:
                name, colon, value = line.partition(":")
            yield (name, value) if colon and name else (None, line)

    def _control(self, line_ends: bytes) -> tuple[str, ...]:
        return () if self.raw.translate(None, _NOT_CONTROL) == line_ends else ("control",)

    def get(self, key: str, default: str = "") -> str:
        """The value of a header."""
        values = self._values
        if values is None:
            self._read()
            values = self._values
        if values is None:
            return self.headers.get(key, default)
        place = self._shape.places.get(key)
        return default if place is None else values[place].decode("utf-8", "replace")

    def says(self, key: str, words: frozenset[bytes]) -> bool:
        """Whether the value of a header is one of these words."""
        if self._values is None:
            self._read()
        if self._values is None:
            return self.headers.get(key, "").encode() in words
        place = self._shape.places.get(key)
        return place is not None and self._values[place] in words

    def __getitem__(self, key: str) -> str:
        return self.headers[key]

    def __contains__(self, key: object) -> bool:
        self._read()
        return key in (self._shape.places if self._values is not None else self.headers)

    def all(self, key: str) -> tuple[str, ...]:
        """Every value of a header that may repeat (Variable, ChanVariable, Output), in order."""
        return tuple(value for name, value in self._pairs() if name == key)

    @property
    def action_id(self) -> str:
        """The ActionID that an answer or a list event repeats; '' for none. Cheap where there is none."""
        return self.get("ActionID") if b"\r\nActionID:" in self.raw else ""

    @property
    def is_response(self) -> bool:
        return self.raw.startswith(b"Response:")

    @property
    def success(self) -> bool:
        """A response that says yes."""
        return self.is_response and self.get("Response") in ("Success", "Goodbye")

    @property
    def output(self) -> tuple[str, ...]:
        """The lines that Command printed. (Source: Asterisk 14 and later.)"""
        return self.all("Output")

    @property
    def faults(self) -> tuple[str, ...]:
        """In what this differs from what Asterisk writes; () for a block in order.

        ``no_name``: neither an event nor a response. ``no_colon``: a line is no header. ``twice``: a header is there
        twice that may not be. ``control``: a control byte, a lone CR or LF included. ``torn``: an event of a channel
        whose headers are not the known ones in their known order; most often its tail (Uniqueid and Linkedid) is
        missing, or belongs to another block's head.
        """
        if self._faults is None:
            self._read()
        return self._faults or ()

    def head(self) -> dict[str, str]:
        """The headers that Asterisk printed before it came to the caller's bytes.

        Of a channel event: Event, Privilege, Timestamp, Channel, ChannelState, ChannelStateDesc, and those of the
        bridge. They are to be trusted in so far as the block began where Asterisk began one, which only the blocks
        before it can tell.
        """
        head: dict[str, str] = {}
        for name, value in self._pairs():
            if name is None or name in head or name.endswith("CallerIDNum"):
                break
            head[name] = value
        return head

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"<Message {self.raw[:60]!r}, {len(self.raw)} bytes>"


class Decoder:
    """A stream of bytes -> messages.

    ``banner``: the greeting (``Asterisk Call Manager/11.0.0``) if the stream began with one, '' before and otherwise;
    ``greeted``: whether that is known by now. ``dropped``: blocks over `LONGEST_BLOCK`, which are left out.
    """

    def __init__(self) -> None:
        self.banner = ""
        self.greeted = False
        self.dropped = 0
        self._rest = bytearray()  # a block that has begun
        self._skipping = False  # it is over-long: its end is looked for, and nothing else

    def feed(self, data: bytes) -> list[Message]:
        """The messages that end in ``data``, which goes on where the last left off."""
        if not self.greeted:
            self._rest += data
            if not self._greet():
                return []
            data, self._rest = bytes(self._rest), bytearray()
        if self._rest:
            seen = max(0, len(self._rest) - len(END) + 1)
            self._rest += data
            if self._rest.find(END, seen) < 0:
                self._bound()
                return []
            data, self._rest = bytes(self._rest), bytearray()
        blocks = data.split(END)
        self._rest += blocks.pop()
        if blocks and self._skipping:
            self._skipping = False
            del blocks[0]
        if len(data) > LONGEST_BLOCK or _SURPLUS in data or data[:2] == EOL:
            blocks = [self._trim(block) for block in blocks]
        self._bound()
        return [Message(block) for block in blocks if block]

    def _greet(self) -> bool:
        """Take the banner off; False while it may still come."""
        head = bytes(self._rest[: len(BANNER)])
        if BANNER.startswith(head) and len(head) < len(BANNER):
            return False
        if head == BANNER:
            end = self._rest.find(EOL, 0, LONGEST_BANNER)
            if end < 0 and len(self._rest) < LONGEST_BANNER:
                return False
            if end >= 0:
                self.banner = self._rest[:end].decode("ascii", "replace")
                del self._rest[: end + len(EOL)]
        self.greeted = True
        return True

    def _trim(self, block: bytes) -> bytes:
        """The block without the surplus line end before it (TestEvent ends in one too many); b'' for none."""
        if len(block) > LONGEST_BLOCK:
            self.dropped += 1
            return b""
        return block[2:] if block[:2] == EOL else block

    def _bound(self) -> None:
        """Forget the beginning of a block that is too long whatever comes next."""
        if len(self._rest) <= LONGEST_BLOCK + len(END) - 1:
            return
        if not self._skipping:
            self._skipping = True
            self.dropped += 1
        del self._rest[: -len(END) + 1]


_KEY = re.compile(r"[A-Za-z0-9_()-]+")
_OURS = frozenset({"action", "actionid"})


@dataclass(frozen=True)
class Action:
    """What we ask of Asterisk. A header may repeat (Variable) where ``headers`` is a sequence of pairs.

    ValueError for whatever Asterisk would read as something else than one header: a control character, a name with
    other letters than `A-Z a-z 0-9 _ ( ) -`, a line of 1,000 bytes or more, more than 100 headers.
    """

    name: str
    headers: Sequence[tuple[str, str]] | Mapping[str, str] = ()

    def __post_init__(self) -> None:
        pairs = self.headers.items() if isinstance(self.headers, Mapping) else self.headers
        object.__setattr__(self, "headers", tuple((key, value) for key, value in pairs))
        self._lines("")

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The headers in order."""
        return tuple(self.headers)  # type: ignore[arg-type]

    def get(self, key: str, default: str = "") -> str:
        """The first value of a header; AMI does not look at the case of its name."""
        return next((value for name, value in self.pairs if name.lower() == key.lower()), default)

    def encode(self, action_id: str) -> bytes:
        """The block as it is sent, its empty line included."""
        return EOL.join([*self._lines(action_id), b"", b""])

    def _lines(self, action_id: str) -> list[bytes]:
        if len(self.pairs) + 2 > MOST_HEADERS:
            raise ValueError(f"action {self.name}: {len(self.pairs) + 2} headers, at most {MOST_HEADERS} are sent")
        for key, _ in self.pairs:
            if key.lower() in _OURS:
                raise ValueError(f"action {self.name}: header {key} is the link's own")
        if not self.name:
            raise ValueError("action: it has no name")
        return [_line(self.name, *pair) for pair in (("Action", self.name), ("ActionID", action_id), *self.pairs)]

    def __repr__(self) -> str:
        return f"Action({self.name!r}, {len(self.pairs)} headers)"  # a log-in's hold the secret


def _line(action: str, key: str, value: str) -> bytes:
    if not _KEY.fullmatch(key):
        raise ValueError(f"action {action[:40]!r}: header {key[:40]!r}: not a header's name")
    line = f"{key}: {value}".encode("utf-8", "surrogatepass")
    if line.translate(None, _NOT_CONTROL):
        raise ValueError(f"action {action[:40]!r}: header {key[:40]}: a control character")
    if len(line) >= LONGEST_LINE:
        raise ValueError(
            f"action {action[:40]!r}: header {key[:40]}: {len(line)} bytes, fewer than {LONGEST_LINE} are sent"
        )
    return line


def new_action_id() -> str:
    """A name for one action that no one can guess: 64 random bits."""
    return "am-" + secrets.token_hex(8)


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def unescape(text: str) -> str:
    r"""The name that AMI wrote as ``ООО \"Ромашка\"``: CallerIDName and ConnectedLineName are C-escaped, numbers are not.

    What comes out may hold control characters, as the caller sent them. (Source: main/utils.c, ast_escape_c.)
    """
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text)
