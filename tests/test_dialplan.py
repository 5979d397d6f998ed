"""The generated dialplan: what it says, and that Asterisk has the old one or the new one."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from asterisk_missed.config import Config, read
from asterisk_missed.pbx import dialplan
from asterisk_missed.pbx.dialplan import DialplanError, install, render, stamps
from asterisk_missed.rules.file import check_slugs
from asterisk_missed.rules.rule import Rule, RuleError

# Stands for `asterisk -rx`: shows the stamps of the files that `dialplan reload` last read. The real one is in tests/asterisk.
FAKE_ASTERISK = """#!/bin/sh
case "$2" in
  "dialplan reload") cat "{folder}"/*.conf 2>/dev/null | {filter} > "{folder}/.loaded" ;;
  *) sed -n "s/^exten => \\(stamp[0-9a-f]*\\),1.*/  '\\1' => 1. NoOp()/p" "{folder}/.loaded" 2>/dev/null; true ;;
esac
"""


def rule(slug: str = "sales", **fields: object) -> Rule:
    given = {"slug": slug, "source": {"queue": "sales"}, "first": "employee", "connect": {"extensions": ["101", "102"]}}
    return Rule.read(given | fields)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configured(tmp_path, "cat")


def configured(tmp_path: Path, filter_: str) -> Config:
    command = tmp_path / "fake-asterisk"
    command.write_text(FAKE_ASTERISK.replace("{filter}", filter_).replace("{folder}", f"{tmp_path}/d"))
    command.chmod(0o755)
    (tmp_path / "d").mkdir(exist_ok=True)
    return read(f"[pbx]\nasterisk = {command}\ncontexts = {tmp_path}/d\n", {})


def context(text: str, name: str) -> str:
    """The lines of one context."""
    return re.split(r"^\[", text.split(f"[{name}]\n", 1)[1], flags=re.MULTILINE)[0]


def test_employees_are_rung_together_then_the_client() -> None:
    text = render([rule(ring={"employee": "20s", "client": "40s"})], Config())["rule-sales.conf"]
    assert "Dial(PJSIP/101&PJSIP/102,20,i)" in context(text, "missed-sales-employee")
    assert "Dial(PJSIP/${EXTEN}@trunk-main,40,iU(missed-talked))" in context(text, "missed-sales-client")


def test_a_queue_is_a_queue_in_both_orders() -> None:
    for first, name in (("client", "missed-sales"), ("employee", "missed-sales-employee")):
        text = render([rule(first=first, connect={"queue": "sales"})], Config())["rule-sales.conf"]
        assert "Queue(sales,,,,25" in context(text, name)


def test_one_after_the_other_rings_each_alone() -> None:
    text = context(render([rule(ring={"strategy": "order"})], Config())["rule-sales.conf"], "missed-sales")
    assert "Dial(PJSIP/101,25,i)" in text and "Dial(PJSIP/102,25,i)" in text and "&" not in text


def test_the_caller_id_is_the_rules_or_the_did_as_digits() -> None:
    assert '"" <74950000000>' in render([rule(caller_id="74950000000")], Config())["rule-sales.conf"]
    assert "${FILTER(0-9+,${MISSED_CALLER_ID})}" in render([rule()], Config())["rule-sales.conf"]


def test_nothing_dangerous_stands_in_a_generated_file() -> None:
    every = [
        rule("a"),
        rule("b", first="client"),
        rule("c", connect={"queue": "q"}),
        rule("d", ring={"strategy": "order"}),
    ]
    text = "\n".join(render(every, Config()).values())
    assert not re.search(r"System|EVAL|SHELL|Exec\(|exten => _\.|#exec", text)
    assert not re.search(r"\$\[[^]]*(EXTEN|CALLERID|CALLER_ID)", text)


def test_a_title_never_reaches_the_dialplan() -> None:
    assert "Продажи" not in "".join(render([rule(title="Продажи [x]")], Config()).values())


@pytest.mark.parametrize("slug", ["stamp", "talked", "request", "hints", "mark"])
def test_no_rule_can_take_the_context_of_something_else(slug: str) -> None:
    with pytest.raises(RuleError, match=f"slug = '{slug}'"):
        rule(slug)


def test_no_two_rules_have_contexts_of_one_name() -> None:
    check_slugs([rule("vip-client"), rule("other")])
    with pytest.raises(RuleError, match="a context of the rule vip is called so"):
        check_slugs([rule("vip"), rule("vip-client")])


def test_every_file_has_its_own_stamp() -> None:
    files = render([rule("a"), rule("b")], Config())
    assert len(stamps(files)) == 3
    assert stamps(files) != stamps(render([rule("a"), rule("b", delay="5m", ring={"client": "44s"})], Config()))


def test_installed_files_are_loaded_and_not_for_everybody(config: Config) -> None:
    files = render([rule()], config)
    install(files, config)
    assert dialplan.check(files, config) == []
    assert stat.S_IMODE((config.pbx.contexts / "rule-sales.conf").stat().st_mode) == 0o640


def test_the_file_of_a_deleted_rule_goes(config: Config) -> None:
    install(render([rule("a"), rule("b")], config), config)
    install(render([rule("a")], config), config)
    assert not (config.pbx.contexts / "rule-b.conf").exists()


def test_files_of_others_stay(config: Config) -> None:
    (config.pbx.contexts / "mine.conf").write_text("; mine\n")
    install(render([rule()], config), config)
    assert (config.pbx.contexts / "mine.conf").read_text() == "; mine\n"


def test_what_asterisk_does_not_load_is_taken_back(tmp_path: Path) -> None:
    good = configured(tmp_path, "cat")
    install(render([rule()], good), good)
    before = (tmp_path / "d" / "rule-sales.conf").read_text()
    broken = configured(tmp_path, "grep -v 0123456789 | head -3")
    with pytest.raises(DialplanError, match=r"did not load common\.conf, rule-sales\.conf"):
        install(render([rule(ring={"client": "44s"})], broken), broken)
    assert (tmp_path / "d" / "rule-sales.conf").read_text() == before


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    config = read(f"[pbx]\ncontexts = {tmp_path}/nowhere\n", {})
    with pytest.raises(DialplanError, match="nowhere"):
        install({}, config)


def test_an_asterisk_that_is_missing_is_named(tmp_path: Path) -> None:
    config = read(f"[pbx]\nasterisk = /nowhere/asterisk\ncontexts = {tmp_path}\n", {})
    with pytest.raises(DialplanError, match="/nowhere/asterisk: No such file"):
        install(render([], config), config)


def test_the_difference_is_told(config: Config) -> None:
    install(render([rule()], config), config)
    changed = render([rule(ring={"client": "44s"})], config)
    assert any("rule-sales.conf" in line for line in dialplan.check(changed, config))
