"""One session, over real sockets: every action gets its own answer, and the reader reads on whatever comes."""

from __future__ import annotations

import asyncio
import random

import pytest
from fake_ami import Changes, FakeAmi, Headers, block, channel_event
from listener import ORIGINATE, closed_port, linked, logged, played

from asterisk_missed.ami.link import Answered, NotSent, Refused, Unknown, log_in_once
from asterisk_missed.ami.wire import Action

# --- answers


@played
async def test_a_thousand_actions_at_once_each_get_their_own_answer_in_any_order() -> None:
    async with FakeAmi(Changes()) as ami:
        kept: list[Headers] = []
        ami.answers["DBGet"] = lambda headers: kept.append(headers) or b""  # type: ignore[func-returns-value]
        async with linked(ami) as heard:
            await heard.until_up()
            asking = [asyncio.create_task(heard.link.send(Action("DBGet", [("Key", str(i))]))) for i in range(1000)]
            await ami.changes.until(lambda: len(kept) == 1000, "a thousand actions")
            random.Random(1).shuffle(kept)
            for headers in kept:
                ami.say(block("Response: Success", f"ActionID: {headers['ActionID']}", f"Val: {headers['Key']}"))
            outcomes = await asyncio.gather(*asking)
            values = [outcome.message.get("Val") for outcome in outcomes if isinstance(outcome, Answered)]
            assert values == [str(i) for i in range(1000)]
            assert heard.link._session is not None
            assert heard.link._session.waiting <= 1  # the ping


@played
async def test_a_lost_answer_is_unknown_and_a_late_one_is_heard_but_not_believed() -> None:
    async with FakeAmi(Changes()) as ami:
        ami.answers["Originate"] = lambda headers: b""
        async with linked(ami) as heard:
            await heard.until_up()
            outcome = await heard.link.send(ORIGINATE, timeout=0.02)
            assert outcome == Unknown("no answer to Originate within 0.02 s")
            assert heard.link._session is not None
            assert heard.link._session.waiting == 0
            late = ami.actions[-1]["ActionID"]
            ami.say(block("Response: Success", f"ActionID: {late}", "Message: late"))
            await ami.changes.until(lambda: any(m.get("Message") == "late" for m in heard.messages), "the late answer")
            assert isinstance(await heard.link.send(Action("Ping")), Answered)
            assert ami.count("Originate") == 1


@played
async def test_an_answer_to_an_unknown_action_is_nobodys() -> None:
    async with FakeAmi(Changes()) as ami:
        ami.answers["DBGet"] = lambda h: (
            block("Response: Success", "ActionID: am-0000000000000000")
            + block("Response: Success", "Message: without an id")
            + block("Response: Error", f"ActionID: {h['ActionID']}")
        )
        async with linked(ami) as heard:
            await heard.until_up()
            outcome = await heard.link.send(Action("DBGet"))
            assert isinstance(outcome, Answered)
            assert not outcome.message.success


@played
async def test_an_event_of_an_action_that_overtakes_its_answer_is_not_the_answer() -> None:
    async with FakeAmi(Changes()) as ami:
        ami.answers["Originate"] = lambda h: (
            block("Event: OriginateComplete", "Privilege: call,all", f"ActionID: {h['ActionID']}")
            + block("Response: Success", f"ActionID: {h['ActionID']}", "Message: Originate successfully queued")
        )
        async with linked(ami) as heard:
            await heard.until_up()
            outcome = await heard.link.send(ORIGINATE)
            assert isinstance(outcome, Answered)
            assert (outcome.message.success, outcome.events) == (True, ())


@pytest.mark.parametrize("headers", [[], [("Async", "false")], [("Async", "")]])
@played
async def test_an_originate_that_would_block_is_refused_here(headers: list[tuple[str, str]]) -> None:
    async with FakeAmi(Changes()) as ami, linked(ami) as heard:
        await heard.until_up()
        for name in ("Originate", "originate"):
            with pytest.raises(ValueError, match="Async: true"):
                await heard.link.send(Action(name, headers))
        assert ami.count("Originate") == 0


@played
async def test_an_action_that_was_cancelled_leaves_nothing_behind() -> None:
    async with FakeAmi(Changes()) as ami:
        ami.answers["DBGet"] = lambda headers: b""
        async with linked(ami) as heard:
            await heard.until_up()
            asking = asyncio.create_task(heard.link.send(Action("DBGet")))
            await ami.changes.until(lambda: ami.count("DBGet"), "the action")
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert heard.link._session is not None
            assert heard.link._session.waiting == 0


@played
async def test_answers_to_what_was_not_asked_are_not_handed_on() -> None:
    async with FakeAmi(Changes()) as ami, linked(ami) as heard:
        await heard.until_up()
        before = len(heard.messages)
        ami.say(
            block("Response: Success", "ActionID: am-0000000000000000", "CoreStartupTime: 00:00:00")
            + block("Response: Success", "CoreStartupTime: 00:00:00")
            + block("Event: CoreShowChannelsComplete", "ActionID: guessed")
            + block("Event: QueueStatusComplete")
            + block("Event: Hangup", "Uniqueid: 1")
        )
        await ami.changes.until(lambda: any(m.name == "Hangup" for m in heard.messages), "the last one")
        assert [m.name for m in heard.messages[before:] if not m.is_response] == ["Hangup"]
        assert not any("CoreStartupTime" in m for m in heard.messages[before:])


@played
async def test_a_list_holds_what_has_its_action_id_and_nothing_else() -> None:
    async with FakeAmi(Changes()) as ami:
        ami.items["QueueStatus"] = [
            block("Event: QueueParams", "Queue: sales", "ActionID: ?"),
            channel_event("Newchannel"),
            block("Event: QueueStatusComplete", "ActionID: guessed", "EventList: Complete"),
            block("Event: QueueMember", "Queue: sales", "EventList: Complete", "ActionID: ?"),
        ]
        async with linked(ami) as heard:
            await heard.until_up()
            outcome = await heard.link.send(Action("QueueStatus"))
            assert isinstance(outcome, Answered)
            assert [event.name for event in outcome.events] == ["QueueParams", "QueueMember", "QueueStatusComplete"]


# --- reading


@played
async def test_a_reader_that_fails_is_named_and_the_rest_of_the_chunk_is_read() -> None:
    async with FakeAmi(Changes()) as ami:
        with logged(ami.changes) as records:
            async with linked(ami) as heard:
                await heard.until_up()
                heard.fails_at = "Newchannel"
                ami.say(channel_event("Newchannel") + channel_event("Newstate"))
                await heard.until_heard("Newstate")
                assert heard.link.up
        assert [r.getMessage() for r in records if r.exc_info] == ["AMI: the reader of Newchannel failed; going on"]


@played
async def test_a_letter_cut_between_two_chunks_is_whole() -> None:
    async with FakeAmi(Changes()) as ami, linked(ami) as heard:
        await heard.until_up()
        raw = channel_event("Newchannel").replace(b"CallerIDName: <unknown>", "CallerIDName: Ромашка".encode())
        place = raw.index("ш".encode()) + 1
        ami.say(channel_event("Newstate") + raw[:place])
        await heard.until_heard("Newstate")
        ami.say(raw[place:])
        await heard.until_heard("Newchannel")
        assert heard.messages[-1].get("CallerIDName") == "Ромашка"


@played
async def test_a_forged_shutdown_ends_nothing() -> None:
    async with FakeAmi(Changes()) as ami, linked(ami) as heard:
        await heard.until_up()
        ami.say(block("Event: Shutdown", "Privilege: system,all", "Shutdown: Cleanly", "Restart: True"))
        await heard.until_heard("Shutdown")
        assert isinstance(await heard.link.send(Action("Ping")), Answered)
        assert heard.ups == 1


# --- once


@played
async def test_a_verb_logs_in_asks_and_ends() -> None:
    async with FakeAmi(Changes()) as ami:
        session = await log_in_once("127.0.0.1", ami.port, "missed", "secret")
        try:
            assert isinstance(await session.send(Action("CoreStatus"), 5.0), Answered)
            with pytest.raises(ValueError, match="Async"):
                await session.send(Action("Originate"), 5.0)
        finally:
            session.close("done")
        assert isinstance(await session.send(Action("CoreStatus"), 5.0), NotSent)
        await ami.changes.until(lambda: not ami._writers, "gone")


@played
async def test_a_verb_says_in_one_line_why_it_cannot() -> None:
    async with FakeAmi(Changes(), secret="other") as ami:
        with pytest.raises(Refused, match="refused user missed: Authentication failed"):
            await log_in_once("127.0.0.1", ami.port, "missed", "secret")
        await ami.changes.until(lambda: not ami._writers, "gone")
    with pytest.raises(ConnectionError, match=r"AMI 127\.0\.0\.1:\d+: .*"):
        await log_in_once("127.0.0.1", closed_port(), "missed", "secret")
    with pytest.raises(ConnectionError, match=r"AMI no-such-host\.invalid:5038: "):
        await log_in_once("no-such-host.invalid", 5038, "missed", "secret")
