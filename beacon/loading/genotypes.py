"""Genotypes of one allele as small codes: who carries it, in how many copies, written how.

VCF 4.3 GT, split by allele: this allele is 1, every other one 0, a missing one `.`. A code is one
base-4 digit per allele (1 missing, 2 another, 3 this one) and the phase.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beacon.zygosity import Zygosities, Zygosity

MAX_PLOIDY = 7  # what a code of 16 bits holds
MISSING, NONE = -1, -2
_SHIFT = np.array([1, 4, 4, 4], dtype=np.uint16)
# All digits 3: this allele once is hemizygous, more than once homozygous.
_HEMIZYGOUS = 3
_FIRST_OF_PLOIDY = np.array([4**digits for digits in range(MAX_PLOIDY)])
_HOMOZYGOUS = np.array([4**ploidy - 1 for ploidy in range(2, MAX_PLOIDY + 1)], dtype=np.uint16)

_TEXT = re.compile(r"[01.](?:[|/][01.]){0,6}", re.ASCII)

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
    """Line by sample by allele, the phase last. A table is samples by ploidy plus the phase; what a
    line has fewer of is filled with none. Many lines together cost little more than one."""
    width = max(table.shape[1] for table in tables)
    if all(table.shape[1] == width for table in tables):
        return np.stack(tables).astype(np.int16, copy=False)
    lines = np.full((len(tables), len(tables[0]), width), NONE, dtype=np.int16)
    for line, table in zip(lines, tables, strict=True):
        line[:, : table.shape[1] - 1] = table[:, :-1]
        line[:, -1] = table[:, -1]
    return lines


def highest(lines: Lines) -> list[int]:
    """The highest allele named on each line, at least 1: the phase is looked at too."""
    found: list[int] = lines.reshape(len(lines), -1).max(axis=1, initial=1).tolist()
    return found


def calls_of(lines: Lines, wanted: Sequence[tuple[int, int]]) -> list[Calls]:
    """The calls of each wanted (line, allele index)."""
    if not wanted:
        return []
    numbers = [number for number, _ in wanted]
    if numbers != list(range(len(lines))):
        lines = lines[numbers]
    indexes = np.array([index for _, index in wanted], dtype=np.int16)
    # Everything that lies together is compared at once; then only carriers are looked at.
    equal = lines == indexes[:, None, None]
    equal[:, :, -1] = False  # the phase
    places = np.flatnonzero(equal) // lines.shape[2]
    places = places[np.diff(places, prepend=-1) > 0]
    rows, samples = np.divmod(places, lines.shape[1])
    cells = lines.reshape(-1, lines.shape[2])[places]
    alleles, phased = cells[:, :-1], cells[:, -1] > 0
    mine = alleles == indexes[rows][:, None]
    digits = _digits(alleles, mine)
    ends = np.searchsorted(rows, np.arange(len(wanted) + 1))
    homozygous = np.isin(digits, _HOMOZYGOUS)
    sums = [_sums(of, ends) for of in (mine.sum(axis=1), homozygous, digits == _HEMIZYGOUS)]
    there = [int(np.count_nonzero(line)) - lines.shape[1] for line in lines >= 0]
    codes = digits * np.uint16(2) + phased
    return [
        Calls(samples[first:last], codes[first:last], copies, called, homozygotes, hemizygotes)
        for (first, last), copies, called, homozygotes, hemizygotes in zip(
            pairwise(ends.tolist()), sums[0], there, sums[1], sums[2], strict=True
        )
    ]


def _sums(values: NDArray[Any], ends: NDArray[np.int64]) -> list[int]:
    """Sums between the ends."""
    totals = np.concatenate([[0], np.cumsum(values)])[ends]
    sums: list[int] = np.diff(totals).tolist()
    return sums


def text(code: int) -> str:
    """The genotype a code stands for, such as `0|1`."""
    phased, digits = code & 1, code >> 1
    symbols = []
    while digits:
        digits, symbol = divmod(digits, 4)
        symbols.append(".01"[symbol - 1])
    return ("|" if phased else "/").join(reversed(symbols))


@dataclass(frozen=True, slots=True)
class Called:
    """One person's genotype that was read as text: its code, and what it counts for."""

    code: int
    copies: int
    zygosity: Zygosity | None


@lru_cache(4096)
def called(text: str) -> Called | None:
    """Of a genotype such as `0|1`, in which 1 is this allele; None for what is none."""
    if not _TEXT.fullmatch(text):
        return None
    digits = 0
    for symbol in text[::2]:
        digits = digits * 4 + ".01".index(symbol) + 1
    return Called(digits * 2 + ("|" in text), text.count("1"), _zygosity(digits))


def ploidies(codes: NDArray[np.uint16]) -> NDArray[np.int64]:
    """How many alleles each of these genotypes has, missing ones too."""
    return _FIRST_OF_PLOIDY.searchsorted(codes >> 1, side="right").astype(np.int64)


@lru_cache(8)
def so_carried(zygosities: Zygosities) -> NDArray[np.bool_]:
    """Of each code, whether it is of one of these."""
    return np.array([_zygosity(code >> 1) in zygosities for code in range(2 * 4**MAX_PLOIDY)])


def _zygosity(digits: int) -> Zygosity | None:
    """None where an allele is missing, or none is this one."""
    kinds = []
    while digits:
        digits, kind = divmod(digits, 4)
        kinds.append(kind)
    if not set(kinds) <= {2, 3} or 3 not in kinds:
        return None
    if len(kinds) == 1:
        return Zygosity.HEMIZYGOUS
    return Zygosity.HETEROZYGOUS if 2 in kinds else Zygosity.HOMOZYGOUS


def _digits(alleles: NDArray[np.int16], mine: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """One base-4 digit per allele that is there."""
    kinds = (alleles >= MISSING).astype(np.uint16) + (alleles >= 0) + mine
    digits = np.zeros(len(alleles), dtype=np.uint16)
    for kind in kinds.T:
        digits = digits * _SHIFT[kind] + kind
    return digits
