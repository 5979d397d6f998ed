"""The product as a wheel of this checkout, built once for each state of the files."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path

import lab_base as bases

# What is part of the product: a change in it makes a new wheel.
SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "asterisk_missed", "conf", "dialplan", "sounds")


def wheel_of_checkout(root: Path) -> Path:
    """The wheel of the checkout as it stands, built in this file tree unless it was built before."""
    inside = root / bases.INSIDE
    _copy_sources(inside / "checkout")
    kept = bases.CACHE / "wheels" / _digest(inside / "checkout")
    with bases.locked("wheels"):
        if not list(kept.glob("*.whl")):
            bases.provision(root, "wheel", f"/{bases.INSIDE}/checkout", f"/{bases.INSIDE}/built")
            shutil.rmtree(kept.parent, ignore_errors=True)  # only the newest is kept
            kept.parent.mkdir(parents=True)
            shutil.copytree(inside / "built", kept)
        # A copy, since another lab may replace what is kept.
        return Path(shutil.copy(next(kept.glob("*.whl")), inside / "checkout"))


def _copy_sources(to: Path) -> None:
    for name in SOURCES:
        source = bases.CHECKOUT / name
        for file in [source] if source.is_file() else source.rglob("*"):
            # Somebody may be at work in the checkout: what is gone since it was listed is left out.
            with suppress(FileNotFoundError):
                _copy(file, to / file.relative_to(bases.CHECKOUT))


def _copy(file: Path, to: Path) -> None:
    if file.is_file() and "__pycache__" not in file.parts:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, to)


def _digest(folder: Path) -> str:
    """A name for what is in the folder."""
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
