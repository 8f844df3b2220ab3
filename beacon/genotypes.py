"""Genotypes of one allele as small codes: who carries it, in how many copies, written how.

VCF 4.3 GT, split by allele: this allele is 1, every other one 0, a missing one `.`. A code is one
base-4 digit per allele (1 missing, 2 another, 3 this one) and the phase.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_PLOIDY = 7  # what a code of 16 bits holds
MISSING = -1


@dataclass(frozen=True, slots=True)
class Calls:
    """One allele in all samples of a line; `carriers` are columns in ascending order."""

    carriers: NDArray[np.int64]
    codes: NDArray[np.uint16]
    allele_count: int
    allele_number: int
    homozygotes: int
    hemizygotes: int


def calls_of(table: NDArray[np.signedinteger], index: int) -> Calls:
    """`table` is samples by ploidy plus the phase; -1 is a missing allele, -2 none (haploid)."""
    ploidy = table.shape[1] - 1
    carrying = table[:, 0] == index
    for column in range(1, ploidy):
        carrying |= table[:, column] == index
    carriers = np.flatnonzero(carrying)
    rows = table[carriers]
    alleles, phased = rows[:, :-1], rows[:, -1]
    mine = alleles == index
    present = alleles >= MISSING
    copies, places = mine.sum(axis=1), present.sum(axis=1)
    whole = copies == places
    return Calls(
        carriers,
        _codes(alleles, mine, present, phased),
        int(copies.sum()),
        int(np.count_nonzero(table[:, :-1] >= 0)),
        int(np.count_nonzero(whole & (places > 1))),
        int(np.count_nonzero(whole & (places == 1))),
    )


def text(code: int) -> str:
    """The genotype a code stands for, such as `0|1`."""
    phased, digits = code & 1, code >> 1
    symbols = []
    while digits:
        digits, symbol = divmod(digits, 4)
        symbols.append(".01"[symbol - 1])
    return ("|" if phased else "/").join(reversed(symbols))


def _codes(
    alleles: NDArray[np.signedinteger],
    mine: NDArray[np.bool_],
    present: NDArray[np.bool_],
    phased: NDArray[np.signedinteger],
) -> NDArray[np.uint16]:
    digits = np.where(mine, 3, np.where(alleles == MISSING, 1, 2)).astype(np.uint16)
    codes = np.zeros(len(alleles), dtype=np.uint16)
    for column in range(alleles.shape[1]):
        codes = np.where(present[:, column], codes * 4 + digits[:, column], codes)
    return (codes * 2 + (phased > 0)).astype(np.uint16)
