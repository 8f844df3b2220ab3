"""Where a phenopacket's descriptor places a change, and what has no place and is only counted."""

from __future__ import annotations

from typing import Any

import pytest

from beacon.copy_number import Level
from beacon.loading.bff_fields import Rejected
from beacon.loading.descriptors import MAX_SPELLED, STRUCTURAL, Unplaced, shape
from beacon.loading.shapes import Shape
from beacon.variation.reference import Reference
from tests.support.bases import TextReference
from tests.support.packets import Descriptor, vcf, written

#                    0123456789012345
TEXT = TextReference("ACGTACGTAAAACGTT" + "ACGTTGCA" * 400)
NC = "NC_000001.11"


def of(descriptor: Descriptor, bases: Reference | None = None) -> Shape:
    return shape(descriptor, assembly="GRCh38", reference=bases)


def spelled(made: Shape) -> str:
    return f"{made.rank}-{made.start0 + 1}-{made.ref}-{made.alt}"


def allele(start0: object, end0: object, bases: str, name: object = f"refseq:{NC}") -> Descriptor:
    """VRS 1.2 as protobuf's JSON form has it, in which a 0 is left out."""
    ends = {"startNumber": {"value": start0} if start0 else {}, "endNumber": {"value": end0}}
    where = {"sequenceLocation": {"sequenceId": name, "sequenceInterval": ends}}
    return {"variation": {"allele": where | {"literalSequenceExpression": {"sequence": bases}}}}


@pytest.mark.parametrize(
    ("descriptor", "stored"),
    [
        (vcf("5", "A", "G"), "1-5-A-G"),
        (vcf(5, "a", "g"), "1-5-A-G"),
        (vcf("5", "A", "G", chrom=NC, genomeAssembly=""), "1-5-A-G"),
        (vcf("5", "A", "G", genomeAssembly="hg38"), "1-5-A-G"),
        (vcf("5", "ACG", "ATG"), "1-6-C-T"),
        (vcf("5", "AC", "A"), "1-5-AC-A"),
        (vcf("5", "A", "AC"), "1-5-A-AC"),
        (vcf("5", "ACGT", "ACG"), "1-7-GT-G"),
        (vcf("5", "A", "G", chrom="MT"), "25-5-A-G"),
        (vcf("5", "A", "]chr2:9]A"), "1-5-A-]chr2:9]A"),
        (written(f"{NC}:g.5A>G"), "1-5-A-G"),
        (written("NC_012920.1:m.5A>G"), "25-5-A-G"),
        (written(f"{NC}:4:A:G", syntax="spdi"), "1-5-A-G"),
        (written(f"{NC}:g.5_6delinsTT"), None),
        (written(f"{NC}:g.5_6delACinsTT"), "1-5-AC-TT"),
        (written("NM_1.1:c.5A>G", "NP_1.1:p.Val5Gly", f"{NC}:g.5A>G"), "1-5-A-G"),
        (written("NC_000001.10:g.9A>G", f"{NC}:g.5A>G"), "1-5-A-G"),
        (vcf("9", "A", "G", genomeAssembly="GRCh37") | written(f"{NC}:g.5A>G"), "1-5-A-G"),
        (vcf("5", "A", "G") | written(f"{NC}:g.9A>G"), "1-5-A-G"),
        (allele("4", "5", "G"), None),
    ],
)
def test_a_descriptor_is_the_allele_that_the_best_of_its_forms_says(
    descriptor: Descriptor, stored: str | None
) -> None:
    """A VCF record before expressions, whose order stands; without a reference bases that are not
    written are not known."""
    if stored is None:
        with pytest.raises(Unplaced, match="reference"):
            of(descriptor)
        return
    assert spelled(of(descriptor)) == stored


@pytest.mark.parametrize(
    ("descriptor", "stored"),
    [
        (written(f"{NC}:g.10del"), "1-8-TA-T"),
        (written(f"{NC}:g.9delA"), "1-8-TA-T"),
        (vcf(11, "AA", "A"), "1-8-TA-T"),
        (written(f"{NC}:11:A:", syntax="spdi"), "1-8-TA-T"),
        (written(f"{NC}:8:1:", syntax="spdi"), "1-8-TA-T"),
        (allele("8", "12", "AAA"), "1-8-TA-T"),
        (written(f"{NC}:g.9_10dup"), "1-8-T-TAA"),
        (written(f"{NC}:g.12_13insAA"), "1-8-T-TAA"),
        (vcf(12, "A", "AAA"), "1-8-T-TAA"),
        (written(f"{NC}:g.5_6delinsTT"), "1-5-AC-TT"),
        (written(f"{NC}:g.5_7inv"), "1-5-ACG-CGT"),
        (allele("4", "5", "G"), "1-5-A-G"),
        (allele(0, "1", "G"), "1-1-A-G"),
        (allele("4", "5", "G", "ga4gh:SQ.Ya6Rs7DHhDeg7YaOSg1EoNi3U_nQ9SvO"), "1-5-A-G"),
    ],
)
def test_with_a_reference_every_spelling_of_a_change_is_stored_alike(
    descriptor: Descriptor, stored: str
) -> None:
    assert spelled(of(descriptor, TEXT)) == stored


@pytest.mark.parametrize(
    ("descriptor", "alt", "place", "level"),
    [
        (vcf("5", "A", "<DEL>", info="SVTYPE=DEL;END=90"), "<DEL>", (4, 90), None),
        (vcf("5", "A", "<DUP>", info="SVLEN=85"), "<DUP>", (4, 90), None),
        (vcf("5", "A", "<DEL>", info="IMPRECISE;SVLEN=-85"), "<DEL>", (4, 90), None),
        (vcf("5", "A", "<INS>"), "<INS>", (4, 5), None),
        (written(f"{NC}:g.6_90del"), "<DEL>", (4, 90), None),
        (written(f"{NC}:g.6_90dup"), "<DUP>", (4, 90), None),
        (written(f"{NC}:g.6_90inv"), "<INV>", (4, 90), None),
        ({"variation": {"copyNumber": {"allele": allele("5", "90", "")["variation"]["allele"],
                                       "number": {"value": "1"}}}}, "<DEL>", (4, 90),
         Level.LOW_LOSS),
    ],
)  # fmt: skip
def test_a_structural_change_is_a_symbolic_allele(
    descriptor: Descriptor, alt: str, place: tuple[int, int], level: Level | None
) -> None:
    made = of(descriptor)
    assert (made.alt, (made.start0, made.end0), made.level) == (alt, place, level)


def test_what_is_deleted_is_spelled_where_that_is_short_enough() -> None:
    """Fewer bases than VCF calls structural are never a symbol: a question that spells them would
    not find it."""
    short = written(f"{NC}:g.101_{100 + MAX_SPELLED}del")
    assert of(short, TEXT).type == "DEL"
    assert not of(short, TEXT).alt.startswith("<")
    assert of(written(f"{NC}:g.101_{101 + MAX_SPELLED}del"), TEXT).alt == "<DEL>"
    assert of(written(f"{NC}:g.101_{100 + STRUCTURAL}del")).alt == "<DEL>"
    with pytest.raises(Unplaced, match="reference"):
        of(written(f"{NC}:g.101_{99 + STRUCTURAL}del"))


@pytest.mark.parametrize(
    ("descriptor", "says"),
    [
        ({}, "a vcfRecord, a genomic HGVS"),
        ({"label": "deletion of exon 2", "structuralType": {"id": "SO:1000029"}}, "a vcfRecord"),
        (written("NM_1.1:c.5A>G"), "a vcfRecord"),
        (written("rs334"), "a vcfRecord"),
        (written("X" * 20_000), "a vcfRecord"),
        (written(f"{NC}:g.(5_9)_20del"), "an exact genomic change"),
        (written("NC_000001.10:g.5A>G"), "on GRCh38, not on GRCh37"),
        (written("NC_000001.9:g.5A>G"), "a sequence of 1..22"),
        (written("chr1:g.5A>G"), "an assembly"),
        (written("1-5-A-G"), "an assembly"),
        (vcf("5", "A", "G", genomeAssembly="hg19"), "on GRCh38, not on GRCh37"),
        (vcf("5", "A", "G", genomeAssembly="CHM13"), "an assembly"),
        (vcf("5", "A", "G", chrom="chrUn_1"), "a sequence of 1..22"),
        (vcf("5", "A", "G,T"), "one ALT allele"),
        (vcf("5", "A", "*"), "ACGTN"),
        (vcf("5", "A", "A"), "two different"),
        (vcf("0", "A", "G"), "POS"),
        (vcf("5", "", "G"), "POS"),
        (vcf("5", "A", "<DEL>"), "END or SVLEN"),
        (vcf("5", "A", "<DEL>", info="END=5"), "at least one changed base"),
        (vcf("5", "A", "<FOO>", info="END=50"), "<DEL>"),
        (allele("4", "5", "G", "chr1"), "an assembly"),
        ({"variation": {"text": {"definition": "loss"}}}, "an allele or a copy number"),
        ({"variation": {"allele": {"chromosomeLocation": {"chr": "1"}}}}, "exact ends"),
    ],
)
def test_what_has_no_place_on_the_assembly_is_unplaced(descriptor: Descriptor, says: str) -> None:
    with pytest.raises(Unplaced) as caught:
        of(descriptor)
    assert says in caught.value.expected


@pytest.mark.parametrize(
    "descriptor",
    [
        {"vcfRecord": 5},
        {"expressions": {}},
        {"expressions": ["NC"]},
        {"expressions": [{"value": 5}]},
        {"variation": "x"},
        vcf("five", "A", "G"),
        vcf(True, "A", "G"),
        vcf(-5, "A", "G"),
        vcf("9" * 30, "A", "G"),
        vcf("5", ["A"], "G"),
        vcf("5", "A", "<DEL>", info=7),
        vcf("5", "A", "G", chrom=1),
        allele("4", {"value": 5}, "G"),
    ],
)
def test_members_of_other_types_than_the_schemas_are_refused(descriptor: Any) -> None:
    with pytest.raises(Rejected):
        of(descriptor)


@pytest.mark.parametrize(
    "descriptor",
    [vcf("5", "G", "T"), vcf("5", "GC", "G"), vcf("6", "A", "AT"), written(f"{NC}:g.5G>T")],
)
def test_bases_that_the_reference_does_not_have_are_refused(descriptor: Descriptor) -> None:
    """Never moved: what is wrong is not made right by a shift."""
    assert of(descriptor)
    with pytest.raises(Rejected, match="the reference"):
        of(descriptor, TEXT)
