"""Fields of a rule that are promised and not built yet: refused by name, never ignored.

One that is given as what already happens without it (``timezone: null``) asks for nothing, and is let pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .findings import shown

# Field -> the values that mean what happens now anyway. Where the contract's default is not yet true, there are none.
PROMISED: Mapping[str, tuple[object, ...]] = {
    "enabled": (True,),
    "pbx": (None,),
    "wait.max": (None,),
    "hours": (None, []),
    "holidays": (None, []),
    "timezone": (None,),
    "outside_hours": ("wait",),
    "connect.dispatcher": (None,),
    "confirm": (None,),
    "confirm.employee": (False,),
    "confirm.client": (False,),
    "retry.expire": ("24h", "1d"),
    "at_once": (),
}
KEPT = frozenset({"enabled"})  # known to the rule already


class NotYet(Exception):
    """A field that asks for what is not built; the text names it and its value."""


def settled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without the promised ones that ask for nothing. NotYet: one asks for something."""
    rest = dict(fields)
    for path, same in PROMISED.items():
        outer, _, inner = path.partition(".")
        place = rest.get(outer) if inner else rest
        name = inner or outer
        if (
            not isinstance(place, Mapping)
            or name not in place
            or (path == "confirm" and isinstance(place[name], Mapping))
        ):
            continue  # a mapping is judged field by field
        value = place[name]
        if not any(value == allowed and type(value) is type(allowed) for allowed in same):
            raise NotYet(f"{path} = {shown(value)}: not supported yet{_but(same)}")
        if path not in KEPT:
            rest = _without(rest, outer, inner)
    if rest.get("confirm") == {}:
        del rest["confirm"]
    return rest


def _without(fields: dict[str, Any], outer: str, inner: str) -> dict[str, Any]:
    if not inner:
        return {name: value for name, value in fields.items() if name != outer}
    return {**fields, outer: {name: value for name, value in fields[outer].items() if name != inner}}


def _but(same: tuple[object, ...]) -> str:
    """What may stand there until then, in the words of the file."""
    words = {"None": "null", "True": "true", "False": "false"}
    return f" (only {words.get(str(same[0]), same[0])})" if same else ""
