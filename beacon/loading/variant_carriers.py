"""Rows of a file's lines with who carries each allele, in lots that are counted together.

VCF 4.3 GT, as cyvcf2 or `beacon.loading.bcf` reads it. Counting is left to `beacon.loading.calls`,
what a line says of its alleles to `beacon.loading.variant_lines`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from beacon.loading import bcf, calls, copy_numbers, genotypes
from beacon.loading.copy_numbers import Copies
from beacon.loading.parquet import Row
from beacon.loading.variant_lines import Declared, Lines, Note, row
from beacon.loading.whole import refused

_COUNTED_TOGETHER = 800_000  # bytes of genotypes; more lines at once no longer fit the cache


@dataclass(frozen=True, slots=True)
class Selection:
    """Kept samples by name with their numbers. A `share` leaves out alleles none of them carries;
    `own_reference` states each allele's frequency over all samples of its file, but for those of
    people who withdrew; `note` hears what is left out."""

    samples: Mapping[str, int]
    share: bool = False
    own_reference: bool = False
    withdrawn: frozenset[str] = frozenset()
    note: Note | None = None


class Carriers:
    """Of the kept samples of one file."""

    def __init__(
        self,
        path: Path,
        samples: Sequence[str],
        selection: Selection,
        *,
        declared: Declared,
        lines: Lines,
    ) -> None:
        self._path, self._selection, self._lines = path, selection, lines
        self._has_copies = declared.has_copies
        kept = [(i, selection.samples[s]) for i, s in enumerate(samples) if s in selection.samples]
        table = np.array(kept, dtype=np.int64).reshape(-1, 2)
        self._columns, self._numbers = table[:, 0], table[:, 1].astype(np.uint32)
        self._all = len(kept) == len(samples)
        self._stated = [i for i, s in enumerate(samples) if s not in selection.withdrawn]
        self._ascending = bool((np.diff(table[:, 1]) > 0).all())
        # Of each line, where they lie in the file ready to be counted.
        self._stored: Iterator[bcf.Stored] | None = None
        if declared.genotype_key is not None:
            self._stored = bcf.genotypes(path, key=declared.genotype_key, samples=len(samples))
        self._tables: list[calls.Table] = []
        self._places: list[tuple[int, int, int]] = []
        self._copies: list[Copies | None] = []
        self._wanted: list[tuple[int, int]] = []
        self._waiting: list[Row] = []

    def rows(self, line: Any) -> Iterator[Row]:
        """The rows that are ready; others wait for enough lines to count together."""
        stored = next(self._stored) if self._stored is not None else None
        rank = self._lines.begin(line)
        if rank == 0:
            return
        # First, as a garbled line is noticed here and its alleles must not be touched then.
        table = self._genotypes(line, stored)
        if table is None:
            self._lines.left_out("line without genotypes", "GT")
            return
        place = self._lines.place(line, rank)
        if place is None:
            return
        self._tables.append(table)
        self._places.append((rank, place[1], len(place[3])))
        self._copies.append(copy_numbers.of_line(line) if self._has_copies else None)
        for index, each in self._lines.alleles(line, place, counted=True):
            self._waiting.append(each)
            self._wanted.append((len(self._tables) - 1, index + 1))
        if len(self._tables) * table.nbytes >= _COUNTED_TOGETHER:
            yield from self.rest()

    def rest(self) -> Iterator[Row]:
        """The rows that waited, with their calls."""
        if not self._tables:
            return
        wanted, waiting = self._wanted, self._waiting
        lines = calls.stacked(self._tables)
        highest = calls.highest(lines)
        for (rank, start0, alts), named in zip(self._places, highest, strict=True):
            if named > alts:  # htslib reads past it: the columns are not what they say
                raise self._lines.impossible(rank, start0)
        stated, self._copies = self._copies, []
        self._tables, self._places, self._wanted, self._waiting = [], [], [], []
        kept = lines if self._all else lines[:, self._columns]
        called = calls.calls_of(kept, wanted)
        frequencies = self._frequencies(lines, wanted, called)
        for each, counted, frequency, (line, _) in zip(
            waiting, called, frequencies, wanted, strict=True
        ):
            if self._selection.share and not len(counted.carriers):
                continue  # another share of the cohort has it
            yield self._row(each, counted, stated[line], frequency)

    def _frequencies(
        self, lines: calls.Lines, wanted: Sequence[tuple[int, int]], called: list[calls.Calls]
    ) -> list[float | None]:
        """Of each allele in all samples of the file that have not withdrawn."""
        if not self._selection.own_reference:
            return [None] * len(wanted)
        every = called
        if not self._all:
            those = lines[:, self._stated] if self._selection.withdrawn else lines
            every = calls.calls_of(those, wanted)
        return [each.allele_count / (each.allele_number or 1) for each in every]

    def _row(
        self, of: Row, counted: calls.Calls, copies: Copies | None, frequency: float | None
    ) -> Row:
        samples, codes = self._numbers[counted.carriers], counted.codes
        levels = None
        if copies is not None:
            carried = copies[self._columns[counted.carriers]]
            levels = copy_numbers.levels(carried, codes, kind=of.type, rank=of.rank)
        if not self._ascending:
            order = np.argsort(samples)
            samples, codes = samples[order], codes[order]
            levels = levels[order] if levels is not None else None
        return row((
            *of[:7], counted.allele_count, counted.allele_number, counted.homozygotes,
            counted.hemizygotes, frequency, samples, codes, *of[14:17], levels,
        ))  # fmt: skip

    def _genotypes(self, line: Any, stored: bcf.Stored | None) -> calls.Table | None:
        """Samples by ploidy; None where the line has no genotypes."""
        if stored is not None:
            start0, table = stored
            if start0 != line.start:
                raise ValueError("another record was read for its genotypes")
        else:
            table = line.format("GT", int) if "GT" in line.FORMAT else None
        if table is not None and table.shape[1] > genotypes.MAX_PLOIDY:
            expected = f"at most {genotypes.MAX_PLOIDY} alleles per call"
            where = f"{line.CHROM}:{line.POS}"
            raise refused(self._path, expected, "leave the line out", where=where)
        return table
