"""The allele of a BFF record, and what is refused because it has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon import copy_number
from beacon.catalog import Allele, Segment, Span
from beacon.copy_number import Level
from beacon.errors import Problem, SourceRefused
from beacon.loading.load import load
from beacon.segments import SegmentCatalog
from tests.support.bases import TextReference
from tests.support.bff import (
    Record,
    legacy,
    located,
    one,
    refused,
    rows,
    source,
    varied,
)


@pytest.mark.parametrize(
    ("record", "variant", "kind", "end0"),
    [
        (legacy(4, "A", "G"), "1-5-A-G", "SNP", 5),
        (legacy(4, "a", "g", "SNV"), "1-5-A-G", "SNP", 5),
        (legacy(4, "AC", "GT", "MNP"), "1-5-AC-GT", "MNP", 6),
        (legacy(4, "A", "AC", "INDEL"), "1-5-A-AC", "INS", 5),
        (legacy(4, "ACG", "A", "DEL"), "1-5-ACG-A", "DEL", 7),
        (legacy(4, "AC", "ACG", "INS"), "1-5-AC-ACG", "INS", 6),
        (legacy(4, "ACG", "A", "SNP"), "1-5-ACG-A", "DEL", 7),  # the bases decide
        (legacy(4, "A", "<DEL>", "DEL") | {}, "", "", 0),
        (legacy(4, "G", "G]2:321]", "BND"), "1-5-G-G]2:321]", "BND", 5),
    ],
)
def test_a_legacy_variation_is_the_allele_its_bases_say(
    tmp_path: Path, record: Record, variant: str, kind: str, end0: int
) -> None:
    if not variant:
        record["variation"]["location"] = located(4, 90)
        variant, kind, end0 = "1-5-A-<DEL>", "DEL", 90
    _, row = one(tmp_path, record)
    assert (row.allele, row.variant_type, row.end0) == (
        Allele("1", 4, *variant.split("-", 3)[2:]), kind, end0,
    )  # fmt: skip


@pytest.mark.parametrize(
    "sequence",
    ["1", "chr1", "NC_000001.11", "ga4gh:SQ.Ya6Rs7DHhDeg7YaOSg1EoNi3U_nQ9SvO", "HGVSid:1:g.5A>G",
     "HGVSid:chr1:g.5A>G", "HGVSid:NC_000001.11:g.9A>G"],
)  # fmt: skip
def test_a_sequence_is_found_by_any_of_its_names(tmp_path: Path, sequence: str) -> None:
    record = legacy(4, "A", "G")
    record["variation"]["location"]["sequence_id"] = sequence
    _, row = one(tmp_path, record)
    assert row.allele == Allele("1", 4, "A", "G")


def test_a_gene_in_place_of_a_sequence_is_read_beside_it(tmp_path: Path) -> None:
    record = legacy(4, "A", "G", _position={"refseqId": "1"})
    record["variation"]["location"]["sequence_id"] = "HGVSid:ENSG00000186092:g.5A>G"
    assert one(tmp_path, record)[1].allele.chrom == "1"
    del record["_position"]
    (tmp_path / "other").mkdir()
    assert "sequence_id" in refused(tmp_path / "other", record)


def test_an_interval_that_counts_the_first_base_only_is_of_all_of_ref(tmp_path: Path) -> None:
    record = legacy(4, "ACG", "A")
    record["variation"]["location"] = located(4, 5)
    assert one(tmp_path, record)[1].end0 == 7


@pytest.mark.parametrize(
    ("kind", "stored"),
    [("DEL", "DEL"), ("DUP", "DUP"), ("INV", "INV"), ("CNV", "CNV"), ("EFO:0030067", "DEL"),
     ("SO:0001742", "DUP")],
)  # fmt: skip
@pytest.mark.parametrize("ref", ["", "N", None])
def test_a_change_without_bases_is_a_symbolic_allele(
    tmp_path: Path, kind: str, stored: str, ref: str | None
) -> None:
    """With the base in front the interval counts it too, as a node answers it itself."""
    record = legacy(0, "", "", kind)
    record["variation"]["location"] = located(99 if ref else 100, 200)
    record["variation"]["referenceBases"] = ref
    _, row = one(tmp_path, record)
    assert (row.allele, row.variant_type) == (Allele("1", 99, "N", f"<{stored}>"), stored)
    assert row.end0 == 200


@pytest.mark.parametrize(
    ("variation", "alt", "level"),
    [
        ({"type": "CopyNumberChange", "copy_change": "efo:0030067"}, "<DEL>", None),
        ({"type": "CopyNumberChange", "copy_change": "efo:0030072"}, "<DUP>", Level.HIGH_GAIN),
        ({"type": "CopyNumberChange", "copy_change": "EFO:0030073"}, "<DUP>",
         Level.AMPLIFICATION),
        ({"type": "CopyNumberChange", "copy_change": "efo:0020073"}, "<DEL>", Level.HIGH_LOSS),
        ({"type": "RelativeCopyNumber", "relative_copy_class": "partial loss"}, "<DEL>", None),
        ({"type": "RelativeCopyNumber", "relative_copy_class": "complete loss"}, "<DEL>",
         Level.COMPLETE_LOSS),
        ({"type": "CopyNumberCount", "copies": {"type": "Number", "value": 1}}, "<DEL>",
         Level.LOW_LOSS),
        ({"type": "AbsoluteCopyNumber", "copies": {"type": "Number", "value": 4}}, "<DUP>",
         Level.LOW_GAIN),
    ],
)  # fmt: skip
def test_a_copy_number_is_a_loss_or_a_gain_of_the_level_it_says(
    tmp_path: Path, variation: Record, alt: str, level: Level | None
) -> None:
    segment, row = one(tmp_path, varied({**variation, "subject": located(10, 20)}))
    assert (row.allele, row.end0) == (Allele("1", 9, "N", alt), 20)
    _assert_level(segment, level)


@pytest.mark.parametrize(
    ("word", "level"),
    [("EFO:0030069", Level.COMPLETE_LOSS), ("focal genome amplification", Level.AMPLIFICATION)],
)
def test_a_type_may_say_a_level_too(tmp_path: Path, word: str, level: Level) -> None:
    record = legacy(0, "", "", word)
    record["variation"]["location"] = located(100, 200)
    segment, row = one(tmp_path, record)
    assert (row.variant_type, row.variant_id[:6]) == (level.change, "1-100-")
    _assert_level(segment, level)


def test_a_level_that_the_bases_contradict_is_none(tmp_path: Path) -> None:
    segment, row = one(tmp_path, legacy(4, "A", "AC", "EFO:0030069"))
    assert row.variant_type == "INS"
    _assert_level(segment, None)


def _assert_level(segment: Segment, level: Level | None) -> None:
    for asked in Level:
        question = Span("1", 0, 10**6, variant_type=asked)
        if not segment.supports(question):
            assert level is None or (asked is Level.AMPLIFICATION and level is not asked)
            continue
        found = segment.variants(question, samples=None, skip=0, limit=0).total
        assert found == len(segment.carriers(question)) == (level in copy_number.asked(question))


TEXT = "ACGTTTTGCA"


@pytest.mark.parametrize(
    ("place", "bases", "allele"),
    [
        ((1, 2), "T", Allele("1", 1, "C", "T")),
        ((3, 7), "TTT", Allele("1", 3, "TTTT", "TTT")),
        ((2, 2), "A", Allele("1", 1, "C", "CA")),
        ((7, 9), "", Allele("1", 6, "TGC", "T")),
    ],
)
def test_an_allele_of_vrs_takes_what_it_replaces_from_the_reference(
    tmp_path: Path, place: tuple[int, int], bases: str, allele: Allele
) -> None:
    state = {"type": "LiteralSequenceExpression", "sequence": bases}
    made = {"type": "Allele", "location": located(*place), "state": state}
    assert one(tmp_path, varied(made), text=TEXT)[1].allele == allele
    (tmp_path / "other").mkdir()
    assert "--sequences" in refused(tmp_path / "other", varied(made))


def test_an_insertion_in_front_of_nothing_takes_its_base_from_the_reference(
    tmp_path: Path,
) -> None:
    record = legacy(2, "-", "AA", "INS")
    record["variation"]["location"] = located(2, 2)
    segment, row = one(tmp_path, record, text=TEXT)
    assert row.allele == Allele("1", 1, "C", "CAA")
    assert segment.variants(Allele("1", 2, "", "AA"), samples=None, skip=0, limit=1).total == 1


def test_bases_that_are_not_said_are_the_references(tmp_path: Path) -> None:
    record = legacy(4, "T", "G")
    del record["variation"]["referenceBases"]
    assert one(tmp_path, record, text=TEXT)[1].allele == Allele("1", 4, "T", "G")
    (tmp_path / "other").mkdir()
    assert "referenceBases" in refused(tmp_path / "other", record)


def test_bases_that_the_reference_denies_are_refused(tmp_path: Path) -> None:
    record = legacy(4, "A", "G")
    said = refused(tmp_path, record, bases=TextReference(TEXT))
    assert "1:5, REF: expected what the reference has there" in said


def test_a_sequence_beside_the_chromosomes_is_left_out_and_counted(tmp_path: Path) -> None:
    other = legacy(7, "A", "G")
    other["variation"]["location"]["sequence_id"] = "GL000191.1"
    told: dict[str, int] = {}
    made = source(tmp_path, [legacy(4, "A", "G"), other])
    load(made, tmp_path / "catalog", progress=told.__setitem__)
    assert told["left out: sequence outside 1..22, X, Y, MT"] == 1
    assert told["genomicVariant"] == 1


STATE = {"type": "LiteralSequenceExpression", "sequence": "T"}
OTHER_ASSEMBLY = legacy(4, "A", "G")
OTHER_ASSEMBLY["variation"]["location"]["sequence_id"] = "refseq:NC_000001.10"
LONG_INTERVAL = legacy(4, "AC", "G")
LONG_INTERVAL["variation"]["location"] = located(4, 9)
BACKWARDS = legacy(4, "A", "G")
BACKWARDS["variation"]["location"] = located(9, 4)


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (OTHER_ASSEMBLY, "sequence_id, expected a sequence of GRCh38"),
        (LONG_INTERVAL, "interval"),
        (BACKWARDS, "interval"),
        (legacy(-1, "A", "G"), "start"),
        (legacy(2**63, "A", "G"), "start"),
        (legacy(10**400, "A", "G"), "start"),
        (legacy(4.0, "A", "G"), "start"),
        (legacy(True, "A", "G"), "start"),
        (legacy("4", "A", "G"), "start"),
        (legacy(None, "A", "G"), "start"),
        (legacy(249_250_621, "A", "G"), "end"),
        (legacy(4, "A", "A"), "two different alleles"),
        (legacy(4, "A", "R"), "ACGTN"),
        (legacy(4, "A", "*"), "ACGTN"),
        (legacy(4, "A", ["G"]), "alternateBases"),
        (legacy(4, 7, "G"), "referenceBases"),
        (legacy(4, "A", "G" * 100_001), "alternateBases"),
        (legacy(4, "A", "G\u0000"), "alternateBases"),
        (legacy(4, "A", "<DEL>\n"), "alternateBases"),
        (legacy(4, "A", "<DEL>"), "at least one changed base"),
        (legacy(4, "AC", "<DEL>"), "one base"),
        (legacy(4, "A", "<WHAT>"), "<DEL>"),
        (legacy(4, "A", "", "BND"), "breakend"),
        (legacy(4, "", "ACG", "INS"), "--sequences"),
        (legacy(4, "AC", "", "DEL"), "--sequences"),
        (legacy(4, "A", "", "INS") | {"caseLevelData": 4}, "caseLevelData"),
        (legacy(4, "A", "G", ["SNP"]), "variantType"),
        (varied({}), "LegacyVariation"),
        (varied({"type": "Haplotype", "members": []}), "LegacyVariation"),
        (varied({"type": ["Allele"]}), "LegacyVariation"),
        (varied({"type": "Text", "definition": "x"}), "LegacyVariation"),
        ({"variation": "ga4gh:VA.x"}, "variation"),
        ({"variation": None}, "LegacyVariation"),
        ({}, "LegacyVariation"),
        ("x", "a JSON object"),
        (None, "a JSON object"),
        ([], "a JSON object"),
        (7, "a JSON object"),
        (varied({"type": "Allele", "location": "ga4gh:VSL.x", "state": STATE}), "location"),
        (varied({"type": "Allele", "location": {"type": "ChromosomeLocation", "chr": "1"},
                 "state": STATE}), "SequenceLocation"),
        (varied({"type": "Allele", "location": located(1, 2), "state": {"type": "X"}}), "state"),
        (varied({"type": "Allele", "location": located(1, 2),
                 "state": {"type": "LiteralSequenceExpression"}}), "new bases"),
        (varied({"type": "CopyNumberChange", "subject": located(1, 5),
                 "copy_change": "efo:0030064"}), "copy_change"),
        (varied({"type": "CopyNumberChange", "subject": located(0, 5),
                 "copy_change": "efo:0030067"}), "behind the first base"),
        (varied({"type": "CopyNumberCount", "subject": located(1, 5),
                 "copies": {"type": "Number", "value": 2}}), "two copies"),
        (varied({"type": "CopyNumberCount", "subject": located(1, 5, "X"),
                 "copies": {"type": "Number", "value": 1}}), "two copies"),
        (varied({"type": "CopyNumberCount", "subject": located(1, 5),
                 "copies": {"type": "IndefiniteRange", "value": 3}}), "a Number"),
    ],
)  # fmt: skip
def test_a_record_without_one_allele_is_refused_by_its_place(
    tmp_path: Path, record: object, field: str
) -> None:
    said = refused(tmp_path, legacy(50, "A", "G"), record)
    assert field in said.replace(": expected", ", expected")
    assert "genomicVariations.json, record 2" in said


def test_what_is_refused_may_be_left_out_and_is_reported(tmp_path: Path) -> None:
    found: list[Problem] = []
    made = source(tmp_path, [legacy(4, "A", "G"), legacy(9, "A", "A"), {}], max_rejected=2)
    load(made, tmp_path / "catalog", report=found.append)
    assert [(each.file, each.where) for each in found] == [
        ("genomicVariations.json", "record 2 (v)"), ("genomicVariations.json", "record 3"),
    ]  # fmt: skip
    assert len(rows(SegmentCatalog(tmp_path / "catalog").snapshot()["d"])) == 1


def test_an_allele_that_comes_twice_is_refused(tmp_path: Path) -> None:
    made = source(tmp_path, [legacy(4, "A", "G"), legacy(4, "A", "G")])
    with pytest.raises(SourceRefused) as caught:
        load(made, tmp_path / "catalog")
    assert "each allele once" in str(caught.value.problems[0])
