"""Finds where the records of regions lie, by the bins of a BAI, CSI or TBI held as flat arrays.

SAM specification 5.1 to 5.3 and CSIv1. Positions are zero-based half-open; offsets are BGZF
virtual offsets, and begin and end of records. Pure; reading index files is `index_files`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Offsets = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

NEVER = np.uint64(2**64 - 1)


@dataclass(frozen=True, slots=True, eq=False)
class BinnedIndex:
    """Bins ascend within each reference, chunks within each bin.

    `ref_bins`, `bin_chunks` and `ref_windows` have one entry more than there are references or
    bins: where each begins. `windows` is the linear index (empty in CSI), `bin_loffset` CSI's.
    """

    min_shift: int
    depth: int
    ref_bins: Places
    bins: Places
    bin_loffset: Offsets
    bin_chunks: Places
    chunk_begin: Offsets
    chunk_end: Offsets
    ref_windows: Places
    windows: Offsets

    @property
    def references(self) -> int:
        return len(self.ref_bins) - 1

    def unplaced(self, *, header_end: int, data_end: int) -> Offsets:
        return behind(self.chunk_end, header_end=header_end, data_end=data_end)

    def spans(self, reference: int, begs: Places, ends: Places) -> Offsets:
        """Rows (begin, end) of file that hold every record overlapping a region.

        The regions ascend and are disjoint, so that no bin is looked at more than twice.
        """
        if reference >= self.references:
            return np.empty((0, 2), np.uint64)
        first, last = int(self.ref_bins[reference]), int(self.ref_bins[reference + 1])
        bins = self.bins[first:last]
        ends = np.minimum(ends, 1 << (self.min_shift + 3 * self.depth))
        asked = begs < ends
        begs, ends = begs[asked], ends[asked]
        floors, ceilings = self._floors(reference, begs), self._ceilings(first, bins, ends)
        floor_of = np.full(len(bins), NEVER, np.uint64)
        ceiling_of = np.zeros(len(bins), np.uint64)
        for level in range(self.depth + 1):
            shift = self.min_shift + 3 * (self.depth - level)
            offset = _first_bin(level)
            left = np.searchsorted(bins, offset + (begs >> shift))
            right = np.searchsorted(bins, offset + ((ends - 1) >> shift), side="right")
            touched, counts = _expanded(left, right)
            np.minimum.at(floor_of, touched, np.repeat(floors, counts))
            np.maximum.at(ceiling_of, touched, np.repeat(ceilings, counts))
        hit = np.flatnonzero(floor_of != NEVER)
        chunks, counts = _expanded(self.bin_chunks[first + hit], self.bin_chunks[first + hit + 1])
        begin = self.chunk_begin[chunks]
        end = np.minimum(self.chunk_end[chunks], np.repeat(ceiling_of[hit], counts))
        useful = (begin < end) & (end > np.repeat(floor_of[hit], counts))
        return np.stack([begin[useful], end[useful]], axis=1)

    def _floors(self, reference: int, begs: Places) -> Offsets:
        """No record that reaches a region begins before its floor."""
        first, last = int(self.ref_windows[reference]), int(self.ref_windows[reference + 1])
        if last > first:
            window = np.minimum(begs >> self.min_shift, last - first - 1)
            found_floors: Offsets = self.windows[first + window]
            return found_floors
        # CSI: the last bin of the finest level at or before the region
        low, high = int(self.ref_bins[reference]), int(self.ref_bins[reference + 1])
        finest = _first_bin(self.depth)
        bins = self.bins[low:high]
        before = np.searchsorted(bins, finest + (begs >> self.min_shift), side="right") - 1
        found = before >= np.searchsorted(bins, finest)
        floors = np.zeros(len(begs), np.uint64)
        floors[found] = self.bin_loffset[low + before[found]]
        return floors

    def _ceilings(self, first: int, bins: Places, ends: Places) -> Offsets:
        """Records in a bin of the finest level beyond a region begin after all of its own."""
        after = np.searchsorted(
            bins, _first_bin(self.depth) + ((ends - 1) >> self.min_shift), side="right"
        )
        ceilings = np.full(len(ends), NEVER, np.uint64)
        found = after < len(bins)
        ceilings[found] = self.chunk_begin[self.bin_chunks[first + after[found]]]
        return ceilings


def behind(chunk_end: Offsets, *, header_end: int, data_end: int) -> Offsets:
    """Where lies what is on no reference: after the last record that is on one."""
    start = max(int(chunk_end.max(initial=0)), header_end)
    return np.array([[start, max(start, data_end)]], np.uint64)


def merged(rows: Sequence[Offsets]) -> Offsets:
    """Disjoint rows in file order that hold what the given ones hold, each byte once."""
    joined = np.concatenate([np.empty((0, 2), np.uint64), *rows])
    joined = joined[np.argsort(joined[:, 0], kind="stable")]
    if not len(joined):
        return joined
    reach = np.maximum.accumulate(joined[:, 1])
    starts = np.flatnonzero(np.r_[True, joined[1:, 0] > reach[:-1]])
    ends = np.r_[starts[1:], len(joined)] - 1
    return np.stack([joined[starts, 0], reach[ends]], axis=1)


def fewest(rows: Offsets, limit: int) -> Offsets:
    """At most `limit` of `rows`, by taking along what lies in the smallest gaps."""
    if len(rows) <= limit:
        return rows
    gaps = rows[1:, 0] - rows[:-1, 1]
    kept = np.sort(np.argsort(gaps, kind="stable")[len(gaps) - limit + 1 :])
    return np.stack([rows[np.r_[0, kept + 1], 0], rows[np.r_[kept, len(rows) - 1], 1]], axis=1)


def bin_limit(depth: int) -> int:
    """One more than the largest bin number; the next one is the metadata bin."""
    return _first_bin(depth + 1)


def _first_bin(level: int) -> int:
    return ((1 << (3 * level)) - 1) // 7


def _expanded(
    starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> tuple[Places, npt.NDArray[np.int64]]:
    """All numbers of the ranges [start, end), one range after the other, and their counts."""
    counts = np.maximum(ends - starts, 0)
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum())), counts
