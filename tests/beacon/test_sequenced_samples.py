"""Variants are of the samples that were sequenced, cohorts of the people they list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from beacon.catalog import Allele, Compare, EntryType, HasTerm, Not, Predicate, Segment
from beacon.loading.load import DatasetSource
from tests.support.beacon_node import loaded
from tests.support.sources import write_records, write_vcf

PEOPLE = [{"id": name} for name in ("P1", "P2", "P3")]
# P1 also gave a sample that was not sequenced; P3 was sequenced, and no biosample says so.
BIOSAMPLES = [
    {"id": "S1", "individualId": "P1", "sampleOriginType": {"id": "UBERON:0000178"}},
    {"id": "T1", "individualId": "P1", "sampleOriginType": {"id": "UBERON:0000992"}},
    {"id": "S2", "individualId": "P2", "sampleOriginType": {"id": "UBERON:0000178"}},
]
RUNS = [
    {"id": "R1", "biosampleId": "S1", "libraryStrategy": "WGS"},
    {"id": "R2", "biosampleId": "T1", "libraryStrategy": "WES"},
]
COHORTS: list[dict[str, Any]] = [
    {"id": "listed", "name": "Listed", "ids": {"individualIds": ["P1", "P9"]}},
    {"id": "samples", "name": "By samples", "ids": {"biosampleIds": ["S2"]}},
    {"id": "plain", "name": "Plain", "ids": ["P2", "P3"]},
    {"id": "nobody", "name": "Nobody", "ids": []},
    {"id": "silent", "name": "Silent", "ids": {"cohortIds": ["x"]}},
]
LINES = ("101 . A G . 0|1 0|0 1|1", "201 . A C . 0|0 1|1 0|0")


def source(folder: Path) -> DatasetSource:
    return DatasetSource(
        *("d", "D", "", "GRCh38"),
        vcfs=(write_vcf(folder / "a.vcf.gz", LINES, samples=("S1", "S2", "P3")),),
        individuals=write_records(folder / "individuals.json", PEOPLE),
        biosamples=write_records(folder / "biosamples.json", BIOSAMPLES),
        runs=write_records(folder / "runs.json", RUNS),
        cohorts=write_records(folder / "cohorts.json", COHORTS),
    )


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    folder = tmp_path_factory.mktemp("samples")
    return loaded(folder / "catalog", source(folder)).snapshot()["d"]


def ids(segment: Segment, entry: EntryType, **narrowed: BitMap | None) -> list[str]:
    samples, records = narrowed.get("samples"), narrowed.get("records")
    _, found = segment.entries(entry, samples=samples, records=records, skip=0, limit=10)
    return [str(each["id"]) for each in found]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [("individual", ["P1", "P3"]), ("biosample", ["S1"]), ("run", ["R1"])],
)
def test_a_variant_is_in_the_samples_of_its_carriers_that_were_sequenced(
    segment: Segment, entry: EntryType, expected: list[str]
) -> None:
    carriers = segment.carriers(Allele("1", 100, "A", "G"))
    assert ids(segment, entry, samples=carriers) == expected


@pytest.mark.parametrize(
    ("predicate", "variants"),
    [
        (HasTerm("UBERON:0000178"), 2),
        (HasTerm("UBERON:0000992"), 0),
        (Compare("libraryStrategy", "=", "WGS"), 1),
        (Compare("libraryStrategy", "=", "WES"), 0),
        (Not(Compare("libraryStrategy", "=", "WGS")), 2),
        (Not(HasTerm("UBERON:0000178")), 1),
    ],
)
def test_a_filter_on_variants_is_about_the_sequenced_sample(
    segment: Segment, predicate: Predicate, variants: int
) -> None:
    samples = segment.matching("genomicVariant", [predicate])
    assert segment.variants(None, samples=samples, skip=0, limit=0).total == variants


@pytest.mark.parametrize(
    ("to", "name", "variants"),
    [
        ("biosample", "S1", 1),
        ("biosample", "T1", 0),
        ("run", "R1", 1),
        ("run", "R2", 0),
        ("individual", "P1", 1),
        ("individual", "P3", 1),
    ],
)
def test_the_variants_under_an_entry_are_those_of_its_own_sample(
    segment: Segment, to: EntryType, name: str, variants: int
) -> None:
    samples = segment.belonging("genomicVariant", to=to, entry_id=name)
    assert segment.variants(None, samples=samples, skip=0, limit=0).total == variants


@pytest.mark.parametrize(
    ("cohort", "people", "runs"),
    [
        ("listed", ["P1"], ["R1", "R2"]),
        ("samples", ["P2"], []),
        ("plain", ["P2", "P3"], []),
        ("nobody", [], []),
        ("silent", ["P1", "P2", "P3"], ["R1", "R2"]),
    ],
)
def test_a_cohort_is_of_the_people_it_lists_and_of_everybody_where_it_lists_none(
    segment: Segment, cohort: str, people: list[str], runs: list[str]
) -> None:
    for entry, expected in (("individual", people), ("run", runs)):
        records = segment.belonging(entry, to="cohort", entry_id=cohort)  # type: ignore[arg-type]
        assert ids(segment, entry, records=records) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("to", "name", "cohorts"),
    [
        ("individual", "P1", ["listed", "silent"]),
        ("run", "R2", ["listed", "silent"]),
        ("individual", "P2", ["samples", "plain", "silent"]),
        ("dataset", "d", ["listed", "samples", "plain", "nobody", "silent"]),
    ],
)
def test_cohorts_of_an_entry_are_those_that_list_its_person(
    segment: Segment, to: EntryType, name: str, cohorts: list[str]
) -> None:
    records = None if to == "dataset" else segment.belonging("cohort", to=to, entry_id=name)
    assert ids(segment, "cohort", records=records) == cohorts


def test_no_cohort_says_whom_it_lists(segment: Segment) -> None:
    for cohort in COHORTS:
        assert "ids" not in (segment.entry("cohort", cohort["id"]) or {"ids": 1})
