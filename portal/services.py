"""What machines ask of the portal: alive, ready, metrics, service-info and service-registry 1.0."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from portal.metrics import Metrics
from portal.nodes.node import Node
from portal.nodes.registry import Registry
from portal.passport_issuer import JWKS_PATH, PassportIssuer
from portal.settings import PortalSettings
from schemas.beacon import API_VERSION
from schemas.errors import NotFound
from schemas.version import skerry_version

MACHINE_PATHS = (JWKS_PATH, "/api/", "/services", "/service-info", "/livez", "/readyz", "/metrics")


def build(
    settings: PortalSettings,
    registry: Registry,
    metrics: Metrics,
    *,
    clock: Callable[[], float],
    issuer: PassportIssuer | None = None,
) -> APIRouter:
    router = APIRouter()

    _add_health(router, registry, metrics)

    @router.get(JWKS_PATH)
    async def keys() -> dict[str, object]:
        if issuer is None:
            raise NotFound("This portal signs no passports.")
        return issuer.keys()

    @router.get("/service-info")
    async def info() -> dict[str, object]:
        return {
            "id": settings.network_id,
            "name": settings.name,
            "type": {"group": "org.ga4gh", "artifact": "service-registry", "version": "1.0.0"},
            "organization": {"name": settings.organization_name, "url": settings.public_url},
            "version": skerry_version(),
        }

    @router.get("/services")
    async def services() -> list[dict[str, object]]:
        return [_service(node, now=clock()) for node in registry.nodes]

    @router.get("/services/types")
    async def types() -> list[dict[str, str]]:
        return [_TYPE]

    @router.get("/services/{slug}")
    async def service(slug: str) -> dict[str, object]:
        node = registry.by_slug(slug)
        if node is None:
            raise NotFound("There is no such service here.")
        return _service(node, now=clock())

    @router.get("/api/nodes")
    async def nodes() -> list[dict[str, object]]:
        return [_node(node, now=clock()) for node in registry.nodes]

    return router


def _add_health(router: APIRouter, registry: Registry, metrics: Metrics) -> None:
    @router.get("/livez")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz")
    async def ready(response: Response) -> dict[str, object]:
        """Ready once every node was looked at; a node that is down does not stop the portal."""
        looked = all(node.checked for node in registry.nodes)
        response.status_code = 200 if looked else 503
        seen = sum(not node.problem for node in registry.nodes)
        return {"status": "ready" if looked else "starting", "nodes": seen}

    @router.get("/metrics")
    async def counted() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)


_TYPE = {"group": "org.ga4gh", "artifact": "beacon", "version": API_VERSION.removeprefix("v")}


def _service(node: Node, *, now: float) -> dict[str, object]:
    """GA4GH service-registry 1.0 `ExternalService`; an absent name is the address."""
    return {
        "id": node.id or node.slug,
        "name": node.name,
        "type": _TYPE,
        "organization": {"name": node.organization or node.name, "url": node.url},
        "version": node.version or "unknown",
        "url": node.root,
        "info": {"problem": node.problem, "ageSeconds": _age(node, now=now)},
    }


def _node(node: Node, *, now: float) -> dict[str, object]:
    return {
        "slug": node.slug,
        "url": node.url,
        "id": node.id,
        "name": node.name,
        "organization": node.organization,
        "version": node.version,
        "status": "ready" if not node.problem else "missing",
        "problem": node.problem,
        "latencyMs": node.latency_ms,
        "ageSeconds": _age(node, now=now),
        "datasets": [{"id": one.id, "name": one.name} for one in node.datasets],
    }


def _age(node: Node, *, now: float) -> int | None:
    return max(0, round(now - node.checked)) if node.checked else None
