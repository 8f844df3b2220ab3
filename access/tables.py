"""The control database's tables, in types that SQLite and PostgreSQL share.

Rows never leave this room: `store` turns them into frozen values. Times are epoch seconds. A change
here needs a revision in `migrations/versions` and its number in SCHEMA_VERSION; a test compares.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from access.admin_change_table import ChangeRow
from access.linked_table import LinkedRow
from access.privacy.tables import LEDGER_TABLES
from access.requests.enquiry_table import EnquiryRow
from access.runs.tables import RUN_TABLES

SCHEMA_VERSION = "0012"


class SchemaRow(SQLModel, table=True):
    __tablename__ = "alembic_version"  # Alembic's own table, one row

    version_num: str = Field(primary_key=True, max_length=32)


class RequestRow(SQLModel, table=True):
    __tablename__ = "access_request"

    request_id: str = Field(primary_key=True)
    requester: str = Field(index=True)
    dataset: str = Field(index=True)
    project: str
    purpose: str = Field(sa_type=Text)
    workspace: str = Field(index=True)
    months: int
    state: str
    created: int = Field(sa_type=BigInteger)
    updated: int = Field(sa_type=BigInteger)
    data_use: str | None = Field(default=None, sa_type=Text)  # JSON; requests of 0.1.0 have none
    extent: str | None = Field(default=None, sa_type=Text)  # JSON; none is the whole dataset
    run: str | None = Field(default=None, sa_type=Text)  # JSON; what is to run, if anything


class MemberRow(SQLModel, table=True):
    __tablename__ = "access_member"  # whom a request names; it says so itself, this finds it

    request_id: str = Field(primary_key=True, foreign_key="access_request.request_id")
    identity: str = Field(primary_key=True, index=True)


class EventRow(SQLModel, table=True):
    __tablename__ = "access_event"

    request_id: str = Field(primary_key=True, foreign_key="access_request.request_id")
    number: int = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger)
    step: str
    actor: str = Field(index=True)
    note: str = Field(sa_type=Text)
    facts: str | None = Field(default=None, sa_type=Text)  # JSON


class GrantRow(SQLModel, table=True):
    __tablename__ = "access_grant"
    __table_args__ = (UniqueConstraint("request_id", "identity", name="one_grant_per_person"),)

    grant_id: str = Field(primary_key=True)
    request_id: str = Field(foreign_key="access_request.request_id")
    identity: str = Field(index=True)
    dataset: str
    workspace: str
    issued: int = Field(sa_type=BigInteger)
    expires: int = Field(sa_type=BigInteger)
    revoked: int | None = Field(default=None, sa_type=BigInteger)
    obligations: str | None = Field(default=None, sa_type=Text)  # JSON
    extent: str | None = Field(default=None, sa_type=Text)  # JSON; none is the whole dataset


class NoticeRow(SQLModel, table=True):
    __tablename__ = "access_notice"  # what is still to be sent

    notice_id: str = Field(primary_key=True)
    request_id: str  # empty where it is of none
    kind: str
    at: int = Field(sa_type=BigInteger)
    channel: str
    target: str = Field(sa_type=Text)
    due: int = Field(index=True, sa_type=BigInteger)
    tries: int


class WorkspaceRow(SQLModel, table=True):
    __tablename__ = "access_workspace"

    workspace_id: str = Field(primary_key=True)
    name: str
    owner: str = Field(index=True)
    public_key: str
    identity_key: str
    state: str
    challenge_digest: str
    challenge_expires: int = Field(sa_type=BigInteger)
    confirmed_by: str | None = None
    created: int = Field(sa_type=BigInteger)
    expires: int = Field(sa_type=BigInteger)


TABLES = (
    SchemaRow,
    RequestRow,
    MemberRow,
    EventRow,
    GrantRow,
    NoticeRow,
    WorkspaceRow,
    *LEDGER_TABLES,
    *RUN_TABLES,
    ChangeRow,
    EnquiryRow,
    LinkedRow,
)
