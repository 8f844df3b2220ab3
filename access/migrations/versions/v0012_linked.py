"""Identities that trusted issuers have said to be one person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "access_linked",
        sa.Column("identity", sa.String, primary_key=True),
        sa.Column("other", sa.String, primary_key=True),
    )
