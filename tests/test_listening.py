"""The AMI user: what it hears is what the detector reads, and with it every recorded call is judged as before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asterisk_missed.ami.link import STATE
from asterisk_missed.ami.wire import Decoder, Message
from asterisk_missed.calls import missed
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.signs import SIGNS, VARIABLES
from asterisk_missed.calls.tracker import Happening, Tracker
from asterisk_missed.pbx.listening import PASSING, WRITE, events, knows_names, render

TRANSCRIPTS = Path(__file__).parent / "transcripts"
NAMES = sorted(path.stem for path in TRANSCRIPTS.glob("*.ami"))
SECRET = "0123456789abcdef"
BY_NAME, BY_PATTERN = render("22.10.1", SECRET), render("16.28.0", SECRET)

Passes = Callable[[bytes], bool]


def passes(file: str) -> Passes:
    """A model of Asterisk's filters, as the file gives them: what an include takes, unless an exclude takes it too."""
    include: list[Passes] = []
    exclude: list[Passes] = []
    for line in file.splitlines():
        if line.startswith("eventfilter = "):
            pattern = line.removeprefix("eventfilter = ")
            (exclude if pattern[0] == "!" else include).append(old_form(pattern.lstrip("!")))
        elif line.startswith("eventfilter("):
            (exclude if "action(exclude)" in line else include).append(new_form(line))
    return lambda block: any(f(block) for f in include) and not any(f(block) for f in exclude)


def old_form(pattern: str) -> Passes:
    """A POSIX pattern over the whole text of an event; ``.`` is a line end too."""
    compiled = re.compile(pattern.replace("[[:space:]]", r"\s").encode(), re.DOTALL)
    return lambda block: compiled.search(block + b"\r\n\r\n") is not None


def new_form(line: str) -> Passes:
    criteria, _, value = (part.strip() for part in line.partition("="))
    said = dict(re.findall(r"(\w+)\((\w+)\)", criteria))

    def takes(block: bytes) -> bool:
        message = Message(block)
        if message.name != said["name"]:
            return False
        header = message.get(said.get("header", ""))
        return {None: True, "exact": header == value, "regex": re.search(value or "x", header) is not None}[
            said.get("method")
        ]

    return takes


def judged(name: str, passes: Passes) -> tuple[list[Happening], int]:
    """What the tracker makes of a recording of which only that passes, and how many events did. Answers always do."""
    data = (TRANSCRIPTS / f"{name}.ami").read_bytes()
    tracker, decoder, happenings, heard = Tracker(Lines(["PJSIP/trunk-main"], ["1XX"])), Decoder(), [], 0
    for line in (TRANSCRIPTS / f"{name}.times").read_text().splitlines():
        at, offset, length = line.split()[:3]
        for message in decoder.feed(data[int(offset) : int(offset) + int(length)]):
            if message.is_response or passes(message.raw):
                heard += 1
                happenings += tracker.feed(message, float(at))
    return happenings + tracker.finish(), heard


@pytest.mark.parametrize("file", [BY_NAME, BY_PATTERN], ids=["by name", "by pattern"])
@pytest.mark.parametrize("name", NAMES)
def test_a_call_is_judged_as_if_all_were_heard(name: str, file: str) -> None:
    least, some = judged(name, passes(file))
    whole, every = judged(name, lambda block: True)
    assert least == whole
    assert some < every / 2


def test_both_forms_pass_the_same() -> None:
    by_name, by_pattern = passes(BY_NAME), passes(BY_PATTERN)
    for name in NAMES:
        for message in Decoder().feed((TRANSCRIPTS / f"{name}.ami").read_bytes()):
            assert message.is_response or by_name(message.raw) == by_pattern(message.raw), message.raw


def test_every_sign_and_every_variable_is_heard_and_nothing_else() -> None:
    assert set(events()) == {*SIGNS, "FullyBooted", "OriginateResponse", "Shutdown"}
    named = re.findall(r"include\),name\((\w+)\)\) =$", BY_NAME, re.MULTILINE)
    assert {*named, "VarSet"} == set(events())
    assert set(re.findall(r"header\(Variable\),method\(exact\)\) = (\w+)$", BY_NAME, re.MULTILINE)) == VARIABLES


@pytest.mark.parametrize("name", ["Hangups", "Hang", "VarSe", "TestEvent", "xHangup"])
def test_a_name_is_taken_as_a_whole(name: str) -> None:
    block = f"Event: {name}\r\nVariable: DIALSTATUSES\r\nUniqueid: 1.1".encode()
    assert not passes(BY_NAME)(block) and not passes(BY_PATTERN)(block)


def test_no_application_by_which_a_call_is_judged_is_left_out() -> None:
    judged_by = {"Dial", "Queue", "FollowMe", "VoiceMail", *missed._MENU, *missed._ANNOUNCEMENT}
    assert not judged_by & set(PASSING)


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("22.10.1~dfsg+~cs6.16.60671435-1", True),
        ("Asterisk 22.1.0", True),
        ("22.1", True),
        ("23.0.0-rc1", True),
        ("24.3", True),
        ("21.6.0", True),
        ("20.11.0", True),
        ("20.11.1", True),
        ("18.26.0", True),
        ("22.0.9", False),
        ("21.5.9", False),
        ("20.10.0", False),
        ("18.25.3", False),
        ("19.8.1", False),
        ("16.28.0~dfsg-0+deb11u4", False),
        ("13.38.3", False),
        ("certified/18.26-cert1", False),
        ("certified-22.8-cert1", False),
        ("GIT-master-8f2e1c", False),
        ("", False),
    ],
)
def test_which_asterisk_knows_filters_by_name(version: str, known: bool) -> None:
    assert knows_names(version) is known
    assert ("name(Hangup)" in render(version, SECRET)) is known


def test_the_file_has_the_rights_and_no_more() -> None:
    assert BY_NAME.splitlines()[1:8] == [
        "[asterisk-missed]",
        f"secret = {SECRET}",
        "deny = 0.0.0.0/0.0.0.0",
        "permit = 127.0.0.1/255.255.255.255",
        "read = system,call,agent,dialplan",
        "write = originate,reporting",
        "writetimeout = 10000",
    ]
    assert BY_PATTERN.splitlines()[:8] == BY_NAME.splitlines()[:8]
    assert max(map(len, BY_PATTERN.splitlines())) < 4000  # Asterisk reads lines of 8 KiB


# Any one of these rights is enough for an action; () for none. Measured on 16.28 and 22.10.
NEEDS = {
    **dict.fromkeys(("Challenge", "Login", "Ping", "BridgeList", "QueueStatus"), ()),
    **dict.fromkeys(("CoreStatus", "CoreShowChannels"), ("reporting", "system")),
    "DBGet": ("reporting", "system"),
    "Getvar": ("call", "reporting"),
    "Originate": ("originate",),
    "Setvar": ("call",),
    "Hangup": ("call", "system"),
}


def test_every_action_that_is_sent_has_its_right_and_every_right_its_action() -> None:
    rooms = "\n".join(path.read_text() for path in (TRANSCRIPTS.parents[1] / "asterisk_missed").rglob("*.py"))
    sent = {*re.findall(r'\bAction\(\s*"(\w+)"', rooms), *STATE}
    assert {"Originate", "Getvar", "DBGet", "Login"} <= sent <= NEEDS.keys()
    assert all(not NEEDS[action] or set(NEEDS[action]) & set(WRITE) for action in sent)
    assert set(WRITE) <= {right for action in sent for right in NEEDS[action]}


@pytest.mark.parametrize("secret", ["", "short", "with space in", "semi;colon1", "new\nline1234", "ünicode-secret"])
def test_a_secret_that_would_mean_something_else_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError) as refused:
        render("22.10.1", secret)
    assert not secret or secret not in str(refused.value)


@pytest.mark.parametrize(
    "more", [{"username": "a]\n[b"}, {"permit": ["0.0.0.0/0;x"]}, {"permit": ["1.2.3.4\nread=all"]}]
)
def test_nothing_makes_a_line_of_its_own(more: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        render("22.10.1", SECRET, **more)  # type: ignore[arg-type]


def test_another_host_may_be_let_in() -> None:
    file = render("22.10.1", SECRET, username="missed2", permit=["10.0.0.5/255.255.255.255", "127.0.0.1"])
    assert "[missed2]" in file and "permit = 10.0.0.5/255.255.255.255\npermit = 127.0.0.1\n" in file


def lines_of(file: str) -> Iterator[str]:
    return (line for line in file.splitlines() if line.startswith("eventfilter"))


def test_an_old_asterisk_has_two_patterns_and_each_is_anchored() -> None:
    first, second = (line.removeprefix("eventfilter = ").lstrip("!") for line in lines_of(BY_PATTERN))
    assert first.startswith("^Event: (") and second.startswith("^Event: Newexten")


@pytest.mark.parametrize(
    ("lines", "of"),
    [(list(BY_NAME.splitlines()), BY_NAME), (list(lines_of(BY_PATTERN)), BY_PATTERN)],
    ids=["new", "old"],
)
def test_the_documentation_has_the_file_to_be_copied(lines: list[str], of: str) -> None:
    shown = (TRANSCRIPTS.parents[1] / "docs" / "install.md").read_text().replace("<a long random word>", SECRET)
    assert "".join(f"    {line}\n" for line in lines) in shown, f"docs/install.md wants:\n{of}"
