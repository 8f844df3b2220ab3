"""Lists under an entry: joined by the ids records name each other with, and by carriers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from access.policies.policy import Level, Profile
from tests.support.beacon_node import BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio
# P1 and P2 carry the first variant; P3 and P4 the deletion of two bases.
FIRST = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}
LAST = {"referenceName": "1", "start": "600", "referenceBases": "CTT", "alternateBases": "C"}


@pytest.fixture
def node(tmp_path: Path) -> BeaconNode:
    return BeaconNode(
        tmp_path,
        catalog=loaded(
            tmp_path / "catalog", *(source(tmp_path / name, name) for name in ("open", "closed"))
        ),
        policies=[
            policy("open"),
            policy("closed", level=Level.CONTROLLED, profile=Profile.CONTROLLED, listed=False),
        ],
        grants={"grace": ["closed"]},
    )


def ids(body: dict[str, Any]) -> list[str]:
    response = body["response"]
    records = [r for one in response.get("resultSets", ()) for r in one["results"]]
    return [r["id"] for r in (*records, *response.get("collections", ()))]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/individuals/P2/biosamples", ["P2"]),
        ("/individuals/P2/runs", ["R1"]),
        ("/individuals/P2/analyses", ["A1"]),
        ("/individuals/P2/cohorts", ["C1"]),
        ("/individuals/P2/datasets", ["open"]),
        ("/biosamples/P2/runs", ["R1"]),
        ("/biosamples/P2/analyses", ["A1"]),
        ("/biosamples/P2/datasets", ["open"]),
        ("/biosamples/P2/cohorts", ["C1"]),
        ("/runs/R2/analyses", ["A2"]),
        ("/runs/R2/datasets", ["open"]),
        ("/runs/R2/cohorts", ["C1"]),
        ("/analyses/A3/datasets", ["open"]),
        ("/analyses/A3/cohorts", ["C1"]),
        ("/cohorts/C1/individuals", ["P1", "P2", "P3", "P4"]),
        ("/cohorts/C1/biosamples", ["P1", "P2", "P3", "P4"]),
        ("/cohorts/C1/runs", ["R0", "R1", "R2", "R3"]),
        ("/cohorts/C1/analyses", ["A0", "A1", "A2", "A3"]),
        ("/cohorts/C1/datasets", ["open"]),
        ("/datasets/open/individuals", ["P1", "P2", "P3", "P4"]),
        ("/datasets/open/runs", ["R0", "R1", "R2", "R3"]),
        ("/datasets/open/cohorts", ["C1"]),
    ],
)
async def test_a_nested_list_holds_what_belongs_to_its_entry(
    node: BeaconNode, path: str, expected: list[str]
) -> None:
    found = await node.get(path, requestedGranularity="record")
    assert found.status_code == 200, found.text
    assert ids(found.json()) == expected


@pytest.mark.parametrize(
    ("entry", "first", "last"),
    [
        ("individuals", ["P1", "P2"], ["P3", "P4"]),
        ("biosamples", ["P1", "P2"], ["P3", "P4"]),
        ("runs", ["R0", "R1"], ["R2", "R3"]),
        ("analyses", ["A0", "A1"], ["A2", "A3"]),
        ("cohorts", ["C1"], ["C1"]),
        ("datasets", ["open"], ["open"]),
    ],
)
async def test_a_list_under_a_variant_is_of_its_carriers(
    node: BeaconNode, entry: str, first: list[str], last: list[str]
) -> None:
    for asked, expected in ((FIRST, first), (LAST, last)):
        name = await _variant(node, asked)
        found = await node.get(f"/g_variants/{name}/{entry}", requestedGranularity="record")
        assert ids(found.json()) == expected


@pytest.mark.parametrize("parent", ["individuals/P1", "biosamples/P1", "runs/R0", "analyses/A0"])
async def test_the_variants_under_an_entry_are_those_its_person_carries(
    node: BeaconNode, parent: str
) -> None:
    mine = await node.get(f"/{parent}/g_variants", requestedGranularity="count")
    assert mine.json()["responseSummary"]["numTotalResults"] == 4
    everyone = await node.get("/cohorts/C1/g_variants", requestedGranularity="count")
    assert everyone.json()["responseSummary"]["numTotalResults"] == 6


@pytest.mark.parametrize(
    "parent",
    ["individuals/P9", "biosamples/P9", "runs/R9", "analyses/A9", "cohorts/C9", "datasets/closed",
     "g_variants/none"],
)  # fmt: skip
async def test_nothing_hangs_from_an_entry_that_is_not_there(node: BeaconNode, parent: str) -> None:
    nested = (await node.get("/map")).json()["response"]["endpointSets"]
    root = parent.split("/")[0]
    (mine,) = (one for one in nested.values() if one["rootUrl"].endswith(f"/{root}"))
    for endpoint in mine["endpoints"].values():
        path = f"/{parent}/{endpoint['url'].rsplit('/', 1)[1]}"
        assert (await node.get(path)).status_code == 404, path


async def test_the_datasets_of_an_entry_are_those_that_may_be_told(node: BeaconNode) -> None:
    for name, expected in ((None, ["open"]), ("grace", ["closed", "open"])):
        assert ids((await node.get("/individuals/P1/datasets", name=name)).json()) == expected


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/individuals/filtering_terms", 200),
        ("/individuals/P1/filtering_terms", 200),
        ("/cohorts/C1/filtering_terms", 200),
        ("/datasets/open/filtering_terms", 200),
        ("/individuals/P9/filtering_terms", 404),
        ("/datasets/closed/filtering_terms", 404),
    ],
)
async def test_filtering_terms_are_listed_under_what_they_filter(
    node: BeaconNode, path: str, status: int
) -> None:
    found = await node.get(path)
    assert found.status_code == status
    if status == 200:
        terms = found.json()["response"]["filteringTerms"]
        assert "ICD10:G35" in {term["id"] for term in terms}
        scopes = {scope for term in terms for scope in term["scopes"]}
        assert scopes == {"individual"} if path.startswith("/individuals") else scopes


async def _variant(node: BeaconNode, asked: dict[str, str]) -> str:
    found = await node.get("/g_variants", **asked, requestedGranularity="record")
    (record,) = found.json()["response"]["resultSets"][0]["results"]
    return str(record["variantInternalId"])
