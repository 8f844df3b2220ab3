"""The ledger's tables, in types that SQLite and PostgreSQL share; `access.tables` lists them.

An account is one caller at one dataset: a subject is a keyed pseudonym, `packed` what `spent`
packs, `stamp` grows with every change of it. A question is the digest of its canonical form.
`alarm` is when something became due to be told, negative once it is in the record. Times are epoch
seconds. Rows never leave `ledger` and `alarms`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

# Questions are spread by chance: a table that is its own index has half of the pages to write.
_ITS_OWN_INDEX = {"sqlite_with_rowid": False}


class AccountRow(SQLModel, table=True):
    __tablename__ = "privacy_account"
    __table_args__ = (UniqueConstraint("subject", "dataset", name="one_account_per_caller"),)

    account: int | None = Field(default=None, primary_key=True)
    subject: str
    dataset: str = Field(index=True)
    stamp: int = 0
    singles: int = 0
    near: int = 0
    alarm: int = Field(default=0, sa_type=BigInteger)
    packed: bytes = b""


class LineRow(SQLModel, table=True):
    __tablename__ = "privacy_answer"
    __table_args__ = _ITS_OWN_INDEX

    account: int = Field(primary_key=True)
    question: bytes = Field(primary_key=True)
    answer: bool
    turnover: int
    at: int = Field(sa_type=BigInteger)


class CountedRow(SQLModel, table=True):
    __tablename__ = "privacy_count"
    __table_args__ = _ITS_OWN_INDEX

    account: int = Field(primary_key=True)
    question: bytes = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger)


LEDGER_TABLES = (AccountRow, LineRow, CountedRow)
