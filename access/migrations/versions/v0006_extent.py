"""What of a dataset a request asks for and a grant gives: units and regions, or all of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("access_request", sa.Column("extent", sa.Text, nullable=True))
    op.add_column("access_grant", sa.Column("extent", sa.Text, nullable=True))
