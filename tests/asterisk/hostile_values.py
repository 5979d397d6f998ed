"""What callers may show as their number and name, by name. Fixed: a value that once did harm stays.

``{talker}`` and ``{waiter}`` stand for the Uniqueids of two well-behaved callers, ``{talking}`` for the talker's channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OTHER = "1\r\n\r\n"  # a number, and the end of a block


# Events with nothing missing: these do not fit into a number of chan_pjsip's.
_STATE = "ChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: 1\r\nCallerIDName: x\r\nConnectedLineNum: x\r\n"
_PLACE = "ConnectedLineName: x\r\nLanguage: en\r\nAccountCode: \r\nContext: c\r\nExten: 74952000112\r\nPriority: 1\r\n"
WHOLE_NEWCHANNEL = (
    f"{OTHER}Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/trunk-main-fe\r\n{_STATE}{_PLACE}"
    "Uniqueid: 9.6\r\nLinkedid: 9.6\r\n\r\n"
)
WHOLE_HANGUP = (
    f"{OTHER}Event: Hangup\r\nPrivilege: call,all\r\nChannel: {{talking}}\r\n{_STATE}{_PLACE}"
    "Uniqueid: {talker}\r\nLinkedid: {talker}\r\nCause: 16\r\nCause-txt: Normal Clearing"
)


@dataclass(frozen=True)
class Value:
    """A caller. ``name`` None: a name by which the test knows him again. ``asserted``: in P-Asserted-Identity."""

    number: bytes
    name: bytes | None = None
    asserted: bytes | None = None

    def filled(self, known: Mapping[str, str]) -> Value:
        """With what ``{talker}`` and the others stand for."""
        return Value(
            _filled(self.number, known),
            self.name and _filled(self.name, known),
            self.asserted and _filled(self.asserted, known),
        )


def _filled(text: bytes, known: Mapping[str, str]) -> bytes:
    for name, value in known.items():
        text = text.replace(name.encode(), value.encode())
    return text


def _number(text: str | bytes) -> Value:
    return Value(text if isinstance(text, bytes) else text.encode())


def _asserted(text: str) -> Value:
    return Value(b"79169990000", asserted=text.encode())


LINE_ENDS = {
    "a line end": _number("\r\n"),
    "a number and a line end": _number("79160000001\r\n"),
    "a line end and a number": _number("\r\n79160000001"),
    "two numbers": _number("79160000001\r\n79160000002"),
    "an empty line": _number("\r\n\r\n"),
    "a number and an empty line": _number("79160000001\r\n\r\n"),
    "an empty line and a number": _number("\r\n\r\n79160000001"),
    "two empty lines": _number("1\r\n\r\n\r\n\r\n1"),
    "twenty line ends": _number("\r\n" * 20),
    "a lone CR": _number("7916\r0000001"),
    "a lone LF": _number("7916\n0000001"),
    "LF LF": _number("7916\n\n0000001"),
    "CR CR LF": _number("7916\r\r\n0000001"),
    "LF CR": _number("7916\n\r0000001"),
    "a number and CR": _number("79160000001\r"),
    "a number and LF": _number("79160000001\n"),
    "other line ends": _number("7916\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029 0001"),
}

HEADERS = {
    "a header": _number("1\r\nX: 1"),
    "a line without a colon": _number("1\r\nnonsense"),
    "only a colon": _number("1\r\n: "),
    "Uniqueid of the talker": _number("1\r\nUniqueid: {talker}"),
    "Uniqueid and Linkedid of the talker": _number("1\r\nUniqueid: {talker}\r\nLinkedid: {talker}"),
    "Linkedid of the waiter, and an end": _number("1\r\nLinkedid: {waiter}\r\n\r\n"),
    "a number twice": _number("1\r\nCallerIDNum: 79160000001"),
    "a name and a number": _number("1\r\nCallerIDName: x\r\nConnectedLineNum: 79160000001"),
    "Cause": _number("1\r\nCause: 17\r\nTechCause: SIP 486"),
    "ChannelState up": _number("1\r\nChannelState: 6\r\nChannelStateDesc: Up"),
    "ConnectedLineName and on": _number(
        "1\r\nConnectedLineName: x\r\nLanguage: en\r\nAccountCode: \r\nContext: c\r\nExten: s"
    ),
    "a timestamp": _number("1\r\nTimestamp: 9999999999.000000"),
    "a timestamp that is none": _number("1\r\nTimestamp: nan\r\n\r\n"),
    "ActionID": _number("1\r\nActionID: test-CoreStatus"),
}

EVENTS = {
    "Hangup of the talker": _number(OTHER + "Event: Hangup\r\nUniqueid: {talker}\r\n\r\n"),
    "Hangup of the talker's channel": _number("\r\n\r\nEvent: Hangup\r\nChannel: {talking}\r\nUniqueid: {talker}"),
    "Hangup of the waiter": _number(OTHER + "Event: Hangup\r\nUniqueid: {waiter}\r\n\r\n"),
    "BridgeEnter of the waiter": _number(
        OTHER + "Event: BridgeEnter\r\nBridgeUniqueid: b\r\nUniqueid: {waiter}\r\n\r\n"
    ),
    "BridgeLeave of the talker": _number(OTHER + "Event: BridgeLeave\r\nUniqueid: {talker}\r\n\r\n"),
    "BridgeDestroy": _number(OTHER + "Event: BridgeDestroy\r\nBridgeUniqueid: b\r\n\r\n1"),
    "Newchannel": _number("\r\n\r\nEvent: Newchannel\r\nChannel: {talking}\r\nUniqueid: 9.9"),
    "Newchannel on the trunk": _number(
        "\r\n\r\nEvent: Newchannel\r\nChannel: PJSIP/trunk-main-ff\r\nUniqueid: 9.8\r\n\r\n"
    ),
    "Newchannel of an extension": _number("\r\n\r\nEvent: Newchannel\r\nChannel: SIP/101-ff\r\nUniqueid: 9.7\r\n\r\n"),
    "a whole Newchannel": _number(WHOLE_NEWCHANNEL),
    "a whole Hangup of the talker": _number(WHOLE_HANGUP),
    "Rename": _number("\r\n\r\nEvent: Rename\r\nChannel: {talking}\r\nNewname: x\r\n\r\n"),
    "DialBegin": _number(OTHER + "Event: DialBegin\r\nUniqueid: {waiter}\r\nDestUniqueid: 9.5\r\n\r\n"),
    "DialEnd": _number(OTHER + "Event: DialEnd\r\nUniqueid: {waiter}\r\nDialStatus: ANSWER\r\n\r\n"),
    "QueueCallerAbandon": _number(OTHER + "Event: QueueCallerAbandon\r\nQueue: n2\r\nUniqueid: {waiter}\r\n\r\n"),
    "AgentConnect": _number(OTHER + "Event: AgentConnect\r\nQueue: n2\r\nUniqueid: {waiter}\r\n\r\n"),
    "VarSet": _number(OTHER + "Event: VarSet\r\nVariable: DIALSTATUS\r\nValue: ANSWER\r\n\r\n"),
    "Shutdown": _number(OTHER + "Event: Shutdown\r\nShutdown: Cleanly\r\nRestart: False\r\n\r\n"),
    "FullyBooted": _number(OTHER + "Event: FullyBooted\r\nStatus: Fully Booted\r\nUptime: 1\r\n\r\n"),
    "CoreShowChannel": _number("\r\n\r\nEvent: CoreShowChannel\r\nChannel: {talking}\r\nUniqueid: 9.4\r\n\r\n"),
    "CoreShowChannelsComplete": _number(OTHER + "Event: CoreShowChannelsComplete\r\nListItems: 0\r\n\r\n"),
    "QueueStatusComplete": _number(OTHER + "Event: QueueStatusComplete\r\nListItems: 0\r\n\r\n"),
    "QueueParams": _number(OTHER + "Event: QueueParams\r\nQueue: n2\r\nCalls: 99\r\n\r\n"),
    "UserEvent": _number(OTHER + "Event: UserEvent\r\nUserEvent: Missed\r\nUniqueid: {talker}\r\n\r\n"),
    "an event of no name": _number(OTHER + "Event: \r\n\r\nEvent:"),
    "Response: Success": _number(OTHER + "Response: Success\r\nCoreStartupTime: 00:00:00\r\n\r\n1"),
    "Response: Error": _number(OTHER + "Response: Error\r\nMessage: Permission denied\r\n\r\n"),
    "Response: Goodbye": _number(OTHER + "Response: Goodbye\r\n\r\n"),
    "a banner": _number(OTHER + "Asterisk Call Manager/99.0.0\r\n"),
    "the beginning of an event": _number(OTHER + "Event: Hangup\r\nChannel: {talking}"),
    "the name of an event": _number(OTHER + "Event: Hangup"),
    "a head": _number("\r\n\r\nEvent: Hangup\r\nChannel: {talking}\r\nChannelState: 6"),
    "a tail": _number("1\r\nPriority: 1\r\nUniqueid: {talker}\r\nLinkedid: {talker}\r\n\r\n"),
}

NUMBERS = {
    "NUL": _number("7916\x000000001"),
    "a number and NUL": _number("79160000001\x00\r\n"),
    "tabs": _number("7916\t0000001\t"),
    "all controls": _number(bytes(range(1, 32)) + b"\x7f"),
    "80 digits": _number("7" * 80),
    "200 digits": _number("7" * 200),
    "1000 digits": _number("7" * 1000),
    "21 digits": _number("7" * 21),
    "two digits": _number("79"),
    "a formula": _number("=1+1"),
    "a formula with a command": _number("@SUM(1+1)*cmd|' /C calc'!A0"),
    "a quote of SQL": _number("1'; DROP TABLE missed; --"),
    "double quotes": _number('1" OR "1"="1'),
    "a variable of the dialplan": _number("${EXTEN}"),
    "a function of the dialplan": _number("${SHELL(id)}"),
    "an expression of the dialplan": _number("$[1 + 1]"),
    "Jinja": _number("{{ 7*7 }}{% raw %}"),
    "HTML": _number("<script>alert(1)</script>"),
    "markup of a terminal": _number("\x1b[31m[red]7916[/red]"),
    "Arabic-Indic digits": _number("٧٩١٦٠٠٠٠٠٠١"),
    "full-width digits": _number("７９１６００００００１"),
    "superscripts": _number("7916²³¹⁴⁵⁶"),
    "anonymous": _number("anonymous"),
    "nothing": _number(""),
    "a plus": _number("+"),
    "two pluses": _number("++79160000001"),
    "a plus in the middle": _number("7916+0000001"),
    "spaces around": _number(" 79160000001 "),
    "as people write it": _number("8 (916) 000-00-01"),
    "letters": _number("7916OOOOOO1"),
    "a star code": _number("*8112"),
    "a semicolon": _number("79160000001;isub=1"),
    "two numbers to dial": _number("79160000001&PJSIP/101"),
    "commas": _number("79160000001,30,tT"),
    "a host": _number("79160000001@example.org"),
    "percent": _number("%0D%0A%00"),
    "backslashes": _number("1\\r\\n\\\\"),
    "a bell": _number("7916\a\b0000001"),
    "letters of three scripts": _number("Анна 安娜 🎺"),
    "right to left": _number("7916\u202e1000000"),
    "invalid UTF-8": _number(b"7916\xff\xfe\xc3"),
    "line ends, asserted": _asserted("1\r\n\r\nEvent: Shutdown\r\n\r\n1"),
    "Hangup of the talker, asserted": _asserted(OTHER + "Event: Hangup\r\nUniqueid: {talker}\r\n\r\n"),
    "HTML, asserted": _asserted("<b>7916</b>"),
}

# chan_sip cuts no number.
LONG = {
    "5,000 digits": _number("7" * 5000),
    "5,000 bytes, then Hangup of the talker": _number(
        "7" * 4900 + "\r\n\r\nEvent: Hangup\r\nUniqueid: {talker}\r\n\r\n"
    ),
    "5,000 bytes, then a whole Hangup of the talker": _number("7" * 4900 + WHOLE_HANGUP),
    "5,000 bytes, then a whole Newchannel": _number("7" * 4900 + WHOLE_NEWCHANNEL),
    "3,000 bytes of line ends": _number("\r\n" * 1500),
    "two hundred Hangups of the waiter": _number("\r\n\r\nEvent: Hangup\r\nUniqueid: {waiter}" * 200),
}

# The number is one that can be called, the name is not what it seems.
NAMES = {
    "C-escapes": Value(b"79169990001", rb"\\r\\n\\r\\nEvent: Shutdown\\r\\n\\r\\n"),
    "quotes and backslashes": Value(b"79169990002", rb"\"Anna\" \\ n '"),
    "invalid UTF-8 in the name": Value(b"79169990003", b"\xd0\x90\xff\xfe\xc3\x28\xed\xa0\x80"),
    "a tab in the name": Value(b"79169990004", b"Anna\tMaria"),
    "HTML in the name": Value(b"79169990005", b"<img src=x onerror=alert(1)>"),
    "a formula in the name": Value(b"79169990006", b"=HYPERLINK(1)"),
    "a long name": Value(b"79169990007", "Ж".encode() * 100),
    "a variable in the name": Value(b"79169990008", b"${SHELL(id)}"),
    "an escape of a terminal in the name": Value(b"79169990009", b"\x1b[2J\x07"),
    "a header in the name": Value(b"79169990010", b"x, Uniqueid: {talker}"),
}

HOSTILE = LINE_ENDS | HEADERS | EVENTS | NUMBERS
