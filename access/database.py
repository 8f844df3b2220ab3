"""Opens the control database, SQLite or PostgreSQL, at the one schema this program knows.

A new database is made whole; an older one is brought up by the Alembic migrations beside this file,
inside one transaction; one of an unknown version is refused untouched. Writers are one at a time on
both engines, so that a check and the change it allows see one state. Tables are `tables`'.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlmodel import Session, SQLModel, create_engine, select

from access.driver import BUSY_SECONDS, WRITERS_LOCK, Charging, Finding
from access.errors import StoreUnavailable, UnknownSchema
from access.tables import SCHEMA_VERSION, TABLES, SchemaRow
from schemas.errors import InvalidInput
from schemas.messages import Message

_BACKENDS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}


class Database:
    """One engine. Methods block: call them off the event loop where they write."""

    def __init__(self, url: str) -> None:
        """Raises `StoreUnavailable` or `UnknownSchema`."""
        self._engine = _engine(url)
        self._writer = self._engine.execution_options(writes=True)
        self._grouped = self._engine.execution_options(writes=True, grouped=True)
        # Grows with every change made through here: what was read before may be out of date.
        self.changes = 0
        self._charging = Charging(self._engine)
        self._finding = Finding(self._engine)
        try:
            with _available(), self._writer.begin() as connection:
                _bring_up(connection)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._charging.close()
        self._finding.close()
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Generator[Session]:
        with _available(), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Generator[Session]:
        """One transaction: committed at the end of the block, undone if the block raises."""
        with _available(), Session(self._writer) as session, session.begin():
            yield session
        self.changes += 1

    @contextmanager
    def looking(self) -> Generator[Connection]:
        """`reading` without objects, at a third of the cost."""
        with _available(), self._engine.connect() as connection:
            yield connection

    def find(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """The rows of one short question through the driver alone, as they are now: a tenth of
        what `looking` costs, for what every release waits for. `:names` stand for the values."""
        return self._finding.rows(statement, values)

    @contextmanager
    def noting(self) -> Generator[Connection]:
        """`writing` without objects, for what may be lost with the machine's power but not with
        the process: handed to the operating system at the end of the block, on disk a little
        later. Nobody's view of the other tables changes by it."""
        with _available(), self._grouped.begin() as connection:
            yield connection

    @contextmanager
    def charging(self) -> Generator[Charging]:
        """`noting` through the driver alone, at a third of the cost: one at a time in a process,
        for what every answer waits for."""
        with self._charging.turn():
            yield self._charging


@contextmanager
def _available() -> Generator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as problem:
        raise StoreUnavailable(
            Message("The node's control database can't be used now."),
            detail=type(problem.orig).__name__,
        ) from problem
    except DataError as problem:  # PostgreSQL has no NUL in a text, where SQLite has
        raise InvalidInput(
            Message("A name or a text has a character that cannot be kept.")
        ) from problem
    except DBAPIError as problem:
        if not problem.connection_invalidated:
            raise
        raise StoreUnavailable(
            Message("The node's control database went away."), detail=type(problem.orig).__name__
        ) from problem


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        parsed = parsed.set(drivername=_BACKENDS[backend])
    except (ArgumentError, KeyError) as problem:
        raise StoreUnavailable(
            Message("The control database must be a sqlite: or postgresql: address.")
        ) from problem
    if backend == "postgresql":
        arguments = {"connect_timeout": BUSY_SECONDS, "client_encoding": "utf8"}
        engine = create_engine(parsed, pool_pre_ping=True, connect_args=arguments)
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    engine = create_engine(
        parsed, connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin in _begin_sqlite, not in the driver
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    if _writes(connection):
        durably = "NORMAL" if _grouped(connection) else "FULL"
        connection.exec_driver_sql(f"PRAGMA synchronous={durably}")
    # A writer takes the lock at once: its checks and its changes see one state.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if _writes(connection):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")
    if _grouped(connection):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("writes", False))


def _grouped(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("grouped", False))


def _bring_up(connection: Connection) -> None:
    tables = set(inspect(connection).get_table_names())
    ours = {str(table.__tablename__) for table in TABLES}
    if not tables & (ours | {"access_schema"}):
        SQLModel.metadata.create_all(
            connection, tables=[SQLModel.metadata.tables[name] for name in ours]
        )
        session = Session(connection)
        session.add(SchemaRow(version_num=SCHEMA_VERSION))
        session.flush()
    elif _version(connection, tables) != SCHEMA_VERSION:
        # Rarely needed and slow to import, so only here.
        from access.migrations import upgrade

        upgrade.run(connection, _version(connection, tables))


def _version(connection: Connection, tables: set[str]) -> str:
    """Of the first version there is no row yet: it kept its number in another table."""
    if "alembic_version" not in tables:
        return "0001"
    row = Session(connection).exec(select(SchemaRow)).first()
    if row is None:
        raise UnknownSchema(Message("The control database does not say of which version it is."))
    return row.version_num
