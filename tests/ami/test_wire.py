"""Bytes and messages: any cut gives the same, what is odd is told, what is sent is one block."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from blocks import decode, event
from hypothesis import given
from hypothesis import strategies as st

from asterisk_missed.ami import wire
from asterisk_missed.ami.wire import Action, Decoder, Message, new_action_id, unescape

TRANSCRIPTS = sorted((Path(__file__).parent.parent / "transcripts").glob("*.ami"))


def by_lines(raw: bytes) -> dict[str, str]:
    """A block as the simplest reader sees it."""
    headers: dict[str, str] = {}
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(": ")
        headers.setdefault(key, value)
    return headers


# --- recordings


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_recording_of_a_real_pbx_has_no_fault(path: Path) -> None:
    decoder = Decoder()
    messages = decoder.feed(path.read_bytes())
    assert decoder.banner == "Asterisk Call Manager/11.0.0"
    assert decoder.dropped == 0
    assert len(messages) == len(path.with_suffix(".times").read_text().splitlines())
    assert [(m.raw[:60], m.faults) for m in messages if m.faults] == []


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_known_shape_is_read_as_line_by_line(path: Path) -> None:
    for message in decode(path.read_bytes()):
        expected = by_lines(message.raw)
        assert {key: message.get(key) for key in expected} == expected
        assert message.headers == expected
        assert message["Event" if message.name else "Response"] == expected["Event" if message.name else "Response"]


# --- any cut

hostile = st.sampled_from(
    [b"\r\n\r\n", b"\r\n", b"\r", b"\n", b": ", b":", b"Event: Hangup", b"Response: Success", b"Channel: x", b"\xd0",
     b"\xff", b"", b"Asterisk Call Manager/", "ООО".encode(), event("Newchannel"), b"x" * 300]
)  # fmt: skip
streams = st.lists(hostile | st.binary(max_size=12), max_size=40).map(b"".join)


@given(streams, st.lists(st.integers(0, 2000), max_size=30), st.booleans())
def test_any_cut_gives_the_same_messages(stream: bytes, cuts: list[int], banner: bool) -> None:
    stream = b"Asterisk Call Manager/11.0.0\r\n" + stream if banner else stream
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    pieces = [stream[a:b] for a, b in pairwise(places)]
    whole, cut = Decoder(), Decoder()
    expected = whole.feed(stream)
    got = [message for piece in pieces for message in cut.feed(piece)]
    assert [m.raw for m in got] == [m.raw for m in expected]
    assert (cut.banner, cut.greeted, cut.dropped) == (whole.banner, whole.greeted, whole.dropped)


@given(streams, st.integers(20, 300))
def test_a_bytewise_stream_drops_the_same_long_blocks(stream: bytes, longest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "LONGEST_BLOCK", longest)
        whole, bytewise = Decoder(), Decoder()
        expected = whole.feed(stream)
        got = [m for i in range(len(stream)) for m in bytewise.feed(stream[i : i + 1])]
    assert got == expected
    assert bytewise.dropped == whole.dropped
    assert all(len(m.raw) <= longest for m in got)


@given(streams)
def test_no_bytes_make_a_message_fail(stream: bytes) -> None:
    for message in decode(stream):
        message.head()
        assert message.faults == Message(message.raw).faults
        assert set(message.headers) == {key for key in message.headers if key in message}
        assert {key: message.get(key) for key in message.headers} == message.headers
        assert all(value == message.all(key)[0] for key, value in message.headers.items())
        assert (message.action_id, message.success, message.output) is not None


@given(st.lists(st.tuples(st.sampled_from(["A", "B-b", "C"]), st.binary(max_size=8)), max_size=4))
def test_the_fast_way_and_the_slow_way_read_the_same(pairs: list[tuple[str, bytes]]) -> None:
    raw = b"\r\n".join([b"Event: Odd", *(key.encode() + b": " + value for key, value in pairs)])
    first = Message(raw)
    first.headers  # noqa: B018  the shape is learned here if it is in order
    again = Message(raw)
    assert (again.headers, again.faults) == (first.headers, first.faults)


def test_a_letter_cut_in_two_is_whole_again() -> None:
    raw = event("Newchannel", "X: Ромашка") + b"\r\n\r\n"
    place = raw.index("ш".encode()) + 1
    assert decode(raw[:place], raw[place:])[0].get("X") == "Ромашка"


# --- the stream


def test_the_banner_is_no_message_and_the_first_block_follows_it_at_once() -> None:
    decoder = Decoder()
    assert decoder.feed(b"Asterisk Call Man") == []
    assert not decoder.greeted
    (message,) = decoder.feed(b"ager/5.0.6\r\nResponse: Success\r\n\r\n")
    assert decoder.banner == "Asterisk Call Manager/5.0.6"
    assert message.success


@pytest.mark.parametrize("stream", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"A" * 30, b"\0"])
def test_a_stranger_is_known_by_its_greeting(stream: bytes) -> None:
    decoder = Decoder()
    decoder.feed(stream)
    assert decoder.greeted
    assert decoder.banner == ""


def test_a_banner_without_an_end_is_none() -> None:
    decoder = Decoder()
    decoder.feed(b"Asterisk Call Manager/" + b"1" * 200)
    assert decoder.greeted
    assert decoder.banner == ""


def test_empty_blocks_and_the_line_end_too_many_of_a_testevent_are_passed_over() -> None:
    messages = decode(b"\r\n\r\n\r\n\r\nEvent: A\r\nX: 1\r\n\r\n\r\nEvent: B\r\n\r\n")
    assert [message.name for message in messages] == ["A", "B"]


def test_a_block_too_long_is_left_out_and_counted_and_the_next_is_whole() -> None:
    long = b"Event: Long\r\nX: " + b"x" * wire.LONGEST_BLOCK + b"\r\n\r\n"
    for size in (len(long) + 100, 65536, 1000):
        stream = b"Event: A\r\n\r\n" + long + b"Event: B\r\n\r\n"
        decoder = Decoder()
        names = [m.name for i in range(0, len(stream), size) for m in decoder.feed(stream[i : i + size])]
        assert (names, decoder.dropped) == (["A", "B"], 1)


@pytest.mark.parametrize(("more", "dropped"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_the_longest_block_is_kept_wherever_its_end_is_cut(cut: int, more: int, dropped: int) -> None:
    block = b"Event: Long\r\nX: ".ljust(wire.LONGEST_BLOCK + more, b"x")
    decoder = Decoder()
    messages = decoder.feed(block + wire.END[:cut]) + decoder.feed(wire.END[cut:])
    assert (len(messages), decoder.dropped) == (1 - dropped, dropped)


# --- one message


def test_the_headers_of_an_event() -> None:
    (message,) = decode(event("Hangup", "Cause: 16", "Cause-txt: Normal Clearing", "Forward:") + b"\r\n\r\n")
    assert message.name == "Hangup"
    assert message.get("Cause-txt") == "Normal Clearing"
    assert message["AccountCode"] == ""
    assert message.get("Forward", "?") == ""
    assert message.get("Nothing", "?") == "?"
    assert "Cause" in message
    assert "cause" not in message
    assert not message.is_response
    assert message.faults == ()


def test_exactly_one_space_is_taken_from_a_value() -> None:
    message = Message(b"Event: X\r\nA:  two\r\nB:none\r\nC: a: b\r\nD: ")
    assert [message.get(key) for key in "ABCD"] == [" two", "none", "a: b", ""]
    assert message.faults == ()


def test_only_crlf_ends_a_line() -> None:
    message = Message("Event: X\r\nA: 1\x0b2\x0c3\x1c4\x85 5\u2028 6\n7\r8".encode())
    assert list(message.headers) == ["Event", "A"]
    assert message.faults == ("control",)


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert Message(b"Event: X\r\nCallerIDName: \xd0\xff").get("CallerIDName") == "\ufffd\ufffd"


def test_repeated_headers_are_all_there() -> None:
    message = Message(b"Event: Newchannel\r\nVariable: a\r\nVariable: b")
    assert message.all("Variable") == ("a", "b")
    assert message.get("Variable") == "a"
    assert "twice" not in message.faults


def test_of_a_repeated_header_the_first_counts_however_often_it_is_read() -> None:
    for _ in range(3):  # once its shape is known it is read another way
        message = Message(b"Event: Repeats\r\nVariable: a\r\nVariable: b")
        assert (message.get("Variable"), message.headers["Variable"]) == ("a", "a")


def test_an_answer_to_command_has_lines() -> None:
    message = Message(
        b"Response: Success\r\nActionID: am-1\r\nMessage: Command output follows\r\nOutput: a\r\nOutput: "
    )
    assert message.output == ("a", "")
    assert message.success
    assert message.action_id == "am-1"
    assert message.name == ""
    assert message.faults == ()


@pytest.mark.parametrize(("word", "success"), [("Success", True), ("Goodbye", True), ("Error", False), ("", False)])
def test_which_responses_say_yes(word: str, success: bool) -> None:
    assert Message(f"Response: {word}\r\nActionID: 1".encode()).success is success


def test_an_event_with_a_response_header_is_no_response() -> None:
    message = Message(b"Event: OriginateResponse\r\nPrivilege: call,all\r\nActionID: am-1\r\nResponse: Success")
    assert not message.is_response
    assert not message.success


# --- names


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"ООО \"Ромашка\"", 'ООО "Ромашка"'),
        (r"O\'Neill", "O'Neill"),
        (r"a\\b", r"a\b"),
        (r"a\\nb", r"a\nb"),
        (r"a\tb\nc", "a\tb\nc"),
        (r"a\qb", "aqb"),
        ("end\\", "end\\"),
        ("plain", "plain"),
    ],
)
def test_a_name_is_read_as_it_was_meant(written: str, meant: str) -> None:
    assert unescape(written) == meant


# --- what is sent


def test_an_action_is_one_block() -> None:
    action = Action("Originate", [("Channel", "Local/1@x/n"), ("Variable", "A=1"), ("Variable", "B=2")])
    assert action.encode("am-1") == (
        b"Action: Originate\r\nActionID: am-1\r\nChannel: Local/1@x/n\r\nVariable: A=1\r\nVariable: B=2\r\n\r\n"
    )
    assert Action("Ping", {"X": "1"}) == Action("Ping", [("X", "1")])
    assert action.get("channel") == "Local/1@x/n"


@given(st.text(max_size=50), st.text(max_size=50), st.text(max_size=50))
def test_whatever_is_sent_has_as_many_lines_as_headers(name: str, key: str, value: str) -> None:
    try:
        raw = Action(name, [(key, value)]).encode(new_action_id())
    except ValueError:
        return
    assert raw.endswith(b"\r\n\r\n")
    assert len(raw[:-4].split(b"\r\n")) == 3
    assert not raw.replace(b"\r\n", b"").translate(None, wire._NOT_CONTROL)


@pytest.mark.parametrize("char", [chr(i) for i in (*range(32), 127)])
def test_no_control_character_is_sent(char: str) -> None:
    with pytest.raises(ValueError, match=r"Exten.*control"):
        Action("Originate", [("Exten", f"1{char}2")])
    with pytest.raises(ValueError, match="not a header's name"):
        Action("Originate", [(f"Ex{char}ten", "1")])
    with pytest.raises(ValueError, match="control"):
        Action(f"Ping{char}", [])
    with pytest.raises(ValueError, match="control"):
        Action("Ping").encode(f"am{char}")


@pytest.mark.parametrize("key", ["", "A B", "A:", "Ключ", "ActionID", "action"])
def test_no_other_header_names_are_sent(key: str) -> None:
    with pytest.raises(ValueError, match="action"):
        Action("Ping", [(key, "1")])


def test_lines_and_actions_too_long_for_asterisk_are_refused() -> None:
    assert Action("Ping", [("X", "я" * 498)])  # 999 bytes
    with pytest.raises(ValueError, match="X: 1001 bytes"):
        Action("Ping", [("X", "я" * 499)])
    assert Action("Ping", [("X", "1")] * 98)
    with pytest.raises(ValueError, match="101 headers"):
        Action("Ping", [("X", "1")] * 99)


def test_an_action_shows_no_secret() -> None:
    assert "hidden" not in repr(Action("Login", [("Secret", "hidden")]))


def test_action_ids_are_random() -> None:
    ids = {new_action_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(i) <= 40 and len(i.partition("-")[2]) == 16 for i in ids)
