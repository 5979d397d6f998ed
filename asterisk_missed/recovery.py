"""What nobody heard, made up from what Asterisk wrote: CEL, else CDR with queue_log.

Reads through pbx/witness, judges through calls/history and calls/cdr, writes through the journal's verbs; every one of them
may be repeated, so that making up twice changes nothing. Blocking: the daemon runs it in a thread, the command line as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from .callbacks.plan import Ground
from .calls.call import Contact, EndedCall, utc
from .calls.cdr import CdrRow, calls_of
from .calls.history import History
from .calls.lines import Lines
from .calls.tracker import CallEnded, ContactEnded
from .config import Config
from .journal import gaps
from .journal.cdr_table import cdr_rows
from .journal.database import Database, JournalUnreachable
from .journal.gaps import Gap
from .journal.journal import Journal
from .pbx.rotated import Place, oldest
from .pbx.witness import CdrFile, CelFile, QueueLog
from .rules.guard import normalise
from .rules.rule import Rule

# Clocks of a call's end: the listener's, and that of the file. A call that ended so near a gap is looked at too.
SLACK = timedelta(seconds=2)
# A call that ended in a period began at most so long before it: so far back files are read.
LONGEST_CALL = timedelta(hours=24)
# Rows of the last minute are read again: who died within it had not written down what they tell. Seconds.
READ_AGAIN = 60.0


@dataclass(frozen=True, slots=True)
class Made:
    """What was made up: from which ``witness`` (`journal.gaps.Gap`), and how many missed calls were found, confirmed
    or taken back. ``warnings``: what could not be read, a line each."""

    witness: str
    recovered: int = 0
    confirmed: int = 0
    taken_back: int = 0
    warnings: tuple[str, ...] = ()

    def and_(self, other: Made) -> Made:
        """What CEL told, and what ``other`` told of the rest: ``part`` where that is nothing."""
        told = any(self.counts.values()) and other.witness == "none"
        return Made(
            "part" if told else other.witness,
            self.recovered + other.recovered,
            self.confirmed + other.confirmed,
            self.taken_back + other.taken_back,
            (*self.warnings, *other.warnings),
        )

    def of(self, gap: Gap) -> Gap:
        """The gap, made up."""
        counted = replace(gap, recovered=self.recovered, confirmed=self.confirmed, taken_back=self.taken_back)
        return replace(counted, witness=self.witness)

    @property
    def counts(self) -> dict[str, int]:
        """By name."""
        return {"recovered": self.recovered, "confirmed": self.confirmed, "taken_back": self.taken_back}


@dataclass(frozen=True, slots=True)
class MadeUp:
    """The gaps that were made up, with what was made of them."""

    gaps: tuple[Gap, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Testimony:
    """What a witness tells. ``since``: from when on, None where it tells nothing."""

    witness: str
    since: datetime | None
    calls: tuple[EndedCall, ...] = ()
    contacts: tuple[Contact, ...] = ()
    warnings: tuple[str, ...] = ()


class Recovery:
    """Makes up for one PBX's journal."""

    def __init__(self, config: Config, journal: Journal, ground: Ground) -> None:
        self.config = config
        self.journal = journal
        self.ground = ground
        self.lines = Lines(config.pbx.trunks, config.pbx.extensions)
        self.min_talk = config.calls.min_talk.total_seconds()

    def gaps(
        self, rules: Sequence[Rule], living: Collection[str] | None, at: datetime, now: datetime, *, listening: bool
    ) -> MadeUp:
        """Make up the gaps that are over.

        ``living``: the Uniqueids of the channels that Asterisk had at ``at``; None where that is not known, and then a
        call without an end is left for another time. ``listening``: nothing is going on unheard at this moment, so that
        what has been read need not be read again.
        """
        todo = gaps.unmade(self.journal)
        unheard = [gap.began_at for gap in todo if gap.why == gaps.UNHEARD]
        place = oldest(self.config.history.cel, min(unheard) - LONGEST_CALL) if unheard else self._kept()
        told, read = self._cel(living, at, place)
        done, warnings = list[Gap](), told.warnings
        for gap in todo:
            assert gap.ended_at is not None
            made = self._make_up(told, gap.began_at - SLACK, gap.ended_at + SLACK, rules, now)
            done.append(made.of(gap))
            warnings += made.warnings
        gaps.made_up(self.journal, done)
        if listening and read is not None:
            gaps.read_up_to(self.journal, str(self.config.history.cel), read.inode, read.offset)
        return MadeUp(tuple(done), tuple(dict.fromkeys(warnings)))

    def period(self, rules: Sequence[Rule], since: datetime, until: datetime, now: datetime) -> Made:
        """Make up what is missing in a period, from all that is still there of what Asterisk wrote."""
        told, _ = self._cel(None, now, oldest(self.config.history.cel, since - LONGEST_CALL))
        made = self._make_up(told, since, until, rules, now)
        return made

    # --- witnesses

    def _kept(self) -> Place | None:
        kept = gaps.place(self.journal, str(self.config.history.cel))
        return Place(*kept) if kept is not None else None

    def _cel(
        self, living: Collection[str] | None, at: datetime, place: Place | None
    ) -> tuple[_Testimony, Place | None]:
        """What CEL tells from a place on; and the place where the next reading begins."""
        file = CelFile(self.config.history.cel, place)
        lost_after_answer = self.config.calls.lost_after_answer == "missed"
        history = History(self.lines, min_talk=self.min_talk, lost_after_answer=lost_after_answer)
        order: dict[int, int] = {}  # of files, as they are read
        young: Place | None = None
        since = 0.0 if place is not None and place.offset else None  # it was read before, and written ever since
        happened: list[CallEnded | ContactEnded] = []
        for row in file.rows():
            assert isinstance(row.place, Place)
            order.setdefault(row.place.inode, len(order))
            if young is None and row.at > at.timestamp() - READ_AGAIN:
                young = row.place
            since = row.at if since is None else since
            happened += history.feed(row)
        if living is not None:
            happened += history.cut(living, at.timestamp())
        broken = (f"{file.path}: {file.broken} rows cannot be read",) if file.broken else ()
        told = _Testimony(
            "cel",
            utc(since) if since is not None else None,
            tuple(h.call for h in happened if isinstance(h, CallEnded)),
            tuple(h.contact for h in happened if isinstance(h, ContactEnded)),
            (*file.warnings, *broken),
        )
        # Whose call has just ended may not be written down yet, however long ago it began.
        ended = history.just_ended(at.timestamp() - READ_AGAIN)
        again = [p for p in (history.first_open(), young, *ended) if isinstance(p, Place)]
        return told, min(again, key=lambda p: (order.get(p.inode, 0), p.offset), default=file.place)

    def _cdr(self, since: datetime, until: datetime) -> _Testimony:
        rows, warnings = self._cdr_rows(since - LONGEST_CALL, until)
        if not rows:
            return _Testimony("none", None, warnings=warnings)
        log = self.config.history.queue_log
        entries = list(QueueLog(log, oldest(log, since - LONGEST_CALL)).rows()) if log.exists() else None
        found = calls_of(rows, entries, self.lines, self.min_talk)
        calls = tuple(call for call in found if isinstance(call, EndedCall))
        return _Testimony("cdr", since, calls, tuple(c for c in found if isinstance(c, Contact)), warnings)

    def _cdr_rows(self, since: datetime, until: datetime) -> tuple[list[CdrRow], tuple[str, ...]]:
        where, zone = self.config.history.cdr, self.config.general.zone
        if "://" not in where:
            file = CdrFile(Path(where), zone, oldest(Path(where), since))
            return [row for row in file.rows() if row.start >= since.timestamp()], tuple(file.warnings)
        try:
            return list(cdr_rows(Database(where, own=False), since, until, zone, self.config.history.cdr_table)), ()
        except JournalUnreachable as error:  # somebody else's database: its rows are missing, and that is said
            return [], (f"call detail records: {error}",)

    # --- writing down

    def _make_up(self, cel: _Testimony, since: datetime, until: datetime, rules: Sequence[Rule], now: datetime) -> Made:
        made = self._write_down(cel, since, until, rules, now)
        if cel.since is not None and cel.since <= since:
            return made
        cdr = self._cdr(since, until)
        if cel.since is not None:  # CEL was not on then; of whoever came in later it knows better
            known = {call.linkedid for call in cel.calls}
            before = tuple(c for c in cdr.calls if c.started_at < cel.since and c.linkedid not in known)
            cdr = replace(cdr, calls=before, contacts=tuple(c for c in cdr.contacts if c.at < cel.since))
        return made.and_(self._write_down(cdr, since, until, rules, now))

    def _write_down(
        self, told: _Testimony, since: datetime, until: datetime, rules: Sequence[Rule], now: datetime
    ) -> Made:
        """Contacts first: a missed call that was followed by one needs no callback."""
        for contact in told.contacts:
            number = normalise(contact.number, self.ground.country)
            ended = contact.at + timedelta(seconds=contact.talk or 0.0)
            if number is not None and ended >= since and contact.at <= until:
                self.journal.contact(contact, number, now)
        counts = dict.fromkeys(("recovered", "confirmed", "taken_back", "known"), 0)
        for call in sorted(told.calls, key=lambda call: call.ended_at):
            if since <= call.ended_at <= until:
                counts[self._enter(call, rules, now, told.witness)] += 1
        return Made(told.witness, counts["recovered"], counts["confirmed"], counts["taken_back"], told.warnings)

    def _enter(self, call: EndedCall, rules: Sequence[Rule], now: datetime, witness: str) -> str:
        if call.missed is not None:
            return self.journal.recover(call, rules, self.ground, now, witness) or "known"
        return "taken_back" if self.journal.take_back(call.linkedid) else "known"
