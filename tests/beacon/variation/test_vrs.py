"""Computed identifiers are those of GA4GH VRS 1.3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon.catalog import Allele
from beacon.variation import vrs
from beacon.variation.justify import MAX_SHIFT, Justified, justified
from schemas.sequences import refget_id
from tests.support.bases import TextReference

TEXT = "GGACACACTTTTGCAA"
SEQUENCE = "SQ." + "x" * 32


@pytest.mark.parametrize(
    ("chrom", "start0", "ref", "alt", "expected"),
    [
        # github.com/ga4gh/vrs validation/alleles.yaml, `ga4gh_1_3_identify` of rs7412
        ("19", 44908821, "C", "T", "ga4gh:VA.CxiA_hvYbkD8Vqwjhx5AYuyul4mtlkpD"),
        # NC_000001.11:g.943043C>T, the example of the VRS and FHIR mapping
        ("1", 943042, "C", "T", "ga4gh:VA.s8vzlmFv83fcoJnNovFkp4pnE48weUh4"),
    ],
)
def test_a_substitution_has_its_published_identifier(
    chrom: str, start0: int, ref: str, alt: str, expected: str
) -> None:
    change = Justified(Allele(chrom, start0, ref, alt))
    assert vrs.allele_id(refget_id("GRCh38", chrom), change) == expected


@pytest.mark.parametrize(
    ("start0", "ref", "alt", "expected"),
    [
        (2, "", "AC", "ga4gh:VA.4MX-wP1gRiYLHlXxnHBdYM5If912yZUh"),
        (8, "", "AC", "ga4gh:VA.4MX-wP1gRiYLHlXxnHBdYM5If912yZUh"),
        (2, "AC", "", "ga4gh:VA.5BAEFDzLD6E8BfZ-gKX7zS8hl51kLx1D"),
        (5, "CA", "", "ga4gh:VA.5BAEFDzLD6E8BfZ-gKX7zS8hl51kLx1D"),
        (8, "", "T", "ga4gh:VA.40TZcwx8Us_WG1826swJcbNNq4zVFGNy"),
        (10, "T", "", "ga4gh:VA.MAKUcWej6m3s4PMdj8JSWeI8sek4jK1N"),
        (12, "G", "C", "ga4gh:VA.7-NC4kemHtw148i4zuatL3dhG-nHJv3I"),
        (12, "GC", "AT", "ga4gh:VA.x-wNRXs3OBBavwGKyEsf6Yg8wAbDFodO"),
        (12, "G", "AT", "ga4gh:VA.Aq9mj7ElL7T1CsboFqFXY0eHp_tPY-03"),
        (16, "", "A", "ga4gh:VA.-MZGCs4mLH01D3UENolH9Gj-kYmiS9u6"),
        (0, "", "C", "ga4gh:VA.k3YaXkdM7jOyJtKR8oGDF5ffcyDeRvgQ"),
        (2, "ACACAC", "", "ga4gh:VA.h_SzmARvkbGqW9X4uoMRkkGQo8bbyVPC"),
    ],
)
def test_an_identifier_is_that_of_the_reference_implementation(
    start0: int, ref: str, alt: str, expected: str
) -> None:
    """Made with ga4gh.vrs 0.8.5 (VRS 1.3), its own normalisation included."""
    change = justified(Allele("1", start0, ref, alt), TextReference(TEXT))
    assert vrs.allele_id(SEQUENCE, change) == expected


@given(st.integers(0, 3), st.sampled_from(["AC", "CA"]))
def test_every_shifted_spelling_has_one_identifier(places: int, unit: str) -> None:
    reference = TextReference("GG" + "AC" * 4 + "TT")
    spelled = Allele("1", 2 + 2 * places + (unit == "CA"), "", unit)
    first = vrs.allele_id(SEQUENCE, justified(Allele("1", 2, "", "AC"), reference))
    assert vrs.allele_id(SEQUENCE, justified(spelled, reference)) == first


def test_what_was_not_followed_to_its_ends_has_none() -> None:
    assert vrs.allele_id(SEQUENCE, Justified(Allele("1", 5, "", "A"), 3, MAX_SHIFT)) is None
    assert vrs.allele_id(SEQUENCE, Justified(Allele("1", 5, "A", "<DEL>"))) is None
