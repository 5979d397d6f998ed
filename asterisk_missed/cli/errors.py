"""What went wrong, as one line and an exit status."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import click

DONE = 0
FAILED = 1  # what was asked for failed, or was not found
BAD_INPUT = 2  # bad usage, or a value that is not allowed
UNREACHABLE = 3  # the PBX or the database
INTERRUPTED = 130  # as a shell reports SIGINT


@dataclass(frozen=True, slots=True)
class Problem:
    """The line for the person (empty: nothing to say) and the status for the script."""

    line: str
    status: int


class Failure(Exception):
    """A verb cannot do what it was asked for; ``status`` is the exit status."""

    def __init__(self, line: str, status: int = FAILED) -> None:
        super().__init__(line)
        self.status = status


class BadInput(Failure):
    """What was given is not allowed; the line names it."""

    def __init__(self, line: str) -> None:
        super().__init__(line, BAD_INPUT)


class Unreachable(Failure):
    """The PBX or the database cannot be reached."""

    def __init__(self, line: str) -> None:
        super().__init__(line, UNREACHABLE)


def explained(error: BaseException) -> Problem | None:
    """The line and the status of an error that is expected to happen; None for a bug."""
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Problem("", INTERRUPTED)
    if isinstance(error, click.ClickException):
        return Problem(_said(error), BAD_INPUT if isinstance(error, click.UsageError) else error.exit_code)
    if isinstance(error, Failure):
        return Problem(str(error), error.status)
    if _is_a(error, "asterisk_missed.journal.database", "JournalUnreachable"):
        return Problem(str(error), UNREACHABLE)
    if _is_a(error, "asterisk_missed.config", "ConfigError") or _is_a(error, "asterisk_missed.rules.rule", "RuleError"):
        return Problem(str(error), BAD_INPUT)
    if isinstance(error, OSError) and error.filename is not None:
        return Problem(f"{error.filename}: {error.strerror}", FAILED)
    return None


def one_line(text: str) -> str:
    """The text without line breaks and other control characters, which could write over what stands above."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _said(error: click.ClickException) -> str:
    """click's words, behind the verb they are about."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    verb = context.command_path.partition(" ")[2] if context else ""
    return f"{verb}: {error.format_message()}" if verb else error.format_message()


def _is_a(error: BaseException, module: str, name: str) -> bool:
    """True for an error of a room that may not be imported yet: then it cannot have come from there."""
    return module in sys.modules and isinstance(error, getattr(sys.modules[module], name))
