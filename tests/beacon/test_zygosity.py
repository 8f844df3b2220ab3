"""In how many copies: who carries a variant so, which variants somebody carries so, who is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from access.policies.policy import Level, Profile
from beacon import withdrawals
from beacon.loading import genotypes
from beacon.segments import SegmentCatalog
from beacon.zygosity import Zygosity
from tests.support.beacon_node import BeaconNode, loaded, policy, source

pytestmark = pytest.mark.anyio
HEMIZYGOUS, HETEROZYGOUS, HOMOZYGOUS = "GENO:0000134", "GENO:0000135", "GENO:0000136"
# Of P1 to P4: P1 has the first once, P2 twice; P3's other allele of the second was not called.
LINES = (
    "101 rs1 A G . 0|1 1|1 0|0 0|0",
    "201 . A C,AT . 1|2 0/1 ./1 0/0",
    "301 rs3 G T . 0 1 0/0 0/0",
    "601 . CTT C . 0/0 0/0 0/1 1/1",
)
FIRST = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}
SECOND = {"referenceName": "1", "start": "200", "referenceBases": "A", "alternateBases": "C"}
LAST = {"referenceName": "1", "start": "600", "referenceBases": "CTT", "alternateBases": "C"}
EVERYWHERE = {"referenceName": "1", "start": "0", "end": "1000"}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> SegmentCatalog:
    folder = tmp_path_factory.mktemp("zygosity")
    return loaded(folder / "catalog", source(folder / "D", "D", lines=LINES))


@pytest.fixture
def node(tmp_path: Path, catalog: SegmentCatalog) -> BeaconNode:
    return BeaconNode(tmp_path, catalog=catalog, policies=[policy("D")])


def held(body: dict[str, Any]) -> list[str]:
    records = [r for one in body["response"]["resultSets"] for r in one["results"]]
    return [str(r.get("id") or r["variantInternalId"]) for r in records]


async def found(node: BeaconNode, path: str, filters: str, **params: str) -> list[str]:
    answer = await node.get(path, requestedGranularity="record", filters=filters, **params)
    assert answer.status_code == 200, answer.text
    return held(answer.json())


@pytest.mark.parametrize(
    ("filters", "asked", "people"),
    [
        (HETEROZYGOUS, FIRST, ["P1"]),
        (HOMOZYGOUS, FIRST, ["P2"]),
        (f"{HOMOZYGOUS},{HETEROZYGOUS}", FIRST, ["P1", "P2"]),
        ("zygosity:homozygous", FIRST, ["P2"]),
        ("zygosity:=homozygous", FIRST, ["P2"]),
        (HEMIZYGOUS, FIRST, []),
        (HEMIZYGOUS, EVERYWHERE, ["P2"]),
        (HETEROZYGOUS, SECOND, ["P1", "P2"]),
        (HOMOZYGOUS, LAST, ["P4"]),
        (f"{HOMOZYGOUS},NCIT:C20197", EVERYWHERE, ["P2"]),
        (f"{HETEROZYGOUS},ICD10:G35", EVERYWHERE, ["P1", "P3"]),
    ],
)
async def test_people_carry_it_in_so_many_copies(
    node: BeaconNode, filters: str, asked: dict[str, str], people: list[str]
) -> None:
    assert await found(node, "/individuals", filters, **asked) == people


async def test_a_half_called_genotype_has_no_zygosity(node: BeaconNode) -> None:
    every = f"{HEMIZYGOUS},{HETEROZYGOUS},{HOMOZYGOUS}"
    assert "P3" not in await found(node, "/individuals", every, **SECOND)
    answer = await node.get("/individuals", requestedGranularity="record", **SECOND)
    assert "P3" in held(answer.json())


@pytest.mark.parametrize(
    ("path", "filters", "ids"),
    [
        ("/g_variants", HOMOZYGOUS, ["1-101-A-G", "1-601-CTT-C"]),
        ("/g_variants", HEMIZYGOUS, ["1-301-G-T"]),
        ("/g_variants", f"{HOMOZYGOUS},NCIT:C20197", ["1-101-A-G"]),
        ("/individuals/P4/g_variants", HOMOZYGOUS, ["1-601-CTT-C"]),
        ("/individuals/P4/g_variants", HETEROZYGOUS, []),
        ("/g_variants/1-601-CTT-C/biosamples", HOMOZYGOUS, ["P4"]),
        ("/g_variants/1-601-CTT-C/runs", HETEROZYGOUS, ["R2"]),
    ],
)
async def test_variants_and_samples_are_of_those_who_carry_it_so(
    node: BeaconNode, path: str, filters: str, ids: list[str]
) -> None:
    assert await found(node, path, filters) == ids


async def test_a_post_may_name_the_scope_and_group_alternatives(node: BeaconNode) -> None:
    query = {
        "requestParameters": {"g_variant": {**FIRST, "start": [100]}},
        "requestedGranularity": "count",
        "filters": [[{"id": HOMOZYGOUS, "scope": "genomicVariant"}, "zygosity:heterozygous"]],
    }
    answer = await node.post("/individuals", query)
    assert answer.json()["responseSummary"]["numTotalResults"] == 2


@pytest.mark.parametrize(
    ("path", "filters"),
    [
        ("/individuals", HOMOZYGOUS),  # of no variant
        ("/biosamples", HOMOZYGOUS),
        ("/g_variants", f"-{HOMOZYGOUS}"),
        ("/g_variants", "zygosity:!homozygous"),
        ("/g_variants", "GENO:0000402"),  # compound heterozygous: not known
        ("/g_variants", "zygosity:nullizygous"),
    ],
)
async def test_what_cannot_be_told_of_copies_is_refused(
    node: BeaconNode, path: str, filters: str
) -> None:
    answer = await node.get(path, filters=filters)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "filters",
    [
        [{"id": HOMOZYGOUS, "scope": "individual"}],
        [[HOMOZYGOUS, "NCIT:C20197"]],
        [{"not": {"id": HOMOZYGOUS}}],
    ],
)
async def test_a_zygosity_of_something_else_is_refused(
    node: BeaconNode, filters: list[Any]
) -> None:
    answer = await node.post("/g_variants", {"filters": filters})
    assert answer.status_code == 400
    assert "zygosity" in answer.json()["error"]["errorMessage"]


async def test_too_many_variants_to_look_at_are_refused_never_cut(
    node: BeaconNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beacon.segment.carriers.MAX_LOOKED_AT", 2)
    answer = await node.get("/g_variants", filters=HOMOZYGOUS)
    assert answer.status_code == 400
    assert "shorter range" in answer.json()["error"]["errorMessage"]
    assert await found(node, "/individuals", HOMOZYGOUS, **FIRST) == ["P2"]


async def test_without_a_grant_nobody_learns_of_copies(
    tmp_path: Path, catalog: SegmentCatalog
) -> None:
    levels = {"default": Level.PUBLIC, "login": Level.REGISTERED}
    for name, level in levels.items():
        (tmp_path / name).mkdir()
        node = BeaconNode(
            tmp_path / name,
            catalog=catalog,
            policies=[policy("D", profile=Profile.DEFAULT, level=level)],
            grants={"grace": ["D"]},
        )
        for path in ("/individuals", "/g_variants"):
            for asked in (FIRST, EVERYWHERE):
                for who in (None, "rosa"):
                    answer = await node.get(path, name=who, filters=HOMOZYGOUS, **asked)
                    assert answer.status_code in (401, 403), answer.text
                    assert answer.json()["info"]["code"] == "suppressed"
        assert await _people(node) == ["P2"]
        terms = (await node.get("/filtering_terms")).json()["response"]["filteringTerms"]
        assert not [term for term in terms if term["id"] == HOMOZYGOUS]


async def _people(node: BeaconNode) -> list[str]:
    asked = {"requestedGranularity": "record", "filters": HOMOZYGOUS, **FIRST}
    return held((await node.get("/individuals", name="grace", **asked)).json())


async def test_the_terms_are_listed_where_genotypes_are_known(node: BeaconNode) -> None:
    terms = (await node.get("/filtering_terms")).json()["response"]["filteringTerms"]
    (term,) = (each for each in terms if each["id"] == HOMOZYGOUS)
    assert term == {
        "id": HOMOZYGOUS,
        "label": "homozygous",
        "type": "ontologyTerm",
        "scopes": ["genomicVariant"],
    }
    (field,) = (each for each in terms if each["id"] == "zygosity")
    assert field["values"] == sorted(Zygosity)


async def test_who_withdrew_carries_nothing_in_any_copies(
    tmp_path: Path,
) -> None:
    made = loaded(tmp_path / "catalog", source(tmp_path / "D", "D", lines=LINES))
    withdrawals.add(made.folder, "D", "P2")
    made.refresh()
    node = BeaconNode(tmp_path, catalog=made, policies=[policy("D")])
    assert await found(node, "/individuals", HOMOZYGOUS, **FIRST) == []
    assert await found(node, "/g_variants", HOMOZYGOUS) == ["1-601-CTT-C"]


@pytest.mark.parametrize("zygosity", Zygosity)
def test_a_code_is_of_one_zygosity_as_its_text_says(zygosity: Zygosity) -> None:
    marks = genotypes.so_carried(frozenset({zygosity}))
    texts = {genotypes.text(code) for code in marks.nonzero()[0].tolist()}
    some = {
        Zygosity.HEMIZYGOUS: {"1"},
        Zygosity.HETEROZYGOUS: {"0/1", "1|0", "0/1/1"},
        Zygosity.HOMOZYGOUS: {"1/1", "1|1", "1/1/1"},
    }
    assert some[zygosity] <= texts
    assert not {"./1", ".", "0/0", "0", "1/."} & texts
