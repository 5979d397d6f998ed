"""A journal of its own for each test; after it, what must be true at any moment is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rows import GROUND, NOON, SALES, check_invariants

from asterisk_missed.journal import rulebook
from asterisk_missed.journal.journal import Journal


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with one rule, made once."""
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    opened = Journal.open(f"sqlite:///{path}", "pbx1")
    rulebook.replace(opened, [SALES], "tester", GROUND, NOON)
    opened.database.engine.dispose()  # its log goes into the file
    return path


@pytest.fixture
def journal(tmp_path: Path, empty: Path) -> Iterator[Journal]:
    shutil.copy(empty, tmp_path / "journal.db")
    opened = Journal.open(f"sqlite:///{tmp_path}/journal.db", "pbx1")
    yield opened
    check_invariants(opened)
