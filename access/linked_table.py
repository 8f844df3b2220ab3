"""The table of which identities are one person; `linked` reads and writes it."""

from __future__ import annotations

from sqlmodel import Field, SQLModel


class LinkedRow(SQLModel, table=True):
    __tablename__ = "access_linked"  # each pair stands there both ways round

    identity: str = Field(primary_key=True)
    other: str = Field(primary_key=True)
