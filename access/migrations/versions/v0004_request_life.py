"""Members and their grants, what each event changed, and what is to be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_KEPT = "grant_id, request_id, identity, dataset, workspace, issued, expires, revoked, obligations"


def upgrade() -> None:
    op.add_column("access_event", sa.Column("facts", sa.Text, nullable=True))
    op.create_table(
        "access_member",
        sa.Column(
            "request_id", sa.String, sa.ForeignKey("access_request.request_id"), primary_key=True
        ),
        sa.Column("identity", sa.String, primary_key=True, index=True),
    )
    _one_grant_per_person()
    op.create_table(
        "access_notice",
        sa.Column("notice_id", sa.String, primary_key=True),
        _of_request(),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False, index=True),
        sa.Column("tries", sa.Integer, nullable=False),
    )


def _one_grant_per_person() -> None:
    """The unnamed constraint of one grant per request goes with the table that carried it."""
    op.rename_table("access_grant", "access_grant_before")
    op.drop_index("ix_access_grant_identity", "access_grant_before")
    op.create_table(
        "access_grant",
        sa.Column("grant_id", sa.String, primary_key=True),
        _of_request(),
        sa.Column("identity", sa.String, nullable=False, index=True),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("issued", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger, nullable=True),
        sa.Column("obligations", sa.Text, nullable=True),
        sa.UniqueConstraint("request_id", "identity", name="one_grant_per_person"),
    )
    op.execute(f"INSERT INTO access_grant ({_KEPT}) SELECT {_KEPT} FROM access_grant_before")  # noqa: S608
    op.drop_table("access_grant_before")


def _of_request() -> sa.Column[str]:
    return sa.Column(
        "request_id",
        sa.String,
        sa.ForeignKey("access_request.request_id"),
        nullable=False,
    )
