"""An id in an address names a place; on a node of two assemblies `assemblyId` says in which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.beacon_node import BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio
CARRIERS = "/g_variants/1-101-A-G/individuals"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> BeaconNode:
    """Three of the old dataset carry what stands at this place there, two of the new."""
    folder: Path = tmp_path_factory.mktemp("assemblies")
    older = source(folder / "old", "old", assembly="GRCh37", lines=("101 . A G . 0|1 1|1 1|0 0|0",))
    catalog = loaded(folder / "catalog", older, source(folder / "new", "new"))
    return BeaconNode(folder, catalog=catalog, policies=[policy("old"), policy("new")])


async def ask(node: BeaconNode, path: str, **asked: str) -> dict[str, Any]:
    found = await node.get(path, **asked, requestedGranularity="count")
    assert found.status_code == 200, found.text
    body: dict[str, Any] = found.json()
    return body


@pytest.mark.parametrize(
    ("assembly", "dataset", "carriers"),
    [("GRCh37", "old", 3), ("hg19", "old", 3), ("GRCh38", "new", 2)],
)
async def test_an_assembly_beside_the_address_chooses(
    node: BeaconNode, assembly: str, dataset: str, carriers: int
) -> None:
    body = await ask(node, CARRIERS, assemblyId=assembly)
    assert body["responseSummary"]["numTotalResults"] == carriers
    assert [one["id"] for one in body["response"]["resultSets"]] == [dataset]
    assert [one["code"] for one in body["info"]["unsupported"]] == ["assembly"]
    assert "warnings" not in body["info"]
    single = await ask(node, "/g_variants/1-101-A-G", assemblyId=assembly)
    assert single["responseSummary"]["numTotalResults"] == 1
    posted = await node.post(
        CARRIERS,
        {"requestedGranularity": "count", "requestParameters": {"assemblyId": assembly}},
    )
    assert posted.json()["responseSummary"] == body["responseSummary"]


@pytest.mark.parametrize("path", ["/g_variants/1-101-A-G", CARRIERS])
async def test_an_id_that_names_two_variants_says_so(node: BeaconNode, path: str) -> None:
    (said,) = (await ask(node, path))["info"]["warnings"]
    assert "GRCh37 and another in GRCh38; assemblyId" in said


@pytest.mark.parametrize(
    "path", ["/g_variants/1-601-CTT-C", "/g_variants/rs1", "/g_variants/NC_000001.10:g.101A%3EG"]
)
async def test_an_id_that_names_one_says_nothing(node: BeaconNode, path: str) -> None:
    assert "warnings" not in (await ask(node, path)).get("info", {})


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/g_variants/NC_000001.10:g.101A%3EG", {"assemblyId": "GRCh38"}),
        (CARRIERS, {"assemblyId": "T2T-CHM13"}),
        (CARRIERS, {"assemblyId": "GRCh37", "referenceName": "1"}),
        (CARRIERS, {"referenceName": "1"}),
        ("/individuals/P1", {"assemblyId": "GRCh37"}),
        ("/cohorts/C1/cohorts", {"assemblyId": "GRCh37"}),
        ("/individuals/P1/datasets", {"assemblyId": "GRCh37"}),
    ],
)
async def test_what_an_address_cannot_be_narrowed_by_is_refused(
    node: BeaconNode, path: str, asked: dict[str, str]
) -> None:
    assert (await node.get(path, **asked)).status_code in (400, 404)
