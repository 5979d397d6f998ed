"""What people do by hand: each verb on each state, two at once, and what must not be done whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from rows import CALLER, GROUND, LATER, NOON, SALES, check_invariants, missed, row

from asterisk_missed.callbacks.disposition import Disposition
from asterisk_missed.callbacks.plan import Callback, End, Go, Wait, after, check
from asterisk_missed.calls.call import Contact, EndedCall
from asterisk_missed.journal import by_hand, numbers, rulebook, search
from asterisk_missed.journal.by_hand import NotAllowed, NotPossible
from asterisk_missed.journal.journal import Journal
from asterisk_missed.rules.guard import Gate
from asterisk_missed.rules.hours import DailyHours
from asterisk_missed.rules.rule import Rule

SOON = LATER + timedelta(minutes=1)
SUPPORT = Rule.read(SALES.as_dict() | {"slug": "support", "source": {"did": "74951112233"}})
EXTENSIONS = ("1XX", "_2[0-5]X", "9.")


def enter(journal: Journal, ended: EndedCall | None = None, rules: tuple[Rule, ...] = (SALES,)) -> int:
    ended = ended or missed()
    entered = journal.enter(ended, rules, GROUND, ended.ended_at)
    assert entered is not None
    return entered[0]


def ring(journal: Journal, ended: Disposition | None = None) -> None:
    """Make the callback that is due; it goes on, or ends as given."""
    (callback,) = journal.due(LATER, 10)
    attempt = journal.claim(callback, SALES, LATER)
    assert attempt is not None
    if ended is not None:
        journal.finish(attempt, ended, after(callback, ended, SALES, GROUND, LATER), LATER)


def end(journal: Journal, reason: str) -> None:
    (callback,) = journal.due(LATER, 10)
    journal.end(callback, End("not_called_back", reason), LATER)


def contact(at: datetime, direction: str = "in", uniqueid: str = "pbx-9.9") -> Contact:
    return Contact(uniqueid, CALLER, direction, "102", at, 20.0)


def open_one(journal: Journal) -> Callback:
    found = journal.open_callback(CALLER)
    assert found is not None
    return found


# --- the states that a row can be in


def waiting(journal: Journal) -> None:
    enter(journal)


def held(journal: Journal) -> None:
    enter(journal)
    journal.hold(journal.due(LATER, 1)[0], Wait("held_limit", LATER + timedelta(minutes=9)), LATER)


def paused(journal: Journal) -> None:
    enter(journal)
    journal.pause(journal.due(LATER, 1)[0], LATER)


def between_attempts(journal: Journal) -> None:
    enter(journal)
    ring(journal, Disposition("BUSY", "client_busy", True, cause=17))


def calling(journal: Journal) -> None:
    enter(journal)
    ring(journal)


def failed(journal: Journal) -> None:
    enter(journal)
    ring(journal, Disposition("FAILED", "invalid_number", False, cause=1))


def cancelled(journal: Journal) -> None:
    enter(journal)
    end(journal, "cancelled")


def expired(journal: Journal) -> None:
    enter(journal)
    end(journal, "expired")


def no_rule(journal: Journal) -> None:
    enter(journal, rules=())


def wait_too_short(journal: Journal) -> None:
    enter(journal, rules=(Rule.read(SALES.as_dict() | {"wait": {"min": "1m"}}),))


def unconfirmed(journal: Journal) -> None:
    enter(journal, replace(missed(), reason="unconfirmed"))


def bad_number(journal: Journal) -> None:
    enter(journal, replace(missed(caller="anonymous"), reason="bad_number"))


def refused_number(journal: Journal) -> None:
    enter(journal, missed(caller="+5352123456"))


def blocked_number(journal: Journal) -> None:
    numbers.block(journal, CALLER, "anna", NOON)
    enter(journal)


def called_back(journal: Journal) -> None:
    enter(journal)
    ring(journal, Disposition("ANSWERED", "answered", True, "101", LATER, 9.0))


def client_called(journal: Journal) -> None:
    enter(journal)
    journal.contact(contact(LATER), CALLER, LATER)


State = Callable[[Journal], None]
BEING = "being called at this moment"
MADE = "contact was made already"
NONE = "no callback waits"
CLOSED = "no open callback"
# state -> what keeps it from being called now, cancelled, marked done, assigned; None: nothing does
TABLE: dict[State, tuple[str | None, str | None, str | None, str | None]] = {
    waiting: (None, None, None, None),
    held: (None, None, None, None),
    paused: (None, None, None, None),
    between_attempts: (None, None, None, None),
    calling: (BEING, BEING, BEING, None),
    failed: (None, NONE, None, CLOSED),
    cancelled: (None, NONE, None, CLOSED),
    expired: (None, NONE, None, CLOSED),
    no_rule: ("name one with --rule", NONE, None, CLOSED),
    wait_too_short: (None, NONE, None, CLOSED),
    unconfirmed: (None, NONE, None, CLOSED),
    bad_number: ("bad_number", NONE, None, CLOSED),
    refused_number: ("numbers of Cuba", NONE, None, CLOSED),
    blocked_number: ("never called", NONE, None, CLOSED),
    called_back: (MADE, NONE, MADE, CLOSED),
    client_called: (MADE, NONE, MADE, CLOSED),
}
DO: dict[str, Callable[[Journal], by_hand.Standing]] = {
    "call-now": lambda journal: by_hand.call_now(journal, 1, "anna", GROUND, SOON),
    "cancel": lambda journal: by_hand.cancel(journal, 1, "anna", SOON),
    "done": lambda journal: by_hand.done(journal, 1, "anna", SOON),
    "assign": lambda journal: by_hand.assign(journal, 1, "105", "anna", EXTENSIONS, SOON),
}
CASES = [
    pytest.param(state, verb, refusals[place], id=f"{verb} {state.__name__}")
    for state, refusals in TABLE.items()
    for place, verb in enumerate(DO)
]


@pytest.mark.parametrize(("state", "verb", "refusal"), CASES)
def test_each_verb_does_its_work_or_says_in_a_line_why_not(
    journal: Journal, state: State, verb: str, refusal: str | None
) -> None:
    state(journal)
    before = row(journal)
    if refusal is not None:
        with pytest.raises((NotPossible, NotAllowed)) as error:
            DO[verb](journal)
        assert refusal in str(error.value) and "\n" not in str(error.value)
        assert row(journal) == before, "refused, and changed something"
        return
    standing, after_it = DO[verb](journal), row(journal)
    assert (standing.status, standing.reason, standing.due_at) == tuple(
        after_it[name] for name in ("status", "reason", "due_at")
    )
    line = after_it["story"][-1]
    assert (len(after_it["story"]), line["by"], line["at"]) == (len(before["story"]) + 1, "anna", SOON)


@pytest.mark.parametrize("verb", DO)
def test_a_missed_call_that_is_not_there_is_said(journal: Journal, verb: str) -> None:
    with pytest.raises(NotPossible, match="no missed call 1"):
        DO[verb](journal)


class TestCallNow:
    @pytest.mark.parametrize(
        "state", [waiting, held, paused, between_attempts, failed, cancelled, expired, unconfirmed, wait_too_short]
    )
    def test_makes_it_due_at_once(self, journal: Journal, state: State) -> None:
        state(journal)
        by_hand.call_now(journal, 1, "anna", GROUND, SOON)
        (due,) = journal.due(SOON, 10)
        assert (due.number, due.by_hand, due.due_at, due.first_due_at) == (CALLER, True, SOON, SOON)
        assert due.expires_at == SOON + SALES.retry.expire
        known = journal.known(due, GROUND, SOON)
        assert check(due, SALES, known, (), GROUND, SOON) == Go()

    @pytest.mark.parametrize("state", [waiting, held, paused, cancelled, expired])
    def test_a_row_that_was_not_tried_waits_for_its_time(self, journal: Journal, state: State) -> None:
        state(journal)
        standing = by_hand.call_now(journal, 1, "anna", GROUND, SOON)
        assert (standing.status, standing.reason) == ("not_called_back", "scheduled")

    @pytest.mark.parametrize(("state", "reason"), [(between_attempts, "client_busy"), (failed, "invalid_number")])
    def test_a_row_that_was_tried_keeps_how_that_ended_until_the_next_attempt(
        self, journal: Journal, state: State, reason: str
    ) -> None:
        state(journal)
        standing = by_hand.call_now(journal, 1, "anna", GROUND, SOON)
        assert (standing.status, standing.reason, standing.due_at) == ("failed", reason, SOON)

    def test_what_was_tried_stays_counted(self, journal: Journal) -> None:
        between_attempts(journal)
        by_hand.cancel(journal, 1, "anna", LATER)
        by_hand.call_now(journal, 1, "anna", GROUND, SOON)
        assert (open_one(journal).attempts, row(journal)["reason"]) == (1, "scheduled")
        assert len(row(journal)["attempts"]) == 1

    def test_from_which_miss_the_delay_counts_and_since_when_contact_does_stays(self, journal: Journal) -> None:
        waiting(journal)
        before = open_one(journal)
        end(journal, "expired")
        by_hand.call_now(journal, 1, "anna", GROUND, SOON)
        assert (open_one(journal).asked_at, open_one(journal).since) == (before.asked_at, before.since)

    def test_outside_the_legal_hours_it_is_due_at_their_opening(self, journal: Journal) -> None:
        waiting(journal)
        night = NOON.replace(hour=20)  # 23:00 in Moscow
        morning = NOON.replace(hour=6) + timedelta(days=1)
        floor = replace(GROUND, floor=DailyHours.parse("09:00-21:00"))
        standing = by_hand.call_now(journal, 1, "anna", floor, night)
        assert (standing.reason, standing.due_at) == ("outside_hours", morning)
        assert open_one(journal).expires_at == morning + SALES.retry.expire

    def test_the_hours_of_the_rule_are_not_asked(self, journal: Journal) -> None:
        never_now = Rule.read(SALES.as_dict() | {"hours": [{"days": "sun"}]})
        rulebook.replace(journal, [never_now], "tester", GROUND, NOON)
        enter(journal, rules=(never_now,))
        assert by_hand.call_now(journal, 1, "anna", GROUND, SOON).due_at == SOON

    def test_all_rows_of_the_callback_show_it(self, journal: Journal) -> None:
        enter(journal)
        enter(journal, missed("pbx-1.2", NOON + timedelta(seconds=20)))
        by_hand.call_now(journal, 2, "anna", GROUND, SOON)
        assert [row(journal, one)["due_at"] for one in (1, 2)] == [SOON, SOON]
        assert [row(journal, one)["story"][-1]["event"] for one in (1, 2)] == ["call_now", "call_now"]

    def test_a_row_joins_the_open_callback_of_its_number(self, journal: Journal) -> None:
        failed(journal)
        enter(journal, missed("pbx-1.2", LATER))
        second = open_one(journal)
        by_hand.call_now(journal, 1, "anna", GROUND, SOON)
        (due,) = journal.due(SOON, 10)
        assert (due.id, due.attempts, due.since) == (second.id, 0, NOON - timedelta(seconds=10))
        ring_now(journal)
        assert [row(journal, one)["status"] for one in (1, 2)] == ["called_back", "called_back"]

    def test_a_row_without_a_rule_joins_the_open_callback_and_its_rule(self, journal: Journal) -> None:
        no_rule(journal)
        enter(journal, missed("pbx-1.2", NOON + timedelta(seconds=20)))
        assert by_hand.call_now(journal, 1, "anna", GROUND, SOON).rule == "sales"
        assert len(journal.due(SOON, 10)) == 1

    def test_while_another_miss_of_his_is_being_called_back_nothing_is_done(self, journal: Journal) -> None:
        no_rule(journal)
        enter(journal, missed("pbx-1.2", NOON))
        ring(journal)
        with pytest.raises(NotPossible, match=BEING):
            by_hand.call_now(journal, 1, "anna", GROUND, SOON, "sales")

    def test_a_row_without_a_rule_is_called_by_the_one_that_is_named(self, journal: Journal) -> None:
        no_rule(journal)
        standing = by_hand.call_now(journal, 1, "anna", GROUND, SOON, "sales")
        assert (standing.rule, standing.reason) == ("sales", "scheduled")
        made = open_one(journal)
        assert (made.did, made.asked_at, made.since) == ("74951234567", NOON, NOON - timedelta(seconds=10))

    def test_a_rule_that_is_named_replaces_its_own(self, journal: Journal) -> None:
        rulebook.replace(journal, [SALES, SUPPORT], "tester", GROUND, NOON)
        waiting(journal)
        assert by_hand.call_now(journal, 1, "anna", GROUND, SOON, "support").rule == "support"
        assert open_one(journal).rule == "support"

    def test_a_rule_that_was_deleted_needs_another(self, journal: Journal) -> None:
        waiting(journal)
        rulebook.replace(journal, [SUPPORT], "tester", GROUND, LATER)
        with pytest.raises(NotAllowed, match="its rule sales was deleted: name one with --rule"):
            by_hand.call_now(journal, 1, "anna", GROUND, SOON)
        assert by_hand.call_now(journal, 1, "anna", GROUND, SOON, "support").rule == "support"

    def test_a_rule_that_is_switched_off_calls_by_hand(self, journal: Journal) -> None:
        waiting(journal)
        off = SALES.model_copy(update={"enabled": False})
        rulebook.replace(journal, [off], "tester", GROUND, LATER)
        assert row(journal)["reason"] == "paused"
        by_hand.call_now(journal, 1, "anna", GROUND, SOON)
        (due,) = journal.due(SOON, 10)
        assert check(due, off, journal.known(due, GROUND, SOON), (), GROUND, SOON) == Go()

    def test_a_rule_of_another_pbx_is_refused(self, journal: Journal) -> None:
        elsewhere = SUPPORT.model_copy(update={"pbx": "pbx2"})
        rulebook.replace(journal, [SALES, elsewhere], "tester", GROUND, NOON)
        waiting(journal)
        with pytest.raises(NotPossible, match="pbx2"):
            by_hand.call_now(journal, 1, "anna", GROUND, SOON, "support")

    @pytest.mark.parametrize("slug", ["nosuch", "", "sales'--", "\udcff", "x" * 10_000, "SALES"])
    def test_a_rule_that_is_not_there_is_said(self, journal: Journal, slug: str) -> None:
        waiting(journal)
        with pytest.raises(NotPossible, match="no rule"):
            by_hand.call_now(journal, 1, "anna", GROUND, SOON, slug)

    def test_a_contact_that_came_after_it_was_given_up_forbids_it(self, journal: Journal) -> None:
        expired(journal)
        journal.contact(contact(SOON, "out"), CALLER, SOON)
        with pytest.raises(NotPossible, match="contact was made already: 102 called him"):
            by_hand.call_now(journal, 1, "anna", GROUND, SOON + timedelta(minutes=1))

    def test_a_contact_before_the_miss_forbids_nothing(self, journal: Journal) -> None:
        journal.contact(contact(NOON - timedelta(hours=1)), CALLER, NOON)
        no_rule(journal)
        assert by_hand.call_now(journal, 1, "anna", GROUND, SOON, "sales").due_at == SOON

    def test_what_somebody_did_himself_for_another_miss_of_his_forbids_it(self, journal: Journal) -> None:
        expired(journal)
        enter(journal, missed("pbx-1.2", LATER))
        by_hand.done(journal, 2, "boris", SOON)
        assert row(journal)["status"] == "not_called_back"
        with pytest.raises(NotPossible, match=r"missed call 2: called_back \(by_hand\)"):
            by_hand.call_now(journal, 1, "anna", GROUND, SOON)

    def test_who_talked_and_was_then_lost_can_be_called(self, journal: Journal) -> None:
        """His own talk is no contact since."""
        began = NOON - timedelta(seconds=9)
        journal.contact(replace(contact(began, uniqueid="pbx-1.1"), talk=9.0), CALLER, NOON)
        talked = replace(missed(), answered=True, answered_by="102", lost_in="transfer")
        enter(journal, talked, rules=())
        by_hand.call_now(journal, 1, "anna", GROUND, SOON, "sales")
        (due,) = journal.due(SOON, 10)
        assert due.since > NOON
        assert check(due, SALES, journal.known(due, GROUND, SOON), (), GROUND, SOON) == Go()

    def test_the_guard_as_it_is_now_is_asked(self, journal: Journal) -> None:
        refused_number(journal)
        abroad = replace(GROUND, gate=Gate("RU", countries=("RU", "CU")))
        assert by_hand.call_now(journal, 1, "anna", abroad, SOON, "sales").due_at == SOON
        by_hand.cancel(journal, 1, "anna", SOON)
        with pytest.raises(NotPossible, match="refused_number: numbers of Cuba"):
            by_hand.call_now(journal, 1, "anna", GROUND, SOON, "sales")

    def test_a_number_blocked_meanwhile_is_not_called(self, journal: Journal) -> None:
        expired(journal)
        numbers.block(journal, CALLER, "boris", LATER)
        with pytest.raises(NotPossible, match="blocked_number"):
            by_hand.call_now(journal, 1, "anna", GROUND, SOON)

    def test_twice_is_as_good_as_once(self, journal: Journal) -> None:
        failed(journal)
        first = by_hand.call_now(journal, 1, "anna", GROUND, SOON)
        assert by_hand.call_now(journal, 1, "anna", GROUND, SOON) == first
        assert len(journal.due(SOON, 10)) == 1


def ring_now(journal: Journal) -> None:
    (callback,) = journal.due(SOON, 10)
    attempt = journal.claim(callback, SALES, SOON)
    assert attempt is not None
    answered = Disposition("ANSWERED", "answered", True, "101", SOON, 9.0)
    journal.finish(attempt, answered, after(callback, answered, SALES, GROUND, SOON), SOON)


class TestCancel:
    @pytest.mark.parametrize("state", [waiting, held, paused, between_attempts])
    def test_closes_it_with_all_its_rows(self, journal: Journal, state: State) -> None:
        state(journal)
        enter(journal, missed("pbx-1.2", NOON + timedelta(seconds=20)))
        by_hand.cancel(journal, 1, "anna", SOON)
        for missed_id in (1, 2):
            shown = row(journal, missed_id)
            assert (shown["status"], shown["reason"], shown["due_at"]) == ("not_called_back", "cancelled", None)
        assert journal.open_callback(CALLER) is None


class TestDone:
    @pytest.mark.parametrize("state", [waiting, paused, between_attempts, failed, expired, no_rule, bad_number])
    def test_settles_it(self, journal: Journal, state: State) -> None:
        state(journal)
        by_hand.done(journal, 1, "anna", SOON)
        shown = row(journal)
        assert (shown["status"], shown["reason"], shown["called_back_at"]) == ("called_back", "by_hand", SOON)
        assert (shown["due_at"], journal.open_callback(CALLER)) == (None, None)

    def test_settles_every_row_of_a_callback_that_is_over(self, journal: Journal) -> None:
        enter(journal)
        enter(journal, missed("pbx-1.2", NOON + timedelta(seconds=20)))
        end(journal, "expired")
        by_hand.done(journal, 2, "anna", SOON)
        assert [row(journal, one)["reason"] for one in (1, 2)] == ["by_hand", "by_hand"]

    def test_settles_whatever_else_waits_for_him(self, journal: Journal) -> None:
        expired(journal)
        enter(journal, missed("pbx-1.2", LATER))
        by_hand.done(journal, 1, "anna", SOON)
        assert [row(journal, one)["reason"] for one in (1, 2)] == ["by_hand", "by_hand"]
        assert journal.open_callback(CALLER) is None

    def test_a_new_miss_after_it_is_a_new_promise(self, journal: Journal) -> None:
        waiting(journal)
        by_hand.done(journal, 1, "anna", SOON)
        enter(journal, missed("pbx-1.2", SOON + timedelta(hours=1)))
        assert journal.open_callback(CALLER) is not None

    def test_nothing_is_done_for_a_row_whose_client_is_being_called_for_another(self, journal: Journal) -> None:
        no_rule(journal)
        enter(journal, missed("pbx-1.2", NOON))
        ring(journal)
        with pytest.raises(NotPossible, match=BEING):
            by_hand.done(journal, 1, "anna", SOON)
        assert row(journal)["reason"] == "no_rule"


class TestAssign:
    def test_the_telephone_is_kept_for_the_next_attempt(self, journal: Journal) -> None:
        waiting(journal)
        assert by_hand.assign(journal, 1, "105", "anna", EXTENSIONS, SOON).assigned == "105"
        (callback,) = journal.due(SOON, 10)
        attempt = journal.claim(callback, SALES, SOON)
        assert attempt is not None and attempt.assigned == "105"
        assert {"event": "assigned", "extension": "105", "by": "anna", "at": SOON} in row(journal)["story"]

    @pytest.mark.parametrize(
        "who",
        [
            "",
            "1",
            "300",
            "10",
            "1055",
            "105\n",
            "105,1",
            "105&PJSIP/evil",
            "٠٠٥",
            "\udcff",
            "9" * 11,
            "9;x",
            "anna",
            "*21",
        ],
    )
    def test_who_is_no_employee_is_refused(self, journal: Journal, who: str) -> None:
        waiting(journal)
        with pytest.raises(NotAllowed, match="must be an employee's number") as error:
            by_hand.assign(journal, 1, who, "anna", EXTENSIONS, SOON)
        assert "\n" not in str(error.value)
        assert open_one(journal).assigned is None

    @pytest.mark.parametrize("who", ["105", "205", "987"])
    def test_patterns_of_any_kind_are_understood(self, journal: Journal, who: str) -> None:
        waiting(journal)
        assert by_hand.assign(journal, 1, who, "anna", EXTENSIONS, SOON).assigned == who


class TestNeverCall:
    def test_a_blocked_number_loses_its_callback(self, journal: Journal) -> None:
        waiting(journal)
        done = numbers.block(journal, CALLER, "anna", SOON, "he asked for it")
        assert (done.new, done.callback) == (True, "closed")
        shown = row(journal)
        assert (shown["reason"], shown["story"][-1]["by"]) == ("blocked_number", "anna")

    def test_a_call_that_goes_on_goes_on_and_is_the_last(self, journal: Journal) -> None:
        enter(journal)
        (callback,) = journal.due(LATER, 10)
        attempt = journal.claim(callback, SALES, LATER)
        assert attempt is not None and numbers.block(journal, CALLER, "anna", LATER).callback == "calling"
        busy = Disposition("BUSY", "client_busy", True)
        journal.finish(attempt, busy, after(callback, busy, SALES, GROUND, LATER), LATER)
        again = open_one(journal)
        decision = check(again, SALES, journal.known(again, GROUND, SOON), (), GROUND, SOON)
        assert isinstance(decision, End) and decision.reason == "blocked_number"

    def test_twice_keeps_the_first_entry(self, journal: Journal) -> None:
        first = numbers.block(journal, CALLER, "anna", NOON, "he asked for it")
        second = numbers.block(journal, CALLER, "boris", LATER)
        assert (second.entry, second.new) == (first.entry, False)
        assert numbers.listed(journal) == [first.entry]

    def test_taken_off_it_may_be_called_again(self, journal: Journal) -> None:
        blocked_number(journal)
        assert numbers.unblock(journal, CALLER).by == "anna"
        assert numbers.listed(journal) == []
        assert by_hand.call_now(journal, 1, "anna", GROUND, SOON, "sales").due_at == SOON
        with pytest.raises(NotPossible, match="not on the list"):
            numbers.unblock(journal, CALLER)

    @pytest.mark.parametrize("why", ["x" * 201, "two\nlines", "\x1b[31m", "\udcff"])
    def test_a_reason_is_one_line_of_text(self, journal: Journal, why: str) -> None:
        with pytest.raises(NotAllowed, match="why = ") as error:
            numbers.block(journal, CALLER, "anna", NOON, why)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        "text", ["+79161234567", "89161234567", "9161234567", "+7 (916) 123-45-67", "8.916.123.45.67"]
    )
    def test_a_number_is_taken_as_people_write_it(self, text: str) -> None:
        assert numbers.e164(text, "RU") == CALLER

    @pytest.mark.parametrize(
        "text", ["", " ", "anonymous", "101", "112", "+7916", "+7916123456789012345", "\udcff", "٩١٦١٢٣٤٥٦٧"]
    )
    def test_what_is_no_number_is_refused(self, text: str) -> None:
        with pytest.raises(NotAllowed, match="must be a complete telephone number"):
            numbers.e164(text, "RU")


class TestTwoAtOnce:
    """Each thread has connections of its own, as processes have."""

    def race(self, *works: Callable[[], object]) -> None:
        ready = threading.Barrier(len(works))

        def start(work: Callable[[], object]) -> None:
            ready.wait()
            work()

        threads = [threading.Thread(target=start, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def test_what_is_cancelled_and_claimed_at_once_is_one_of_both(self, tmp_path: Path) -> None:
        url, calls = f"sqlite:///{tmp_path}/journal.db", range(1, 41)
        first = Journal.open(url, "pbx1")
        for number in calls:
            enter(first, missed(f"pbx-{number}", caller=f"7916123{number:04}"))
        claims, cancels = list[int](), list[int]()

        def claim_all() -> None:
            journal = Journal.open(url, "pbx1")
            for callback in journal.due(LATER, 100):
                if journal.claim(callback, SALES, LATER) is not None:
                    claims.append(callback.id)

        def cancel_all() -> None:
            journal = Journal.open(url, "pbx1")
            for missed_id in reversed(calls):
                try:
                    by_hand.cancel(journal, missed_id, "anna", LATER)
                    cancels.append(missed_id)
                except NotPossible:
                    pass

        self.race(claim_all, cancel_all, claim_all, cancel_all)
        assert sorted(claims + cancels) == list(calls)
        check_invariants(first)

    def test_many_hands_on_one_number_make_one_callback(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/journal.db"
        first = Journal.open(url, "pbx1")
        rulebook.replace(first, [SALES], "tester", GROUND, NOON)
        for call in range(8):
            enter(first, missed(f"pbx-{call}"), rules=())

        def call(missed_id: int) -> Callable[[], object]:
            journal = Journal.open(url, "pbx1")
            return lambda: by_hand.call_now(journal, missed_id, "anna", GROUND, SOON, "sales")

        self.race(*(call(missed_id) for missed_id in range(1, 9)))
        (due,) = first.due(SOON, 10)
        assert {r["due_at"] for r in search.rows(first, search.Filter())} == {SOON} and due.by_hand
        check_invariants(first)
