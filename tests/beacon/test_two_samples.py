"""Who gave two sequenced samples carries in each what its own genotypes say, in both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.policies.policy import Level, Profile
from beacon import manifest
from beacon.catalog import Allele, Segment, Span
from beacon.clickhouse.engine import ChdbEngine
from beacon.clickhouse.loading import load as load_clickhouse
from beacon.clickhouse.segment import ClickHouseSegment
from beacon.loading.load import DatasetSource, load
from beacon.segment.without import without
from beacon.segments import SegmentCatalog
from tests.support.beacon_node import BeaconNode, policy
from tests.support.sources import COPIES, HEADER, write_records, write_vcf

pytestmark = pytest.mark.anyio

BLOOD = {"id": "UBERON:0000178", "label": "blood"}
TUMOUR = {"id": "UBERON:0000992", "label": "ovary"}
CANCER = {"id": "MONDO:0008170", "label": "ovarian cancer"}
ILL = [{"diseaseCode": CANCER}]
# P1 gave a normal and a tumour, P2 a tumour, P3 a sample of each that no biosample describes but
# the tumour, P4 a normal and a tumour that was not sequenced.
PEOPLE: list[dict[str, Any]] = [
    {"id": "P1", "diseases": ILL},
    {"id": "P2"},
    {"id": "P3"},
    {"id": "P4", "diseases": ILL},
]
BIOSAMPLES = [
    {"id": name, "individualId": person, "sampleOriginType": tissue}
    for name, person, tissue in (
        ("N1", "P1", BLOOD),
        ("T1", "P1", TUMOUR),
        ("T2", "P2", TUMOUR),
        ("T3", "P3", TUMOUR),
        ("U3", "P3", BLOOD),
        ("N4", "P4", BLOOD),
        ("U4", "P4", TUMOUR),
    )
]
RUNS = [
    {"id": "RN1", "biosampleId": "N1", "libraryStrategy": "WGS"},
    {"id": "RT1", "biosampleId": "T1", "libraryStrategy": "WES"},
    {"id": "RT1b", "biosampleId": "T1", "libraryStrategy": "WGS"},
    {"id": "RP1", "individualId": "P1", "libraryStrategy": "WGS"},
    {"id": "RT3", "biosampleId": "T3", "libraryStrategy": "WES"},
    {"id": "RU3", "biosampleId": "U3", "libraryStrategy": "WES"},
    {"id": "RU4", "biosampleId": "U4", "libraryStrategy": "WES"},
]
ANALYSES = [
    {"id": "AN1", "runId": "RN1", "aligner": "bwa"},
    {"id": "AT1", "biosampleId": "T1", "aligner": "bwa"},
    {"id": "AP1", "individualId": "P1", "aligner": "bwa"},
    {"id": "AP3", "individualId": "P3", "aligner": "bwa"},
]
COHORTS = [
    {"id": "C1", "name": "One", "ids": ["P1"]},
    {"id": "C23", "name": "Others", "ids": ["P2", "P3"]},
]
SAMPLES = ("T2", "N1", "P3", "T1", "N4", "T3")
GERMLINE, NORMAL, SOMATIC, OTHERS = "1-101-A-G", "1-201-A-C", "1-301-G-T", "1-401-C-T"
LINES = (
    # of     T2  N1  P3  T1  N4  T3
    "101 . A G . 0/0 0/1 0/1 1/1 0/0 0/1",
    "201 . A C . 0/0 1/1 0/1 0/0 0/0 0/0",
    "301 . G T . 0/1 0/0 0/0 0/1 0/0 0/0",
    "401 . C T . 0/0 0/0 0/0 0/0 1/1 0/1",
    "501 . N <DEL> END=600 0/0:2 0/1:1 0/0:2 1/1:0 0/0:2 0/0:2",
)
DELETED = {"referenceName": "1", "start": "500", "end": "600"}


def made(folder: Path) -> DatasetSource:
    folder.mkdir()
    header = HEADER + COPIES
    return DatasetSource(
        *("d", "D", "", "GRCh38"),
        vcfs=(write_vcf(folder / "a.vcf.gz", LINES, samples=SAMPLES, header=header),),
        individuals=write_records(folder / "individuals.json", PEOPLE),
        biosamples=write_records(folder / "biosamples.json", BIOSAMPLES),
        runs=write_records(folder / "runs.json", RUNS),
        analyses=write_records(folder / "analyses.json", ANALYSES),
        cohorts=write_records(folder / "cohorts.json", COHORTS),
    )


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    (folder / "catalog").mkdir()
    load(made(folder / "in"), folder / "catalog")
    return folder / "catalog"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    held = ChdbEngine(tmp_path_factory.mktemp("clickhouse") / "tables")
    yield held
    held.close()


@pytest.fixture(scope="module", params=["file", "clickhouse"])
def served(
    catalog: Path, engine: ChdbEngine, request: pytest.FixtureRequest
) -> Iterator[SegmentCatalog]:
    if request.param == "file":
        yield SegmentCatalog(catalog)
        return
    entry = manifest.read(catalog)["d"]
    database = load_clickhouse(
        engine,
        SegmentCatalog(catalog).snapshot()["d"].facts,
        segment=catalog / entry.file,
        variants=catalog / manifest.parquet_name(entry.file),
    )
    yield SegmentCatalog(catalog, form=lambda base: ClickHouseSegment(base, engine, database))


@pytest.fixture
def segment(served: SegmentCatalog) -> Segment:
    return served.snapshot()["d"]


@pytest.fixture
def node(tmp_path: Path, served: SegmentCatalog) -> BeaconNode:
    return BeaconNode(tmp_path, catalog=served, policies=[policy("d")])


async def names(node: BeaconNode, path: str, **asked: str) -> list[str]:
    """Ids of all records, as many as are counted."""
    found = await node.get(path, requestedGranularity="record", **asked)
    assert found.status_code == 200, found.text
    listed = _ids(found.json())
    assert found.json()["responseSummary"]["numTotalResults"] == len(listed)
    return listed


def _ids(body: dict[str, Any]) -> list[str]:
    response = body["response"]
    records = [r for one in response.get("resultSets", ()) for r in one["results"]]
    records += response.get("collections", ())
    return [str(each.get("variantInternalId") or each["id"]) for each in records]


def short(found: list[str]) -> list[str]:
    """The deletion's id has a digest in it."""
    return ["DEL" if name.startswith("1-501-") else name for name in found]


@pytest.mark.parametrize(
    ("parent", "expected"),
    [
        ("biosamples/N1", [GERMLINE, NORMAL, "DEL"]),
        ("biosamples/T1", [GERMLINE, SOMATIC, "DEL"]),
        ("biosamples/T3", [GERMLINE, OTHERS]),
        ("biosamples/U3", [GERMLINE, NORMAL]),  # P3's, which no biosample of its name describes
        ("biosamples/U4", []),
        ("runs/RN1", [GERMLINE, NORMAL, "DEL"]),
        ("runs/RT1", [GERMLINE, SOMATIC, "DEL"]),
        ("runs/RP1", [GERMLINE, NORMAL, SOMATIC, "DEL"]),
        ("runs/RT3", [GERMLINE, OTHERS]),
        ("runs/RU3", [GERMLINE, NORMAL]),
        ("runs/RU4", []),
        ("analyses/AN1", [GERMLINE, NORMAL, "DEL"]),
        ("analyses/AT1", [GERMLINE, SOMATIC, "DEL"]),
        ("analyses/AP1", [GERMLINE, NORMAL, SOMATIC, "DEL"]),
        ("analyses/AP3", [GERMLINE, NORMAL, OTHERS]),
        ("individuals/P1", [GERMLINE, NORMAL, SOMATIC, "DEL"]),
        ("individuals/P3", [GERMLINE, NORMAL, OTHERS]),
        ("individuals/P4", [OTHERS]),
        ("cohorts/C1", [GERMLINE, NORMAL, SOMATIC, "DEL"]),
        ("cohorts/C23", [GERMLINE, NORMAL, SOMATIC, OTHERS]),
        ("datasets/d", [GERMLINE, NORMAL, SOMATIC, OTHERS, "DEL"]),
    ],
)
async def test_the_variants_under_an_entry_are_those_of_its_own_sample(
    node: BeaconNode, parent: str, expected: list[str]
) -> None:
    path = f"/{parent}/g_variants"
    assert short(await names(node, path)) == expected
    pages = [{"skip": str(skip), "limit": "2"} for skip in range(3)]
    paged = [await node.get(path, requestedGranularity="record", **page) for page in pages]
    assert short([name for each in paged for name in _ids(each.json())]) == expected


@pytest.mark.parametrize(
    ("variant", "entry", "expected"),
    [
        (GERMLINE, "individuals", ["P1", "P3"]),
        (GERMLINE, "biosamples", ["N1", "T1", "T3", "U3"]),
        (GERMLINE, "runs", ["RN1", "RT1", "RT1b", "RP1", "RT3", "RU3"]),
        (GERMLINE, "analyses", ["AN1", "AT1", "AP1", "AP3"]),
        (NORMAL, "individuals", ["P1", "P3"]),
        (NORMAL, "biosamples", ["N1", "U3"]),
        (NORMAL, "runs", ["RN1", "RP1", "RU3"]),
        (NORMAL, "analyses", ["AN1", "AP1", "AP3"]),
        (NORMAL, "cohorts", ["C1", "C23"]),
        (SOMATIC, "individuals", ["P1", "P2"]),
        (SOMATIC, "biosamples", ["T1", "T2"]),
        (SOMATIC, "runs", ["RT1", "RT1b", "RP1"]),
        (SOMATIC, "analyses", ["AT1", "AP1"]),
        (SOMATIC, "datasets", ["d"]),
        (OTHERS, "individuals", ["P3", "P4"]),
        (OTHERS, "biosamples", ["T3", "N4"]),
        (OTHERS, "runs", ["RT3"]),
        (OTHERS, "analyses", ["AP3"]),
        (OTHERS, "cohorts", ["C23"]),
    ],
)
async def test_what_is_under_a_variant_is_of_samples_that_carry_it(
    node: BeaconNode, variant: str, entry: str, expected: list[str]
) -> None:
    under = await names(node, f"/g_variants/{variant}/{entry}")
    assert under == expected
    if entry not in ("datasets", "cohorts"):
        beside = await names(node, f"/{entry}", **_parameters(variant))
        assert beside == expected


def _parameters(variant: str) -> dict[str, str]:
    chrom, position, ref, alt = variant.split("-")
    start = str(int(position) - 1)
    return {
        "referenceName": chrom, "start": start, "referenceBases": ref, "alternateBases": alt,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("UBERON:0000992", [GERMLINE, SOMATIC, OTHERS, "DEL"]),
        ("UBERON:0000178", [GERMLINE, NORMAL, OTHERS, "DEL"]),
        ("-UBERON:0000178", [GERMLINE, SOMATIC, OTHERS, "DEL"]),
        ("MONDO:0008170", [GERMLINE, NORMAL, SOMATIC, OTHERS, "DEL"]),
        ("UBERON:0000992,MONDO:0008170", [GERMLINE, SOMATIC, "DEL"]),
        ("UBERON:0000992,-MONDO:0008170", [GERMLINE, SOMATIC, OTHERS]),
        ("UBERON:0000992,libraryStrategy:WES", [GERMLINE, SOMATIC, OTHERS, "DEL"]),
        ("libraryStrategy:WES", [GERMLINE, NORMAL, SOMATIC, OTHERS, "DEL"]),
        ("aligner:bwa,UBERON:0000178", [GERMLINE, NORMAL, "DEL"]),
        ("UBERON:0000992,zygosity:homozygous", [GERMLINE, "DEL"]),
        ("UBERON:0000178,zygosity:homozygous", [NORMAL, OTHERS]),
    ],
)
async def test_filters_beside_variants_are_true_of_one_sample(
    node: BeaconNode, filters: str, expected: list[str]
) -> None:
    assert short(await names(node, "/g_variants", filters=filters)) == expected
    reach = {"referenceName": "1", "start": "0", "end": "1000"}
    assert short(await names(node, "/g_variants", filters=filters, **reach)) == expected


@pytest.mark.parametrize(
    ("variant", "filters", "people", "biosamples"),
    [
        (NORMAL, "UBERON:0000992", [], []),
        (NORMAL, "UBERON:0000178", ["P1", "P3"], ["N1", "U3"]),
        (NORMAL, "UBERON:0000178,MONDO:0008170", ["P1"], ["N1"]),
        (SOMATIC, "UBERON:0000992", ["P1", "P2"], ["T1", "T2"]),
        (SOMATIC, "UBERON:0000992,MONDO:0008170", ["P1"], ["T1"]),
        (SOMATIC, "UBERON:0000178", [], []),
        (SOMATIC, "-UBERON:0000178", ["P1", "P2"], ["T1", "T2"]),
        (SOMATIC, "libraryStrategy:WES", ["P1"], ["T1"]),
        (OTHERS, "UBERON:0000992", ["P3"], ["T3"]),  # P4's tumour was not sequenced
        (OTHERS, "MONDO:0008170", ["P4"], ["N4"]),
        (GERMLINE, "zygosity:homozygous", ["P1"], ["T1"]),
        (GERMLINE, "zygosity:homozygous,UBERON:0000178", [], []),
        (GERMLINE, "zygosity:heterozygous,UBERON:0000992", ["P3"], ["T3"]),
    ],
)
async def test_people_and_biosamples_with_a_variant_have_it_in_the_sample_that_is_meant(
    node: BeaconNode, variant: str, filters: str, people: list[str], biosamples: list[str]
) -> None:
    asked = {**_parameters(variant), "filters": filters}
    assert await names(node, "/individuals", **asked) == people
    assert await names(node, "/biosamples", **asked) == biosamples
    below = await names(node, "/cohorts/C1/individuals", **asked)
    assert below == [each for each in people if each == "P1"]


@pytest.mark.parametrize(
    ("level", "tumour", "people", "biosamples"),
    [
        ("EFO:0030067", 1, ["P1"], ["N1", "T1"]),
        ("EFO:0030068", 0, ["P1"], ["N1"]),  # one copy less: of the normal
        ("EFO:0030069", 1, ["P1"], ["T1"]),
    ],
)
async def test_a_level_of_loss_is_of_one_sample(
    node: BeaconNode, level: str, tumour: int, people: list[str], biosamples: list[str]
) -> None:
    asked = {**DELETED, "variantType": level}
    assert len(await names(node, "/biosamples/T1/g_variants", **asked)) == tumour
    assert await names(node, "/individuals", **asked) == people
    assert await names(node, "/biosamples", **asked) == biosamples
    of_tumours = await names(node, "/individuals", **asked, filters="UBERON:0000992")
    assert of_tumours == people[:tumour]


async def test_a_variant_is_told_with_each_sample_and_counted_by_people(node: BeaconNode) -> None:
    found = await node.get(f"/g_variants/{GERMLINE}", requestedGranularity="record")
    (record,) = found.json()["response"]["resultSets"][0]["results"]
    told = {each["biosampleId"]: each["zygosity"]["label"] for each in record["caseLevelData"]}
    assert told == {"N1": "heterozygous", "P3": "heterozygous", "T1": "homozygous",
                    "T3": "heterozygous"}  # fmt: skip
    (said,) = record["frequencyInPopulations"][0]["frequencies"]
    assert said["carriers"] == 2


def test_who_withdrew_takes_every_sample_along(segment: Segment) -> None:
    left = without(segment, ["P1"])
    everywhere = Span("1", 0, 1_000)
    assert left.person_ids(left.owners(left.carriers(everywhere))) == ["P2", "P3", "P4"]
    ids = [row.variant_id for row in left.variants(None, samples=None, skip=0, limit=9).rows]
    assert ids == [GERMLINE, NORMAL, SOMATIC, OTHERS]
    (row,) = left.variants(Allele("1", 100, "A", "G"), samples=None, skip=0, limit=9).rows
    assert row.carriers == 1
    assert {sample for sample, _ in left.calls(row.row, limit=9)} == {"P3", "T3"}
    for entry in ("biosample", "run", "analysis"):
        assert left.belonging("genomicVariant", to=entry, entry_id=f"{entry[0]}T1") is None
    _, found = left.entries("biosample", samples=left.carriers(everywhere), skip=0, limit=9)
    assert [each["id"] for each in found] == ["T2", "T3", "U3", "N4"]


async def test_a_protected_dataset_counts_people(tmp_path: Path, served: SegmentCatalog) -> None:
    """Thresholds and noise are of people: a person is one, however many samples he gave."""
    segment = served.snapshot()["d"]
    assert len(segment.owners(segment.carriers(Allele("1", 100, "A", "G")))) == 2
    closed = policy("d", level=Level.CONTROLLED, profile=Profile.CONTROLLED)
    node = BeaconNode(tmp_path, catalog=served, policies=[closed], grants={"grace": ["d"]})
    found = await node.get(
        "/individuals", name="grace", requestedGranularity="count", **_parameters(GERMLINE)
    )
    assert found.json()["responseSummary"]["numTotalResults"] == 2
