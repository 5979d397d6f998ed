"""What people do by hand: verbs of ``journal`` for one missed call, or for all about one number."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from .. import words
from . import Invocation, errors, printing

if TYPE_CHECKING:
    from ..journal.by_hand import Standing
    from ..journal.personal import Held

LONGEST_NAME = 64  # characters of a user's name that the journal keeps
_id = click.argument("missed_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
_number = click.argument("number", metavar="NUMBER")


@click.command("call-now")
@_id
@click.option("--rule", "slug", metavar="SLUG", help="By this rule, instead of its own.")
@click.pass_obj
def call_now(asked: Invocation, missed_id: int, slug: str | None) -> None:
    """Make its callback due: neither delay, pause nor the rule's hours are waited for.

    Never outside the legal hours, nor to a number that the guard refuses, that is on the never-call list or was called
    as often as the caps allow, nor after contact. A callback that is over is opened again.
    """
    from ..journal import by_hand

    _changed(asked, lambda by, now: by_hand.call_now(asked.journal(), missed_id, by, asked.config.ground, now, slug))


@click.command("cancel")
@_id
@click.pass_obj
def cancel(asked: Invocation, missed_id: int) -> None:
    """Give up its callback, which waits or is paused."""
    from ..journal import by_hand

    _changed(asked, lambda by, now: by_hand.cancel(asked.journal(), missed_id, by, now))


@click.command("done")
@_id
@click.pass_obj
def done(asked: Invocation, missed_id: int) -> None:
    """You called him yourself: nobody else will."""
    from ..journal import by_hand

    _changed(asked, lambda by, now: by_hand.done(asked.journal(), missed_id, by, now))


@click.command("assign")
@_id
@click.argument("who", metavar="WHO")
@click.pass_obj
def assign(asked: Invocation, missed_id: int, who: str) -> None:
    """Let the telephone of WHO, an employee's number, be rung first."""
    from ..journal import by_hand

    known = asked.config.pbx.extensions
    _changed(asked, lambda by, now: by_hand.assign(asked.journal(), missed_id, who, by, known, now))


@click.command("forget")
@_number
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def forget(asked: Invocation, number: str, yes: bool) -> None:
    """Erase all about a number, however it is written. It stays on the never-call list, if it is there."""
    from ..journal import personal

    journal, country = asked.journal(), asked.config.general.country
    with refusals():
        if not yes:
            _confirm(personal.held(journal, number, country))
        gone = personal.forget(journal, number, country)
    if asked.json:
        printing.as_json(asdict(gone))
        return
    click.echo(f"{printing.shown(gone.number)}: erased: {_counted(gone)}")
    if gone.blocked:
        click.echo("it stays on the never-call list, so that it is not called again (numbers unblock takes it off)")


@click.command("dossier")
@_number
@click.pass_obj
def dossier(asked: Invocation, number: str) -> None:
    """All about a number as JSON: missed calls with their stories, callbacks, attempts, contacts, the never-call list."""
    from ..journal import personal

    with refusals():
        printing.as_json(personal.dossier(asked.journal(), number, asked.config.general.country))


VERBS = (call_now, cancel, done, assign, forget, dossier)


def who() -> str:
    """The name of the user at the keyboard, as the journal keeps it: his environment may say anything."""
    return printing.shown(getpass.getuser())[:LONGEST_NAME]


@contextmanager
def refusals() -> Iterator[None]:
    """The journal's refusals as one line and a status: 1 what cannot be done, 2 what is not allowed."""
    from ..journal.by_hand import NotAllowed, NotPossible

    try:
        yield
    except NotPossible as error:
        raise errors.Failure(str(error)) from None
    except NotAllowed as error:
        verb = click.get_current_context().command_path.partition(" ")[2]
        raise errors.BadInput(f"{verb}: {error}") from None


def _changed(asked: Invocation, change: Callable[[str, datetime], Standing]) -> None:
    """Do it, and show how the missed call stands now. ``change`` is told who asks for it, and when."""
    with refusals():
        standing = change(who(), datetime.now(UTC))
    if asked.json:
        printing.as_json(asdict(standing))
        return
    zone, language = asked.config.general.zone, asked.config.general.language
    status, reason = words.status(standing.status, language), words.reason(standing.reason, language)
    cells = [str(standing.id), printing.shown(standing.number), f"{status} ({reason})" if reason else status]
    if standing.due_at is not None:
        cells.append(f"{standing.due_at.astimezone(zone):%Y-%m-%d %H:%M:%S}")
    if standing.assigned is not None:
        cells.append(f"-> {standing.assigned}")
    click.echo("  ".join(cells))


def _confirm(found: Held) -> None:
    """Ask before anything is erased: it cannot be had again."""
    if not sys.stdin.isatty():
        raise errors.BadInput(f"journal forget: erasing {printing.shown(found.number)} needs --yes")
    if found.nothing:
        return  # which `forget` says itself
    if not click.confirm(f"{printing.shown(found.number)}: erase {_counted(found)}?", err=True):
        raise errors.Failure("nothing was erased")


def _counted(found: Held) -> str:
    counts = {"missed calls": found.missed, "callbacks": found.callbacks, "attempts": found.attempts}
    return ", ".join(f"{name} {count}" for name, count in (counts | {"contacts": found.contacts}).items())
