"""All about one number: shown as a whole, erased as a whole."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rows import CALLER, GROUND, LATER, NOON, SALES, check_invariants, missed

from asterisk_missed.callbacks.disposition import Disposition
from asterisk_missed.callbacks.plan import after
from asterisk_missed.calls.call import Contact, EndedCall
from asterisk_missed.journal import numbers, personal, search
from asterisk_missed.journal.by_hand import NotAllowed, NotPossible
from asterisk_missed.journal.journal import Journal

OTHER = "+79161234568"


def enter(journal: Journal, ended: EndedCall) -> None:
    assert journal.enter(ended, (SALES,), GROUND, ended.ended_at) is not None


def ring(journal: Journal) -> None:
    (callback,) = journal.due(LATER, 1)
    attempt = journal.claim(callback, SALES, LATER)
    assert attempt is not None
    busy = Disposition("BUSY", "client_busy", True)
    journal.finish(attempt, busy, after(callback, busy, SALES, GROUND, LATER), LATER)


@pytest.fixture
def two_clients(journal: Journal) -> Journal:
    """One with two misses, an attempt and a contact before them; and another, whose rows must stay."""
    journal.contact(Contact("pbx-0.1", CALLER, "in", "102", NOON - timedelta(days=1), 20.0), CALLER, NOON)
    enter(journal, missed())
    enter(journal, missed("pbx-1.2", NOON + timedelta(seconds=20)))
    ring(journal)
    journal.contact(Contact("pbx-0.2", OTHER, "in", "102", NOON - timedelta(days=1), 20.0), OTHER, NOON)
    enter(journal, missed("pbx-2.1", caller="79161234568"))
    return journal


class TestForget:
    @pytest.mark.parametrize("written", [CALLER, "79161234567", "89161234567", "9161234567", "+7 (916) 123-45-67"])
    def test_erases_all_of_it_however_it_is_written_and_nothing_of_others(
        self, two_clients: Journal, written: str
    ) -> None:
        gone = personal.forget(two_clients, written, "RU")
        assert (gone.number, gone.missed, gone.callbacks, gone.attempts, gone.contacts) == (CALLER, 2, 1, 1, 1)
        assert gone.story >= 8 and not gone.blocked
        assert personal.held(two_clients, CALLER, "RU").nothing
        kept = personal.held(two_clients, OTHER, "RU")
        assert (kept.missed, kept.callbacks, kept.contacts) == (1, 1, 1)

    def test_leaves_it_in_no_byte_of_the_database(self, two_clients: Journal, tmp_path: Path) -> None:
        def bytes_on_disk() -> bytes:
            return b"".join(path.read_bytes() for path in tmp_path.glob("journal.db*"))

        assert b"79161234567" in bytes_on_disk()
        personal.forget(two_clients, CALLER, "RU")
        assert b"79161234567" not in bytes_on_disk() and b"79161234568" in bytes_on_disk()

    def test_keeps_the_never_call_list(self, two_clients: Journal) -> None:
        numbers.block(two_clients, CALLER, "anna", LATER)
        assert personal.forget(two_clients, CALLER, "RU").blocked
        assert [entry.number for entry in numbers.listed(two_clients)] == [CALLER]

    def test_is_refused_while_he_is_being_called_and_then_changes_nothing(self, journal: Journal) -> None:
        enter(journal, missed())
        assert journal.claim(journal.due(LATER, 1)[0], SALES, LATER) is not None
        before = personal.dossier(journal, CALLER, "RU")
        with pytest.raises(NotPossible, match="being called at this moment"):
            personal.forget(journal, CALLER, "RU")
        assert personal.dossier(journal, CALLER, "RU") == before

    def test_says_when_there_is_nothing(self, two_clients: Journal) -> None:
        with pytest.raises(NotPossible, match="nothing is held about it"):
            personal.forget(two_clients, "+79990000000", "RU")

    @pytest.mark.parametrize("text", ["anonymous", "101", "%", "_", "' OR 1=1 --", "a\r\nb", "x" * 500, "*"])
    def test_takes_what_is_no_number_as_it_was_sent(self, two_clients: Journal, text: str) -> None:
        with pytest.raises(NotPossible, match="nothing is held"):
            personal.forget(two_clients, text, "RU")
        enter(two_clients, replace(missed("pbx-3.1", caller=text), reason="bad_number"))
        assert personal.forget(two_clients, text, "RU").missed == 1
        assert len(search.rows(two_clients, search.Filter())) == 3

    @pytest.mark.parametrize("text", ["\udcff", "\x00", "\x1b[2J"])
    def test_says_of_bytes_that_are_no_text_that_nothing_is_held(self, two_clients: Journal, text: str) -> None:
        with pytest.raises(NotPossible, match="nothing is held") as error:
            personal.forget(two_clients, text, "RU")
        assert str(error.value).isprintable()

    @pytest.mark.parametrize("text", ["", "  ", "\n"])
    def test_an_empty_text_is_no_number(self, two_clients: Journal, text: str) -> None:
        for verb in (personal.forget, personal.held, personal.dossier):
            with pytest.raises(NotAllowed, match="NUMBER"):
                verb(two_clients, text, "RU")

    def test_and_a_claim_at_once_leave_all_or_nothing(self, tmp_path: Path) -> None:
        url, callers = f"sqlite:///{tmp_path}/journal.db", [f"7916123{number:04}" for number in range(30)]
        first = Journal.open(url, "pbx1")
        for caller in callers:
            enter(first, missed(f"pbx-{caller}", caller=caller))
        claims, forgotten = list[str](), list[str]()

        def claim_all() -> None:
            journal = Journal.open(url, "pbx1")
            for callback in journal.due(LATER, 100):
                if journal.claim(callback, SALES, LATER) is not None:
                    claims.append(callback.number)

        def forget_all() -> None:
            journal = Journal.open(url, "pbx1")
            for caller in reversed(callers):
                with suppress(NotPossible):
                    forgotten.append(personal.forget(journal, caller, "RU").number)

        threads = [threading.Thread(target=work) for work in (claim_all, forget_all)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(claims + forgotten) == [f"+{caller}" for caller in callers]
        assert len(first.in_flight()) == len(claims)
        check_invariants(first)


class TestDossier:
    def test_has_all_of_it(self, two_clients: Journal) -> None:
        numbers.block(two_clients, CALLER, "anna", LATER, "he asked for it")
        told = personal.dossier(two_clients, "89161234567", "RU")
        assert list(told) == ["number", "missed", "callbacks", "attempts", "contacts", "blocked"]
        assert told["number"] == CALLER
        assert told["missed"] == [search.row(two_clients, missed_id) for missed_id in (1, 2)]
        assert [attempt["disposition"] for attempt in told["attempts"]] == ["BUSY"]
        assert [(contact["uniqueid"], contact["talk"]) for contact in told["contacts"]] == [("pbx-0.1", 20.0)]
        assert told["blocked"] == {"number": CALLER, "at": LATER, "by": "anna", "why": "he asked for it"}

    def test_of_somebody_unknown_says_that_there_is_nothing(self, two_clients: Journal) -> None:
        told = personal.dossier(two_clients, "+79990000000", "RU")
        assert told.pop("number") == "+79990000000" and not any(told.values())
