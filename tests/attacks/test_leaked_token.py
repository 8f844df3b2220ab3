"""Tokens where addresses, logs and caches would keep them."""

from __future__ import annotations

import io
import logging

import httpx
import pytest
from fastapi import FastAPI, Request

from access.caller import TOKEN_PARAMETERS, caller
from gateway import logs
from gateway.http_errors import ErrorTable
from tests.support.broker import NODE, Federation

pytestmark = pytest.mark.anyio


def _client(federation: Federation) -> httpx.AsyncClient:
    app = FastAPI()
    who = caller(federation.clearinghouse())

    @app.get("/")
    async def route(request: Request) -> str:
        found = await who(request)
        return found.subject if found else "nobody"

    ErrorTable(bodies={}, realm="test").install(app)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=NODE)


@pytest.mark.parametrize("name", sorted({*TOKEN_PARAMETERS, "Access_Token", "TOKEN"}))
async def test_a_token_in_the_address_is_refused_even_beside_a_good_header(name: str) -> None:
    federation = Federation()
    raw = federation.passport()
    async with _client(federation) as http:
        for headers in ({}, {"Authorization": f"Bearer {raw}"}):
            answer = await http.get("/", params={name: raw}, headers=headers)
            assert answer.status_code == 400
            assert raw not in answer.text


async def test_no_part_of_a_token_reaches_a_log_or_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    federation = Federation()
    visa = federation.node.visa()
    tokens = [
        federation.passport([visa]),
        federation.passport([visa], aud="https://other.example"),
        federation.access_token(),
        visa,
    ]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [handler])
    monkeypatch.setattr(root, "level", logging.DEBUG)
    answers = []
    async with _client(federation) as http:
        for raw in tokens:
            answers.append(await http.get("/", headers={"Authorization": f"Bearer {raw}"}))
            logging.getLogger("a.library").debug("x")
    assert "x" in written.getvalue()
    seen = written.getvalue() + "".join(answer.text + str(answer.headers) for answer in answers)
    seen += "".join(capsys.readouterr())
    for raw in tokens:
        for part in raw.split(".")[1:]:
            assert part not in seen


def test_what_a_library_prints_of_a_token_is_hidden() -> None:
    raw = Federation().passport()
    for line in (f"Authorization: Bearer {raw}", f"token={raw}", f"GET /x?access_token={raw}"):
        shown = logs.redact(line)
        assert raw.split(".")[1] not in shown
        assert raw.split(".")[2] not in shown
