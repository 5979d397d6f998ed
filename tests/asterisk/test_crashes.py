"""What is true after something dies in the middle of a callback. The far end's log says how often the client was rung."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
from lab import Lab
from product import Product
from proxy import Proxy
from until import until

pytestmark = pytest.mark.asterisk

# 126 rings 3 s before it answers and 111 at once: time to die in. Clients 79160... answer and talk 5 s.
RULES = """\
rules:
  - slug: slow
    source: {did: "74952000112"}
    delay: 1s
    first: employee
    connect: {extensions: ["126"]}
    retry: {attempts: 2, no_answer: 3s}
  - slug: client-first
    source: {did: "74952000122"}
    delay: 1s
    first: client
    connect: {queue: q1}
"""


@pytest.fixture
def product(lab: Lab) -> Iterator[Product]:
    lab.await_ready("pbx")
    made = Product(lab)
    made.configure(RULES)
    yield made
    if made.daemon is not None:
        made.daemon.kill()
        made.daemon.wait()


@pytest.fixture
def proxy(lab: Lab) -> Iterator[Proxy]:
    made = Proxy(lab)
    yield made
    made.cut()


def miss(lab: Lab, product: Product, number: str, did: str = "74952000112") -> None:
    """A client calls, nobody answers; returns when he is being called back."""
    lab.client_calls(number, did, 2)
    product.await_rows(number[1:], lambda rows: rows and rows[0]["status"] == "calling", 20, "was being called")


def await_far_end(lab: Lab, number: str) -> None:
    """The client's telephone has been rung and the call is over."""
    until(lambda: (calls := lab.far_calls(number)) and calls[-1].ended_at, 40, f"the call to {number} had ended")


def test_a_daemon_killed_while_it_rings_follows_the_call_when_it_is_back(lab: Lab, product: Product) -> None:
    product.start()
    miss(lab, product, "79160000201")
    product.kill()
    assert product.rows("9160000201")[0]["status"] == "calling"
    product.start()
    row = product.await_end("+79160000201")
    assert (row["status"], row["employee"]) == ("called_back", "126") and row["talk"] >= 4
    assert "found" in [line["event"] for line in row["story"]]
    assert lab.calls_to("79160000201") == 1


@pytest.mark.parametrize(("number", "did"), [("79160000202", "74952000112"), ("79160000203", "74952000122")])
def test_a_talk_that_nobody_listened_to_is_known_by_the_dialplans_mark(
    lab: Lab, product: Product, number: str, did: str
) -> None:
    product.start()
    miss(lab, product, number, did)
    product.kill()
    await_far_end(lab, number)
    product.start()
    row = product.await_end("+" + number)
    assert (row["status"], row["reason"], row["talk"]) == ("called_back", "answered", None)
    assert lab.calls_to(number) == 1


def test_an_end_that_nobody_saw_is_lost_and_the_rule_chooses_the_next_time(lab: Lab, product: Product) -> None:
    product.start()
    miss(lab, product, "79162000204")  # busy
    product.kill()
    await_far_end(lab, "79162000204")
    product.start()
    number = "9162000204"
    product.await_rows(number, lambda rows: rows[0]["status"] != "calling", 30, "was closed")
    product.await_end("+7" + number)
    row = product.row("+7" + number)
    assert [attempt["disposition"] for attempt in row["attempts"]] == ["LOST", "BUSY"]
    assert lab.calls_to("7" + number) == 2  # once each


def test_a_link_that_is_cut_while_it_rings_is_taken_up_again(lab: Lab, product: Product, proxy: Proxy) -> None:
    product.port = 5039
    product.configure(RULES)
    product.start()
    miss(lab, product, "79160000205")
    proxy.cut()
    until(lambda: "link lost" in product.log, 15, "the daemon noticed")
    proxy.mend()
    row = product.await_end("+79160000205")
    assert (row["status"], row["employee"]) == ("called_back", "126")
    assert lab.calls_to("79160000205") == 1


def test_a_link_that_is_away_until_the_end_of_the_call(lab: Lab, product: Product, proxy: Proxy) -> None:
    product.port = 5039
    product.configure(RULES)
    product.start()
    miss(lab, product, "79160000206")
    proxy.cut()
    await_far_end(lab, "79160000206")
    proxy.mend()
    row = product.await_end("+79160000206")
    assert (row["status"], lab.calls_to("79160000206")) == ("called_back", 1)


def test_nothing_is_dialled_while_the_link_is_away_and_nothing_twice_when_it_is_back(
    lab: Lab, product: Product, proxy: Proxy
) -> None:
    product.port = 5039
    product.configure(RULES.replace("delay: 1s", "delay: 4s"))
    product.start()
    lab.client_calls("79160000207", "74952000112", 2)
    product.await_rows("9160000207", bool, 15, "was journalled")
    proxy.cut()
    product.await_rows("9160000207", lambda rows: rows[0]["status"] == "not_called_back", 5, "waits")
    until(lambda: product.log.count("again in") >= 4, 30, "the link was tried again and again")
    assert lab.calls_to("79160000207") == 0
    proxy.mend()
    row = product.await_end("+79160000207", 60)
    assert (row["status"], lab.calls_to("79160000207")) == ("called_back", 1)


def test_asterisk_killed_under_a_callback_leaves_no_row_calling(lab: Lab, product: Product) -> None:
    product.start()
    miss(lab, product, "79160000208")
    lab.kill("pbx")
    lab.start("pbx")
    number = "9160000208"
    product.await_rows(number, lambda rows: rows[0]["status"] != "calling", 40, "was closed")
    assert product.row("+7" + number)["attempts"][0]["disposition"] == "LOST"
    row = product.await_end("+7" + number, 60)
    assert row["status"] == "called_back"


def test_a_caller_under_whom_asterisk_dies_is_missed(lab: Lab, product: Product) -> None:
    product.start()
    lab.client_calls("79160000209", "74952000112", 60)
    until(lambda: "trunk-main" in lab.cli("pbx", "core show channels concise"), 10, "he was in the PBX")
    until(lambda: lab.calls_to("112"), 10, "112 was rung")
    lab.kill("pbx")
    lab.start("pbx")
    product.await_rows("9160000209", bool, 40, "was journalled")
    row = product.row("+79160000209")
    assert (row["lost_in"], row["lost_how"]) == ("restart", "restart")


def test_a_caller_who_rings_while_the_daemon_is_started_anew_is_called_back_by_his_did(
    lab: Lab, product: Product
) -> None:
    product.start()
    call = lab.client_calls("79160000213", "74952000112", 12)
    until(lambda: lab.cli("pbx", "core show channels concise").count("trunk-main"), 10, "he was in the PBX")
    product.kill()
    product.start()
    until(lambda: call.ended, 20, "he had hung up")
    row = product.await_end("+79160000213")
    assert (row["did"], row["rule"], row["status"]) == ("74952000112", "slow", "called_back")
    assert row["wait"] == pytest.approx(12, abs=1.5)  # CoreShowChannels tells whole seconds


def test_a_clean_restart_of_asterisk_is_survived(lab: Lab, product: Product) -> None:
    product.start()
    lab.stop("pbx")
    lab.start("pbx")
    until(lambda: product.log.count(": up,") == 2, 30, "the link was up again")
    lab.client_calls("79160000210", "74952000112", 2)
    assert product.await_end("+79160000210")["status"] == "called_back"


def test_a_second_daemon_refuses_and_the_first_goes_on(lab: Lab, product: Product) -> None:
    product.start()
    done = product.run("run", "--no-web")
    assert done.returncode == 1 and "another daemon of the PBX lab runs on this host" in done.stderr
    assert product.daemon is not None and product.daemon.poll() is None


def test_a_wrong_secret_is_one_line_and_is_not_tried_again_at_once(lab: Lab, product: Product) -> None:
    lab.write("/tmp/wrong.secret", "wrong\n")
    config = lab.read("/etc/asterisk/asterisk_missed.conf")
    lab.write("/etc/asterisk/asterisk_missed.conf", config.replace("[ami]", "[ami]\nsecret_file = /tmp/wrong.secret"))
    product.launch()
    until(lambda: "refused user asterisk-missed" in product.log, 15, "it was refused")
    lines = [line for line in product.log.splitlines() if "refused" in line]
    assert len(lines) == 1 and "again in 60 s" in lines[0] and "Traceback" not in product.log
    assert product.signal(signal.SIGTERM) == 0


def test_a_daemon_that_is_asked_to_end_ends_at_once_and_leaves_the_call_alone(lab: Lab, product: Product) -> None:
    product.start()
    miss(lab, product, "79160000211")
    assert product.signal(signal.SIGTERM) == 0
    product.start()
    row = product.await_end("+79160000211")
    assert (row["status"], lab.calls_to("79160000211")) == ("called_back", 1)


def test_a_miss_that_was_heard_just_before_the_end_is_written_down(lab: Lab, product: Product) -> None:
    product.start()
    call = lab.client_calls("79160000214", "74952000112", 2)
    until(lambda: call.ended and "trunk-main" not in lab.cli("pbx", "core show channels concise"), 15, "he was gone")
    assert product.signal(signal.SIGTERM) == 0
    assert [row["reason"] for row in product.rows("9160000214")] == ["scheduled"]


def test_a_client_who_talked_and_was_then_lost_is_called_back(lab: Lab, product: Product) -> None:
    product.configure(RULES.replace('{did: "74952000122"}', '{did: "74952000117"}'))
    product.start()
    before = lab.calls_to("112")
    lab.client_calls("79160000215", "74952000117", 30)  # 117 answers, and is told to transfer him to 112
    until(
        lambda: (c := lab.far_calls("117")) and time.time() - (c[-1].answered_at or time.time()) > 1.5,
        10,
        "they talked",
    )
    (trunk,) = [w for w in lab.cli("pbx", "core show channels concise").split() if w.startswith("PJSIP/trunk-main")][:1]
    lab.cli("pbx", f"channel redirect {trunk.split('!')[0]} internal,112,1")
    until(lambda: lab.calls_to("112") > before, 10, "112 was rung")
    lab.cli("pbx", f"channel request hangup {trunk.split('!')[0]}")
    product.await_rows("9160000215", bool, 20, "was journalled")
    row = product.await_end("+79160000215")
    assert (row["lost_in"], row["status"], lab.calls_to("79160000215")) == ("transfer", "called_back", 1)


def test_a_config_that_changes_is_taken_up_on_sighup_and_a_broken_one_is_not(lab: Lab, product: Product) -> None:
    product.start()
    config = lab.read("/etc/asterisk/asterisk_missed.conf")
    assert product.daemon is not None
    lab.write("/etc/asterisk/asterisk_missed.conf", config + "nonsense = 1\n")
    product.daemon.send_signal(signal.SIGHUP)
    until(lambda: "nonsense: unknown key" in product.log and product.log.count(": up,") == 2, 20, "it went on")
    lab.write("/etc/asterisk/asterisk_missed.conf", config)
    product.daemon.send_signal(signal.SIGHUP)
    until(lambda: product.log.count(": up,") == 3, 20, "it came back")


def test_rules_that_change_are_obeyed_without_a_restart(lab: Lab, product: Product) -> None:
    product.start()
    product.configure(RULES.replace("slug: slow", "slug: renamed"))
    until(lambda: product.run("dialplan", "check").returncode == 0, 15, "the new rules were loaded")
    assert "missed-slow-client" not in lab.cli("pbx", "dialplan show missed-slow-client").partition("existence")[0]


def test_a_rule_that_asterisk_did_not_load_dials_nobody(lab: Lab, product: Product) -> None:
    folder = lab.path("/etc/asterisk/asterisk_missed.d")
    product.start()
    owner = folder.stat()
    os.chown(folder, 0, 0)
    try:
        product.configure(RULES.replace("client: 45s", "").replace("slug: slow", "slug: unloaded"))
        until(lambda: "nothing is dialled" in product.log, 15, "the daemon noticed")
        lab.client_calls("79160000212", "74952000112", 2)
        product.await_rows("9160000212", lambda rows: rows and rows[0]["reason"] == "not_loaded", 15, "was not loaded")
        assert lab.calls_to("79160000212") == 0
    finally:
        os.chown(folder, owner.st_uid, owner.st_gid)
    product.kill()
    product.start()
    assert product.await_end("+79160000212", 60)["status"] == "called_back"
