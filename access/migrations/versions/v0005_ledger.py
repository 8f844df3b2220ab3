"""What answers without a grant have cost: lines, balances and counts of the privacy ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "privacy_line",
        *_question(),
        sa.Column("answer", sa.Boolean, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "privacy_spent",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("dataset", sa.String, primary_key=True, index=True),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "privacy_counted",
        *_question(),
        sa.Column("at", sa.BigInteger, nullable=False, index=True),
    )


def _question() -> tuple[sa.Column[str], sa.Column[str], sa.Column[bytes]]:
    return (
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("dataset", sa.String, primary_key=True),
        sa.Column("question", sa.LargeBinary, primary_key=True),
    )
