"""What is met before the framework is answered, refused, counted and capped as by the framework."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import Request
from prometheus_client import CollectorRegistry, generate_latest
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Scope

from gateway.http_errors import ErrorTable
from gateway.serving.doorway import Application, Doorway
from gateway.serving.tally import Tally
from schemas.errors import NotFound

pytestmark = pytest.mark.anyio


async def met(request: Request) -> Response:
    match request.query_params.get("q"):
        case "refused":
            raise NotFound("There is no such thing.")
        case "broken":
            raise RuntimeError("secret detail")
    return JSONResponse({"read": len(await request.body())})


class Node:
    """The same door twice: `/beacon/met` is a shortcut, `/beacon/slow` an ordinary route."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.app = Application(redirect_slashes=False)
        tally, errors = Tally(self._registry), ErrorTable(bodies={}, realm="org.example")
        for path in ("/beacon/met", "/beacon/slow"):
            self.app.add_api_route(path, met, methods=["GET", "POST"], response_model=None)
        errors.install(self.app)
        self.app.add_middleware(Doorway, tally=tally)
        self.app.shortcuts({"/beacon/met": met}, tally=tally, refusal=errors.answer)
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://node.example")

    def metrics(self) -> str:
        return generate_latest(self._registry).decode()


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("GET", ""), ("GET", "?q=refused"), ("GET", "?q=broken"), ("POST", ""),
        ("DELETE", ""), ("PATCH", "?q=refused"),
    ],
)  # fmt: skip
async def test_both_ways_give_one_answer(method: str, query: str) -> None:
    node = Node()
    one = await node.http.request(method, f"/beacon/met{query}", content=b"12345")
    other = await node.http.request(method, f"/beacon/slow{query}", content=b"12345")
    assert (one.status_code, one.content) == (other.status_code, other.content)
    assert one.headers.items() >= other.headers.items()
    assert one.headers["X-Content-Type-Options"] == "nosniff"  # a framework's own 500 has it not


async def test_what_nobody_expected_is_said_to_no_caller() -> None:
    answer = await Node().http.get("/beacon/met?q=broken")
    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_shortcuts_are_counted_as_everything_else() -> None:
    node = Node()
    for path in ("/beacon/met", "/beacon/slow", "/beacon/met?q=broken"):
        await node.http.get(path)
    assert 'skerry_requests_total{door="/beacon",status="200"} 2.0' in node.metrics()
    assert 'skerry_requests_total{door="/beacon",status="500"} 1.0' in node.metrics()
    assert 'skerry_request_seconds_bucket{door="/beacon",le="+Inf"} 3.0' in node.metrics()
    assert 'skerry_request_seconds_count{door="/beacon"} 3.0' in node.metrics()


async def test_a_path_that_only_begins_as_a_shortcut_is_none() -> None:
    for path in ("/beacon/met/", "/beacon/met/x", "//beacon/met", "/Beacon/met"):
        assert (await Node().http.get(path)).status_code == 404


async def test_a_caller_who_goes_away_is_no_failure() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": "/beacon/met", "query_string": b"",
             "headers": [], "client": None}  # fmt: skip
    await Node().app(scope, receive, send)
    assert sent[0]["status"] == 400


async def test_a_request_that_is_cancelled_stays_cancelled() -> None:
    async def never() -> Message:
        raise asyncio.CancelledError

    async def send(_message: Message) -> None:
        raise AssertionError("answered")

    scope: Scope = {"type": "http", "method": "POST", "path": "/beacon/met", "query_string": b"",
             "headers": [], "client": None}  # fmt: skip
    with pytest.raises(asyncio.CancelledError):
        await Node().app(scope, never, send)
