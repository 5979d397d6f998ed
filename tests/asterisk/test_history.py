"""The verdict out of CEL, of the calls of test_detection.py: what two real Asterisks, 22 and 16, wrote with our own config.

Both are called at once; then each is killed under a caller who rings and one who talks. ASTERISK_MISSED_HISTORY: a folder in
which the files are kept, as tests/history has them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab import Lab
from test_detection import CALLS
from until import until

from asterisk_missed.calls.call import Contact, EndedCall
from asterisk_missed.calls.history import History
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.tracker import CallEnded, ContactEnded
from asterisk_missed.pbx.witness import CelFile, cel_conf, cel_custom_mapping

pytestmark = pytest.mark.asterisk

FILE = "/var/log/asterisk/cel-custom/asterisk-missed.csv"
RINGING, TALKING, QUEUED = "79168880001", "79168880002", "79168880003"


@dataclass(frozen=True)
class Written:
    """What was written of the calls, and of those who were cut."""

    calls: dict[str, EndedCall]
    contacts: list[Contact]
    broken: int
    numbers: dict[str, str]


def _with_cel(asterisk: str, worker: str) -> Lab:
    lab = Lab(f"history-{asterisk}-{worker}", asterisk).up()
    lab.write("/etc/asterisk/cel.conf", cel_conf())
    lab.write("/etc/asterisk/cel_custom.conf", f"[mappings]\n{cel_custom_mapping()}")
    lab.exec(["install", "-d", "-o", "asterisk", "-g", "asterisk", "-m", "0750", str(Path(FILE).parent)])
    lab.stop("pbx")
    lab.start("pbx")
    return lab


def _called(lab: Lab, numbers: dict[str, str]) -> None:
    for name, expected in CALLS.items():
        lab.client_calls(numbers[name], expected.did, expected.seconds)
    lab.client_calls("anonymous", "74952000172", 2)
    lab.client_calls("79160000,5;1", "74952000182", 2)
    lab.employee_dials("171", "89160000501", 12)


def _killed(lab: Lab) -> None:
    for number, did in ((RINGING, "74952000112"), (TALKING, "74952000111"), (QUEUED, "74952003013")):
        lab.client_calls(number, did, 60)
    talks = f'"{TALKING}"'
    until(
        lambda: any(line.startswith('"BRIDGE_ENTER"') and talks in line for line in lab.read(FILE).splitlines()),
        20,
        "he talked",
    )
    lab.kill("pbx")


def _read(lab: Lab, numbers: dict[str, str]) -> Written:
    if folder := os.environ.get("ASTERISK_MISSED_HISTORY"):
        (Path(folder) / f"{lab.asterisk}.csv").write_text(lab.read(FILE))
    file, history = CelFile(lab.path(FILE)), History(Lines(["PJSIP/trunk-main"], ["1XX"]))
    happened = [h for row in file.rows() for h in history.feed(row)]
    happened += history.cut(frozenset(), lab.path(FILE).stat().st_mtime + 5)
    assert history.first_open() is None
    calls = {h.call.caller: h.call for h in happened if isinstance(h, CallEnded)}
    contacts = [h.contact for h in happened if isinstance(h, ContactEnded)]
    return Written(calls, contacts, file.broken, numbers)


@pytest.fixture(scope="module")
def both(worker: str) -> Iterator[dict[str, Written]]:
    """What both Asterisks wrote. They are called side by side: together it takes no longer."""
    numbers = {name: f"7916777{place:04}" for place, name in enumerate(CALLS)}
    labs: list[Lab] = []
    with ThreadPoolExecutor(2) as pool:

        def each(act: Callable[[Lab], object]) -> None:
            list(pool.map(act, labs))

        try:
            labs += pool.map(_with_cel, ("22", "16"), (worker, worker))
            each(lambda lab: _called(lab, numbers))
            each(lambda lab: until(lambda: _all_gone(lab), 60, "all had hung up"))
            each(_killed)
            yield {lab.asterisk: _read(lab, numbers) for lab in labs}
        finally:
            each(Lab.down)


def _all_gone(lab: Lab) -> bool:
    return "\n0 active channels" in lab.cli("pbx", "core show channels")


@pytest.fixture(params=["22", "16"])
def written(request: pytest.FixtureRequest, both: dict[str, Written]) -> Written:
    return both[request.param]


@pytest.mark.parametrize("name", CALLS)
def test_the_verdict_is_that_of_ami(name: str, written: Written) -> None:
    call, expected = written.calls[written.numbers[name]], CALLS[name]
    assert (call.answered, call.answered_by) == (expected.answered_by is not None, expected.answered_by)
    assert call.did == expected.did
    assert (call.missed is None) == (expected.lost is None)
    if call.missed is not None and expected.lost is not None:
        place, how = expected.lost
        assert (call.missed.queues, call.missed.extensions) == (expected.queues, expected.extensions)
        assert (call.lost_in, call.lost_how) == (place, "unknown" if place == "voicemail" else how)


def test_an_employees_call_to_a_client_is_a_contact(written: Written) -> None:
    (contact,) = [c for c in written.contacts if c.direction == "out"]
    assert (contact.number[-10:], contact.employee) == ("9160000501", "171")
    assert contact.talk == pytest.approx(5, abs=1)


def test_who_shows_no_number_or_a_strange_one_cannot_be_called(written: Written) -> None:
    call = written.calls[""]  # two of them: the later one
    assert (call.reason, call.lost_in) == ("bad_number", "extension")
    assert not any(number.startswith("79160000") for number in written.calls)


@pytest.mark.parametrize("number", [RINGING, QUEUED])
def test_who_waited_when_asterisk_was_killed_was_lost_by_it(number: str, written: Written) -> None:
    call = written.calls[number]
    assert (call.answered, call.lost_in, call.lost_how, call.reason) == (False, "restart", "restart", None)
    assert call.missed is not None
    assert (call.missed.queues, call.missed.extensions) == (((), ("112",)) if number == RINGING else (("n3",), ()))


def test_who_talked_when_asterisk_was_killed_was_answered(written: Written) -> None:
    call = written.calls[TALKING]
    assert (call.answered, call.answered_by, call.missed) == (True, "111", None)


def test_every_row_was_understood(written: Written) -> None:
    assert written.broken == 0
