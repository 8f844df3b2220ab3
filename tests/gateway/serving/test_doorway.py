"""Every request passes the doorway: bodies have a cap, counters a bounded number of labels."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry, generate_latest

from gateway.http_errors import ErrorTable
from gateway.serving.doorway import MAX_BODY_BYTES, MAX_UPLOAD_BYTES, Doorway
from gateway.serving.tally import Tally

pytestmark = pytest.mark.anyio

CHUNK = b" " * 65536


class Door:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        app = FastAPI()

        @app.post("/parsed")
        async def parsed(given: Mapping[str, int]) -> int:
            return len(given)

        @app.post("/streamed")
        async def streamed(request: Request) -> int:
            return sum([len(part) async for part in request.stream()])

        @app.post("/requests/{name}/attachments")
        @app.put("/access/requests/{name}/attachments/{file}")
        async def attached(request: Request) -> int:
            return sum([len(part) async for part in request.stream()])

        @app.get("/person/{name}")
        async def person(name: str) -> str:
            return name

        ErrorTable(bodies={}, realm="org.example").install(app)
        app.add_middleware(Doorway, tally=Tally(self.registry))
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://node.example"
        )

    def metrics(self) -> str:
        return generate_latest(self.registry).decode()


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield CHUNK


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("path", ["/parsed", "/streamed"])
async def test_a_declared_body_over_the_cap_is_refused(path: str) -> None:
    sent = b" " * (MAX_BODY_BYTES + 1)
    answer = await Door().http.post(path, content=sent, headers=JSON)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


@pytest.mark.parametrize("path", ["/parsed", "/streamed"])
async def test_a_declared_length_is_believed_before_a_byte_is_read(path: str) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("read")
        yield b""

    headers = {**JSON, "Content-Length": str(MAX_BODY_BYTES + 1)}
    answer = await Door().http.post(path, content=never(), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/parsed", "/streamed"])
async def test_a_chunked_body_over_the_cap_is_refused(path: str) -> None:
    answer = await Door().http.post(path, content=chunks(17), headers=JSON)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


async def test_a_body_that_understates_its_length_is_refused_all_the_same() -> None:
    headers = {**JSON, "Content-Length": "2"}
    answer = await Door().http.post("/parsed", content=chunks(17), headers=headers)
    assert answer.status_code == 413


async def test_a_body_at_the_cap_passes() -> None:
    answer = await Door().http.post("/streamed", content=chunks(16))
    assert answer.json() == MAX_BODY_BYTES


async def test_paths_are_counted_by_their_door_only() -> None:
    door = Door()
    for number in range(20):
        await door.http.get(f"/person/P{number}?secret=P1")
        await door.http.get(f"/guess-{number}")
    metrics = door.metrics()
    assert 'skerry_requests_total{door="/person",status="200"} 20.0' in metrics
    assert 'skerry_requests_total{door="/other",status="404"} 20.0' in metrics
    assert "P1" not in metrics
    assert "guess" not in metrics


async def test_an_unusual_path_is_counted_and_not_an_error() -> None:
    door = Door()
    answer = await door.http.request("OPTIONS", "//")
    assert answer.status_code == 404
    assert 'door="/other",status="404"' in door.metrics()


async def test_every_answer_forbids_sniffing() -> None:
    for path in ("/person/P1", "/guess"):
        assert (await Door().http.get(path)).headers["X-Content-Type-Options"] == "nosniff"


UPLOADS = [("POST", "/requests/r/attachments"), ("PUT", "/access/requests/r/attachments/a.pdf")]


@pytest.mark.parametrize(("method", "path"), UPLOADS)
async def test_an_attachment_has_a_cap_of_its_own(method: str, path: str) -> None:
    taken = await Door().http.request(method, path, content=chunks(MAX_UPLOAD_BYTES // len(CHUNK)))
    assert taken.status_code == 200
    over = await Door().http.request(
        method, path, content=chunks(MAX_UPLOAD_BYTES // len(CHUNK) + 1)
    )
    assert (over.status_code, over.json()["error"]) == (413, "too_large")
