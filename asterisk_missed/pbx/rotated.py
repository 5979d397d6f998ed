"""Whole lines of a file that grows and is rotated: read on from a place, nothing twice, nothing left out in silence.

Touches files and nothing else. Asterisk opens its logs anew for every row or when logrotate tells it; in both cases a file
that was renamed keeps its inode, and `Place` finds it by that.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

Row = TypeVar("Row")

# Bytes of the longest line that can be a row. Asterisk cuts each field at 4,095, so that a row of CEL has 60,000 at most.
LONGEST = 65_536
_PACKED = (".gz", ".xz", ".bz2", ".zst")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row begins, or where reading goes on: a file's inode, and bytes from its beginning."""

    inode: int
    offset: int


class RotatedFile(Generic[Row]):
    """Reads rows on from a place; ``place`` is where the next reading begins.

    ``parse`` makes a row of a line and its place, None of what is none. ``broken`` counts the latter, ``warnings`` says
    what is known to be lost: both since this reader was made.
    """

    def __init__(self, path: Path, parse: Callable[[bytes, Place], Row | None], place: Place | None = None) -> None:
        self.path = path
        self.place = place
        self.broken = 0
        self.warnings: list[str] = []
        self._parse = parse

    def rows(self) -> Iterator[Row]:
        """Every whole row from the place on. ``place`` moves with every row that is given out; it is behind the last one
        when the iterator ends. Memory does not grow with the file."""
        for path, offset in self._parts():
            try:
                file = path.open("rb")
            except FileNotFoundError:  # rotated this moment: the next reading finds it
                return
            with file:
                yield from self._rows_of(file, offset)

    # --- which files

    def _parts(self) -> list[tuple[Path, int]]:
        """What is to be read, in order: (file, offset to begin at)."""
        now = _stat(self.path)
        if self.place is None:
            return [(self.path, 0)] if now else []
        if now and now.st_ino == self.place.inode:
            return self._same_file(now.st_size, self.place.offset)
        parts = self._renamed(self.place)
        return [*parts, (self.path, 0)] if now else parts

    def _same_file(self, size: int, offset: int) -> list[tuple[Path, int]]:
        if size >= offset and _ends_a_line(self.path, offset):
            return [(self.path, offset)]
        # Emptied in place (copytruncate): its copy has the same bytes, and those that were not read yet.
        copies = [p for p in _siblings(self.path) if _size(p) >= offset and _ends_a_line(p, offset)]
        if not copies:
            self.warnings.append(f"{self.path}: it was emptied; what had not been read of it is lost")
        return [*((p, offset) for p in copies[-1:]), (self.path, 0)]

    def _renamed(self, place: Place) -> list[tuple[Path, int]]:
        """The rest of the file that was read, under its new name, and those that came after it."""
        siblings = _siblings(self.path)
        ours = next((i for i, p in enumerate(siblings) if _inode(p) == place.inode), None)
        if ours is not None:
            return [(siblings[ours], place.offset), *((p, 0) for p in siblings[ours + 1 :])]
        packed = sorted((p for p in _all_siblings(self.path) if p.suffix in _PACKED), key=_mtime)
        where = f"; it may be {packed[-1]}" if packed else ""
        self.warnings.append(f"{self.path}: the file that was read is gone, and what had not been read of it{where}")
        since = _mtime(packed[-1]) if packed else math.inf
        return [(p, 0) for p in siblings if _mtime(p) >= since]

    # --- the rows of one

    def _rows_of(self, file: BinaryIO, offset: int) -> Iterator[Row]:
        inode = os.fstat(file.fileno()).st_ino
        self.place = Place(inode, offset)
        file.seek(offset)
        for begins, ends, line in _lines(file, offset):
            row = self._parse(line, Place(inode, begins))
            self.place = Place(inode, ends)
            if row is not None:
                yield row
            else:
                self.broken += 1


def _lines(file: BinaryIO, offset: int) -> Iterator[tuple[int, int, bytes]]:
    """Whole lines: (where it begins, where it ends, at most `LONGEST` bytes of it)."""
    while line := file.readline(LONGEST):
        ends, rest = offset + len(line), line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST)
            ends += len(rest)
        if not rest:  # it is being written
            return
        yield offset, ends, line
        offset = ends


# --- files


def oldest(path: Path, since: datetime) -> Place | None:
    """Where to begin in order to read everything since then that is still there unpacked; None: at the file itself."""
    reaching = [p for p in _siblings(path) if _mtime(p) >= since.timestamp()]
    return Place(_inode(reaching[0]), 0) if reaching else None


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _mtime(path: Path) -> float:
    found = _stat(path)
    return found.st_mtime if found else 0.0


def _size(path: Path) -> int:
    found = _stat(path)
    return found.st_size if found else 0


def _inode(path: Path) -> int:
    found = _stat(path)
    return found.st_ino if found else 0


def _all_siblings(path: Path) -> list[Path]:
    """What the file may have been renamed or copied to."""
    return [p for p in path.parent.glob(f"{path.name}*") if p.name[len(path.name) :][:1] in (".", "-") and p.is_file()]


def _siblings(path: Path) -> list[Path]:
    """Those that can be read, oldest first (by the last writing to it)."""
    return sorted((p for p in _all_siblings(path) if p.suffix not in _PACKED), key=_mtime)


def _ends_a_line(path: Path, offset: int) -> bool:
    """Whether a row may begin there: the byte before is a line's end."""
    if offset == 0:
        return True
    try:
        with path.open("rb") as file:
            file.seek(offset - 1)
            return file.read(1) == b"\n"
    except FileNotFoundError:
        return False
