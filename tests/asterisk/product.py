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
[limits]
originates_per_second = 20
at_once = 100
"""

Row = dict[str, Any]


@dataclass
class Product:
    """The daemon and its journal. ``port`` is where it finds AMI."""

    lab: Lab
    port: int = 5038
    daemon: subprocess.Popen[bytes] | None = field(default=None)
    starts: int = 0
    _asking: threading.Lock = field(default_factory=threading.Lock)
    _asked_at: float = -1.0
    _rows: list[Row] = field(default_factory=list)

    def configure(self, rules: str) -> None:
        """Write the config, apply the rules."""
        self.lab.write("/etc/asterisk/asterisk_missed.conf", CONFIG.format(port=self.port))
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
        return self.lab.exec(["asterisk-missed", *words], user="asterisk", capture_output=True, text=True)

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
            self.daemon = self.lab.popen(["asterisk-missed", "run", "--no-web"], user="asterisk", stderr=log)

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
                done = self.run("--json", "journal", "list", "--limit", "1000")
                assert done.returncode == 0, (done.returncode, done.stderr)
                self._rows, self._asked_at = json.loads(done.stdout), time.monotonic()
            return self._rows

    def row(self, caller: str) -> Row:
        """The one missed call of a caller, with its story and attempts."""
        (found,) = self.rows(caller)
        return self.show(found["id"])

    def show(self, missed_id: int) -> Row:
        row: Row = json.loads(self.run("--json", "journal", "show", str(missed_id)).stdout)
        return row

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
