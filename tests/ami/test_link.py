"""The link, over real sockets, against a server that fails in every way that is known."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter

import pytest
from fake_ami import Changes, FakeAmi, Headers, block, channel_event
from listener import ORIGINATE, Heard, closed_port, linked, logged, played

from asterisk_missed.ami import link as link_room
from asterisk_missed.ami import session as session_room
from asterisk_missed.ami.link import Answered, NotSent, Unknown
from asterisk_missed.ami.wire import Action

# --- logging in


@played
async def test_after_the_log_in_the_state_is_taken_and_heard_in_order_and_then_the_link_is_up() -> None:
    async with FakeAmi(Changes()) as ami:
        ami.items["CoreShowChannels"] = [channel_event("CoreShowChannel", first="ActionID: ?")] * 2
        async with linked(ami, clock=lambda: 1795412115.5) as heard:
            assert not heard.link.up
            await heard.until_up()
            assert [a["Action"] for a in ami.actions if a["Action"] != "Ping"] == [
                "Challenge", "Login", "CoreStatus", "CoreShowChannels", "BridgeList", "QueueStatus",
            ]  # fmt: skip
            assert [name for name in heard.names() if name] == [
                "FullyBooted", "CoreShowChannel", "CoreShowChannel", "CoreShowChannelsComplete",
                "BridgeListComplete", "QueueStatusComplete",
            ]  # fmt: skip
            assert {message.faults for message in heard.messages} == {()}
            assert heard.link.version == "11.0.0"
            assert heard.link.last_heard == 1795412115.5
            assert set(heard.times) == {1795412115.5}
            assert heard.downs == []
        assert heard.downs == ["closed here"]
        assert not heard.link.up


@played
async def test_the_secret_is_neither_on_the_wire_nor_shown() -> None:
    async with FakeAmi(Changes()) as ami:
        with logged(ami.changes) as records:
            async with linked(ami) as heard:
                await heard.until_up()
                assert not any("secret" in value for action in ami.actions for value in action.values())
                assert "secret" not in repr(vars(heard.link))
            assert not any("secret" in record.getMessage() for record in records)


@played
async def test_a_server_without_challenge_gets_a_plain_log_in() -> None:
    async with FakeAmi(Changes()) as ami:
        ami.answers["Challenge"] = lambda h: block("Response: Error", f"ActionID: {h['ActionID']}", "Message: No")
        async with linked(ami) as heard:
            await heard.until_up()
            assert ami.actions[1]["Secret"] == "secret"


@played
async def test_a_refused_log_in_shouts_one_line_and_waits_before_the_next() -> None:
    async with FakeAmi(Changes(), secret="other") as ami:
        with logged(ami.changes) as records:
            async with linked(ami, refused_pause=0.05) as heard:
                await ami.changes.until(lambda: ami.count("Login") >= 3, "three log-ins")
                assert heard.ups == 0
                assert heard.downs == []
                assert isinstance(await heard.link.send(ORIGINATE), NotSent)
        errors = [record.getMessage() for record in records if record.levelno == logging.ERROR]
        assert len(errors) in (2, 3)
        assert errors[0].startswith(f"AMI 127.0.0.1:{ami.port} refused user missed: Authentication failed; check")
        assert errors[0].endswith("again in 0.05 s")
        assert "\n" not in errors[0]


@played
async def test_a_refused_log_in_is_not_tried_again_at_once() -> None:
    async with FakeAmi(Changes(), secret="other") as ami:
        with logged(ami.changes) as records:
            async with linked(ami):
                await ami.changes.until(lambda: records, "refused")
        assert records[0].getMessage().endswith("again in 60 s")
        assert ami.count("Login") == 1


@pytest.mark.parametrize("banner", [b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail ESMTP\r\n", b"\x15\x03\x01"])
@played
async def test_what_is_no_ami_is_called_so(banner: bytes) -> None:
    async with FakeAmi(Changes(), banner=banner) as ami:
        with logged(ami.changes) as records:
            async with linked(ami) as heard:
                await ami.changes.until(lambda: ami.connections >= 3, "three connections")
                assert heard.messages == []
        assert ami.actions == []
        assert "this is no AMI: it greets with something else; again in 0.01 s" in records[0].getMessage()


@played
async def test_a_silent_stranger_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_room, "CONNECT_WITHIN", 0.05)
    async with FakeAmi(Changes(), banner=b"") as ami:
        with logged(ami.changes) as records:
            async with linked(ami):
                await ami.changes.until(lambda: ami.connections >= 2, "two connections")
        assert "this is no AMI: no banner within 0.05 s" in records[0].getMessage()


@played
async def test_the_pauses_grow_to_the_last_while_nobody_is_there() -> None:
    changes = Changes()
    with logged(changes) as records:
        heard = Heard(changes, closed_port(), pauses=(0.01, 0.02, 0.03))
        running = asyncio.create_task(heard.link.run())
        await changes.until(lambda: len(records) >= 5, "five tries")
        assert "Connect" in heard.link.why
        heard.link.close()
        await running
    ends = [record.getMessage().rpartition("again in ")[2] for record in records[:5]]
    assert ends == ["0.01 s", "0.02 s", "0.03 s", "0.03 s", "0.03 s"]
    assert isinstance(await heard.link.send(Action("Ping")), NotSent)


# --- taking the state


@played
async def test_an_asterisk_that_is_still_booting_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeAmi(Changes(), booted=False) as ami, linked(ami) as heard:
        await ami.changes.until(lambda: any(message.success for message in heard.messages[1:]), "logged in")
        assert ami.count("CoreShowChannels") == 0
        ami.say(block("Event: FullyBooted", "Privilege: system,all", "Status: Fully Booted"))
        await heard.until_up()


@played
async def test_without_fullybooted_a_corestatus_that_succeeds_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_room, "BOOTED_WITHIN", 0.05)
    async with FakeAmi(Changes(), booted=False) as ami:
        tries = iter(["Error", "Success", "Success"])
        ami.answers["CoreStatus"] = lambda h: block(f"Response: {next(tries)}", f"ActionID: {h['ActionID']}")
        async with linked(ami) as heard:
            await heard.until_up()
            assert ami.count("CoreStatus") == 3


@played
async def test_a_user_without_rights_is_told_and_the_link_comes_up() -> None:
    def denied(headers: Headers) -> bytes:
        return block("Response: Error", f"ActionID: {headers['ActionID']}", "Message: Permission denied")

    async with FakeAmi(Changes(), booted=False) as ami:
        ami.answers.update(CoreStatus=denied, CoreShowChannels=denied)
        with logged(ami.changes) as records:
            async with linked(ami, events=False) as heard:
                await heard.until_up()
                assert ami.actions[1]["Events"] == "off"
        warnings = [record.getMessage() for record in records if record.levelno == logging.WARNING]
        assert [" CoreStatus is refused: Permission denied" in warnings[0], "CoreShowChannels" in warnings[1]] == [
            True
        ] * 2


# --- losing the link


@played
async def test_an_action_without_a_link_is_not_sent_and_never_later() -> None:
    async with FakeAmi(Changes(), secret="other") as ami, linked(ami, refused_pause=0.02) as heard:
        outcomes = [await heard.link.send(ORIGINATE) for _ in range(200)]
        assert {type(outcome) for outcome in outcomes} == {NotSent}
        ami.secret = "secret"
        await heard.until_up()
        await heard.link.send(Action("Ping"))
        assert ami.count("Originate") == 0


@played
async def test_what_was_written_when_the_link_broke_is_unknown_and_is_not_sent_again() -> None:
    async with FakeAmi(Changes()) as ami:
        ami.answers["Originate"] = lambda headers: b""
        async with linked(ami) as heard:
            await heard.until_up()
            asking = [asyncio.create_task(heard.link.send(ORIGINATE)) for _ in range(20)]
            await ami.changes.until(lambda: ami.count("Originate") == 20, "twenty Originates")
            ami.cut()
            outcomes = await asyncio.gather(*asking)
            assert {type(outcome) for outcome in outcomes} == {Unknown}
            assert not heard.link.up
            assert isinstance(await heard.link.send(ORIGINATE), NotSent)
            await heard.until_up(2)
            assert isinstance(await heard.link.send(Action("Ping")), Answered)
            assert ami.count("Originate") == 20
            assert Counter(a["Action"] for a in ami.actions)["CoreShowChannels"] == 2
            assert len(heard.downs) == 1


STEPS = ["Challenge", "Login", "CoreStatus", "CoreShowChannels", "BridgeList", "QueueStatus"]


@pytest.mark.parametrize("step", STEPS)
@played
async def test_a_link_cut_at_any_step_comes_back_and_takes_the_state_anew(step: str) -> None:
    async with FakeAmi(Changes()) as ami:
        ami.closes_at = step
        async with linked(ami) as heard:
            await ami.changes.until(lambda: ami.count(step) >= 2, f"{step} twice")
            assert heard.ups == 0
            ami.closes_at = ""
            await heard.until_up()
            assert [a["Action"] for a in ami.actions if a["Action"] != "Ping"][-6:] == STEPS
            assert (len(heard.downs) > 0) == (STEPS.index(step) > 1)


@pytest.mark.parametrize("step", STEPS)
@played
async def test_a_step_that_is_never_answered_ends_the_session(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_room, "STATE_WITHIN", 0.05)
    async with FakeAmi(Changes()) as ami:
        ami.answers[step] = lambda headers: b""
        async with linked(ami, answer_within=0.05) as heard:
            await ami.changes.until(lambda: ami.count(step) >= 2, f"{step} twice")
            assert heard.ups == 0
            del ami.answers[step]
            await heard.until_up()


@played
async def test_a_half_open_link_is_noticed_by_its_silence() -> None:
    async with FakeAmi(Changes()) as ami, linked(ami, ping_every=0.05) as heard:
        await heard.until_up()
        await ami.changes.until(lambda: ami.count("Ping") >= 5, "five pings")
        assert heard.ups == 1
        ami.mute = True
        started = time.monotonic()
        await ami.changes.until(lambda: heard.downs, "down")
        assert time.monotonic() - started > 0.1
        assert "nothing heard for 0." in heard.downs[0]
        assert heard.link.lost_at < time.time() - 0.1  # when the last byte came
        ami.mute = False
        await heard.until_up(2)


@played
async def test_a_link_that_is_not_pinged_back_but_speaks_is_alive() -> None:
    async with FakeAmi(Changes()) as ami:
        pings = 0

        def speak(headers: Headers) -> bytes:
            nonlocal pings
            pings += 1
            return channel_event("Newstate")

        ami.answers["Ping"] = speak
        async with linked(ami, ping_every=0.02) as heard:
            await ami.changes.until(lambda: pings > 10, "ten pings")
            assert heard.downs == []
            assert heard.link._session is not None
            assert heard.link._session.waiting <= 1


@played
async def test_nothing_is_sent_to_one_who_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeAmi(Changes()) as ami, linked(ami) as heard:
        await heard.until_up()
        assert heard.link._session is not None
        heard.link._session.pause_writing()
        assert await heard.link.send(ORIGINATE) == NotSent("the other end does not read")
        heard.link._session.resume_writing()
        assert isinstance(await heard.link.send(Action("Ping")), Answered)


@played
async def test_a_link_that_is_cut_again_and_again_is_left_more_and_more_time() -> None:
    async with FakeAmi(Changes()) as ami:
        with logged(ami.changes) as records:
            async with linked(ami, pauses=(0.01, 0.02, 0.03)) as heard:
                for times in (1, 2, 3, 4):
                    await heard.until_up(times)
                    ami.cut()
                    await ami.changes.until(lambda times=times: len(heard.downs) == times, "down")
        ends = [record.getMessage().rpartition("again in ")[2] for record in records]
        assert ends == ["0.01 s", "0.02 s", "0.03 s", "0.03 s"]


@played
async def test_a_link_that_held_comes_back_at_once() -> None:
    async with FakeAmi(Changes()) as ami:
        with logged(ami.changes) as records:
            async with linked(ami, pauses=(0.01, 0.0)) as heard:  # whatever was up has held
                for times in (1, 2, 3):
                    await heard.until_up(times)
                    ami.cut()
                    await ami.changes.until(lambda times=times: len(heard.downs) == times, "down")
        assert [record.getMessage().rpartition("again in ")[2] for record in records] == ["0.01 s"] * 3


@played
async def test_faults_of_the_users_own_making_do_not_end_the_link() -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("not the link's")

    async with FakeAmi(Changes()) as ami:
        heard = Heard(ami.changes, ami.port)
        heard.link._on_up = fail
        running = asyncio.create_task(heard.link.run())
        with logged(ami.changes) as records:
            await ami.changes.until(lambda: records, "on_up failed")
            assert heard.link.up
            heard.link._on_down = fail
            ami.cut()
            await ami.changes.until(lambda: ami.count("QueueStatus") == 2, "back")
        heard.link.close()
        await running


@played
async def test_who_is_told_that_the_link_is_up_may_send_at_once() -> None:
    outcomes = []
    async with FakeAmi(Changes()) as ami:
        heard = Heard(ami.changes, ami.port)

        async def ask() -> None:
            outcomes.append(await heard.link.send(Action("DBGet")))
            ami.changes.touch()

        heard.link._on_up = ask
        running = asyncio.create_task(heard.link.run())
        await ami.changes.until(lambda: outcomes, "an answer")
        assert isinstance(outcomes[0], Answered)
        heard.link.close()
        await running


# --- ending


@played
async def test_a_closed_link_stays_closed() -> None:
    async with FakeAmi(Changes()) as ami:
        async with linked(ami) as heard:
            await heard.until_up()
            ami.answers["DBGet"] = lambda headers: b""
            asking = asyncio.create_task(heard.link.send(Action("DBGet")))
            await ami.changes.until(lambda: ami.count("DBGet"), "the action")
            heard.link.close()
            assert isinstance(await asking, Unknown)
        await heard.link.run()  # returns at once
        assert ami.connections == 1


@played
async def test_a_cancelled_link_ends_as_cancelled_and_closes_its_connection() -> None:
    async with FakeAmi(Changes()) as ami:
        heard = Heard(ami.changes, ami.port)
        running = asyncio.create_task(heard.link.run())
        await heard.until_up()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not heard.link.up
        assert len(heard.downs) == 1


@played
async def test_panoramisks_own_machinery_never_starts() -> None:
    manager = session_room._Manager(host="127.0.0.1", port=1, username="missed", secret="secret")
    manager.connection_lost(None)
    manager.ping()
    with pytest.raises(TypeError, match=r"Link\.send"):
        manager.send_action({"Action": "Originate"})
    assert (manager.pinger, list(manager.awaiting_actions)) == (None, [])


@played
async def test_the_state_is_asked_for_again_every_so_often() -> None:
    async with FakeAmi(Changes()) as ami, linked(ami, refresh_every=0.01) as heard:
        await heard.until_up()
        await ami.changes.until(lambda: ami.count("QueueStatus") > 2 < ami.count("CoreShowChannels"), "the third lists")
        assert ami.count("CoreStatus") == ami.count("BridgeList") == 1


@played
async def test_a_quiet_link_that_is_closed_was_open_until_then() -> None:
    async with FakeAmi(Changes()) as ami, linked(ami) as heard:
        await heard.until_up()
        await asyncio.sleep(0.2)
        closed = time.time()
        ami.cut()
        await ami.changes.until(lambda: heard.downs, "down")
        assert heard.link.lost_at >= closed > heard.link.last_heard
