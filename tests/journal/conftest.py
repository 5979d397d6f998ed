"""A journal of its own for each test; after it, what must be true at any moment is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rows import NOON, SALES, check_invariants

from asterisk_missed.journal.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(f"sqlite:///{tmp_path}/journal.db", "pbx1")
    opened.replace_rules([SALES], "tester", NOON)
    yield opened
    check_invariants(opened)
