"""Dial strings: ``PJSIP/{number}@trunk-main``. They go into actions and contexts, so every character is checked."""

from __future__ import annotations

import re

# No comma (it separates arguments), no ampersand (it rings a second destination), no dollar (it is executed).
_DIAL_STRING = re.compile(r"[A-Za-z][A-Za-z0-9]*/[A-Za-z0-9 _.+@/:{}-]{1,150}")


def dial_string(text: object, placeholder: str) -> str:
    """The text, when it is a dial string with exactly one ``{placeholder}``. ValueError says what is allowed."""
    hole = f"{{{placeholder}}}"
    if isinstance(text, str) and _DIAL_STRING.fullmatch(text) and text.count(hole) == 1:
        rest = text.replace(hole, "")
        if not {"{", "}"} & set(rest):
            return text
    raise ValueError(f"TECH/destination with {hole} once, of letters, digits, space and _ . + @ / : -")


def endpoint(text: str) -> str:
    """``TECH/endpoint`` that a dial string leads to: of ``PJSIP/{number}@trunk-main`` that is ``PJSIP/trunk-main``."""
    technology, _, destination = text.partition("/")
    user, at, host = destination.partition("@")
    name = (host if at else user).split("/")[0]
    return f"{technology}/{name}"
