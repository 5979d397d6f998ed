"""``numbers``: those that are never called, whatever a rule says."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click

from . import Invocation, printing
from .by_hand import refusals, who

_number = click.argument("number", metavar="NUMBER")
_CALLBACKS = {
    "closed": "its callback is closed",
    "calling": "it is being called at this moment: that call goes on, and is not repeated",
}


@click.group("numbers")
def command() -> None:
    """Numbers that are never called, whatever a rule says."""


@command.command("block")
@_number
@click.option("--why", default="", metavar="TEXT", help="A line that the list shows.")
@click.pass_obj
def block(asked: Invocation, number: str, why: str) -> None:
    """Never call NUMBER again: its callback is closed, and none is made."""
    from ..journal import numbers

    with refusals():
        called = numbers.e164(number, asked.config.general.country)
        done = numbers.block(asked.journal(), called, who(), datetime.now(UTC), why)
    if asked.json:
        printing.as_json(asdict(done.entry) | {"new": done.new, "callback": done.callback})
        return
    said = ["is never called" if done.new else "was on the list already", _CALLBACKS.get(done.callback or "")]
    click.echo(f"{called}: {'; '.join(part for part in said if part)}")


@command.command("unblock")
@_number
@click.pass_obj
def unblock(asked: Invocation, number: str) -> None:
    """Take NUMBER off the list. Callbacks that were closed by it stay closed; `journal call-now` opens one."""
    from ..journal import numbers

    with refusals():
        gone = numbers.unblock(asked.journal(), numbers.e164(number, asked.config.general.country))
    if asked.json:
        printing.as_json(asdict(gone))
    else:
        click.echo(f"{gone.number}: may be called again")


@command.command("list")
@click.pass_obj
def list_numbers(asked: Invocation) -> None:
    """The list, newest first: since when, by whom, why."""
    from ..journal import numbers

    entries = numbers.listed(asked.journal())
    if asked.json:
        printing.as_json([asdict(entry) for entry in entries])
        return
    zone = asked.config.general.zone
    rows = [(entry.number, f"{entry.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", entry.by, entry.why) for entry in entries]
    printing.table(("number", "since", "by", "why"), rows)
