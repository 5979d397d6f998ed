"""kill -9 at random moments while many clients are called back: nobody twice, nobody never, nothing stuck."""

from __future__ import annotations

import json
import random

import pytest
from lab import Lab
from product import Product, settled
from until import until

pytestmark = pytest.mark.asterisk

CLIENTS = [f"7916000{place:04}" for place in range(3000, 3040)]
KILLS = 10

# Employees of five lanes, in both orders. A desk's telephone takes any number of calls.
RULES = "rules:\n" + "".join(
    f"""\
  - slug: lane{lane}
    source: {{did: "749520001{lane}2"}}
    delay: {20 + lane}s
    first: {"client" if lane % 2 else "employee"}
    connect: {{extensions: ["1{lane}1"]}}
    retry: {{no_answer: 5s, busy: 5s, employee_absent: 5s}}
    at_once: 10
"""
    for lane in range(1, 6)
)


def test_ten_kills_among_forty_callbacks(lab: Lab) -> None:
    chance = random.Random(20)
    product = Product(lab)
    product.configure(RULES)
    product.start()
    for place, number in enumerate(CLIENTS):
        lab.client_calls(number, f"749520001{place % 5 + 1}2", 2)
    until(lambda: len(product.rows("9160003")) == len(CLIENTS), 40, lambda: f"all were missed: {product.log[-2000:]}")
    for _ in range(KILLS):
        seen = product.log.count("ringing")
        until(lambda: product.log.count("ringing") > seen or _over(product), 30, "another was rung")  # noqa: B023
        until(lambda: chance.random() < 0.1, 5, "a moment of its own choosing")
        product.kill()
        product.start()
    until(lambda: _over(product), 180, lambda: f"all were settled: {[r for r in product.rows() if not settled(r)]}")
    product.stop()
    rows = {row["caller"]: row for row in product.rows("9160003")}
    bad = [product.show(row["id"]) for row in rows.values() if row["status"] != "called_back"]
    assert not bad, json.dumps(bad[0], indent=1) + product.log[-3000:]
    rung = {number: lab.calls_to(number) for number in CLIENTS}
    twice = [product.row("+" + number) for number, times in rung.items() if times != 1]
    assert not twice, json.dumps(twice[0], indent=1)


def _over(product: Product) -> bool:
    return all(settled(row) for row in product.rows("9160003"))
