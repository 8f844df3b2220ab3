"""The control database on both engines: made, brought up from every version, restored."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text
from sqlmodel import SQLModel

from access.database import Database
from access.errors import StoreUnavailable, UnknownSchema
from access.migrations import upgrade
from access.requests.lifecycle import AccessRequest, State
from access.store import Store
from access.tables import SCHEMA_VERSION
from tests.support.access_node import NOW, at
from tests.support.postgres import PostgreSQL


@dataclass
class Control:
    """A database by its address, and as the engine that looks at it from outside."""

    url: str

    def engine(self) -> Engine:
        return create_engine(self.url.replace("postgresql:", "postgresql+psycopg:"))

    def run(self, *statements: str, **values: object) -> None:
        engine = self.engine()
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement), values)
        engine.dispose()

    def at_version(self, version: str) -> None:
        """Empty but for what that version's program made and kept."""
        engine = self.engine()
        with engine.begin() as connection:
            command.upgrade(upgrade.config(connection), version)
        engine.dispose()
        if version == "0001":
            self.run("DROP TABLE alembic_version", "INSERT INTO access_schema VALUES (1, 1)")
        self.run(
            "INSERT INTO access_request (request_id, requester, dataset, project, purpose, "
            "workspace, months, state, created, updated) VALUES "
            "('req-1', :who, 'ds1', 'p', 'why', 'ws', 6, 'draft', :now, :now)",
            who=at("grace"),
            now=NOW,
        )

    def differences(self) -> list[object]:
        engine = self.engine()
        with engine.connect() as connection:
            found = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
        engine.dispose()
        return list(found)


@pytest.fixture(params=["sqlite", "postgresql"])
def control(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Control]:
    if request.param == "sqlite":
        yield Control(f"sqlite:///{tmp_path / 'control.db'}")
    else:
        yield Control(request.getfixturevalue("postgresql").new_database())


VERSIONS = [one.revision for one in ScriptDirectory.from_config(upgrade.config()).walk_revisions()]


def test_the_version_of_this_program_is_the_last_revision() -> None:
    assert VERSIONS[0] == SCHEMA_VERSION


# Columns of each version, as `columns` tells them. A database may be of any of them by now: what
# was once made is changed by a revision after it, and a new line comes below the last.
MADE = {
    "0001": "dc8bb6ccd2bab9b1", "0002": "0b7ee9c7ad80516f", "0003": "53b1e4fda74fa7b4",
    "0004": "1d867c3639eaff50", "0005": "cd68accadce96b48", "0006": "586727ce6ac82ced",
    "0007": "e47d1a0bd8c1efcf", "0008": "beda7f1d411b823b", "0009": "e7242c6da9343e86",
    "0010": "15c66826c845c234", "0011": "1aa8157f7e4e09e2", "0012": "a19cb419850c5ed2",
}  # fmt: skip


def columns(path: Path) -> str:
    """A digest of the names, types and keys of all tables."""
    with closing(sqlite3.connect(path)) as db:
        held = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        told = {
            name: [[*row[1:4], row[5]] for row in db.execute(f"PRAGMA table_info({name})")]
            for (name,) in held
            if name != "alembic_version" and not name.startswith("sqlite_")
        }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_revision_once_made_is_never_changed(tmp_path: Path, version: str) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'control.db'}")
    with engine.begin() as connection:
        command.upgrade(upgrade.config(connection), version)
    engine.dispose()
    assert columns(tmp_path / "control.db") == MADE[version]


def test_a_new_database_is_what_the_revisions_would_have_made(control: Control) -> None:
    Store(control.url).close()
    assert control.differences() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_from_every_version_a_database_comes_up_with_what_it_held(
    control: Control, version: str
) -> None:
    control.at_version(version)
    store = Store(control.url)
    kept = store.request("req-1")
    store.close()
    assert kept is not None
    assert (kept.requester, kept.dataset, kept.state) == (at("grace"), "ds1", State.DRAFT)
    assert control.differences() == []
    Store(control.url).close()


@pytest.mark.parametrize("version", ["9999", "x'; DROP TABLE access_request; --"])
def test_a_database_of_an_unknown_version_is_refused_untouched(
    control: Control, version: str
) -> None:
    control.at_version(SCHEMA_VERSION)
    control.run("UPDATE alembic_version SET version_num = :version", version=version[:32])
    with pytest.raises(UnknownSchema):
        Store(control.url)
    control.run("SELECT request_id FROM access_request")


def test_a_failed_upgrade_leaves_the_version_before(control: Control) -> None:
    control.at_version("0001")
    control.run("DROP TABLE access_schema", "CREATE VIEW access_schema AS SELECT 1 AS id")
    with pytest.raises(UnknownSchema, match="nothing in it was changed"):
        Store(control.url)
    control.run("DROP VIEW access_schema", "CREATE TABLE access_schema (id INTEGER)")
    Store(control.url).close()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite:////nowhere/at/all/x.db"])
def test_an_address_that_cannot_be_used_is_unavailable(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        Database(url)


def draft() -> AccessRequest:
    return AccessRequest("req-1", at("grace"), "ds1", "p", "why", "ws", 6, State.DRAFT, NOW, NOW)


def test_a_sqlite_backup_taken_while_it_is_used_restores_all_that_was_committed(
    tmp_path: Path,
) -> None:
    store = Store(f"sqlite:///{tmp_path / 'control.db'}")
    store.add_request(draft(), before_commit=lambda: None)
    with store.writing():
        live = sqlite3.connect(tmp_path / "control.db")
        live.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
        live.close()
    store.close()
    restored = Store(f"sqlite:///{tmp_path / 'backup.db'}")
    assert restored.request("req-1") == draft()
    restored.close()


def test_a_postgresql_dump_restores_all_that_was_committed(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    url = postgresql.new_database()
    store = Store(url)
    store.add_request(draft(), before_commit=lambda: None)
    dump = tmp_path / "control.dump"
    database = url.split("@/")[1].split("?")[0]
    where = ("-h", str(postgresql.socket), "-U", postgresql.user)
    postgresql.run("pg_dump", *where, "-Fc", "-f", str(dump), database)
    store.close()
    other = postgresql.new_database()
    postgresql.run("pg_restore", *where, "-d", other.split("@/")[1].split("?")[0], str(dump))
    restored = Store(other)
    assert restored.request("req-1") == draft()
    restored.close()
