"""The database under the journal: opened, checked, upgraded; one kind of transaction to read and one to write.

Synchronous SQLAlchemy; the daemon comes here through one worker thread. Nothing above this room sees SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError

# How long a writer waits for another one (the command line, the panel) before it says that the database is locked.
BUSY_SECONDS = 15


class JournalUnreachable(Exception):
    """The database cannot be opened, read or written now; one line that says which and why."""


class Database:
    """One journal database. Closed and reopened by SQLAlchemy's pool as needed.

    ``own``: False for somebody else's, of which only rows are read, and nothing is set.
    """

    def __init__(self, url: str, *, own: bool = True) -> None:
        try:
            self.url = make_url(url)
            self.engine = _engine(self.url) if own else create_engine(self.url)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise JournalUnreachable(f"database: {_shown(url)}: {str(error).splitlines()[0]}") from None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: it never waits for a writer (SQLite is in WAL mode)."""
        with self._transaction(self.engine) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: begun as the only writer, so that it cannot fail half way for want of the lock."""
        with self._transaction(self.engine.execution_options(journal_writes=True)) as connection:
            yield connection

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            if isinstance(error, (IntegrityError, DataError)):  # it answers: asking again would change nothing
                raise
            raise JournalUnreachable(f"database: {self._shown()}: {_reason(error)}") from error

    def _shown(self) -> str:
        return self.url.render_as_string(hide_password=True)

    # --- migrations

    def ready(self) -> None:
        """Make the tables in an empty database; refuse one that is older or newer than this program."""
        self._check_folder()
        with self.reading() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
            empty = found is None and not inspect(connection).get_table_names()
        if empty:
            self.upgrade()
        elif found != self.head():
            raise JournalUnreachable(
                f"database: {self._shown()}: its tables are of version {found}, this program's of {self.head()}: "
                "run `asterisk-missed db upgrade`"
            )

    def upgrade(self) -> tuple[str | None, str]:
        """Bring the tables to this program's version; returns (version before, version after)."""
        self._check_folder()
        with self.reading() as connection:
            before = MigrationContext.configure(connection).get_current_revision()
        with self.writing() as connection:
            config = _alembic()
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
        return before, self.head()

    def head(self) -> str:
        """The version of the tables that this program works with."""
        return ScriptDirectory.from_config(_alembic()).get_current_head() or ""

    def _check_folder(self) -> None:
        """SQLite's own message for a missing folder names neither file nor folder."""
        if self.url.get_backend_name() == "sqlite" and self.url.database not in (None, "", ":memory:"):
            folder = Path(self.url.database or "").absolute().parent
            if not folder.is_dir():
                raise JournalUnreachable(f"database: {self._shown()}: there is no folder {folder}")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours to say
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred BEGIN that writes after it has read fails at once when somebody else wrote in between.
        writes = connection.get_execution_options().get("journal_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _alembic() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _reason(error: DBAPIError) -> str:
    text = str(error.orig).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _shown(url: str) -> str:
    return url.split("@")[-1] if "@" in url else url
