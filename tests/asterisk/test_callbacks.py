"""Clients call a real PBX, nobody answers, and what becomes of them: all at once, each with numbers of his own.

What the clients' telephones did is the truth of the far end's own log, never of the journal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from lab import Lab
from product import Product, Row

pytestmark = pytest.mark.asterisk

# Extension 1L2 never answers, so that its DID makes a missed call of lane L; 1L1 answers; 1L7 talks 3 s.
RULES = """\
rules:
  - {slug: first-employee, source: {did: "74952000112"}, delay: 2s, first: employee, connect: {extensions: ["111"]}}
  - {slug: first-client, source: {queue: n2}, delay: 2s, first: client, connect: {queue: q2}}
  - slug: in-order
    source: {extension: "132"}
    delay: 2s
    first: client
    connect: {extensions: ["132", "137"]}
    ring: {strategy: order, employee: 3s}
  - {slug: queue-first, source: {did: "74952000142"}, delay: 2s, first: employee, connect: {queue: q4}}
  - slug: attempts
    source: {did: "74952000152"}
    delay: 2s
    first: employee
    connect: {extensions: ["151"]}
    ring: {client: 4s}
    retry: {attempts: 2, busy: 2s, no_answer: 2s}
  - slug: absent
    source: {did: "74952000162"}
    delay: 2s
    first: employee
    connect: {extensions: ["162", "165"]}
    ring: {employee: 3s}
  - {slug: unregistered, source: {did: "74952000165"}, delay: 2s, first: employee, connect: {extensions: ["165"]}}
  - {slug: later, source: {did: "74952000172"}, delay: 40s, first: employee, connect: {extensions: ["171"]}}
  - {slug: meeting, source: {did: "74952000182"}, delay: 4s, first: employee, connect: {extensions: ["181"]}}
  - slug: patient
    source: {did: "74952000192"}
    wait: {min: 20s}
    delay: 2s
    first: employee
    connect: {extensions: ["191"]}
"""

Scenario = Callable[[Lab, Product], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(story: Scenario) -> Scenario:
    """All scenarios are begun together; each test waits for its own."""
    SCENARIOS[story.__name__] = story
    return story


@pytest.fixture(scope="module")
def product(lab: Lab) -> Iterator[Product]:
    product = Product(lab)
    product.configure(RULES)
    product.start()
    yield product
    product.stop()


@pytest.fixture(scope="module")
def begun(lab: Lab, product: Product) -> Iterator[dict[str, Future[None]]]:
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        yield {name: pool.submit(story, lab, product) for name, story in SCENARIOS.items()}


@scenario
def an_employee_is_rung_first_and_the_client_is_called_back_once(lab: Lab, product: Product) -> None:
    lab.client_calls("79160000101", "74952000112", 3)
    row = product.await_end("+79160000101")
    assert (row["status"], row["reason"], row["employee"]) == ("called_back", "answered", "111")
    assert 4 <= row["talk"] <= 6.5 and row["called_back_at"]
    assert (row["lost_in"], row["lost_how"], row["rule"]) == ("extension", "abandoned", "first-employee")
    (call,) = lab.far_calls("79160000101")
    assert call.caller is not None and call.caller.endswith("74952000112")  # he sees the number that he had called


@scenario
def a_client_is_rung_first_and_put_into_the_queue(lab: Lab, product: Product) -> None:
    lab.client_calls("79160000102", lab.did_of_queue("n2"), 4)
    row = product.await_end("+79160000102")
    assert (row["status"], row["employee"], row["queue"]) == ("called_back", "121", "n2")
    assert row["source"] == {"kind": "queue", "name": "n2"} and row["queue_wait"] >= 3
    assert lab.calls_to("79160000102") == 1


@scenario
def employees_are_rung_one_after_the_other(lab: Lab, product: Product) -> None:
    lab.client_calls("79166000103", lab.did_of("132"), 3)
    row = product.await_end("+79166000103")
    assert (row["status"], row["employee"]) == ("called_back", "137")
    assert 2 <= row["talk"] <= 4


@scenario
def a_queue_member_is_found_first_then_the_client_is_called(lab: Lab, product: Product) -> None:
    lab.client_calls("79160000104", "74952000142", 3)
    row = product.await_end("+79160000104")
    assert (row["status"], row["employee"]) == ("called_back", "141")
    assert lab.calls_to("79160000104") == 1


@scenario
def a_busy_client_is_tried_as_often_as_the_rule_says(lab: Lab, product: Product) -> None:
    lab.client_calls("79162000105", "74952000152", 3)
    row = product.await_end("+79162000105")
    assert (row["status"], row["reason"]) == ("failed", "client_busy")
    assert [a["disposition"] for a in row["attempts"]] == ["BUSY", "BUSY"]
    assert lab.calls_to("79162000105") == 2


@scenario
def a_client_who_does_not_pick_up_is_tried_as_often(lab: Lab, product: Product) -> None:
    lab.client_calls("79161000106", "74952000152", 3)
    row = product.await_end("+79161000106", 60)
    assert (row["status"], row["reason"]) == ("failed", "client_no_answer")
    assert lab.calls_to("79161000106") == 2


@scenario
def a_client_who_declines_is_left_alone(lab: Lab, product: Product) -> None:
    lab.client_calls("79163000107", "74952000152", 3)
    row = product.await_end("+79163000107")
    assert (row["status"], row["reason"]) == ("failed", "client_declined")
    assert lab.calls_to("79163000107") == 1


@scenario
def a_number_that_does_not_exist_is_not_tried_again(lab: Lab, product: Product) -> None:
    lab.client_calls("79164000108", "74952000152", 3)
    row = product.await_end("+79164000108")
    assert (row["status"], row["reason"]) == ("failed", "invalid_number")
    assert lab.calls_to("79164000108") == 1


@scenario
def a_congested_trunk_uses_up_no_attempt(lab: Lab, product: Product) -> None:
    lab.client_calls("79165000109", "74952000152", 3)
    product.await_rows("9165000109", lambda rows: rows and rows[0]["reason"] == "congestion", 30, "met congestion")
    (row,) = product.rows("9165000109")
    assert row["attempts"] == 0


@scenario
def no_employee_means_no_call_to_the_client(lab: Lab, product: Product) -> None:
    lab.client_calls("79160000110", "74952000162", 3)
    product.await_rows("9160000110", lambda rows: rows and rows[0]["reason"] == "employee_absent", 30, "found nobody")
    (row,) = product.rows("9160000110")
    assert (row["status"], row["attempts"]) == ("not_called_back", 0) and row["due_at"]
    assert lab.calls_to("79160000110") == 0


@scenario
def a_telephone_that_is_not_registered_is_an_absent_employee(lab: Lab, product: Product) -> None:
    lab.client_calls("79160000111", "74952000165", 3)
    product.await_rows("9160000111", lambda rows: rows and rows[0]["reason"] == "employee_absent", 30, "found nobody")
    (row,) = product.rows("9160000111")
    assert (row["lost_in"], row["lost_how"]) == ("extension", "unreachable")
    assert lab.calls_to("79160000111") == 0


@scenario
def who_calls_again_and_is_answered_is_not_called(lab: Lab, product: Product) -> None:
    lab.client_calls("79160000112", "74952000172", 3)
    product.await_rows("9160000112", bool, 15, "was journalled")
    lab.client_calls("89160000112", "74952000171", 5)  # the same client, written otherwise
    row = product.await_end("+79160000112")
    assert (row["status"], row["reason"], row["employee"]) == ("client_called", "client_returned", "171")
    assert row["attempts"] == [] and lab.calls_to("79160000112") == 0


@scenario
def who_is_called_by_an_employee_is_not_called_again(lab: Lab, product: Product) -> None:
    lab.client_calls("79160000113", "74952000172", 3)
    product.await_rows("9160000113", bool, 15, "was journalled")
    lab.employee_dials("174", "89160000113", 20)
    row = product.await_end("+79160000113")
    assert (row["status"], row["reason"], row["employee"]) == ("called_back", "by_hand", "174")
    assert row["attempts"] == [] and lab.calls_to("79160000113") == 1


@scenario
def two_misses_of_one_client_are_one_callback(lab: Lab, product: Product) -> None:
    first = lab.client_calls("79160000114", "74952000182", 2)
    product.await_rows("9160000114", bool, 15, f"was journalled ({first.uniqueid})")
    lab.client_calls("79160000114", "74952000182", 2)
    product.await_rows("9160000114", lambda rows: len(rows) == 2, 15, "was journalled twice")
    row = product.await_end("+79160000114")
    assert [r["status"] for r in product.rows("9160000114")] == ["called_back", "called_back"]
    assert lab.calls_to("79160000114") == 1 and len(row["attempts"]) == 1


@scenario
def who_is_on_the_line_when_his_time_comes_is_not_crossed(lab: Lab, product: Product) -> None:
    lab.client_calls("79160000115", "74952000182", 2)
    product.await_rows("9160000115", bool, 15, "was journalled")
    lab.client_calls("79160000115", "74952000182", 9)  # rings in vain while his callback becomes due
    product.await_rows("9160000115", lambda rows: rows[-1]["reason"] == "held_on_call", 15, "was held")
    product.await_end("+79160000115")
    assert {r["status"] for r in product.rows("9160000115")} == {"called_back"}
    assert lab.calls_to("79160000115") == 1


@scenario
def a_caller_without_a_number_is_journalled_and_not_called(lab: Lab, product: Product) -> None:
    lab.client_calls("anonymous", "74952000112", 3)
    product.await_rows("anonymous", bool, 15, "was journalled")
    (row,) = product.rows("anonymous")
    assert (row["status"], row["reason"], row["due_at"]) == ("not_called_back", "bad_number", None)


@scenario
def a_foreign_number_is_not_called(lab: Lab, product: Product) -> None:
    lab.client_calls("+4930123456", "74952000112", 3)
    product.await_rows("4930123456", bool, 15, "was journalled")
    (row,) = product.rows("4930123456")
    assert (row["reason"], row["due_at"], lab.calls_to("+4930123456")) == ("refused_number", None, 0)


@scenario
def who_did_not_wait_long_enough_is_not_called(lab: Lab, product: Product) -> None:
    lab.client_calls("79160000118", "74952000192", 3)
    product.await_rows("9160000118", bool, 15, "was journalled")
    (row,) = product.rows("9160000118")
    assert (row["reason"], row["due_at"]) == ("wait_too_short", None)


@scenario
def who_is_answered_is_not_missed(lab: Lab, product: Product) -> None:
    call = lab.client_calls("79160000119", "74952000111", 5)
    lab.client_calls("79160000120", "74952000112", 6)
    product.await_rows("9160000120", bool, 20, "was journalled")  # the later one
    assert call.answered and product.rows("9160000119") == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, begun: dict[str, Future[None]]) -> None:
    begun[name].result()


def test_every_story_ends_as_its_row(begun: dict[str, Future[None]], product: Product) -> None:
    for future in begun.values():
        future.exception()
    for listed in product.rows():
        row: Row = product.show(listed["id"])
        told = [line for line in row["story"] if "status" in line or line["event"] == "calling"][-1]
        assert told.get("status", "calling") == row["status"], json.dumps(row, indent=1)


def test_the_dialplan_is_loaded_as_rendered(product: Product) -> None:
    done = product.run("dialplan", "check")
    assert done.returncode == 0, done.stdout
