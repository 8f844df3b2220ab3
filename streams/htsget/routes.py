"""The htsget endpoints: tickets for reads and variants, and their service-info.

htsget 1.3.0; `/htsget/files/{id}` is ours, for objects that are neither, and so is
`htsget.single_use`. Steps are `htsget.desk`'s, body parts `htsget.blocks`'; errors become answers
in the gateway's table (`htsget.tickets.error_body`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request, Response

from access.permits import PermitOffice
from access.policies.policy import PolicyBook
from access.recipients import Recipients
from access.record.audit import Record
from access.store import Store
from passports.researcher import Researcher
from schemas.errors import SkerryError
from schemas.service_info import ServiceInfo
from schemas.version import skerry_version
from schemas.wire import canonical_json
from streams.clear import ClearDoor
from streams.entitlement import Entitlements
from streams.htsget.asking import Caller, read_wanted
from streams.htsget.blocks import add_blocks
from streams.htsget.browsers import add_preflight, cross_origin
from streams.htsget.desk import TicketDesk
from streams.htsget.single_use import SingleUse, Tickets
from streams.htsget.single_use_routes import add_single_use
from streams.htsget.tickets import MEDIA_TYPE
from streams.in_place import Accel
from streams.refget.sequences import Sequences
from streams.release import Releases
from streams.shelf import Shelf
from streams.slices.columns import TRIMMED_FORMS
from streams.sources import FORMATS, Kind
from streams.vault import Vault

_PATHS = {Kind.READS: "reads", Kind.VARIANTS: "variants", Kind.FILE: "files"}


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What service-info says of the node."""

    id: str
    name: str
    organization_name: str
    organization_url: str
    version: str
    environment: Literal["prod", "test", "dev", "staging"] = "dev"


def build(
    *,
    vault: Vault,
    shelf: Shelf,
    releases: Releases,
    book: PolicyBook,
    store: Store,
    recipients: Recipients,
    permits: PermitOffice,
    record: Record,
    caller: Caller,
    public_url: str,
    clock: Callable[[], float],
    withdrawn: Callable[[str], int],
    service: ServiceFacts | None = None,
    sequences: Sequences | None = None,
    accel: Accel | None = None,
) -> APIRouter:
    """Full paths, to be mounted without a prefix; `public_url` has no trailing slash. `sequences`
    tell which ones a grant's refget digests mean, `accel` which bodies nginx sends, `withdrawn`
    how many have withdrawn from a dataset."""
    desk = TicketDesk(
        entitlements=Entitlements(vault, book, store, recipients, withdrawn),
        clear=ClearDoor(shelf, book, withdrawn),
        releases=releases,
        permits=permits,
        record=record,
        public_url=public_url,
        clock=clock,
        sequences=sequences,
        accel=accel,
    )
    service = service or _unnamed(public_url)
    router = APIRouter(tags=["htsget"])
    for kind in (Kind.READS, Kind.VARIANTS):
        _add_service_info(router, kind, service)
    for kind in Kind:
        _add_tickets(router, kind, desk, caller=caller)
    single = SingleUse(desk, Tickets(releases.mark))
    add_single_use(router, single, caller=caller)
    add_blocks(router, desk)
    return router


# Tickets


def _add_tickets(router: APIRouter, kind: Kind, desk: TicketDesk, *, caller: Caller) -> None:
    path = f"/htsget/{_PATHS[kind]}/{{object_id:path}}"
    add_preflight(router, path)

    @router.api_route(
        path,
        methods=["GET", "POST"],
        name=f"htsget {kind}",
    )
    async def ticket(request: Request, object_id: str) -> Response:
        researcher: Researcher | None = None
        try:
            researcher = await caller(request)
            wanted = await read_wanted(request, kind, object_id)
            answer = await desk.ticket(researcher, wanted)
        except SkerryError as error:
            await desk.refused(error, researcher, door=f"htsget.{kind}", object_id=object_id)
            raise
        headers = {"Cache-Control": "no-store", **cross_origin(request)}
        content = answer.model_dump_json(exclude_none=True)
        return Response(content, media_type=MEDIA_TYPE, headers=headers)


# Service info


def _unnamed(public_url: str) -> ServiceFacts:
    host = public_url.partition("://")[2]
    return ServiceFacts(
        id=f"htsget.{host.replace(':', '-')}",
        name=f"htsget at {host}",
        organization_name=host,
        organization_url=public_url,
        version=skerry_version(),
    )


def _add_service_info(router: APIRouter, kind: Kind, service: ServiceFacts) -> None:
    described: ServiceInfo = {
        "id": f"{service.id}.{kind}",
        "name": f"{service.name}: {kind}",
        "type": {"group": "org.ga4gh", "artifact": "htsget", "version": "1.3.0"},
        "organization": {"name": service.organization_name, "url": service.organization_url},
        "version": service.version,
        "environment": service.environment,
    }
    trimmed = [form for form in FORMATS[kind] if form in TRIMMED_FORMS]
    htsget = {
        "datatype": str(kind),
        "formats": list(FORMATS[kind]),
        "fieldsParameterEffective": bool(trimmed),
        "tagsParametersEffective": bool(trimmed),
        # Ours: the standard's two cannot tell one format from another.
        "skerry": {"fieldsEffectiveFormats": trimmed, "tagsEffectiveFormats": trimmed},
    }
    body = canonical_json({**described, "htsget": htsget})

    @router.get(f"/htsget/{kind}/service-info", name=f"htsget {kind} service-info")
    async def service_info(request: Request) -> Response:
        return Response(body, media_type="application/json", headers=cross_origin(request))
