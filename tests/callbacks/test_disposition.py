"""How an attempt ended, by what the switch saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from asterisk_missed.callbacks.disposition import disposition
from asterisk_missed.calls.attempt import AttemptReport, Leg

NOON = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
CLIENT = Leg("+79161234567", None, 0, 0, "NOANSWER", False)
EMPLOYEE = Leg("101", NOON, 16, 0, "ANSWER", False)


def report(client: Leg | None = CLIENT, employees: tuple[Leg, ...] = (EMPLOYEE,), **fields: object) -> AttemptReport:
    made = AttemptReport("missed-1", NOON, NOON + timedelta(seconds=30), client, employees, None, None, None, False)
    return replace(made, **fields)


def test_a_talk_is_an_answer_with_employee_and_length() -> None:
    ended = disposition(report(talked_at=NOON, talk=12.5, employee="101"), "employee")
    assert (ended.word, ended.reason, ended.employee, ended.talk) == ("ANSWERED", "answered", "101", 12.5)


def test_a_talk_whose_end_was_not_seen_has_no_length() -> None:
    ended = disposition(report(talked_at=NOON, talk=12.5, employee="101", unseen_end=True), "employee")
    assert (ended.word, ended.talk) == ("ANSWERED", None)


def test_an_end_that_nobody_saw_is_lost() -> None:
    assert disposition(report(unseen_end=True), "employee").word == "LOST"


@pytest.mark.parametrize(
    ("cause", "sip", "status", "reason", "counts"),
    [
        (17, 486, "BUSY", "client_busy", True),
        (17, 0, "BUSY", "client_busy", True),  # Asterisk 16 tells no SIP code
        (21, 603, "NOANSWER", "client_declined", True),
        (21, 0, "NOANSWER", "client_declined", True),
        (1, 404, "NOANSWER", "invalid_number", True),
        (1, 0, "CHANUNAVAIL", "invalid_number", True),
        (28, 484, "NOANSWER", "invalid_number", True),
        (19, 480, "NOANSWER", "client_no_answer", True),
        (0, 0, "NOANSWER", "client_no_answer", True),  # our own Dial's time was up
        (127, 500, "CANCEL", "client_no_answer", True),  # the employee hung up while the client was rung
        (34, 503, "CONGESTION", "congestion", False),
        (38, 0, "CONGESTION", "congestion", False),
        (3, 0, "CHANUNAVAIL", "congestion", False),
        (0, 0, "CHANUNAVAIL", "congestion", False),
    ],
)
def test_the_clients_end_tells_why_he_was_not_reached(
    cause: int, sip: int, status: str, reason: str, counts: bool
) -> None:
    ended = disposition(report(replace(CLIENT, cause=cause, tech_cause=sip, status=status)), "employee")
    assert (ended.reason, ended.client_rung) == (reason, counts)


def test_nobody_came_to_the_telephone() -> None:
    absent = replace(EMPLOYEE, answered_at=None)
    ended = disposition(report(None, (absent,)), "employee")
    assert (ended.reason, ended.client_rung) == ("employee_absent", False)
    assert disposition(report(None, ()), "employee").reason == "employee_absent"  # his telephone is not registered


def test_a_trunk_that_gives_no_channel_is_no_attempt() -> None:
    assert disposition(report(None), "employee").reason == "congestion"
    assert disposition(report(None, ()), "client").reason == "congestion"


def test_a_client_who_answered_and_found_nobody() -> None:
    waited = replace(CLIENT, answered_at=NOON)
    assert disposition(report(waited, ()), "client").reason == "employee_absent"
    assert disposition(report(replace(waited, hung_up_itself=True), ()), "client").reason == "client_gave_up"
