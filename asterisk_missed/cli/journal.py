"""``journal``: missed calls, and one row's story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from .. import words
from . import Invocation, by_hand, errors, printing

if TYPE_CHECKING:
    from ..journal.gaps import Gap

DAY = timedelta(days=1)
LARGEST = 2**63 - 1  # what a database's integer holds


class Moment(click.ParamType[datetime]):
    """A point in time: ISO 8601 with its zone, or in the PBX's zone; a date alone is its midnight."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time (such as 2026-01-31 or 2026-01-31T18:00)", param, ctx)
        if moment.tzinfo is None:
            assert ctx is not None
            moment = moment.replace(tzinfo=ctx.obj.config.general.zone)
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            self.fail(f"{value!r} is no time of this world", param, ctx)


@click.group("journal")
def command() -> None:
    """Missed calls and what became of them."""


@command.command("list")
@click.option("--from", "since", type=Moment(), help="Missed at this time or later.")
@click.option("--to", "until", type=Moment(), help="Missed before this time.")
@click.option("--status", type=click.Choice(list(words.STATUSES)), help="Only rows of this status.")
@click.option("--caller", help="The number, or a part of it.")
@click.option("--rule", help="Taken by this rule.")
@click.option("--source", help="Missed on this DID, trunk, queue or extension.")
@click.option("--employee", help="Talked with this employee.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--offset", type=click.IntRange(0, LARGEST), default=0)
@click.pass_obj
def list_rows(asked: Invocation, /, limit: int, offset: int, **wanted: Any) -> None:
    """Missed calls, newest first."""
    from ..journal import search

    rows = search.rows(asked.journal(), search.Filter(**wanted), limit, offset)
    if asked.json:
        printing.as_json(rows)
        return
    columns = (
        "id",
        "missed at",
        "caller",
        "did",
        "lost",
        "wait",
        "status",
        "reason",
        "due / reached",
        "employee",
        "talk",
    )
    printing.table(columns, [_cells(row, asked) for row in rows])


@command.command("show")
@click.argument("missed_id", metavar="ID", type=click.IntRange(1, LARGEST))
@click.pass_obj
def show(asked: Invocation, missed_id: int) -> None:
    """One missed call: its story and its attempts."""
    from ..journal import search

    row = search.row(asked.journal(), missed_id)
    if row is None:
        raise errors.Failure(f"no missed call {missed_id}")
    if asked.json:
        printing.as_json(row)
        return
    zone, language = asked.config.general.zone, asked.config.general.language
    status, reason = words.status(row["status"], language), words.reason(row["reason"], language)
    click.echo(f"{missed_id}  {printing.shown(row['caller'])}  {status}{f' ({reason})' if reason else ''}")
    for line in row["story"]:
        details = {name: _local(value, zone) for name, value in line.items() if name not in ("at", "event")}
        click.echo(f"  {_local(line['at'], zone)}  {printing.shown(words.sentence(line['event'], details, language))}")


@command.command("stats")
@click.option("--from", "since", type=Moment(), help="Default: a day before --to.")
@click.option("--to", "until", type=Moment(), help="Default: now.")
@click.pass_obj
def stats(asked: Invocation, since: datetime | None, until: datetime | None) -> None:
    """Missed calls of a period by status, and how much of it was listened to."""
    from ..journal import gaps, search

    now = datetime.now(UTC)
    until = until or now
    since = since or until - DAY
    if since >= until:
        raise errors.BadInput(f"--from {since.isoformat()}: must be before --to {until.isoformat()}")
    journal = asked.journal()
    counts = search.counts(journal, search.Filter(since=since, until=until))
    heard = gaps.coverage(journal, since, until, now)
    if asked.json:
        told = {"coverage": round(heard.share, 4), "listened": heard.listened, "unconfirmed": heard.unconfirmed}
        printing.as_json(
            {"from": since, "to": until, "missed": counts} | told | {"gaps": list(map(asdict, heard.gaps))}
        )
        return
    zone, language = asked.config.general.zone, asked.config.general.language
    click.echo(f"{_local(since, zone)} - {_local(until, zone)}")
    click.echo(words.coverage(heard.share, heard.unconfirmed, language))
    printing.table(("status", "calls"), [(words.status(name, language), n) for name, n in sorted(counts.items())])
    if heard.gaps:
        columns = ("nothing heard from", "to", "why", "made up from", "found", "confirmed", "taken back")
        printing.table(columns, [_gap_cells(gap, zone) for gap in heard.gaps])


for verb in by_hand.VERBS:
    command.add_command(verb)


def _gap_cells(gap: Gap, zone: ZoneInfo) -> tuple[object, ...]:
    times = (_local(gap.began_at, zone), _local(gap.ended_at, zone))
    return (*times, gap.why, gap.witness, gap.recovered, gap.confirmed, gap.taken_back)


def _cells(row: Mapping[str, Any], asked: Invocation) -> tuple[object, ...]:
    zone, language = asked.config.general.zone, asked.config.general.language
    return (
        row["id"],
        _local(row["missed_at"], zone),
        row["caller"],
        row["did"],
        f"{row['lost_in']}/{row['lost_how']}",
        f"{row['wait']:.1f}",
        words.status(row["status"], language),
        words.reason(row["reason"], language),
        _local(row["due_at"] or row["called_back_at"], zone),
        row["employee"],
        f"{row['talk']:.1f}" if row["talk"] is not None else None,
    )


def _local(value: Any, zone: ZoneInfo) -> Any:
    """A time in the PBX's zone, to the second; everything else as it is."""
    if isinstance(value, str) and value[4:5] == "-" and value[10:11] == "T":
        value = datetime.fromisoformat(value)
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value
