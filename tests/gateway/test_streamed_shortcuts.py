"""Addresses that a release's bytes come from are met before the framework, and answered alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import Request
from prometheus_client import CollectorRegistry, generate_latest
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Scope

from gateway.http_errors import ErrorTable
from gateway.serving.doorway import Application, Doorway
from gateway.serving.tally import Tally
from schemas.errors import Forbidden

pytestmark = pytest.mark.anyio


async def part(request: Request) -> Response:
    match request.path_params["name"]:
        case "refused":
            raise Forbidden("Not this one.")
        case "broken":
            raise RuntimeError("secret detail")

    async def body() -> AsyncIterator[bytes]:
        yield b"first, "
        if request.path_params["name"] == "breaks":
            raise RuntimeError("half way")
        yield f"last: {request.query_params.get('q')}".encode()

    return StreamingResponse(body(), media_type="text/plain")


class Node:
    """The same door twice: what lies below `/parts/` is streamed, `/slow/` an ordinary route.
    `/parts/elsewhere` is not in this process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.layered: list[str] = []
        tally, errors = Tally(self._registry), ErrorTable(bodies={}, realm="org.example")
        routes = [Route(f"/{at}/{{name}}", part, methods=["GET"]) for at in ("parts", "slow")]
        self.app = Application(redirect_slashes=False, routes=list(routes))
        errors.install(self.app)
        self.app.add_middleware(Doorway, tally=tally)
        self.app.middleware("http")(self._noted)
        self.app.shortcuts({}, tally=tally, refusal=errors.answer)
        self.app.streams(routes[:1], prefix="/parts/", is_elsewhere=_is_elsewhere)
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://node.example")

    async def _noted(self, request: Request, following: object) -> Response:
        self.layered.append(request.url.path)
        return await following(request)  # type: ignore[operator, no-any-return]  # Starlette's own

    def metrics(self) -> str:
        return generate_latest(self._registry).decode()


def _is_elsewhere(scope: Scope) -> bool:
    return bool(scope["path"] == "/parts/elsewhere")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("name", ["one?q=2", "refused", "broken", "elsewhere"])
async def test_both_ways_give_one_answer(method: str, name: str) -> None:
    node = Node()
    one = await node.http.request(method, f"/parts/{name}")
    other = await node.http.request(method, f"/slow/{name}")
    assert (one.status_code, one.content) == (other.status_code, other.content)
    assert one.headers.items() >= other.headers.items()
    assert one.headers["X-Content-Type-Options"] == "nosniff"
    assert "secret" not in one.text


async def test_only_what_is_here_and_streamed_is_met_before_the_layers() -> None:
    node = Node()
    paths = ["/parts/one", "/parts/elsewhere", "/parts/", "/parts/one/more", "/slow/one"]
    for path in paths:
        await node.http.get(path)
    assert node.layered == paths[1:]


async def test_streams_are_counted_as_everything_else() -> None:
    node = Node()
    for path in ("/parts/one", "/parts/elsewhere", "/parts/broken", "/parts/refused"):
        await node.http.get(path)
    for status, count in ((200, "2.0"), (500, "1.0"), (403, "1.0")):
        line = f'skerry_requests_total{{door="/parts",status="{status}"}} {count}'
        assert line in node.metrics()


async def test_a_body_that_breaks_off_is_counted_and_not_whole() -> None:
    node = Node()
    answer = await node.http.get("/parts/breaks")
    assert answer.content == b"first, "
    assert 'skerry_requests_total{door="/parts",status="200"} 1.0' in node.metrics()
