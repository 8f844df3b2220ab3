"""Keeps the events of access requests, what they add up to, and the grants that come of them.

A change and its entry in the record stand or fall together: `before_commit` runs inside the
transaction, and where it raises, nothing is changed; a commit that fails after it leaves an entry
too many, never one too few.
Which steps are allowed is `requests.lifecycle`'s; workspaces and keys are kept by `recipients`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy import func as sql
from sqlmodel import Session, col, select

from access.database import Database
from access.errors import NoSuchThing, SeparationOfDuties, StepNotPossible, TooManyOpen
from access.linked import identities_of
from access.purpose_check import Span
from access.requests import outbox
from access.requests.lifecycle import OPEN_STATES, AccessRequest, Event, State, Step, after
from access.requests.notices import Addressees
from access.rows import (
    GrantColumns,
    IssuedGrant,
    event_of,
    event_row,
    grant_of,
    grant_row,
    request_of,
    request_row,
    says,
)
from access.tables import EventRow, GrantRow, MemberRow, RequestRow, WorkspaceRow
from schemas.messages import Message

MAX_OPEN_REQUESTS = 50
MAX_LISTED = 500
NOBODY = Addressees()

# Text, since making statements of objects costs more than running them.
_ACTIVE_GRANTS = (
    f"SELECT {', '.join(GrantColumns._fields)} FROM access_grant "  # noqa: S608 - our own names
    "WHERE identity = :identity AND revoked IS NULL AND expires > :now "
    "ORDER BY issued LIMIT :most"
)

BeforeCommit = Callable[[], object]


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
                raise TooManyOpen(
                    Message(
                        "At most %(most)s requests may be open at a time.",
                        most=MAX_OPEN_REQUESTS,
                    )
                )
            session.add(request_row(request))
            session.flush()
            _name_members(session, request)
            for number, event in enumerate(request.events, 1):
                session.add(event_row(request.request_id, number, event))
            session.flush()
            before_commit()

    def request(self, request_id: str) -> AccessRequest | None:
        with self.reading() as session:
            row = session.get(RequestRow, request_id)
            return None if row is None else request_of(row, _events(session, request_id))

    def requests_of(self, identity: str) -> tuple[AccessRequest, ...]:
        """A person's own, newest first, without their events."""
        return self._list(col(RequestRow.requester) == identity)

    def requests_naming(self, identity: str) -> tuple[AccessRequest, ...]:
        """Those of others in which a person is named, newest first, without drafts and events."""
        named = select(MemberRow.request_id).where(MemberRow.identity == identity)
        return self._list(
            col(RequestRow.request_id).in_(named), col(RequestRow.state) != State.DRAFT
        )

    def requests_for(self, datasets: Iterable[str]) -> tuple[AccessRequest, ...]:
        """What a committee may see, newest first, without drafts and events."""
        return self._list(
            col(RequestRow.dataset).in_(sorted(datasets)), col(RequestRow.state) != State.DRAFT
        )

    def _list(self, *conditions: Any) -> tuple[AccessRequest, ...]:  # SQLAlchemy's own clauses
        newest_first = select(RequestRow).order_by(col(RequestRow.updated).desc())
        with self.reading() as session:
            rows = session.exec(newest_first.where(*conditions).limit(MAX_LISTED)).all()
            return tuple(request_of(row, ()) for row in rows)

    def take_step(
        self,
        request: AccessRequest,
        taken: Event,
        *,
        grants: Iterable[IssuedGrant] = (),
        to: Addressees = NOBODY,
        before_commit: BeforeCommit,
    ) -> None:
        """Keeps the event and what the request is after it, if nothing happened since the caller
        saw it; gives the grants, or ends those that were given; puts what is to be said of it to
        the addressees into the outbox.

        Raises StepNotPossible when someone was faster, SeparationOfDuties when the approver is
        the person who confirmed the workspace's key, NoSuchThing for an unknown workspace."""
        changed = after(request, taken)
        with self.writing() as session:
            _refuse_late(session, request)
            session.exec(
                update(RequestRow)
                .where(col(RequestRow.request_id) == request.request_id)
                .values(says(changed))
            )
            _name_members(session, changed)
            session.add(event_row(request.request_id, len(request.events) + 1, taken))
            if taken.step == Step.APPROVE:
                _refuse_own_confirmation(session, request.workspace, taken.actor)
            if taken.step in {Step.REVOKE, Step.CLOSE}:
                _end_grants(session, request.request_id, taken.at)
            session.add_all(grant_row(grant) for grant in grants)
            outbox.put(session, changed, taken, to=to)
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

    def grants_of_unit(
        self, identity: str, dataset: str, unit: str, *, now: int
    ) -> tuple[IssuedGrant, ...]:
        """The active ones that give a unit or regions of it: first those that give it whole, and
        of those the one that lasts longest. Reads the database each time, so revocation is
        immediate."""
        held = [
            grant
            for grant in self.active_grants(identity, now=now)
            if grant.dataset == dataset and grant.gives(unit)
        ]
        return tuple(sorted(held, key=lambda one: (one.regions_of(unit) is not None, -one.expires)))

    def active_grants(self, identity: str, *, now: int) -> tuple[IssuedGrant, ...]:
        """The oldest first. Reads the database each time."""
        rows = self.find(_ACTIVE_GRANTS, identity=identity, now=now, most=MAX_LISTED)
        return tuple(grant_of(GrantColumns(*row)) for row in rows)

    def grant(self, grant_id: str) -> IssuedGrant | None:
        """Whether or not it still holds."""
        with self.reading() as session:
            row = session.get(GrantRow, grant_id)
            return None if row is None else grant_of(row)

    def grants_of(self, request_id: str) -> tuple[IssuedGrant, ...]:
        """One per person who was given one, whether or not they still hold."""
        with self.reading() as session:
            rows = session.exec(
                select(GrantRow)
                .where(GrantRow.request_id == request_id)
                .order_by(col(GrantRow.issued), col(GrantRow.identity))
            ).all()
            return tuple(grant_of(row) for row in rows)

    def unattended(self, *, idle_since: int, ending_by: int) -> tuple[str, ...]:
        """Ids of requests that have waited for someone since then, or whose grants all end by
        then; those that waited longest first."""
        waiting = col(RequestRow.state).in_([State.SUBMITTED, State.RETURNED])
        lasting = (
            select(GrantRow.request_id)
            .where(col(GrantRow.revoked).is_(None))
            .where(GrantRow.expires > ending_by)
        )
        ending = (col(RequestRow.state) == State.APPROVED) & ~col(RequestRow.request_id).in_(
            lasting
        )
        found = ((col(RequestRow.updated) <= idle_since) & waiting) | ending
        query = select(RequestRow.request_id).where(found).order_by(col(RequestRow.updated))
        with self.reading() as session:
            return tuple(session.exec(query.limit(MAX_LISTED)).all())


def _refuse_late(session: Session, request: AccessRequest) -> None:
    """A request that has other events than the caller saw is another request."""
    now_is = session.exec(
        select(RequestRow.state).where(RequestRow.request_id == request.request_id)
    ).first()
    happened = session.exec(
        select(sql.count()).select_from(EventRow).where(EventRow.request_id == request.request_id)
    ).one()
    if (now_is, happened) != (request.state, len(request.events)):
        raise StepNotPossible(Message("The request has moved on; look at it again."))


def _name_members(session: Session, request: AccessRequest) -> None:
    session.exec(delete(MemberRow).where(col(MemberRow.request_id) == request.request_id))
    session.add_all(
        MemberRow(request_id=request.request_id, identity=member) for member in request.members
    )


def _refuse_own_confirmation(session: Session, workspace_id: str, approver: str) -> None:
    # The row lock makes a simultaneous confirmation by the same person wait and then see us.
    row = session.exec(
        select(WorkspaceRow).where(WorkspaceRow.workspace_id == workspace_id).with_for_update()
    ).first()
    if row is None:
        raise NoSuchThing(detail="approval names an unknown workspace")
    if not identities_of(session, approver).isdisjoint({row.confirmed_by, row.owner}):
        raise SeparationOfDuties(
            Message(
                "Who registered or confirmed a workspace's key does not approve requests for it."
            )
        )


def _end_grants(session: Session, request_id: str, now: int) -> None:
    session.exec(
        update(GrantRow)
        .where(col(GrantRow.request_id) == request_id)
        .where(col(GrantRow.revoked).is_(None))
        .values(revoked=now)
    )


def _events(session: Session, request_id: str) -> tuple[Event, ...]:
    rows = session.exec(
        select(EventRow).where(EventRow.request_id == request_id).order_by(col(EventRow.number))
    ).all()
    return tuple(event_of(row) for row in rows)
