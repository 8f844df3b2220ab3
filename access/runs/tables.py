"""The tables of runs and of the airlock, in types that SQLite and PostgreSQL share; `access.tables`
lists them.

Times are epoch seconds, JSON is text, an epsilon is counted in billionths so that sums are exact.
Rows never leave `runs.starts`, `airlock.queue` and `airlock.person_keys`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


class StartRow(SQLModel, table=True):
    __tablename__ = "access_start"  # of a workspace, for one run

    run_id: str = Field(primary_key=True)
    workspace_id: str = Field(foreign_key="access_workspace.workspace_id", index=True)
    grant_id: str
    request_id: str = Field(index=True)
    dataset: str = Field(index=True)
    public_key: str
    asked: str = Field(sa_type=Text)  # JSON of `StartAsked`
    footing: str = Field(default="", sa_type=Text)
    state: str
    challenge_digest: str
    challenge_expires: int = Field(sa_type=BigInteger)
    created: int = Field(sa_type=BigInteger)
    expires: int = Field(sa_type=BigInteger)
    seen: int = Field(sa_type=BigInteger)
    phase: str
    engine_key: str | None = None
    receipt: str | None = Field(default=None, sa_type=Text)  # JSON


class NonceRow(SQLModel, table=True):
    __tablename__ = "access_nonce"  # of signed requests, as long as they could be sent again

    nonce: str = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger, index=True)


class PersonKeyRow(SQLModel, table=True):
    __tablename__ = "access_person_key"

    identity: str = Field(primary_key=True)
    public_key: str
    registered: int = Field(sa_type=BigInteger)


class CandidateRow(SQLModel, table=True):
    __tablename__ = "airlock_candidate"
    __table_args__ = (UniqueConstraint("run_id", "sha256", name="one_candidate_per_content"),)

    candidate_id: str = Field(primary_key=True)
    run_id: str = Field(foreign_key="access_start.run_id")
    request_id: str = Field(index=True)
    dataset: str = Field(index=True)
    kind: str
    state: str
    sha256: str
    size: int = Field(sa_type=BigInteger)
    released_sha256: str | None = None
    released_size: int | None = Field(default=None, sa_type=BigInteger)
    checked: str = Field(sa_type=Text)  # JSON: what the checkers said
    offered: int = Field(sa_type=BigInteger)


class CandidateEventRow(SQLModel, table=True):
    __tablename__ = "airlock_event"

    candidate_id: str = Field(primary_key=True, foreign_key="airlock_candidate.candidate_id")
    number: int = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger)
    step: str
    actor: str
    note: str = Field(sa_type=Text)


class RunSpentRow(SQLModel, table=True):
    __tablename__ = "airlock_spent"  # over all runs of one approved request

    request_id: str = Field(primary_key=True)
    releases: int
    bytes: int = Field(sa_type=BigInteger)
    epsilon: int = Field(sa_type=BigInteger)


RUN_TABLES = (StartRow, NonceRow, PersonKeyRow, CandidateRow, CandidateEventRow, RunSpentRow)
