"""The row of a BFF record that was understood: the people who are wanted, and what it counts.

Beacon v2.2 `genomicVariation`. In a file whose records name who carries them, one that does not is
no row: somebody may carry it, and nobody knows who.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from beacon.catalog import Annotations
from beacon.loading import bff_counts
from beacon.loading.bff_counts import Stated
from beacon.loading.genotypes import Called
from beacon.loading.parquet import Row
from beacon.loading.shapes import Shape
from beacon.loading.variant_carriers import Selection
from beacon.zygosity import Zygosity


class Read(NamedTuple):
    """One record, understood."""

    shape: Shape
    carriers: dict[str, Called]
    names: tuple[str, ...]
    said: Annotations | None
    stated: list[Stated]


class Rows:
    """Of one file, which is `cased` where its records name who carries them; `named` are its
    populations as they are spelled."""

    def __init__(self, dataset: str, named: Mapping[tuple[str, str], str], *, cased: bool) -> None:
        self._dataset, self._named, self._cased = dataset, named, cased

    def lacks_cases(self, read: Read, selection: Selection) -> bool:
        """Whether it names nobody in a file that does, and is not said to be found in nobody."""
        if not self._cased or read.carriers:
            return False
        ours = bff_counts.own(read.stated, self._dataset)
        return ours is None or bool(ours.part.allele_count) or selection.share

    def row(self, read: Read, selection: Selection) -> Row | None:
        """None where nobody who is wanted carries it."""
        ours = bff_counts.own(read.stated, self._dataset)
        others = bff_counts.populations(read.stated, self._dataset, self._named)
        rest = (read.names or None, read.said, others or None)
        if not self._cased:
            counts = (0, 0, None, None) if ours is None else _counts(ours)
            return Row(*read.shape[:-1], *counts, None, None, None, *rest)
        kept = sorted(
            (selection.samples[name], called)
            for name, called in read.carriers.items()
            if name in selection.samples
        )
        if not kept and selection.share:
            return None
        # How many were looked at is only known of all together.
        number = (ours.part.allele_number or 0) if ours and not selection.share else 0
        copies, level = sum(called.copies for _, called in kept), read.shape.level
        return Row(
            *read.shape[:-1],
            copies,
            number,
            sum(called.zygosity is Zygosity.HOMOZYGOUS for _, called in kept),
            sum(called.zygosity is Zygosity.HEMIZYGOUS for _, called in kept),
            copies / number if number and selection.own_reference else None,
            np.array([sample for sample, _ in kept], dtype=np.uint32),
            np.array([called.code for _, called in kept], dtype=np.uint16),
            *rest,
            None if level is None or not kept else np.full(len(kept), level.code, dtype=np.uint8),
        )


def _counts(ours: Stated) -> tuple[int, int, int | None, int | None]:
    count = ours.part
    return count.allele_count or 0, count.allele_number or 0, ours.homozygotes, ours.hemizygotes
