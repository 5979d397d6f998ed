"""``record``: the live AMI stream into files that ``replay`` reads, until it is stopped. Opens no journal."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from . import Invocation, errors


@click.command("record")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.ami")
@click.pass_obj
def command(asked: Invocation, file: Path) -> None:
    """The live AMI stream and its times, until SIGINT or SIGTERM: FILE.ami and FILE.times.

    A new pair for each connection: FILE-2.ami and so on; `replay FILE.ami FILE-2.ami` takes them in their order. The files
    hold callers' numbers, and are for their owner alone.
    """
    from ..ami import recording
    from ..ami.session import Account, Refused

    _may_be_written(file)
    ami = asked.config.ami
    account = Account(ami.host, ami.port, ami.username, ami.read_secret())
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s", force=True)
    try:
        recorded = recording.record(account, file)
    except (ConnectionError, Refused) as error:
        raise errors.Unreachable(str(error)) from None
    except recording.CannotWrite as error:
        raise errors.Failure(str(error)) from None
    names = " ".join(map(str, recorded.files)) or "nothing"
    click.echo(f"recorded {recorded.messages} messages, {recorded.size} bytes: {names}", err=True)


def _may_be_written(file: Path) -> None:
    """Nothing that stands already is written over: also not by a connection that comes later."""
    from ..ami import recording

    if file.suffix != ".ami" or not file.stem:
        raise errors.BadInput(f"{file}: the name of a recording ends with .ami")
    standing = recording.in_the_way(file)
    if standing is not None:
        raise errors.BadInput(f"{standing}: is there already, and is not written over")
