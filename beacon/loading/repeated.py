"""Alleles that come twice in rows of any order, for a check that writes nothing.

Eight bytes are kept of each row. Where two are alike the rows are read again, so that only what is
the same allele is named. A load finds them in its sorted file (`beacon.loading.parquet`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from beacon.errors import Problem, SourceRefused
from beacon.loading.parquet import MAX_DUPLICATES, Row
from beacon.variation import alleles

_LOOKED_AT = 1_000  # of rows that are alike


class Repeated:
    """Of all rows of a source."""

    def __init__(self) -> None:
        self._seen = array("q")

    def look(self, row: Row) -> None:
        self._seen.append(hash(row[:5]))

    def refuse(self, again: Callable[[], Iterable[Row]]) -> None:
        """Raises `SourceRefused`; `again` gives the rows once more."""
        seen = np.sort(np.frombuffer(self._seen, dtype=np.int64))
        alike = set(np.unique(seen[1:][seen[1:] == seen[:-1]])[:_LOOKED_AT].tolist())
        if alike:
            refuse(_places(row for row in again() if hash(row[:5]) in alike))


def refuse(places: Sequence[tuple[str, int]]) -> None:
    """Where an allele came twice, if anywhere."""
    step = "merge the records, for example with bcftools norm -d none"
    problems = [
        Problem("variants", f"{chrom}:{start0 + 1}", "ALT", "each allele once in a source", step)
        for chrom, start0 in places
    ]
    if problems:
        raise SourceRefused(problems)


def _places(rows: Iterable[Row]) -> Sequence[tuple[str, int]]:
    met: set[tuple[object, ...]] = set()
    found = []
    for row in rows:
        if row[:5] in met:
            found.append((alleles.CHROMOSOMES[row.rank - 1], row.start0))
            if len(found) >= MAX_DUPLICATES:
                break
        met.add(row[:5])
    return sorted(found)
