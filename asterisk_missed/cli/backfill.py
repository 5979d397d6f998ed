"""``backfill``: missed calls that nobody heard, from CEL, CDR and queue_log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from . import Invocation, errors, printing
from .journal import Moment


@click.command("backfill")
@click.option("--from", "since", type=Moment(), help="Make up a period: calls that ended at this time or later.")
@click.option("--to", "until", type=Moment(), help="Calls that ended before this time. Default: now.")
@click.pass_obj
def command(asked: Invocation, since: datetime | None, until: datetime | None) -> None:
    """Make up missed calls from what Asterisk wrote. Without a period: the gaps that the journal knows of.

    Twice changes nothing. Nobody is called for a missed call that is older than its callback would be.
    """
    from ..journal import rulebook
    from ..recovery import Recovery

    now = datetime.now(UTC)
    if until is not None and (since is None or since >= until):
        raise errors.BadInput(f"--to {until.isoformat()}: needs a --from before it")
    journal = asked.journal()
    recovery = Recovery(asked.config, journal, asked.config.ground)
    if since is not None:
        made = recovery.period(rulebook.read(journal), since, until or now, now)
        told: list[dict[str, Any]] = [{"from": since, "to": until or now, "witness": made.witness, **made.counts}]
        warnings = made.warnings
    else:
        made_up = recovery.gaps(rulebook.read(journal), None, now, now, listening=False)
        told = [
            {"from": gap.began_at, "to": gap.ended_at, "witness": gap.witness}
            | {"recovered": gap.recovered, "confirmed": gap.confirmed, "taken_back": gap.taken_back}
            for gap in made_up.gaps
        ]
        warnings = made_up.warnings
    for warning in warnings:
        click.echo(warning, err=True)
    if asked.json:
        printing.as_json(told)
        return
    zone = asked.config.general.zone
    for one in told:
        click.echo(
            f"{one['from'].astimezone(zone):%Y-%m-%d %H:%M:%S} - {one['to'].astimezone(zone):%Y-%m-%d %H:%M:%S}: "
            f"from {one['witness']}: {one['recovered']} missed calls found, {one['confirmed']} confirmed, "
            f"{one['taken_back']} taken back"
        )
    if not told:
        click.echo("no gap is left to make up")
