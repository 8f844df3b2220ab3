"""Filters on what a variant does: they narrow the variants of a question before carriers do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from access.policies.policy import Level, Profile
from beacon import withdrawals
from beacon.segments import SegmentCatalog
from tests.support.beacon_node import SAMPLES, BeaconNode, loaded, policy, source
from tests.support.sources import HEADER, write_vcf

pytestmark = pytest.mark.anyio
MISSENSE, STOP, SYNONYMOUS, INTRON = "SO:0001583", "SO:0001587", "SO:0001819", "SO:0001627"
ALTERING, DONOR, SITE = "SO:0001818", "SO:0001575", "SO:0001629"
CSQ = '##INFO=<ID=CSQ,Number=.,Type=String,Description="Format: Allele|Consequence|SYMBOL">\n'
ANNOTATED = HEADER + CSQ
NEAR_SPLICING = "stop_gained&splice_region_variant"
LINES = (  # of P1 to P4
    "101 rs1 A G CSQ=G|missense_variant|G1 0|1 1|1 0|0 0|0",
    f"201 . A C,T CSQ=C|synonymous_variant|G1,T|{NEAR_SPLICING}|G1 1|2 0/1 ./1 0/0",
    "301 . G T CSQ=T|missense_variant|G2,T|intron_variant|G1 0/0 0/1 0/0 0/0",
    "401 . N <DEL> END=500 0/1 0/0 0/0 0/0",
    "601 . CTT C CSQ=-|splice_donor_variant&intron_variant|G2 0/0 0/0 0/1 1/1",
    "701 . C G CSQ=G|missense_variant|G2 0/0 0/0 0/0 0/0",
)
ID = {
    "missense": "1-101-A-G",
    "synonymous": "1-201-A-C",
    "stop": "1-201-A-T",
    "both": "1-301-G-T",
    "donor": "1-601-CTT-C",
    "nobody": "1-701-C-G",
}
GENE = {"geneId": "G1"}
RANGE = {"referenceName": "1", "start": "150", "end": "350"}
ALLELE = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}
CARRIED_TWICE = "GENO:0000136"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> SegmentCatalog:
    folder = tmp_path_factory.mktemp("effects")
    stated = source(folder / "D", "D")
    file = write_vcf(folder / "D" / "a.vcf.gz", LINES, samples=SAMPLES, header=ANNOTATED)
    return loaded(
        folder / "catalog", replace(stated, vcfs=(file,)), source(folder / "plain", "plain")
    )


@pytest.fixture
def node(tmp_path: Path, catalog: SegmentCatalog) -> BeaconNode:
    return BeaconNode(tmp_path, catalog=catalog, policies=[policy("D")])


def held(body: dict[str, Any]) -> list[str]:
    response = body["response"]
    records = [r for one in response.get("resultSets", ()) for r in one["results"]]
    records += response.get("collections", ())
    return [str(r.get("variantInternalId") or r["id"]) for r in records]


async def found(node: BeaconNode, path: str, filters: Any, **params: str) -> list[str]:
    answer = await node.get(path, requestedGranularity="record", filters=filters, **params)
    assert answer.status_code == 200, answer.text
    return held(answer.json())


def ids(*names: str) -> list[str]:
    return [ID.get(name, "") for name in names]


@pytest.mark.parametrize(
    ("filters", "asked", "variants"),
    [
        (MISSENSE, {}, ("missense", "both", "nobody")),
        (MISSENSE, GENE, ("missense", "both")),  # of any transcript: `both` is missense in G2
        (MISSENSE, RANGE, ("both",)),
        (MISSENSE, ALLELE, ("missense",)),
        (SYNONYMOUS, ALLELE, ()),
        (ALTERING, {}, ("missense", "stop", "both", "nobody")),
        (SITE, {}, ("donor",)),
        (INTRON, {}, ("both", "donor")),
        (f"{MISSENSE},{INTRON}", {}, ("both",)),
        (f"{MISSENSE},-{INTRON}", {}, ("missense", "nobody")),
        (f"{MISSENSE},{SYNONYMOUS}", {}, ()),
        (f"-{MISSENSE}", RANGE, ("synonymous", "stop")),
        (f"-{ALTERING},-{SYNONYMOUS}", {"variantType": "DEL", **RANGE, "end": "700"}, None),
        ("molecularEffects:missense_variant", GENE, ("missense", "both")),
        ("molecularEffects:Missense Variant", GENE, ("missense", "both")),
        ("molecularAttributes.molecularEffects:=splice%", {}, ("stop", "donor")),
        ("molecularEffects:!missense%", {}, ("synonymous", "stop", "donor")),
        ("molecularEffects:protein_altering_variant", {}, ()),  # a word is that effect alone
        (f"{MISSENSE},{CARRIED_TWICE}", {}, ("missense",)),
        (f"{MISSENSE},NCIT:C16576", {}, ("missense",)),  # of women: P1
        (f"{MISSENSE},NCIT:C20197", {}, ("missense", "both")),
    ],
)  # fmt: skip
async def test_variants_of_a_question_are_those_with_the_effect(
    node: BeaconNode, filters: str, asked: dict[str, str], variants: tuple[str, ...] | None
) -> None:
    answer = await found(node, "/g_variants", filters, **asked)
    if variants is None:  # the deletions: one of which nothing is annotated, one of a splice site
        assert len(answer) == 2
        assert answer[1] == ID["donor"]
    else:
        assert answer == ids(*variants)


@pytest.mark.parametrize(
    ("filters", "asked", "people"),
    [
        (MISSENSE, GENE, ["P1", "P2"]),
        (MISSENSE, {"geneId": "G2"}, ["P2"]),
        (STOP, GENE, ["P1"]),
        (STOP, {"geneId": "G2"}, []),
        (f"{STOP},{SYNONYMOUS}", {}, []),  # P1 carries one of each, and no variant is both
        (DONOR, {}, ["P3", "P4"]),
        (SITE, {}, ["P3", "P4"]),
        (f"{SITE},NCIT:C20197", {}, ["P3"]),
        (f"{SITE},{CARRIED_TWICE}", {}, ["P4"]),
        (f"-{ALTERING}", RANGE, ["P1", "P2", "P3"]),
        (MISSENSE, ALLELE, ["P1", "P2"]),
        (SYNONYMOUS, ALLELE, []),
    ],
)
async def test_people_carry_a_variant_with_the_effect(
    node: BeaconNode, filters: str, asked: dict[str, str], people: list[str]
) -> None:
    assert await found(node, "/individuals", filters, **asked) == people
    counted = await node.get("/individuals", requestedGranularity="count", filters=filters, **asked)
    summary = counted.json()["responseSummary"]
    assert (summary["exists"], summary["numTotalResults"]) == (bool(people), len(people))


@pytest.mark.parametrize(
    ("path", "filters", "records"),
    [
        ("/individuals/P1/g_variants", ALTERING, [ID["missense"], ID["stop"]]),
        ("/individuals/P3/g_variants", ALTERING, []),
        ("/individuals/P1/biosamples", STOP, ["P1"]),
        ("/individuals/P2/biosamples", STOP, []),
        ("/biosamples", DONOR, ["P3", "P4"]),
        ("/runs", DONOR, ["R2", "R3"]),
        ("/analyses", f"{DONOR},{CARRIED_TWICE}", ["A3"]),
        ("/cohorts/C1/individuals", STOP, ["P1"]),
        ("/datasets/D/individuals", STOP, ["P1"]),
        ("/datasets/D/g_variants", STOP, [ID["stop"]]),
        ("/biosamples/P4/g_variants", SITE, [ID["donor"]]),
        ("/g_variants/1-101-A-G/individuals", MISSENSE, ["P1", "P2"]),
        ("/g_variants/1-101-A-G/individuals", STOP, []),
        ("/g_variants/1-101-A-G/biosamples", f"-{STOP}", ["P1", "P2"]),
        ("/g_variants/1-101-A-G/cohorts", MISSENSE, ["C1"]),
        ("/datasets", STOP, ["D"]),
        ("/datasets", f"{STOP},{SYNONYMOUS}", []),
        ("/datasets", f"{STOP},NCIT:C20197", []),  # no man carries one
    ],
)
async def test_every_address_of_variants_or_carriers_takes_effects(
    node: BeaconNode, path: str, filters: str, records: list[str]
) -> None:
    assert await found(node, path, filters) == records


@pytest.mark.parametrize(
    ("filters", "variants"),
    [
        ([{"id": ALTERING, "includeDescendantTerms": False}], ()),
        ([{"id": MISSENSE, "includeDescendantTerms": False}], ("missense", "both", "nobody")),
        ([{"id": STOP, "scope": "genomicVariant"}], ("stop",)),
        ([{"id": STOP, "scope": "g_variants"}], ("stop",)),
        ([[STOP, SYNONYMOUS]], ("synonymous", "stop")),
        ([{"not": [STOP, ALTERING]}, {"not": INTRON}, "-SO:0000605"], ("synonymous", "del")),
        ([[STOP, {"not": ALTERING}], SYNONYMOUS], ("synonymous",)),
        ([{"id": "molecularEffects", "operator": "=", "value": "STOP_GAINED"}], ("stop",)),
        ([{"id": "molecularEffects", "operator": "!", "value": "%variant"}], ()),
    ],
)  # fmt: skip
async def test_a_post_groups_denies_and_asks_for_a_term_alone(
    node: BeaconNode, filters: list[Any], variants: tuple[str, ...]
) -> None:
    query = {"requestedGranularity": "record", "filters": filters}
    answer = held((await node.post("/g_variants", query)).json())
    assert [name if name in ID.values() else "" for name in answer] == ids(*variants)


async def test_pages_follow_each_other_and_are_of_their_question(node: BeaconNode) -> None:
    query: dict[str, Any] = {"requestedGranularity": "record", "filters": [ALTERING]}
    query["pagination"] = {"skip": 0, "limit": 2}
    first = (await node.post("/g_variants", query)).json()
    assert held(first) == ids("missense", "stop")
    token = first["meta"]["receivedRequestSummary"]["pagination"]["nextPage"]
    query["pagination"] = {"currentPage": token}
    second = (await node.post("/g_variants", query)).json()
    assert held(second) == ids("both", "nobody")
    assert second["responseSummary"]["numTotalResults"] == 4
    other = await node.post("/g_variants", {**query, "filters": [MISSENSE]})
    assert other.status_code == 400


# Refusals


@pytest.mark.parametrize(
    ("path", "filters", "says"),
    [
        ("/g_variants", "SO:0001059", "SO:0001059"),  # of the ontology, and no effect
        ("/g_variants", f"{MISSENSE},SO:9999999", "SO:9999999"),
        ("/g_variants", "so:0001583", "so:0001583"),
        ("/g_variants", "molecularEffects:missense", "/filtering_terms"),
        ("/g_variants", "molecularEffects:?issense_variant", "/filtering_terms"),
        ("/g_variants", "molecularEffects:>missense_variant", "= and !"),
        ("/g_variants", f"molecularEffects:{MISSENSE}", f"ask for the term: {MISSENSE}"),
        ("/g_variants", f"molecularAttributes.molecularEffects.id:={MISSENSE}", MISSENSE),
        ("/cohorts", MISSENSE, "cohorts"),
        ("/individuals/P1/cohorts", MISSENSE, "cohorts"),
        ("/g_variants/1-101-A-G", MISSENSE, "not supported at this address"),
    ],
)
async def test_what_is_no_effect_of_a_variant_is_refused(
    node: BeaconNode, path: str, filters: str, says: str
) -> None:
    answer = await node.get(path, filters=filters)
    assert answer.status_code == 400, answer.text
    assert says in answer.json()["error"]["errorMessage"]


@pytest.mark.parametrize(
    "filters",
    [
        [[MISSENSE, "NCIT:C20197"]],
        [{"not": [MISSENSE, "NCIT:C20197"]}],
        [[MISSENSE, CARRIED_TWICE]],
        [{"id": MISSENSE, "scope": "individual"}],
        [{"id": "molecularEffects", "operator": "=", "value": "stop_gained", "scope": "run"}],
        [{"id": MISSENSE, "similarity": "high"}],
        [{"not": {"not": {"not": MISSENSE}}}],
        [f"--{MISSENSE}"],
        [SYNONYMOUS, *(f"SO:000{number}" for number in range(1820, 1827)), STOP, INTRON, DONOR],
    ],
)
async def test_effects_mixed_with_something_else_are_refused(
    node: BeaconNode, filters: list[Any]
) -> None:
    answer = await node.post("/individuals", {"filters": filters})
    assert answer.status_code == 400, answer.text


async def test_a_dataset_that_states_no_effects_does_not_know_them(
    tmp_path: Path, catalog: SegmentCatalog
) -> None:
    both = BeaconNode(tmp_path, catalog=catalog, policies=[policy("D"), policy("plain")])
    answer = (await both.get("/g_variants", filters=MISSENSE)).json()
    (note,) = answer["info"]["unsupported"]
    assert "plain" in str(note)
    assert MISSENSE in str(note)
    alone = await both.get("/g_variants", filters=f"{MISSENSE},-{STOP}", datasetIds="plain")
    assert alone.status_code == 400
    assert f"{MISSENSE}, {STOP}" in alone.json()["error"]["errorMessage"]
    answer = (await both.get("/info")).json()["response"]["info"]
    assert answer["variantQueryTypes"]["molecularEffect"] == ["D"]


# Terms


async def terms(node: BeaconNode, name: str | None = None, **params: str) -> dict[str, Any]:
    listed = (await node.get("/filtering_terms", name=name, **params)).json()["response"]
    return {term["id"]: term for term in listed["filteringTerms"]}


async def test_what_a_variant_may_do_is_listed_whoever_has_it(node: BeaconNode) -> None:
    listed = await terms(node)
    assert listed[MISSENSE] == {
        "type": "ontologyTerm", "id": MISSENSE, "label": "missense_variant",
        "scopes": ["genomicVariant"], "parents": ["SO:0001992"],
    }  # fmt: skip
    assert "SO:0001893" in listed  # of no variant here
    field = listed["molecularAttributes.molecularEffects"]
    assert field["scopes"] == ["genomicVariant"]
    assert "stop_gained" in field["values"]


async def test_a_dataset_without_effects_lists_none(
    tmp_path: Path, catalog: SegmentCatalog
) -> None:
    plain = BeaconNode(tmp_path, catalog=catalog, policies=[policy("plain")])
    assert not any(term.startswith("SO:") for term in await terms(plain))


async def test_where_answers_are_protected_the_list_is_of_those_who_may_ask(
    tmp_path: Path, catalog: SegmentCatalog
) -> None:
    protected = policy("D", profile=Profile.DEFAULT)
    node = BeaconNode(tmp_path, catalog=catalog, policies=[protected], grants={"grace": ["D"]})
    assert MISSENSE not in await terms(node)
    for name in ("rosa", "grace"):
        assert MISSENSE in await terms(node, name)


@pytest.mark.parametrize(("path", "name"), [("/g_variants", None), ("/individuals", "rosa")])
async def test_a_protected_dataset_answers_effects_as_it_does_genes(
    tmp_path: Path, catalog: SegmentCatalog, path: str, name: str | None
) -> None:
    protected = policy("D", profile=Profile.DEFAULT)
    node = BeaconNode(tmp_path, catalog=catalog, policies=[protected], grants={"grace": ["D"]})
    gene = await node.get(path, name=name, **GENE)
    for asked in ({}, GENE, ALLELE, RANGE):
        answer = await node.get(path, name=name, filters=MISSENSE, **asked)
        assert answer.status_code == gene.status_code == 403
        assert answer.json()["error"] == gene.json()["error"]
    granted = await node.get(path, name="grace", filters=MISSENSE, requestedGranularity="record")
    assert granted.status_code == 200
    assert held(granted.json())


async def test_who_withdrew_is_found_by_no_effect(tmp_path: Path) -> None:
    stated = source(tmp_path / "D", "D")
    file = write_vcf(tmp_path / "D" / "a.vcf.gz", LINES, samples=SAMPLES, header=ANNOTATED)
    catalog = loaded(tmp_path / "catalog", replace(stated, vcfs=(file,)))
    withdrawals.add(tmp_path / "catalog", "D", "P1")
    catalog.refresh()
    (tmp_path / "node").mkdir()
    node = BeaconNode(tmp_path / "node", catalog=catalog, policies=[policy("D")])
    assert await found(node, "/individuals", STOP) == []
    assert await found(node, "/individuals", MISSENSE) == ["P2"]
    assert await found(node, "/g_variants", ALTERING) == ids("missense", "both")


async def test_sites_without_people_have_effects_and_no_carriers(tmp_path: Path) -> None:
    header = ANNOTATED + '##INFO=<ID=AC,Number=A,Type=Integer,Description="Count">\n'
    rows = ("101 . A G . . AC=3;CSQ=G|missense_variant|G1", "201 . A C . . CSQ=C|stop_gained|G1")
    lines = ["#CHROM POS ID REF ALT QUAL FILTER INFO", *(f"chr1 {row}" for row in rows), ""]
    file = tmp_path / "sites.vcf"
    file.write_text(header + "\n".join(lines).replace(" ", "\t"))
    stated = source(tmp_path / "S", "S")
    sites = replace(
        stated, vcfs=(file,), individuals=None, biosamples=None, runs=None, analyses=None,
        cohorts=None, metadata={},
    )  # fmt: skip
    catalog = loaded(tmp_path / "catalog", sites)
    (tmp_path / "node").mkdir()
    node = BeaconNode(
        tmp_path / "node", catalog=catalog, policies=[policy("S", level=Level.PUBLIC)]
    )
    assert await found(node, "/g_variants", STOP) == ["1-201-A-C"]
    refused = await node.get("/individuals", filters=STOP)
    assert refused.status_code == 400
    assert "genotypes" in refused.json()["error"]["errorMessage"]
