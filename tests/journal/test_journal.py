"""The journal as referee: guarded changes, one callback per number, a story for everything."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from rows import CALLER, GROUND, LATER, NOON, SALES, missed, row
from sqlalchemy.exc import DataError, IntegrityError

from asterisk_missed.callbacks.disposition import Disposition, lost
from asterisk_missed.callbacks.originate import Attempt
from asterisk_missed.callbacks.plan import Callback, End, Meanwhile, Wait, after
from asterisk_missed.calls.call import Contact, EndedCall, Missed
from asterisk_missed.journal import rulebook, search
from asterisk_missed.journal.database import Database, JournalUnreachable
from asterisk_missed.journal.journal import Journal
from asterisk_missed.rules.rule import Rule


def enter(journal: Journal, ended: EndedCall | None = None) -> int | None:
    ended = ended or missed()
    entered = journal.enter(ended, rulebook.read(journal), GROUND, ended.ended_at)
    return entered[0] if entered else None


def claimed(journal: Journal) -> tuple[Callback, Attempt]:
    (callback,) = journal.due(LATER, 10)
    attempt = journal.claim(callback, SALES, LATER)
    assert attempt is not None
    return callback, attempt


def test_a_missed_call_waits_for_its_time(journal: Journal) -> None:
    shown = row(journal, enter(journal))
    assert (shown["status"], shown["reason"], shown["caller"]) == ("not_called_back", "scheduled", CALLER)
    assert shown["due_at"] == NOON + timedelta(minutes=2)
    assert shown["source"] == {"kind": "did", "name": "74951234567"}
    assert journal.due(NOON, 10) == () and len(journal.due(LATER, 10)) == 1


def test_a_miss_during_the_last_attempt_is_a_promise_of_its_own(journal: Journal) -> None:
    enter(journal)
    callback, attempt = claimed(journal)
    second = enter(journal, missed("pbx-1.2", LATER + timedelta(seconds=5)))
    found = journal.missed_meanwhile(attempt, LATER)
    assert found == ("sales", LATER + timedelta(seconds=5))
    one_try = Rule.read(SALES.as_dict() | {"retry": {"attempts": 1}})
    busy = Disposition("BUSY", "client_busy", True)
    then = after(callback, busy, one_try, GROUND, LATER, Meanwhile(one_try, found[1]))
    journal.finish(attempt, busy, then, LATER)
    due = LATER + timedelta(seconds=5, minutes=2)
    for missed_id in (1, second):
        assert row(journal, missed_id)["due_at"] == due
    (again,) = journal.due(due, 10)
    assert (again.attempts, again.expires_at) == (0, due + timedelta(days=1))


def test_the_same_call_twice_is_one_row(journal: Journal) -> None:
    assert enter(journal) is not None
    assert enter(journal) is None
    assert len(search.rows(journal, search.Filter())) == 1


def test_two_misses_of_one_client_are_one_callback_and_share_its_end(journal: Journal) -> None:
    first, second = enter(journal), enter(journal, missed("pbx-1.2", NOON + timedelta(seconds=20)))
    callback, attempt = claimed(journal)
    ended = Disposition("ANSWERED", "answered", True, "101", LATER, 12.0)
    journal.finish(attempt, ended, after(callback, ended, SALES, GROUND, LATER), LATER)
    for missed_id in (first, second):
        shown = row(journal, missed_id)
        assert (shown["status"], shown["employee"], shown["talk"]) == ("called_back", "101", 12.0)
        assert shown["called_back_at"] == LATER


def test_a_miss_while_we_ring_him_joins_the_call(journal: Journal) -> None:
    enter(journal)
    claimed(journal)
    assert row(journal, enter(journal, missed("pbx-1.2", LATER)))["status"] == "calling"


def test_an_attempt_is_written_down_before_anything_can_ring(journal: Journal) -> None:
    enter(journal)
    _, attempt = claimed(journal)
    assert row(journal)["status"] == "calling"
    (open_one,) = journal.in_flight()
    assert open_one.attempt.channel_id == attempt.channel_id and attempt.channel_id.startswith("missed-")


def test_a_callback_is_claimed_once(journal: Journal) -> None:
    enter(journal)
    (callback,) = journal.due(LATER, 10)
    assert journal.claim(callback, SALES, LATER) is not None
    assert journal.claim(callback, SALES, LATER) is None


def test_many_claimants_at_once_get_each_callback_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    first = Journal.open(url, "pbx1")
    for number in range(50):
        first.enter(missed(f"pbx-{number}", caller=f"7916123{number:04}"), [SALES], GROUND, NOON)
    claims: list[int] = []

    def claim_all() -> None:
        journal = Journal.open(url, "pbx1")
        for callback in journal.due(LATER, 100):
            attempt = journal.claim(callback, SALES, LATER)
            if attempt is not None:
                claims.append(attempt.callback_id)

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claims) == list(range(1, 51))


def test_an_attempt_is_closed_once(journal: Journal) -> None:
    enter(journal)
    callback, attempt = claimed(journal)
    then = after(callback, lost(), SALES, GROUND, LATER)
    assert journal.finish(attempt, lost(), then, LATER)
    assert not journal.finish(attempt, lost(), then, LATER)
    assert row(journal)["attempts"][0]["disposition"] == "LOST"


def test_between_attempts_the_row_keeps_the_last_outcome_with_the_next_time(journal: Journal) -> None:
    enter(journal)
    callback, attempt = claimed(journal)
    ended = Disposition("BUSY", "client_busy", True, cause=17)
    journal.finish(attempt, ended, after(callback, ended, SALES, GROUND, LATER), LATER)
    shown = row(journal)
    assert (shown["status"], shown["reason"], shown["due_at"]) == (
        "failed",
        "client_busy",
        LATER + timedelta(minutes=5),
    )
    (again,) = journal.due(LATER + timedelta(minutes=5), 10)
    assert again.attempts == 1


def test_what_was_never_sent_waits_again_and_is_no_attempt(journal: Journal) -> None:
    enter(journal)
    _, attempt = claimed(journal)
    journal.unsent(attempt, "the link is down", LATER, LATER)
    shown = row(journal)
    assert (shown["status"], shown["reason"]) == ("not_called_back", "scheduled")
    assert journal.in_flight() == () and journal.due(LATER, 10)[0].attempts == 0


def contact(at: datetime, direction: str = "in", talk: float | None = None) -> Contact:
    return Contact("pbx-9.9", CALLER, direction, "102", at, talk)


@pytest.mark.parametrize(
    ("direction", "status", "reason"), [("in", "client_called", "client_returned"), ("out", "called_back", "by_hand")]
)
def test_a_contact_settles_the_waiting_callback(journal: Journal, direction: str, status: str, reason: str) -> None:
    enter(journal)
    at = NOON + timedelta(seconds=30)
    assert journal.contact(contact(at, direction), CALLER, at)
    assert journal.contact(contact(at, direction, 40.0), CALLER, at) is False
    shown = row(journal)
    assert (shown["status"], shown["reason"], shown["employee"]) == (status, reason, "102")
    assert (shown["called_back_at"], shown["talk"], shown["due_at"]) == (at, 40.0, None)
    assert journal.due(LATER, 10) == ()


def test_a_contact_made_while_we_ring_ends_the_callback(journal: Journal) -> None:
    enter(journal)
    callback, attempt = claimed(journal)
    journal.contact(contact(LATER + timedelta(seconds=5), talk=20.0), CALLER, LATER)
    ended = Disposition("BUSY", "client_busy", True)
    journal.finish(attempt, ended, after(callback, ended, SALES, GROUND, LATER), LATER)
    shown = row(journal)
    assert (shown["status"], shown["employee"], shown["due_at"]) == ("client_called", "102", None)
    assert journal.open_callback(CALLER) is None


def test_a_talk_that_turns_up_after_its_attempt_was_lost_settles_the_callback(journal: Journal) -> None:
    enter(journal)
    callback, attempt = claimed(journal)
    journal.finish(attempt, lost(), after(callback, lost(), SALES, GROUND, LATER), LATER)
    assert row(journal)["due_at"] is not None
    journal.talks(attempt.channel_id, "101", LATER + timedelta(seconds=9))
    shown = row(journal)
    assert (shown["status"], shown["reason"], shown["employee"]) == ("called_back", "answered", "101")
    assert journal.due(LATER + timedelta(days=1), 10) == ()


def test_a_contact_before_the_miss_settles_nothing(journal: Journal) -> None:
    enter(journal)
    assert not journal.contact(contact(NOON - timedelta(hours=1), talk=5.0), CALLER, NOON)
    assert row(journal)["status"] == "not_called_back"


def test_a_miss_after_its_callback_is_a_new_promise(journal: Journal) -> None:
    enter(journal)
    journal.contact(contact(NOON + timedelta(seconds=5)), CALLER, NOON)
    enter(journal, missed("pbx-1.7", NOON + timedelta(hours=1)))
    assert len(journal.due(NOON + timedelta(hours=2), 10)) == 1


def test_holding_tells_its_ground_once(journal: Journal) -> None:
    enter(journal)
    for second in range(3):
        (callback,) = journal.due(LATER + timedelta(seconds=second), 10)
        until = LATER + timedelta(seconds=second)
        journal.hold(callback, Wait("held_on_call", until, "he talks with 102"), LATER)
    held = [line for line in row(journal)["story"] if line["event"] == "held"]
    assert [line["ground"] for line in held] == ["he talks with 102"]
    assert row(journal)["reason"] == "held_on_call"


def test_a_callback_can_end_without_ringing(journal: Journal) -> None:
    enter(journal)
    (callback,) = journal.due(LATER, 10)
    assert journal.end(callback, End("not_called_back", "expired"), LATER)
    assert not journal.end(callback, End("not_called_back", "expired"), LATER)
    assert row(journal)["reason"] == "expired"


def test_a_number_that_callers_dial_is_ours_and_is_not_called(journal: Journal) -> None:
    ours = "84952223344"
    for place, did in enumerate((ours, "74952223344", "74957778899")):
        ended = replace(missed(f"pbx-1.{place + 1}", NOON, f"7916000000{place}"), did=did)
        enter(journal, replace(ended, missed=Missed(did, "trunk-main")))
    assert row(journal, enter(journal, missed("pbx-1.8", NOON, "+74952223344")))["reason"] == "refused_number"
    assert (
        row(journal, enter(journal, missed("pbx-1.9", NOON, "74957778899")))["reason"] == "scheduled"
    )  # once is no DID


def test_deleting_a_rule_cancels_what_waits_for_it(journal: Journal) -> None:
    enter(journal)
    rulebook.replace(journal, [], "tester", GROUND, NOON)
    assert (row(journal)["reason"], journal.open_callback(CALLER)) == ("cancelled", None)


def test_a_talk_is_known_as_soon_as_it_goes_on(journal: Journal) -> None:
    enter(journal)
    _, attempt = claimed(journal)
    journal.talks(attempt.channel_id, "101", LATER)
    (open_one,) = journal.in_flight()
    assert (open_one.talked_at, open_one.employee) == (LATER, "101")


def test_what_a_caller_sent_is_kept_escaped_and_short(journal: Journal) -> None:
    ended = replace(missed(caller="1\r\nEvent: Shutdown" + "x" * 500), reason="bad_number")
    journal.enter(ended, rulebook.read(journal), GROUND, NOON)
    caller = row(journal)["caller"]
    assert caller.startswith("1\\r\\nEvent") and len(caller) == 200


@pytest.mark.parametrize("caller", ["", "anonymous", "++79161234567", "+", "+7", "1;rm", "00", "٧٩١٦", "x" * 300])
def test_whatever_a_caller_shows_he_is_written_down(journal: Journal, caller: str) -> None:
    assert enter(journal, missed(caller=caller)) is not None


def test_a_part_of_the_number_finds_the_row(journal: Journal) -> None:
    enter(journal)
    assert [r["id"] for r in search.rows(journal, search.Filter(caller="6123"))] == [1]
    assert search.rows(journal, search.Filter(caller="%")) == []
    assert search.rows(journal, search.Filter(status="failed")) == []
    assert [r["id"] for r in search.rows(journal, search.Filter(source="101", rule="sales"))] == [1]


def test_who_talked_last_is_known_from_contacts_and_callbacks(journal: Journal) -> None:
    enter(journal)
    _, attempt = claimed(journal)
    journal.talks(attempt.channel_id, "101", LATER)
    journal.contact(contact(NOON, talk=3.0), CALLER, NOON)
    assert journal.last_talks(["101", "102", "103"]) == {"101": LATER.timestamp(), "102": NOON.timestamp() + 3.0}


class TestOpening:
    def test_makes_the_tables_where_there_are_none(self, tmp_path: Path) -> None:
        Journal.open(f"sqlite:///{tmp_path}/new.db", "pbx1")
        assert Database(f"sqlite:///{tmp_path}/new.db").upgrade() == ("0003", "0003")

    @pytest.mark.parametrize(
        "url", ["sqlite:////nowhere/at/all.db", "hello", "nosuch://x/y", "sqlite:////proc/journal.db"]
    )
    def test_says_in_one_line_what_cannot_be_opened(self, url: str) -> None:
        with pytest.raises(JournalUnreachable) as error:
            Journal.open(url, "pbx1")
        assert "\n" not in str(error.value) and str(error.value).startswith("database: ")

    def test_refuses_tables_of_another_version(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/journal.db"
        Journal.open(url, "pbx1")
        database = Database(url)
        with database.writing() as db:
            db.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(JournalUnreachable, match="db upgrade"):
            Journal.open(url, "pbx1")


class TestWhatTheDatabaseRefuses:
    def test_is_not_asked_for_again_for_ever(self, journal: Journal) -> None:
        """A value that a column cannot hold (PostgreSQL, MariaDB) is no database that does not answer."""
        with pytest.raises(DataError), journal.database.writing():
            raise DataError("INSERT", {}, Exception("value too long for type character varying(64)"))

    def test_a_number_that_was_dialled_with_eighty_digits_fits(self, journal: Journal) -> None:
        ended = missed()
        assert ended.missed is not None
        long = replace(ended, did="7" * 79, missed=replace(ended.missed, did="7" * 79))
        rule = Rule.read(SALES.as_dict() | {"source": {"trunk": "trunk-main"}})
        assert journal.enter(long, [rule], GROUND, NOON) is not None
        (callback,) = journal.due(LATER, 10)
        assert len(callback.did) <= 64

    @pytest.mark.parametrize("verb", ["enter", "recover"])
    def test_because_another_wrote_at_the_same_moment_is_written_on_a_second_look(
        self, journal: Journal, verb: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two misses of one client, on two PBXs of one PostgreSQL, or heard and made up: one open callback per number."""
        promise, collided = Journal._promise, []

        def collides(*args: object) -> int:
            if not collided:
                collided.append(True)
                raise IntegrityError("INSERT", {}, Exception("duplicate key value: callbacks_open_number_key"))
            return promise(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(Journal, "_promise", collides)
        more = ("cel",) if verb == "recover" else ()
        assert getattr(journal, verb)(missed(), rulebook.read(journal), GROUND, NOON, *more) is not None
        assert len(journal.due(LATER, 10)) == 1
