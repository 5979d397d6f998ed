"""One lab: the pair of Asterisks, what people do at their telephones, and what the far end saw of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lab_base as bases
import lab_room as rooms
from lab_room import LabError, until
from lab_wheel import wheel_of_checkout
from lab_world import Account, Ami, FarCall, call_id, connect, far_calls, same_number

# Where labs stand. Not /run: it is often too small, and mounted so that nothing in it can be executed.
STATE = Path(os.environ.get("ASTERISK_MISSED_LAB_STATE", "/var/lib/asterisk-missed-lab")).resolve()

# A machine that was provisioned as a whole (see Vagrantfile) has this file: it is a lab itself.
WHOLE_MACHINE = Path("/etc/asterisk-missed-lab")

# How long an Asterisk may take to be ready, and to end, in seconds. It takes 2 to 6, more on a loaded machine.
READY = 60.0
END = 15.0

# The two Asterisks: configuration, run folder, AMI.
CONFIGS = {"pbx": "/etc/asterisk/asterisk.conf", "world": "/etc/world/asterisk.conf"}
RUN = {"pbx": "run/asterisk", "world": "run/world"}
AMI = {
    "pbx": ("127.0.0.1", "asterisk-missed", "etc/asterisk-missed/ami.secret"),
    "world": ("127.0.0.2", "world", "etc/world/ami.secret"),
}
AMI_PORT = 5038

# Sides of the far end that are called by the PBX, in its log.
CALLED = ("provider", "telephones")
HEARD = "/var/spool/world/heard"

# A clock that can be moved: by how much it goes ahead, for programs that were started behind MOVABLE (libfaketime). What is
# monotonic stays as it is, since whoever waits for so many seconds waits by that.
CLOCK = "/var/lib/lab-clock"
MOVABLE = (
    "env",
    "LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1",
    f"FAKETIME_TIMESTAMP_FILE={CLOCK}",
    "FAKETIME_NO_CACHE=1",
    "FAKETIME_DONT_FAKE_MONOTONIC=1",
)

# What a client and an employee speak with, in Hz.
CLIENT_VOICE = 440
EMPLOYEE_VOICE = 600


@dataclass(frozen=True)
class WorldCall:
    """A call that was begun in the world. It goes on by itself; what became of it is asked of the lab."""

    lab: Lab
    uniqueid: str
    heard: Path  # a recording of what the caller hears once he is answered (WAV, 8 kHz, mono)

    @property
    def seen(self) -> FarCall | None:
        """The call as the far end logged it, None when it has not begun yet."""
        return next((call for call in self.lab.far_calls() if call.uniqueid == self.uniqueid), None)

    @property
    def answered(self) -> bool:
        """Whether the company's PBX answered it: an IVR or a queue counts."""
        return self.seen is not None and self.seen.answered_at is not None

    @property
    def ended(self) -> bool:
        return self.seen is not None and self.seen.ended_at is not None

    def hang_up(self) -> None:
        """The caller hangs up now. LabError when the call is over already."""
        with self.lab.session("world") as ami:
            ami.do("Hangup", Channel=self.uniqueid)


class Lab:
    """One lab. Its name tells it from others on the same host."""

    def __init__(self, name: str = "lab", asterisk: str = "22", driver: str = "pjsip") -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", name):
            raise LabError(f"a lab's name is made of a-z, 0-9 and '-': {name!r}")
        if asterisk not in bases.SUITES:
            raise LabError(f"Asterisk {asterisk}: there is {' and '.join(bases.SUITES)}")
        if driver not in bases.DRIVERS[asterisk]:
            raise LabError(f"Asterisk {asterisk} has {' and '.join(bases.DRIVERS[asterisk])}, no driver {driver!r}")
        self.name = name
        self.asterisk = asterisk
        self.driver = driver
        self.room = STATE / name
        self.root = self.room / "root"
        self.network = f"missed-{name}"
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    @classmethod
    def attach(cls, name: str = "lab") -> Lab:
        """A lab that is up already."""
        if WHOLE_MACHINE.exists():
            machine = cls(name)
            machine.root, machine.network = Path("/"), ""
            return machine
        try:
            return cls(name, **json.loads((STATE / name / "lab.json").read_text()))
        except OSError:
            raise LabError(f"there is no lab {name!r}: lab.py up --name {name}") from None

    # ------------------------------------------------------------ up and down

    def up(self, wheel: Path | None = None) -> Lab:
        """Bring it up, fresh: whatever stands under this name is cleared first. Both Asterisks are ready on return."""
        bases.prepare_host()
        with bases.locked(f"lab-{self.name}"):
            self._clear()
            try:
                self._furnish(bases.base(self.asterisk))
                self.start("pbx", wait=False)
                self.start("world", wait=False)
                self._install_product(wheel)
                self.await_ready("pbx")
                self.await_ready("world")
                (self.room / "lab.json").write_text(json.dumps({"asterisk": self.asterisk, "driver": self.driver}))
            except BaseException:
                self._clear()
                raise
        return self

    def down(self) -> None:
        """Take it away: no process, mount, network or file is left."""
        if os.geteuid() != 0:
            raise LabError("the lab needs root: run it with sudo")
        with bases.locked(f"lab-{self.name}"):
            self._clear()

    def _clear(self) -> None:
        rooms.kill_processes(self.root, self.network)
        for process in self._started.values():
            process.wait()
        self._started.clear()
        rooms.clear(self.room)
        rooms.remove_network(self.network)

    def _furnish(self, base: Path) -> None:
        self.root.mkdir(parents=True)
        rooms.mount_overlay(base, self.room)
        rooms.mount_system(self.root)
        rooms.add_network(self.network)
        bases.copy_provisioning(self.root)
        bases.provision(self.root, "configs", self.driver)

    def _install_product(self, wheel: Path | None) -> None:
        if self.asterisk not in bases.WITH_PRODUCT:
            return
        if wheel and not wheel.exists():
            raise LabError(f"there is no wheel {wheel}")
        inside = self.root / bases.INSIDE
        installed = Path(shutil.copy(wheel or wheel_of_checkout(self.root), inside))
        bases.provision(self.root, "product", f"/{bases.INSIDE}/{installed.name}")

    # ------------------------------------------------------------ the two Asterisks: "pbx" and "world"

    def start(self, which: str, wait: bool = True) -> None:
        """Start one of the Asterisks."""
        with (self.room / f"{which}.out").open("ab") as out:
            self._started[which] = self.popen(
                ["asterisk", "-f", "-C", CONFIGS[which]],
                user="asterisk",
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C in the terminal is not meant for it
            )
        if wait:
            self.await_ready(which)

    def stop(self, which: str) -> None:
        """End one of the Asterisks as a restart of its service does: calls are hung up, AMI is told."""
        pid = self.pid(which)
        self.cli(which, "core stop now")
        self._await_end(which, pid)

    def kill(self, which: str) -> None:
        """End one of the Asterisks as a power cut does."""
        pid = self.pid(which)
        if pid is not None:
            os.kill(pid, 9)
        self._await_end(which, pid)

    def _await_end(self, which: str, pid: int | None) -> None:
        until(lambda: pid is None or not self._lives(pid), END, f"{which} ({pid}) had ended")
        if which in self._started:
            self._started.pop(which).wait()

    def pid(self, which: str) -> int | None:
        """The process of one of the Asterisks, None when it does not run."""
        with suppress(OSError, ValueError):
            pid = int((self.root / RUN[which] / "asterisk.pid").read_text())
            return pid if self._lives(pid) else None
        return None

    def _lives(self, pid: int) -> bool:
        # A pid file may outlive its process, and the number may have gone to another one. A killed process is a zombie
        # at once, but holds its sockets until its last thread is gone.
        with suppress(OSError):
            return Path(f"/proc/{pid}/root").readlink() == self.root
        with suppress(OSError):
            return len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
        return False

    def await_ready(self, which: str) -> None:
        """Return when it has booted and accepts AMI and calls."""
        until(lambda: self._booted(which), READY, f"{which} was ready; its words are in {self.room / (which + '.out')}")

    def _booted(self, which: str) -> bool:
        if which in self._started and self._started[which].poll() is not None:
            words = (self.room / f"{which}.out").read_text(errors="replace").strip().splitlines()
            raise LabError(f"{which} ended while it started: {words[-1] if words else '(it said nothing)'}")
        with suppress(OSError, LabError), self.session(which) as ami:
            # Sent after log-in, at once or when the modules are loaded.
            return any(block.get("Event") == "FullyBooted" for block in ami.blocks())
        return False

    def cli(self, which: str, command: str) -> str:
        """What Asterisk's command line answers."""
        done = self.exec(["asterisk", "-C", CONFIGS[which], "-rx", command], capture_output=True, text=True)
        return str(done.stdout)

    def ami(self, which: str = "pbx") -> Account:
        """Where its AMI is (within the lab's network: see connect) and who may log in."""
        host, user, secret = AMI[which]
        return Account(host, AMI_PORT, user, (self.root / secret).read_text().strip())

    def session(self, which: str) -> Ami:
        """A logged-in AMI session."""
        return Ami(self.network, self.ami(which))

    def connect(self, host: str, port: int) -> Any:
        """A socket connected within the lab's network, for a test that runs outside."""
        return connect(self.network, host, port)

    # ------------------------------------------------------------ commands and files

    def exec(
        self, cmd: Sequence[str], user: str | None = None, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[Any]:
        """Run a command inside, in the lab's network; options are subprocess.run's."""
        words, environment = self._inside(cmd, user, env)
        return subprocess.run(words, env=environment, check=options.pop("check", False), **options)

    def popen(
        self, cmd: Sequence[str], user: str | None = None, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[Any]:
        """Start a command inside; options are subprocess.Popen's. Its pid is the command's own."""
        words, environment = self._inside(cmd, user, env)
        return subprocess.Popen(words, env=environment, **options)

    def _inside(
        self, cmd: Sequence[str], user: str | None, env: Mapping[str, str] | None
    ) -> tuple[list[str], dict[str, str]]:
        if self.network and not rooms.network(self.network).exists():
            raise LabError(f"the lab {self.name!r} is not up: lab.py up --name {self.name}")
        home = {"HOME": "/var/lib/asterisk"} if user == "asterisk" else {}
        return [*rooms.entrance(self.root, self.network, user), *cmd], {**rooms.ENVIRONMENT, **home, **(env or {})}

    def path(self, inside: str) -> Path:
        """A path of the lab as the host sees it."""
        return self.root / inside.lstrip("/")

    def write(self, inside: str, text: str, mode: int = 0o640) -> None:
        """Write a file as Asterisk's user owns it."""
        file = self.path(inside)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        uid, gid = self._asterisk_ids()
        os.chown(file, uid, gid)

    def read(self, inside: str) -> str:
        return self.path(inside).read_text()

    def put_clock(self, ahead: float) -> None:
        """So many seconds ahead of the host's is the clock of the programs started behind MOVABLE, from this moment on."""
        # In one piece: a file that is empty for a moment would put the clock back for that moment.
        self.write(CLOCK + ".new", f"+{ahead:f}\n", 0o644)
        self.path(CLOCK + ".new").replace(self.path(CLOCK))

    def _asterisk_ids(self) -> tuple[int, int]:
        for line in self.read("/etc/passwd").splitlines():
            name, _, uid, gid, *_ = line.split(":")
            if name == "asterisk":
                return int(uid), int(gid)
        raise LabError("there is no user asterisk in the lab")

    # ------------------------------------------------------------ people

    def client_calls(
        self, number: str, did: str, seconds: float, name: str | None = None, dtmf: str | None = None
    ) -> WorldCall:
        """A client calls the company and hangs up after so many seconds, counted from dialling. Returns at once.

        number: his, as the provider sends it (or "anonymous"); did: as it is dialled, with or without +; dtmf: what he
        presses once he is answered, "w" is a pause of half a second.
        """
        return self._world_calls("company", number, did, seconds, CLIENT_VOICE, name, dtmf)

    def employee_dials(self, extension: str, number: str, seconds: float, dtmf: str | None = None) -> WorldCall:
        """The telephone of an extension dials, and hangs up after so many seconds, counted from dialling. Returns at once."""
        return self._world_calls("desk", extension, number, seconds, EMPLOYEE_VOICE, None, dtmf)

    def _world_calls(
        self, side: str, number: str, to: str, seconds: float, voice: int, name: str | None, dtmf: str | None
    ) -> WorldCall:
        uniqueid = call_id(side, number, to)
        heard = f"{HEARD}/{uniqueid}.wav"
        variables = {
            "CALL_UNTIL": f"{time.time() + seconds:.3f}",
            "CALL_HEARD": heard,
            "CALL_KEYS": dtmf or "",
            "CALL_VOICE": str(voice),
        }
        with self.session("world") as ami:
            ami.do(
                "Originate",
                Channel=f"PJSIP/{to}@{side}",
                Context="caller",
                Exten="s",
                Priority="1",
                CallerID=f'"{name}" <{number}>' if name else f"<{number}>",
                ChannelId=uniqueid,
                Timeout=str(int(seconds * 1000)),
                Async="true",
                Variable=[f"{key}={value}" for key, value in variables.items()],
            )
        return WorldCall(self, uniqueid, self.path(heard))

    @staticmethod
    def did_of(extension: str) -> str:
        """The DID that rings this extension."""
        return f"74952000{extension}"

    @staticmethod
    def did_of_queue(queue: str) -> str:
        """The DID that leads into this queue."""
        named = {"sales": "74951234567", "support": "78120000001", "nobody": "74952003099"}
        return named.get(queue) or f"749520030{'01'[queue[0] == 'n']}{queue[1]}"

    # ------------------------------------------------------------ the truth, from the far end's own log

    def far_calls(self, number: str | None = None) -> list[FarCall]:
        """Calls of the far end, oldest first: all, or those that the PBX made to this number, however it is written."""
        calls = far_calls(self.path("/var/log/world/cel-custom/calls.csv"))
        if number is None:
            return calls
        return [call for call in calls if call.side in CALLED and same_number(call.number, number)]

    def calls_to(self, number: str) -> int:
        """How often a client's or an employee's telephone was rung by the PBX; an attempt that was refused counts."""
        return len(self.far_calls(number))

    def heard_by(self, number: str) -> list[Path]:
        """Recordings of what this telephone heard: extensions 1L8, clients 7917... and 7918... (WAV, 8 kHz, mono)."""
        return sorted(self.path(HEARD).glob(f"{number}-*.wav"), key=lambda file: file.stat().st_mtime)


def labs() -> list[Lab]:
    """The labs on this host that are up, or half so."""
    return [_known(room.name) for room in sorted(STATE.glob("*")) if room.is_dir()]


def _known(name: str) -> Lab:
    with suppress(LabError):
        return Lab.attach(name)
    return Lab(name)
