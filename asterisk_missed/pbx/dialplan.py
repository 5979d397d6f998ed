"""The generated dialplan: rendered from rules, written so that Asterisk has the old one or the new one, and read back.

The files hold validated values of rules and config only: what comes from a client reaches Asterisk as a header or a
channel variable, never as text of the dialplan. `dialplan reload` answers Success whatever happened (measured), hence the
stamps: every file ends with its own hash, as an extension of the context `missed-stamp`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from ..config import Config
from ..rules.rule import Rule

COMMON = "common"
# What a value may consist of when it becomes text of the dialplan. No comma, ampersand, bracket, quote or line break.
_VALUE = re.compile(r"[A-Za-z0-9 _.+@/:${}&-]*", re.ASCII)
_RELOAD_SECONDS = 30


class DialplanError(Exception):
    """The contexts could not be written, or Asterisk did not load them; one line that says why."""


class AsteriskUnreachable(DialplanError):
    """Asterisk's console cannot be asked: it does not run here, or this user may not."""


def unmade(rule: Rule) -> str | None:
    """What a rule asks for that these contexts cannot do yet; its callbacks wait. None: nothing."""
    if rule.connect.dispatcher is not None:
        return "connect.dispatcher is not made by this version"
    asked = [end for end in ("employee", "client") if getattr(rule.confirm, end)]
    return f"confirm.{asked[0]} is not made by this version" if asked else None


def render(rules: Sequence[Rule], config: Config) -> dict[str, str]:
    """File name -> content, for the common file and one file per rule that can be made."""
    environment = SandboxedEnvironment(
        loader=DictLoader({name: _template(name) for name in ("common.conf.j2", "rule.conf.j2", "ring.conf.j2")}),
        undefined=StrictUndefined,
        autoescape=False,
        finalize=_checked,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(
        seconds=lambda duration: int(_timedelta(duration).total_seconds()),
        dial=lambda string: string.replace("{number}", "${EXTEN}"),
        dial_extension=lambda extension: config.pbx.dial_extension.replace("{extension}", extension),
    )
    files = {f"{COMMON}.conf": environment.get_template("common.conf.j2").render()}
    for rule in (rule for rule in rules if unmade(rule) is None):
        files[f"rule-{rule.slug}.conf"] = environment.get_template("rule.conf.j2").render(rule=rule, config=config)
    return {name: _stamped(name, text) for name, text in files.items()}


def stamps(files: Mapping[str, str]) -> frozenset[str]:
    """The stamps that Asterisk shows when it has loaded exactly these files."""
    return frozenset(_STAMP.findall("\n".join(files.values())))


def install(files: Mapping[str, str], config: Config) -> None:
    """Write the files, load them, read the stamps back. On failure the old files are put back and loaded.

    Raises `DialplanError`.
    """
    folder = config.pbx.contexts
    try:
        with _locked(folder):
            before = _files_in(folder)
            if before != dict(files):
                _write_all(folder, files)
            try:
                _load(files, config)
            except DialplanError:
                if before != dict(files):
                    _write_all(folder, before)
                    _asterisk(config, "dialplan reload")
                raise
    except OSError as error:
        raise DialplanError(f"contexts: {error.filename or folder}: {error.strerror}") from None


def check(files: Mapping[str, str], config: Config) -> list[str]:
    """What differs between these files and the dialplan that Asterisk has loaded, in words; empty where nothing does."""
    loaded = _loaded(config)
    words = []
    for name, text in files.items():
        if not stamps({name: text}) <= loaded:
            words.append(f"{name}: Asterisk has not loaded this version")
    if loaded - stamps(files):
        words.append("Asterisk has loaded contexts of other rules, or older versions of these")
    on_disk = _files_in(config.pbx.contexts)
    words += [f"{name}: the file on disk differs" for name in files if on_disk.get(name) != files[name]]
    return words


# --- rendering

_STAMP = re.compile(r"^exten => (stamp[0-9a-f]{32}),1,NoOp\(\)$", re.MULTILINE)


def _template(name: str) -> str:
    return resources.files("asterisk_missed.dialplan").joinpath(name).read_text("utf-8")


def _checked(value: Any) -> Any:
    """No value may end the line, the argument or the context that it stands in."""
    if isinstance(value, str) and not _VALUE.fullmatch(value):
        raise DialplanError(f"dialplan: {value[:80]!r} may not stand in a dialplan")
    return value


def _timedelta(value: Any) -> timedelta:
    if not isinstance(value, timedelta):
        raise DialplanError(f"dialplan: {value!r} is no duration")
    return value


def _stamped(name: str, text: str) -> str:
    digest = hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()[:32]
    return f"{text}exten => stamp{digest},1,NoOp()\n"


# --- files


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The daemon and the engineer's command may write at the same moment."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _files_in(folder: Path) -> dict[str, str]:
    """Our own files there; others (and the placeholder of an empty folder) are left alone."""
    ours = [p for p in folder.glob("*.conf") if p.name == f"{COMMON}.conf" or p.name.startswith("rule-")]
    return {p.name: p.read_text("utf-8") for p in ours}


def _write_all(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        _write(folder / name, text)
    for name in _files_in(folder).keys() - files.keys():
        (folder / name).unlink()


def _write(path: Path, text: str) -> None:
    """The old content or the new one, whenever the power goes."""
    if path.exists() and path.read_text("utf-8") == text:
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o640)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


# --- Asterisk


def _load(files: Mapping[str, str], config: Config) -> None:
    loaded = _loaded(config)
    if stamps(files) == loaded:
        return
    _asterisk(config, "dialplan reload")
    loaded = _loaded(config)
    if not stamps(files) <= loaded:
        missing = [name for name, text in files.items() if not stamps({name: text}) <= loaded]
        raise DialplanError(
            f"dialplan: Asterisk did not load {', '.join(sorted(missing))}: does extensions.conf have "
            f"`#include {config.pbx.contexts.name}/*.conf`? (asterisk -rvvv and `dialplan reload` show why)"
        )


def _loaded(config: Config) -> frozenset[str]:
    return frozenset(re.findall(r"'(stamp[0-9a-f]{32})'", _asterisk(config, "dialplan show missed-stamp")))


def _asterisk(config: Config, command: str) -> str:
    """The output of one command of Asterisk's console."""
    words = [*shlex.split(config.pbx.asterisk), "-rx", command]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_RELOAD_SECONDS, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AsteriskUnreachable(f"asterisk: {words[0]}: {getattr(error, 'strerror', None) or 'no answer'}") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise AsteriskUnreachable(f"asterisk: {said[-1] if said else f'exit status {done.returncode}'}")
    return done.stdout
