"""Talks to the control database through its driver alone, where SQLAlchemy's cost would be felt.

A connection is kept for one statement after another, in one thread at a time; one that fails is
dropped, and the next statement has another. Engines, schema and all other work are `database`'s.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Engine, PoolProxiedConnection

from access.errors import StoreUnavailable
from schemas.errors import InvalidInput
from schemas.messages import Message

BUSY_SECONDS = 5
WRITERS_LOCK = 0x536B657272  # «Skerr»: any number, the same for every process of a node


class _Line:
    """A connection of the driver's that is opened when it is wanted. Not thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._connection: PoolProxiedConnection | None = None
        self.driver: Any = None

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def open(self) -> None:
        self._connection = self._engine.raw_connection()
        self.driver = self._connection.driver_connection

    def run(self, statement: str, values: Mapping[str, object]) -> Any:
        return self.driver.execute(
            statement if self.is_sqlite else _in_pyformat(statement), dict(values)
        )

    def drop(self) -> None:
        """And what was begun with it."""
        if self._connection is not None:
            self._connection.invalidate()
        self._connection = self.driver = None


class Finding:
    """Answers questions of one statement, each with what is committed when it is asked."""

    def __init__(self, engine: Engine) -> None:
        self._lock = threading.Lock()
        self._line = _Line(engine)
        self._driver = engine.dialect.loaded_dbapi

    def rows(self, statement: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Raises StoreUnavailable, and InvalidInput for a text that PostgreSQL cannot have."""
        with self._lock:
            was_open = self._line.is_open
            try:
                return self._rows(statement, values)
            except self._driver.DataError as problem:
                raise InvalidInput(
                    Message("A name or a text has a character that cannot be kept.")
                ) from (problem)
            except self._driver.Error as problem:
                if not was_open:
                    raise _unavailable(problem) from problem
            try:  # the database may have been started anew since the last question
                return self._rows(statement, values)
            except self._driver.Error as problem:
                raise _unavailable(problem) from problem

    def close(self) -> None:
        with self._lock:
            self._line.drop()

    def _rows(self, statement: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        try:
            if not self._line.is_open:
                self._line.open()
                if not self._line.is_sqlite:
                    self._line.driver.autocommit = True
            found: list[tuple[Any, ...]] = self._line.run(statement, values).fetchall()
        except BaseException:
            self._line.drop()
            raise
        return found


class Charging:
    """Transactions that write, one at a time."""

    def __init__(self, engine: Engine) -> None:
        self._lock = threading.Lock()
        self._line = _Line(engine)
        self._error = engine.dialect.loaded_dbapi.Error

    def run(self, statement: str, **values: object) -> Any:
        """A statement with `:names`; the driver's cursor. Within a turn."""
        return self._line.run(statement, values)

    @contextmanager
    def turn(self) -> Generator[None]:
        with self._lock:
            try:
                self._begin_anew()
                yield
                self._line.driver.commit()
            except self._error as problem:
                self._line.drop()
                raise _unavailable(problem) from problem
            except BaseException:
                self._line.drop()
                raise

    def close(self) -> None:
        with self._lock:
            self._line.drop()

    def _begin_anew(self) -> None:
        """Also where the database was started anew since the last turn. One that is busy is not
        waited for twice."""
        was_open = self._line.is_open
        try:
            self._begin()
        except self._error:
            if not was_open or self._line.is_sqlite:
                raise
            self._line.drop()
            self._begin()

    def _begin(self) -> None:
        line = self._line
        if not line.is_open:
            line.open()
            if line.is_sqlite:
                line.driver.execute("PRAGMA synchronous=NORMAL")
        if line.is_sqlite:
            line.driver.execute("BEGIN IMMEDIATE")
            return
        line.driver.execute(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
        line.driver.execute(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")
        line.driver.execute("SET LOCAL synchronous_commit = off")


def _unavailable(problem: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        Message("The node's control database can't be used now."), detail=type(problem).__name__
    )


@cache
def _in_pyformat(statement: str) -> str:
    return re.sub(r":([a-z]+)", r"%(\1)s", statement)
