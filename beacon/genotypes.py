"""Genotypes of one allele as small codes: who carries it, in how many copies, written how.

VCF 4.3 GT, split by allele: this allele is 1, every other one 0, a missing one `.`. A code is one
base-4 digit per allele (1 missing, 2 another, 3 this one) and the phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAX_PLOIDY = 7  # what a code of 16 bits holds
MISSING, NONE = -1, -2
_SHIFT = np.array([1, 4, 4, 4], dtype=np.uint16)
# All digits 3: this allele once is hemizygous, more than once homozygous.
_HEMIZYGOUS = np.array([3], dtype=np.uint16)
_HOMOZYGOUS = np.array([4**ploidy - 1 for ploidy in range(2, MAX_PLOIDY + 1)], dtype=np.uint16)

Table = NDArray[np.signedinteger]
Lines = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Calls:
    """One allele in all samples of a line; `carriers` are columns in ascending order."""

    carriers: NDArray[np.int64]
    codes: NDArray[np.uint16]
    allele_count: int
    allele_number: int
    homozygotes: int
    hemizygotes: int


def stacked(tables: Sequence[Table]) -> Lines:
    """Line by allele by sample, the phase last. A table is samples by ploidy plus the phase; what a
    line has fewer of is filled with none. Many lines together cost little more than one."""
    width = max(table.shape[1] for table in tables)
    lines = np.full((len(tables), width, len(tables[0])), NONE, dtype=np.int16)
    for line, table in zip(lines, tables, strict=True):
        line[: table.shape[1] - 1] = table[:, :-1].T
        line[-1] = table[:, -1]
    return lines


def calls_of(lines: Lines, wanted: Sequence[tuple[int, int]]) -> list[Calls]:
    """The calls of each wanted (line, allele index)."""
    if not wanted:
        return []
    numbers = [number for number, _ in wanted]
    if numbers != list(range(len(lines))):
        lines = lines[numbers]
    indexes = np.array([index for _, index in wanted], dtype=lines.dtype)
    carrying = lines[:, 0] == indexes[:, None]
    for column in range(1, lines.shape[1] - 1):
        carrying |= lines[:, column] == indexes[:, None]
    rows, samples = np.nonzero(carrying)
    called = np.count_nonzero(lines[:, :-1] >= 0, axis=(1, 2)).tolist()
    cells = lines[rows, :, samples]
    alleles, phased = cells[:, :-1], cells[:, -1] > 0
    mine = alleles == indexes[rows][:, None]
    digits = _digits(alleles, mine)
    ends = np.searchsorted(rows, np.arange(len(wanted) + 1))
    copies = np.add.accumulate(np.concatenate([[0], mine.sum(axis=1)]))
    homozygous, hemizygous = (
        np.add.accumulate(np.concatenate([[0], np.isin(digits, whole)]))
        for whole in (_HOMOZYGOUS, _HEMIZYGOUS)
    )
    codes = digits * np.uint16(2) + phased
    return [
        Calls(
            *(samples[first:last], codes[first:last], int(copies[last] - copies[first])),
            *(number, int(homozygous[last] - homozygous[first])),
            int(hemizygous[last] - hemizygous[first]),
        )
        for (first, last), number in zip(pairwise(ends.tolist()), called, strict=True)
    ]


def text(code: int) -> str:
    """The genotype a code stands for, such as `0|1`."""
    phased, digits = code & 1, code >> 1
    symbols = []
    while digits:
        digits, symbol = divmod(digits, 4)
        symbols.append(".01"[symbol - 1])
    return ("|" if phased else "/").join(reversed(symbols))


def _digits(alleles: NDArray[np.int16], mine: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """One base-4 digit per allele that is there."""
    kinds = (alleles >= MISSING).astype(np.uint16) + (alleles >= 0) + mine
    digits = np.zeros(len(alleles), dtype=np.uint16)
    for kind in kinds.T:
        digits = digits * _SHIFT[kind] + kind
    return digits
