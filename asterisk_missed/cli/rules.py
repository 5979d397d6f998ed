"""``rules``: the list of rules, shown and changed: one by one, or as a whole by a file."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from .. import words
from ..callbacks.plan import never_opens
from ..journal import rulebook
from ..pbx.dialplan import unmade
from ..rules import difference, editing, file
from ..rules.duration import written
from ..rules.rule import Rule, RuleError
from . import Invocation, errors, foresight, printing

FILE = click.Path(path_type=Path, allow_dash=True)
_yes = click.option("--yes", is_flag=True, help="Do not ask.")
_set = click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="delay=5m, retry.busy=1m, …")


@click.group("rules")
def command() -> None:
    """Rules: which missed calls are called back, when, by whom."""


@command.command("list")
@click.pass_obj
def list_rules(asked: Invocation) -> None:
    """All rules in their order: the first that matches takes the call."""
    rules = rulebook.read(asked.journal())
    if asked.json:
        printing.as_json([rule.as_dict() for rule in rules])
        return
    columns = ("#", "slug", "on", "source", "wait", "delay", "first", "connect", "title")
    printing.table(columns, [(place, *_row(rule)) for place, rule in enumerate(rules, 1)])


@command.command("show")
@click.argument("slug")
@click.pass_obj
def show(asked: Invocation, slug: str) -> None:
    """One rule, as it would stand in the file."""
    rule = _found(rulebook.read(asked.journal()), slug)
    if asked.json:
        printing.as_json(rule.as_dict())
    else:
        click.echo(file.write([rule]), nl=False)


@command.command("add")
@click.argument("slug", required=False)
@_set
@click.option("--file", "path", type=FILE, help='The fields of one rule, as YAML; "-" is the standard input.')
@click.option("--at", "place", type=int, help="Its place in the list, from 1; default: last.")
@_yes
@click.pass_obj
def add(
    asked: Invocation, slug: str | None, sets: Sequence[str], path: Path | None, place: int | None, yes: bool
) -> None:
    """Add a rule: from --file, from --set, or in an editor."""
    fields = _one(path) if path is not None else {}
    fields = editing.with_fields(fields | ({"slug": slug} if slug else {}), _values(sets))
    if path is None and not sets:
        fields = _edited("\n".join((f"slug: {slug or ''}", *_BEGINNING)))
    rule = Rule.read(fields)
    _change(asked, lambda rules: editing.added(rules, rule, place), yes)


@command.command("edit")
@click.argument("slug")
@_set
@click.option("--file", "path", type=FILE, help='All fields of the rule, as YAML; "-" is the standard input.')
@_yes
@click.pass_obj
def edit(asked: Invocation, slug: str, sets: Sequence[str], path: Path | None, yes: bool) -> None:
    """Change a rule: by --set, from --file, or in an editor. The slug never changes."""
    old = _found(rulebook.read(asked.journal()), slug)
    if path is not None:
        fields = {"slug": slug} | _one(path)
    elif sets:
        fields = editing.with_fields(old.as_dict(), _values(sets))
    else:
        fields = _edited(file.write([old]))
    rule = Rule.read(fields)
    if rule.slug != slug:
        raise errors.BadInput(
            f"rule {slug}: slug = {rule.slug!r}: a slug never changes: add a rule, delete the old one"
        )
    _change(asked, lambda rules: editing.replaced(rules, rule), yes, slug)


@command.command("enable")
@click.argument("slug")
@_yes
@click.pass_obj
def enable(asked: Invocation, slug: str, yes: bool) -> None:
    """Switch a rule on: its paused callbacks go on."""
    _switch(asked, slug, True, yes)


@command.command("disable")
@click.argument("slug")
@_yes
@click.pass_obj
def disable(asked: Invocation, slug: str, yes: bool) -> None:
    """Switch a rule off: it takes no new call, its callbacks are paused until it is switched on or they expire."""
    _switch(asked, slug, False, yes)


@command.command("delete")
@click.argument("slug")
@_yes
@click.pass_obj
def delete(asked: Invocation, slug: str, yes: bool) -> None:
    """Delete a rule: its waiting callbacks are cancelled."""
    _change(asked, lambda rules: editing.without(rules, slug), yes, slug)


@command.command("move")
@click.argument("slug")
@click.argument("place", type=int)
@_yes
@click.pass_obj
def move(asked: Invocation, slug: str, place: int, yes: bool) -> None:
    """Give a rule another place in the list, from 1."""
    _change(asked, lambda rules: editing.moved(rules, slug, place), yes, slug)


@command.command("export")
@click.argument("path", metavar="[FILE]", type=FILE, required=False)
@click.pass_obj
def export(asked: Invocation, path: Path | None) -> None:
    """All rules as YAML, for `rules apply`; without FILE to the standard output."""
    text = file.write(rulebook.read(asked.journal()))
    if path is None or str(path) == "-":
        click.echo(text, nl=False)
    else:
        path.write_text(text, encoding="utf-8")


@command.command("apply")
@click.argument("path", metavar="FILE", type=FILE)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--keep", is_flag=True, help="Leave rules that the file does not name; they come behind its own.")
@_yes
@click.pass_obj
def apply(asked: Invocation, path: Path, dry_run: bool, keep: bool, yes: bool) -> None:
    """Make FILE the list of rules. "-" is the standard input.

    What changes is said in words, and what that does to callbacks that wait. Applying a file twice changes nothing.
    """
    named = read_rules(path)
    _change(asked, lambda rules: difference.merged(rules, named, keep=keep), yes, dry_run=dry_run)


for verb in (foresight.explain, foresight.preview):
    command.add_command(verb)


def read_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a file; ``-`` is the standard input. BadInput: one line that names the file and what is wrong."""
    try:
        return file.read(_text(path))
    except RuleError as error:
        raise errors.BadInput(f"{path}: {error}") from None


# --- one change: said, asked, done


def _change(
    asked: Invocation, change: Callable[[tuple[Rule, ...]], tuple[Rule, ...]], yes: bool, slug: str = "", *,
    dry_run: bool = False,
) -> None:  # fmt: skip
    """Make another list of rules of the one that is there. ``slug``: a rule that must be in it."""
    journal, ground, now = asked.journal(), asked.config.ground, datetime.now(UTC)
    old, revision = rulebook.revised(journal)
    if slug:
        _found(old, slug)
    new = change(old)
    file.check_slugs(new)
    _can_open(asked, old, new, now)
    changes = difference.difference(old, new)
    effects = rulebook.effects(journal, new, ground, now)
    if not asked.json:
        _say(asked, changes, effects, new)
    if changes and not dry_run:
        _confirm(difference.deleted(old, new), effects, yes)
        try:
            effects = rulebook.replace(journal, new, getpass.getuser(), ground, datetime.now(UTC), revision)
        except rulebook.Changed:
            raise errors.Failure("somebody else changed the rules meanwhile: nothing was changed, look again") from None
    if asked.json:
        done = {"changes": changes, "applied": bool(changes) and not dry_run}
        printing.as_json(done | {"callbacks": [asdict(effect) for effect in effects]})


def _say(asked: Invocation, changes: Sequence[str], effects: Sequence[rulebook.Effect], new: Sequence[Rule]) -> None:
    language = asked.config.general.language
    click.echo("\n".join(changes or ["nothing changes"]))
    for effect in effects:
        click.echo(words.effect(effect.slug, effect.what, effect.callbacks, language))
    for rule in new:
        if why := unmade(rule):
            click.echo(f"rule {rule.slug}: {why}: its callbacks will wait as not_loaded", err=True)


def _confirm(deleted: Sequence[str], effects: Sequence[rulebook.Effect], yes: bool) -> None:
    """Ask before callbacks are cancelled or rules deleted; what can be taken back is asked on a terminal only."""
    if yes or not (deleted or effects):
        return
    if sys.stdin.isatty():
        if not click.confirm("Do it?", err=True):
            raise errors.Failure("nothing was changed")
    elif deleted:
        which = ", ".join(deleted)
        raise errors.BadInput(f"rules: deleting {which} needs --yes (apply: or --keep, to leave what the file lacks)")


def _can_open(asked: Invocation, old: Sequence[Rule], new: Sequence[Rule], now: datetime) -> None:
    for rule in new:
        if rule not in old and never_opens(rule, asked.config.ground, now):
            legal = asked.config.calls.legal_hours
            raise RuleError(f"rule {rule.slug}: hours: never open together with [calls] legal_hours = {legal}")


def _switch(asked: Invocation, slug: str, on: bool, yes: bool) -> None:
    def switched(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return editing.replaced(rules, _found(rules, slug).model_copy(update={"enabled": on}))

    _change(asked, switched, yes, slug)


# --- what is given


_BEGINNING = ("source: {queue: }", "delay: 2m", "first: employee", "connect: {extensions: []}")


def _found(rules: Sequence[Rule], slug: str) -> Rule:
    rule = editing.found(rules, slug)
    if rule is None:
        raise errors.Failure(f"no rule {slug}")
    return rule


def _values(sets: Sequence[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for text in sets:
        field, equals, value = text.partition("=")
        if not equals or not field.strip():
            raise errors.BadInput(f"--set {text}: must be FIELD=VALUE, such as delay=5m")
        values[field.strip()] = file.value(value)
    return values


def _one(path: Path) -> dict[str, object]:
    try:
        return file.read_one(_text(path))
    except RuleError as error:
        raise errors.BadInput(f"{path}: {error}") from None


def _text(path: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise errors.BadInput(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise errors.BadInput(f"{path}: is not UTF-8 text") from None


def _edited(text: str) -> dict[str, object]:
    """The fields of a rule as they come back from the editor."""
    if not sys.stdin.isatty():
        raise errors.BadInput("rules: without a terminal, say what to change with --set or --file")
    edited = click.edit(text, extension=".yaml")
    if edited is None:
        raise errors.Failure("nothing was changed")
    return file.read_one(edited)


def _row(rule: Rule) -> tuple[object, ...]:
    connect = next(iter(rule.connect.as_dict()))
    whom = rule.connect.queue or ", ".join(rule.connect.rung) or "voicemail"
    source = f"{rule.source.kind} {', '.join(rule.source.names)}"
    longest = f" to {written(rule.wait.max)}" if rule.wait.max is not None else ""
    wait = f"from {written(rule.wait.min)}{longest}"
    return rule.slug, rule.enabled, source, wait, written(rule.delay), rule.first, f"{connect} {whom}", rule.title
