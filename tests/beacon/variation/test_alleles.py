from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.catalog import Allele
from beacon.variation import alleles

BASES = st.text("ACGT", max_size=8)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1", "1"),
        ("chr22", "22"),
        ("CHRx", "X"),
        ("chrM", "MT"),
        ("refseq:NC_000017.11", "17"),
        ("NC_000023.10", "X"),
        ("NC_012920.1", "MT"),
    ],
)
def test_a_chromosome_has_one_name_however_it_is_written(name: str, expected: str) -> None:
    assert alleles.canonical_chromosome(name) == expected


@pytest.mark.parametrize("name", ["", "0", "23", "chr1_random", "NC_000025.1", "GL000191.1", "1 "])
def test_other_sequences_have_no_name(name: str) -> None:
    assert alleles.canonical_chromosome(name) is None


def test_an_accession_names_its_assembly() -> None:
    assert alleles.assembly_of_accession("NC_000017.10") == "GRCh37"
    assert alleles.assembly_of_accession("refseq:NC_000017.11") == "GRCh38"
    assert alleles.assembly_of_accession("NC_000017.12") is None
    assert alleles.assembly_of_accession("17") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hg19", "GRCh37"),
        ("b37", "GRCh37"),
        ("GRCh38.p13", "GRCh38"),
        ("GCF_000001405.40", "GRCh38"),
        ("GCF_000001405.25", "GRCh37"),
        ("T2T-CHM13", None),
        ("hg19 lifted to hg38", None),
    ],
)
def test_an_assembly_is_recognised_only_when_one_is_named(text: str, expected: str | None) -> None:
    assert alleles.canonical_assembly(text) == expected


def test_an_anchored_and_a_trimmed_insertion_are_the_same_allele() -> None:
    anchored, bare = Allele("1", 10176, "A", "AC"), Allele("1", 10177, "", "c")
    assert alleles.trimmed(anchored) == alleles.trimmed(bare) == Allele("1", 10177, "", "C")


@given(left=BASES, right=BASES, ref=BASES, alt=BASES)
def test_padding_an_allele_never_changes_what_it_does(
    left: str, right: str, ref: str, alt: str
) -> None:
    """Beacon v2.2 alleles: trimming keeps the sequence that results."""
    padded = Allele("1", 100, left + ref + right, left + alt + right)
    core = alleles.trimmed(padded)
    before = padded.ref[: core.start0 - 100]
    after = padded.ref[core.start0 - 100 + len(core.ref) :]
    assert before + core.ref + after == padded.ref
    assert before + core.alt + after == padded.alt
    assert not (core.ref and core.alt and core.ref[0] == core.alt[0])
    assert alleles.trimmed(core) == core


@pytest.mark.parametrize(
    ("ref", "alt", "expected"),
    [
        ("A", "G", "SNP"),
        ("AT", "GC", "MNP"),
        ("A", "AC", "INS"),
        ("AC", "A", "DEL"),
        ("ACG", "TT", "INDEL"),
        ("N", "<DEL>", "DEL"),
        ("N", "<CN0>", "DEL"),
        ("N", "<CN3>", "DUP"),
        ("N", "<DUP:TANDEM>", "DUP"),
        ("A", "*", None),
        ("A", "<*>", None),
        ("A", "<NON_REF>", None),
        ("A", "A[2:321[", None),
        ("A", "A", None),
        ("R", "A", None),
    ],
)
def test_the_type_of_an_allele_follows_from_its_bases(
    ref: str, alt: str, expected: str | None
) -> None:
    assert alleles.variant_type(Allele("1", 5, ref, alt)) == expected


@pytest.mark.parametrize(
    ("requested", "covered"),
    [
        ("snv", {"SNP"}),
        ("DEL", {"DEL"}),
        ("EFO:0030067", {"DEL"}),
        ("SO:0001743", {"DEL"}),
        ("efo:0030070", {"DUP"}),
        ("EFO:0030066", {"CNV", "DEL", "DUP"}),
        ("SO:0001019", {"CNV", "DEL", "DUP"}),
        ("INDEL", {"INS", "DEL", "INDEL"}),
        ("SO:1000032", {"INDEL"}),
        ("SV", {"CNV", "DEL", "DUP", "INS", "INV", "BND"}),
        ("EFO:0020073", {"DEL"}),
        ("complete genomic deletion", {"DEL"}),
        ("low-level copy number gain", {"DUP"}),
        ("EFO:0030073", {"DUP"}),
    ],
)
def test_a_requested_type_covers_what_lies_below_it(requested: str, covered: set[str]) -> None:
    """Beacon v2.2: any deletion matches a loss, whatever its size."""
    assert alleles.types_matching(requested) == frozenset(covered)


@pytest.mark.parametrize("requested", ["made up", "", "EFO:0030064"])
def test_a_type_that_no_stored_variant_could_tell_is_not_known(requested: str) -> None:
    assert alleles.types_matching(requested) is None


def test_every_type_lies_below_a_sequence_alteration() -> None:
    everything = alleles.types_matching("SO:0001059")
    assert everything is not None
    for word in ("SNP", "MNP", "INS", "DEL", "INDEL", "DUP", "INV", "CNV", "SV", "BND"):
        assert (alleles.types_matching(word) or {""}) <= everything


@pytest.mark.parametrize(("copies", "kind"), [(0, "DEL"), (1, None), (2, "DUP")])
def test_copies_on_a_haplotype_are_a_loss_or_a_gain(copies: int, kind: str | None) -> None:
    assert alleles.copy_number_type(copies) == kind


def test_n_stands_for_exactly_one_base() -> None:
    assert alleles.bases_match("ANG", "ACG")
    assert not alleles.bases_match("N", "")
    assert not alleles.bases_match("N", "AC")
    assert not alleles.bases_match("NNNNN", "<DEL>")
