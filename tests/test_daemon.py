"""The daemon's two loops, where no real Asterisk can make the moment: everything else is in tests/asterisk."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from calls.tape import LINES, Tape

from asterisk_missed.ami.wire import Message
from asterisk_missed.callbacks.plan import Callback, Go, Wait
from asterisk_missed.calls.tracker import Tracker
from asterisk_missed.config import Config, read
from asterisk_missed.daemon import Daemon
from asterisk_missed.flights import marked_at
from asterisk_missed.journal import search
from asterisk_missed.journal.journal import Journal
from asterisk_missed.rules.rule import Rule

RULE = Rule.read(
    {"slug": "sales", "source": {"did": "74951234567"}, "first": "client", "connect": {"extensions": ["101"]}}
)
NOON = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return read(
        f"[general]\ndatabase = sqlite:///{tmp_path}/journal.db\nstate = {tmp_path}\n[ami]\nsecret = x\n"
        "[calls]\nlegal_hours = 00:00-24:00\n",
        {},
    )


def test_nothing_rings_on_a_picture_that_lags_behind_what_was_heard(config: Config) -> None:
    async def looked() -> tuple[bool, object]:
        daemon = Daemon(config, Journal.open(config.general.database, "pbx1"))
        now = datetime.now(UTC)
        callback = Callback(1, "+79161234567", "sales", now, now, now, now, now + timedelta(days=1))
        daemon._hear(Message(b"Event: Hangup\r\nUniqueid: 1.1"), 0.0)  # heard, and not yet acted on
        look = asyncio.create_task(daemon._look(callback, RULE))
        done, _ = await asyncio.wait({look}, timeout=0.1)
        listening = asyncio.create_task(daemon.listen())
        decision = await asyncio.wait_for(look, 5)
        daemon._ending = True
        await asyncio.wait_for(listening, 5)
        return bool(done), decision

    waited_for_nothing, decision = asyncio.run(looked())
    assert not waited_for_nothing and isinstance(decision, (Go, Wait)) and decision == Go()


def test_a_message_that_breaks_the_tracker_does_not_stop_the_next(
    config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fed() -> list[object]:
        daemon = Daemon(config, Journal.open(config.general.database, "pbx1"))
        monkeypatch.setattr(daemon.tracker, "feed", lambda message, at: 1 / 0)
        return list(daemon._fed(Message(b"Event: Hangup"), 0.0))

    assert asyncio.run(fed()) == [] and "Hangup: an error of this program" in caplog.text


@pytest.mark.parametrize(
    ("marks", "marked"),
    [([], False), (["17/1780304400"], True), (["117/1780304400"], False), (["17"], False), (["17/soon"], False)],
)
def test_only_the_attempts_own_mark_is_believed(marks: list[str], marked: bool) -> None:
    assert (marked_at(marks, "17") is not None) == marked


def test_a_caller_who_hangs_up_while_the_config_is_read_anew_is_not_forgotten(config: Config) -> None:
    """Where Asterisk writes no CEL, nobody else would know of him."""

    async def heard(tape: Tape, before: Tracker | None) -> Tracker:
        daemon = Daemon(config, Journal.open(config.general.database, "pbx1"), before)
        daemon.tracker.obey(LINES, min_talk=1.0, lost_after_answer=True)
        tape.tracker = daemon.tracker
        tape.calls("T") if before is None else tape.shown()
        daemon._ending = True
        await asyncio.wait_for(daemon.listen(), 5)
        return daemon.tracker

    tape = Tape()
    tape.at = datetime.now(UTC).timestamp()
    before = asyncio.run(heard(tape, None))
    asyncio.run(heard(tape, before))
    rows = search.rows(Journal.open(config.general.database, "pbx1"), search.Filter())
    assert [(row["linkedid"], row["lost_in"]) for row in rows] == [("T", "unknown")]
