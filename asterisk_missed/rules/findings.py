"""What pydantic found wrong, as one line for the person who wrote it: field, value, what is allowed."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

SHOWN = 60  # characters of a wrong value that an error line repeats

# Shallow, since a small YAML file can mean a huge value by aliases.
_REPR = reprlib.Repr()
_REPR.maxlevel = 2
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = SHOWN


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong. ``path`` is ``ring.employee``, ``value`` is as given (None with ``missing``)."""

    path: str
    value: object
    allowed: str
    missing: bool = False
    unknown: bool = False

    def __str__(self) -> str:
        if self.missing:
            return f"{self.path} is missing"
        if not self.path:  # a check over more than one field names them itself
            return self.allowed.removeprefix("must be ")
        return f"{self.path} = {shown(self.value)}: {self.allowed}"


def shown(value: object) -> str:
    """A value for an error line: short, printable, without a line break."""
    text = _REPR.repr(value)  # of a string: with everything unprintable as an escape
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def first(error: ValidationError, known: Iterable[str] = ()) -> Finding:
    """The finding to show first: an unknown field before a missing one, since the one is often the other misspelt."""
    errors = error.errors(include_url=False)
    worst = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    path = ".".join(str(part) for part in worst["loc"])
    if worst["type"] == "missing":
        return Finding(path, None, "required", missing=True)
    if worst["type"] == "extra_forbidden":
        names = ", ".join(known)
        return Finding(path, worst["input"], f"unknown field{f'; known are {names}' if names else ''}", unknown=True)
    return Finding(path, worst["input"], _allowed(dict(worst)))


def _allowed(error: dict[str, Any]) -> str:
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return f"must be {context['error']}"
    if error["type"] == "literal_error":
        return f"must be {context['expected']}".replace("'", "")
    if error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "must be a mapping of fields"
    return str(error["msg"]).replace("Input should be", "must be")
