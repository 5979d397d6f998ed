"""``replay``: a recorded AMI stream through the detector, at full speed. Opens no journal, writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from ..ami.wire import Decoder
from ..calls.tracker import CallEnded, ContactEnded, Happening, Tracker
from ..config import Config
from ..rules.guard import normalise
from ..rules.match import first_match
from ..rules.rule import Rule
from . import Invocation, errors, printing
from .rules import read_rules


@click.command("replay")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE.ami ...")
@click.option(
    "--rules", "rules_file", type=click.Path(path_type=Path), help="Say which rule of this file takes a call."
)
@click.pass_obj
def command(asked: Invocation, files: Sequence[Path], rules_file: Path | None) -> None:
    """A recorded AMI stream through the detector: one JSON object per ended call and per contact.

    Several files are consecutive connections: between two of them the link was down.
    """
    rules = read_rules(rules_file) if rules_file is not None else ()
    config = asked.config
    for happening in _happenings(files, config):
        shown = _shown(happening, rules, config)
        if shown is not None:
            printing.as_json_line(shown)


def _happenings(files: Sequence[Path], config: Config) -> Iterator[Happening]:
    from ..calls.lines import Lines

    tracker = Tracker(
        Lines(config.pbx.trunks, config.pbx.extensions),
        min_talk=config.calls.min_talk.total_seconds(),
        lost_after_answer=config.calls.lost_after_answer == "missed",
    )
    at = 0.0
    for place, path in enumerate(files):
        if place:
            yield from tracker.link_lost(at)
        decoder = Decoder()
        for at, block in _blocks(path):
            for message in decoder.feed(block):
                yield from tracker.feed(message, at)
    yield from tracker.finish()


def _blocks(path: Path) -> Iterator[tuple[float, bytes]]:
    """(unix time, bytes) of each block: by FILE.times beside it, else all at once with the stream's own Timestamps.

    What stands behind the last block that has a time belongs to it: a recorder that was killed writes no more lines.
    """
    times = path.with_suffix(".times")
    try:
        data = path.read_bytes()
        lines = times.read_text("utf-8", errors="replace").split("\n")[:-1] if times.exists() else []
    except OSError as error:
        raise errors.BadInput(f"{error.filename}: {error.strerror}") from None
    at, end = 0.0, 0
    for number, line in enumerate(filter(None, lines), 1):
        try:
            time, offset, length = line.split()[:3]
            at, begin, end = float(time), int(offset), int(offset) + int(length)
        except ValueError:
            raise errors.BadInput(f"{times}: line {number}: not `time offset length first-line`") from None
        yield at, data[begin:end]
    if data[end:]:
        yield at, data[end:]


def _shown(happening: Happening, rules: Sequence[Rule], config: Config) -> dict[str, Any] | None:
    if isinstance(happening, ContactEnded):
        made = happening.contact
        shown: dict[str, Any] = {"type": "contact"} | _fields(made, "number direction employee at talk")
        return shown | {"number": normalise(made.number, config.general.country) or made.number}
    if not isinstance(happening, CallEnded):
        return None
    call = happening.call
    shown = {"type": "call", "direction": "in"}
    shown |= _fields(call, "linkedid caller did trunk started_at ended_at answered answered_by wait")
    missed = call.missed
    shown["missed"] = missed and {
        "did": missed.did,
        "trunk": missed.trunk,
        "queues": missed.queues,
        "extensions": missed.extensions,
    }
    shown |= {"lost_in": call.lost_in, "lost_how": call.lost_how, "reason": call.reason, "rule": None}
    if missed is not None and rules:
        match = first_match(rules, call, config.general.country, config.general.pbx)
        shown["rule"] = match.rule.slug if match.rule else None
        shown["reason"] = call.reason or getattr(match, "reason", None)
    return shown


def _fields(value: object, names: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names.split()}
