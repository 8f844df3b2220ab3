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
