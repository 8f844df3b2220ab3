"""Which rows of a segment lie where: overlapping a range, or beginning and ending in windows.

Beacon v2.2 range and bracket. Coordinates are zero-based, half-open. Alleles longer than
`LONG_SPAN` are listed apart, so a range looks back only that far; what begins in a window is a
range of row numbers, so only its edges are read.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

import numpy as np
from pyroaring import BitMap

from beacon.segment import sparse
from beacon.segment.blocks import LONG_SPAN
from beacon.segment.variant_rows import VariantRows

_COLUMNS = ("rank", "start0", "end0", "row")
_FAR = 2**31  # no position is beyond it


class SpanTable:
    def __init__(self, rows: VariantRows) -> None:
        self._rows = rows
        long = rows.array("long", np.dtype(np.int64)).reshape(-1, len(_COLUMNS))
        rank, start0, self._long_ends, self._long_rows = long.T.copy()
        self._long_keys = array("Q", (rank << 32 | start0).astype(np.uint64).tobytes())
        self._long = sparse.bitmap(self._long_rows)

    def overlapping(self, rank: int, start0: int, end0: int) -> BitMap:
        """Rows of which some base lies in [start0, end0)."""
        if end0 <= start0:
            return BitMap()
        first, last = self._rows.between(rank, start0, end0)
        found = BitMap(range(first, last))
        back = self._rows.from_position(rank, start0 - LONG_SPAN)
        for block, begin, end in self._rows.pieces(back, first):
            # A single base that begins before the range does not reach it.
            if block.has_others(begin, end):
                self._add_ending(
                    found, (block.first + begin, block.first + end), (start0 + 1, _FAR)
                )
        return self._add_long(found, rank, (0, start0), (start0 + 1, _FAR))

    def within(
        self, rank: int, starts: tuple[int, int] | None, ends: tuple[int, int] | None
    ) -> BitMap:
        """Rows that begin and end in these windows."""
        if ends is None:
            return BitMap(range(*self._rows.between(rank, *(starts or (0, 0)))))
        (low, high), (first0, last0) = ends, starts or (0, ends[1])
        # A short allele that begins between `low` and `sure` ends in the window too.
        last0, sure = min(last0, high), high - LONG_SPAN
        edges = [
            (max(first0, low - LONG_SPAN - 1), min(last0, low)),
            (max(first0, low, sure), last0),
        ]
        found = BitMap(range(*self._rows.between(rank, max(first0, low), min(last0, sure))))
        found -= self._long
        for edge in edges:
            if edge[0] < edge[1]:
                self._add_ending(found, self._rows.between(rank, *edge), ends)
        return self._add_long(found, rank, (first0, last0), ends)

    def _add_ending(self, found: BitMap, rows: tuple[int, int], ends: tuple[int, int]) -> None:
        """Adds the short ones of these rows that end in the window."""
        for block, first, last in self._rows.pieces(*rows):
            end0 = block.ends(first, last)
            fits = np.flatnonzero((end0 >= ends[0]) & (end0 < ends[1]))
            if len(fits):
                found |= sparse.bitmap(fits + (block.first + first)) - self._long

    def _add_long(
        self, found: BitMap, rank: int, starts: tuple[int, int], ends: tuple[int, int]
    ) -> BitMap:
        first, last = (
            bisect_left(self._long_keys, rank << 32 | min(max(start0, 0), _FAR))
            for start0 in starts
        )
        if first < last:
            end0 = self._long_ends[first:last]
            fits = np.flatnonzero((end0 >= ends[0]) & (end0 < ends[1]))
            if len(fits):
                found |= sparse.bitmap(self._long_rows[first:last][fits])
        return found
