"""The lab itself: what the other tests stand on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hearing import loudness, samples, share
from lab import CLIENT_VOICE, Lab, main
from lab_room import LabError, mount_points, network, processes
from until import until

pytestmark = pytest.mark.asterisk

LAB = Path(__file__).parents[2] / "vagrant" / "lab.py"

MILLIWATT = 1004
HOLD_MUSIC = 300


@pytest.fixture
def other(worker: str) -> Iterator[Lab]:
    """A second lab; the test brings it up."""
    other = Lab(f"other-{worker}")
    yield other
    other.down()


# ---------------------------------------------------------------- both Asterisks


def test_both_asterisks_are_up(lab: Lab) -> None:
    for which in ("pbx", "world"):
        assert lab.pid(which)
        assert "Asterisk 22" in lab.cli(which, "core show version")


def test_the_daemons_user_can_log_in_and_has_no_more_rights_than_it_needs(lab: Lab) -> None:
    with lab.session("pbx") as ami:
        assert ami.do("CoreStatus")["CoreReloadDate"]
        with pytest.raises(LabError, match="Permission denied"):
            ami.do("Command", Command="core show channels")


def test_the_product_is_installed_where_asterisk_runs(lab: Lab) -> None:
    done = lab.exec(["asterisk-missed", "--help"], user="asterisk", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "rules" in done.stdout


def test_the_pbx_takes_generated_contexts_and_lives_without_them(lab: Lab) -> None:
    generated = "/etc/asterisk/asterisk_missed.d/test-lab.conf"
    lab.write(generated, "[missed-test-lab]\nexten => s,1,NoOp(here)\n")
    lab.cli("pbx", "dialplan reload")
    assert "NoOp(here)" in lab.cli("pbx", "dialplan show missed-test-lab")
    lab.path(generated).unlink()
    lab.cli("pbx", "dialplan reload")
    assert "no existence" in lab.cli("pbx", "dialplan show missed-test-lab")
    assert "from-trunk" in lab.cli("pbx", "dialplan show from-trunk")


# ---------------------------------------------------------------- calls


def test_a_client_who_is_not_answered_rings_the_telephone_and_gives_up(lab: Lab) -> None:
    call = lab.client_calls("79160900001", lab.did_of("192"), 2, name="Anna")
    until(lambda: call.ended, 10, "the client had hung up")
    assert not call.answered
    rung = [far for far in lab.far_calls("192") if far.caller == "79160900001"]
    assert [far.outcome for far in rung] == ["given up"]


@pytest.mark.parametrize("did", ["74952000193", "+74952000193"])
def test_a_did_is_known_with_a_plus_and_without(lab: Lab, did: str) -> None:
    before = lab.calls_to("193")
    call = lab.client_calls("79160900002", did, 5)
    until(lambda: call.ended, 10, "the busy telephone had ended the call")
    assert call.seen and call.seen.outcome == "busy"
    assert lab.calls_to("193") == before + 1


def test_an_answered_call_has_audio_both_ways(lab: Lab) -> None:
    before = len(lab.heard_by("198"))
    call = lab.client_calls("79160900003", lab.did_of("198"), 3)
    until(lambda: call.ended, 10, "the call was over")
    assert call.answered
    until(lambda: len(lab.heard_by("198")) > before, 5, "the telephone's recording was there")
    at_client, at_telephone = samples(call.heard), samples(lab.heard_by("198")[-1])
    assert loudness(at_client) > 1000
    assert share(at_client, MILLIWATT) > 0.8
    assert loudness(at_telephone) > 1000
    assert share(at_telephone, CLIENT_VOICE) > 0.8


def test_a_caller_in_a_queue_hears_the_hold_music(lab: Lab) -> None:
    call = lab.client_calls("79160900004", lab.did_of_queue("n9"), 3)
    until(lambda: call.ended, 10, "the client had hung up")
    assert share(samples(call.heard), HOLD_MUSIC) > 0.5


def test_a_menu_takes_keys(lab: Lab) -> None:
    call = lab.client_calls("79160900005", "74952002191", 6, dtmf="w3")
    until(lambda: any(far.caller == "79160900005" for far in lab.far_calls("191")), 6, "the menu led to 191")
    call.hang_up()
    until(lambda: call.ended, 5, "the client had hung up")


def test_an_employee_reaches_a_client_with_the_companys_number(lab: Lab) -> None:
    call = lab.employee_dials("191", "89176900006", 4)
    until(lambda: call.ended, 10, "the employee had hung up")
    assert lab.calls_to("+79176900006") == 1
    (far,) = lab.far_calls("79176900006")
    assert (far.caller, far.outcome, far.ended_by) == ("74951234567", "answered", "pbx")
    assert share(samples(lab.heard_by("79176900006")[-1]), 600) > 0.8


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (1, "given up"),
        (2, "busy"),
        (3, "declined"),
        (4, "unknown number"),
        (5, "congested"),
        (8, "answered"),
        (9, "unavailable"),
    ],
)
def test_a_clients_telephone_does_what_its_number_says(lab: Lab, behaviour: int, outcome: str) -> None:
    number = f"7916{behaviour}900007"
    call = lab.employee_dials("191", number, 2)
    until(lambda: call.ended, 10, "the call was over")
    assert [far.outcome for far in lab.far_calls(number)] == [outcome]


def test_a_client_presses_a_key_where_his_number_says_so(lab: Lab) -> None:
    listener = (
        "[missed-test-key]\nexten => s,1,Read(KEY,,1,,,5)\n same => n,Set(DB(test/key)=${KEY})\n same => n,Wait(30)\n"
    )
    lab.write("/etc/asterisk/asterisk_missed.d/test-key.conf", listener)
    lab.cli("pbx", "dialplan reload")
    lab.cli("pbx", "channel originate PJSIP/79180900008@trunk-main extension s@missed-test-key")
    until(lambda: "Value: 1" in lab.cli("pbx", "database get test key"), 8, "the key had arrived")


def test_a_colleague_picks_up(lab: Lab) -> None:
    call = lab.client_calls("79160900012", lab.did_of("192"), 5)
    until(lambda: any(far.caller == "79160900012" for far in lab.far_calls("192")), 5, "the telephone rang")
    lab.employee_dials("191", "*8192", 3)
    until(lambda: call.answered, 3, "the colleague had it")


def test_a_message_is_left_in_the_voicemail(lab: Lab) -> None:
    inbox = lab.path("/var/spool/asterisk/voicemail/default/191/INBOX")
    lab.client_calls("79160900013", "74952004191", 10)
    until(lambda: list(inbox.glob("msg*.txt")), 15, "the message was there")


def test_a_parked_caller_is_offered_to_the_extension(lab: Lab) -> None:
    lab.client_calls("79160900014", "74952006196", 11)
    until(lambda: any(far.caller == "79160900014" for far in lab.far_calls("196")), 12, "the extension rang")


def test_follow_me_goes_on_to_the_mobile(lab: Lab) -> None:
    call = lab.client_calls("79160900015", "74952007192", 9)
    until(lambda: call.ended, 12, "the call was over")
    assert [far.outcome for far in lab.far_calls("79160000192")] == ["answered"]


# ---------------------------------------------------------------- up and down


def test_an_asterisk_that_was_killed_can_be_started_again(other: Lab) -> None:
    other.up()
    other.kill("pbx")
    assert other.pid("pbx") is None
    other.start("pbx")
    other.stop("pbx")
    assert other.pid("pbx") is None
    other.start("pbx")
    assert other.pid("pbx")


def test_two_labs_do_not_hear_each_other(lab: Lab, other: Lab) -> None:
    other.up()
    number = "79160900009"
    other.client_calls(number, other.did_of("193"), 3)
    until(lambda: any(far.caller == number for far in other.far_calls("193")), 5, "the other lab's telephone had rung")
    assert not any(far.caller == number for far in lab.far_calls())
    assert lab.pid("pbx") != other.pid("pbx")


def test_nothing_is_left_after_down(other: Lab) -> None:
    other.up()
    other.popen(["sleep", "600"])
    other.down()
    assert not processes(other.root, other.network)
    assert not mount_points(other.room)
    assert not other.room.exists()
    assert not network(other.network).exists()


def test_what_a_killed_lab_left_is_cleared_by_the_next(other: Lab) -> None:
    other.up()
    left = [pid for pid in (other.pid("pbx"), other.pid("world")) if pid]
    os.kill(left[0], signal.SIGKILL)  # half of it is dead, half of it runs
    again = Lab(other.name).up()
    assert not set(left) & set(processes(again.root, again.network))
    assert again.pid("pbx") and again.pid("world")


@pytest.mark.parametrize("after", [0.05, 0.2, 0.4, 0.7])
def test_an_up_that_is_killed_at_any_moment_harms_no_later_one(other: Lab, after: float) -> None:
    words = [sys.executable, str(LAB), "up", "--name", other.name]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True) as killed:
        try:
            killed.wait(after)
        except subprocess.TimeoutExpired:
            killed.kill()
    other.up()
    assert other.pid("pbx") and other.pid("world")
    other.down()
    assert not mount_points(other.room) and not other.room.exists()


def test_asterisk_16_stands_where_it_is_asked_for(worker: str) -> None:
    old = Lab(f"old-{worker}", asterisk="16")
    try:
        old.up()
        assert "Asterisk 16" in old.cli("pbx", "core show version")
        call = old.client_calls("79160900010", old.did_of("198"), 2)
        until(lambda: call.ended, 10, "the call was over")
        assert share(samples(call.heard), MILLIWATT) > 0.8
        with old.session("pbx") as ami:
            assert ami.do("CoreStatus")
    finally:
        old.down()


def test_the_pbx_of_asterisk_16_can_use_chan_sip(worker: str) -> None:
    old = Lab(f"oldsip-{worker}", "16", driver="sip")
    try:
        old.up()
        assert Lab.attach(old.name).driver == "sip"
        call = old.client_calls("79160900016", old.did_of("198"), 3)
        channels = until(lambda: old.cli("pbx", "core show channels concise"), 3, "channels were there")
        assert "SIP/trunk-main-" in channels and "PJSIP/" not in channels
        until(lambda: call.ended, 10, "the call was over")
        assert share(samples(call.heard), MILLIWATT) > 0.8
        assert "SIP/102" in old.cli("pbx", "queue show n0")
    finally:
        old.down()


# ---------------------------------------------------------------- what an engineer types


def test_a_driver_that_asterisk_does_not_have_is_refused_in_one_line() -> None:
    with pytest.raises(LabError, match="Asterisk 22 has pjsip, no driver 'sip'"):
        Lab("never", "22", driver="sip")


def test_without_root_one_line_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "argv", ["lab.py", "up"])
    assert main() == 3
    assert capsys.readouterr().err.splitlines() == [
        "lab: the lab needs root (chroot, mounts, network namespaces): run it with sudo"
    ]


def test_without_debians_tools_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda command, path=None: None)
    with pytest.raises(LabError, match="by hand: mmdebstrap, iproute2, util-linux"):
        Lab("never").up()


def test_a_lab_that_is_not_up_says_so(worker: str) -> None:
    with pytest.raises(LabError, match="there is no lab"):
        Lab.attach(f"none-{worker}")


def test_a_call_can_be_made_by_hand(lab: Lab) -> None:
    done = subprocess.run(
        [sys.executable, str(LAB), "call", "--name", lab.name, "79160900011", lab.did_of("193")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("busy")
