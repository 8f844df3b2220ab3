"""The ledger's tables, in types that SQLite and PostgreSQL share; `access.tables` lists them.

A subject is a keyed pseudonym of a caller, a question the digest of its canonical form, `packed`
what `spent` packs. Times are epoch seconds. Rows never leave `ledger`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class LineRow(SQLModel, table=True):
    __tablename__ = "privacy_line"

    subject: str = Field(primary_key=True)
    dataset: str = Field(primary_key=True)
    question: bytes = Field(primary_key=True)
    answer: bool
    version: str
    people: int
    at: int = Field(sa_type=BigInteger, index=True)


class SpentRow(SQLModel, table=True):
    __tablename__ = "privacy_spent"

    subject: str = Field(primary_key=True)
    dataset: str = Field(primary_key=True, index=True)
    packed: bytes


class CountedRow(SQLModel, table=True):
    __tablename__ = "privacy_counted"

    subject: str = Field(primary_key=True)
    dataset: str = Field(primary_key=True)
    question: bytes = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger, index=True)


LEDGER_TABLES = (LineRow, SpentRow, CountedRow)
