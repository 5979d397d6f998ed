"""``rules explain`` and ``rules preview``: what would be decided, and what rules would have done. Nothing is dialled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from .. import rule_words, words
from ..rules.duration import parse
from . import Invocation, errors, printing
from .journal import Moment

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ..callbacks.plan import Ground, Known, Planned
    from ..callbacks.preview import Effect, Preview
    from ..rules.rule import Rule, SourceKind

DAYS = 30
MOST_DAYS = 3_650
# Years in which zones and holidays can be asked for.
YEARS = (1970, 9_000)
BAR = 40  # characters of the longest bar of a histogram

FILE = click.Path(path_type=Path, allow_dash=True)


class Wait(click.ParamType[timedelta]):
    """A duration such as 10s."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return parse(value)
        except ValueError as error:
            self.fail(f"{value!r}: must be {error}", param, ctx)


@click.command("explain")
@click.option("--caller", required=True, help="The number, as Asterisk shows it.")
@click.option("--did", help="Missed on this number of ours,")
@click.option("--trunk", help="or on this trunk,")
@click.option("--queue", help="or in this queue,")
@click.option("--extension", help="or on this extension.")
@click.option("--at", required=True, type=Moment(), help="When the call ended; taken for now.")
@click.option("--wait", type=Wait(), default="10s", show_default=True, help="How long the caller waited.")
@click.option("--file", "path", type=FILE, help="Rules of a file; no database is opened.")
@click.pass_obj
def explain(
    asked: Invocation, /, caller: str, at: datetime, wait: timedelta, path: Path | None, **source: str | None
) -> None:
    """What would be decided for one imagined missed call, and why. Touches nothing."""
    from ..callbacks.plan import plan
    from ..callbacks.preview import imagined

    given = [(kind, name) for kind, name in source.items() if name is not None]
    if len(given) != 1:
        raise errors.BadInput("rules explain: exactly one of --did, --trunk, --queue and --extension")
    if not YEARS[0] <= at.year <= YEARS[1]:
        raise errors.BadInput(f"rules explain: --at {at.isoformat()}: must be in the years {YEARS[0]} to {YEARS[1]}")
    kind, name = given[0]
    ended = imagined(caller, cast("SourceKind", kind), name, wait.total_seconds(), at)
    rules, known = _asked_of(asked, path, caller, at)
    planned = plan(ended, rules, asked.config.ground, known, at)
    due = planned.due_at
    if asked.json:
        told = {"rule": planned.rule, "called_back": due is not None, "reason": planned.reason, "due_at": due}
        printing.as_json(told)
        return
    for line in _explained(planned, asked):
        click.echo(line)


def _asked_of(asked: Invocation, path: Path | None, caller: str, at: datetime) -> tuple[Sequence[Rule], Known]:
    """The rules, and what is known of the caller: nothing, where the rules come from a file."""
    from ..callbacks.plan import Known
    from .rules import read_rules

    if path is not None:
        return read_rules(path), Known()
    from ..journal import rulebook

    journal = asked.journal()
    return rulebook.read(journal), journal.known_of(caller, asked.config.ground, at)


def _explained(planned: Planned, asked: Invocation) -> list[str]:
    language, zone = asked.config.general.language, asked.config.general.zone
    lines = [words.decision(planned.rule, planned.reason, _local(planned.due_at, zone), language)]
    return [*lines, planned.ground] if planned.ground else lines


@click.command("preview")
@click.argument("slug", required=False)
@click.option("--file", "path", type=FILE, help="The rules of a file instead of the journal's.")
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=DAYS, show_default=True, help="How far to look back."
)
@click.pass_obj
def preview(asked: Invocation, slug: str | None, path: Path | None, days: int) -> None:
    """A rule in plain words, when it opens, and what it would have done with the journal's last days.

    The whole list is tried in its order, so that a rule gets what those before it leave. Pure calculation: nothing is dialled.
    """
    from ..callbacks.preview import preview as run
    from ..journal import past, rulebook
    from ..rules import editing
    from .rules import read_rules

    if (slug is None) == (path is None):
        raise errors.BadInput("rules preview: either SLUG or --file FILE")
    journal, now = asked.journal(), datetime.now(UTC)
    rules = read_rules(path) if path is not None else rulebook.read(journal)
    if slug is not None and editing.found(rules, slug) is None:
        raise errors.Failure(f"no rule {slug}")
    ground = asked.config.ground
    found = run(rules, ground, past.history(journal, now - timedelta(days=days), now))
    shown = [rule for rule in rules if slug in (None, rule.slug)]
    if asked.json:
        told = [_as_dict(rule, found.effects[rule.slug], ground, now, asked) for rule in shown]
        printing.as_json({"days": days, "calls": found.calls, "no_rule": found.no_rule, "rules": told})
        return
    for rule in shown:
        _print(rule, found, days, ground, now, asked)


def _as_dict(rule: Rule, effect: Effect, ground: Ground, now: datetime, asked: Invocation) -> dict[str, Any]:
    from ..callbacks.preview import next_openings

    opens = [{"from": begin, "to": end} for begin, end in next_openings(rule, ground, now)]
    said = {"slug": rule.slug, "words": _sentences(rule, asked), "next_openings": opens}
    return said | {"effect": effect.as_dict()}


def _sentences(rule: Rule, asked: Invocation) -> list[str]:
    general, calls = asked.config.general, asked.config.calls
    legal = rule_words.Legal(calls.legal_hours, general.timezone, calls.legal_zone == "caller")
    return rule_words.sentences(rule, legal, general.language)


def _print(rule: Rule, found: Preview, days: int, ground: Ground, now: datetime, asked: Invocation) -> None:
    from ..callbacks.preview import next_openings

    language = asked.config.general.language
    zone, effect = rule.opening(asked.config.general.zone).zone, found.effects[rule.slug]
    click.echo("\n".join([f"# {rule.slug}", *map(printing.shown, _sentences(rule, asked)), ""]))
    click.echo(words.preview("openings", language))
    for begin, end in next_openings(rule, ground, now):
        click.echo(f"  {_local(begin, zone)} - {_local(end, zone)}")
    click.echo(f"\n{words.preview('history', language).format(days=days, calls=found.calls)}")
    counts = [
        (name, getattr(effect, name)) for name in ("taken", "callbacks", "joined", "waited", "came_back", "refused")
    ]
    printing.table(
        ("", ""), [(words.preview(name, language), count) for name, count in (*counts, ("lines", effect.lines))]
    )
    if effect.reasons:
        click.echo(f"\n{words.preview('let_go', language)}")
        printing.table(("", ""), [(words.reason(name, language), n) for name, n in effect.reasons.most_common()])
    if effect.callbacks:
        click.echo(f"\n{words.preview('by_hour', language)}")
        click.echo("\n".join(_bars([(f"{hour:02}", n) for hour, n in enumerate(effect.by_hour)])))
    if effect.really:
        click.echo(f"\n{words.preview('really', language)}")
        printing.table(("", ""), [(words.status(name, language), n) for name, n in effect.really.most_common()])
    click.echo()


def _bars(counts: Sequence[tuple[str, int]]) -> list[str]:
    """A line for each hour from the first with callbacks to the last."""
    busy = [place for place, (_, n) in enumerate(counts) if n]
    most = max(n for _, n in counts)
    return [f"  {name}  {n:6}  {'#' * -(-n * BAR // most)}".rstrip() for name, n in counts[busy[0] : busy[-1] + 1]]


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if at is not None else ""
