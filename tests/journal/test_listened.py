"""When nothing was heard, and what is made up of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rows import GROUND, NOON, SALES, missed, row

from asterisk_missed.calls.call import Contact
from asterisk_missed.journal import gaps, search
from asterisk_missed.journal.journal import Journal

MINUTE = timedelta(minutes=1)


class TestListening:
    def test_a_daemon_that_was_away_leaves_a_gap(self, journal: Journal) -> None:
        gaps.heard(journal, NOON)
        gaps.started(journal)
        gaps.back(journal, NOON + MINUTE)
        (gap,) = gaps.unmade(journal)
        assert (gap.began_at, gap.ended_at, gap.why) == (NOON, NOON + MINUTE, "nobody listened")

    def test_the_first_start_of_all_leaves_none(self, journal: Journal) -> None:
        gaps.started(journal)
        gaps.back(journal, NOON)
        assert gaps.unmade(journal) == ()

    def test_a_gap_that_goes_on_is_one(self, journal: Journal) -> None:
        gaps.heard(journal, NOON)
        gaps.away(journal, NOON + MINUTE, "the link was lost")
        gaps.started(journal)  # the daemon died too
        gaps.back(journal, NOON + 3 * MINUTE)
        (gap,) = gaps.unmade(journal)
        assert (gap.began_at, gap.why) == (NOON + MINUTE, "the link was lost")

    def test_what_is_made_up_is_not_made_up_again(self, journal: Journal) -> None:
        gaps.away(journal, NOON, "x" * 1000)
        gaps.back(journal, NOON + MINUTE)
        gaps.made_up(journal, [replace(gap, witness="cel", recovered=2) for gap in gaps.unmade(journal)])
        assert gaps.unmade(journal) == ()
        (kept,) = gaps.coverage(journal, NOON, NOON + MINUTE, NOON + MINUTE).gaps
        assert (kept.witness, kept.recovered) == ("cel", 2)

    def test_the_place_in_a_file_is_kept(self, journal: Journal) -> None:
        assert gaps.place(journal, "/x") is None
        for offset in (5, 2**40):
            gaps.read_up_to(journal, "/x", 7, offset)
            assert gaps.place(journal, "/x") == (7, offset)


class TestCoverage:
    def test_is_what_was_heard_and_what_cel_told(self, journal: Journal) -> None:
        gaps.heard(journal, NOON)
        for begin, witness in ((1, "cel"), (3, "cdr"), (5, None)):
            gaps.away(journal, NOON + begin * MINUTE, "the link was lost")
            gaps.back(journal, NOON + (begin + 1) * MINUTE)
            if witness:
                gaps.made_up(journal, [replace(gap, witness=witness) for gap in gaps.unmade(journal)])
        told = gaps.coverage(journal, NOON, NOON + 10 * MINUTE, NOON + 60 * MINUTE)
        assert (told.period, told.listened, len(told.gaps)) == (600.0, 480.0, 3)
        assert told.share == 0.8

    def test_before_the_first_start_nothing_was_heard(self, journal: Journal) -> None:
        gaps.heard(journal, NOON)
        assert gaps.coverage(journal, NOON - 9 * MINUTE, NOON + MINUTE, NOON + MINUTE).share == 0.1
        assert gaps.coverage(journal, NOON - 9 * MINUTE, NOON, NOON).share == 0.0

    def test_a_gap_that_goes_on_counts_up_to_now(self, journal: Journal) -> None:
        gaps.heard(journal, NOON)
        gaps.away(journal, NOON + MINUTE, "the link was lost")
        assert gaps.coverage(journal, NOON, NOON + 60 * MINUTE, NOON + 4 * MINUTE).share == 0.25

    def test_counts_the_calls_whose_end_is_not_known(self, journal: Journal) -> None:
        journal.enter(replace(missed(), reason="unconfirmed"), [SALES], GROUND, NOON)
        assert gaps.coverage(journal, NOON - MINUTE, NOON + MINUTE, NOON + MINUTE).unconfirmed == 1


class TestMakingUp:
    def test_a_call_that_nobody_heard_gets_its_row_and_its_callback(self, journal: Journal) -> None:
        assert journal.recover(missed(), [SALES], GROUND, NOON + MINUTE, "cel") == "recovered"
        found = row(journal)
        assert (found["reason"], found["recovered"]) == ("scheduled", True)
        assert next((line["event"], line.get("witness")) for line in found["story"]) == ("recovered", "cel")

    def test_an_unconfirmed_one_is_confirmed_and_then_called_back(self, journal: Journal) -> None:
        journal.enter(replace(missed(), reason="unconfirmed", lost_how="unknown"), [SALES], GROUND, NOON)
        assert row(journal)["due_at"] is None
        assert journal.recover(missed(), [SALES], GROUND, NOON + MINUTE, "cel") == "confirmed"
        found = row(journal)
        assert (found["reason"], found["lost_how"], found["recovered"]) == ("scheduled", "abandoned", True)
        assert [line["event"] for line in found["story"]] == ["missed", "planned", "confirmed", "planned"]
        assert journal.open_callback("+79161234567") is not None

    def test_an_unconfirmed_one_that_was_answered_is_taken_back(self, journal: Journal) -> None:
        journal.enter(replace(missed(), reason="unconfirmed"), [SALES], GROUND, NOON)
        assert journal.take_back("pbx-1.1")
        assert search.rows(journal, search.Filter()) == []
        assert not journal.take_back("pbx-1.1")

    def test_one_that_was_heard_is_not_taken_back(self, journal: Journal) -> None:
        journal.enter(missed(), [SALES], GROUND, NOON)
        assert not journal.take_back("pbx-1.1")
        assert journal.recover(missed(), [SALES], GROUND, NOON, "cel") is None

    def test_twice_changes_nothing(self, journal: Journal) -> None:
        journal.recover(missed(), [SALES], GROUND, NOON, "cel")
        before = row(journal)
        assert journal.recover(missed(), [SALES], GROUND, NOON + MINUTE, "cel") is None
        assert row(journal) == before

    def test_one_that_is_found_too_late_is_called_by_nobody(self, journal: Journal) -> None:
        journal.recover(missed(), [SALES], GROUND, NOON + timedelta(days=2), "cel")
        assert (row(journal)["reason"], row(journal)["due_at"]) == ("expired", None)
        assert journal.open_callback("+79161234567") is None

    def test_one_that_was_in_contact_since_needs_no_callback(self, journal: Journal) -> None:
        made = Contact("pbx-1.9", "79161234567", "in", "101", NOON + MINUTE, 60.0)
        journal.contact(made, "+79161234567", NOON + MINUTE)
        journal.recover(missed(), [SALES], GROUND, NOON + 5 * MINUTE, "cel")
        assert (row(journal)["status"], row(journal)["reason"]) == ("client_called", "client_returned")
