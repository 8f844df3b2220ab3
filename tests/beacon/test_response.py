"""Envelopes: totals that are true, sets as asked for, nothing above the answer's granularity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from access.policies.policy import Level
from beacon.response import dataset_record, error_body
from tests.support.beacon_node import (
    LINES,
    NODE,
    SAMPLES,
    URL,
    BeaconNode,
    loaded,
    policy,
    presence_only,
    source,
)

pytestmark = pytest.mark.anyio
EXACT = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}
ONLY_IN_A = {"referenceName": "1", "start": "300", "referenceBases": "G", "alternateBases": "T"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> BeaconNode:
    """A and B are open and share all variants but one; C tells presence only."""
    folder: Path = tmp_path_factory.mktemp("response")
    others = [line for line in LINES if not line.startswith("301 ")]
    catalog = loaded(
        folder / "catalog",
        source(folder / "a", "A"),
        source(folder / "b", "B", lines=others),
        source(folder / "c", "C", lines=others),
    )
    policies = [policy("A"), policy("B"), presence_only("C")]
    return BeaconNode(folder, catalog=catalog, policies=policies, grants={"grace": ["C"]})


async def ask(node: BeaconNode, path: str = "/g_variants", **params: Any) -> dict[str, Any]:
    found = await node.get(path, **{"requestedGranularity": "record", **params})
    assert found.status_code == 200, found.text
    body: dict[str, Any] = found.json()
    return body


def sets(body: dict[str, Any]) -> dict[str, bool]:
    return {one["id"]: one["exists"] for one in body["response"]["resultSets"]}


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("HIT", {"A": True}),
        ("MISS", {"B": False, "C": False}),
        ("ALL", {"A": True, "B": False, "C": False}),
    ],
)
async def test_the_sets_shown_never_change_the_summary(
    node: BeaconNode, include: str, expected: dict[str, bool]
) -> None:
    body = await ask(node, **ONLY_IN_A, includeResultsetResponses=include)
    assert sets(body) == expected
    assert body["responseSummary"]["exists"] is True


@pytest.mark.parametrize("path", ["/datasets/A", "/individuals/P1", "/cohorts/C1"])
async def test_an_entry_that_is_there_is_no_miss(node: BeaconNode, path: str) -> None:
    body = await ask(node, path, includeResultsetResponses="MISS")
    assert body["responseSummary"]["exists"] is True
    assert sets(body) == {}
    assert "A" in sets(await ask(node, path, includeResultsetResponses="ALL"))


async def test_none_shows_no_set(node: BeaconNode) -> None:
    body = await ask(node, **ONLY_IN_A, includeResultsetResponses="NONE", datasetIds="A")
    assert "response" not in body
    assert body["meta"]["returnedGranularity"] == "count"
    assert body["responseSummary"]["numTotalResults"] == 1


async def test_a_hidden_count_hides_the_total_and_lowers_the_answer(node: BeaconNode) -> None:
    body = await ask(node, **EXACT, requestedGranularity="count")
    assert body["meta"]["returnedGranularity"] == "boolean"
    assert body["meta"]["receivedRequestSummary"]["requestedGranularity"] == "count"
    assert "numTotalResults" not in body["responseSummary"]
    shown = {one["id"]: one for one in body["response"]["resultSets"]}
    del shown["C"]["resultsHandovers"]
    assert shown["C"] == {"id": "C", "setType": "dataset", "exists": True}
    assert shown["A"]["resultsCount"] == 1


async def test_people_of_several_datasets_are_added(node: BeaconNode) -> None:
    body = await ask(node, "/individuals", datasetIds="A,B", requestedGranularity="count")
    assert body["responseSummary"] == {
        "exists": True,
        "numTotalResults": 8,
        "countPrecision": "exact",
    }


async def test_variants_of_several_datasets_are_told_apart_where_all_records_came(
    node: BeaconNode,
) -> None:
    body = await ask(node, datasetIds="A,B", limit="100")
    assert body["responseSummary"]["numTotalResults"] == 6
    assert body["responseSummary"]["countPrecision"] == "exact"


@pytest.mark.parametrize("params", [{"requestedGranularity": "count"}, {"limit": "2"}])
async def test_variants_of_several_datasets_are_a_range_where_not_all_records_came(
    node: BeaconNode, params: dict[str, str]
) -> None:
    body = await ask(node, datasetIds="A,B", **params)
    assert body["responseSummary"] == {
        "exists": True,
        "numTotalResults": 6,
        "countPrecision": "imprecise",
        "countAdjustedTo": [6, 11],
    }


async def test_a_variant_of_one_dataset_only_is_counted_exactly(node: BeaconNode) -> None:
    body = await ask(node, **ONLY_IN_A, datasetIds="A,B", requestedGranularity="count")
    assert body["responseSummary"]["numTotalResults"] == 1
    assert body["responseSummary"]["countPrecision"] == "exact"


async def test_a_miss_is_an_answer(node: BeaconNode) -> None:
    body = await ask(node, **{**EXACT, "alternateBases": "T"}, datasetIds="A")
    assert body["responseSummary"] == {
        "exists": False,
        "numTotalResults": 0,
        "countPrecision": "exact",
    }
    assert body["response"] == {"resultSets": []}


async def test_a_variant_record_says_where_how_often_and_who(node: BeaconNode) -> None:
    body = await ask(node, **EXACT, datasetIds="A")
    (record,) = body["response"]["resultSets"][0]["results"]
    location = record["variation"]["location"]
    assert location["sequence_id"] == "refseq:NC_000001.11"
    assert (location["interval"]["start"]["value"], location["interval"]["end"]["value"]) == (
        *(100, 101),
    )
    assert record["identifiers"]["genomicHGVSId"] == "NC_000001.11:g.101A>G"
    assert {"id": "dbSNP:rs1"} in record["identifiers"]["variantAlternativeIds"]
    (frequency,) = record["frequencyInPopulations"][0]["frequencies"]
    assert frequency["alleleFrequency"] == 3 / 8
    zygosities = {case["biosampleId"]: case["zygosity"]["id"] for case in record["caseLevelData"]}
    assert zygosities == {"P1": "GENO:0000135", "P2": "GENO:0000136"}


async def test_half_a_genotype_has_no_zygosity(node: BeaconNode) -> None:
    allele = {"referenceName": "1", "start": "200", "referenceBases": "A", "alternateBases": "C"}
    body = await ask(node, **allele, datasetIds="A")
    (record,) = body["response"]["resultSets"][0]["results"]
    assert {"biosampleId": "P3"} in record["caseLevelData"]


async def test_a_symbolic_deletion_is_a_type_without_bases(node: BeaconNode) -> None:
    body = await ask(node, referenceName="1", start="450", end="451", datasetIds="A")
    (record,) = body["response"]["resultSets"][0]["results"]
    assert record["variation"]["variantType"] == "DEL"
    assert record["variation"]["alternateBases"] == ""


@pytest.mark.parametrize("granularity", ["boolean", "count", "record"])
async def test_nothing_of_a_presence_only_dataset_is_told_but_presence(
    node: BeaconNode, granularity: str
) -> None:
    """On every path: resultset counts, records, info, paging."""
    for path, params in (
        ("/g_variants", EXACT),
        ("/g_variants", {"skip": "1", "limit": "1"}),
        ("/individuals", {"filters": "NCIT:C16576"}),
        ("/individuals/P1", {}),
        ("/individuals/P1/biosamples", {}),
        ("/datasets/C/individuals", {}),
        ("/cohorts", {}),
        ("/runs/R1", {}),
    ):
        asked = {} if "C" in path else {"datasetIds": "C"}
        body = await ask(node, path, **params, **asked, requestedGranularity=granularity)
        assert body["meta"]["returnedGranularity"] == "boolean", path
        assert body["responseSummary"] == {"exists": True}, path
        shown = body.get("response", {"resultSets": []})["resultSets"]
        for one in shown:
            leading = [each["url"] for each in one.pop("resultsHandovers")]
            assert leading == [f"{URL}/beacon/datasets/C", f"{URL}/access/requests"], path
            assert one.keys() == {"id", "setType", "exists"}, path
        assert "info" not in body


async def test_a_grant_shows_what_presence_hid(node: BeaconNode) -> None:
    found = await node.get(
        "/individuals/P1", name="grace", datasetIds="C", requestedGranularity="record"
    )
    (one,) = found.json()["response"]["resultSets"]
    assert one["results"][0]["id"] == "P1"


async def test_lists_of_a_cohorts_members_never_leave(node: BeaconNode) -> None:
    body = await ask(node, "/cohorts", datasetIds="A")
    (cohort,) = body["response"]["collections"]
    assert cohort["id"] == "C1"
    assert not any(name in json.dumps(cohort) for name in SAMPLES)


async def test_datasets_are_described_without_their_members(node: BeaconNode) -> None:
    for path in ("/datasets", "/datasets/A"):
        found = await node.get(path)
        assert not any(name in found.text for name in SAMPLES)
    body = await ask(node, "/datasets", skip="1", limit="2")
    assert [each["id"] for each in body["response"]["collections"]] == ["C"]
    assert body["responseSummary"]["numTotalResults"] == 3


async def test_a_dataset_says_what_it_would_tell_this_caller(node: BeaconNode) -> None:
    for name, expected in ((None, "boolean"), ("grace", "record")):
        found = (await node.get("/datasets/C", name=name)).json()
        (record,) = found["response"]["resultSets"][0]["results"]
        assert record["info"]["granularityForYou"] == expected


async def test_dataset_ids_that_name_nothing_here_are_named(node: BeaconNode) -> None:
    body = await ask(node, **EXACT, datasetIds="A,elsewhere")
    assert body["info"] == {"unknownDatasets": ["elsewhere"]}


async def test_a_closed_dataset_is_named_in_info_and_nowhere_else(tmp_path: Path) -> None:
    catalog = loaded(
        *(tmp_path / "catalog", source(tmp_path / "a", "A"), source(tmp_path / "b", "B"))
    )
    policies = [policy("A"), policy("B", level=Level.CONTROLLED)]
    node = BeaconNode(tmp_path, catalog=catalog, policies=policies)
    body = await ask(node, "/individuals", includeResultsetResponses="ALL")
    assert sets(body) == {"A": True}
    assert body["responseSummary"]["numTotalResults"] == 4
    (note,) = body["info"]["suppressed"]
    assert (note["id"], note["code"]) == ("B", "needs_grant")


def test_only_named_members_of_a_dataset_are_public() -> None:
    metadata = {"ids": ["P1"], "version": "2", "secret": 1, "id": "other", "name": "other"}
    assert dataset_record("A", name="N", description="", metadata=metadata) == {
        "version": "2",
        "id": "A",
        "name": "N",
    }


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("/individuals", {"filters": "nothing:1"}, 400),
        ("/g_variants", {"geneId": "BRCA1"}, 400),
        ("/individuals/P9", {}, 404),
        ("/individuals", {"datasetIds": "nothing", "testMode": "true"}, 404),
        ("/datasets/nothing", {"skip": "2", "limit": "3"}, 404),
    ],
)
async def test_a_refusal_says_what_was_asked(
    node: BeaconNode, path: str, asked: dict[str, str], status: int
) -> None:
    found = await node.get(path, **asked, requestedGranularity="record")
    assert found.status_code == status
    meta = found.json()["meta"]
    said = meta["receivedRequestSummary"]
    assert said["requestedGranularity"] == "record"
    assert said["testMode"] is meta["testMode"] is (asked.get("testMode") == "true")
    assert said["filters"] == ([asked["filters"]] if "filters" in asked else [])
    assert said["pagination"]["limit"] == int(asked.get("limit", 10))
    named = said["requestParameters"]
    assert bool(named) is bool({"geneId", "datasetIds"} & asked.keys())


async def test_a_refusal_says_nothing_of_what_another_asked(node: BeaconNode) -> None:
    await node.get("/individuals/P9", filters="ICD10:G35", requestedGranularity="record")
    said = (await node.get("/individuals", colour="red")).json()["meta"]["receivedRequestSummary"]
    assert (said["requestedGranularity"], said.get("filters", [])) == ("boolean", [])


def test_an_error_is_numbered_named_and_attributed() -> None:
    body = error_body(403, "No.", "suppressed", node=NODE)
    assert body["error"] == {"errorCode": 403, "errorMessage": "No."}
    assert body["info"] == {"code": "suppressed"}
