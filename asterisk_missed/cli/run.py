"""``run``: the daemon."""

from __future__ import annotations

import fcntl
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ..config import Config, ConfigError
from . import Invocation, errors

if TYPE_CHECKING:
    from ..calls.tracker import Tracker


@click.command("run")
@click.option("--no-web", is_flag=True, help="Without the panel (there is none yet).")
@click.pass_obj
def command(asked: Invocation, no_web: bool) -> None:
    """The daemon: AMI link, detection and callbacks. Logs to stderr; SIGTERM ends it, SIGHUP reloads the config.

    Calls that are in progress when it ends go on in Asterisk; the next start finds them again.
    """
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = asked.config
    if config.ami.open_to_all():
        logging.getLogger(__name__).warning("[ami] secret_file = %s: everybody may read it", config.ami.secret_file)
    with _alone(config):
        tracker = _run_once(config, None)
        while tracker is not None:
            read = _reloaded(config, asked)
            same_pbx = (read.ami.host, read.ami.port, read.general.pbx) == (
                config.ami.host,
                config.ami.port,
                config.general.pbx,
            )
            config, tracker = read, _run_once(read, tracker if same_pbx else None)


def _run_once(config: Config, before: Tracker | None) -> Tracker | None:
    """Run until a signal; the tracker, for the next, if it asks for a reload."""
    from ..daemon import run
    from . import open_journal

    return run(config, open_journal(config), before)


def _reloaded(config: Config, asked: Invocation) -> Config:
    """The config read anew; a broken one is told and the old one kept."""
    from ..journal.database import JournalUnreachable
    from . import open_journal

    try:
        read = Invocation(asked.config_file, asked.json).config
        read.ami.read_secret()
        open_journal(read)
        return read
    except (ConfigError, JournalUnreachable) as error:
        logging.getLogger(__name__).error("%s: the config that was loaded before stays in force", error)
        return config


@contextmanager
def _alone(config: Config) -> Iterator[None]:
    """One daemon per PBX and host. The lock is the kernel's: it is gone with its process, however that ends."""
    path = config.general.state / f"{config.general.pbx}.lock"
    try:
        lock = path.open("w")
    except OSError as error:
        raise errors.Failure(f"[general] state = {path.parent}: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise errors.Failure(f"another daemon of the PBX {config.general.pbx} runs on this host ({path})") from None
        yield
