"""A question as protection sees it: what kind it is, its one canonical key, and public facts alone.

Whatever is the same question has the same key, however it was spelled, ordered or addressed: one
line of the ledger, one draw of noise. Nothing here was read from the dataset but its size. Making
one of a query is `beacon.posed`'s.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

_KEY_BYTES = 20


class Kind(StrEnum):
    ALLELE = "allele"  # whether anybody carries one allele
    RANGE = "range"  # whether anybody carries any of several
    PEOPLE = "people"  # how many people filters hold of
    TOGETHER = "together"  # whether people whom filters hold of carry something
    GENOTYPE = "genotype"  # in how many copies somebody carries something
    PERSON = "person"  # about one record that the address names, or what belongs to it
    DESCRIPTION = "description"  # of the dataset as a whole: cohorts


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`people` is how many the dataset has, `turnover` how many have come and gone so far (0: not
    known). `frequency` is the public frequency of having any of the alleles asked, `commonest` of
    the commonest of them, zero where unknown; `floor` is what everybody is answered from, None
    where nobody is. `counts` where a number of people is asked; `margin` where the one filter is a
    term of the dataset's own list, of which there are `margins`. `within` asks how many people the
    filters hold of, where variants are asked of these alone."""

    kind: Kind
    key: bytes
    dataset: str
    version: str
    people: int
    turnover: int = 0
    counts: bool = False
    frequency: float = 0.0
    commonest: float = 0.0
    floor: float | None = None
    length: int = 0
    filters: int = 0
    margin: bool = False
    margins: int = 0
    genotypes: bool = True
    within: Question | None = None


def key_of(*parts: object) -> bytes:
    """The digest of a canonical form; parts must have a `repr` that tells them apart."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=_KEY_BYTES).digest()
