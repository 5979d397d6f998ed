#!/usr/bin/env python3
"""make demo: four clients call a real PBX, nobody answers, and what becomes of each is watched and checked.

Ends by itself: exit status 0 only if all four ended as said. Everything happens in a lab of its own, which is taken down.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from lab import Lab, LabError, until  # type: ignore[import-not-found]

# How long the four may take together, in seconds, once the lab is up.
PATIENCE = 120

CONFIG = """\
[general]
pbx = demo
language = en
[pbx]
trunks = PJSIP/trunk-main
extensions = 1XX
[calls]
legal_hours = 00:00-24:00   ; the demo runs at any hour
[limits]
originates_per_second = 10
"""

# Extension 112 rings and never answers, 101 answers; queue n1 has nobody who answers, q1 has 111, who does.
RULES = """\
rules:
  - slug: desk
    title: A call that nobody picked up, employee first
    source: {did: "74952000112"}
    delay: 3s
    first: employee
    connect: {extensions: ["101"]}
  - slug: queue
    title: A queue that did not answer, client first
    source: {queue: n1}
    delay: 3s
    first: client
    connect: {queue: q1}
  - slug: patient
    title: A long delay, so that the client calls again before his time
    source: {did: "74952000122"}
    delay: 60s
    first: employee
    connect: {extensions: ["101"]}
  - slug: stubborn
    title: Two attempts, five seconds of ringing each
    source: {did: "74952000132"}
    delay: 3s
    first: employee
    connect: {extensions: ["106"]}
    ring: {client: 5s}
    retry: {attempts: 2, no_answer: 3s}
"""


@dataclass(frozen=True)
class Client:
    """One of the four: his number, what he calls, and how his row must end."""

    name: str
    number: str
    did: str
    seconds: float
    status: str
    reason: str
    attempts: int


CLIENTS = (
    Client("Anna calls a desk", "79160000001", "74952000112", 4, "called_back", "answered", 1),
    Client("Boris calls the queue", "79160000002", "74952003011", 6, "called_back", "answered", 1),
    Client("Vera calls, and again", "79160000003", "74952000122", 4, "client_called", "client_returned", 0),
    Client("Gleb never picks up", "79161000004", "74952000132", 4, "failed", "client_no_answer", 2),
)


def main() -> int:
    """Run the demo; the exit status."""
    lab = Lab("demo")
    try:
        say("bringing up the lab: a PBX, a provider and telephones")
        lab.up()
        return play(lab)
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 3
    finally:
        lab.down()


def play(lab: Any) -> int:
    """The four clients, on a lab that is up."""
    lab.write("/etc/asterisk/asterisk_missed.conf", CONFIG)
    lab.write("/tmp/rules.yaml", RULES)
    product(lab, "rules", "apply", "/tmp/rules.yaml")
    log = lab.path("/var/log/asterisk/missed.log")
    with log.open("w") as stderr:
        daemon = lab.popen(["asterisk-missed", "run", "--no-web"], user="asterisk", stderr=stderr)
    try:
        until(
            lambda: {"up", "loaded"} <= set(log.read_text().replace(",", " ").split()),
            20,
            f"the daemon was ready ({log})",
        )
        say("the daemon listens; the clients call")
        for client in CLIENTS:
            lab.client_calls(client.number, client.did, client.seconds, name=client.name)
        ended = watch(lab)
    finally:
        daemon.terminate()
        daemon.wait(10)
    show(lab)
    return verdict(lab, ended)


def watch(lab: Any) -> bool:
    """Tell every change of a row until all have ended; False when the patience is over."""
    shown: dict[int, tuple[str, str | None]] = {}
    called_again = False
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        rows = journal(lab)
        for row in sorted(rows, key=lambda r: r["id"]):
            now = (row["status"], row["reason"])
            if shown.get(row["id"]) != now:
                shown[row["id"]] = now
                tell(row)
        if not called_again and any(row["caller"] == "+" + CLIENTS[2].number for row in rows):
            say(f"{CLIENTS[2].name}: this time 101 answers")
            lab.client_calls(CLIENTS[2].number, "74952000101", 6)
            called_again = True
        if len(rows) >= len(CLIENTS) and all(row["due_at"] is None and row["status"] != "calling" for row in rows):
            return True
        time.sleep(0.3)
    return False


def verdict(lab: Any, ended: bool) -> int:
    """Whether every client ended as said, by the journal and by how often the far end was rung."""
    rows = {row["caller"]: row for row in journal(lab)}
    wrong = [] if ended else [f"not all had ended after {PATIENCE} s"]
    for client in CLIENTS:
        row = rows.get("+" + client.number, {})
        if (row.get("status"), row.get("reason")) != (client.status, client.reason):
            wrong.append(
                f"{client.name}: {row.get('status')}, {row.get('reason')} instead of {client.status}, {client.reason}"
            )
        if client.status == "called_back" and not (row.get("employee") and row.get("talk")):
            wrong.append(f"{client.name}: nobody is said to have talked with him")
        rung = lab.calls_to(client.number)
        if rung != client.attempts:
            wrong.append(f"{client.name}: his telephone was rung {rung} times instead of {client.attempts}")
    print()
    print("\n".join(wrong) if wrong else "All four ended as they should; nobody's telephone rang once too often.")
    return 1 if wrong else 0


def show(lab: Any) -> None:
    """The journal, and the story of one row."""
    print("\nThe journal:\n")
    print(product(lab, "journal", "list"))
    print("The story of the last one:\n")
    print(product(lab, "journal", "show", str(max(row["id"] for row in journal(lab)))))


def tell(row: dict[str, Any]) -> None:
    extra = f", talks with {row['employee']}" if row["employee"] and row["status"] == "calling" else ""
    say(f"{row['caller']}: {row['status']} {'(' + row['reason'] + ')' if row['reason'] else ''}{extra}")


def journal(lab: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(product(lab, "--json", "journal", "list"))
    return rows


def product(lab: Any, *words: str) -> str:
    """The product's command line, on the lab's PBX."""
    done = lab.exec(["asterisk-missed", *words], user="asterisk", capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(f"asterisk-missed {' '.join(words)}: {done.stderr.strip()}")
    return str(done.stdout)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
