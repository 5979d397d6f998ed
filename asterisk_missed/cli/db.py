"""``db``: the tables of the journal."""

from __future__ import annotations

import click

from . import Invocation, printing


@click.group("db")
def command() -> None:
    """The journal's database: upgrade."""


@command.command("upgrade")
@click.pass_obj
def upgrade(asked: Invocation) -> None:
    """Bring the tables to this program's version. Stop the daemon first; a second run changes nothing."""
    from ..journal.database import Database

    before, now = Database(asked.config.general.database).upgrade()
    if asked.json:
        printing.as_json({"before": before, "now": now})
    elif before == now:
        click.echo(f"the tables are of version {now} already")
    else:
        click.echo(f"upgraded from {before or 'nothing'} to {now}")
