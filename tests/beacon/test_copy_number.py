"""How far a copy number went: of whom, together with what else is asked, and who may be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from access.policies.decision import EntryRule
from access.policies.policy import Level as Access
from access.policies.policy import Profile
from beacon import copy_number, withdrawals
from beacon.catalog import Allele, AminoacidChange, ChangeWithin, InGene, Span
from beacon.copy_number import Level
from beacon.errors import UnsupportedQuestion
from beacon.loading.load import DatasetSource
from beacon.segments import SegmentCatalog
from beacon.zygosity import Zygosity
from tests.support.beacon_node import SAMPLES, BeaconNode, loaded, policy, source
from tests.support.sources import COPIES, HEADER, write_vcf

pytestmark = pytest.mark.anyio
LOW_LOSS, HIGH_LOSS, COMPLETE, LOW_GAIN, HIGH_GAIN, FOCAL = Level
CHANGE = AminoacidChange("V1M")
# Copies of P1 to P4. Those of the fourth go against its allele, the fifth says none, the sixth is
# of bases that are spelled.
LINES = (
    "101 . N <DEL> END=150 0/1:1 1/1:0 0/0:2 0/1:1",
    "201 . N <DUP> END=250 0/1:3 0/1:4 1/1:5 0/1:.",
    "301 . N <DEL> END=350 0/0/1:2 0/0/0:3 1/1/0:1 1/1/1:0",
    "401 . N <DEL> END=450 0/1:2 0/1:3 0/0:2 0/0:2",
    "501 . N <DEL> END=550 0/1 1/1 0/0 0/0",
    "601 . CTT C . 0/0:2 0/0:2 0/0:2 1/1:0",
)
EVERYWHERE = {"referenceName": "1", "start": "0", "end": "1000"}
FIRST = {"referenceName": "1", "start": "100", "end": "150"}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> SegmentCatalog:
    return _catalog(tmp_path_factory.mktemp("copies"), LINES)


def _catalog(folder: Path, lines: Sequence[str], header: str = HEADER + COPIES) -> SegmentCatalog:
    made = source(folder / "D", "D")
    vcf = write_vcf(folder / "copies.vcf.gz", lines, samples=SAMPLES, header=header)
    return loaded(folder / "catalog", replace(made, vcfs=(vcf,)))


@pytest.fixture
def node(tmp_path: Path, catalog: SegmentCatalog) -> BeaconNode:
    return BeaconNode(tmp_path, catalog=catalog, policies=[policy("D")])


async def found(node: BeaconNode, path: str, kind: str, **params: str) -> list[str]:
    params = {**EVERYWHERE, **params, "variantType": kind, "requestedGranularity": "record"}
    answer = await node.get(path, **params)
    assert answer.status_code == 200, answer.text
    sets = answer.json()["response"]["resultSets"]
    records = [record for one in sets for record in one["results"]]
    return [str(one.get("id") or one["variantInternalId"].split("-")[1]) for one in records]


@pytest.mark.parametrize(
    ("level", "people"),
    [
        (LOW_LOSS, ["P1", "P4"]),
        (HIGH_LOSS, ["P2", "P3", "P4"]),
        (COMPLETE, ["P2", "P4"]),
        (LOW_GAIN, ["P1", "P2"]),
        (HIGH_GAIN, ["P3"]),
        ("low-level copy number loss", ["P1", "P4"]),
        ("efo:0030069", ["P2", "P4"]),
        ("EFO:0030067", ["P1", "P2", "P3", "P4"]),
        ("EFO:0030070", ["P1", "P2", "P3", "P4"]),
    ],
)
async def test_people_lost_or_gained_so_many(
    node: BeaconNode, level: str, people: list[str]
) -> None:
    assert await found(node, "/individuals", level) == people


@pytest.mark.parametrize(
    ("path", "level", "more", "ids"),
    [
        ("/g_variants", COMPLETE, {}, ["101", "301", "601"]),
        ("/g_variants", COMPLETE, {"variantMinLength": "10"}, ["101",
                                                             "301"]),
        ("/g_variants", COMPLETE, {"start": "90,110", "end": "0,200"}, ["101"]),
        ("/g_variants", HIGH_LOSS, {"filters": "NCIT:C16576"}, ["301",
                                                              "601"]),
        ("/g_variants", LOW_LOSS, {"filters": "GENO:0000135", "start": "300"},
         ["301"]),
        ("/g_variants", COMPLETE, {"filters": "GENO:0000135"}, []),
        ("/individuals", COMPLETE, {"filters": "GENO:0000136,ICD10:E10"}, ["P2"]),
        ("/individuals/P2/g_variants", COMPLETE, {}, ["101"]),
        ("/individuals/P1/g_variants", COMPLETE, {}, []),
        ("/biosamples", HIGH_GAIN, {}, ["P3"]),
    ],
)  # fmt: skip
async def test_a_level_is_of_the_very_carrier_that_all_else_is_asked_of(
    node: BeaconNode, path: str, level: str, more: dict[str, str], ids: list[str]
) -> None:
    assert await found(node, path, level, **more) == ids


async def test_copies_that_are_not_said_or_go_the_other_way_have_no_level(node: BeaconNode) -> None:
    for level in Level:
        if level is FOCAL:
            continue
        assert "401" not in await found(node, "/g_variants", level)
        assert "501" not in await found(node, "/g_variants", level)
    assert {"401", "501"} <= set(await found(node, "/g_variants", "DEL"))


async def test_every_level_lies_within_its_parent(node: BeaconNode) -> None:
    for parent, below in (("EFO:0030067", (LOW_LOSS, HIGH_LOSS)), ("EFO:0030070", (LOW_GAIN,
                          HIGH_GAIN)), (HIGH_LOSS, (COMPLETE,))):  # fmt: skip
        within = set(await found(node, "/g_variants", parent))
        for level in below:
            assert set(await found(node, "/g_variants", level)) <= within


@pytest.mark.parametrize("level", [FOCAL, "EFO:0030064"])
async def test_what_copies_do_not_tell_is_unsupported_and_never_no(
    node: BeaconNode, level: str
) -> None:
    answer = await node.get("/g_variants", **EVERYWHERE, variantType=level)
    assert answer.status_code == 400
    assert "upported" in answer.json()["error"]["errorMessage"]


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize(
    ("lines", "header"),
    [
        (["101 . N <DEL> END=150 0/1 1/1 0/0 0/0"], HEADER),
        (["101 . N <DEL> END=150 0/1:. 1/1:. 0/0:2 0/0:2"], HEADER + COPIES),
        (["101 . N <DEL> END=150 0/1:1 1/1:0 0/0:2 0/0:2"],
         HEADER + COPIES.replace("Integer", "String")),
        (["101 . N <CNV> END=150 0/1:1 1/1:0 0/0:2 0/0:2"], HEADER + COPIES),
    ],
)  # fmt: skip
async def test_a_dataset_that_knows_nobodys_copies_says_so(
    tmp_path: Path, lines: list[str], header: str, level: str
) -> None:
    node = BeaconNode(
        tmp_path, catalog=_catalog(tmp_path / "in", lines, header), policies=[policy("D")]
    )
    for path in ("/g_variants", "/individuals"):
        answer = await node.get(path, **FIRST, variantType=level)
        assert answer.status_code == 400
        text = answer.json()["error"]["errorMessage"]
        assert "levels of gain and loss are not supported" in text
        assert "range" not in text, "a range was asked"
        gene = await node.get(path, geneId="BRCA1", variantType=level)
        assert "No dataset here holds genes" in gene.json()["error"]["errorMessage"]
        parent = await node.get(path, **FIRST, variantType="CNV", requestedGranularity="count")
        assert parent.json()["responseSummary"]["exists"] is True


async def test_info_says_which_levels_may_be_asked_and_of_no_dataset_whether_it_knows_any(
    tmp_path: Path, node: BeaconNode
) -> None:
    bare = _catalog(tmp_path / "in", LINES[5:], HEADER)
    (tmp_path / "other").mkdir()
    other = BeaconNode(tmp_path / "other", catalog=bare, policies=[policy("D")])
    knowing, ignorant = [
        (await each.get("/info")).json()["response"]["info"]["copyNumberLevels"]
        for each in (node, other)
    ]
    assert knowing == ignorant == [each.value for each in Level]


async def test_without_a_grant_nobody_is_told_how_far_anybodys_copies_went(
    tmp_path: Path, catalog: SegmentCatalog
) -> None:
    node = BeaconNode(
        tmp_path,
        catalog=catalog,
        policies=[policy("D", profile=Profile.DEFAULT)],
        grants={"grace": ["D"]},
    )
    for name in (None, "rosa"):
        for level in (COMPLETE, HIGH_GAIN):
            for path in ("/individuals", "/g_variants", "/datasets"):
                answer = await node.get(path, name=name, **EVERYWHERE, variantType=level)
                assert answer.status_code == 403, answer.text
    granted = await node.get(
        "/individuals",
        name="grace",
        **EVERYWHERE,
        variantType=COMPLETE,
        requestedGranularity="count",
    )
    assert granted.json()["responseSummary"]["numTotalResults"] == 2


@pytest.mark.parametrize("path", ["/individuals", "/g_variants", "/datasets"])
async def test_what_is_refused_without_a_grant_tells_not_whether_anybody_has_such_a_level(
    tmp_path: Path, catalog: SegmentCatalog, path: str
) -> None:
    nobodys = _catalog(tmp_path / "nobody", ["101 . N <DEL> END=150 0/1:. 1/1:. 0/0:2 0/0:2"])
    refused = set()
    for number, each in enumerate((catalog, nobodys)):
        policies = [policy("D", profile=Profile.DEFAULT)]
        folder = tmp_path / str(number)
        folder.mkdir()
        node = BeaconNode(folder, catalog=each, policies=policies)
        for name in (None, "rosa"):
            for level in Level:
                answer = await node.get(path, name=name, **EVERYWHERE, variantType=level)
                refused.add((name, answer.status_code, answer.json()["error"]["errorMessage"]))
    assert sorted((name or "", status) for name, status, _ in refused) == [("", 403), ("rosa", 403)]


async def test_a_policy_that_closes_individuals_closes_levels(
    tmp_path: Path, catalog: SegmentCatalog
) -> None:
    rule = EntryRule(Access.CONTROLLED, {})
    closed = replace(policy("D"), entries={"individual": rule})
    node = BeaconNode(tmp_path, catalog=catalog, policies=[closed])
    assert (await node.get("/g_variants", **EVERYWHERE, variantType="DEL")).status_code == 200
    assert (await node.get("/g_variants", **EVERYWHERE, variantType=COMPLETE)).status_code == 403


def test_who_withdrew_has_no_level_left(tmp_path: Path) -> None:
    catalog = _catalog(tmp_path, LINES)
    asked = Span("1", 0, 1000, variant_type=COMPLETE)
    assert catalog.snapshot()["D"].variants(asked, samples=None, skip=0, limit=9).total == 3
    withdrawals.add(catalog.folder, "D", "P4")
    catalog.refresh()
    left = catalog.snapshot()["D"]
    assert left.variants(asked, samples=None, skip=0, limit=9).total == 1
    assert left.person_ids(left.owners(left.carriers(asked))) == ["P2"]


def test_a_level_and_a_zygosity_are_of_one_carrier(catalog: SegmentCatalog) -> None:
    segment = catalog.snapshot()["D"]
    lost = Span("1", 0, 1000, variant_type=HIGH_LOSS)
    once = frozenset({Zygosity.HETEROZYGOUS})
    assert segment.person_ids(segment.owners(segment.carriers(lost, zygosity=once))) == ["P3"]
    (row,) = segment.variants(lost, samples=None, skip=0, limit=9, zygosity=once).rows
    assert row.allele.start0 == 300
    nobody = segment.variants(lost, samples=BitMap([0]), skip=0, limit=9, zygosity=once)
    assert nobody.total == 0


def test_sites_without_people_know_no_level(tmp_path: Path) -> None:
    vcf = tmp_path / "sites.vcf"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    vcf.write_text(f"{HEADER}{COPIES}{columns}chr1\t101\t.\tN\t<DEL>\t.\t.\tEND=150\n")
    catalog = loaded(tmp_path / "catalog", DatasetSource("D", "D", "", "GRCh38", (vcf,)))
    segment = catalog.snapshot()["D"]
    asked = Span("1", 0, 1000, variant_type=LOW_LOSS)
    assert not segment.supports(asked)
    with pytest.raises(UnsupportedQuestion):
        segment.variants(asked, samples=None, skip=0, limit=0)
    assert segment.supports(replace(asked, variant_type="EFO:0030067"))


# The rule


@pytest.mark.parametrize(
    ("copies", "base", "level"),
    [
        (2, 2, None), (1, 2, LOW_LOSS), (0, 2, COMPLETE), (0, 1, COMPLETE), (1, 1, None),
        (2, 3, LOW_LOSS), (1, 3, HIGH_LOSS), (0, 3, COMPLETE), (3, 2, LOW_GAIN), (4, 2, LOW_GAIN),
        (5, 2, HIGH_GAIN), (2, 1, LOW_GAIN), (4, 1, HIGH_GAIN), (40, 2, HIGH_GAIN),
    ],
)  # fmt: skip
def test_the_level_follows_from_the_copies_lost_or_gained(
    copies: int, base: int, level: Level | None
) -> None:
    assert copy_number.level_of(copies, base) is level


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 7)), max_size=20))
def test_a_level_is_never_against_its_allele(drawn: list[tuple[int, int]]) -> None:
    copies, base = (np.array([each[side] for each in drawn], dtype=np.int64) for side in (0, 1))
    lost = copy_number.codes_of(copies, base, "DEL")
    gained = copy_number.codes_of(copies, base, "DUP")
    assert ((lost > 0) == (copies < base)).all()
    assert ((gained > 0) == (copies > base)).all()


@pytest.mark.parametrize(
    ("question", "levels"),
    [
        (None, set()),
        (Allele("1", 1, "A", "C"), set()),
        (Span("1", 0, 9), set()),
        (Span("1", 0, 9, variant_type="EFO:0030067"), set()),
        (Span("1", 0, 9, variant_type=HIGH_LOSS), {HIGH_LOSS, COMPLETE}),
        (InGene("X", variant_type="high-level copy number gain"), {HIGH_GAIN, FOCAL}),
        (InGene("X", variant_type=FOCAL), {FOCAL}),
        (ChangeWithin(CHANGE, Span("1", 0, 9)), set()),
        (ChangeWithin(CHANGE, Span("1", 0, 9, variant_type=HIGH_LOSS)), {HIGH_LOSS, COMPLETE}),
    ],
)
def test_a_question_names_its_level_with_what_lies_below(question: Any, levels: set[Level]) -> None:
    assert copy_number.asked(question) == levels


@pytest.mark.parametrize("kind", [None, "DEL", COMPLETE])
def test_without_its_level_a_question_is_of_any_carrier(kind: str | None) -> None:
    left = None if kind == COMPLETE else kind
    for asked, plain in (
        (Span("1", 0, 9, variant_type=kind), Span("1", 0, 9, variant_type=left)),
        (InGene("X", variant_type=kind), InGene("X", variant_type=left)),
    ):
        assert copy_number.of_anybody(asked) == plain
        within = copy_number.of_anybody(ChangeWithin(CHANGE, asked))
        assert within == ChangeWithin(CHANGE, plain)
    assert copy_number.of_anybody(CHANGE) == CHANGE
