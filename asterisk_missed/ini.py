"""The text of a config file: sections, keys and values with their line numbers. Knows no key by name."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SECTION = re.compile(r"\[([^\[\]]+)\]")
_PAIR = re.compile(r"([A-Za-z0-9_.-]+)\s*=>?\s*(.*)")
_COMMENT = re.compile(r"(?:^|\s);.*")
_ENV = re.compile(r"%\(ENV:([A-Za-z_][A-Za-z0-9_]*)\)s")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class IniError(ValueError):
    """What is wrong with the text, in one line."""


def parse(text: str, environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    r"""Section -> key -> value.

    `` ;`` begins a comment, ``\;`` is a semicolon; ``%(ENV:NAME)s`` is the only substitution and what it brings is
    taken as it is; any other ``%`` is itself. IniError: anything else, a key twice, a variable that is not set.
    """
    sections: dict[str, dict[str, str]] = {}
    section = ""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        content = _COMMENT.sub("", line).strip()
        if not content:
            continue
        if opened := _SECTION.fullmatch(content):
            section = opened[1].strip()
            sections.setdefault(section, {})
        elif pair := _PAIR.fullmatch(content):
            _add(sections, section, pair[1], _value(pair[2], f"[{section}] {pair[1]}", environ), number)
        else:
            # Only its first word is repeated: the rest may be a password.
            raise IniError(f"line {number}: {content.split()[0][:40]!r} begins neither [section] nor key = value")
    return sections


def _add(sections: dict[str, dict[str, str]], section: str, key: str, value: str, number: int) -> None:
    if not section:
        raise IniError(f"line {number}: {key} stands before the first [section]")
    if key in sections[section]:
        raise IniError(f"line {number}: [{section}] {key} is set twice")
    sections[section][key] = value


def _value(text: str, name: str, environ: Mapping[str, str]) -> str:
    def variable(match: re.Match[str]) -> str:
        if match[1] not in environ:
            raise IniError(f"{name}: the environment variable {match[1]} is not set")
        return environ[match[1]]

    value = _ENV.sub(variable, text.replace(r"\;", ";"))
    if _CONTROL.search(value):
        raise IniError(f"{name}: holds a control character")
    return value
