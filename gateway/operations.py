"""What operators and registries ask of a node: /livez, /readyz, /metrics, service-info, services.

GA4GH Service Info 1.0.0 and Service Registry 1.0.0. Live means the process answers. A node
that cannot decide, record or open its catalog never starts; ready says how many listed datasets it
serves and whether the key agent, which releases need and questions do not, is there.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import JSONResponse, Response

from gateway.wiring.node import Node
from schemas.version import skerry_version


def build(node: Node, registry: CollectorRegistry) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/livez")
    async def livez() -> Mapping[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        now = node.clock()
        datasets = sum(node.book.may_know(None, one, now=now) for one in node.catalog.snapshot())
        agent = "listening" if node.agent.socket.is_socket() else "down"
        body = {"status": "ok", "datasets": datasets, "key_agent": agent}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @router.get("/service-info")
    async def service_info() -> Mapping[str, object]:
        return service(node, "org.skerry", "skerry-node", skerry_version(), path="")

    @router.get("/services")
    async def services() -> list[Mapping[str, object]]:
        return [
            service(node, group, artifact, version, path=path)
            for group, artifact, version, path in _DOORS
        ]

    @router.get("/services/types")
    async def types() -> list[Mapping[str, str]]:
        return [
            {"group": group, "artifact": artifact, "version": version}
            for group, artifact, version, _ in _DOORS
        ]

    return router


_DOORS = (
    ("org.ga4gh", "beacon", "2.2.0", "/beacon"),
    ("org.ga4gh", "htsget", "1.3.0", "/htsget/reads"),
    ("org.ga4gh", "htsget", "1.3.0", "/htsget/variants"),
    ("org.ga4gh", "refget", "2.0.0", "/refget/sequence"),
    ("org.ga4gh", "refget-seqcol", "1.0.0", "/seqcol"),
)


def service(
    node: Node, group: str, artifact: str, version: str, *, path: str
) -> Mapping[str, object]:
    """A service-info record; `url` is only in the registry's schema, and allowed in both."""
    facts = node.facts
    suffix = path.strip("/").replace("/", ".")
    return {
        "id": f"{facts.id}.{suffix}" if suffix else facts.id,
        "name": facts.name,
        "description": facts.description,
        "type": {"group": group, "artifact": artifact, "version": version},
        "organization": {"name": facts.organization_name, "url": facts.public_url},
        "environment": facts.environment,
        "version": facts.version,
        "url": f"{facts.public_url}{path}",
    }
