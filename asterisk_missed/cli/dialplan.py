"""``dialplan``: the generated contexts, rendered, compared, installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import click

from ..journal import rulebook
from ..pbx import dialplan
from . import Invocation, errors, printing

T = TypeVar("T")


@click.group("dialplan")
def command() -> None:
    """The generated contexts: render, check, install."""


@command.command("render")
@click.option("--to", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Into files there, not to stdout.")
@click.pass_obj
def render(asked: Invocation, folder: Path | None) -> None:
    """What would be written for the rules as they stand. Touches no Asterisk."""
    files = _files(asked)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    if asked.json:
        printing.as_json(files if folder is None else sorted(str(folder / name) for name in files))
    elif folder is None:
        click.echo("\n".join(f"; ----- {name}\n{text}" for name, text in files.items()), nl=False)


@command.command("check")
@click.pass_obj
def check(asked: Invocation) -> None:
    """Compare with what Asterisk has loaded. Exit status 1 where it differs."""
    differences = _told(lambda: dialplan.check(_files(asked), asked.config))
    if asked.json:
        printing.as_json({"loaded": not differences, "differences": differences})
    else:
        click.echo("\n".join(differences or ["Asterisk has loaded exactly these rules"]))
    if differences:
        raise errors.Failure("")


@command.command("install")
@click.pass_obj
def install(asked: Invocation) -> None:
    """Write the contexts, load them, and read back that Asterisk has them."""
    files = _files(asked)
    _told(lambda: dialplan.install(files, asked.config))
    if asked.json:
        printing.as_json({"installed": sorted(files)})
    else:
        click.echo(f"loaded: {', '.join(sorted(files))}")


def _files(asked: Invocation) -> Mapping[str, str]:
    return _told(lambda: dialplan.render(rulebook.read(asked.journal()), asked.config))


def _told(work: Callable[[], T]) -> T:
    """The same, with what goes wrong as a line and an exit status."""
    try:
        return work()
    except dialplan.AsteriskUnreachable as error:
        raise errors.Unreachable(str(error)) from None
    except dialplan.DialplanError as error:
        raise errors.Failure(str(error)) from None
