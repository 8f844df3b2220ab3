"""An index that stays in its chart's file: of each reference that is asked for, its part is read.

It is read and not mapped: a file that somebody cuts short, or a disk that fails, is then an error
of one request and not the end of the process (SIGBUS). What was read is held, of all charts
together so many bytes, since what is asked for is mostly asked for again; held parts go on
answering whatever becomes of the file.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from streams.errors import VaultBroken
from streams.slices.binned import BinnedIndex, Offsets, Places, behind
from streams.slices.cram import ContainerIndex

Index = BinnedIndex | ContainerIndex
Read = Callable[[int, int], bytes | memoryview]  # exactly the bytes [start, end); VaultBroken


class Held:
    """Parts of indexes, at most `most_bytes` of them and one at least. Thread-safe."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._parts: OrderedDict[Hashable, Index] = OrderedDict()
        self._lock = threading.Lock()
        self.bytes = 0

    def part(self, key: Hashable, make: Callable[[], Index]) -> Index:
        with self._lock:
            at_hand = self._parts.get(key)
            if at_hand is not None:
                self._parts.move_to_end(key)
                return at_hand
        made = make()
        with self._lock:
            if key not in self._parts:
                self._parts[key] = made
                self.bytes += _size(made)
                while self.bytes > self._most and len(self._parts) > 1:
                    self.bytes -= _size(self._parts.popitem(last=False)[1])
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """Where each array of an index lies: its kind, first byte and length."""

    read: Read
    places: Mapping[str, tuple[np.dtype[Any], int, int]]

    def of(self, name: str, start: int = 0, end: int | None = None) -> Any:
        """Entries [start, end). Raises VaultBroken."""
        kind, at, count = self.places[name]
        end = count if end is None else end
        if not 0 <= start <= end <= count:
            raise VaultBroken("A stored index is damaged.")
        return np.frombuffer(
            self.read(at + start * kind.itemsize, at + end * kind.itemsize), kind, end - start
        )

    def all(self) -> Mapping[str, Any]:
        return {name: self.of(name) for name in self.places}


@dataclass(frozen=True, slots=True, eq=False)
class StoredBins:
    """A `BinnedIndex` by parts; where each reference begins is at hand."""

    name: str
    min_shift: int
    depth: int
    arrays: Arrays
    ref_bins: Places
    ref_windows: Places
    held: Held

    def spans(self, reference: int, begs: Places, ends: Places) -> Offsets:
        """As `BinnedIndex.spans`. Raises VaultBroken."""
        if reference >= len(self.ref_bins) - 1:
            return np.empty((0, 2), np.uint64)
        part = self.held.part((self.name, reference), lambda: self._part(reference))
        return part.spans(0, begs, ends)

    def unplaced(self, *, header_end: int, data_end: int) -> Offsets:
        """As `BinnedIndex.unplaced`, which looks at all chunks."""
        return behind(self.arrays.of("chunk_end"), header_end=header_end, data_end=data_end)

    def _part(self, reference: int) -> BinnedIndex:
        """The index of a file that has this reference alone."""
        first, last = (int(at) for at in self.ref_bins[reference : reference + 2])
        window, after = (int(at) for at in self.ref_windows[reference : reference + 2])
        bin_chunks = self.arrays.of("bin_chunks", first, last + 1)
        chunk, end = int(bin_chunks[0]), int(bin_chunks[-1])
        return BinnedIndex(
            min_shift=self.min_shift,
            depth=self.depth,
            ref_bins=np.array([0, last - first], np.int64),
            bins=self.arrays.of("bins", first, last),
            bin_loffset=self.arrays.of("bin_loffset", first, last),
            bin_chunks=bin_chunks - chunk,
            chunk_begin=self.arrays.of("chunk_begin", chunk, end),
            chunk_end=self.arrays.of("chunk_end", chunk, end),
            ref_windows=np.array([0, after - window], np.int64),
            windows=self.arrays.of("windows", window, after),
        )


@dataclass(frozen=True, slots=True, eq=False)
class StoredContainers:
    """A `ContainerIndex`, whose lines are all looked at for every region."""

    name: str
    arrays: Arrays
    held: Held

    def spans(self, reference: int, begs: Places, ends: Places) -> Offsets:
        return self._whole().spans(reference, begs, ends)

    def unplaced(self, *, header_end: int, data_end: int) -> Offsets:
        return self._whole().unplaced(header_end=header_end, data_end=data_end)

    def _whole(self) -> ContainerIndex:
        found = self.held.part(self.name, lambda: ContainerIndex(**self.arrays.all()))
        assert isinstance(found, ContainerIndex)  # noqa: S101 - for the types: by the key
        return found


def _size(index: Index) -> int:
    return sum(getattr(getattr(index, field.name), "nbytes", 0) for field in fields(index))
