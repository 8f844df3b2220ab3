"""The ledger by account: half of the pages, and what is due to be told of a caller."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_OLD = ("privacy_line", "privacy_spent", "privacy_counted")


def upgrade() -> None:
    account = op.create_table(
        "privacy_account",
        sa.Column("account", sa.Integer, primary_key=True),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False, index=True),
        sa.Column("stamp", sa.Integer, nullable=False),
        sa.Column("singles", sa.Integer, nullable=False),
        sa.Column("near", sa.Integer, nullable=False),
        sa.Column("alarm", sa.BigInteger, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("subject", "dataset", name="one_account_per_caller"),
    )
    answer = op.create_table(
        "privacy_answer",
        *_question(),
        sa.Column("answer", sa.Boolean, nullable=False),
        sa.Column("turnover", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    count = op.create_table(
        "privacy_count",
        *_question(),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    _move(account, answer, count)
    for old in _OLD:
        op.drop_table(old)


def _question() -> tuple[sa.Column[int], sa.Column[bytes]]:
    return (
        sa.Column("account", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("question", sa.LargeBinary, primary_key=True),
    )


def _move(account: sa.Table, answer: sa.Table, count: sa.Table) -> None:
    """A line that was told of a version with so many people holds until as many more have come."""
    connection = op.get_bind()
    line, spent, counted = (
        sa.Table(name, sa.MetaData(), autoload_with=connection) for name in _OLD
    )
    callers = sa.union(*(sa.select(old.c.subject, old.c.dataset) for old in (line, spent, counted)))
    whose = callers.subquery()
    balances = whose.outerjoin(
        spent, (spent.c.subject == whose.c.subject) & (spent.c.dataset == whose.c.dataset)
    )
    zero = sa.literal(0)
    packed = sa.func.coalesce(spent.c.packed, sa.literal(b"", sa.LargeBinary))
    opened = sa.select(whose.c.subject, whose.c.dataset, zero, zero, zero, zero, packed)
    names = ["subject", "dataset", "stamp", "singles", "near", "alarm", "packed"]
    connection.execute(account.insert().from_select(names, opened.select_from(balances)))
    for old, new, kept in ((line, answer, ("answer", "people", "at")), (counted, count, ("at",))):
        of = (old.c.subject == account.c.subject) & (old.c.dataset == account.c.dataset)
        moved = sa.select(account.c.account, old.c.question, *(old.c[name] for name in kept))
        names = ["account", "question", *("turnover" if n == "people" else n for n in kept)]
        connection.execute(
            new.insert().from_select(names, moved.select_from(account.join(old, of)))
        )
