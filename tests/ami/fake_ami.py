"""A server that speaks AMI and fails on demand. For faults only: what AMI is like, the recordings and the lab tell."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from types import TracebackType

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
CHALLENGE = "173194205"
DEADLINE = 10.0  # seconds that a test waits for what must come

Headers = dict[str, str]


class Changes:
    """Waits until something is so, looked at whenever anything has happened."""

    def __init__(self) -> None:
        self._happened = asyncio.Event()

    def touch(self) -> None:
        self._happened.set()

    async def until(self, so: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                while not so():
                    self._happened.clear()
                    await self._happened.wait()
        except TimeoutError:
            raise AssertionError(f"did not come within {DEADLINE:g} s: {what}") from None


def block(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def channel_event(name: str, *more: str, number: str = "79160000001", first: str = "Privilege: call,all") -> bytes:
    """An event of one channel, as Asterisk prints it."""
    return block(
        f"Event: {name}",
        first,
        "Channel: PJSIP/trunk-main-00000001",
        "ChannelState: 4",
        "ChannelStateDesc: Ring",
        f"CallerIDNum: {number}",
        "CallerIDName: <unknown>",
        "ConnectedLineNum: <unknown>",
        "ConnectedLineName: <unknown>",
        "Language: en",
        "AccountCode: ",
        "Context: from-trunk",
        "Exten: 74951234567",
        "Priority: 1",
        "Uniqueid: 1795412115.1",
        "Linkedid: 1795412115.1",
        *more,
    )


class FakeAmi:
    """``answers``: what to write for an action, by its name (b'' for silence); else it says Success, and lists hold
    ``items``. ``mute``: it goes on reading and says nothing. ``closes_at``: the action at which it cuts the connection."""

    def __init__(
        self, changes: Changes, *, banner: bytes = BANNER, secret: str = "secret", booted: bool = True
    ) -> None:
        self.changes = changes
        self.banner = banner
        self.secret = secret
        self.booted = booted
        self.mute = False
        self.closes_at = ""
        self.items: dict[str, Sequence[bytes]] = {}
        self.answers: dict[str, Callable[[Headers], bytes]] = {}
        self.actions: list[Headers] = []
        self.connections = 0
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._serving: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> FakeAmi:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        await self._server.wait_closed()
        await asyncio.gather(*self._serving)

    def count(self, action: str) -> int:
        return sum(headers["Action"] == action for headers in self.actions)

    def say(self, data: bytes) -> None:
        """Write to whoever is connected."""
        for writer in self._writers:
            writer.write(data)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.append(task)
        self._writers.append(writer)
        writer.write(self.banner)
        self.changes.touch()
        try:
            while raw := await reader.readuntil(b"\r\n\r\n"):
                lines = raw.decode().split("\r\n")[:-2]
                headers: Headers = dict(reversed([(line + ": ").split(": ", 2)[:2] for line in lines]))  # type: ignore[misc]
                self.actions.append(headers)
                if self.closes_at == headers["Action"]:
                    writer.transport.abort()
                elif not self.mute:
                    writer.write(self._answer(headers))
                self.changes.touch()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            if writer in self._writers:
                self._writers.remove(writer)
            self.changes.touch()

    def _answer(self, headers: Headers) -> bytes:
        action, action_id = headers["Action"], f"ActionID: {headers['ActionID']}"
        if action in self.answers:
            return self.answers[action](headers)
        if action == "Challenge":
            return block("Response: Success", action_id, f"Challenge: {CHALLENGE}")
        if action == "Login":
            return self._log_in(headers, action_id)
        if action in ("CoreShowChannels", "BridgeList", "QueueStatus"):
            return self._list(action, action_id)
        if action == "Ping":
            return block("Response: Success", action_id, "Ping: Pong", "Timestamp: 1795412115.246199")
        return block("Response: Success", action_id, f"Message: {action}")

    def _log_in(self, headers: Headers, action_id: str) -> bytes:
        key = hashlib.md5((CHALLENGE + self.secret).encode()).hexdigest()
        if headers.get("Key") != key and headers.get("Secret") != self.secret:
            return block("Response: Error", action_id, "Message: Authentication failed")
        accepted = block("Response: Success", action_id, "Message: Authentication accepted")
        booted = block("Event: FullyBooted", "Privilege: system,all", "Uptime: 580", "Status: Fully Booted")
        return accepted + (booted if self.booted and headers["Events"] == "on" else b"")

    def _list(self, action: str, action_id: str) -> bytes:
        items = [item.replace(b"ActionID: ?", action_id.encode()) for item in self.items.get(action, ())]
        return b"".join(
            (
                block("Response: Success", action_id, "EventList: start", "Message: will follow"),
                *items,
                block(f"Event: {action}Complete", action_id, "EventList: Complete", f"ListItems: {len(items)}"),
            )
        )
