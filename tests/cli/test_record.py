"""The verb `record`, in a process of its own before an AMI that fails on demand; `replay` reads what it wrote."""

from __future__ import annotations

import asyncio
import hashlib
import json
import resource
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asterisk_missed.ami.recording import Blocks
from asterisk_missed.ami.wire import LONGEST_BLOCK
from asterisk_missed.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "ami"))

from fake_ami import BANNER, CHALLENGE, Changes, FakeAmi, block
from listener import closed_port, played

SECRET = "a-secret-that-nobody-may-find"
MISSED = Path(__file__).parents[1] / "transcripts" / "01-ext-caller-hangs-up.ami"
STREAM = MISSED.read_bytes().partition(b"\r\n")[2]


class Recording:
    """The process, and its files."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.folder = folder
        self.process = process

    def stream(self, name: str = "calls") -> bytes:
        path = self.folder / f"{name}.ami"
        return path.read_bytes() if path.exists() else b""

    async def until(self, so: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not so():
                await asyncio.sleep(0.02)

    async def ended(self) -> tuple[int | None, str]:
        """Its exit status and what it said."""
        async with asyncio.timeout(10):
            _, said = await self.process.communicate()
        return self.process.returncode, said.decode()

    async def stop(self, number: int = signal.SIGTERM) -> tuple[int | None, str]:
        self.process.send_signal(number)
        return await self.ended()


@asynccontextmanager
async def recording(
    folder: Path, port: int, name: str = "calls.ami", secret: str = SECRET, largest: int = resource.RLIM_INFINITY
) -> AsyncIterator[Recording]:
    """``largest``: bytes in one file, then the kernel refuses to write."""
    (folder / "secret").write_text(secret)
    config = folder / "asterisk_missed.conf"
    config.write_text(f"[ami]\nport = {port}\nsecret_file = {folder}/secret\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "asterisk_missed", "--config", str(config), "record", str(folder / name)),
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY)),
    )
    try:
        yield Recording(folder, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def fake() -> FakeAmi:
    return FakeAmi(Changes(), secret=SECRET)


def replayed(capsys: pytest.CaptureFixture[str], *paths: Path) -> list[dict[str, object]]:
    assert main(["replay", *map(str, paths)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def _config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASTERISK_MISSED_CONFIG", str(tmp_path / "none.conf"))
    (tmp_path / "none.conf").write_text("")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_comes_is_recorded_as_it_comes_until_a_signal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    @played
    async def play() -> None:
        async with fake() as ami, recording(tmp_path, ami.port) as process:
            await ami.changes.until(lambda: ami.count("QueueStatus"), "the state was taken")
            ami.say(STREAM)
            await process.until(lambda: process.stream().endswith(STREAM))
            status, said = await process.stop(number)
        stream = process.stream()
        assert status == 0 and f"recorded {count(stream)} messages, {len(stream)} bytes" in said
        assert stream.startswith(BANNER + b"Response: Success") and b"Event: QueueStatusComplete" in stream
        assert ami.actions[-1]["Action"] == "QueueStatus"

    play()
    assert replayed(capsys, tmp_path / "calls.ami") == replayed(capsys, MISSED)


def count(stream: bytes) -> int:
    return stream.count(b"\r\n\r\n")


def test_a_recording_is_for_its_owner_alone_and_holds_no_secret(tmp_path: Path) -> None:
    @played
    async def play() -> None:
        async with fake() as ami, recording(tmp_path, ami.port) as process:
            await process.until(lambda: b"QueueStatusComplete" in process.stream())
            await process.stop()
        key = hashlib.md5((CHALLENGE + SECRET).encode()).hexdigest().encode()
        for path in (tmp_path / "calls.ami", tmp_path / "calls.times"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert SECRET.encode() not in path.read_bytes() and key not in path.read_bytes()
            assert b"Username" not in path.read_bytes()

    play()


def test_the_lines_of_times_lead_to_the_blocks(tmp_path: Path) -> None:
    @played
    async def play() -> None:
        async with fake() as ami, recording(tmp_path, ami.port) as process:
            await process.until(lambda: b"QueueStatusComplete" in process.stream())
            ami.say(block("Event: One") + b"\r\n" + block("Event: Two\x0b\n", "More: yes"))
            await process.until(lambda: b"More: yes" in process.stream())
            await process.stop()
        stream, lines = process.stream(), (tmp_path / "calls.times").read_text().splitlines()
        end = len(BANNER)
        for line in lines:
            at, offset, length, first = line.split(" ", 3)
            assert int(offset) == end and float(at) > 1_700_000_000 and first
            end += int(length)
            assert stream[:end].endswith(b"\r\n\r\n") and first.split(":")[0].encode() in stream[int(offset) : end]
        assert end == len(stream) and [line.split(" ", 3)[3] for line in lines[-2:]] == ["Event: One", "Event: Two  "]

    play()


def test_each_connection_has_a_pair_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = STREAM.index(b"Event: Hangup\r\n")

    @played
    async def play() -> None:
        async with fake() as ami, recording(tmp_path, ami.port) as process:
            await process.until(lambda: b"QueueStatusComplete" in process.stream())
            ami.say(STREAM[:cut])
            await process.until(lambda: process.stream().endswith(STREAM[:cut]))
            ami.cut()
            await process.until(lambda: b"QueueStatusComplete" in process.stream("calls-2"))
            ami.say(STREAM)  # another call
            await process.until(lambda: process.stream("calls-2").endswith(STREAM))
            status, said = await process.stop()
        assert status == 0 and "calls.ami" in said and "calls-2.ami" in said.splitlines()[-1] and "link lost" in said
        assert process.stream("calls-2").startswith(BANNER)

    play()
    first = replayed(capsys, tmp_path / "calls.ami", tmp_path / "calls-2.ami")[0]
    assert first["reason"] == "unconfirmed" and first["lost_in"] == "extension"


def test_a_connection_that_is_not_let_in_makes_no_files(tmp_path: Path) -> None:
    @played
    async def play() -> None:
        async with fake() as ami, recording(tmp_path, ami.port) as process:
            await process.until(lambda: b"QueueStatusComplete" in process.stream())
            ami.closes_at = "Login"
            ami.cut()
            await ami.changes.until(lambda: ami.count("Login") > 3, "it tried again")
            ami.closes_at = ""
            await process.until(lambda: b"QueueStatusComplete" in process.stream("calls-2"))
            assert (await process.stop())[0] == 0
        assert sorted(path.name for path in tmp_path.glob("calls*")) == [
            *("calls-2.ami", "calls-2.times", "calls.ami", "calls.times"),
        ]

    play()


def test_a_signal_while_asterisk_is_away_ends_it_as_well(tmp_path: Path) -> None:
    @played
    async def play() -> None:
        ami = await fake().__aenter__()
        async with recording(tmp_path, ami.port) as process:
            await process.until(lambda: b"QueueStatusComplete" in process.stream())
            await ami.__aexit__(None, None, None)
            status, said = await process.stop()
        assert status == 0 and "calls.ami" in said.splitlines()[-1]

    play()


def test_a_killed_recorder_leaves_what_can_be_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @played
    async def play() -> None:
        async with fake() as ami, recording(tmp_path, ami.port) as process:
            await process.until(lambda: b"QueueStatusComplete" in process.stream())
            ami.say(STREAM + b"Event: Hangup\r\nPriv")  # killed in the middle of a block
            await process.until(lambda: process.stream().endswith(b"Priv"))
            await process.stop(signal.SIGKILL)

    play()
    assert replayed(capsys, tmp_path / "calls.ami") == replayed(capsys, MISSED)


@pytest.mark.parametrize("lines", [0, 1, 20, 30])
def test_blocks_whose_lines_are_lost_are_replayed_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: int
) -> None:
    (tmp_path / "cut.ami").write_bytes(MISSED.read_bytes())
    times = MISSED.with_suffix(".times").read_text().splitlines(keepends=True)
    (tmp_path / "cut.times").write_text("".join(times[:lines]) + times[lines][:17])  # the last line is cut
    (call,), (whole,) = replayed(capsys, tmp_path / "cut.ami"), replayed(capsys, MISSED)
    assert (call["missed"], call["lost_how"], call["linkedid"]) == (
        whole["missed"],
        whole["lost_how"],
        whole["linkedid"],
    )


@pytest.mark.parametrize("name", ["calls.ami", "calls.times", "calls-2.ami", "calls-17.times"])
def test_what_stands_there_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (tmp_path / name).write_text("mine")
    assert main(["record", str(tmp_path / "calls.ami")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and name in said and (tmp_path / name).read_text() == "mine"


def test_other_files_are_in_nobodys_way(tmp_path: Path) -> None:
    @played
    async def play() -> None:
        for name in ("calls.txt", "calls-old.ami", "calls2.ami", "other.ami"):
            (tmp_path / name).write_text("mine")
        async with recording(tmp_path, closed_port()) as process:
            status, said = await process.ended()
        assert status == 3 and "Connect call failed" in said and said.count("\n") == 1

    play()


def test_a_name_that_is_no_recordings_is_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", str(tmp_path / "calls.times")]) == 2
    assert "calls.times" in capsys.readouterr().err


def test_a_refused_log_in_is_status_3(tmp_path: Path) -> None:
    @played
    async def play() -> None:
        async with fake() as ami, recording(tmp_path, ami.port, secret="wrong") as process:
            status, said = await process.ended()
        assert status == 3 and "refused user asterisk-missed" in said and said.count("\n") == 1
        assert not list(tmp_path.glob("calls*"))

    play()


def test_a_full_disk_is_one_line_and_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @played
    async def play() -> None:
        async with fake() as ami, recording(tmp_path, ami.port, largest=20_000) as process:
            await process.until(lambda: b"QueueStatusComplete" in process.stream())
            ami.say(STREAM)
            status, said = await process.ended()
        assert status == 1 and "calls.ami: File too large" in said.splitlines()[-1] and "Traceback" not in said
        assert len(process.stream()) == 20_000

    play()
    replayed(capsys, tmp_path / "calls.ami")


def test_a_folder_that_cannot_be_written_is_one_line_and_status_1(tmp_path: Path) -> None:
    @played
    async def play() -> None:
        async with fake() as ami, recording(tmp_path, ami.port, name="none/calls.ami") as process:
            status, said = await process.ended()
        assert status == 1 and "none/calls.ami: No such file" in said.splitlines()[-1] and "Traceback" not in said

    play()


class TestBlocks:
    def test_any_cut_of_the_stream_gives_the_same_blocks(self) -> None:
        data = MISSED.read_bytes()[:3000]
        whole = Blocks().feed(data)
        for step in (1, 2, 3, 5, 7, 100):
            blocks = Blocks()
            assert [b for i in range(0, len(data), step) for b in blocks.feed(data[i : i + step])] == whole
            assert (blocks.count, blocks.length) == (len(whole), len(data))

    def test_they_stand_where_the_times_of_a_recording_say(self) -> None:
        lines = [line.split(" ", 3) for line in MISSED.with_suffix(".times").read_text().splitlines()]
        found = Blocks().feed(MISSED.read_bytes())
        assert [(b.offset, b.length, b.first_line) for b in found] == [(int(o), int(n), f) for _, o, n, f in lines]

    def test_a_block_without_an_end_does_not_fill_the_memory(self) -> None:
        blocks = Blocks()
        blocks.feed(BANNER)
        told = [piece for _ in range(20) for piece in blocks.feed(b"x" * LONGEST_BLOCK)]
        assert [piece.length for piece in told] == [2 * LONGEST_BLOCK] * 10 and len(blocks._rest) == 0
