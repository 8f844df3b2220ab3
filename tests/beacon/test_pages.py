"""Pages: in a stable order, each record once, by number or by token; a token fits one question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.beacon_node import BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio


@pytest.fixture
def node(tmp_path: Path) -> BeaconNode:
    catalog = loaded(tmp_path / "catalog", source(tmp_path / "open", "open"))
    return BeaconNode(tmp_path, catalog=catalog, policies=[policy("open")])


async def page(node: BeaconNode, path: str = "/individuals", **pagination: Any) -> dict[str, Any]:
    query = {"requestedGranularity": "record", "pagination": pagination}
    found = await node.post(path, query)
    assert found.status_code == 200, found.text
    body: dict[str, Any] = found.json()
    return body


def ids(body: dict[str, Any]) -> list[str]:
    response = body["response"]
    if "collections" in response:
        return [record["id"] for record in response["collections"]]
    (one,) = response["resultSets"]
    return [record.get("id") or record["variantInternalId"] for record in one["results"]]


def pagination(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["meta"]["receivedRequestSummary"]["pagination"]
    return found


@pytest.mark.parametrize(
    ("path", "total"),
    [("/individuals", 4), ("/g_variants", 6), ("/runs", 4), ("/cohorts/C1/biosamples", 4)],
)
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
async def test_walking_the_tokens_meets_every_record_once_in_order(
    node: BeaconNode, path: str, total: int, limit: int
) -> None:
    everything = ids(await page(node, path, limit=0))
    assert len(set(everything)) == len(everything) == total
    body = await page(node, path, limit=limit)
    walked = ids(body)
    while following := pagination(body)["nextPage"]:
        before = pagination(body)["currentPage"]
        body = await page(node, path, nextPage=following)
        assert pagination(body)["limit"] == limit
        assert pagination(body)["previousPage"] == before
        walked += ids(body)
        assert len(walked) <= total
    assert walked == everything


async def test_skip_counts_pages(node: BeaconNode) -> None:
    everything = ids(await page(node, limit=0))
    assert ids(await page(node, skip=1, limit=2)) == everything[2:4]
    assert pagination(await page(node, skip=1, limit=2))["nextPage"] == ""
    assert pagination(await page(node, skip=0, limit=2))["previousPage"] == ""


async def test_totals_do_not_depend_on_the_page(node: BeaconNode) -> None:
    for skip in (0, 1, 9):
        body = await page(node, skip=skip, limit=3)
        assert body["responseSummary"]["numTotalResults"] == 4


async def test_a_page_past_the_end_is_empty_and_says_that_it_is_the_last(node: BeaconNode) -> None:
    body = await page(node, skip=9, limit=3)
    assert ids(body) == []
    assert pagination(body)["nextPage"] == ""


async def test_a_token_of_another_question_is_refused(node: BeaconNode) -> None:
    token = pagination(await page(node, limit=2))["nextPage"]
    other = {"filters": [{"id": "NCIT:C16576"}], "pagination": {"nextPage": token}}
    found = await node.post("/individuals", other | {"requestedGranularity": "record"})
    assert found.status_code == 400
    assert "another question" in found.json()["error"]["errorMessage"]


@pytest.mark.parametrize(
    "given",
    [
        {"nextPage": "x"},
        {"nextPage": "A" * 19},
        {"nextPage": "é" * 19},
        {"currentPage": "A" * 101},
        {"previousPage": 7},
        {"nextPage": "AAAA", "previousPage": "BBBB"},
    ],
)
async def test_a_token_that_is_not_ours_is_refused(
    node: BeaconNode, given: dict[str, object]
) -> None:
    found = await node.post("/individuals", {"pagination": given})
    assert found.status_code == 400


@pytest.mark.parametrize("start", [10**30, -(10**30), 1.5, {"a": []}, None])
async def test_a_token_beside_a_position_that_is_none_is_refused_as_without_it(
    node: BeaconNode, start: object
) -> None:
    token = pagination(await page(node, limit=2))["nextPage"]
    asked = {"requestParameters": {"g_variant": {"referenceName": "1", "start": [start]}}}
    answer = await node.post("/g_variants", {**asked, "pagination": {"nextPage": token}})
    assert answer.status_code == 400


async def test_a_token_cannot_ask_for_more_than_may_be_had(node: BeaconNode) -> None:
    body = await page(node, skip=2**31 - 1, limit=1)
    assert pagination(body)["skip"] == 2**31 - 1
    found = await node.post("/individuals", {"pagination": {"skip": 2**31, "limit": 1000}})
    assert found.status_code == 400


async def test_counts_and_presence_carry_no_tokens(node: BeaconNode) -> None:
    for granularity in ("boolean", "count"):
        found = await node.get("/individuals", requestedGranularity=granularity)
        assert set(pagination(found.json())) == {"skip", "limit"}
