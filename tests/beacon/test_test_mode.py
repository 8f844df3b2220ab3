"""testMode: answers of the real form from data of nobody, whoever asks; never mixed with real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from access.policies.policy import Level, Profile
from schemas.entries import ENTRY_TYPES
from tests.support.beacon_node import BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio


@pytest.fixture
def node(tmp_path: Path) -> BeaconNode:
    catalog = loaded(tmp_path / "catalog", source(tmp_path / "A", "A"), source(tmp_path / "B", "B"))
    policies = [policy("A"), policy("B", level=Level.CONTROLLED, profile=Profile.CONTROLLED)]
    return BeaconNode(tmp_path, catalog=catalog, policies=policies, grants={"grace": ["B"]})


async def ask(node: BeaconNode, path: str, **asked: Any) -> dict[str, Any]:
    query = {"testMode": True, "requestedGranularity": "record", **asked}
    found = await node.post(path, query)
    assert found.status_code == 200, (path, found.text)
    body: dict[str, Any] = found.json()
    assert body["meta"]["testMode"] is True
    assert body["meta"]["receivedRequestSummary"]["testMode"] is True
    return body


def records(body: dict[str, Any]) -> list[dict[str, Any]]:
    response = body["response"]
    found = [r for one in response.get("resultSets", ()) for r in one["results"]]
    return [*found, *response.get("collections", ())]


async def test_every_list_of_the_map_has_a_record(node: BeaconNode) -> None:
    """As the network's admission test walks it: each list, its first record, the lists below."""
    sets = (await node.get("/map")).json()["response"]["endpointSets"]
    assert len(sets) == len(ENTRY_TYPES)
    for one in sets.values():
        root = "/" + one["rootUrl"].rsplit("/", 1)[1]
        first = records(await ask(node, root, pagination={"skip": 0, "limit": 1}))[0]
        name = first.get("variantInternalId") or first["id"]
        assert records(await ask(node, f"{root}/{name}"))
        for endpoint in one["endpoints"].values():
            below = endpoint["url"].rsplit("/", 1)[1]
            assert records(await ask(node, f"{root}/{name}/{below}")), (root, below)


async def test_who_asks_makes_no_difference_and_real_data_is_never_touched(
    node: BeaconNode,
) -> None:
    for entry in ENTRY_TYPES.values():
        answers = []
        for name in (None, "grace"):
            query = {"testMode": True, "requestedGranularity": "record"}
            found = await node.post(f"/{entry.path}", query, name=name)
            answers.append(found.json())
        assert answers[0] == answers[1]
        one = answers[0]["response"].get("resultSets")
        assert one is None or [each["id"] for each in one] == ["synthetic"]


@pytest.mark.parametrize(
    "path", ["/individuals/P1", "/datasets/A", "/datasets/A/individuals", "/runs/R0/analyses"]
)
async def test_a_real_id_is_unknown_in_test_mode(node: BeaconNode, path: str) -> None:
    assert (await node.post(path, {"testMode": True})).status_code == 404


@pytest.mark.parametrize(
    "path", ["/individuals/TEST1", "/datasets/synthetic", "/datasets/synthetic/individuals"]
)
async def test_a_test_id_is_unknown_outside_test_mode(node: BeaconNode, path: str) -> None:
    assert (await node.get(path)).status_code == 404
    assert (await node.get(path, testMode="true")).status_code == 200


async def test_naming_a_real_dataset_in_test_mode_reaches_nothing(node: BeaconNode) -> None:
    found = await node.get("/individuals", testMode="true", datasetIds="A")
    assert found.status_code == 404


async def test_questions_are_really_evaluated(node: BeaconNode) -> None:
    allele = {"referenceName": "1", "start": [1000], "referenceBases": "A"}
    for alternate, exists in (("T", True), ("C", False)):
        variant = {"g_variant": {**allele, "alternateBases": alternate}}
        body = await ask(node, "/g_variants", requestParameters=variant)
        assert body["responseSummary"]["exists"] is exists
    for gene in ({"geneId": "TEST"}, {"aminoacidChange": "T2S"}):
        body = await ask(node, "/g_variants", requestParameters={"g_variant": gene})
        assert body["responseSummary"]["exists"] is True
    for term, count in (("MONDO:0005148", 1), ("NCIT:C16576", 1), ("NCIT:C20197", 1)):
        body = await ask(node, "/individuals", filters=[{"id": term}])
        assert body["responseSummary"]["numTotalResults"] == count
    for effect, carriers in (("SO:0001583", 1), ("SO:0001818", 2), ("SO:0001587", 0)):
        body = await ask(node, "/individuals", filters=[effect])
        assert body["responseSummary"]["numTotalResults"] == carriers


async def test_a_test_is_recorded_as_what_it_is(node: BeaconNode) -> None:
    await ask(node, "/individuals")
    (entry,) = node.entries()
    assert entry["facts"]["datasets"] == ["synthetic"]
    assert entry["facts"]["policy_version"] == "synthetic"
    assert entry["facts"]["caller"] is None


@pytest.mark.parametrize(
    ("path", "scopes"),
    [
        ("/filtering_terms", {"individual", "biosample", "run", "analysis", "genomicVariant"}),
        ("/individuals/filtering_terms", {"individual"}),
        ("/individuals/TEST1/filtering_terms", {"individual"}),
    ],
)
async def test_every_listed_term_of_the_test_data_can_be_asked_there(
    node: BeaconNode, path: str, scopes: set[str]
) -> None:
    listed = (await node.get(path, testMode="true")).json()["response"]["filteringTerms"]
    assert {scope for term in listed for scope in term["scopes"]} >= scopes
    assert "ICD10:G35" not in {term["id"] for term in listed}
    people = [
        t["id"] for t in listed if t["type"] == "ontologyTerm" and "individual" in t["scopes"]
    ]
    assert {"MONDO:0005148", "NCIT:C16576"} <= set(people)
    for term in people:
        body = await ask(node, "/individuals", filters=[{"id": term}])
        assert body["responseSummary"]["exists"] is True


@pytest.mark.parametrize("path", ["/individuals/P1/filtering_terms", "/datasets/A/filtering_terms"])
async def test_terms_of_a_real_entry_are_unknown_in_test_mode(node: BeaconNode, path: str) -> None:
    assert (await node.get(path, testMode="true")).status_code == 404
    assert (await node.get(path, testMode="false")).status_code == 200
