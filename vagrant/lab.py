#!/usr/bin/env python3
"""A lab on one machine: a company's Asterisk, and a second one that is its provider, its clients and its telephones.

    lab.py up                                  bring it up, and print how to try it
    lab.py call 79160000001 74951234567        a client calls the company
    lab.py dial 101 89160000001                an employee calls somebody
    lab.py exec -- asterisk -rx 'core show channels'
    lab.py status
    lab.py down

Needs Linux, root and Python 3.9 or newer; the rest it installs. Tests import the class Lab. See docs/lab.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import lab_base as bases
from lab_pair import CLIENT_VOICE, CONFIGS, EMPLOYEE_VOICE, END, Lab, WorldCall, labs
from lab_room import LabError, until
from lab_world import FarCall

__all__ = ["CLIENT_VOICE", "EMPLOYEE_VOICE", "FarCall", "Lab", "LabError", "WorldCall", "until"]

HOW_TO = """\
The lab {name!r} is up: Asterisk {asterisk}, root {root}

  {lab} exec{named} --user asterisk -- asterisk-missed rules apply /etc/asterisk/asterisk_missed_rules.yaml
  {lab} exec{named} --user asterisk -- asterisk-missed run --no-web       the daemon; Ctrl-C ends it
and, beside it:
  {lab} call{named} 79160000001 74952000112 --seconds 5   a client calls extension 112, which does not answer
  {lab} exec{named} --user asterisk -- asterisk-missed journal list
  {lab} calls{named}                                      what reached the telephones
  {lab} dial{named} 101 89160000001                       an employee calls a client
  {lab} exec{named} -- asterisk -rx 'core show channels'
  {lab} down{named}

Telephones 1L1 answer after 1 s, 1L2 never, 1L3 are busy, 1L5 are not registered; L is any digit. All tables: docs/lab.md"""


def main() -> int:
    """The command line; the exit status."""
    wanted = _parser().parse_args()
    try:
        return int(wanted.do(wanted) or 0)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default="lab", help="several labs may stand side by side (default: lab)")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, do: Any, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, parents=[named])
        made.set_defaults(do=do)
        return made

    up = verb("up", _up, "bring the lab up, fresh")
    up.add_argument("--asterisk", choices=list(bases.SUITES), default="22")
    up.add_argument("--driver", choices=["pjsip", "sip"], default="pjsip", help="the pbx's; sip is chan_sip, 16 only")
    up.add_argument("--wheel", type=Path, help="the product to install instead of this checkout")
    verb("down", _down, "take it away")
    verb("status", _status, "which labs there are")
    verb("calls", _calls, "what reached the telephones and the clients")
    inside = verb("exec", _exec, "run a command inside: exec [--user asterisk] -- CMD...")
    inside.add_argument("--user")
    inside.add_argument("cmd", nargs=argparse.REMAINDER)
    call = verb("call", _call, "a client calls the company")
    call.add_argument("number", help="the client's, such as 79160000001")
    call.add_argument("did", help="what he dials, such as 74951234567")
    call.add_argument("--display-name")
    dial = verb("dial", _dial, "an employee's telephone calls somebody")
    dial.add_argument("extension")
    dial.add_argument("number")
    for one in (call, dial):
        one.add_argument("--seconds", type=float, default=10, help="hang up after (default: 10)")
        one.add_argument("--keys", help="keys to press once answered; w is half a second")
    return parser


def _up(wanted: argparse.Namespace) -> None:
    begun = time.monotonic()
    lab = Lab(wanted.name, wanted.asterisk, wanted.driver).up(wanted.wheel)
    named = "" if lab.name == "lab" else f" --name {lab.name}"
    print(HOW_TO.format(name=lab.name, asterisk=lab.asterisk, root=lab.root, lab=sys.argv[0], named=named))
    print(f"({time.monotonic() - begun:.1f} s)")


def _down(wanted: argparse.Namespace) -> None:
    Lab(wanted.name).down()


def _status(wanted: argparse.Namespace) -> int:
    for lab in labs():
        running = ", ".join(f"{which} {lab.pid(which) or 'down'}" for which in CONFIGS)
        print(f"{lab.name}: Asterisk {lab.asterisk} ({lab.driver}), {running}, {lab.root}")
    return 0


def _calls(wanted: argparse.Namespace) -> None:
    for call in Lab.attach(wanted.name).far_calls():
        at = time.strftime("%H:%M:%S", time.localtime(call.at))
        print(f"{at}  {call.side:<10}  {call.caller or '-':>12} -> {call.number:<13} {call.outcome}")


def _exec(wanted: argparse.Namespace) -> int:
    cmd = wanted.cmd[1:] if wanted.cmd[:1] == ["--"] else wanted.cmd
    if not cmd:
        raise LabError("exec: which command? lab.py exec -- asterisk -rx 'core show channels'")
    return Lab.attach(wanted.name).exec(cmd, user=wanted.user, env={"TERM": os.environ.get("TERM", "dumb")}).returncode


def _call(wanted: argparse.Namespace) -> None:
    lab = Lab.attach(wanted.name)
    _follow(
        lab.client_calls(wanted.number, wanted.did, wanted.seconds, wanted.display_name, wanted.keys), wanted.seconds
    )


def _dial(wanted: argparse.Namespace) -> None:
    lab = Lab.attach(wanted.name)
    _follow(lab.employee_dials(wanted.extension, wanted.number, wanted.seconds, wanted.keys), wanted.seconds)


def _follow(call: WorldCall, seconds: float) -> None:
    """Tell what becomes of a call, until it is over."""
    until(lambda: call.ended, seconds + END, "the call was over")
    seen = call.seen
    assert seen is not None and seen.ended_at is not None
    print(f"{seen.outcome}; {seen.ended_at - seen.at:.1f} s in all")
    if call.heard.exists():
        print(f"what the caller heard: {call.heard}")


if __name__ == "__main__":
    sys.exit(main())
