"""Every kind of answer against the official Beacon v2.2.0 JSON schemas (commit c6558bf)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from access.policies.policy import Level
from beacon.loading.load import DatasetSource
from schemas.entries import ENTRY_TYPES
from tests.support.beacon_node import BeaconNode, loaded, policy, presence_only, source
from tests.support.beacon_schemas import Schemas
from tests.support.shared import shared_data

pytestmark = pytest.mark.anyio
ALLELE = {
    "referenceName": "1",
    "start": 100,
    "referenceBases": "A",
    "alternateBases": "G",
    "assemblyId": "GRCh38",
}


@pytest.fixture
def schemas() -> Schemas:
    return Schemas()


@pytest.fixture
def node(tmp_path: Path) -> BeaconNode:
    sources = (source(tmp_path / name, name) for name in ("A", "B"))
    return BeaconNode(
        tmp_path,
        catalog=loaded(tmp_path / "catalog", *sources),
        policies=[policy("A"), presence_only("B")],
        grants={"grace": ["B"]},
    )


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("", "beaconInfoResponse"),
        ("/", "beaconInfoResponse"),
        ("/info", "beaconInfoResponse"),
        ("/service-info", "ga4gh-service-info-1-0-0-schema"),
        ("/configuration", "beaconConfigurationResponse"),
        ("/entry_types", "beaconEntryTypesResponse"),
        ("/map", "beaconMapResponse"),
        ("/filtering_terms", "beaconFilteringTermsResponse"),
    ],
)
async def test_a_framework_endpoint_is_what_the_standard_says(
    node: BeaconNode, schemas: Schemas, path: str, schema: str
) -> None:
    found = await node.get(path)
    assert found.status_code == 200
    schemas.response(found.json(), schema)


async def test_info_takes_the_service_info_form_when_that_is_asked_for(
    node: BeaconNode, schemas: Schemas
) -> None:
    found = await node.get("/info", requestedSchema="ga4gh-service-info-v1.0")
    schemas.response(found.json()["response"], "ga4gh-service-info-1-0-0-schema")


@pytest.mark.parametrize("granularity", ["boolean", "count", "record"])
@pytest.mark.parametrize("caller", [None, "grace"])
@pytest.mark.parametrize("include", ["HIT", "MISS", "ALL", "NONE"])
async def test_every_list_answers_in_its_envelope(
    node: BeaconNode, schemas: Schemas, granularity: str, caller: str | None, include: str
) -> None:
    for entry in ENTRY_TYPES.values():
        found = await node.get(
            f"/{entry.path}",
            name=caller,
            requestedGranularity=granularity,
            includeResultsetResponses=include,
        )
        assert found.status_code == 200, entry.id
        schemas.answer(found.json())


async def test_every_record_fits_the_schema_of_its_entry_type(
    node: BeaconNode, schemas: Schemas
) -> None:
    for entry in ENTRY_TYPES.values():
        found = await node.get(f"/{entry.path}", requestedGranularity="record")
        records = _records(found.json())
        assert records, entry.id
        for record in records:
            schemas.entry(record, entry.folder)


async def test_every_address_of_the_map_answers_in_its_envelope(
    node: BeaconNode, schemas: Schemas
) -> None:
    """Walks the map as the verifiers do: list, first id, single entry, related lists."""
    sets = (await node.get("/map")).json()["response"]["endpointSets"]
    assert {one["entryType"] for one in sets.values()} == set(ENTRY_TYPES)
    for one in sets.values():
        listed = await _follow(node, one["rootUrl"])
        schemas.answer(listed)
        first = _records(listed)[0]
        name = first.get("variantInternalId") or first["id"]
        urls = [one["singleEntryUrl"], *(e["url"] for e in one["endpoints"].values())]
        for url in urls:
            placed = url.replace("{id}", name).replace("{variantInternalId}", name)
            found = await _follow(node, placed)
            schemas.answer(found)
            assert found["responseSummary"]["exists"] is True, placed


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/g_variants", {"geneId": "BRCA1"}, 400),
        ("/g_variants/none", {}, 404),
        ("/nowhere", {}, 404),
        ("/map", {"colour": "red"}, 400),
    ],
)
async def test_errors_carry_the_full_meta(
    node: BeaconNode, schemas: Schemas, path: str, params: dict[str, str], status: int
) -> None:
    found = await node.get(path, **params)
    assert found.status_code == status == found.json()["error"]["errorCode"]
    schemas.response(found.json(), "beaconErrorResponse")


async def test_a_refusal_of_every_dataset_is_a_beacon_error(
    tmp_path: Path, schemas: Schemas
) -> None:
    node = BeaconNode(
        tmp_path,
        catalog=loaded(tmp_path / "catalog", source(tmp_path / "A", "A")),
        policies=[policy("A", level=Level.CONTROLLED)],
    )
    found = await node.post("/g_variants", {"requestParameters": {"g_variant": ALLELE}})
    assert found.status_code == 403
    schemas.response(found.json(), "beaconErrorResponse")


async def test_a_mixed_answer_is_valid_and_sends_no_total(
    node: BeaconNode, schemas: Schemas
) -> None:
    query = {"requestParameters": {"g_variant": ALLELE}, "requestedGranularity": "record"}
    schemas.request({"meta": {"apiVersion": "v2.2.0"}, "query": query})
    found = (await node.post("/g_variants", query)).json()
    schemas.answer(found)
    assert found["meta"]["returnedGranularity"] == "record"
    assert "numTotalResults" not in found["responseSummary"]


async def _follow(node: BeaconNode, url: str) -> dict[str, Any]:
    async with node.client() as client:
        found: httpx.Response = await client.get(url, params={"requestedGranularity": "record"})
    assert found.status_code == 200, url
    body: dict[str, Any] = found.json()
    return body


def _records(body: dict[str, Any]) -> list[dict[str, Any]]:
    response = body["response"]
    sets = response.get("resultSets", [])
    found: list[dict[str, Any]] = list(response.get("collections", []))
    return found + [record for one in sets for record in one.get("results", [])]


async def test_the_cohort_of_the_shared_data_gives_the_answers_its_readme_states(
    tmp_path: Path, schemas: Schemas
) -> None:
    """Expected counts are those computed independently beside the data."""
    shared = shared_data("beacon")
    cohort = shared / "cineca-uk1"
    node = BeaconNode(
        tmp_path,
        catalog=loaded(
            tmp_path / "catalog",
            DatasetSource(
                id="uk1",
                name="UK1",
                description="",
                assembly="GRCh37",
                vcfs=(shared / "1000g" / "test_1000G.b37.chr1.vcf.gz",),
                individuals=cohort / "individuals.json.gz",
                biosamples=cohort / "biosamples.json.gz",
                runs=cohort / "runs.json.gz",
                analyses=cohort / "analyses.json.gz",
            ),
        ),
        policies=[policy("uk1")],
    )
    allele = {"referenceName": "1", "start": "76853", "referenceBases": "A", "alternateBases": "G"}
    cases: tuple[tuple[str, dict[str, str], int], ...] = (
        ("/individuals", {}, 2504),
        ("/individuals", {"filters": "NCIT:C16576"}, 1271),
        ("/individuals", {"filters": "NCIT:C16576,NCIT:C20197"}, 2504),
        ("/individuals", {"filters": "ICD10:G35"}, 125),
        ("/individuals", {"filters": "ICD10:G35,NCIT:C16576"}, 63),
        ("/individuals", {"filters": "ICD10:G35,NCIT:C16576,GAZ:00002640"}, 7),
        ("/individuals", {"filters": "ICD10:E10,ICD10:J45"}, 8),
        ("/individuals", {"filters": "NCIT:C67109"}, 1144),
        ("/individuals", {"filters": "LOINC:35925-4:>30"}, 642),
        ("/individuals", {"filters": "LOINC:35925-4:>=25"}, 1448),
        ("/individuals", allele, 140),
        ("/individuals", {**allele, "filters": "NCIT:C16576"}, 68),
        ("/individuals", {**allele, "filters": "ICD10:G35"}, 9),
        ("/g_variants", allele, 1),
        ("/g_variants", {"referenceName": "chr1", "start": "10000", "end": "20000"}, 108),
        ("/g_variants", {"referenceName": "1", "start": "10176", "end": "10177"}, 1),
        ("/g_variants", {"referenceName": "1", "start": "10177", "end": "10178"}, 0),
        ("/g_variants", {}, 1044),
    )
    for path, params, expected in cases:
        found = (await node.get(path, **params, requestedGranularity="count")).json()
        assert found["responseSummary"]["numTotalResults"] == expected, (path, params)
        schemas.answer(found)
    either = {"filters": [["ICD10:E10", "ICD10:J45"]], "requestedGranularity": "count"}
    found = (await node.post("/individuals", either)).json()
    assert found["responseSummary"]["numTotalResults"] == 291
    found = (await node.get("/g_variants", **allele, requestedGranularity="record")).json()
    schemas.answer(found)
    (record,) = _records(found)
    schemas.entry(record, "genomicVariations")
    assert len(record["caseLevelData"]) == 140
    assert record["frequencyInPopulations"][0]["frequencies"][0]["alleleCount"] == 170
