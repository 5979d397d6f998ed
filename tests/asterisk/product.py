"""The product on a lab's PBX, driven as an engineer drives it: files, the command line, signals."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab import Lab
from lab_pair import MOVABLE
from until import until

from asterisk_missed.pbx.witness import cel_conf, cel_custom_mapping

CONFIG = """\
[general]
pbx = lab
language = en
[ami]
port = {port}
[pbx]
trunks = PJSIP/trunk-main
extensions = 1XX
[calls]
legal_hours = 00:00-24:00
[guard]
max_per_prefix_per_hour = 10000
max_per_day = 10000
[limits]
originates_per_second = 20
at_once = 100
"""

# A process that reads the journal for all tests of a lab: it is read all the time, and a process for each look costs half a
# second of the processor, which the telephones need. It ends with the lab, or with us.
READER = """\
import contextlib, io, json, sys
from asterisk_missed.cli import main
for line in sys.stdin:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = main(json.loads(line))
    print(json.dumps([status, out.getvalue(), err.getvalue()]), flush=True)
"""
_READERS: dict[Lab, subprocess.Popen[str]] = {}

Row = dict[str, Any]


@dataclass
class Product:
    """The daemon and its journal. ``port`` is where it finds AMI; ``config``, what its config file says beside that; with a
    ``movable_clock`` it believes Lab.put_clock, and so does the command line."""

    lab: Lab
    port: int = 5038
    config: str = CONFIG
    movable_clock: bool = False
    daemon: subprocess.Popen[bytes] | None = field(default=None)
    starts: int = 0
    _asking: threading.Lock = field(default_factory=threading.Lock)
    _asked_at: float = -1.0
    _rows: list[Row] = field(default_factory=list)

    def configure(self, rules: str) -> None:
        """Write the config, apply the rules."""
        self.lab.write("/etc/asterisk/asterisk_missed.conf", self.config.format(port=self.port))
        self.lab.write("/tmp/rules.yaml", rules)
        done = self.run("rules", "apply", "/tmp/rules.yaml", "--yes")
        assert done.returncode == 0, done.stderr

    def switch_on_cel(self) -> None:
        """Have Asterisk write what calls are made up from, as an engineer would: two files, and a restart."""
        if self.lab.path("/etc/asterisk/cel.conf").read_text() == cel_conf():
            return
        self.lab.write("/etc/asterisk/cel.conf", cel_conf())
        self.lab.write("/etc/asterisk/cel_custom.conf", f"[mappings]\n{cel_custom_mapping()}")
        folder = ["install", "-d", "-o", "asterisk", "-g", "asterisk", "/var/log/asterisk/cel-custom"]
        self.lab.exec(folder, check=True)
        self.lab.stop("pbx")
        self.lab.start("pbx")
        self.lab.await_ready("pbx")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One verb of the command line, as Asterisk's user."""
        return self.lab.exec([*self._command, *words], user="asterisk", capture_output=True, text=True)

    @property
    def _command(self) -> list[str]:
        return [*(MOVABLE if self.movable_clock else ()), "asterisk-missed"]

    @property
    def log(self) -> str:
        """What the daemon has said since it was last started."""
        return self.lab.path(f"/var/log/asterisk/missed-{self.starts}.log").read_text()

    def start(self) -> None:
        """Start the daemon and return when it listens and its rules are loaded."""
        self.launch()
        until(lambda: ": up," in self.log and "loaded into Asterisk" in self.log, 30, lambda: f"the daemon: {self.log}")

    def launch(self) -> None:
        """Start the daemon."""
        self.starts += 1
        with self.lab.path(f"/var/log/asterisk/missed-{self.starts}.log").open("wb") as log:
            self.daemon = self.lab.popen([*self._command, "run", "--no-web"], user="asterisk", stderr=log)

    def signal(self, number: int) -> int:
        """Send the daemon a signal and wait for its end; its exit status."""
        assert self.daemon is not None
        self.daemon.send_signal(number)
        status = self.daemon.wait(20)
        self.daemon = None
        return status

    def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)

    def stop(self) -> None:
        if self.daemon is not None:
            status = self.signal(signal.SIGTERM)
            assert status == 0, (status, self.log)

    # --- the journal

    def rows(self, caller: str | None = None) -> list[Row]:
        """The missed calls, newest first; of one caller (E.164) if asked."""
        return [row for row in self._all_rows() if caller is None or caller in row["caller"]]

    def _all_rows(self) -> list[Row]:
        """The whole journal, asked at most three times a second however many tests wait for it."""
        with self._asking:
            if time.monotonic() - self._asked_at > 0.3:
                self._rows = self._read("list", "--limit", "1000")
                self._asked_at = time.monotonic()
            return self._rows

    def row(self, caller: str) -> Row:
        """The one missed call of a caller, with its story and attempts."""
        (found,) = self.rows(caller)
        return self.show(found["id"])

    def show(self, missed_id: int) -> Row:
        with self._asking:
            row: Row = self._read("show", str(missed_id))
            return row

    def _read(self, *words: str) -> Any:
        """What a verb of ``journal`` prints, as the command line prints it in a process that stays."""
        reader = _READERS.get(self.lab)
        if reader is None or reader.poll() is not None:
            python = ["/opt/asterisk-missed/bin/python", "-c", READER]
            reader = self.lab.popen(python, user="asterisk", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            _READERS[self.lab] = reader
        assert reader.stdin is not None and reader.stdout is not None
        print(json.dumps(["--json", "journal", *words]), file=reader.stdin, flush=True)
        status, out, err = json.loads(reader.stdout.readline())
        assert status == 0, (status, err)
        return json.loads(out)

    def await_rows(self, caller: str, condition: Callable[[Sequence[Row]], object], seconds: float, what: str) -> None:
        """Wait until the rows of a caller are so."""
        until(
            lambda: condition(self.rows(caller)), seconds, lambda: f"{caller} {what}: {self.rows(caller)}\n{self.log}"
        )

    def await_end(self, caller: str, seconds: float = 45) -> Row:
        """Wait until a caller's missed call is settled, and return it with its story."""
        self.await_rows(caller, lambda rows: rows and all(settled(row) for row in rows), seconds, "was settled")
        return self.show(self.rows(caller)[0]["id"])


def settled(row: Row) -> bool:
    """Nothing more will happen by itself."""
    return row["due_at"] is None and row["status"] != "calling"
