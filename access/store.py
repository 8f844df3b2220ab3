"""Keeps access requests, their events and the grants that come of them.

A change and its entry in the record stand or fall together: `before_commit` runs inside the
transaction, and where it raises, nothing is changed; a commit that fails after it leaves an entry
too many, never one too few.
Which steps are allowed is `lifecycle`'s; workspaces and keys are kept by `recipients`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func as sql
from sqlalchemy import update
from sqlmodel import Session, col, select

from access.database import Database
from access.errors import NoSuchThing, SeparationOfDuties, StepNotPossible, TooManyOpen
from access.lifecycle import OPEN_STATES, AccessRequest, Event, State, Step
from access.purpose_check import Span
from access.tables import EventRow, GrantRow, RequestRow, WorkspaceRow
from schemas.data_use import DataUseRequest, ObligationView

MAX_OPEN_REQUESTS = 50
MAX_LISTED = 500

_OBLIGATIONS: TypeAdapter[tuple[ObligationView, ...]] = TypeAdapter(tuple[ObligationView, ...])

BeforeCommit = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Grant:
    """A right to one dataset in one workspace until `expires` (epoch seconds)."""

    grant_id: str
    identity: str
    dataset: str
    workspace: str
    expires: int


@dataclass(frozen=True, slots=True)
class IssuedGrant(Grant):
    """A grant with where it came from and what it owes; `revoked` is the time its right was
    withdrawn."""

    request_id: str
    issued: int
    revoked: int | None = None
    obligations: tuple[ObligationView, ...] = ()


class Store(Database):
    """What the control database keeps of requests and grants."""

    # Requests

    def add_request(self, request: AccessRequest, *, before_commit: BeforeCommit) -> None:
        """Raises TooManyOpen at the cap on requests that wait for someone."""
        with self.writing() as session:
            waiting = session.exec(
                select(sql.count())
                .select_from(RequestRow)
                .where(RequestRow.requester == request.requester)
                .where(col(RequestRow.state).in_(sorted(OPEN_STATES)))
            ).one()
            if waiting >= MAX_OPEN_REQUESTS:
                raise TooManyOpen(f"At most {MAX_OPEN_REQUESTS} requests may be open at a time.")
            session.add(_request_row(request))
            session.flush()
            before_commit()

    def request(self, request_id: str) -> AccessRequest | None:
        with self.reading() as session:
            row = session.get(RequestRow, request_id)
            return None if row is None else _request(row, _events(session, request_id))

    def requests_of(self, identity: str) -> tuple[AccessRequest, ...]:
        """A person's own, newest first, without their events."""
        return self._list(col(RequestRow.requester) == identity)

    def requests_for(self, datasets: Iterable[str]) -> tuple[AccessRequest, ...]:
        """What a committee may see, newest first, without drafts and events."""
        return self._list(
            col(RequestRow.dataset).in_(sorted(datasets)), col(RequestRow.state) != State.DRAFT
        )

    def _list(self, *conditions: Any) -> tuple[AccessRequest, ...]:  # SQLAlchemy's own clauses
        newest_first = select(RequestRow).order_by(col(RequestRow.updated).desc())
        with self.reading() as session:
            rows = session.exec(newest_first.where(*conditions).limit(MAX_LISTED)).all()
            return tuple(_request(row, ()) for row in rows)

    def take_step(
        self,
        request: AccessRequest,
        taken: Event,
        *,
        to: State,
        grant: IssuedGrant | None,
        before_commit: BeforeCommit,
    ) -> None:
        """Moves the request if it is still where the caller saw it, with the data use it states
        now; keeps the event, gives the grant or ends the one that was given.

        Raises StepNotPossible when someone was faster, SeparationOfDuties when the approver is
        the person who confirmed the workspace's key, NoSuchThing for an unknown workspace."""
        with self.writing() as session:
            moved = session.exec(
                update(RequestRow)
                .where(col(RequestRow.request_id) == request.request_id)
                .where(col(RequestRow.state) == request.state)
                .values(state=to, updated=taken.at, data_use=_data_use_text(request.data_use))
            )
            if moved.rowcount != 1:
                raise StepNotPossible("The request has moved on; look at it again.")
            _keep_event(session, request.request_id, taken)
            if grant is not None:
                _refuse_own_confirmation(session, grant.workspace, taken.actor)
                session.add(_grant_row(grant))
            elif taken.step in {Step.REVOKE, Step.CLOSE}:
                _end_grant(session, request.request_id, taken.at)
            session.flush()
            before_commit()

    # Grants

    def held(self, identity: str, dataset: str) -> tuple[Span, ...]:
        """The times in which the person was granted the dataset, whatever became of the grants."""
        with self.reading() as session:
            rows = session.exec(
                select(GrantRow)
                .where(GrantRow.identity == identity)
                .where(GrantRow.dataset == dataset)
            ).all()
            return tuple(
                Span(row.issued, row.expires if row.revoked is None else row.revoked)
                for row in rows
            )

    def active_grant(self, identity: str, dataset: str, *, now: int) -> Grant | None:
        """The one that lasts longest; reads the database each time, so revocation is immediate."""
        held = [
            grant for grant in self.active_grants(identity, now=now) if grant.dataset == dataset
        ]
        return max(held, key=lambda grant: grant.expires, default=None)

    def active_grants(self, identity: str, *, now: int) -> tuple[IssuedGrant, ...]:
        with self.reading() as session:
            rows = session.exec(
                select(GrantRow)
                .where(GrantRow.identity == identity)
                .where(col(GrantRow.revoked).is_(None))
                .where(GrantRow.expires > now)
                .order_by(col(GrantRow.issued))
                .limit(MAX_LISTED)
            ).all()
            return tuple(_grant(row) for row in rows)

    def grant(self, grant_id: str) -> IssuedGrant | None:
        """Whether or not it still holds."""
        with self.reading() as session:
            row = session.get(GrantRow, grant_id)
            return None if row is None else _grant(row)

    def grant_of(self, request_id: str) -> IssuedGrant | None:
        with self.reading() as session:
            row = session.exec(select(GrantRow).where(GrantRow.request_id == request_id)).first()
            return None if row is None else _grant(row)


def _keep_event(session: Session, request_id: str, taken: Event) -> None:
    number = session.exec(
        select(sql.count()).select_from(EventRow).where(EventRow.request_id == request_id)
    ).one()
    session.add(
        EventRow(
            request_id=request_id,
            number=number + 1,
            at=taken.at,
            step=taken.step,
            actor=taken.actor,
            note=taken.note,
        )
    )


def _refuse_own_confirmation(session: Session, workspace_id: str, approver: str) -> None:
    # The row lock makes a simultaneous confirmation by the same person wait and then see us.
    row = session.exec(
        select(WorkspaceRow).where(WorkspaceRow.workspace_id == workspace_id).with_for_update()
    ).first()
    if row is None:
        raise NoSuchThing(detail="approval names an unknown workspace")
    if approver in {row.confirmed_by, row.owner}:
        raise SeparationOfDuties(
            "Who registered or confirmed a workspace's key does not approve requests for it."
        )


def _end_grant(session: Session, request_id: str, now: int) -> None:
    session.exec(
        update(GrantRow)
        .where(col(GrantRow.request_id) == request_id)
        .where(col(GrantRow.revoked).is_(None))
        .values(revoked=now)
    )


def _events(session: Session, request_id: str) -> tuple[Event, ...]:
    rows = session.exec(
        select(EventRow)
        .where(EventRow.request_id == request_id)
        .order_by(col(EventRow.number))
        .limit(MAX_LISTED)
    ).all()
    return tuple(Event(row.at, row.step, row.actor, row.note) for row in rows)


def _request(row: RequestRow, events: tuple[Event, ...]) -> AccessRequest:
    return AccessRequest(
        request_id=row.request_id,
        requester=row.requester,
        dataset=row.dataset,
        project=row.project,
        purpose=row.purpose,
        workspace=row.workspace,
        months=row.months,
        state=State(row.state),
        created=row.created,
        updated=row.updated,
        events=events,
        data_use=DataUseRequest.model_validate_json(row.data_use or "{}"),
    )


def _request_row(request: AccessRequest) -> RequestRow:
    return RequestRow(
        request_id=request.request_id,
        requester=request.requester,
        dataset=request.dataset,
        project=request.project,
        purpose=request.purpose,
        workspace=request.workspace,
        months=request.months,
        state=request.state,
        created=request.created,
        updated=request.updated,
        data_use=_data_use_text(request.data_use),
    )


def _data_use_text(stated: DataUseRequest) -> str:
    return stated.model_dump_json(exclude_defaults=True)


def _grant(row: GrantRow) -> IssuedGrant:
    return IssuedGrant(
        grant_id=row.grant_id,
        identity=row.identity,
        dataset=row.dataset,
        workspace=row.workspace,
        expires=row.expires,
        request_id=row.request_id,
        issued=row.issued,
        revoked=row.revoked,
        obligations=_OBLIGATIONS.validate_json(row.obligations or "[]"),
    )


def _grant_row(grant: IssuedGrant) -> GrantRow:
    return GrantRow(
        grant_id=grant.grant_id,
        request_id=grant.request_id,
        identity=grant.identity,
        dataset=grant.dataset,
        workspace=grant.workspace,
        issued=grant.issued,
        expires=grant.expires,
        revoked=grant.revoked,
        obligations=_OBLIGATIONS.dump_json(grant.obligations).decode("utf-8"),
    )
