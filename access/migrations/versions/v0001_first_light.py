"""The tables of 0.1.0: requests, their events, grants, workspaces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "access_schema",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "access_request",
        sa.Column("request_id", sa.String, primary_key=True),
        sa.Column("requester", sa.String, nullable=False, index=True),
        sa.Column("dataset", sa.String, nullable=False, index=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("workspace", sa.String, nullable=False, index=True),
        sa.Column("months", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "access_event",
        sa.Column(
            "request_id", sa.String, sa.ForeignKey("access_request.request_id"), primary_key=True
        ),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False, index=True),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table(
        "access_grant",
        sa.Column("grant_id", sa.String, primary_key=True),
        sa.Column(
            "request_id",
            sa.String,
            sa.ForeignKey("access_request.request_id"),
            nullable=False,
            unique=True,
        ),
        sa.Column("identity", sa.String, nullable=False, index=True),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("issued", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "access_workspace",
        sa.Column("workspace_id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False, index=True),
        sa.Column("public_key", sa.String, nullable=False),
        sa.Column("identity_key", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("challenge_digest", sa.String, nullable=False),
        sa.Column("challenge_expires", sa.BigInteger, nullable=False),
        sa.Column("confirmed_by", sa.String, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
