"""How a verb prints: JSON for scripts, tables for people. Every value may hold what a caller sent us."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click

WHOLE_WORD = 20  # characters: a shorter word is not broken to save room on a terminal


def as_json(value: object) -> None:
    """One JSON value. Times become ISO 8601 in UTC, durations seconds."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def as_json_line(value: object) -> None:
    """One JSON value on one line, for verbs that print one object a line."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on a terminal; elsewhere columns of whole values under their names, neither wrapped nor cut."""
    cells = [[shown(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _rich(columns, cells)
        return
    lines = [[*columns], *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def shown(value: object) -> str:
    """A value as text that cannot move the cursor: ``-`` for none, unprintable characters as escapes."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode("ascii") for c in text)


def _rich(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for place, column in enumerate(columns):
        words = [word for row in cells for word in row[place].split()]
        drawn.add_column(column, overflow="fold", min_width=min(WHOLE_WORD, max(map(len, [column, *words]))))
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))  # Text: square brackets of a caller are no markup
    Console().print(drawn)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"no JSON for {type(value).__name__}")
