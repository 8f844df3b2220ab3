"""What is to run with a request, starts of workspaces, people's keys, the airlock, its ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("access_request", sa.Column("run", sa.Text, nullable=True))
    op.create_table(
        "access_start",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column(
            "workspace_id", sa.String, sa.ForeignKey("access_workspace.workspace_id"),
            nullable=False, index=True,
        ),
        *_texts("grant_id"),
        *_texts("request_id", "dataset", index=True),
        *_texts("public_key"),
        sa.Column("asked", sa.Text, nullable=False),
        *_texts("state", "challenge_digest"),
        *_wholes("challenge_expires", "created", "expires", "seen"),
        *_texts("phase"),
        sa.Column("engine_key", sa.String, nullable=True),
        sa.Column("receipt", sa.Text, nullable=True),
    )  # fmt: skip
    op.create_table(
        "access_nonce",
        sa.Column("nonce", sa.String, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "access_person_key",
        sa.Column("identity", sa.String, primary_key=True),
        *_texts("public_key"),
        *_wholes("registered"),
    )
    _airlock()


def _airlock() -> None:
    op.create_table(
        "airlock_candidate",
        sa.Column("candidate_id", sa.String, primary_key=True),
        sa.Column("run_id", sa.String, sa.ForeignKey("access_start.run_id"), nullable=False),
        *_texts("request_id", "dataset", index=True),
        *_texts("kind", "state", "sha256"),
        *_wholes("size"),
        sa.Column("released_sha256", sa.String, nullable=True),
        sa.Column("released_size", sa.BigInteger, nullable=True),
        sa.Column("checked", sa.Text, nullable=False),
        *_wholes("offered"),
        sa.UniqueConstraint("run_id", "sha256", name="one_candidate_per_content"),
    )
    op.create_table(
        "airlock_event",
        sa.Column(
            "candidate_id", sa.String, sa.ForeignKey("airlock_candidate.candidate_id"),
            primary_key=True,
        ),
        sa.Column("number", sa.Integer, primary_key=True),
        *_wholes("at"),
        *_texts("step", "actor"),
        sa.Column("note", sa.Text, nullable=False),
    )  # fmt: skip
    op.create_table(
        "airlock_spent",
        sa.Column("request_id", sa.String, primary_key=True),
        sa.Column("releases", sa.Integer, nullable=False),
        *_wholes("bytes", "epsilon"),
    )


def _texts(*names: str, index: bool = False) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, sa.String, nullable=False, index=index) for name in names)


def _wholes(*names: str) -> tuple[sa.Column[int], ...]:
    return tuple(sa.Column(name, sa.BigInteger, nullable=False) for name in names)
