"""Alembic's entry: runs revisions on the connection, and in the transaction, it is given."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

import access.tables  # noqa: F401 - fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
)
context.run_migrations()
