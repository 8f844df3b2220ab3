"""What a question with N means, against every way to read its N."""

from __future__ import annotations

from itertools import product

import pytest

from beacon.catalog import Allele, Replacement
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
    cores = any_base.cores(Allele("1", START, ref, alt))
    found = {one for one in EVERY if justify.is_one_of(cores, Justified(one))}
    read = readings(ref, alt)
    assert {trimmed(Allele("1", START, *one)) for one in read} <= found
    assert all(any(makes(change, *one) for one in read) for change in found)


def test_one_question_in_two_spellings_means_the_same_changes() -> None:
    plain, anchored = Allele("1", 5, "TG", "GN"), Allele("1", 4, "ATG", "AGN")
    assert any_base.cores(plain) == any_base.cores(anchored)


def test_a_replacement_shares_no_base_with_what_it_replaces() -> None:
    asked = Replacement("1", START, "NN", "AC")
    found = {one for one in EVERY if justify.is_one_of(any_base.cores(asked), Justified(one))}
    assert found == {Allele("1", START, "CA", "AC")}  # of two bases; CC>AC is a change of one


def test_a_symbolic_allele_has_no_bases_for_n_to_stand_for() -> None:
    cores = any_base.cores(Allele("1", 5, "N", "NNNNN"))
    assert not justify.is_one_of(cores, Justified(Allele("1", 5, "A", "<DEL>")))


def test_ten_thousand_n_are_read_in_a_bounded_number_of_ways() -> None:
    cores = any_base.cores(Allele("1", 5, "N" * 10_000, "N" * 10_000))
    assert len(cores) <= any_base.MAX_READ**2
