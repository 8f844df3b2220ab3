"""Handovers lead on, to nothing the caller may not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from access.policies.policy import Level, Profile
from tests.support.beacon_node import URL, BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio
EXACT = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}


@pytest.fixture
def node(tmp_path: Path) -> BeaconNode:
    return BeaconNode(
        tmp_path,
        catalog=loaded(tmp_path / "catalog", source(tmp_path / "A", "A")),
        policies=[policy("A", level=Level.PUBLIC, profile=Profile.OPEN)],
        grants={"grace": ["A"]},
        objects={"A": ["/htsget/variants/A-1", "/htsget/reads/A-2"]},
    )


def urls(body: dict[str, Any]) -> list[str]:
    (one,) = body["response"]["resultSets"]
    return [each["url"] for each in one.get("resultsHandovers", ())]


@pytest.mark.parametrize("granularity", ["boolean", "count", "record"])
async def test_who_may_not_have_files_is_shown_how_to_ask_and_no_file(
    node: BeaconNode, granularity: str
) -> None:
    for name in (None, "rosa"):
        for path in ("/g_variants", "/datasets/A"):
            params = EXACT if path == "/g_variants" else {}
            found = await node.get(path, name=name, requestedGranularity=granularity, **params)
            if path == "/datasets/A" and granularity != "record":
                continue
            assert urls(found.json()) == [f"{URL}/beacon/datasets/A", f"{URL}/access/requests"]
            assert "htsget" not in found.text


async def test_who_may_have_files_is_shown_them_with_records(node: BeaconNode) -> None:
    files = [f"{URL}/htsget/variants/A-1", f"{URL}/htsget/reads/A-2"]
    for granularity, expected in (("count", []), ("record", files)):
        found = await node.get(
            "/g_variants", name="grace", requestedGranularity=granularity, **EXACT
        )
        assert urls(found.json()) == [f"{URL}/beacon/datasets/A", *expected]
    found = await node.get("/datasets/A", name="grace")
    assert urls(found.json()) == [f"{URL}/beacon/datasets/A", *files]


async def test_a_miss_and_a_test_lead_nowhere(node: BeaconNode) -> None:
    miss = await node.get(
        "/g_variants", **{**EXACT, "alternateBases": "T"}, includeResultsetResponses="ALL"
    )
    assert urls(miss.json()) == []
    assert urls((await node.get("/runs", testMode="true")).json()) == []
