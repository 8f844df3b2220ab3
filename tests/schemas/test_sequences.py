from __future__ import annotations

import pytest

from schemas import sequences


@pytest.mark.parametrize("assembly", sequences.ASSEMBLIES)
@pytest.mark.parametrize("chrom", sequences.CHROMOSOMES)
def test_accession_and_digest_of_a_chromosome_lead_back_to_it(assembly: str, chrom: str) -> None:
    told = assembly if chrom != "MT" else None  # one sequence in both assemblies
    if chrom != "MT":
        assert sequences.place(sequences.accession(assembly, chrom)) == (chrom, told)
    assert sequences.place(sequences.refget_id(assembly, chrom)) == (chrom, told)
    assert sequences.place("ga4gh:" + sequences.refget_id(assembly, chrom)) == (chrom, told)


def test_no_two_chromosomes_share_a_digest() -> None:
    digests = [
        sequences.refget_id(assembly, chrom)
        for assembly in sequences.ASSEMBLIES
        for chrom in sequences.CHROMOSOMES
    ]
    assert len(set(digests)) == len(digests) - 1  # the mitochondrial one


@pytest.mark.parametrize(
    ("assembly", "chrom", "digest"),
    [
        ("GRCh38", "1", "SQ.Ya6Rs7DHhDeg7YaOSg1EoNi3U_nQ9SvO"),
        ("GRCh38", "19", "SQ.IIB53T8CNeJJdUqzn9V_JnRtQadwWCbl"),
        ("GRCh37", "17", "SQ.AjWXsI7AkTK35XW9pgd3UbjpC3MAevlz"),
    ],
)
def test_digests_are_those_of_the_vrs_validation_cases(
    assembly: str, chrom: str, digest: str
) -> None:
    """github.com/ga4gh/vrs `validation/alleles.yaml`."""
    assert sequences.refget_id(assembly, chrom) == digest


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1", ("1", None)),
        ("chrM", ("MT", None)),
        ("NC_012920.1", ("MT", None)),
        ("NC_000017.10", ("17", "GRCh37")),
        ("refseq:NC_000017.11", ("17", "GRCh38")),
        ("CM000663.1", ("1", "GRCh37")),
        ("CM000679.2", ("17", "GRCh38")),
        ("insdc:CM000686.2", ("Y", "GRCh38")),
        *((name, None) for name in ("CM000662.1", "CM000687.2", "CM000663.3", "CM000663")),
        ("NC_000017.9", None),
        ("NC_000017.12", None),
        ("NC_000025.1", None),
        ("SQ.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", None),
        ("chr1_random", None),
        ("१", None),
        ("", None),
    ],
)
def test_a_name_says_its_chromosome_and_what_it_knows_of_the_assembly(
    name: str, expected: tuple[str, str | None] | None
) -> None:
    assert sequences.place(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, "GRCh37") for name in ("GRCh37", "grch37.p13", "hg19", "b37", "hs37d5")),
        *((name, "GRCh37") for name in ("GCF_000001405.13", "GCF_000001405.25")),
        *((name, "GRCh37") for name in ("GCA_000001405.1", "GCA_000001405.14", "GRCh37 (hg19)")),
        *((name, "GRCh38") for name in ("GRCh38", "GRCh38.p14", "hg38", "HG38", "GRCh38/hg38")),
        *((name, "GRCh38") for name in ("GCF_000001405.26", "GCF_000001405.40")),
        *((name, "GRCh38") for name in ("GCA_000001405.15", "GCA_000001405.29")),
        *((name, None) for name in ("", " ", "/", "hg389", "hg18", "GRCh38foo", "T2T-CHM13v2.0")),
        *((name, None) for name in ("not GRCh38", "GRCh37/hg38", "GRCh38.p", "hg38\nx", "38")),
        *((name, None) for name in ("GCF_000001405.12", "GCA_000001405.0", "GCF_009914755.1")),
    ],
)
def test_an_assembly_is_known_by_its_names_and_by_nothing_that_holds_one(
    name: str, expected: str | None
) -> None:
    assert sequences.assembly_named(name) == expected
