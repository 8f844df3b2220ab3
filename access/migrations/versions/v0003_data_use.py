"""What a request states for the matcher of data use, and what its grant owes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("access_request", sa.Column("data_use", sa.Text, nullable=True))
    op.add_column("access_grant", sa.Column("obligations", sa.Text, nullable=True))
