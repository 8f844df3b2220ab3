"""Counts who carries each allele of many lines at once, from genotypes as BCF has them.

BCF2 (VCF 4.5, section 6.3.3): an allele is (number + 1) << 1 | phased, 0 or 1 where it is missing,
and below zero where a call has fewer alleles than the line's longest. What a carrier's code means
is left to `beacon.loading.genotypes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beacon.loading.genotypes import HEMIZYGOUS, HOMOZYGOUS

_MISSING, _NONE = 0, -127
_CALLED, _NAMES_ALT = 2, 4  # from here on
_HIGHEST_BYTE = 127
_SHIFT = np.array([1, 4, 4, 4], dtype=np.uint16)

Table = NDArray[np.signedinteger]  # samples by ploidy
Lines = NDArray[np.signedinteger]  # line by sample by ploidy


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
    """All lines as one, as wide as the widest, in single bytes where no allele needs more. Many
    together cost little more than one."""
    kind = max((table.dtype for table in tables), key=lambda each: each.itemsize)
    width = max(table.shape[1] for table in tables)
    if all(table.shape[1] == width and table.dtype == kind for table in tables):
        lines: Lines = np.stack(tables)
    else:
        lines = np.full((len(tables), len(tables[0]), width), _NONE, dtype=kind)
        for line, table in zip(lines, tables, strict=True):
            line[:, : table.shape[1]] = table
    if kind.itemsize > 1 and lines.max(initial=0) <= _HIGHEST_BYTE:
        return np.maximum(lines, _NONE).astype(np.int8)
    return lines


def highest(lines: Lines) -> list[int]:
    """The highest allele named on each line, -1 where none is."""
    found = lines.reshape(len(lines), -1).max(axis=1, initial=0)
    named: list[int] = ((found >> 1) - 1).tolist()
    return named


def calls_of(lines: Lines, wanted: Sequence[tuple[int, int]]) -> list[Calls]:
    """The calls of each wanted (line, allele); a line's highest allele may not be far above."""
    if not wanted:
        return []
    numbers, alleles = np.array(wanted, dtype=np.int64).T
    slots, samples = _carriers(lines, numbers, alleles)
    raw = lines[numbers[slots], samples]
    mine = (raw >> 1) - 1 == alleles[slots][:, None]
    digits = _digits(raw, mine)
    codes = digits * np.uint16(2) + _phased(raw)
    ends = np.searchsorted(slots, np.arange(len(wanted) + 1))
    homozygous = np.isin(digits, HOMOZYGOUS)
    sums = [_sums(of, ends) for of in (mine.sum(axis=1), homozygous, digits == HEMIZYGOUS)]
    called = [int(np.count_nonzero(line)) for line in lines >= _CALLED]
    return [
        Calls(
            samples[first:last], codes[first:last], copies, called[line], homozygotes, hemizygotes
        )
        for (line, _), (first, last), copies, homozygotes, hemizygotes in zip(
            wanted, pairwise(ends.tolist()), *sums, strict=True
        )
    ]


def _carriers(
    lines: Lines, numbers: NDArray[np.int64], alleles: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(which wanted one, which sample), in this order and each once."""
    _, samples, width = lines.shape
    # Every cell is compared once; then only those are looked at that name an ALT allele.
    cells = np.flatnonzero(lines >= _NAMES_ALT)
    named = lines.reshape(-1)[cells] >> 1
    places = np.full((len(lines), 2 + int(max(named.max(initial=0), alleles.max()))), -1)
    places[numbers, alleles + 1] = np.arange(len(numbers))
    people = cells // width
    slots = places[people // samples, named]
    keys = (slots * samples + people % samples)[slots >= 0]
    if (np.diff(keys) < 0).any():  # a line of several alleles
        keys.sort()
    found, sample = np.divmod(keys[np.diff(keys, prepend=-1) > 0], samples)
    return found, sample


def _sums(values: NDArray[Any], ends: NDArray[np.int64]) -> list[int]:
    """Sums between the ends."""
    totals = np.concatenate([[0], np.cumsum(values)])[ends]
    sums: list[int] = np.diff(totals).tolist()
    return sums


def _digits(raw: Table, mine: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """One base-4 digit per allele that is there."""
    kinds = (raw >= _MISSING).astype(np.uint16) + (raw >= _CALLED) + mine
    digits = np.zeros(len(raw), dtype=np.uint16)
    for kind in kinds.T:
        digits = digits * _SHIFT[kind] + kind
    return digits


def _phased(raw: Table) -> NDArray[np.bool_]:
    """As the second allele says; the first has a bit that writers use differently."""
    if raw.shape[1] < 2:
        return np.zeros(len(raw), dtype=np.bool_)
    phased: NDArray[np.bool_] = (raw[:, 1] >= _MISSING) & (raw[:, 1] & 1 == 1)
    return phased
