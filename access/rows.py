"""Requests, events and grants as values, and as the rows they are kept in.

Pure. Rows never leave this room; what a value means is `requests.lifecycle`'s, when it is kept
`store`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from access.requests.lifecycle import AccessRequest, Event, State
from access.tables import EventRow, GrantRow, RequestRow
from schemas.data_use import DataUseRequest, ObligationView
from schemas.grants import EventFacts, Extent, GrantedRegion
from schemas.runs import RunTerms

_OBLIGATIONS: TypeAdapter[tuple[ObligationView, ...]] = TypeAdapter(tuple[ObligationView, ...])


@dataclass(frozen=True, slots=True)
class Grant:
    """A right to one dataset, or to an extent of it, in one workspace until `expires` (epoch
    seconds)."""

    grant_id: str
    identity: str
    dataset: str
    workspace: str
    expires: int
    extent: Extent | None = field(default=None, kw_only=True)

    def gives(self, unit: str) -> bool:
        return self.extent is None or self.extent.gives(unit)

    def regions_of(self, unit: str) -> tuple[GrantedRegion, ...] | None:
        """What of a unit that it gives; None is the whole."""
        return None if self.extent is None else self.extent.regions_of(unit)


@dataclass(frozen=True, slots=True)
class IssuedGrant(Grant):
    """A grant with where it came from and what it owes; `revoked` is the time its right was
    withdrawn."""

    request_id: str
    issued: int
    revoked: int | None = None
    obligations: tuple[ObligationView, ...] = ()


def request_of(row: RequestRow, events: tuple[Event, ...]) -> AccessRequest:
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
        extent=_extent_of(row.extent),
        run=None if row.run is None else RunTerms.model_validate_json(row.run),
    )


def request_row(request: AccessRequest) -> RequestRow:
    return RequestRow(
        request_id=request.request_id,
        requester=request.requester,
        dataset=request.dataset,
        created=request.created,
        **says(request),
    )


def says(request: AccessRequest) -> dict[str, Any]:
    """The columns that events change."""
    return {
        "project": request.project,
        "purpose": request.purpose,
        "workspace": request.workspace,
        "months": request.months,
        "state": request.state,
        "updated": request.updated,
        "data_use": request.data_use.model_dump_json(exclude_defaults=True),
        "run": None if request.run is None else request.run.model_dump_json(exclude_defaults=True),
        "extent": _extent_json(request.extent),
    }


def event_of(row: EventRow) -> Event:
    facts = EventFacts.model_validate_json(row.facts or "{}")
    return Event(row.at, row.step, row.actor, row.note, facts)


def event_row(request_id: str, number: int, event: Event) -> EventRow:
    return EventRow(
        request_id=request_id,
        number=number,
        at=event.at,
        step=event.step,
        actor=event.actor,
        note=event.note,
        facts=event.facts.model_dump_json(exclude_defaults=True),
    )


class GrantColumns(NamedTuple):
    """A row of grants as the driver gives it."""

    grant_id: str
    request_id: str
    identity: str
    dataset: str
    workspace: str
    issued: int
    expires: int
    revoked: int | None
    obligations: str | None
    extent: str | None


def grant_of(row: GrantRow | GrantColumns) -> IssuedGrant:
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
        extent=_extent_of(row.extent),
    )


def grant_row(grant: IssuedGrant) -> GrantRow:
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
        extent=_extent_json(grant.extent),
    )


def _extent_of(kept: str | None) -> Extent | None:
    return None if kept is None else Extent.model_validate_json(kept)


def _extent_json(extent: Extent | None) -> str | None:
    return None if extent is None else extent.model_dump_json()
