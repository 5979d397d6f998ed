"""A tape of AMI events, written as a call happens: for what no recording shows."""

from __future__ import annotations

from collections.abc import Sequence

from asterisk_missed.ami.shapes import SNAPSHOT
from asterisk_missed.ami.wire import Message
from asterisk_missed.calls.call import EndedCall
from asterisk_missed.calls.lines import Lines
from asterisk_missed.calls.tracker import CallEnded, Happening, Tracker

TRUNK = "PJSIP/trunk-main-00000001"
LINES = Lines(["PJSIP/trunk-main", "SIP/trunk-main"], ["1XX"])


class Tape:
    """Feeds a tracker. Channels are named by their Uniqueid; a second passes with `wait`."""

    def __init__(self, **options: object) -> None:
        self.tracker = Tracker(LINES, **options)  # type: ignore[arg-type]
        self.at = 1000.0
        self.names: dict[str, str] = {}
        self.linked: dict[str, str] = {}
        self.contexts: dict[str, str] = {}
        self.happened: list[Happening] = []

    # --- what Asterisk prints

    def _snapshot(self, uniqueid: str, prefix: str = "", **values: str) -> dict[str, str]:
        known = dict.fromkeys(SNAPSHOT, "") | {
            "Channel": self.names[uniqueid],
            "ChannelState": "6",
            "ChannelStateDesc": "Up",
            "CallerIDNum": "79160000001",
            "Exten": "74951234567",
            "Context": self.contexts.get(uniqueid, "from-trunk"),
            "Priority": "1",
            "Uniqueid": uniqueid,
            "Linkedid": self.linked.get(uniqueid, uniqueid),
        }
        return {prefix + name: value for name, value in (known | values).items()}

    def say(self, event: str, *parts: dict[str, str], **more: str) -> None:
        headers: dict[str, str] = {"Event": event, "Privilege": "call,all", "Timestamp": f"{self.at:.6f}"}
        for part in (*parts, more):
            headers |= part
        self._feed(headers)

    def _feed(self, headers: dict[str, str]) -> None:
        raw = "\r\n".join(f"{name}: {value}" for name, value in headers.items()).encode()
        self.happened += self.tracker.feed(Message(raw), self.at)

    def answer(self, **headers: str) -> None:
        """A response."""
        raw = "\r\n".join(["Response: Success", *(f"{name}: {value}" for name, value in headers.items())]).encode()
        self.happened += self.tracker.feed(Message(raw), self.at)

    # --- what happens

    def wait(self, seconds: float) -> None:
        self.at += seconds
        self.happened += self.tracker.tick(self.at)

    def channel(self, uniqueid: str, name: str, state: str = "0", linked: str = "", **values: str) -> None:
        self.names[uniqueid] = name
        self.linked[uniqueid] = linked or uniqueid
        self.say("Newchannel", self._snapshot(uniqueid, ChannelState=state, **values))

    def calls(self, uniqueid: str = "T", name: str = TRUNK, **values: str) -> None:
        """A client comes in."""
        self.channel(uniqueid, name, "4", **values)

    def state(self, uniqueid: str, state: str) -> None:
        self.say("Newstate", self._snapshot(uniqueid, ChannelState=state))

    def rings(self, caller: str | None, dest: str, name: str, dialled: str = "") -> None:
        """``dest`` is made and rung for ``caller``."""
        self.channel(
            dest,
            name,
            "0",
            self.linked.get(caller or "", dest),
            CallerIDNum=name.split("/")[1].split("-")[0],
            Exten="s",
        )
        parts = [self._snapshot(caller)] if caller else []
        self.say("DialBegin", *parts, self._snapshot(dest, "Dest", ChannelState="0"), DialString=dialled or dest)

    def rung_out(self, caller: str, dest: str, status: str) -> None:
        self.say("DialEnd", self._snapshot(caller), self._snapshot(dest, "Dest"), DialStatus=status)

    def joins(self, bridge: str, *channels: str, technology: str = "simple_bridge", type_: str = "basic") -> None:
        for channel in channels:
            head = {"BridgeUniqueid": bridge, "BridgeType": type_, "BridgeTechnology": technology, "BridgeCreator": ""}
            head |= {"BridgeName": "", "BridgeNumChannels": "2", "BridgeVideoSourceMode": "none"}
            self.say("BridgeEnter", head, self._snapshot(channel))

    def hangs_up(self, *channels: str, cause: str = "16") -> None:
        for channel in channels:
            self.say("Hangup", self._snapshot(channel), Cause=cause, **{"Cause-txt": "x"})

    def shown(
        self,
        *channels: str,
        application: str = "Dial",
        duration: str = "00:00:10",
        bridge: str = "",
        queues: Sequence[dict[str, str]] = (),
    ) -> None:
        """The answer to CoreShowChannels names just these; that to QueueStatus is ``queues``."""
        self.list_begins()
        for channel in channels:
            self.listed(
                "CoreShowChannel",
                self._snapshot(channel),
                BridgeId=bridge,
                Application=application,
                ApplicationData="x",
                Duration=duration,
            )
        self.listed("CoreShowChannelsComplete")
        self.listed("BridgeListComplete")
        self.queues(*queues)

    def queues(self, *queues: dict[str, str]) -> None:
        """The answer to QueueStatus: the events as they are given, each with its name under ``Event``."""
        self.list_begins()
        for queue in queues:
            self.listed(queue["Event"], {name: value for name, value in queue.items() if name != "Event"})
        self.listed("QueueStatusComplete")

    def booted(self, at: str) -> None:
        """The answer to CoreStatus."""
        when = {"CoreStartupDate": "2026-06-01", "CoreStartupTime": at}
        reload = {"CoreReloadDate": "2026-06-01", "CoreReloadTime": at, "CoreCurrentCalls": "0"}
        self.answer(ActionID="am-2", **when, **reload)

    def list_begins(self) -> None:
        self.answer(ActionID="am-1", EventList="start", Message="will follow")

    def listed(self, event: str, *parts: dict[str, str], **more: str) -> None:
        """An event of a list."""
        headers: dict[str, str] = {"Event": event, "ActionID": "am-1", "Timestamp": f"{self.at:.6f}"}
        for part in (*parts, more):
            headers |= part
        self._feed(headers)

    # --- what came of it

    def ended(self) -> list[EndedCall]:
        self.wait(5)
        return [h.call for h in self.happened if isinstance(h, CallEnded)]
