"""The table of changes that wait for a second admin; `access.tables` lists it.

`facts` is JSON in words of `kind`. Times are epoch seconds. Rows never leave `admin_changes`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, SQLModel


class ChangeRow(SQLModel, table=True):
    __tablename__ = "admin_change"

    change_id: str = Field(primary_key=True)
    kind: str
    facts: str = Field(sa_type=Text)  # JSON
    reason: str = Field(sa_type=Text)
    state: str = Field(index=True)
    proposed_by: str
    proposed: int = Field(sa_type=BigInteger)
    decided_by: str | None = None
    decided: int | None = Field(default=None, sa_type=BigInteger)
    note: str = Field(default="", sa_type=Text)
