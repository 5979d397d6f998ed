"""The verb `record` on a real Asterisk, the link cut twice in between: what `replay` makes of it is what happened."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from lab import Lab
from until import until

pytestmark = pytest.mark.asterisk

FOLDER = "/var/spool/asterisk/recording"
BEFORE, OVER_THE_CUT, TALKS_OVER_THE_CUT, AFTER, AT_THE_POWER_CUT, AT_LAST = (f"7916900000{n}" for n in range(1, 7))


@dataclass
class Recorded:
    """Three connections, what the recorder said and how it ended, and what replay makes of them."""

    lab: Lab
    status: int
    said: str
    happenings: list[dict[str, Any]]

    def call(self, caller: str) -> dict[str, Any]:
        (call,) = [h for h in self.happenings if h["type"] == "call" and h["caller"] == caller]
        return call

    def files(self, suffix: str) -> list[bytes]:
        return [self.lab.path(f"{FOLDER}/calls{n}.{suffix}").read_bytes() for n in ("", "-2", "-3")]


def listens(lab: Lab, number: str) -> None:
    """Wait until the recorder has taken the state of this connection."""
    stream = lab.path(f"{FOLDER}/calls{number}.ami")
    until(lambda: stream.exists() and b"QueueStatusComplete" in stream.read_bytes(), 30, f"{stream.name} had begun")


def cut(lab: Lab) -> None:
    """Asterisk ends the recorder's session."""
    (session,) = re.findall(
        r"^ *asterisk-missed +127\.0\.0\.1 .*$", lab.cli("pbx", "manager show connected"), re.MULTILINE
    )
    lab.cli("pbx", f"manager kick session {session.split()[4]}")


@pytest.fixture(scope="module")
def recorded(worker: str) -> Iterator[Recorded]:
    lab = Lab(f"record-{worker}").up()
    try:
        lab.exec(["install", "-d", "-o", "asterisk", FOLDER], check=True)
        words = ["asterisk-missed", "record", f"{FOLDER}/calls.ami"]
        recorder = lab.popen(words, user="asterisk", stderr=subprocess.PIPE, text=True)
        listens(lab, "")
        first = lab.client_calls(BEFORE, "74952000112", 2)
        lab.client_calls(OVER_THE_CUT, lab.did_of_queue("n2"), 7)
        talking = lab.client_calls(TALKS_OVER_THE_CUT, "74952000131", 8)
        until(lambda: first.ended and talking.answered, 10, "one had hung up, and one was talking")
        cut(lab)
        listens(lab, "-2")
        second = lab.client_calls(AFTER, "74952001142", 2)
        until(lambda: second.ended and talking.ended, 15, "the calls were over")
        at_the_power_cut = lab.client_calls(AT_THE_POWER_CUT, "74952000152", 30)
        until(lambda: lab.calls_to("152"), 10, "it rang")
        lab.kill("pbx")
        at_the_power_cut.hang_up()
        lab.start("pbx")
        listens(lab, "-3")
        last = lab.client_calls(AT_LAST, "74952000161", 4)
        until(lambda: last.ended, 10, "the last call was over")
        recorder.send_signal(signal.SIGTERM)
        said = recorder.communicate(timeout=10)[1]
        replay = ["asterisk-missed", "replay", *(f"{FOLDER}/calls{n}.ami" for n in ("", "-2", "-3"))]
        out = lab.exec(replay, user="asterisk", capture_output=True, text=True, check=True).stdout
        yield Recorded(lab, recorder.returncode, said, [json.loads(line) for line in out.splitlines()])
    finally:
        lab.down()


@pytest.mark.parametrize(
    ("caller", "missed", "lost"),
    [
        (BEFORE, ([], ["112"]), ("extension", "abandoned")),
        (OVER_THE_CUT, (["n2"], []), ("queue", "abandoned")),
        (AFTER, ([], ["142", "143"]), ("ringgroup", "abandoned")),
        (AT_THE_POWER_CUT, ([], ["152"]), ("restart", "restart")),
    ],
)
def test_a_missed_call_is_judged_as_it_was(
    recorded: Recorded, caller: str, missed: tuple[list[str], list[str]], lost: tuple[str, str]
) -> None:
    call = recorded.call(caller)
    assert (call["missed"]["queues"], call["missed"]["extensions"]) == missed
    assert (call["lost_in"], call["lost_how"]) == lost


@pytest.mark.parametrize(("caller", "by"), [(TALKS_OVER_THE_CUT, "131"), (AT_LAST, "161")])
def test_a_talk_is_judged_as_it_was(recorded: Recorded, caller: str, by: str) -> None:
    call = recorded.call(caller)
    assert (call["answered"], call["answered_by"], call["missed"]) == (True, by, None)


def test_it_ends_well_and_says_what_it_has(recorded: Recorded) -> None:
    streams = recorded.files("ami")
    messages, size = sum(s.count(b"\r\n\r\n") for s in streams), sum(map(len, streams))
    assert recorded.status == 0
    found = re.search(r"recorded (\d+) messages, (\d+) bytes: (.*)", recorded.said)
    assert found is not None and int(found[2]) == size and found[3].split()[-1].endswith("calls-3.ami")
    assert abs(int(found[1]) - messages) <= 2  # Asterisk may print an empty line too many


def test_every_byte_has_its_time(recorded: Recorded) -> None:
    for stream, times in zip(recorded.files("ami"), recorded.files("times"), strict=True):
        *_, last = times.decode().splitlines()
        assert stream.startswith(b"Asterisk Call Manager/")
        assert sum(map(int, last.split()[1:3])) == stream.rindex(b"\r\n\r\n") + 4


def test_the_files_are_their_owners_alone_and_without_the_secret(recorded: Recorded) -> None:
    secret = recorded.lab.ami().secret.encode()
    for suffix in ("ami", "times"):
        assert not any(secret in data for data in recorded.files(suffix))
        assert recorded.lab.path(f"{FOLDER}/calls.{suffix}").stat().st_mode & 0o777 == 0o600
