"""What Asterisk wrote to files while nobody listened (CEL, CDR, the queues' log), and how it is made to write CEL.

Touches files and nothing else: no database, no socket, no clock. Rows go out as values; what they mean is `calls.history`
and `calls.cdr`.

Sources: configs/samples/cel.conf.sample and cel_custom.conf.sample; cdr/cdr_csv.c; app_queue.c. Measured on 16.28 and 22.10:
a row of CEL is written whole, as it happens; the file is opened anew for each, so that a rename needs no reload.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path

from ..calls.cdr import CdrRow, QueueEntry
from ..calls.history import EVENTS, CelRow
from .rotated import Place, RotatedFile

# The mapping's name is the file's, in astlogdir/cel-custom. Asterisk does not make that folder: without it every row is lost.
MAPPING = "asterisk-missed.csv"

# Applications in which a caller can be lost, or which ring somebody. `all` is no word for all of them.
APPS = (
    *("dial", "retrydial", "queue", "followme", "page", "voicemail", "park", "parkandannounce", "confbridge", "meetme"),
    *("background", "waitexten", "read", "playback", "controlplayback", "congestion", "busy"),
)

# What a field of a row may hold: no control character, so that a row is a line. A number is of what can be dialled.
_PRINTABLE = r"\x20-\x7e\x80-\xff"
_DIALLED = "0-9+*#"


def cel_conf(apps: Iterable[str] = (), events: Iterable[str] = ()) -> str:
    """The whole of cel.conf: what is written, not where. ``apps``, ``events``: what another back-end needs besides."""
    all_apps = dict.fromkeys([*APPS, *(a.lower() for a in apps)])
    all_events = dict.fromkeys([*EVENTS, *(e.upper() for e in events)])
    return f"[general]\nenable = yes\napps = {','.join(all_apps)}\nevents = {','.join(all_events)}\n"


def cel_custom_mapping(name: str = MAPPING) -> str:
    """The line below ``[mappings]`` of cel_custom.conf. An absolute path as ``name`` is taken as it is."""
    return f"{name} => {','.join(_fields())}\n"


def _fields() -> Iterator[str]:
    """In the order in which `_cel_row` takes them apart.

    The number is followed by the length that it had, so that one with a letter taken out is not somebody else's number. The
    last, the time of writing, stands in where cel.conf has a ``dateformat`` (without one, eventtime is unix seconds).
    """
    yield _quoted("${eventtype}")
    yield _quoted("${eventtime}")
    yield _quoted(_only(_PRINTABLE, "${CHANNEL(uniqueid)}"))
    yield _quoted(_only(_PRINTABLE, "${CHANNEL(linkedid)}"))
    yield _quoted(_only(_PRINTABLE, "${CHANNEL(channame)}"))
    yield _quoted(_only(_DIALLED, "${CALLERID(num)}"))
    yield _quoted("${LEN(${CALLERID(num)})}")
    yield _quoted(_only(_PRINTABLE, "${CALLERID(name)}"))
    yield _quoted(_only(_PRINTABLE, "${CHANNEL(exten)}"))
    yield _quoted(_only(_PRINTABLE, "${CHANNEL(context)}"))
    yield _quoted(_only(_PRINTABLE, "${CHANNEL(appname)}"))
    yield _quoted(_only(_PRINTABLE, "${CHANNEL(appdata)}"))
    yield _quoted(_only(_PRINTABLE, "${eventextra}"))
    yield _quoted("${STRFTIME(,UTC,%s.%6q)}")


def _quoted(expression: str) -> str:
    return "${CSV_QUOTE(" + expression + ")}"


def _only(allowed: str, expression: str) -> str:
    return "${FILTER(" + allowed + "," + expression + ")}"


_COLUMNS = len(list(_fields()))


# --- the readers


class CelFile(RotatedFile[CelRow]):
    """Reads the file that `cel_custom_mapping` makes Asterisk write."""

    def __init__(self, path: Path, place: Place | None = None) -> None:
        super().__init__(path, _cel_row, place)


class CdrFile(RotatedFile[CdrRow]):
    """Reads Master.csv of cdr_csv. ``zone``: the PBX's own, or UTC where cdr.conf says ``usegmtime=yes``."""

    def __init__(self, path: Path, zone: tzinfo, place: Place | None = None) -> None:
        super().__init__(path, _cdr_parser(zone), place)


class QueueLog(RotatedFile[QueueEntry]):
    """Reads queue_log."""

    def __init__(self, path: Path, place: Place | None = None) -> None:
        super().__init__(path, _queue_entry, place)


def _columns(line: bytes) -> list[str]:
    """A row of quoted csv taken apart; empty where it is none."""
    try:
        return next(csv.reader([line.decode(errors="replace").rstrip("\r\n")], strict=True), [])
    except csv.Error:
        return []


# A row that was cut by a power cut has the next one behind it on its line. A quote within a field is doubled, so that a
# caller's text cannot look so.
_BEGIN = re.compile(rb'"[A-Z_]+","[^"]+","(?!")')


def _cel_row(line: bytes, place: Place) -> CelRow | None:
    found = _whole_cel_row(line, place)
    if found is None:
        *_, last = (0, *(match.start() for match in _BEGIN.finditer(line)))
        found = _whole_cel_row(line[last:], place) if last else None
    return found


def _whole_cel_row(line: bytes, place: Place) -> CelRow | None:
    columns = _columns(line)
    if len(columns) != _COLUMNS:
        return None
    event, at, uniqueid, linkedid, channel, caller, length, name, exten, context, app, data, extra, written = columns
    seconds = _seconds(at) or _seconds(written)
    if seconds is None or not (event and uniqueid and channel):
        return None
    caller = caller if length == str(len(caller)) else ""
    who = (uniqueid, linkedid, channel, caller, name)
    return CelRow(event, seconds, *who, exten, context, app, data, _extra(extra), place)


def _seconds(text: str) -> float | None:
    """Unix seconds; None where it is no such number."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds < 1e11 else None


def _extra(text: str) -> dict[str, object]:
    """The JSON of an event; empty where there is none or it was cut."""
    try:
        extra = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return extra if isinstance(extra, dict) else {}


def _cdr_parser(zone: tzinfo) -> Callable[[bytes, Place], CdrRow | None]:
    """Columns of cdr_csv.c (build_csv_record): the Uniqueid only with ``loguniqueid=yes``, and then the last or next to it."""

    def parse(line: bytes, place: Place) -> CdrRow | None:
        columns = _columns(line)
        if len(columns) < 16:
            return None
        _, src, dst, _, clid, channel, dstchannel, application, data, start = columns[:10]
        try:
            began = datetime.strptime(start, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone).timestamp()
            duration, billsec = float(columns[12]), float(columns[13])
        except ValueError:
            return None
        ends = (channel, dstchannel, application, data, duration, billsec)
        uniqueid = columns[16] if len(columns) > 16 else ""
        return CdrRow(began, src, _name(clid), dst, *ends, columns[14], uniqueid)

    return parse


def _name(clid: str) -> str:
    """The name in ``"Anna" <7916...>``."""
    return clid.rpartition("<")[0].strip().removeprefix('"').removesuffix('"')


def _queue_entry(line: bytes, place: Place) -> QueueEntry | None:
    """``time|callid|queue|member|verb|...``; time is whole seconds, or has a fraction where logger.conf says so."""
    parts = line.decode(errors="replace").rstrip("\r\n").split("|")
    seconds = _seconds(parts[0]) if len(parts) >= 5 else None
    if seconds is None:
        return None
    _, callid, queue, member, verb, *more = parts
    talk = more[1] if verb.startswith("COMPLETE") and len(more) > 1 else ""  # after the time that he waited
    talked = float(talk) if talk.isascii() and talk.isdigit() else None
    return QueueEntry(seconds, callid, queue, member, verb, talked)
