"""What an open run rests on. Starts from before do not say, and end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("access_start", sa.Column("footing", sa.Text, nullable=False, server_default=""))
