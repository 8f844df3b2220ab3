"""Text that one control database keeps and another cannot: refused alike, never a server error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.access_node import URL, AccessNode

pytestmark = pytest.mark.anyio
NUL = "a\x00b"


@pytest.fixture(params=["sqlite", "postgresql"])
async def client(
    tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[httpx.AsyncClient]:
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    node = AccessNode(tmp_path, control_url=url)
    transport = httpx.ASGITransport(node.app(), raise_app_exceptions=False)
    headers = {"x-test-person": "grace"}
    async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as http:
        http.headers["x-test-workspace"] = node.workspace("grace")
        yield http
    node.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "requests/{}"),
        ("GET", "requests/{}/export"),
        ("GET", "requests/{}/check"),
        ("GET", "workspaces/{}"),
        ("POST", "requests/{}/submit"),
        ("POST", "requests/{}/revoke"),
        ("POST", "workspaces/{}/revoke"),
    ],
)
async def test_an_id_with_a_nul_is_refused(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, f"/access/{path.format('a%00b')}")
    assert answer.status_code in {400, 404}


@pytest.mark.parametrize("name", ["project", "purpose"])
async def test_a_request_with_a_nul_is_malformed(client: httpx.AsyncClient, name: str) -> None:
    form = {
        "dataset": "ds1",
        "project": "Sight",
        "purpose": "Eyes.",
        "workspace": client.headers["x-test-workspace"],
        "months": 6,
    }
    refused = await client.post("/access/requests", json=form | {name: NUL})
    assert refused.status_code == 400
    named = {"collaborators": [{"identity": f"{NUL}@https://signin.example"}]}
    refused = await client.post("/access/requests", json=form | {"data_use": named})
    assert refused.status_code == 400
    made = (await client.post("/access/requests", json=form)).json()
    refused = await client.post(f"/access/requests/{made['id']}/submit", json={"note": NUL})
    assert refused.status_code == 400
