"""Channel names: who stands behind them."""

from __future__ import annotations

import pytest

from asterisk_missed.calls.lines import ChannelName, Kind, Lines, asterisk_pattern, dialled_number

LINES = Lines(["PJSIP/trunk-main", "SIP/trunk-*", "DAHDI/*", "IAX2/provider"], ["1XX", "2[0-5]X"])


@pytest.mark.parametrize(
    ("name", "kind", "endpoint"),
    [
        ("PJSIP/trunk-main-0000000c", Kind.TRUNK, "trunk-main"),
        ("pjsip/TRUNK-MAIN-0000000c", Kind.TRUNK, "TRUNK-MAIN"),
        ("SIP/trunk-old-0000000c", Kind.TRUNK, "trunk-old"),
        ("DAHDI/i1/74951234567-2", Kind.TRUNK, "i1"),
        ("DAHDI/3-1", Kind.TRUNK, "3"),
        ("IAX2/provider-1034", Kind.TRUNK, "provider"),
        ("PJSIP/101-0000001a", Kind.EXTENSION, "101"),
        ("SIP/101-0000001a", Kind.EXTENSION, "101"),
        ("PJSIP/reception-desk-0000001a", Kind.EXTENSION, "reception-desk"),
        ("Local/101@internal-00000001;2", Kind.LOCAL, "101@internal"),
        ("CBAnn/conf-00000001;2", Kind.MACHINE, "conf"),
        ("Announcer/ARI-00000001;2", Kind.MACHINE, "ARI"),
        ("UnicastRTP/127.0.0.1:1-0x7f", Kind.MACHINE, "127.0.0.1:1-0x7f"),
        ("AudioSocket/127.0.0.1:9092-00f1", Kind.MACHINE, "127.0.0.1:9092"),
        ("WebSocket/media-00000002", Kind.MACHINE, "media"),
        ("Surrogate/PJSIP-00000002", Kind.MACHINE, "PJSIP"),
        ("DAHDI/pseudo-1234567", Kind.MACHINE, "pseudo"),
        ("nonsense", Kind.MACHINE, ""),
    ],
)
def test_a_channel_is_known_by_its_name(name: str, kind: Kind, endpoint: str) -> None:
    parsed = ChannelName.parse(name)
    assert (LINES.kind(parsed), parsed.endpoint) == (kind, endpoint)


@pytest.mark.parametrize(
    ("text", "extension"),
    [
        ("101", "101"),
        ("101@internal", "101"),
        ("101-mobile", "101"),
        ("255", "255"),
        ("299", None),
        ("1010", None),
        ("", None),
    ],
)
def test_an_extension_is_what_the_patterns_say(text: str, extension: str | None) -> None:
    assert LINES.extension(text) == extension


@pytest.mark.parametrize(
    ("pattern", "fits", "not_"),
    [("1XX", "199", "1999"), ("_NXX", "299", "199"), ("_Z.", "12345", "0123"), ("9!", "9", "8"), ("*8X", "*81", "8X")],
)
def test_patterns_mean_what_the_dialplan_means(pattern: str, fits: str, not_: str) -> None:
    assert asterisk_pattern(pattern).fullmatch(fits) and not asterisk_pattern(pattern).fullmatch(not_)


@pytest.mark.parametrize(
    ("dial_string", "number"),
    [
        ("79161234567@trunk-main", "79161234567"),
        ("trunk-main/79161234567", "79161234567"),
        ("trunk-main/sip:+79161234567@1.2.3.4", "+79161234567"),
        ("g1/79161234567", "79161234567"),
        ("101", "101"),
        ("PJSIP/reception", ""),
        ("", ""),
    ],
)
def test_the_dialled_number_is_found_in_every_drivers_dial_string(dial_string: str, number: str) -> None:
    assert dialled_number(dial_string) == number
