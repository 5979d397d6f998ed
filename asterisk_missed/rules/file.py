"""The rules file: YAML 1.2 text to rules and back. No file is opened here."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode

from .findings import shown
from .rule import Rule, RuleError

LONGEST = 1 << 20  # characters: some 2,000 rules; what is longer is no rules file
MOST_RULES = 500


class _Constructor(SafeConstructor):
    """The core schema has no dates: ``2026-01-01`` is text."""

    def construct_yaml_timestamp(self, node: ScalarNode, values: Any = None) -> str:
        return str(node.value)


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_timestamp)


def read(text: str) -> tuple[Rule, ...]:
    """The rules of a file, in its order. RuleError: the first thing wrong, in one line, with its line where known."""
    if len(text) > LONGEST:
        raise RuleError(f"longer than {LONGEST} characters: not a rules file")
    content = _yaml(text)
    if not isinstance(content, Mapping) or set(content) != {"rules"} or not isinstance(content["rules"], list):
        raise RuleError(f"{shown(content)}: must be one key, rules, with the list of rules")
    if len(content["rules"]) > MOST_RULES:
        raise RuleError(f"rules: more than {MOST_RULES} of them")
    rules = tuple(Rule.read(fields, place) for place, fields in enumerate(content["rules"], 1))
    check_slugs(rules)
    return rules


def read_one(text: str) -> dict[str, Any]:
    """The fields of one rule: a mapping of fields, or a rules file that holds one rule. RuleError: what is wrong."""
    content = _yaml(text)
    if isinstance(content, Mapping) and set(content) == {"rules"}:
        content = content["rules"][0] if isinstance(content["rules"], list) and len(content["rules"]) == 1 else None
    if not isinstance(content, Mapping):
        raise RuleError("must be the fields of one rule")
    return dict(content)


def value(text: str) -> object:
    """One field's value as the file would have it: ``5m``, ``{queue: sales}``, ``null``. RuleError: no YAML."""
    return _yaml(text)


def check_slugs(rules: Sequence[Rule]) -> None:
    """RuleError where two rules have one slug, or contexts of one name."""
    seen: dict[str, int] = {}
    for place, rule in enumerate(rules, 1):
        if rule.slug in seen:
            raise RuleError(f"rule {rule.slug}: slug = {rule.slug!r}: rules {seen[rule.slug]} and {place} have it")
        seen[rule.slug] = place
    for slug in seen:  # the contexts missed-vip-client of the rule vip and missed-vip-client of the rule vip-client
        for end in ("-client", "-employee"):
            if slug.endswith(end) and slug.removesuffix(end) in seen:
                raise RuleError(
                    f"rule {slug}: slug = {slug!r}: a context of the rule {slug.removesuffix(end)} is called so"
                )


def write(rules: Sequence[Rule]) -> str:
    """The file that means these rules: `read` gives them back."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = io.StringIO()
    yaml.dump({"rules": [rule.as_dict() for rule in rules]}, out)
    return out.getvalue()


def _yaml(text: str) -> object:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        return yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise RuleError(f"{where}{_one_line(error.problem or error.context or 'no YAML')}") from None
    except (YAMLError, ValueError) as error:
        raise RuleError(f"no YAML: {_one_line(str(error))}") from None
    except RecursionError:
        raise RuleError("no rules file: nested too deeply") from None


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
