"""The config file: what it means, and one line about what is wrong with it."""

from __future__ import annotations

import re
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from asterisk_missed import config as rooms
from asterisk_missed.config import NOT_YET, Config, ConfigError, host_timezone, load, read

SHIPPED = (files("asterisk_missed.conf") / "asterisk_missed.conf").read_text(encoding="utf-8")


def config(text: str, **environ: str) -> Config:
    return read(text, environ)


def error(text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text, environ)
    return str(caught.value)


def test_the_shipped_file_is_exactly_the_defaults() -> None:
    assert config(SHIPPED) == config("")


def test_the_shipped_file_mentions_every_key_in_its_section_and_sets_none_that_is_refused() -> None:
    mentioned: dict[str, set[str]] = {}
    section = ""
    for line in SHIPPED.splitlines():
        if opened := re.match(r"\[(\w+)\]", line):
            section = opened[1]
        elif key := re.match(r";?(\w+) =", line):
            mentioned.setdefault(section, set()).add(key[1])
    working = {name: set(type(getattr(config(""), name)).model_fields) for name in Config.model_fields}
    promised = {name: set(keys) for name, keys in NOT_YET.items()}
    expected = {name: working.get(name, set()) | promised.get(name, set()) for name in working | promised}
    assert mentioned == expected


def test_every_line_of_the_shipped_file_that_is_commented_out_is_known() -> None:
    for line in re.findall(r"(?m)^;(\w+ = .*)$", SHIPPED):
        key = line.split(" ")[0]
        assert key in {"timezone", "secret"} or any(key in keys for keys in NOT_YET.values())


def test_the_defaults_are_those_of_the_documentation() -> None:
    made = config("")
    assert made.general.database == "sqlite:////var/lib/asterisk-missed/journal.db"
    assert (made.ami.host, made.ami.port, made.ami.username) == ("127.0.0.1", 5038, "asterisk-missed")
    assert made.pbx.trunks == ("PJSIP/trunk-main", "SIP/trunk-main", "DAHDI/*")
    assert made.pbx.extensions == ("1XX",)
    assert made.calls.min_talk == timedelta(seconds=1)
    assert str(made.calls.legal_hours) == "09:00-21:00"
    assert (made.limits.at_once, made.limits.originates_per_second) == (10, 2)


def test_a_semicolon_behind_a_space_begins_a_comment_and_a_backslash_keeps_it() -> None:
    assert config("[ami]\nsecret = one\\;two;three ; four\n").ami.read_secret() == "one;two;three"
    assert config("[ami]\nsecret = one \\; two\t; three\n").ami.read_secret() == "one ; two"


def test_a_percent_sign_is_itself() -> None:
    text = "[general]\ndatabase = postgresql+psycopg://missed:p%40ss%(x)s@db/missed\n"
    assert config(text).general.database == "postgresql+psycopg://missed:p%40ss%(x)s@db/missed"


def test_an_environment_variable_is_put_in_as_it_is() -> None:
    assert config("[ami]\nsecret = a-%(ENV:S)s-b\n", S="x ;y\\;%(ENV:S)s").ami.read_secret() == r"a-x ;y\;%(ENV:S)s-b"


def test_a_missing_environment_variable_is_named() -> None:
    assert "[ami] secret: the environment variable AMI_SECRET is not set" in error(
        "[ami]\nsecret = %(ENV:AMI_SECRET)s\n"
    )


def test_lists_are_separated_by_commas() -> None:
    made = config("[pbx]\ndids = 74951234567 , +78120000001\nextensions = _1XX, 2[0-5]X, NXX, .\n")
    assert made.pbx.dids == ("74951234567", "+78120000001")
    assert made.pbx.extensions == ("_1XX", "2[0-5]X", "NXX", ".")


@pytest.mark.parametrize(("section", "key"), [(s, k) for s, keys in NOT_YET.items() for k in sorted(keys)])
def test_a_key_that_is_not_built_yet_is_refused_by_name(section: str, key: str) -> None:
    assert error(f"[{section}]\n{key} = 5\n") == f"[{section}] {key} = '5': not supported yet"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[ami]\nhots = x", "[ami] hots: unknown key; known are host, port"),
        ("[amy]\nhost = x", "[amy]: unknown section"),
        ("host = x", "line 1: host stands before the first [section]"),
        ("[ami]\nhost", "line 2: 'host' begins neither [section] nor key = value"),
        ("[ami]\nhost = a\n[pbx]\n[ami]\nhost = b", "line 5: [ami] host is set twice"),
        ("[ami]\nhost = a b", "[ami] host = 'a b': must be a host name"),
        ("[ami]\nport = 70000", "[ami] port = '70000': must be less than or equal to 65535"),
        ("[ami]\nport = ami", "[ami] port = 'ami': must be a valid integer"),
        ("[ami]\nsecret = a\nsecret_file = /b", "[ami] either secret or secret_file, not both"),
        ("[ami]\nsecret_file = b", "[ami] secret_file = 'b': must be an absolute path"),
        ("[general]\npbx = a b", "[general] pbx = 'a b'"),
        ("[general]\ntimezone = Moscow", "[general] timezone = 'Moscow': must be a time zone"),
        ("[general]\ntimezone = /etc/passwd", "[general] timezone = '/etc/passwd'"),
        ("[general]\ncountry = Russia", "[general] country = 'Russia': must be a country's two letters"),
        ("[general]\nlanguage = ../ru", "[general] language = '../ru'"),
        ("[pbx]\ntrunks =", "[pbx] trunks = ''"),
        ("[pbx]\ntrunks = trunk-main", "[pbx] trunks = 'trunk-main': must be channels as TECH/endpoint"),
        ("[pbx]\nextensions = 1XX-5", "[pbx] extensions = '1XX-5': must be dialplan patterns"),
        ("[pbx]\nextensions = [5-2]X", "[pbx] extensions = '[5-2]X'"),
        ("[pbx]\ndids = sales", "[pbx] dids = 'sales': must be numbers"),
        (
            "[pbx]\ndial = PJSIP/trunk-main",
            "[pbx] dial = 'PJSIP/trunk-main': must be TECH/destination with {number} once",
        ),
        ("[pbx]\ndial = PJSIP/{extension}", "[pbx] dial = 'PJSIP/{extension}'"),
        ("[pbx]\ndial = PJSIP/{number}&PJSIP/1", "[pbx] dial = "),
        ("[pbx]\ndial = PJSIP/{number},30", "[pbx] dial = "),
        ("[pbx]\ndial = PJSIP/${number}", "[pbx] dial = "),
        ("[pbx]\ndial_extension = PJSIP/{number}", "[pbx] dial_extension = 'PJSIP/{number}'"),
        ("[pbx]\ndial_extension = PJSIP/7{extension}@trunk-main", "leads through a trunk: not supported yet"),
        ("[pbx]\nnumber_format = +7", "[pbx] number_format = '+7': must be e164, national or digits"),
        ('[pbx]\nasterisk = "asterisk', "[pbx] asterisk = "),
        ("[pbx]\ncontexts = missed.d", "[pbx] contexts = 'missed.d': must be an absolute path"),
        ("[calls]\nmin_talk = 1", "[calls] min_talk = '1': must be a duration such as 90s"),
        ("[calls]\nlost_after_answer = yes", "[calls] lost_after_answer = 'yes': must be missed or answered"),
        ("[calls]\nlegal_hours = 9-21", "[calls] legal_hours = '9-21': must be hours such as 09:00-21:00"),
        ("[calls]\nlegal_hours = 09:00-09:00", "[calls] legal_hours = '09:00-09:00'"),
        ("[limits]\nat_once = 0", "[limits] at_once = '0'"),
        ("[limits]\noriginates_per_second = nan", "[limits] originates_per_second = 'nan'"),
    ],
)
def test_what_is_wrong_is_one_line_with_section_key_and_value(text: str, expected: str) -> None:
    line = error(text)
    assert line.startswith(expected) or expected in line
    assert "\n" not in line and len(line) < 300


@pytest.mark.parametrize(
    "text",
    [
        "[general]\ndatabase = hunter2",
        "[ami]\nsecret = hunter2\nport = x",
        "[ami]\nsecret hunter2",
        "[ami]\nsecret = hunter2\nsecret_file = /b",
        "[ami]\nsecret = %(ENV:NOT_SET)shunter2",
    ],
)
def test_no_error_repeats_a_password(text: str) -> None:
    assert "hunter2" not in error(text)


def test_a_config_does_not_show_its_password() -> None:
    assert "hunter2" not in repr(config("[ami]\nsecret = hunter2"))


def test_a_line_break_from_the_environment_does_not_get_in() -> None:
    assert error("[ami]\nsecret = %(ENV:S)s", S="a\r\nAction: Originate") == "[ami] secret: holds a control character"


def test_the_secret_is_read_when_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "ami.secret"
    ami = config(f"[ami]\nsecret_file = {path}\n").ami
    with pytest.raises(ConfigError, match=r"\[ami\] secret_file = .*ami.secret: No such file"):
        ami.read_secret()
    path.write_text("pa ss;word%\n")
    assert ami.read_secret() == "pa ss;word%"


@pytest.mark.parametrize("content", ["", "\n", "one\ntwo\n", "a\x00b"])
def test_a_secret_file_holds_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ami.secret"
    path.write_text(content)
    with pytest.raises(ConfigError, match="must hold the password, on one line"):
        config(f"[ami]\nsecret_file = {path}\n").ami.read_secret()


def test_a_secret_that_everybody_can_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "ami.secret"
    path.write_text("x")
    ami = config(f"[ami]\nsecret_file = {path}\n").ami
    path.chmod(0o640)
    assert not ami.open_to_all()
    path.chmod(0o644)
    assert ami.open_to_all()


def test_the_file_is_looked_for_where_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, by_environment, usual = (tmp_path / name for name in ("named", "environment", "usual"))
    monkeypatch.setattr(rooms, "DEFAULT_PATH", usual)
    environ = {"ASTERISK_MISSED_CONFIG": str(by_environment)}
    assert load(None, {}).general.pbx == "pbx1"
    for path in (named, by_environment, usual):
        path.write_text(f"[general]\npbx = {path.name}\n")
    assert load(named, environ).general.pbx == "named"
    assert load(None, environ).general.pbx == "environment"
    assert load(None, {}).general.pbx == "usual"


def test_an_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("[ami]\nport = x\n")
    with pytest.raises(ConfigError, match=r"a\.conf: \[ami\] port"):
        load(path, {})
    with pytest.raises(ConfigError, match=r"nowhere\.conf: No such file"):
        load(tmp_path / "nowhere.conf", {})
    path.write_bytes(b"[ami]\nhost = \xff\n")
    with pytest.raises(ConfigError, match=r"a\.conf: is not UTF-8 text"):
        load(path, {})


def test_the_hosts_zone_is_taken_from_where_hosts_keep_it(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    assert host_timezone({}, tmp_path) == "UTC"
    (tmp_path / "etc/localtime").symlink_to("../usr/share/zoneinfo/Asia/Omsk")
    assert host_timezone({}, tmp_path) == "Asia/Omsk"
    (tmp_path / "etc/timezone").write_text("Europe/Samara\n")
    assert host_timezone({}, tmp_path) == "Europe/Samara"
    assert host_timezone({"TZ": ":Europe/Moscow"}, tmp_path) == "Europe/Moscow"
    assert host_timezone({"TZ": "MSK-3"}, tmp_path) == "Europe/Samara"


def test_a_zone_that_is_set_goes_before_the_hosts() -> None:
    assert config("[general]\ntimezone = Asia/Omsk\n", TZ="Europe/Moscow").general.zone.key == "Asia/Omsk"
