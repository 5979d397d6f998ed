"""The command line: parse, call one verb, print. No decision about a call or a callback stands here.

A verb is a module of this room with a click command named ``command``; it is imported when it is asked for, so that
``--help`` costs no database and no rules.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import errors

if TYPE_CHECKING:
    from ..config import Config
    from ..journal.journal import Journal

PROGRAM = "asterisk-missed"

# Verb -> its line in --help. The module of the same name is imported when the verb is used.
VERBS = {
    "run": "The daemon: detection and callbacks.",
    "rules": "Rules: which missed calls are called back, when, by whom.",
    "dialplan": "The generated contexts: render, check, install.",
    "journal": "Missed calls and what became of them.",
    "numbers": "Numbers that are never called.",
    "record": "The live AMI stream into files for replay.",
    "replay": "A recorded AMI stream through the detector.",
    "backfill": "Missed calls that nobody heard, from CEL, CDR and queue_log.",
    "db": "The journal's database: upgrade.",
}


@dataclass(frozen=True)
class Invocation:
    """What was said before the verb: ``ctx.obj`` of every verb (``@click.pass_obj``)."""

    config_file: Path | None
    json: bool

    @cached_property
    def config(self) -> Config:
        """The config, read when first asked for. Raises ConfigError."""
        import os

        from ..config import load

        return load(self.config_file, os.environ)

    def journal(self) -> Journal:
        """The journal that the config names. Raises JournalUnreachable."""
        return open_journal(self.config)


def open_journal(config: Config) -> Journal:
    """The journal that the config names, opened. Raises JournalUnreachable."""
    from ..journal.journal import Journal

    return Journal.open(config.general.database, pbx=config.general.pbx)


class Verbs(click.Group):
    """A group that imports a verb when it is asked for, and takes ``--json`` and ``--config`` in any place."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command = import_module(f"{__name__}.{name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, forward(args))


def forward(args: Sequence[str]) -> list[str]:
    """The arguments with ``--json`` and ``--config FILE`` moved to the front; behind ``--`` nothing is touched."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            return [*front, *rest, word, *words]
        if word == "--json" or word.startswith("--config="):
            front.append(word)
        elif word == "--config":
            value = next(words, None)
            if value is None:
                return [word]  # alone, so that click says what is missing
            front += [word, value]
        else:
            rest.append(word)
    return front + rest


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead of $ASTERISK_MISSED_CONFIG or /etc/asterisk/asterisk_missed.conf.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON. Before or after the verb.")
@click.version_option(package_name=PROGRAM, prog_name=PROGRAM)
@click.pass_context
def commands(ctx: click.Context, config_file: Path | None, as_json: bool) -> None:
    """Who called an Asterisk PBX and was not answered is called back, once.

    Exit status: 0 done; 1 failed or not found; 2 bad usage or input; 3 the PBX or the database cannot be reached.
    """
    ctx.obj = Invocation(config_file, as_json)


def main(args: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status. What is wrong is one line on stderr; a bug keeps its traceback.

    ``args`` default to those of the process. A verb that returns an integer returns the status.
    """
    try:
        result: Any = commands.main(args=args, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has read enough; the interpreter's own flush at the end must not complain
        sys.stdout = None
        return errors.FAILED
    except (Exception, KeyboardInterrupt) as error:
        problem = errors.explained(error)
        if problem is None:
            raise
        if problem.line:
            click.echo(f"{PROGRAM}: {errors.one_line(problem.line)}", err=True)
        return problem.status
    return result if isinstance(result, int) and not isinstance(result, bool) else errors.DONE
