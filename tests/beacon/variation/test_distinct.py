"""One change that two datasets tell of is one variant, whichever way each spells it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from beacon.catalog import Allele, VariantRow
from beacon.variation import distinct


def row(ref: str, alt: str, *, start0: int = 9, reach: tuple[int, int] | None = None) -> VariantRow:
    allele = Allele("1", start0, ref, alt)
    made = VariantRow(*(0, "", allele, start0 + len(ref), "", 1, 2, 1), reference_af=None)
    return replace(made, reach=reach)


# One A more, where three are.
INSERTED = row("C", "CA", reach=(0, 3))
ELSEWHERE = row("AAAG", "AAAAG", start0=10, reach=(0, 3))
BEHIND = row("AG", "AAG", start0=12, reach=(2, 1))
UNMOVED = row("C", "CA")


def told(*rows: VariantRow, assembly: str = "GRCh38") -> int | None:
    """Of as many datasets."""
    return distinct.of([(assembly, [each]) for each in rows])


@pytest.mark.parametrize("other", [INSERTED, ELSEWHERE, BEHIND, UNMOVED])
def test_an_insertion_is_one_at_each_of_its_places(other: VariantRow) -> None:
    assert told(INSERTED, other) == told(other, INSERTED) == 1
    assert distinct.of([("GRCh38", [INSERTED]), ("GRCh37", [other])]) == 2


def test_an_insertion_of_other_bases_or_beyond_its_places_is_another() -> None:
    assert told(INSERTED, row("C", "CG", reach=(0, 0))) == 2
    assert told(INSERTED, row("GA", "G", start0=40, reach=(0, 1))) == 2
    assert told(INSERTED, row("T", "TA", start0=80, reach=(0, 0)), row("T", "TA", start0=80)) == 2
    assert told(INSERTED, row("T", "TA", start0=80)) == 2


def test_two_that_may_be_one_make_no_number() -> None:
    assert told(UNMOVED, row("AG", "AAG", start0=12)) is None
    assert told(UNMOVED, UNMOVED) == 1
    assert told(UNMOVED, row("AG", "ACG", start0=12)) == 2
    assert told(UNMOVED, row("AG", "AAG", start0=12), INSERTED) == 1
    assert distinct.of([("GRCh38", [UNMOVED, row("T", "TA", start0=80)]), ("GRCh38", [])]) == 2


def test_substitutions_are_compared_without_what_both_alleles_share() -> None:
    assert told(row("A", "G"), row("CAT", "CGT", start0=8)) == 1
    assert told(row("A", "G"), row("A", "T")) == 2


def test_symbolic_alleles_differ_by_their_ends() -> None:
    deleted = row("A", "<DEL>")
    assert told(deleted, deleted) == 1
    assert told(deleted, replace(deleted, end0=99)) == 2
