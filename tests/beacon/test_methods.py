"""HEAD, OPTIONS and the rest: said by every address, and nothing more than is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.beacon_node import BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio
ADDRESSES = (
    ("", "GET, HEAD, OPTIONS"),
    ("/map", "GET, HEAD, OPTIONS"),
    ("/filtering_terms", "GET, HEAD, OPTIONS"),
    ("/g_variants", "GET, POST, HEAD, OPTIONS"),
    ("/individuals/P1", "GET, POST, HEAD, OPTIONS"),
    ("/individuals/P1/runs", "GET, POST, HEAD, OPTIONS"),
)


@pytest.fixture
def node(tmp_path: Path) -> BeaconNode:
    catalog = loaded(tmp_path / "catalog", source(tmp_path / "A", "A"))
    return BeaconNode(tmp_path, catalog=catalog, policies=[policy("A")])


@pytest.mark.parametrize(("path", "allow"), ADDRESSES)
async def test_options_names_what_is_offered(node: BeaconNode, path: str, allow: str) -> None:
    async with node.client() as client:
        found = await client.options(path)
    assert (found.status_code, found.headers["allow"], found.content) == (204, allow, b"")


@pytest.mark.parametrize(("path", "allow"), ADDRESSES)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
async def test_another_method_is_405_and_says_which_are_offered(
    node: BeaconNode, path: str, allow: str, method: str
) -> None:
    async with node.client() as client:
        found = await client.request(method, path)
    assert (found.status_code, found.headers["allow"]) == (405, allow)
    assert found.json()["error"]["errorCode"] == 405


async def test_a_post_to_a_description_is_405(node: BeaconNode) -> None:
    async with node.client() as client:
        found = await client.post("/map", json={})
    assert (found.status_code, found.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(("path", "_allow"), ADDRESSES)
async def test_head_says_what_get_would(node: BeaconNode, path: str, _allow: str) -> None:
    async with node.client() as client:
        head, get = await client.head(path), await client.get(path)
    assert head.status_code == get.status_code == 200
    assert head.headers == get.headers


@pytest.mark.parametrize(("path", "allow"), ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
async def test_an_address_may_end_in_a_slash(
    node: BeaconNode, method: str, path: str, allow: str
) -> None:
    async with node.client() as client:
        bare, slashed = [await client.request(method, path + end) for end in ("", "/")]
    assert slashed.status_code == bare.status_code
    assert (slashed.content, slashed.headers) == (bare.content, bare.headers)
    assert method in allow or slashed.status_code == 405


async def test_a_slash_at_the_end_changes_nothing_that_is_asked(node: BeaconNode) -> None:
    found = await node.get("/individuals/", filters="ICD10:G35", requestedGranularity="count")
    assert found.json()["responseSummary"]["numTotalResults"] == 2
    posted = await node.post("/individuals/", {"filters": [{"id": "nothing"}]})
    assert posted.status_code == 400
    assert (await node.get("/individuals/P9/")).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/nowhere", "/runs/R0/runs", "/g_variants//", "/individuals/P1/x"]
)
async def test_what_is_not_there_is_404_by_any_method(
    node: BeaconNode, method: str, path: str
) -> None:
    async with node.client() as client:
        assert (await client.request(method, path)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", ["/info", "/g_variants", "/individuals/P1"])
async def test_pages_of_other_origins_cannot_read_answers(
    node: BeaconNode, method: str, path: str
) -> None:
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    async with node.client() as client:
        found = await client.request(method, path, headers=asked)
    assert [name for name in found.headers if name.startswith("access-control")] == []
