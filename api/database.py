"""The database: SQLite in the home folder by default, PostgreSQL by URL; what tables there are is said elsewhere.

Tables are created when they are missing. A database of another schema version is refused: working on it by guess could lose
jobs. Writing on SQLite begins with BEGIN IMMEDIATE, because a transaction that reads first and then has to wait for another
writer fails at once with "database is locked", whatever the busy timeout is.

Source: SQLite documentation, "Write-Ahead Logging" and "Transaction"; SQLAlchemy 2.1, "SQLite: transaction isolation".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import DateTime, Dialect, Engine, create_engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from provenance.errors import StorageError

SCHEMA_VERSION: Final = 1
BUSY_TIMEOUT_S: Final = 15.0


class Base(DeclarativeBase):
    """Base of every table class."""


class UtcDateTime(TypeDecorator[datetime]):
    """A time with a zone, kept in UTC; SQLite would drop the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC, on the way in."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone is no time")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """With UTC as zone, on the way out."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class SchemaVersionRow(Base):
    """The one row that says which tables to expect."""

    __tablename__ = "schema_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]


@dataclass(frozen=True, slots=True)
class Database:
    """An engine, and sessions on it; build with `open_database`."""

    engine: Engine
    _turn: AbstractContextManager[object] = field(default_factory=nullcontext, repr=False)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A session for writing, committed at the end, rolled back on an exception.

        Raises:
            StorageError: The database is out of reach, full or locked for longer than `BUSY_TIMEOUT_S`.
        """
        try:
            with self._turn, Session(self.engine, expire_on_commit=False) as session, session.begin():
                if self.engine.dialect.name == "sqlite":
                    session.connection().exec_driver_sql("BEGIN IMMEDIATE")
                yield session
        except DBAPIError as err:
            raise StorageError(f"the database failed: {err.orig}") from err

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading.

        Raises:
            StorageError: The database is out of reach.
        """
        try:
            with Session(self.engine, expire_on_commit=False) as session:
                yield session
        except DBAPIError as err:
            raise StorageError(f"the database failed: {err.orig}") from err

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def open_database(url: str | None, *, home: Path) -> Database:
    """Connect, create what is missing, and refuse a schema this code does not know.

    Args:
        url: SQLAlchemy URL; none: `assay.db` in `home`. "postgresql://" means psycopg.
        home: Folder of the default database, created when missing.

    Raises:
        StorageError: Out of reach, not a database, or of another schema version.
    """
    try:
        engine = _sqlite_engine(home) if url is None else _engine(url)
        # SQLite lets a writer who has to wait sleep for up to 100 ms; threads of one process need not go that far.
        database = Database(engine, Lock()) if engine.dialect.name == "sqlite" else Database(engine)
        Base.metadata.create_all(engine)
        with database.begin() as session:
            row = session.scalar(select(SchemaVersionRow))
            if row is None:
                session.add(SchemaVersionRow(id=1, version=SCHEMA_VERSION))
            elif row.version != SCHEMA_VERSION:
                raise StorageError(f"the database has schema version {row.version}, this program knows {SCHEMA_VERSION}")
    except (SQLAlchemyError, OSError, ImportError) as err:
        # SQLAlchemy adds the statement and an address to read about it; whoever starts the service needs the reason.
        reason = err.orig if isinstance(err, DBAPIError) else str(err).split("(Background on this error", 1)[0].strip()
        raise StorageError(f"could not open the database: {reason}") from err
    return database


def _sqlite_engine(home: Path) -> Engine:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _engine(f"sqlite:///{home / 'assay.db'}")


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as err:
        raise StorageError("database_url is not a SQLAlchemy URL") from err  # it may hold a password: not repeated
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, pool_size=10, max_overflow=20)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own class
    connection.isolation_level = None  # pysqlite would begin by itself, late and deferred
    cursor = connection.cursor()
    # With NORMAL a commit survives the death of the process; a loss of power may cost the last ones, never the database.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
