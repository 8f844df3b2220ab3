"""Brings a control database up to this program's schema, one Alembic revision after another."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from access.errors import UnknownSchema

_HERE = Path(__file__).parent


def config(connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def run(connection: Connection, version: str) -> None:
    """Within the caller's transaction: all revisions are applied, or none. Raises `UnknownSchema`
    for a database that a later program has changed."""
    settings = config(connection)
    try:
        ScriptDirectory.from_config(settings).get_revision(version)
        if version == "0001":
            command.stamp(settings, "0001")
        command.upgrade(settings, "head")
    except CommandError as problem:
        raise UnknownSchema(
            f"The control database is of version {version[:32]}, which this program does not know.",
            detail=str(problem),
        ) from problem
    except DBAPIError as problem:
        raise UnknownSchema(
            f"The control database could not be brought up from version {version[:32]}; "
            "nothing in it was changed.",
            detail=type(problem.orig).__name__,
        ) from problem
