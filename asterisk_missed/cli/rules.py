"""``rules``: the list of rules, shown and replaced by a file."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from ..rules import difference, file
from ..rules.duration import written
from ..rules.rule import Rule, RuleError
from . import Invocation, errors, printing


@click.group("rules")
def command() -> None:
    """Rules: list, show, apply a file of them."""


@command.command("list")
@click.pass_obj
def list_rules(asked: Invocation) -> None:
    """All rules in their order: the first that matches takes the call."""
    rules = asked.journal().rules()
    if asked.json:
        printing.as_json([rule.as_dict() for rule in rules])
        return
    columns = ("#", "slug", "source", "wait", "delay", "first", "connect", "title")
    printing.table(columns, [(place, *_row(rule)) for place, rule in enumerate(rules, 1)])


@command.command("show")
@click.argument("slug")
@click.pass_obj
def show(asked: Invocation, slug: str) -> None:
    """One rule, as it would stand in the file."""
    rule = next((rule for rule in asked.journal().rules() if rule.slug == slug), None)
    if rule is None:
        raise errors.Failure(f"no rule {slug}")
    if asked.json:
        printing.as_json(rule.as_dict())
    else:
        click.echo(file.write([rule]), nl=False)


@command.command("apply")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--keep", is_flag=True, help="Leave rules that the file does not name; they come behind its own.")
@click.option("--yes", is_flag=True, help="Delete rules that the file does not name, without asking.")
@click.pass_obj
def apply(asked: Invocation, path: Path, dry_run: bool, keep: bool, yes: bool) -> None:
    """Make FILE the list of rules. "-" is the standard input.

    What changes is said in words. Applying a file twice changes nothing.
    """
    named = read_rules(path)
    journal = asked.journal()
    old = journal.rules()
    new = difference.merged(old, named, keep=keep)
    changes = difference.difference(old, new)
    if not asked.json:
        click.echo("\n".join(changes or ["nothing changes"]))
    if changes and not dry_run:
        _confirm_deleting(difference.deleted(old, new), yes)
        journal.replace_rules(new, getpass.getuser(), datetime.now(UTC))
    if asked.json:
        printing.as_json({"changes": changes, "applied": bool(changes) and not dry_run})


def read_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a file; ``-`` is the standard input. BadInput: one line that names the file and what is wrong."""
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return file.read(content.decode("utf-8-sig"))
    except OSError as error:
        raise errors.BadInput(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise errors.BadInput(f"{path}: is not UTF-8 text") from None
    except RuleError as error:
        raise errors.BadInput(f"{path}: {error}") from None


def _confirm_deleting(slugs: Sequence[str], yes: bool) -> None:
    if not slugs or yes:
        return
    which = ", ".join(slugs)
    if not sys.stdin.isatty():
        raise errors.BadInput(f"rules apply: deleting {which} needs --yes (or --keep, to leave what the file lacks)")
    if not click.confirm(f"Delete {which}? Their waiting callbacks end as cancelled.", err=True):
        raise errors.Failure("nothing was changed")


def _row(rule: Rule) -> tuple[object, ...]:
    connect = f"queue {rule.connect.queue}" if rule.connect.queue else rule.connect.extensions
    source = f"{rule.source.kind} {', '.join(rule.source.names)}"
    wait = f"from {written(rule.wait.min)}"
    return rule.slug, source, wait, written(rule.delay), rule.first, connect, rule.title
