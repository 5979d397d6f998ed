"""What Asterisk wrote is read once, and all of it, whatever logrotate and power cuts do to the file."""

from __future__ import annotations

import csv
import gzip
import io
import os
import shutil
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from asterisk_missed.calls.cdr import QueueEntry
from asterisk_missed.calls.history import EVENTS
from asterisk_missed.pbx.rotated import LONGEST, Place, oldest
from asterisk_missed.pbx.witness import CdrFile, CelFile, QueueLog, cel_conf, cel_custom_mapping


def line(uniqueid: str, **values: str) -> str:
    """A row of CEL as `cel_custom_mapping` has it written."""
    row = {
        "event": "CHAN_START",
        "at": "1795441835.056241",
        "uniqueid": uniqueid,
        "linkedid": uniqueid,
        "channel": "PJSIP/trunk-main-00000000",
        "caller": "79160000001",
        "length": "11",
        "name": "Anna",
        "exten": "74952000112",
        "context": "from-trunk",
        "application": "",
        "data": "",
        "extra": "",
        "written": "1795441835.060000",
    } | values
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(row.values())
    return text.getvalue()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "asterisk-missed.csv"


def write(path: Path, *uniqueids: str) -> None:
    """Asterisk opens the file anew for every row."""
    for uniqueid in uniqueids:
        with path.open("a") as file:
            file.write(line(uniqueid))


def unlink(path: Path) -> None:
    """Its inode is taken at once by something else."""
    path.unlink()
    for other in range(50):
        (path.parent / f"other{other}").touch()


def read(file: CelFile) -> list[str]:
    return [row.uniqueid for row in file.rows()]


# --- rows


def test_a_row_says_all_of_its_columns(log: Path) -> None:
    extra = '{"hangupcause":16,"hangupsource":"PJSIP/trunk-main-00000000","dialstatus":""}'
    log.write_text(line("1.1", event="HANGUP", name='ООО "Ромашка", отдел', extra=extra, data="PJSIP/112,30,tT"))
    (row,) = CelFile(log).rows()
    assert (row.event, row.at, row.uniqueid, row.caller) == ("HANGUP", 1795441835.056241, "1.1", "79160000001")
    assert (row.caller_name, row.exten, row.context, row.data) == (
        'ООО "Ромашка", отдел',
        "74952000112",
        "from-trunk",
        "PJSIP/112,30,tT",
    )
    assert row.extra["hangupcause"] == 16 and row.word("hangupsource") == "PJSIP/trunk-main-00000000"


def test_a_number_out_of_which_a_character_was_taken_is_no_number(log: Path) -> None:
    log.write_text(line("1", caller="79160000001", length="12"))
    assert [row.caller for row in CelFile(log).rows()] == [""]


def test_with_a_dateformat_of_somebody_elses_the_time_of_writing_counts(log: Path) -> None:
    log.write_text(line("1", at="2026-11-23 14:00:00"))
    assert [row.at for row in CelFile(log).rows()] == [1795441835.06]


def test_every_row_knows_where_it_begins(log: Path) -> None:
    write(log, "1", "2")
    file = CelFile(log)
    places = [row.place for row in file.rows()]
    assert places == [Place(log.stat().st_ino, 0), Place(log.stat().st_ino, len(line("1")))]
    assert read(CelFile(log, places[1])) == ["2"]
    assert file.place == Place(log.stat().st_ino, log.stat().st_size)


def test_a_row_that_is_being_written_is_read_when_it_is_whole(log: Path) -> None:
    whole = line("2")
    log.write_text(line("1") + whole[:50])
    file = CelFile(log)
    assert read(file) == ["1"]
    with log.open("a") as more:
        more.write(whole[50:])
    assert read(file) == ["2"] and file.broken == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 100 + b"\n",
        b"\xff\xfe\x80garbage\n",
        b"\n",
        b'"CHAN_START","1795441835.1"\n',
        line("9", at="soon", written="later").encode(),
        line("9", at="nan", written="inf").encode(),
        line("9").encode()[:-1] + b',"one more"\n',
        line("").encode(),
        b'"' + b"x" * (3 * LONGEST) + b"\n",
    ],
    ids=range(9),
)
def test_what_is_no_row_is_skipped_and_counted(log: Path, garbage: bytes) -> None:
    log.write_bytes(line("1").encode() + garbage + line("2").encode())
    file = CelFile(log)
    assert read(file) == ["1", "2"]
    assert file.broken == 1


def test_extra_that_was_cut_does_not_cost_the_row(log: Path) -> None:
    log.write_text(line("1", extra='{"hangupcause":16,"hangup'))
    assert [dict(row.extra) for row in CelFile(log).rows()] == [{}]


@pytest.mark.parametrize("cut", range(1, len(line("1")) - 1, 7))
def test_a_row_behind_one_that_a_power_cut_tore_is_read(log: Path, cut: int) -> None:
    log.write_text(line("1")[:cut] + line("2"))
    assert read(CelFile(log)) == ["2"]


def test_a_callers_name_cannot_look_like_a_row(log: Path) -> None:
    log.write_text(line("1", name=f"x\n{line('forged')}", exten="too,\nmany"))
    assert "forged" not in read(CelFile(log))


# --- rotation


def test_nothing_is_read_twice(log: Path) -> None:
    write(log, "1", "2")
    file = CelFile(log)
    assert (read(file), read(file)) == (["1", "2"], [])
    write(log, "3")
    assert read(CelFile(log, file.place)) == ["3"]


def test_a_file_that_is_not_there_yet_is_empty(log: Path) -> None:
    file = CelFile(log)
    assert read(file) == [] and file.place is None
    write(log, "1")
    assert read(file) == ["1"]


@pytest.mark.parametrize("name", ["asterisk-missed.csv.1", "asterisk-missed.csv-20261123"])
def test_the_rest_of_a_renamed_file_comes_before_the_new_one(log: Path, name: str) -> None:
    write(log, "1")
    file = CelFile(log)
    read(file)
    write(log, "2")
    log.rename(log.with_name(name))
    write(log, "3")
    assert read(file) == ["2", "3"]
    assert file.place == Place(log.stat().st_ino, log.stat().st_size) and file.warnings == []


def test_between_the_renaming_and_the_next_row_there_is_no_file(log: Path) -> None:
    write(log, "1")
    file = CelFile(log)
    read(file)
    write(log, "2")
    log.rename(log.with_name(f"{log.name}.1"))
    assert read(file) == ["2"]
    write(log, "3")
    assert read(file) == ["3"]


def test_files_that_were_rotated_meanwhile_are_read_in_their_order(log: Path) -> None:
    write(log, "1")
    file = CelFile(log)
    read(file)
    for turn, uniqueid in enumerate(("2", "3", "4")):
        write(log, uniqueid)
        for age in (2, 1):
            older = log.with_name(f"{log.name}.{age}")
            if older.exists():
                older.rename(log.with_name(f"{log.name}.{age + 1}"))
        log.rename(log.with_name(f"{log.name}.1"))
        os.utime(log.with_name(f"{log.name}.1"), (1000 + turn, 1000 + turn))
    write(log, "5")
    assert read(file) == ["2", "3", "4", "5"]


def test_a_file_that_was_emptied_in_place_begins_anew(log: Path) -> None:
    write(log, "1", "2")
    file = CelFile(log)
    read(file)
    log.write_text("")
    write(log, "3")
    assert read(file) == ["3"]
    assert file.warnings == [f"{log}: it was emptied; what had not been read of it is lost"]


def test_what_copytruncate_copied_is_read_from_the_copy(log: Path) -> None:
    write(log, "1", "2")
    file = CelFile(log)
    read(file)
    write(log, "3")
    shutil.copy(log, log.with_name(f"{log.name}.1"))
    log.write_text("")
    write(log, "4")
    assert read(file) == ["3", "4"] and file.warnings == []


def test_a_file_that_was_emptied_and_has_grown_again_is_not_read_from_its_middle(log: Path) -> None:
    write(log, "1")
    file = CelFile(log)
    read(file)
    log.write_text(line("22"))
    write(log, "3")
    assert read(file) == ["22", "3"] and len(file.warnings) == 1


def test_a_packed_file_is_said_to_be_lost(log: Path) -> None:
    write(log, "1")
    file = CelFile(log)
    read(file)
    write(log, "2")
    with gzip.open(f"{log}.1.gz", "wb") as packed:
        packed.write(log.read_bytes())
    unlink(log)
    write(log, "3")
    assert read(file) == ["3"]
    (warning,) = file.warnings
    assert warning.endswith(f"what had not been read of it; it may be {log}.1.gz")


def test_after_a_packed_file_the_unpacked_ones_are_read(log: Path) -> None:
    write(log, "1")
    file = CelFile(log)
    read(file)
    gzip.open(f"{log}.2.gz", "wb").close()
    unlink(log)
    write(log.with_name(f"{log.name}.1"), "2")
    write(log, "3")
    assert read(file) == ["2", "3"] and len(file.warnings) == 1


def test_the_oldest_place_reaches_back_to_a_day(log: Path) -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    for days in (1, 2, 3):
        rotated = log.with_name(f"{log.name}.{days}")
        write(rotated, f"{days} days ago")
        written = (noon - timedelta(days=days)).timestamp()
        os.utime(rotated, (written, written))
    write(log, "today")
    assert read(CelFile(log, oldest(log, noon - timedelta(days=2, hours=5)))) == ["2 days ago", "1 days ago", "today"]
    assert read(CelFile(log, oldest(log, noon))) == ["today"]


def test_memory_does_not_grow_with_the_file(log: Path) -> None:
    rows = 100_000
    log.write_text(line("1") * rows)
    file = CelFile(log)
    tracemalloc.start()
    read_rows = sum(1 for _ in file.rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read_rows == rows and log.stat().st_size > 15_000_000
    assert peak < 1_000_000


# --- CDR and the queues' log


def test_a_record_of_cdr_csv(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_text(
        '"","79160000001","74952000112","from-trunk","""Anna"" <79160000001>","PJSIP/trunk-main-00000001",'
        '"PJSIP/112-00000002","Dial","PJSIP/112,30,tT","2026-11-23 14:03:07",,"2026-11-23 14:03:10",3,0,"NO ANSWER",'
        '"DOCUMENTATION","1795442587.260"\n'
    )
    (row,) = CdrFile(path, timezone(timedelta(hours=3))).rows()
    assert row.start == datetime(2026, 11, 23, 11, 3, 7, tzinfo=UTC).timestamp()
    assert (row.src, row.name, row.dst, row.dstchannel) == ("79160000001", "Anna", "74952000112", "PJSIP/112-00000002")
    assert (row.duration, row.billsec, row.disposition, row.uniqueid) == (3, 0, "NO ANSWER", "1795442587.260")


def test_a_record_without_a_uniqueid(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_text(
        '"","1","2","c","","PJSIP/a-1","","","","2026-11-23 14:03:07",,"2026-11-23 14:03:10",3,0,"FAILED","D"\n'
    )
    assert [row.uniqueid for row in CdrFile(path, UTC).rows()] == [""]


def test_a_line_of_the_queues_log(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    path.write_text("1795442588|1795442587.317|q3|PJSIP/131|CONNECT|1|1795442587.336|1\nnonsense\n")
    file = QueueLog(path)
    assert list(file.rows()) == [QueueEntry(1795442588.0, "1795442587.317", "q3", "PJSIP/131", "CONNECT")]
    assert file.broken == 1


# --- what makes Asterisk write it


def test_cel_conf_names_every_event_that_is_followed() -> None:
    settings = dict(setting.split(" = ") for setting in cel_conf().splitlines()[1:])
    assert settings["enable"] == "yes"
    assert set(settings["events"].split(",")) == set(EVENTS)
    assert {"dial", "queue", "voicemail", "park", "followme"} <= set(settings["apps"].split(","))


def test_what_another_back_end_needs_is_written_too() -> None:
    text = cel_conf(apps=["Echo", "Dial"], events=["chan_end"])
    assert text.count("echo") == 1 and text.count("dial,") == 2 and "CHAN_END" in text


def test_a_caller_puts_nothing_into_the_file_that_breaks_a_row() -> None:
    mapping = cel_custom_mapping()
    assert mapping.startswith("asterisk-missed.csv => ") and mapping.count("\n") == 1
    assert "${FILTER(0-9+*#,${CALLERID(num)})}" in mapping
    for hers in ("${CALLERID(name)}", "${CHANNEL(exten)}", "${CHANNEL(appdata)}", "${CHANNEL(channame)}"):
        assert mapping.count(hers) == mapping.count(rf"${{CSV_QUOTE(${{FILTER(\x20-\x7e\x80-\xff,{hers})}})}}") == 1
