"""What a question with N means, against every way to read its N."""

from __future__ import annotations

from itertools import product

import pytest

from beacon.catalog import Allele
from beacon.variation import any_base, justify
from beacon.variation.alleles import trimmed
from beacon.variation.justify import Justified

START = 100
SHORT = [*"ACN", *map("".join, product("ACN", repeat=2)), "AAN", "NCA", "ANA", "NNN"]
BASES = ["", *("".join(bases) for size in (1, 2, 3) for bases in product("AC", repeat=size))]
EVERY = {
    trimmed(Allele("1", start0, ref, alt))
    for start0, ref, alt in product(range(START, START + 4), BASES, BASES)
    if ref != alt
}


def readings(ref: str, alt: str) -> list[tuple[str, str]]:
    """REF and ALT with each N read as each of two bases."""
    sides = [["AC" if base == "N" else base for base in side] for side in (ref, alt)]
    return [
        ("".join(one), "".join(other))
        for one, other in product(product(*sides[0]), product(*sides[1]))
        if one != other
    ]


def makes(change: Allele, ref: str, alt: str) -> bool:
    """Whether this change, wherever it lies in `ref`, makes `alt` of it."""
    first = change.start0 - START
    last = first + len(change.ref)
    return ref[first:last] == change.ref and ref[:first] + change.alt + ref[last:] == alt


@pytest.mark.parametrize("ref", SHORT)
@pytest.mark.parametrize("alt", SHORT)
def test_a_question_with_n_means_what_its_readings_are(ref: str, alt: str) -> None:
    meant = any_base.readings(Allele("1", START, ref, alt))
    found = {one for one in EVERY if justify.is_one_of(meant, Justified(one))}
    read = readings(ref, alt)
    assert {trimmed(Allele("1", START, *one)) for one in read} <= found
    assert all(any(makes(change, *one) for one in read) for change in found)


def found_beside(ref: str, alt: str, stored: Justified) -> bool:
    meant = any_base.readings(Allele("1", START, ref, alt))
    return justify.is_one_of(meant, stored, compared=True)


def test_an_n_of_ref_is_no_base_that_the_reference_is_not_known_to_have() -> None:
    substitution = Justified(Allele("1", START, "A", "G"))
    assert not found_beside("AN", "GA", substitution)  # it may be AC>GA as well
    assert found_beside("AN", "GN", substitution)
    assert found_beside("AC", "GN", substitution)
    assert found_beside("N", "G", substitution)
    inserted = Justified(Allele("1", START, "", "A"), 0, 2)  # between two A
    assert found_beside("AN", "AAA", inserted)
    assert found_beside("NN", "AAA", inserted)
    assert not found_beside("NNN", "AAAA", inserted)
    assert found_beside("NNN", "AAAN", inserted)
    assert not found_beside("NA", "CAA", inserted)


def test_one_question_in_two_spellings_means_the_same_changes() -> None:
    plain, anchored = Allele("1", 5, "TG", "GN"), Allele("1", 4, "ATG", "AGN")
    assert any_base.readings(plain) == any_base.readings(anchored)


def test_a_symbolic_allele_has_no_bases_for_n_to_stand_for() -> None:
    read = any_base.readings(Allele("1", 5, "N", "NNNNN"))
    assert not justify.is_one_of(read, Justified(Allele("1", 5, "A", "<DEL>")))


def test_ten_thousand_n_are_read_in_a_bounded_number_of_ways() -> None:
    read = any_base.readings(Allele("1", 5, "N" * 10_000, "N" * 10_000))
    assert len(read) <= any_base.MAX_READ**2
