"""Reads BAI, CSI and TBI files into flat arrays, and refuses what cannot be true.

SAM specification 5.2, tabix and CSIv1. Nothing is allocated before the bytes that fill it are
seen to be there. Whether the offsets are those of the data is `survey`'s question.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

import numpy as np

from streams.errors import IndexRefused
from streams.slices.binned import BinnedIndex, Offsets, Places, bin_limit

MAX_INDEX_BYTES = 512 * 1024 * 1024
MAX_DEPTH = 9  # bin numbers have 32 bits
MAX_SHIFT = 30
TABIX_VCF = 2

_CHUNK = 16
_MAX_POSITION_BITS = 48


@dataclass(frozen=True, slots=True, eq=False)
class IndexFile:
    """An index and, where the file has them, the names of its references in order."""

    index: BinnedIndex
    names: tuple[str, ...] | None


def read_index_file(raw: bytes) -> IndexFile:
    """Raises IndexRefused, saying what is wrong."""
    if raw[:2] == b"\x1f\x8b":
        raw = _unpacked(raw)
    cursor = _Cursor(raw, at=4)
    match raw[:4]:
        case b"BAI\x01":
            count = cursor.count("references", each=8)
            return IndexFile(_read_references(cursor, count, min_shift=14, depth=5), None)
        case b"TBI\x01":
            count = cursor.count("references", each=8)
            names = _read_tabix_names(cursor)
            return IndexFile(_read_references(cursor, count, min_shift=14, depth=5), names)
        case b"CSI\x01":
            return _read_csi(cursor)
        case _:
            raise IndexRefused("This is no BAI, CSI or TBI index.")


def _read_csi(cursor: _Cursor) -> IndexFile:
    min_shift, depth = cursor.number("shift"), cursor.number("depth")
    too_wide = min_shift + 3 * depth > _MAX_POSITION_BITS
    if not 0 < min_shift <= MAX_SHIFT or not 0 <= depth <= MAX_DEPTH or too_wide:
        raise IndexRefused("The index has bins of a size that no genome has.")
    extra = _Cursor(cursor.take(cursor.count("auxiliary bytes", each=1)), at=0)
    names = _read_tabix_names(extra) if extra.raw else None
    count = cursor.count("references", each=4)
    return IndexFile(
        _read_references(cursor, count, min_shift=min_shift, depth=depth, is_csi=True), names
    )


def _read_tabix_names(cursor: _Cursor) -> tuple[str, ...]:
    if cursor.number("format") & 0xFFFF != TABIX_VCF:
        raise IndexRefused("The index was made for another format than VCF.")
    cursor.take(20)  # columns, comment mark and lines to skip: VCF fixes them
    joined = cursor.take(cursor.count("bytes of names", each=1))
    try:
        return tuple(name.decode() for name in joined.split(b"\0")[:-1])
    except UnicodeDecodeError as error:
        raise IndexRefused("A reference name in the index is not text.") from error


def _read_references(
    cursor: _Cursor, count: int, *, min_shift: int, depth: int, is_csi: bool = False
) -> BinnedIndex:
    read = _Read(bin_limit(depth), is_csi=is_csi)
    for reference in range(count):
        read.bins_of(reference, cursor)
        if not is_csi:
            length = cursor.count("windows", each=8)
            read.window_counts.append(length)
            read.windows.append(cursor.take(8 * length))
    return _sorted(read, cursor.raw, count, min_shift=min_shift, depth=depth)


@dataclass(slots=True)
class _Read:
    """What one pass over an index file notes: numbers, and where the chunks lie."""

    limit: int
    is_csi: bool = field(kw_only=True)
    references: list[int] = field(default_factory=list)
    bins: list[int] = field(default_factory=list)
    loffsets: list[int] = field(default_factory=list)
    chunk_counts: list[int] = field(default_factory=list)
    chunks_at: list[int] = field(default_factory=list)
    window_counts: list[int] = field(default_factory=list)
    windows: list[bytes] = field(default_factory=list)

    def bins_of(self, reference: int, cursor: _Cursor) -> None:
        for _ in range(cursor.count("bins", each=16 if self.is_csi else 8)):
            number, loffset = cursor.unpack("<IQ") if self.is_csi else (*cursor.unpack("<I"), 0)
            chunks = cursor.count("chunks", each=_CHUNK)
            at = cursor.at
            cursor.take(chunks * _CHUNK)
            if number == self.limit + 1:
                continue  # counts of reads, no place in the file
            if number >= self.limit:
                raise IndexRefused("The index has a bin that lies outside of every genome.")
            if chunks:
                self.references.append(reference)
                self.bins.append(number)
                self.loffsets.append(loffset)
                self.chunk_counts.append(chunks)
                self.chunks_at.append(at)


def _sorted(read: _Read, raw: bytes, count: int, *, min_shift: int, depth: int) -> BinnedIndex:
    references, bins = np.array(read.references, np.int64), np.array(read.bins, np.int64)
    order = np.lexsort((bins, references))
    references, bins = references[order], bins[order]
    if np.any((np.diff(bins) == 0) & (np.diff(references) == 0)):
        raise IndexRefused("The index has a bin twice.")
    counts = np.array(read.chunk_counts, np.int64)[order]
    chunks = _gathered(raw, np.array(read.chunks_at, np.int64)[order], counts)
    if np.any(chunks[:, 0] > chunks[:, 1]):
        raise IndexRefused("A chunk of the index ends before it begins.")
    owner = np.repeat(np.arange(len(counts)), counts)
    chunks = chunks[np.lexsort((chunks[:, 0], owner))]
    windows = read.window_counts if not read.is_csi else [0] * count
    return BinnedIndex(
        min_shift=min_shift,
        depth=depth,
        ref_bins=np.searchsorted(references, np.arange(count + 1)).astype(np.int64),
        bins=bins,
        bin_loffset=np.array(read.loffsets, np.uint64)[order],
        bin_chunks=_starts(counts),
        chunk_begin=np.ascontiguousarray(chunks[:, 0]),
        chunk_end=np.ascontiguousarray(chunks[:, 1]),
        ref_windows=_starts(np.array(windows, np.int64)),
        windows=np.frombuffer(b"".join(read.windows), "<u8").astype(np.uint64),
    )


def _gathered(raw: bytes, at: Places, counts: Places) -> Offsets:
    """Rows (begin, end) of all chunks, copied in one step."""
    before = np.cumsum(counts) - counts
    place = np.repeat(at - _CHUNK * before, counts) + _CHUNK * np.arange(int(counts.sum()))
    parts = np.frombuffer(raw, np.uint8)[place[:, None] + np.arange(_CHUNK)]
    return np.ascontiguousarray(parts).view("<u8").reshape(-1, 2).astype(np.uint64)


def _starts(counts: Places) -> Places:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _unpacked(raw: bytes) -> bytes:
    """All members of a gzip file, up to the cap."""
    parts: list[bytes] = []
    left = MAX_INDEX_BYTES
    try:
        while raw:
            member = zlib.decompressobj(31)
            parts.append(member.decompress(raw, left + 1))
            left -= len(parts[-1])
            if left < 0:
                raise IndexRefused(f"The index unpacks to more than {MAX_INDEX_BYTES} bytes.")
            if not member.eof:
                raise IndexRefused("The index is truncated.")
            raw = member.unused_data
    except zlib.error as error:
        raise IndexRefused("The index cannot be unpacked.") from error
    return b"".join(parts)


@dataclass(slots=True)
class _Cursor:
    raw: bytes
    at: int

    def unpack(self, form: str) -> tuple[int, ...]:
        try:
            found = struct.unpack_from(form, self.raw, self.at)
        except struct.error as error:
            raise IndexRefused("The index is truncated.") from error
        self.at += struct.calcsize(form)
        return found

    def number(self, what: str) -> int:
        (found,) = self.unpack("<i")
        if found < 0:
            raise IndexRefused(f"The index has a negative number of {what}.")
        return found

    def count(self, what: str, *, each: int) -> int:
        """How many items follow, of at least `each` bytes, all of which must be there."""
        found = self.number(what)
        if found * each > len(self.raw) - self.at:
            raise IndexRefused(f"The index is truncated: it promises {found} {what}.")
        return found

    def take(self, length: int) -> bytes:
        if length > len(self.raw) - self.at:
            raise IndexRefused("The index is truncated.")
        self.at += length
        return self.raw[self.at - length : self.at]
