"""What Asterisk writes is in order; whatever a caller makes of it is told."""

from __future__ import annotations

import pytest
from blocks import decode, event

from asterisk_missed.ami.shapes import SNAPSHOT, Shapes, shape_faults
from asterisk_missed.ami.wire import Message

DIAL = (
    event("DialBegin") + b"\r\n" + b"\r\n".join(f"Dest{name}: y".encode() for name in SNAPSHOT) + b"\r\nDialString: 1"
)


@pytest.mark.parametrize(
    "raw",
    [
        event("Newchannel"),
        event("Newchannel", first="Privilege: call,all\r\nTimestamp: 1.2\r\nSystemName: pbx"),
        event("Newchannel", "ChanVariable: A=1", "ChanVariable: B=2"),
        event("CoreShowChannel", "Application: Dial", "Duration: 00:00:01", first="ActionID: am-1"),
        event("Status", "Type: PJSIP", "ActionID: am-1", first="Privilege: Call"),
        event(
            "BridgeEnter", "SwapUniqueid: 1.2", first="Privilege: call,all\r\nBridgeUniqueid: b\r\nBridgeType: basic"
        ),
        event("Hangup", "Cause: 16", "TechCause: SIP 404"),
        event("UnheardOf"),
        DIAL,
        b"Event: AgentComplete\r\nPrivilege: agent,all\r\nQueue: sales",
        b"Event: VarSet\r\nPrivilege: dialplan,all\r\nVariable: GLOBAL\r\nValue: 1",
        b"Event: QueueEntry\r\nQueue: q\r\nPosition: 1\r\nChannel: c\r\nUniqueid: 1\r\nCallerIDNum: 1\r\nCallerIDName: x\r\n"
        b"ConnectedLineNum: 1\r\nConnectedLineName: x\r\nWait: 3\r\nPriority: 0\r\nActionID: am-1",
    ],
)
def test_what_asterisk_writes_is_in_order(raw: bytes) -> None:
    assert Message(raw).faults == ()


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        (b"CallerIDName: x", {"no_name"}),
        (b"Uniqueid: 1.1\r\nLinkedid: 1.1", {"no_name", "torn"}),
        (event("UnheardOf", number="1\r\nFoo: 1"), {"torn"}),
        (b"Response: Success\r\nActionID: am-1\r\nLinkedid: 1.1", {"torn"}),
        (b"Event: X\r\nno header", {"no_colon"}),
        (b"Event: X\r\n: no name", {"no_colon"}),
        (b"Event: X\r\nA: 1\r\nA: 2", {"twice"}),
        (b"Response: Success\r\nEvent: X\r\nResponse: Error", {"twice"}),
        (b"Event: X\r\nA: 1\t2", {"control"}),
        (b"Event: X\r\nA: 1\x7f2", {"control"}),
        (b"Event: X\r\nA: 1\r2", {"control"}),
        (event("Newchannel", number="1\n2"), {"control"}),
        (event("Newchannel").rpartition(b"\r\n")[0], {"torn"}),
        (event("Newchannel", "Uniqueid: 2.2"), {"twice", "torn"}),
        (event("Newchannel", "DestUniqueid: 2.2"), set()),
        (event("DialBegin"), {"torn"}),
        (DIAL.replace(b"DestLinkedid", b"DestLinked"), {"torn"}),
        (event("Newchannel", first="Uniqueid: 9.9"), {"twice", "torn"}),
        (event("Newchannel", first="Channel: forged"), {"twice", "torn"}),
        (event("Newchannel", first="Foo: bar"), {"torn"}),
        (event("BridgeEnter", first="Foo: bar"), {"torn"}),
        (b"Event: QueueEntry\r\nQueue: q\r\nPosition: 1\r\nChannel: c\r\nUniqueid: 1\r\nCallerIDNum: 1", {"torn"}),
        (b"Event: VarSet\r\nPrivilege: dialplan,all\r\nUniqueid: 1\r\nVariable: A\r\nValue: 1", {"torn"}),
        (b"Event: Hangup", {"torn"}),
    ],
)
def test_what_asterisk_does_not_write_is_told(raw: bytes, faults: set[str]) -> None:
    assert set(Message(raw).faults) == faults
    assert set(Message(raw).faults) == faults  # and again, when shapes have been learned


@pytest.mark.parametrize(
    "number",
    [
        "1\r\nUniqueid: 9.9",
        "1\r\n",
        "1\r\n\r\n",
        "1\r\n\r\nEvent: Hangup\r\nUniqueid: 9.9",
        "1\r\n\r\nEvent: Hangup\r\nUniqueid: 9.9\r\nLinkedid: 9.9\r\nCause: 16\r\n\r\n",
        "1\r\n\r\nEvent: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/1\r\nUniqueid: 9",
        "1\r\n\r\nEvent: Newchannel\r\nChannel: a\r\nChannelState: 4\r\nCallerIDNum: 2",
        "1\r\n\r\nResponse: Success\r\nActionID: guess",
        "1\r\nChannelStateDesc: Up\r\nCallerIDNum: 2",
        "1\t2",
    ],
)
@pytest.mark.parametrize("name", ["Newchannel", "Hangup", "BridgeEnter", "Newexten"])
def test_a_number_with_line_ends_leaves_no_block_in_order_but_strangers(name: str, number: str) -> None:
    """Whatever the caller sends: the block of the genuine head has a fault, and what follows counts for nothing."""
    messages = decode(event(name, "Cause: 16", number=number) + b"\r\n\r\n")
    assert messages[0].faults
    assert messages[0].head()["Channel"] == "x"
    assert set(messages[0].head()) == {"Event", "Privilege", "Channel", "ChannelState", "ChannelStateDesc"}
    assert all(m.faults for m in messages if m.name)
    assert all(m.faults for m in messages if m.get("Uniqueid"))


def test_the_head_is_what_was_printed_before_the_caller_spoke() -> None:
    raw = event("BridgeEnter", first="Privilege: call,all\r\nBridgeUniqueid: b").replace(
        b"Channel: x", b"Channel: c", 1
    )
    assert Message(raw).head() == {
        "Event": "BridgeEnter",
        "Privilege": "call,all",
        "BridgeUniqueid": "b",
        "Channel": "c",
        "ChannelState": "x",
        "ChannelStateDesc": "x",
    }


def test_a_flood_of_invented_shapes_is_not_remembered() -> None:
    shapes = Shapes()
    for i in range(1000):
        raw = f"Event: E{i}\r\nA: 1".encode()
        shapes.learn(f"E{i}", ("Event", "A"), raw)
        shapes.learn("E0", ("Event", f"B{i}"), f"Event: E0\r\nB{i}: 1".encode())
    assert sum(len(shapes.of(f"E{i}")) for i in range(1000)) <= Shapes.EVENTS + Shapes.PER_EVENT
    assert shape_faults("X", ("Event",)) == ()
