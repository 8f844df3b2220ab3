"""Changes by an admin that wait for a second one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "admin_change",
        sa.Column("change_id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("proposed_by", sa.String, nullable=False),
        sa.Column("proposed", sa.BigInteger, nullable=False),
        sa.Column("decided_by", sa.String, nullable=True),
        sa.Column("decided", sa.BigInteger, nullable=True),
        sa.Column("note", sa.Text, nullable=False),
    )
