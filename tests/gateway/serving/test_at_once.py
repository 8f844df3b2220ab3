"""Answers begun in the turn that read the question are those of a task, over a real socket."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from beacon import routes
from gateway.http_errors import ErrorTable
from gateway.serving.at_once import AtOnce
from gateway.serving.doorway import Application
from gateway.serving.tally import Tally
from tests.support.beacon_node import BeaconNode, loaded, policy, source
from tests.support.loopback import served_apart

pytestmark = pytest.mark.live
_SEEN: ContextVar[str] = ContextVar("seen", default="")


class Told:
    """Answers what its path names: whether it runs in a task, first and after it waited."""

    def __init__(self) -> None:
        self.is_asked = threading.Event()
        self.paths: list[str] = []

    def begins_at_once(self, scope: Scope) -> bool:
        return bool(scope["path"] != "/ordinary")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        before, seen = _in_task(), _SEEN.get()
        _SEEN.set(scope["path"])
        if scope["path"] == "/waits":
            await asyncio.sleep(0)
            async with asyncio.timeout(600):
                seen = await asyncio.to_thread(_SEEN.get)
        elif scope["path"] == "/fails":
            failing = asyncio.get_running_loop().create_future()
            failing.get_loop().call_soon(failing.set_exception, LookupError("late"))
            try:
                await failing
            except LookupError as late:
                seen = str(late)
        elif scope["path"] == "/shares":
            seen = await _shared_with_a_task()
        elif scope["path"] == "/cancelled":
            seen = await _cancelled(_connection(send))
        elif scope["path"] == "/until-one-waits":
            self.is_asked.set()
            while not _connection(send).pipeline:  # noqa: ASYNC110 (uvicorn's, tells nobody)
                await asyncio.sleep(0.001)
        elif scope["path"] == "/breaks":
            raise RuntimeError("secret")
        elif scope["path"] == "/breaks-later":
            await asyncio.sleep(0)
            raise RuntimeError("secret")
        body = f"{before} {_in_task()} {seen}".encode()
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})


def _connection(send: Send) -> AtOnce:
    """What the answer goes through."""
    return cast("AtOnce", cast("Any", send).__self__.on_response.__self__)


async def _shared_with_a_task() -> str:
    """What a task waits for too, in the turn in which there is none here."""
    loop = asyncio.get_running_loop()
    shared = loop.create_future()

    async def also() -> str:
        return f"{await shared} by two"

    other = loop.create_task(also())
    loop.call_later(0.01, shared.set_result, "shared")
    await shared
    return await other


async def _cancelled(connection: AtOnce) -> str:
    """As a server that ends would, before the task has taken this up."""
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: [task.cancel() for task in connection.tasks])
    try:
        await loop.create_future()
    except asyncio.CancelledError:
        return "cancelled"
    raise AssertionError("not cancelled")


def _in_task() -> str:
    return "none" if asyncio.current_task() is None else "task"


@pytest.fixture
def told() -> Iterator[httpx.Client]:
    with (
        served_apart(Told(), AtOnce) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=600) as asking,
    ):
        yield asking


def test_what_waits_for_nothing_is_answered_without_a_task(told: httpx.Client) -> None:
    assert told.get("/plain").text == "none none "


def test_what_waits_has_a_task_from_then_on_and_its_own_context(told: httpx.Client) -> None:
    assert told.get("/waits").text == "none task /waits"


def test_what_it_waits_for_can_fail(told: httpx.Client) -> None:
    assert told.get("/fails").text == "none task late"


def test_what_it_waits_for_others_can_wait_for_too(told: httpx.Client) -> None:
    assert told.get("/shares").text == "none task shared by two"


def test_what_is_cancelled_before_it_has_a_task_is_told_so(told: httpx.Client) -> None:
    assert told.get("/cancelled").text == "none task cancelled"


def test_what_waited_in_line_is_begun_in_a_task_and_a_context_of_its_own() -> None:
    app = Told()
    with (
        served_apart(app, AtOnce) as port,
        socket.create_connection(("127.0.0.1", port), timeout=600) as connection,
    ):
        connection.sendall(b"GET /until-one-waits HTTP/1.1\r\nHost: x\r\n\r\n")
        assert app.is_asked.wait(600)  # so that what follows is another piece
        connection.sendall(b"GET /plain HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while received.count(b" task ") < 2:
            received += connection.recv(1 << 16)
    assert received.endswith(b"\r\n\r\ntask task ")


def test_what_one_request_sets_is_unset_for_the_next_of_the_connection(told: httpx.Client) -> None:
    for path in ("/plain", "/waits", "/plain"):
        told.get(path)
    assert told.get("/plain").text.endswith(" ")


def test_what_is_not_said_to_need_no_task_has_one(told: httpx.Client) -> None:
    assert told.get("/ordinary").text == "task task "


@pytest.mark.parametrize("path", ["/breaks", "/breaks-later"])
def test_what_breaks_is_answered_without_its_words_and_the_next_is_answered_too(
    told: httpx.Client, path: str
) -> None:
    answer = told.get(path)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert told.get("/plain").status_code == 200


def test_of_many_sent_together_one_is_begun_at_once_and_all_are_answered_in_order(
    told: httpx.Client,
) -> None:
    paths = ["/plain", "/waits", "/ordinary", "/fails"] * 200
    asked = b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths)
    port = told.base_url.port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
        connection.sendall(asked + b"GET /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in received.split(b"HTTP/1.1 200 OK")[1:]]
    said = [b"late" if body.endswith(b" late") else b"" for body in bodies]
    assert len(bodies) == len(paths) + 1
    assert said[:-1] == [b"late" if path == "/fails" else b"" for path in paths]
    begun = sum(body.startswith(b"none ") for body in bodies)
    assert 1 <= begun < len(paths) // 2  # at most one in each piece that is read


def test_what_follows_the_last_question_of_a_connection_is_not_begun() -> None:
    app = Told()
    with served_apart(app, AtOnce) as port:
        for _ in range(2):  # the second time, whatever the first began has been asked
            with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
                connection.sendall(
                    b"GET /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                    b"GET /after HTTP/1.1\r\nHost: x\r\n\r\n"
                )
                received = b""
                while part := connection.recv(1 << 16):
                    received += part
            assert received.count(b"HTTP/1.1 ") == 1
    assert app.paths == ["/plain", "/plain"]


def test_only_a_question_without_body_and_credential_is_begun_at_once() -> None:
    async def door(_request: Request) -> Response:
        raise AssertionError("not asked")

    app = Application()
    tally = Tally(CollectorRegistry())
    refusal = ErrorTable(bodies={}, realm="org.example").answer
    app.shortcuts({"/beacon/met": door}, tally=tally, refusal=refusal)
    plain = {"method": "GET", "path": "/beacon/met", "headers": [(b"host", b"x")]}
    assert app.begins_at_once(plain)
    for other in (
        {"method": "POST"},
        {"path": "/beacon/other"},
        {"headers": [(b"authorization", b"Bearer x")]},
    ):
        assert not app.begins_at_once(plain | other)


def test_a_beacon_answers_what_waits_for_threads_too(tmp_path: Path) -> None:
    catalog = loaded(tmp_path, source(tmp_path, "open"))
    node = BeaconNode(tmp_path, catalog=catalog, policies=[policy("open")])
    app = Application()
    errors = ErrorTable(bodies={}, realm="org.example")
    app.shortcuts(
        routes.shortcuts(node.doors), tally=Tally(CollectorRegistry()), refusal=errors.answer
    )
    with (
        served_apart(app, AtOnce) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=600) as asking,
    ):
        whole = asking.get("/beacon/g_variants")
        test = asking.get("/beacon/g_variants", params={"testMode": "true"})
        refused = asking.get("/beacon/g_variants", params={"nonsense": "1"})
    assert (whole.status_code, test.status_code, refused.status_code) == (200, 200, 400)
    assert test.json()["meta"]["testMode"] is True
