"""The config file: every key checked, every value frozen. Reads files and the environment when asked; nothing else.

The file's text is `ini`'s matter; what the keys mean stands here, and for the engineer in conf/asterisk_missed.conf.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
import stat
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from . import ini
from .callbacks.plan import Ground
from .calls.lines import asterisk_pattern
from .rules import findings
from .rules.caps import Caps
from .rules.dialling import dial_string, endpoint
from .rules.duration import between
from .rules.guard import DENIED_TYPES, TYPES, Gate, passes
from .rules.hours import DailyHours

DEFAULT_PATH = Path("/etc/asterisk/asterisk_missed.conf")
ENVIRONMENT = "ASTERISK_MISSED_CONFIG"

# Keys whose work is not built yet: setting one is refused by name, so that nobody believes in it.
NOT_YET: Mapping[str, frozenset[str]] = {
    "calls": frozenset({"keep"}),
    "messages": frozenset({"folder", "max_length", "keep"}),
    "web": frozenset({"listen"}),
}
SECRETS = frozenset({("ami", "secret"), ("general", "database"), ("history", "cdr")})  # never repeated in an error line

_PBX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_LANGUAGE = re.compile(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?")
_DATABASE = re.compile(r"[a-z][a-z0-9]*(\+[a-z0-9]+)?://\S*")
_FILE_OR_DATABASE = re.compile(rf"/\S+|{_DATABASE.pattern}")
_PREFIX = re.compile(r"\+?[1-9][0-9]{0,14}")
_TRUNK = re.compile(r"[A-Za-z][A-Za-z0-9]*/[A-Za-z0-9_.*?@+\[\]!/-]+")
_PATTERN = re.compile(r"_?([0-9*#XZNxzn]|\[[0-9-]+\])*[.!]?")


class ConfigError(ValueError):
    """What is wrong with the config, in one line: file, section, key, value, what is allowed."""


def _text(pattern: re.Pattern[str], allowed: str) -> BeforeValidator:
    def check(text: object) -> str:
        if isinstance(text, str) and pattern.fullmatch(text):
            return text
        raise ValueError(allowed)

    return BeforeValidator(check)


def _listed(text: object) -> tuple[str, ...]:
    parts = text.split(",") if isinstance(text, str) else tuple(text) if isinstance(text, (list, tuple)) else ()
    return tuple(part.strip() for part in parts if part.strip())


def _trunks(text: object) -> tuple[str, ...]:
    if all(_TRUNK.fullmatch(trunk) for trunk in _listed(text)) and _listed(text):
        return _listed(text)
    raise ValueError("channels as TECH/endpoint (* and ? may stand in them), separated by commas")


def _extensions(text: object) -> tuple[str, ...]:
    try:
        good = all(_PATTERN.fullmatch(p) and asterisk_pattern(p) and p != "_" for p in _listed(text)) and _listed(text)
    except re.error:
        good = ()
    if good:
        return good
    raise ValueError("dialplan patterns such as 1XX or 2[0-5]X, separated by commas")


def _dids(text: object) -> tuple[str, ...]:
    if all(passes(did) for did in _listed(text)):
        return _listed(text)
    raise ValueError("numbers of 3 to 20 digits, with or without +, separated by commas")


def _country(text: object) -> str:
    if isinstance(text, str) and text.upper() in phonenumbers.SUPPORTED_REGIONS:
        return text.upper()
    raise ValueError("a country's two letters (ISO 3166), such as RU")


def _countries(text: object) -> tuple[str, ...]:
    return tuple(_country(country) for country in _listed(text))


def _prefixes(text: object) -> tuple[str, ...]:
    if all(_PREFIX.fullmatch(prefix) for prefix in _listed(text)):
        return _listed(text)
    raise ValueError("beginnings of international numbers, such as +7800, separated by commas")


def _types(text: object) -> frozenset[str]:
    if set(_listed(text)) <= TYPES.keys():
        return frozenset(_listed(text))
    raise ValueError(f"kinds of numbers, separated by commas, of {', '.join(TYPES)}")


def _timezone(text: object) -> str:
    if isinstance(text, str) and _zone_exists(text):
        return text
    raise ValueError("a time zone of the tz database, such as Europe/Moscow")


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True


def _command(text: object) -> str:
    with suppress(ValueError):
        if isinstance(text, str) and shlex.split(text):
            return text
    raise ValueError("a command, with arguments quoted as in a shell")


def _absolute(text: object) -> Path:
    path = Path(str(text))
    if path.is_absolute():
        return path
    raise ValueError("an absolute path")


def _dial(text: object) -> str:
    return dial_string(text, "number")


def _dial_extension(text: object) -> str:
    return dial_string(text, "extension")


AbsolutePath = Annotated[Path, BeforeValidator(_absolute)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class General(_Section):
    """``[general]``. ``timezone`` is a name of the tz database."""

    pbx: Annotated[str, _text(_PBX, "up to 63 letters, digits and . _ -")] = "pbx1"
    database: Annotated[str, _text(_DATABASE, "a database URL, such as sqlite:////var/lib/x.db")] = (
        "sqlite:////var/lib/asterisk-missed/journal.db"
    )
    timezone: Annotated[str, BeforeValidator(_timezone)] = "UTC"
    country: Annotated[str, BeforeValidator(_country)] = "RU"
    language: Annotated[str, _text(_LANGUAGE, "a language code, such as ru")] = "ru"
    state: AbsolutePath = Path("/var/lib/asterisk-missed")

    @property
    def zone(self) -> ZoneInfo:
        """The PBX's time zone."""
        return ZoneInfo(self.timezone)


class Ami(_Section):
    """``[ami]``. The secret is read when somebody logs in, so that other verbs work without the right to read it."""

    host: Annotated[str, _text(re.compile(r"[A-Za-z0-9._:-]{1,255}"), "a host name or an address")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 5038
    username: Annotated[str, _text(re.compile(r"[^\x00-\x1f\x7f]{1,100}"), "1 to 100 characters")] = "asterisk-missed"
    secret: Annotated[str | None, Field(repr=False, min_length=1)] = None
    secret_file: AbsolutePath = Path("/etc/asterisk-missed/ami.secret")

    @model_validator(mode="after")
    def _one_secret(self) -> Ami:
        if {"secret", "secret_file"} <= self.model_fields_set:
            raise ValueError("either secret or secret_file, not both")
        return self

    def read_secret(self) -> str:
        """The password: one line of text. ConfigError: the file cannot be read, is empty or holds more than a line."""
        if self.secret is not None:
            return self.secret
        try:
            text = self.secret_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            cause = error.strerror if isinstance(error, OSError) else "is not text"
            raise ConfigError(f"[ami] secret_file = {self.secret_file}: {cause}") from None
        if not text or not text.isprintable():
            raise ConfigError(f"[ami] secret_file = {self.secret_file}: must hold the password, on one line")
        return text

    def open_to_all(self) -> bool:
        """True when everybody on the host can read the secret's file: worth a warning, not a refusal."""
        try:
            return self.secret is None and bool(self.secret_file.stat().st_mode & stat.S_IROTH)
        except OSError:
            return False


class Pbx(_Section):
    """``[pbx]``. ``asterisk``: a command as in a shell, to which ``-rx`` is added; ``contexts``: our folder."""

    trunks: Annotated[tuple[str, ...], BeforeValidator(_trunks)] = ("PJSIP/trunk-main", "SIP/trunk-main", "DAHDI/*")
    extensions: Annotated[tuple[str, ...], BeforeValidator(_extensions)] = ("1XX",)
    dids: Annotated[tuple[str, ...], BeforeValidator(_dids)] = ()
    dial: Annotated[str, BeforeValidator(_dial)] = "PJSIP/{number}@trunk-main"
    number_format: Literal["e164", "national", "digits"] = "e164"
    dial_extension: Annotated[str, BeforeValidator(_dial_extension)] = "PJSIP/{extension}"
    asterisk: Annotated[str, BeforeValidator(_command)] = "asterisk"
    contexts: AbsolutePath = Path("/etc/asterisk/asterisk_missed.d")

    @model_validator(mode="after")
    def _employees_at_home(self) -> Pbx:
        """A mobile's voicemail would accept the callback: employees behind a trunk wait for `confirm.employee`."""
        target = endpoint(self.dial_extension).lower()
        if any(fnmatch.fnmatch(target, trunk.lower()) for trunk in self.trunks):
            raise ValueError(f"dial_extension = {self.dial_extension} leads through a trunk: not supported yet")
        return self


class Calls(_Section):
    """``[calls]``."""

    min_talk: Annotated[timedelta, between("0s", "10m")] = timedelta(seconds=1)
    lost_after_answer: Literal["missed", "answered"] = "missed"
    legal_zone: Literal["pbx", "caller"] = "pbx"
    legal_hours: Annotated[DailyHours, BeforeValidator(DailyHours.parse)] = DailyHours(9 * 60, 21 * 60)


class Guard(_Section):
    """``[guard]``: which numbers may be called, and how often. No ``countries``: the home country alone.

    ``breaker_attempts``: so many of the latest attempts are looked at; 0 switches the breaker off.
    """

    countries: Annotated[tuple[str, ...], BeforeValidator(_countries)] = ()
    allow_prefixes: Annotated[tuple[str, ...], BeforeValidator(_prefixes)] = ()
    deny_prefixes: Annotated[tuple[str, ...], BeforeValidator(_prefixes)] = ()
    deny_types: Annotated[frozenset[str], BeforeValidator(_types)] = DENIED_TYPES
    max_per_number_per_day: Annotated[int, Field(ge=1, le=100)] = 3
    max_per_prefix_per_hour: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    max_per_day: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    max_minutes_per_day: Annotated[int, Field(ge=1, le=1_000_000)] = 3000
    breaker_attempts: Annotated[int, Field(ge=0, le=10_000)] = 50


class History(_Section):
    """``[history]``: what Asterisk writes of its calls. Files that are not there are no witnesses; a ``cdr`` may be the URL
    of a database, whose table is ``cdr_table``."""

    cel: AbsolutePath = Path("/var/log/asterisk/cel-custom/asterisk-missed.csv")
    cdr: Annotated[str, _text(_FILE_OR_DATABASE, "an absolute path or a database URL")] = (
        "/var/log/asterisk/cdr-csv/Master.csv"
    )
    cdr_table: Annotated[str, _text(re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,62}"), "the name of a table")] = "cdr"
    queue_log: AbsolutePath = Path("/var/log/asterisk/queue_log")


class Limits(_Section):
    """``[limits]``. ``at_once`` callbacks; ``originates_per_second`` may be a fraction."""

    at_once: Annotated[int, Field(ge=1, le=1_000)] = 10
    originates_per_second: Annotated[float, Field(gt=0, le=100)] = 2


class Config(_Section):
    """All of it, a section a field."""

    general: General = General()
    ami: Ami = Ami()
    pbx: Pbx = Pbx()
    calls: Calls = Calls()
    guard: Guard = Guard()
    history: History = History()
    limits: Limits = Limits()

    @property
    def ground(self) -> Ground:
        """What decisions about clients stand on."""
        known, guard = self.general.country, self.guard
        gate = Gate(
            known,
            guard.countries,
            guard.allow_prefixes,
            guard.deny_prefixes,
            guard.deny_types,
            self.pbx.dids,
            self.pbx.extensions,
        )
        caps = Caps(
            guard.max_per_number_per_day,
            guard.max_per_prefix_per_hour,
            guard.max_per_day,
            guard.max_minutes_per_day,
            guard.breaker_attempts,
        )
        by_caller = self.calls.legal_zone == "caller"
        return Ground(gate, self.general.zone, self.calls.legal_hours, by_caller, caps, self.general.pbx)


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The config of ``path``, else of ASTERISK_MISSED_CONFIG, else of /etc/asterisk if there, else the defaults.

    Raises ConfigError.
    """
    if path is None and environ.get(ENVIRONMENT):
        path = Path(environ[ENVIRONMENT])
    if path is None and not DEFAULT_PATH.exists():
        return read("", environ)
    path = path or DEFAULT_PATH
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError(f"{path}: {cause}") from None
    try:
        return read(text, environ)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def read(text: str, environ: Mapping[str, str]) -> Config:
    """The config that the text of a file means. Raises ConfigError; the file's name is the caller's to add."""
    try:
        sections = ini.parse(text, environ)
    except ini.IniError as error:
        raise ConfigError(str(error)) from None
    _known(sections)
    sections.setdefault("general", {}).setdefault("timezone", host_timezone(environ))
    try:
        return Config.model_validate({name: keys for name, keys in sections.items() if name in Config.model_fields})
    except ValidationError as error:
        raise ConfigError(_line(findings.first(error))) from None


def _known(sections: Mapping[str, Mapping[str, str]]) -> None:
    for section, keys in sections.items():
        model = Config.model_fields.get(section)
        working = set(model.annotation.model_fields) if model and model.annotation else set[str]()
        later = NOT_YET.get(section, frozenset())
        if not working and not later:
            raise ConfigError(f"[{section}]: unknown section")
        for key in keys:
            if key in later:
                raise ConfigError(f"[{section}] {key} = {findings.shown(keys[key])}: not supported yet")
            if key not in working:
                raise ConfigError(f"[{section}] {key}: unknown key; known are {', '.join(sorted(working | later))}")


def _line(finding: findings.Finding) -> str:
    section, _, key = finding.path.partition(".")
    if not key:  # a check over more than one key names them itself
        return f"[{section}] {finding.allowed.removeprefix('must be ')}"
    value = "" if (section, key) in SECRETS else f" = {findings.shown(finding.value)}"
    return f"[{section}] {key}{value}: {finding.allowed}"


def host_timezone(environ: Mapping[str, str], root: Path = Path("/")) -> str:
    """The host's zone by TZ, /etc/timezone or the link /etc/localtime; UTC where none of them names one."""
    names = [environ.get("TZ", "").removeprefix(":")]
    with suppress(OSError, ValueError):
        names.append((root / "etc/timezone").read_text(encoding="ascii").strip())
    with suppress(OSError):
        names.append(str((root / "etc/localtime").readlink()).partition("zoneinfo/")[2])
    return next((name for name in names if name and _zone_exists(name)), "UTC")
