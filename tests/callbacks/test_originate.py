"""An attempt as AMI says it."""

from __future__ import annotations

import pytest

from asterisk_missed.callbacks.originate import Attempt, employee_order, employee_seconds, originate
from asterisk_missed.rules.rule import Rule

ATTEMPT = Attempt(17, "missed-00ff00ff00ff00ff", 3, "+79161234567", "sales", "74951234567")


def rule(**fields: object) -> Rule:
    given = {
        "slug": "sales",
        "source": {"queue": "q"},
        "first": "employee",
        "connect": {"extensions": ["101", "102", "103"]},
    }
    return Rule.read(given | fields)


def sent(
    number_format: str = "e164", order: tuple[int, ...] = (), attempt: Attempt = ATTEMPT, **fields: object
) -> list[str]:
    block = originate(attempt, rule(**fields), number_format, "RU", order).encode("id").decode()
    return block.split("\r\n")


def test_the_employee_is_rung_first_and_sees_the_client() -> None:
    lines = sent()
    assert "Channel: Local/s@missed-sales-employee/n" in lines
    assert {"Context: missed-sales-client", "Exten: +79161234567", 'CallerID: "" <+79161234567>'} <= set(lines)


def test_the_client_is_rung_first_and_then_put_into_the_rules_context() -> None:
    lines = sent(first="client")
    assert "Channel: Local/+79161234567@missed-sales-client/n" in lines
    assert {"Context: missed-sales", "Exten: s"} <= set(lines) and not any(
        line.startswith("CallerID") for line in lines
    )


def test_it_carries_our_channel_id_and_never_waits() -> None:
    lines = sent()
    assert {
        "ChannelId: missed-00ff00ff00ff00ff",
        "Async: true",
        "Variable: __MISSED_ATTEMPT=71777214294589695017",
    } <= set(lines)


@pytest.mark.parametrize(
    ("number_format", "number"), [("e164", "+79161234567"), ("digits", "79161234567"), ("national", "89161234567")]
)
def test_the_number_is_written_as_the_trunk_wants_it(number_format: str, number: str) -> None:
    assert f"Exten: {number}" in sent(number_format)


def test_the_did_goes_along_unless_the_rule_names_a_number() -> None:
    assert "Variable: __MISSED_CALLER_ID=74951234567" in sent()
    assert not any("CALLER_ID" in line for line in sent(caller_id="74950000000"))


@pytest.mark.parametrize("did", ["", "s", "1,SHELL(id)", "7495\r\nAction: x"])
def test_a_did_that_is_no_number_stays_here(did: str) -> None:
    attempt = Attempt(17, "missed-1", 3, "+79161234567", "sales", did)
    assert not any("CALLER_ID" in line or "SHELL" in line or "Action: x" in line for line in sent(attempt=attempt))


@pytest.mark.parametrize("number", ["anonymous", "", "1", "+7916123456;x", "112,113", "٧٩١٦١٢٣٤٥٦٧"])
def test_what_is_no_number_is_never_sent(number: str) -> None:
    with pytest.raises(ValueError, match="number"):
        originate(Attempt(17, "missed-1", 3, number, "sales"), rule(), "e164", "RU")


def test_the_time_covers_all_who_are_rung() -> None:
    assert employee_seconds(rule()) == 25
    assert employee_seconds(rule(ring={"strategy": "order", "employee": "10s"})) == 30
    assert "Timeout: 35000" in sent()


def test_the_longest_idle_is_rung_first() -> None:
    idle = rule(ring={"strategy": "longest-idle"})
    assert employee_order(idle, {"101": 300.0, "102": 100.0, "103": 200.0}) == (2, 3, 1)
    assert employee_order(idle, {"101": 300.0}) == (2, 3, 1)
    assert employee_order(rule(ring={"strategy": "order"}), {}) == (1, 2, 3)
    assert employee_order(rule(), {}) == ()
    assert "Variable: __MISSED_ORDER=231" in sent(order=(2, 3, 1), ring={"strategy": "longest-idle"})
