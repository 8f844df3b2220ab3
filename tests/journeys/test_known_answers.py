"""Real sample data in a node assembled whole, asked over HTTP; the answers were known before.

The figures were computed from the files by other programs than ours and stand in the data's own
description.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from beacon.loading.load import DatasetSource
from gateway.app import create_app
from gateway.holding import loading
from tests.support.node_folder import URL, node_folder, open_counts
from tests.support.shared import shared_data

pytestmark = pytest.mark.anyio

DATASET = "cineca-uk1"
Filter = Mapping[str, str] | list[Mapping[str, str]]
MOST_PAGES = 3
FEMALE, MALE = "NCIT:C16576", "NCIT:C20197"
CARRIED = {"start": 76853, "referenceBases": "A", "alternateBases": "G"}
INSERTED = {"start": 10176, "referenceBases": "A", "alternateBases": "AC"}


class Asked:
    """One node holding the cohort, or a share of its people."""

    def __init__(self, folder: Path, *, people: frozenset[str] | None = None) -> None:
        data = shared_data("beacon")
        policy = {**open_counts(DATASET), "ceilings": {"public": "record"}}
        made = node_folder(folder, policies=[policy])
        loading.load_dataset(
            made,
            DatasetSource(
                id=DATASET,
                name="CINECA UK1",
                description="",
                assembly="GRCh37",
                vcfs=(data / "1000g" / "test_1000G.b37.chr1.vcf.gz",),
                individuals=data / "cineca-uk1" / "individuals.json.gz",
                biosamples=data / "cineca-uk1" / "biosamples.json.gz",
                runs=data / "cineca-uk1" / "runs.json.gz",
                analyses=data / "cineca-uk1" / "analyses.json.gz",
                keep_people=people,
            ),
        )
        self._app = create_app(made)

    async def post(self, path: str, query: Mapping[str, Any]) -> Mapping[str, Any]:
        body = {
            "meta": {"apiVersion": "v2.2.0"},
            "query": {"requestedGranularity": "count", **query},
        }
        async with self._client() as http:
            answer = await http.post(f"/beacon/{path}", json=body)
        return _summary(answer)

    async def get(self, path: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        params = {"requestedGranularity": "count", **params}
        async with self._client() as http:
            answer = await http.get(f"/beacon/{path}", params=params)
        return _summary(answer)

    async def variants(self, **asked: Any) -> list[Mapping[str, Any]]:
        """Every record, page after page."""
        found: list[Mapping[str, Any]] = []
        for page in range(MOST_PAGES):
            params = {"requestedGranularity": "record", "limit": 1000, "skip": page, **asked}
            async with self._client() as http:
                answer = (await http.get("/beacon/g_variants", params=params)).json()
            for held in answer["response"]["resultSets"]:
                found += held["results"]
            if len(found) >= answer["responseSummary"]["numTotalResults"]:
                return found
        raise AssertionError("more pages than there can be")

    async def people(self, *filters: Filter, carrying: object = None) -> int:
        query: dict[str, Any] = {"filters": list(filters)}
        if carrying is not None:
            query["requestParameters"] = {"g_variant": carrying}
        return _count(await self.post("individuals", query))

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=URL)


def _summary(answer: httpx.Response) -> Mapping[str, Any]:
    assert answer.status_code == 200, answer.text
    summary: Mapping[str, Any] = answer.json()["responseSummary"]
    return summary


def _count(summary: Mapping[str, Any]) -> int:
    count = summary["numTotalResults"]
    assert isinstance(count, int)
    assert summary["exists"] is (count > 0)
    return count


def term(code: str) -> Mapping[str, str]:
    return {"id": code}


def word(field: str, value: str) -> Mapping[str, str]:
    return {"id": field, "operator": "=", "value": value}


def bmi(operator: str, value: str) -> Mapping[str, str]:
    return {"id": "LOINC:35925-4", "operator": operator, "value": value}


def variant(asked: Mapping[str, Any]) -> dict[str, Any]:
    listed = {key: [value] for key, value in asked.items() if key in {"start", "end"}}
    return {"referenceName": "1", "assemblyId": "GRCh37", **asked, **listed}


INDIVIDUALS = [
    ([], 2504),
    ([term(FEMALE)], 1271),
    ([term(MALE)], 1233),
    ([term("ICD10:G35")], 125),
    ([term("ICD10:G35"), term(FEMALE)], 63),
    ([term("ICD10:G35"), term(FEMALE), term("GAZ:00002640")], 7),
    ([term("ICD10:E10"), term("ICD10:J45")], 8),
    ([term("ICD10:E10"), term("ICD10:D50")], 7),
    ([term("NCIT:C67109")], 1144),
    ([[term("ICD10:E10"), term("ICD10:J45")]], 291),
    ([word("diseases.diseaseCode", "%")], 1705),
    ([word("ethnicity", "%")], 2287),
    ([word("geographicOrigin", "%")], 1597),
    ([bmi(">", "30")], 642),
    ([bmi(">=", "25")], 1448),
]
RANGES = [
    ((10000, 20000), 108),
    ((50000, 60000), 137),
    ((100000, 200000), 202),
    ((10176, 10177), 1),
    ((10177, 10178), 0),
    ((10175, 10176), 0),
]
CARRIERS = [(CARRIED, [], 140), (INSERTED, [], 1810), (CARRIED, [FEMALE], 68)]
CARRIERS += [(CARRIED, ["ICD10:G35"], 9), (CARRIED, ["ICD10:E10"], 5)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(tmp_path_factory.mktemp("whole") / "node")


@pytest.fixture(scope="module")
def thirds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Asked, ...]:
    packed = (shared_data("beacon") / "cineca-uk1" / "individuals.json.gz").read_bytes()
    ids = [person["id"] for person in json.loads(gzip.decompress(packed))]
    folder = tmp_path_factory.mktemp("thirds")
    return tuple(
        Asked(folder / f"node-{part}", people=frozenset(ids[part::3])) for part in range(3)
    )


@pytest.mark.parametrize(("filters", "truth"), INDIVIDUALS)
async def test_people_are_counted_as_known(whole: Asked, filters: list[Filter], truth: int) -> None:
    assert await whole.people(*filters) == truth


@pytest.mark.parametrize(("filters", "truth"), INDIVIDUALS[1:9])
async def test_people_asked_for_in_an_address_are_counted_as_known(
    whole: Asked, filters: list[Mapping[str, str]], truth: int
) -> None:
    joined = ",".join(entry["id"] for entry in filters)
    assert _count(await whole.get("individuals", {"filters": joined})) == truth


@pytest.mark.parametrize(("span", "truth"), RANGES)
async def test_alleles_of_a_range_are_counted_as_known_by_post_and_get(
    whole: Asked, span: tuple[int, int], truth: int
) -> None:
    asked = {"start": span[0], "end": span[1]}
    posted = {"requestParameters": {"g_variant": variant(asked)}}
    assert _count(await whole.post("g_variants", posted)) == truth
    params = {"referenceName": "1", "assemblyId": "GRCh37", **asked}
    assert _count(await whole.get("g_variants", params)) == truth


@pytest.mark.parametrize(("asked", "filters", "truth"), CARRIERS)
async def test_carriers_are_counted_as_known(
    whole: Asked, asked: Mapping[str, Any], filters: list[str], truth: int
) -> None:
    found = await whole.people(*map(term, filters), carrying=variant(asked))
    assert found == truth


@pytest.mark.parametrize("asked", [CARRIED, INSERTED])
async def test_an_allele_somebody_carries_is_found_once(
    whole: Asked, asked: Mapping[str, Any]
) -> None:
    posted = {"requestParameters": {"g_variant": variant(asked)}}
    assert _count(await whole.post("g_variants", posted)) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"start": 76853, "referenceBases": "A", "alternateBases": "T"},
        {"start": 76852, "referenceBases": "A", "alternateBases": "G"},
        {"start": 76854, "referenceBases": "A", "alternateBases": "G"},
        {"start": 76853, "referenceBases": "G", "alternateBases": "A"},
    ],
    ids=["another base", "one before", "one after", "turned round"],
)
async def test_an_allele_that_is_not_there_is_answered_no(
    whole: Asked, asked: Mapping[str, Any]
) -> None:
    posted = {"requestParameters": {"g_variant": variant(asked)}}
    assert _count(await whole.post("g_variants", posted)) == 0
    params = {"referenceName": "1", "assemblyId": "GRCh37", **asked}
    assert _count(await whole.get("g_variants", params)) == 0


def carriers(record: Mapping[str, Any]) -> int:
    """As counted: an answer names at most 20,000 carriers."""
    said = record["frequencyInPopulations"][0]["frequencies"][0]["carriers"]
    assert isinstance(said, int)
    return said


async def test_alleles_are_of_the_known_types_and_their_carriers_as_many_as_known(
    whole: Asked,
) -> None:
    records = await whole.variants()
    types = Counter(record["variation"]["variantType"] for record in records)
    assert len(records) == 1044
    # The one that is written with bases around it (TATATA>AATATA) is a substitution.
    assert (types["SNP"], types["DEL"], types["INS"]) == (995 + 1, 37, 11)
    many = Counter(carriers(record) for record in records)
    assert (many[1], sum(many[each] for each in range(5)), many[0]) == (401, 654, 1)
    assert sum(many[each] * each for each in many) == 89_279
    starts = Counter(place["start"]["value"] for place in map(interval, records))
    assert [start for start, seen in starts.items() if seen > 1] == [13288, 15273, 54711, 66380]


@pytest.mark.parametrize(
    ("asked", "count", "people"), [(CARRIED, 170, 140), (INSERTED, 2130, 1810)]
)
async def test_alleles_are_counted_as_known(
    whole: Asked, asked: Mapping[str, Any], count: int, people: int
) -> None:
    (record,) = await whole.variants(referenceName="1", assemblyId="GRCh37", **asked)
    said = record["frequencyInPopulations"][0]["frequencies"][0]
    assert said["alleleCount"] == count
    assert carriers(record) == len(record["caseLevelData"]) == people


def interval(record: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = record["variation"]["location"]["interval"]
    return found


@pytest.mark.parametrize(("filters", "truth"), INDIVIDUALS)
async def test_people_of_three_nodes_add_up_to_the_cohort(
    thirds: tuple[Asked, ...], filters: list[Filter], truth: int
) -> None:
    assert sum([await node.people(*filters) for node in thirds]) == truth


@pytest.mark.parametrize(("asked", "filters", "truth"), CARRIERS)
async def test_carriers_at_three_nodes_add_up_to_the_cohort(
    thirds: tuple[Asked, ...], asked: Mapping[str, Any], filters: list[str], truth: int
) -> None:
    parts = [await node.people(*map(term, filters), carrying=variant(asked)) for node in thirds]
    assert sum(parts) == truth
    assert all(part < truth for part in parts)
