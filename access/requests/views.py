"""Requests as they travel: to whom a request is for, the committee is one body without names."""

from __future__ import annotations

from access.requests.lifecycle import NODE, AccessRequest, Event, Part
from access.requests.seen import Seen
from access.rows import IssuedGrant
from schemas.data_use import VerdictView
from schemas.grants import EventView, GrantView, MemberView, RequestView


def request_view(seen: Seen, verdict: VerdictView | None = None) -> RequestView:
    request, grant, demands = seen.request, seen.grant, seen.demands
    accepted = seen.accepted
    return RequestView(
        id=request.request_id,
        dataset=request.dataset,
        project=request.project,
        purpose=request.purpose,
        workspace=request.workspace,
        months=request.months,
        state=request.state,
        requester=request.requester,
        created=request.created,
        updated=request.updated,
        events=tuple(_event_view(event, seen) for event in request.events),
        grant=None if grant is None else _grant_view(grant),
        members=tuple(MemberView(identity=m, accepted=m in accepted) for m in request.members),
        approvals=len(seen.approved_by),
        approvals_needed=demands.approvals,
        terms=demands.view(),
        attachments=request.attachments,
        steps=seen.steps,
        data_use=request.data_use,
        run=request.run,
        extent=request.extent,
        verdict=verdict,
    )


def by_whom(event: Event, seen: Seen) -> str:
    """The actor as the viewer may know them."""
    if seen.part is Part.COMMITTEE or event.actor == NODE:
        return event.actor
    return _part(event.actor, seen.request)


def _part(actor: str, request: AccessRequest) -> Part:
    if actor == request.requester:
        return Part.REQUESTER
    return Part.MEMBER if actor in request.members else Part.COMMITTEE


def _event_view(event: Event, seen: Seen) -> EventView:
    return EventView(
        at=event.at,
        step=event.step,
        by=by_whom(event, seen),
        note=event.note,
        facts=event.facts,
    )


def _grant_view(grant: IssuedGrant) -> GrantView:
    return GrantView(
        id=grant.grant_id,
        dataset=grant.dataset,
        workspace=grant.workspace,
        issued=grant.issued,
        expires=grant.expires,
        revoked=grant.revoked is not None,
        obligations=grant.obligations,
        extent=grant.extent,
    )
