"""What nobody heard, made up from the rows that a real Asterisk 22 wrote (tests/history/22.csv)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from asterisk_missed.calls.call import EndedCall
from asterisk_missed.calls.history import History
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.tracker import CallEnded
from asterisk_missed.config import Config, read
from asterisk_missed.journal import gaps, search
from asterisk_missed.journal.journal import Journal
from asterisk_missed.pbx.witness import CelFile
from asterisk_missed.recovery import Recovery
from asterisk_missed.rules.rule import Rule

CEL = Path(__file__).parent / "history" / "22.csv"
RULE = Rule.read(
    {"slug": "all", "source": {"trunk": "trunk-main"}, "first": "employee", "connect": {"extensions": ["101"]}}
)
HOUR = timedelta(hours=1)


def told() -> list[EndedCall]:
    """The calls of the file, by their end."""
    history = History(Lines(["PJSIP/trunk-main"], ["1XX"]))
    happened = [h for row in CelFile(CEL).rows() for h in history.feed(row)]
    return sorted((h.call for h in happened if isinstance(h, CallEnded)), key=lambda call: call.ended_at)


CALLS = told()
MISSED = [call for call in CALLS if call.missed is not None]
BEGAN, OVER = CALLS[0].started_at, CALLS[-1].ended_at


@pytest.fixture
def config(tmp_path: Path) -> Config:
    shutil.copy(CEL, tmp_path / "cel.csv")
    return read(
        f"[general]\npbx = pbx1\ndatabase = sqlite:///{tmp_path}/journal.db\n[calls]\nlegal_hours = 00:00-24:00\n"
        f"[history]\ncel = {tmp_path}/cel.csv\ncdr = {tmp_path}/cdr.csv\nqueue_log = {tmp_path}/queue_log\n",
        {},
    )


@pytest.fixture
def journal(config: Config) -> Journal:
    return Journal.open(config.general.database, "pbx1")


def gap(journal: Journal, began: datetime, ended: datetime) -> None:
    gaps.away(journal, began, "the link was lost")
    gaps.back(journal, ended)


def make_up(
    config: Config, journal: Journal, now: datetime = OVER + HOUR, listening: bool = True
) -> tuple[gaps.Gap, ...]:
    return Recovery(config, journal, config.ground).gaps([RULE], None, now, now, listening=listening).gaps


def test_the_recording_has_what_the_tests_need() -> None:
    assert len(MISSED) >= 14 and len(CALLS) > len(MISSED)


class TestAGap:
    def test_gets_its_missed_calls_and_no_others(self, config: Config, journal: Journal) -> None:
        gap(journal, BEGAN + timedelta(seconds=1), OVER)
        (made,) = make_up(config, journal)
        assert made.recovered == len(search.rows(journal, search.Filter())) == len(MISSED)

    def test_is_made_up_once(self, config: Config, journal: Journal) -> None:
        gap(journal, BEGAN, OVER)
        make_up(config, journal)
        before = search.rows(journal, search.Filter())
        assert make_up(config, journal) == ()
        gap(journal, BEGAN, OVER)  # and found again: nothing changes
        assert [made.recovered for made in make_up(config, journal)] == [0]
        assert search.rows(journal, search.Filter()) == before

    def test_that_ends_in_the_middle_gets_what_ended_in_it(self, config: Config, journal: Journal) -> None:
        middle = MISSED[len(MISSED) // 2].ended_at + timedelta(milliseconds=10)
        gap(journal, BEGAN, middle - timedelta(seconds=2))
        (made,) = make_up(config, journal)
        assert made.recovered == sum(1 for call in MISSED if call.ended_at <= middle)

    def test_that_cel_was_there_for_counts_as_covered(self, config: Config, journal: Journal) -> None:
        make_up(config, journal)  # the file is known from here on
        gap(journal, OVER, OVER + HOUR)
        (made,) = make_up(config, journal)
        assert made.witness == "cel"

    def test_that_began_before_cel_did_is_covered_in_part(self, config: Config, journal: Journal) -> None:
        gap(journal, BEGAN - HOUR, OVER)
        (made,) = make_up(config, journal)
        assert (made.witness, made.recovered) == ("part", len(MISSED))

    def test_without_any_witness_says_so(self, config: Config, journal: Journal, tmp_path: Path) -> None:
        (tmp_path / "cel.csv").unlink()
        gap(journal, BEGAN, OVER)
        assert [(made.witness, made.recovered) for made in make_up(config, journal)] == [("none", 0)]


class TestADoubt:
    def test_is_confirmed_and_the_client_called(self, config: Config, journal: Journal) -> None:
        call = next(call for call in MISSED if call.reason is None)
        journal.enter(replace(call, reason="unconfirmed"), [RULE], config.ground, call.ended_at)
        gap(journal, BEGAN, OVER)
        (made,) = make_up(config, journal)
        assert (made.confirmed, made.recovered) == (1, len(MISSED) - 1)
        assert {row["reason"] for row in search.rows(journal, search.Filter())} <= {"scheduled", "bad_number"}

    def test_is_taken_back_where_he_was_answered(self, config: Config, journal: Journal) -> None:
        call, missed = next(call for call in CALLS if call.missed is None), MISSED[0].missed
        doubtful = replace(call, missed=missed, reason="unconfirmed", answered=False, answered_by=None)
        journal.enter(doubtful, [RULE], config.ground, call.ended_at)
        gap(journal, BEGAN, OVER)
        (made,) = make_up(config, journal)
        assert (made.taken_back, made.recovered) == (1, len(MISSED))
        assert call.linkedid not in {row["linkedid"] for row in search.rows(journal, search.Filter())}


def test_nobody_is_called_for_a_call_of_the_day_before(config: Config, journal: Journal) -> None:
    gap(journal, BEGAN, OVER)
    make_up(config, journal, OVER + timedelta(days=2))
    rows = search.rows(journal, search.Filter())
    assert {row["reason"] for row in rows} <= {"expired", "bad_number"} and all(row["due_at"] is None for row in rows)
    assert search.open_callbacks(journal) == 0


class TestHowFarItWasRead:
    def test_is_kept_by_who_listens(self, config: Config, journal: Journal, tmp_path: Path) -> None:
        make_up(config, journal)
        place = gaps.place(journal, f"{tmp_path}/cel.csv")
        assert place is not None and 0 < place[1] <= CEL.stat().st_size

    def test_is_not_moved_by_who_does_not(self, config: Config, journal: Journal, tmp_path: Path) -> None:
        make_up(config, journal, listening=False)
        assert gaps.place(journal, f"{tmp_path}/cel.csv") is None

    def test_leaves_out_the_last_minute(self, config: Config, journal: Journal) -> None:
        """Somebody may die at this moment who has heard the last calls and not written them down."""
        make_up(config, journal, OVER)
        since = OVER - timedelta(seconds=2)
        gap(journal, since, OVER)
        (made,) = make_up(config, journal)
        assert made.recovered == sum(1 for call in MISSED if call.ended_at >= since - timedelta(seconds=2)) > 0

    def test_leaves_out_what_is_going_on(self, config: Config, journal: Journal, tmp_path: Path) -> None:
        rows, cel = CEL.read_bytes().splitlines(keepends=True), tmp_path / "cel.csv"
        cel.write_bytes(b"".join(rows[:40]))
        make_up(config, journal)
        cel.write_bytes(b"".join(rows))
        gap(journal, BEGAN + timedelta(seconds=1), OVER)
        (made,) = make_up(config, journal)
        ended_later = [call for call in MISSED if call.ended_at.timestamp() > float(rows[40].split(b'"')[3])]
        assert made.recovered >= len(ended_later) > 0

    def test_leaves_out_whose_call_has_just_ended_however_long_ago_it_began(
        self, config: Config, journal: Journal, tmp_path: Path
    ) -> None:
        call = next(call for call in MISSED if call.reason is None)
        rows = [row for row in CEL.read_bytes().splitlines() if row.split(b'"')[7].decode() == call.linkedid]
        for place, row in enumerate(rows):
            cells = row.split(b'"')
            if cells[1] not in (b"HANGUP", b"CHAN_END", b"LINKEDID_END"):
                cells[3] = b"%.6f" % (float(cells[3]) - 100)
            rows[place] = b'"'.join(cells) + b"\n"
        (tmp_path / "cel.csv").write_bytes(b"".join(rows))
        make_up(config, journal, call.ended_at + timedelta(seconds=0.5))  # and dies before it has judged him
        gap(journal, call.ended_at - timedelta(seconds=1), call.ended_at + timedelta(seconds=9))
        (made,) = make_up(config, journal, call.ended_at + timedelta(seconds=10))
        assert made.recovered == 1


def test_call_detail_records_say_nothing_of_a_call_that_cel_has_seen_whole(
    config: Config, journal: Journal, tmp_path: Path
) -> None:
    call = next(call for call in CALLS if call.missed is None)
    row = '"","79161234567","74951234567","from-trunk","","PJSIP/trunk-main-01","PJSIP/101-02","Dial","PJSIP/101,30",'
    start, tail = f"{call.started_at:%Y-%m-%d %H:%M:%S}", '"NO ANSWER","DOCUMENTATION"'
    (tmp_path / "cdr.csv").write_text(f'{row}"{start}","","{start}","1","0",{tail},"{call.linkedid}",""\n')
    utc = config.model_copy(update={"general": config.general.model_copy(update={"timezone": "UTC"})})
    gap(journal, BEGAN - HOUR, OVER)
    make_up(utc, journal)
    assert call.linkedid not in {row["linkedid"] for row in search.rows(journal, search.Filter())}


def test_a_period_is_made_up_from_call_detail_records_where_there_is_no_cel(
    config: Config, journal: Journal, tmp_path: Path
) -> None:
    (tmp_path / "cel.csv").unlink()
    row = '"","79161234567","74951234567","from-trunk","","PJSIP/trunk-main-01","PJSIP/101-02","Dial","PJSIP/101,30",'
    times = '"2026-06-01 09:00:00","","2026-06-01 09:00:12","12","0","NO ANSWER","DOCUMENTATION","pbx-1.1",""\n'
    (tmp_path / "cdr.csv").write_text(row + times)
    utc = config.model_copy(update={"general": config.general.model_copy(update={"timezone": "UTC"})})
    nine = datetime(2026, 6, 1, 9, tzinfo=UTC)
    made = Recovery(utc, journal, utc.ground).period([RULE], nine - HOUR, nine + HOUR, nine + HOUR)
    assert (made.witness, made.recovered) == ("cdr", 1)
    (found,) = search.rows(journal, search.Filter())
    assert (found["caller"], found["extension"], found["linkedid"], found["recovered"]) == (
        "+79161234567", "101", "pbx-1.1", True,
    )  # fmt: skip


def test_a_hang_up_that_was_not_heard_is_looked_up_though_its_rows_were_read_already(
    config: Config, journal: Journal
) -> None:
    call = next(call for call in MISSED if call.reason is None)
    make_up(config, journal)  # its rows have been passed, and there was no gap
    noticed = call.ended_at + timedelta(seconds=100)
    journal.enter(replace(call, reason="unconfirmed", ended_at=noticed), [RULE], config.ground, noticed)
    gaps.doubted(journal, noticed, noticed)
    (made,) = make_up(config, journal, noticed + HOUR)
    assert made.confirmed == 1


def test_a_doubt_that_a_gap_explains_makes_no_gap_of_its_own(journal: Journal) -> None:
    gap(journal, BEGAN, OVER)
    gaps.doubted(journal, BEGAN, OVER)
    assert len(gaps.unmade(journal)) == 1
