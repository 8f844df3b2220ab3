"""Threat: two datasets that differ by one person's own variant, terms and words are told apart.

Every address and kind of question is asked of both; what is not a noisy number must be the same,
down to the words of a refusal.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from access.policies.policy import Profile
from beacon import panel
from beacon.catalog import DatasetFacts
from beacon.info import ENDPOINT_SETS, FILTERING_TERMS
from beacon.loading import load, panel_load
from beacon.segment.over import OverSegment
from beacon.segments import SegmentCatalog
from schemas.entries import ENTRY_TYPES, EntryTypeId
from tests.support.beacon_node import FEMALE, MALE, BeaconNode, policy
from tests.support.sources import HEADER, write_records, write_vcf

pytestmark = pytest.mark.anyio

PEOPLE = 200
PRIVATE = {201: "C T", 401: "T TA", 501: "N <DEL>"}
COMMON = {101: "A G", 601: "A G"}
STATED = {
    101: "CSQ=G|synonymous_variant|BRCA1",
    201: "CSQ=T|stop_gained|BRCA1",  # which nobody else carries
    501: "END=900",
    601: "CSQ=G|missense_variant|BRCA2",
}
CSQ = '##INFO=<ID=CSQ,Number=.,Type=String,Description="Format: Allele|Consequence|SYMBOL">\n'
OBO = """format-version: 1.4

[Term]
id: MONDO:1
name: one

[Term]
id: MONDO:2
name: two
is_a: MONDO:1
"""
PLACE = {"referenceName": "1", "assemblyId": "GRCh38"}
COMMON_ALLELE = {**PLACE, "start": "100", "referenceBases": "A", "alternateBases": "G"}
PRIVATE_ALLELE = {**PLACE, "start": "200", "referenceBases": "C", "alternateBases": "T"}
VARIANTS: tuple[dict[str, str], ...] = (
    {},
    COMMON_ALLELE,
    PRIVATE_ALLELE,
    {**PLACE, "start": "400", "referenceBases": "T", "alternateBases": "TA"},
    {**PLACE, "start": "600", "referenceBases": "A", "alternateBases": "N"},
    {**PLACE, "start": "200", "alternateBases": "T"},
    {**PLACE, "start": "190", "end": "210"},
    {**PLACE, "start": "90", "end": "910"},
    {**PLACE, "start": "90", "end": "910", "variantType": "INS"},
    {**PLACE, "start": "90", "end": "910", "variantMinLength": "300"},
    {**PLACE, "start": "490,510", "end": "890,910", "variantType": "EFO:0030069"},
    {"geneId": "BRCA1"},
    {"genomicAlleleShortForm": "1:g.502_900del"},
    {"variantId": "1-201-C-T"},
)
FILTERS = (
    "", FEMALE["id"], "ORPHA:1", "MONDO:1", "MONDO:2", "-MONDO:2", "NCIT:C99", "ethnicity:private",
    "karyotypicSex:XXY", "libraryStrategy:WES", "libraryStrategy:%", "LOINC:1-1:>1",
    "LOINC:35925-4:>30", f"MONDO:2,{FEMALE['id']}", "GENO:0000136",
    "SO:0001587", "-SO:0001587", "molecularEffects:!stop_lost", f"SO:0001587,{FEMALE['id']}",
)  # fmt: skip
NAMED: dict[EntryTypeId, tuple[str, ...]] = {
    "individual": ("P0", "P1"),
    "biosample": ("P0", "P1"),
    "run": ("RP0", "RP1"),
    "analysis": ("AP0",),
    "cohort": ("some", "none"),
    "dataset": ("D",),
    "genomicVariant": ("1-101-A-G", "1-201-C-T", "1-401-T-TA", "1-999-A-C"),
}
CALLERS = (None, "rosa")


class Asked(NamedTuple):
    path: str
    params: dict[str, str]


def private(number: int) -> dict[str, Any]:
    """What only the first person has."""
    if number:
        return {}
    unit = {"id": "NCIT:C49671", "label": "kg/m2"}
    return {
        "diseases": [
            {"diseaseCode": {"id": term, "label": term}} for term in ("ORPHA:1", "MONDO:2")
        ],
        "ethnicity": {"id": "NCIT:C99", "label": "private"},
        "karyotypicSex": "XXY",
        "measurements": [
            {
                "assayCode": {"id": "LOINC:1-1", "label": "private"},
                "measurementValue": {"unit": unit, "value": 3},
            }
        ],
    }


class SameVersion(OverSegment):
    """Noise is drawn by the version: both have the same draws, so that none can tell them apart."""

    @property
    def facts(self) -> DatasetFacts:
        return replace(super().facts, version="1")


def source(folder: Path, *, target: bool) -> load.DatasetSource:
    """With the target or with somebody like everybody in their place."""
    folder.mkdir()
    names = ["P0" if target else "Q0", *(f"P{n}" for n in range(1, PEOPLE))]
    lines = COMMON | (PRIVATE if target else {})
    rows = []
    for at, bases in sorted(lines.items()):
        carriers = {0} if at in PRIVATE else set(range(0 if at == 101 else 1, 120))
        calls = ("0/1" if n in carriers else "0/0" for n in range(PEOPLE))
        rows.append(f"{at} . {bases} {STATED.get(at, '.')} {' '.join(calls)}")
    individuals = [
        {"id": name, "sex": FEMALE if n % 2 else MALE, **(private(n) if target else {})}
        for n, name in enumerate(names)
    ]
    biosamples = [
        {
            "id": name,
            "individualId": name,
            "biosampleStatus": {"id": "EFO:0009654", "label": "reference sample"},
            "sampleOriginType": {"id": "UBERON:0000178", "label": "blood"},
        }
        for name in names
    ]
    strategies = itertools.chain(["WES" if target else "WGS"], itertools.repeat("WGS"))
    runs = [
        {"id": f"R{name}", "biosampleId": name, "individualId": name, "runDate": "2021-10-18",
         "libraryStrategy": strategy}
        for name, strategy in zip(names, strategies, strict=False)
    ]  # fmt: skip
    analyses = [
        {"id": f"A{name}", "biosampleId": name, "individualId": name, "runId": f"R{name}",
         "analysisDate": "2021-10-17", "pipelineName": "pipeline"}
        for name in names
    ]  # fmt: skip
    cohorts = [
        {"id": "all", "name": "All", "cohortType": "study-defined", "ids": names},
        {"id": "some", "name": "Some", "cohortType": "study-defined", "ids": names[:100]},
    ]
    (folder / "terms.obo").write_text(OBO)
    return load.DatasetSource(
        id="D",
        name="D",
        description="",
        assembly="GRCh38",
        vcfs=(write_vcf(folder / "a.vcf.gz", rows, samples=names, header=HEADER + CSQ),),
        individuals=write_records(folder / "individuals.json", individuals),
        biosamples=write_records(folder / "biosamples.json", biosamples),
        runs=write_records(folder / "runs.json", runs),
        analyses=write_records(folder / "analyses.json", analyses),
        cohorts=write_records(folder / "cohorts.json", cohorts),
        hierarchies=(folder / "terms.obo",),
    )


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> tuple[BeaconNode, BeaconNode]:
    folder = tmp_path_factory.mktemp("neighbours")
    rows = ["1 101 A G 0.3", "1 201 C T 0.00001", "1 601 A G 0.2"]
    rows += [f"1 {1000 + n} A G {1 / (n + 2)}" for n in range(200)]
    table = folder / "panel.tsv"
    table.write_text("\n".join(["chrom pos ref alt af", *rows]).replace(" ", "\t") + "\n")
    panel_load.load(table, folder / "panel", assembly="GRCh38")

    def node(name: str, *, target: bool) -> BeaconNode:
        load.load(source(folder / f"{name}-in", target=target), folder / name)
        (folder / f"{name}-node").mkdir()
        return BeaconNode(
            folder / f"{name}-node",
            catalog=SegmentCatalog(folder / name, form=SameVersion),
            policies=[policy("D", profile=Profile.DEFAULT)],
            grants={"grace": ["D"]},
            panels=panel.read(folder / "panel"),
        )

    return node("with", target=True), node("without", target=False)


def lists(entry: EntryTypeId) -> Iterator[Asked]:
    for variant, text in itertools.product(VARIANTS, FILTERS):
        if not (variant and text) or variant in (COMMON_ALLELE, PRIVATE_ALLELE):
            yield Asked(
                f"/{ENTRY_TYPES[entry].path}", variant | ({"filters": text} if text else {})
            )


def below(entry: EntryTypeId, nested: tuple[EntryTypeId, ...]) -> Iterator[Asked]:
    for name in NAMED[entry]:
        one = f"/{ENTRY_TYPES[entry].path}/{name}"
        yield Asked(one, {})
        for each in nested:
            for params in ({}, PRIVATE_ALLELE, {"filters": "MONDO:2"}):
                yield Asked(f"{one}/{ENTRY_TYPES[each].path}", params)


async def told(node: BeaconNode, asked: Asked, *, name: str | None) -> object:
    terms = asked.path.endswith("filtering_terms")
    how = {} if terms else {"requestedGranularity": "count", "includeResultsetResponses": "ALL"}
    answer = await node.get(asked.path, name=name, **asked.params, **how)
    return answer.status_code, _but_noise(answer)


def _but_noise(answer: httpx.Response) -> object:
    """Of an answer that carries noise, all but what that decides."""
    body = answer.json()
    if "error" in body:
        return body["error"], body["info"]
    if "fewer than about" in answer.text:
        return body["meta"]["returnedGranularity"], body["info"]
    return body.get("responseSummary"), body.get("response"), body.get("info")


async def compare(
    neighbours: tuple[BeaconNode, BeaconNode], asked: Iterator[Asked], *, name: str | None
) -> int:
    """How many were compared. A registered caller asks each as another, who has all of their
    allowance left."""
    number = 0
    for number, each in enumerate(asked, start=1):
        who = None if name is None else f"{name}-{each.path}-{number}"
        answers = [await told(node, each, name=who) for node in neighbours]
        assert answers[0] == answers[1], each
    return number


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("one", ENDPOINT_SETS, ids=lambda one: one.entry)
async def test_no_list_tells_whether_the_one_person_is_there(
    neighbours: tuple[BeaconNode, BeaconNode], one: Any, name: str | None
) -> None:
    assert await compare(neighbours, lists(one.entry), name=name) > 50


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("one", ENDPOINT_SETS, ids=lambda one: one.entry)
async def test_nor_does_any_address_below_an_entry(
    neighbours: tuple[BeaconNode, BeaconNode], one: Any, name: str | None
) -> None:
    assert await compare(neighbours, below(one.entry, one.nested), name=name) > 3


@pytest.mark.parametrize("name", CALLERS)
async def test_nor_any_page_about_the_node_and_its_terms(
    neighbours: tuple[BeaconNode, BeaconNode], name: str | None
) -> None:
    paths = [path.replace("{id}", "P0" if "individuals" in path else "some" if "cohorts" in path
             else "D") for path, _ in FILTERING_TERMS]  # fmt: skip
    asked = (Asked(path, {}) for path in ("/filtering_terms", *paths))
    assert await compare(neighbours, asked, name=name) == 5
    infos = [(await node.get("/info", name=name)).json() for node in neighbours]
    assert infos[0] == infos[1]


async def test_a_grant_tells_them_apart(neighbours: tuple[BeaconNode, BeaconNode]) -> None:
    """So that the questions above are such as could tell."""
    apart = set()
    for one in ENDPOINT_SETS:
        for each in (*lists(one.entry), *below(one.entry, one.nested)):
            answers = [await told(node, each, name="grace") for node in neighbours]
            if answers[0] != answers[1]:
                apart.add(one.entry)
                break
    assert apart == {one.entry for one in ENDPOINT_SETS}
