"""Enquiries to committees; a notice may be of something that is no request."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "access_enquiry",
        sa.Column("enquiry_id", sa.String, primary_key=True),
        sa.Column("dataset", sa.String, nullable=False, index=True),
        sa.Column("asker", sa.String, nullable=False, index=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("asked", sa.BigInteger, nullable=False),
        sa.Column("answer", sa.Text, nullable=True),
        sa.Column("answered", sa.BigInteger, nullable=True),
    )
    # SQLite cannot drop a foreign key, so the few notices that wait move to a table without it.
    connection = op.get_bind()
    old = sa.Table("access_notice", sa.MetaData(), autoload_with=connection)
    waiting = [dict(row) for row in connection.execute(sa.select(old)).mappings()]
    op.drop_table("access_notice")
    notice = op.create_table(
        "access_notice",
        sa.Column("notice_id", sa.String, primary_key=True),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False, index=True),
        sa.Column("tries", sa.Integer, nullable=False),
    )
    if waiting:
        op.bulk_insert(notice, waiting)
