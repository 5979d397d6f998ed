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
YEARS = range(1971, 9_000)  # in which zones and holidays can be asked for
LONGEST_WAIT = timedelta(days=30)
BAR = 40  # characters of the longest bar of a histogram

FILE = click.Path(path_type=Path, allow_dash=True)


class Ended(Moment):
    """A moment at which a call may have ended."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        at = super().convert(value, param, ctx)
        if at.year not in YEARS:
            self.fail(f"{value!r}: must be in the years {YEARS[0]} to {YEARS[-1]}", param, ctx)
        return at


class Wait(click.ParamType[timedelta]):
    """A duration such as 10s."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            wait = parse(value)
        except ValueError as error:
            self.fail(f"{value!r}: must be {error}", param, ctx)
        if wait > LONGEST_WAIT:
            self.fail(f"{value!r}: must be {LONGEST_WAIT.days}d at most", param, ctx)
        return wait


@click.command("explain")
@click.option("--caller", required=True, help="The number, as Asterisk shows it.")
@click.option("--did", help="Missed on this number of ours,")
@click.option("--trunk", help="or on this trunk,")
@click.option("--queue", help="or in this queue,")
@click.option("--extension", help="or at this extension.")
@click.option("--at", required=True, type=Ended(), help="When the call ended; taken for now.")
@click.option("--wait", type=Wait(), default="10s", show_default=True, help="For how long, there.")
@click.option("--file", "path", type=FILE, help="By the rules of a file; no database is opened.")
@click.pass_obj
def explain(
    asked: Invocation, /, caller: str, at: datetime, wait: timedelta, path: Path | None, **sources: str | None
) -> None:
    """What would be decided about an imagined missed call, and why. Touches nothing.

    Without --file by the rules, the never-call list, the contacts and the callbacks of the journal.
    """
    from ..callbacks.preview import explain as run

    given = [(kind, name) for kind, name in sources.items() if name is not None]
    if len(given) != 1:
        raise click.UsageError("exactly one of --did, --trunk, --queue and --extension")
    source = cast("tuple[SourceKind, str]", given[0])
    rules, known = _known(asked, path, caller, at - wait)
    planned = run(caller, source, wait, at, rules, asked.config.ground, known)
    if asked.json:
        due = planned.due_at
        told = {"rule": planned.rule, "called_back": due is not None, "reason": planned.reason, "due_at": due}
        printing.as_json(told)
    else:
        click.echo(_explained(planned, asked))


def _known(asked: Invocation, path: Path | None, caller: str, since: datetime) -> tuple[Sequence[Rule], Known | None]:
    """The rules, and what is known of the caller: nothing, where the rules come from a file."""
    from .rules import read_rules

    if path is not None:
        return read_rules(path), None
    from ..journal import rulebook

    journal = asked.journal()
    return rulebook.read(journal), journal.known_of(caller, asked.config.ground, since)


def _explained(planned: Planned, asked: Invocation) -> str:
    general = asked.config.general
    due = f"{_local(planned.due_at, general.zone)} ({general.timezone})" if planned.due_at else ""
    reason = words.reason(planned.reason, general.language)
    return printing.shown(rule_words.decision(planned.rule, reason, due, planned.ground, general.language))


@click.command("preview")
@click.argument("slug", required=False)
@click.option("--file", "path", type=FILE, help="The rules of a file instead of the journal's.")
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=DAYS, show_default=True, help="How far to look back."
)
@click.pass_obj
def preview(asked: Invocation, slug: str | None, path: Path | None, days: int) -> None:
    """A rule in plain words, when it opens, and what it would have done with the journal's last days.

    The whole list is tried in its order, so that a rule gets what those before it leave. Of a FILE every rule is shown, or
    the one named SLUG. Pure calculation: nothing is dialled, nothing is written.
    """
    from ..callbacks.preview import preview as run
    from ..journal import past, rulebook
    from .rules import read_rules

    if slug is None and path is None:
        raise click.UsageError("either SLUG or --file FILE")
    journal, now, ground = asked.journal(), datetime.now(UTC), asked.config.ground
    rules = read_rules(path) if path is not None else rulebook.read(journal)
    shown = [rule for rule in rules if slug in (None, rule.slug)]
    if slug is not None and not shown:
        raise errors.Failure(f"no rule {slug}")
    since = now - timedelta(days=days)
    found = run(rules, ground, past.history(journal, since, now))
    if asked.json:
        told = [_as_dict(rule, found.effects[rule.slug], now, asked) for rule in shown]
        period = {"from": since, "to": now, "calls": found.calls, "no_rule": found.no_rule}
        printing.as_json(period | {"talk": found.talk, "talk_assumed": found.talk_assumed, "rules": told})
        return
    for rule in shown:
        click.echo("\n".join(_told(rule, found, days, ground, now, asked)))


def _as_dict(rule: Rule, effect: Effect, now: datetime, asked: Invocation) -> dict[str, Any]:
    from ..callbacks.preview import next_openings

    opens = [{"from": begin, "to": end} for begin, end in next_openings(rule, asked.config.ground, now)]
    said = {"slug": rule.slug, "words": _sentences(rule, asked), "next_openings": opens}
    return said | {"effect": effect.as_dict()}


def _sentences(rule: Rule, asked: Invocation) -> list[str]:
    general, calls = asked.config.general, asked.config.calls
    legal = rule_words.Legal(calls.legal_hours, general.timezone, calls.legal_zone == "caller")
    return rule_words.sentences(rule, legal, general.language)


def _told(rule: Rule, found: Preview, days: int, ground: Ground, now: datetime, asked: Invocation) -> list[str]:
    """The page of one rule."""
    from ..callbacks.preview import next_openings

    language, effect = asked.config.general.language, found.effects[rule.slug]
    zone = rule.opening(ground.zone).zone
    endless = rule_words.heading("endless", language)
    opens = [f"  {_local(a, zone)} - {_local(b, zone) or endless}" for a, b in next_openings(rule, ground, now)] or [
        f"  {rule_words.heading('never', language)}"
    ]
    history = rule_words.heading("history", language).format(days=days, calls=found.calls)
    return [
        *(f"- {printing.shown(sentence)}" for sentence in _sentences(rule, asked)),
        *("", f"{rule_words.heading('openings', language)} ({zone.key})", *opens),
        *("", history, *_counts(effect, found, zone, language)),
        *_section("reasons", [(words.reason(name, language), n) for name, n in effect.reasons.most_common()], language),
        *_section("really", [(words.status(name, language), n) for name, n in effect.really.most_common()], language),
        *_bars("by_weekday", list(zip(rule_words.week(language), effect.by_weekday, strict=True)), language),
        *_bars("by_hour", [(f"{hour:02}", n) for hour, n in enumerate(effect.by_hour)], language),
        "",
    ]


def _counts(effect: Effect, found: Preview, zone: ZoneInfo, language: str) -> list[str]:
    names = ("taken", "callbacks", "waited", "joined", "came_back", "expired", "refused", "lines")
    lines = _columns([(rule_words.heading(name, language), getattr(effect, name)) for name in names])
    if effect.lines_at is not None:
        lines[-1] += f"  ({_local(effect.lines_at, zone)})"
    assumed = "assumed" if found.talk_assumed else "measured"
    length = rule_words.heading(assumed, language).format(seconds=f"{effect.seconds:g}", talk=f"{found.talk:g}")
    return [*lines, f"  {length}"]


def _section(name: str, counts: Sequence[tuple[str, int]], language: str) -> list[str]:
    return ["", rule_words.heading(name, language), *_columns(counts)] if counts else []


def _columns(counts: Sequence[tuple[str, int]]) -> list[str]:
    width = max((len(str(n)) for _, n in counts), default=0)
    return [f"  {n:>{width}}  {name}" for name, n in counts]


def _bars(name: str, counts: Sequence[tuple[str, int]], language: str) -> list[str]:
    """A line for each from the first with callbacks to the last."""
    busy = [place for place, (_, n) in enumerate(counts) if n]
    if not busy:
        return []
    most = max(n for _, n in counts)
    width = len(str(most))
    lines = [f"  {of}  {n:>{width}}  {'#' * -(-n * BAR // most)}" for of, n in counts[busy[0] : busy[-1] + 1]]
    return ["", rule_words.heading(name, language), *(line.rstrip() for line in lines)]


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if at is not None else ""
