"""Rules of every shape, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from asterisk_missed.rules.rule import Rule

ZONES = (
    "Europe/Moscow",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Auckland",
)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def seconds(least: int, most: int) -> st.SearchStrategy[str]:
    return st.integers(least, most).map(lambda n: f"{n}s")


extensions = st.lists(st.from_regex(r"\A[0-9]{2,5}\Z"), min_size=1, max_size=9, unique=True)
minutes = st.integers(0, 1439).map(lambda m: f"{m // 60:02}:{m % 60:02}")
times = st.tuples(minutes, minutes).filter(lambda pair: pair[0] != pair[1]).map("-".join)
spans = st.fixed_dictionaries(
    {"days": st.lists(st.sampled_from(DAYS), min_size=1).map(",".join)}, optional={"time": times}
)
dates = (
    st.dates()
    .map(lambda day: day.isoformat())
    .map(lambda day: f"2026{day[4:]}" if day[5:] != "02-29" else "2026-03-01")
)
sources = st.one_of(
    st.fixed_dictionaries({"queue": st.sampled_from(("sales", "a.b-c"))}),
    st.fixed_dictionaries({"did": st.just("74951234567")}),
    st.fixed_dictionaries({"trunk": st.just("trunk-main")}),
    st.fixed_dictionaries({"extension": extensions}),
)
dispatchers = st.fixed_dictionaries(
    {"to": extensions},
    optional={
        "greeting": st.one_of(st.none(), st.just("missed/hello")),
        "music": st.just("jazz"),
        "voicemail_after": st.one_of(st.none(), seconds(1, 600)),
        "mailbox": st.one_of(st.none(), st.just("100@default")),
    },
)
connects = st.one_of(
    st.fixed_dictionaries({"queue": st.just("sales")}),
    st.fixed_dictionaries({"extensions": extensions}),
    st.fixed_dictionaries({"dispatcher": dispatchers}),
)
titles = st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=40).filter(
    lambda text: text.strip() and text.isprintable()
)
whens: dict[str, st.SearchStrategy[Any]] = {
    "delay": seconds(0, 100_000),
    "hours": st.lists(spans, max_size=3),
    "holidays": st.one_of(st.none(), st.sampled_from(("RU", "DE-BY")), st.lists(dates, min_size=1, max_size=3)),
    "timezone": st.one_of(st.none(), st.sampled_from(ZONES)),
    "outside_hours": st.sampled_from(("wait", "skip")),
    "retry": st.fixed_dictionaries(
        {}, optional={"attempts": st.integers(1, 20), "busy": seconds(1, 9_999), "expire": seconds(60, 200_000)}
    ),
}


def rules(slug: str = "sales", **fixed: Any) -> st.SearchStrategy[Rule]:
    """Any rule of that slug; ``fixed`` fields are as given."""
    asked = {
        "slug": slug,
        "source": sources,
        "first": st.sampled_from(("employee", "client")),
        "connect": connects,
    } | fixed
    required = {k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in asked.items()}
    optional = whens | {
        "title": titles,
        "enabled": st.booleans(),
        "pbx": st.one_of(st.none(), st.just("pbx1")),
        "ring": st.fixed_dictionaries({}, optional={"employee": seconds(1, 600), "client": seconds(1, 600)}),
        "confirm": st.fixed_dictionaries({"employee": st.booleans(), "client": st.booleans()}),
        "caller_id": st.one_of(st.none(), st.just("+74951234567")),
        "dial": st.one_of(st.none(), st.just("Local/{number}@out/n")),
        "at_once": st.integers(1, 1_000),
    }
    optional = {name: strategy for name, strategy in optional.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional).map(Rule.read)
