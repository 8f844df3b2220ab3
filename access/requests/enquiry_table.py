"""The table of enquiries to committees; `access.tables` lists it. Rows never leave `enquiries`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, SQLModel


class EnquiryRow(SQLModel, table=True):
    __tablename__ = "access_enquiry"

    enquiry_id: str = Field(primary_key=True)
    dataset: str = Field(index=True)
    asker: str = Field(index=True)
    text: str = Field(sa_type=Text)
    asked: int = Field(sa_type=BigInteger)
    answer: str | None = Field(default=None, sa_type=Text)
    answered: int | None = Field(default=None, sa_type=BigInteger)
