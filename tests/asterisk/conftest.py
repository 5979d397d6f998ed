"""A real PBX for the tests of this folder: one lab for each worker, or the one named in ASTERISK_MISSED_LAB."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "vagrant"))
sys.path.insert(0, str(Path(__file__).parent))

from lab import Lab


@pytest.fixture(scope="session")
def worker() -> str:
    """This worker of xdist: labs of two workers stand side by side."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def lab(worker: str) -> Iterator[Lab]:
    """A lab that is up. One that was named is used as it is, and left."""
    if name := os.environ.get("ASTERISK_MISSED_LAB"):
        yield Lab.attach(name)
        return
    made = Lab(f"test-{worker}").up()
    yield made
    made.down()
