"""Of many variants the rows of each person are read: which of somebody's samples carry any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pyroaring import BitMap

from beacon.catalog import Span
from beacon.loading.parquet import Row
from tests.support.small_segment import row, segment_of


def carried(start0: int, of: Sequence[int]) -> Row:
    samples, genotypes = np.array(of, np.uint32), np.ones(len(of), np.uint16)
    place, calls = (1, start0, start0 + 1), {"samples": samples, "genotypes": genotypes}
    return row(place, ("A", "G"), "SNP", an=6, **calls)


def test_a_sample_that_carries_none_is_no_carrier_for_another_of_its_person(tmp_path: Path) -> None:
    others = {3: [2], 19: [1]}  # the first sample carries everything
    rows = [carried(start0, [0, *others.get(start0, [])]) for start0 in range(20)]
    segment = segment_of(tmp_path, rows, people=("p0", "p1"), persons=(0, 0, 1))
    assert segment.carriers(Span("1", 0, 20)) == BitMap([0, 1, 2])
    assert segment.carriers(Span("1", 0, 19)) == BitMap([0, 2])
    assert segment.carriers(Span("1", 4, 19)) == BitMap([0])
    segment.close()
