"""The README's first command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.asterisk

ROOT = Path(__file__).parents[2]


def test_the_demo_ends_by_itself_and_well() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "vagrant" / "demo.py"], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "called_back (answered)",
        "client_called (client_returned)",
        "failed (client_no_answer)",
        "The story of",
    ):
        assert words in done.stdout
