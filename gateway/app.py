"""A node as one ASGI application: routers, error table, doorway, and the catalog's watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry
from starlette.routing import Route

import beacon.doors
import beacon.routes
from access.privacy.alarms import Alarms
from access.privacy.ledger import Ledger
from access.record.audit import Record
from beacon.response import error_body as beacon_error
from gateway import operations
from gateway.holding import withdrawing
from gateway.home import NodeHome
from gateway.http_errors import ErrorTable
from gateway.serving.doorway import Application, Doorway
from gateway.serving.forwarding import BLOCKS, Forwarding, owner_of
from gateway.serving.share import Share
from gateway.serving.tally import Tally
from gateway.wiring.node import Node, assemble
from schemas.errors import SkerryError
from streams.htsget.tickets import error_body as htsget_error

_log = structlog.get_logger(__name__)
_REFRESH_SECONDS = 2.0
_KEEP_SECONDS = 60.0
_SWEEP_SECONDS = 6 * 3600.0
_ATTEND_SECONDS = 300.0
_SEND_SECONDS = 5.0


def create_app(
    home: NodeHome, *, share: Share | None = None, record: Record | None = None
) -> FastAPI:
    """Assembles the node of `home`, or one worker of it; raises what assembling raises, before
    anything is served."""
    node = assemble(home, share=share, record=record)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        watching = (
            _follow_catalog,
            _follow_policies,
            _keep_facts,
            _sweep_ledger,
            _attend_requests,
            _send_notices,
            _ring_alarms,
        )
        watches = [asyncio.create_task(_kept_up(watch, node)) for watch in watching]
        try:
            yield
        finally:
            for watch in watches:
                watch.cancel()
            await node.close()

    registry = CollectorRegistry()
    tally = Tally(registry, log_requests=node.settings.log_requests)
    app = Application(
        title=node.settings.name,
        version=node.facts.version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # such a redirect would be built from the Host header
        # Questions go to nobody's collector; looking for one costs a tenth of an answer.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    routers = (*node.others, operations.build(node, registry))
    for router in routers:
        app.include_router(router)
    # Plain routes are those whose answers cost less than FastAPI's way to them: they come first.
    plain = [one for router in routers for one in router.routes if type(one) is Route]
    app.router.routes[:0] = plain
    beacon.routes.install(app, node.beacon)
    errors = ErrorTable(
        bodies={"/beacon": _BeaconErrors(node), "/htsget": _htsget},
        realm=node.settings.id,
        page=node.error_page,
    )
    errors.install(app)
    app.add_middleware(Doorway, tally=tally)
    app.shortcuts(beacon.routes.shortcuts(node.beacon), tally=tally, refusal=errors.answer)
    app.streams(
        [one for one in plain if one.path.startswith(BLOCKS)],
        prefix=BLOCKS,
        is_elsewhere=lambda scope: owner_of(scope, share) is not None,
    )
    if share is not None:
        app.add_middleware(Forwarding, share=share)
    return app


async def _kept_up(watch: Callable[[Node], Awaitable[None]], node: Node) -> None:
    """Begun anew where it breaks: a node that follows nothing any more looks like one that does."""
    while True:
        try:
            await watch(node)
        except Exception as broken:  # noqa: BLE001 (of whatever nobody expected; logged)
            _log.error(
                "begun anew", watch=watch.__name__, kind=type(broken).__name__, exc_info=broken
            )
        await asyncio.sleep(_REFRESH_SECONDS)


async def _follow_catalog(node: Node) -> None:
    """Picks up dataset versions that `skerry load` switched to, and whoever withdrew; where a
    version or the manifest cannot be used that is logged, and the versions being served stay."""
    while True:
        await asyncio.sleep(_REFRESH_SECONDS)
        try:
            await asyncio.to_thread(node.catalog.refresh)
        except SkerryError as error:
            _log.error("catalog not refreshed", code=error.code, detail=error.detail)
        try:
            withdrawing.record(node.catalog.folder, node.record)
            node.jobs.note_published(partial(node.record.append, "admin.published", durable=True))
        except (SkerryError, OSError) as error:
            _log.error("changes of the catalog not recorded", detail=str(error))


async def _follow_policies(node: Node) -> None:
    """Takes up the policy version that `skerry policy` put in force; one that cannot be used is
    logged and the former one stays. Reading a large policy must not hold up answers."""
    while True:
        await asyncio.sleep(_REFRESH_SECONDS)
        try:
            if await asyncio.to_thread(node.book.refresh):
                _log.info("policies changed", version=node.book.version)
        except SkerryError as error:
            _log.error("policies not refreshed", code=error.code, detail=error.public)


async def _keep_facts(node: Node) -> None:
    """They serve to try policies on; a disk that will not take them stops no answer."""
    while True:
        await asyncio.sleep(_KEEP_SECONDS)
        try:
            await asyncio.to_thread(node.book.keep_facts, node.clock())
        except OSError as error:
            _log.error("decision facts not kept", detail=error.strerror)


async def _attend_requests(node: Node) -> None:
    """Requests expire and people are reminded; that a grant has ended holds without it."""
    while True:
        await asyncio.sleep(_ATTEND_SECONDS)
        try:
            await asyncio.to_thread(node.requests.attend, now=node.clock())
        except SkerryError as error:
            _log.error("requests not attended to", code=error.code, detail=error.detail)


async def _send_notices(node: Node) -> None:
    while True:
        await asyncio.sleep(_SEND_SECONDS)
        try:
            await node.outbox.deliver(now=node.clock())
        except SkerryError as error:
            _log.error("notices not sent", code=error.code, detail=error.detail)


async def _ring_alarms(node: Node) -> None:
    alarms = Alarms(node.store, record=node.record, announce=node.outbox.announce)
    while True:
        await asyncio.sleep(_SEND_SECONDS)
        try:
            await alarms.ring(now=node.clock())
        except SkerryError as error:
            _log.error("alarms not told", code=error.code, detail=error.detail)


async def _sweep_ledger(node: Node) -> None:
    """Old lines go, so that the ledger stays bounded; a database that is busy is asked again."""
    while True:
        try:
            await asyncio.to_thread(Ledger(node.store).sweep, int(node.clock()))
        except SkerryError as error:
            _log.error("ledger not swept", code=error.code, detail=error.detail)
        await asyncio.sleep(_SWEEP_SECONDS)


class _BeaconErrors:
    def __init__(self, node: Node) -> None:
        self._node = node

    def __call__(self, request: Request, error: SkerryError) -> dict[str, object]:
        return beacon_error(
            error.status,
            error.public,
            code=error.code,
            node=self._node.facts,
            echo=beacon.doors.asked_in(request),
        )


def _htsget(_request: Request, error: SkerryError) -> dict[str, object]:
    return htsget_error(error)
