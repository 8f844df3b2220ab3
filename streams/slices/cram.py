"""Walks the containers of a CRAM file, and reads its CRAI.

CRAM 2.1 and 3.x, sections 6 to 8 and 12 of the specification. Only container headers are read and
the SAM header; slices and records are the reader's. Positions are zero-based half-open.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from streams.errors import IndexRefused, SourceRefused
from streams.slices.binned import Offsets, Places
from streams.slices.index_files import MAX_INDEX_BYTES
from streams.sources import CRAM_EOF
from streams.storage import Source

DEFINITION_BYTES = 26
MAX_CONTAINERS = 50_000_000
MAX_HEADER_BYTES = 64 * 1024 * 1024
UNPLACED = -1
MANY = -2  # a slice or container of several references

_HEAD_BYTES = 256  # of a container; landmarks, which may be many, come last and are not read
_RAW, _GZIP = 0, 1


@dataclass(frozen=True, slots=True)
class Container:
    """[start0, end0) in the file; `reference` is a number, UNPLACED or MANY."""

    start0: int
    end0: int
    reference: int
    records: int


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """The containers with data, in order, and the reference names of the SAM header."""

    containers: tuple[Container, ...]
    header_end: int
    data_end: int
    references: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class ContainerIndex:
    """A CRAI: per line a reference, [begs, ends) on it, and its container's number."""

    line_reference: Places
    line_begs: Places
    line_ends: Places
    line_container: Places
    starts: Offsets
    ends: Offsets

    def spans(self, reference: int, begs: Places, ends: Places) -> Offsets:
        """Rows (begin, end) of the file, shifted like virtual offsets: whole containers."""
        if reference == UNPLACED:
            hit = self.line_reference == UNPLACED
        else:
            # regions ascend and are disjoint: one overlaps a line or none does
            first = np.searchsorted(ends, self.line_begs, side="right")
            begins = np.append(begs, np.iinfo(np.int64).max)[first]
            hit = (self.line_reference == reference) & (begins < self.line_ends)
        numbers = np.unique(self.line_container[hit])
        return np.stack([self.starts[numbers], self.ends[numbers]], axis=1) << np.uint64(16)

    def unplaced(self, *, header_end: int, data_end: int) -> Offsets:
        """Where the index says so, which need not be at the end of the file."""
        del header_end, data_end
        nowhere = np.empty(0, np.int64)
        return self.spans(UNPLACED, nowhere, nowhere)


def walk(source: Source, size: int) -> Walked:
    """Raises SourceRefused for what is no complete CRAM."""
    major, first = _first(source, size)
    references = _references(_sam_header(source, first, major=major))
    data_end = size - len(_eof(source, size))
    containers: list[Container] = []
    at = first.end0
    while at < data_end:
        found = _container(source, at, major=major, size=data_end)
        containers.append(found)
        at = found.end0
        if len(containers) > MAX_CONTAINERS:
            raise SourceRefused(f"A CRAM has at most {MAX_CONTAINERS} containers.")
    return Walked(tuple(containers), first.end0, data_end, references)


def read_text(source: Source, size: int) -> bytes:
    """The SAM header's lines. Raises SourceRefused."""
    major, first = _first(source, size)
    return _sam_header(source, first, major=major)


def _first(source: Source, size: int) -> tuple[int, Container]:
    """The major version, and the container of the header."""
    version = source(DEFINITION_BYTES, 0)
    if version[:4] != b"CRAM" or version[4:5] not in (b"\x02", b"\x03"):
        raise SourceRefused("Only CRAM 2 and 3 can be offered.")
    return version[4], _container(source, DEFINITION_BYTES, major=version[4], size=size)


def read_crai(raw: bytes, walked: Walked) -> ContainerIndex:
    """The index, seen to name every container of the file and nothing else.

    Raises IndexRefused.
    """
    lines = _lines(_unpacked(raw))
    starts = np.array([c.start0 for c in walked.containers], np.int64)
    number = np.searchsorted(starts, lines[:, 3])
    known = number < len(starts)
    if not known.all() or np.any(starts[number] != lines[:, 3]):
        raise IndexRefused("The index names a place where no container begins.")
    with_records = np.flatnonzero([c.records > 0 for c in walked.containers])
    if len(np.setdiff1d(with_records, number)):
        raise IndexRefused("The index leaves out a part of the file.")
    of_container = np.array([c.reference for c in walked.containers], np.int64)[number]
    if np.any((of_container != MANY) & (of_container != lines[:, 0])):
        raise IndexRefused("The index puts a container on another reference than the file does.")
    begs, ends = lines[:, 1] - 1, lines[:, 1] - 1 + lines[:, 2]
    unsure = (lines[:, 2] <= 0) | (lines[:, 1] <= 0)  # some writers leave the place open
    begs, ends = np.where(unsure, 0, begs), np.where(unsure, 2**62, ends)
    return ContainerIndex(
        line_reference=lines[:, 0].copy(),
        line_begs=begs,
        line_ends=ends,
        line_container=number.astype(np.int64),
        starts=starts.astype(np.uint64),
        ends=np.array([c.end0 for c in walked.containers], np.uint64),
    )


def _lines(text: bytes) -> Places:
    """Six numbers a line: reference, start, span, container, slice, size."""
    fields = text.replace(b"\n", b"\t").split(b"\t")
    if fields and not fields[-1]:
        fields.pop()
    if text.count(b"\n") * 6 != len(fields) or any(
        row.count(b"\t") != 5 for row in text.splitlines()
    ):
        raise IndexRefused("A line of the CRAI has not six numbers.")
    try:
        lines = np.array([int(field) for field in fields], np.int64).reshape(-1, 6)
    except (ValueError, OverflowError) as error:
        raise IndexRefused("A line of the CRAI has not six numbers.") from error
    if np.any(lines[:, 0] < MANY) or np.any(np.abs(lines) >= 2**62):
        raise IndexRefused("A line of the CRAI has a number that cannot be.")
    return lines


def _unpacked(raw: bytes) -> bytes:
    if raw[:2] != b"\x1f\x8b":
        return raw[: MAX_INDEX_BYTES + 1]
    unpacker = zlib.decompressobj(31)
    try:
        text = unpacker.decompress(raw, MAX_INDEX_BYTES + 1)
    except zlib.error as error:
        raise IndexRefused("The index cannot be unpacked.") from error
    if len(text) > MAX_INDEX_BYTES or not unpacker.eof:
        raise IndexRefused("The index is truncated or too large.")
    return text


# Containers


def _container(source: Source, start0: int, *, major: int, size: int) -> Container:
    cursor = _Cursor(source(_HEAD_BYTES, start0))
    length = int.from_bytes(cursor.take(4), "little", signed=True)
    reference = cursor.itf8()
    cursor.itf8()  # start and span: the index says them too
    cursor.itf8()
    records = cursor.itf8()
    cursor.ltf8() if major >= 3 else cursor.itf8()
    cursor.ltf8()
    cursor.itf8()
    landmarks = cursor.itf8()
    if landmarks < 0 or length < 0:
        raise SourceRefused("A container of the CRAM is damaged.")
    head = _head_size(source, start0, cursor.at, landmarks) + (4 if major >= 3 else 0)
    end0 = start0 + head + length
    if end0 > size or reference < MANY:
        raise SourceRefused("A container of the CRAM is truncated or damaged.")
    return Container(start0, end0, reference, records)


def _head_size(source: Source, start0: int, at: int, landmarks: int) -> int:
    if landmarks > MAX_HEADER_BYTES // 5:
        raise SourceRefused("A container of the CRAM is damaged.")
    cursor = _Cursor(source(5 * landmarks, start0 + at))
    for _ in range(landmarks):
        cursor.itf8()
    return at + cursor.at


def _sam_header(source: Source, container: Container, *, major: int) -> bytes:
    length = container.end0 - container.start0
    if length > MAX_HEADER_BYTES:
        raise SourceRefused("The header of the CRAM is too long.")
    cursor = _Cursor(source(length, container.start0))
    cursor.at = _block_at(cursor.raw, major=major)
    method, kind = cursor.take(2)
    cursor.itf8()
    packed_size, size = cursor.itf8(), cursor.itf8()
    if kind != 0 or not 4 <= size <= MAX_HEADER_BYTES or packed_size < 0:
        raise SourceRefused("The header of the CRAM is damaged.")
    content = cursor.take(packed_size)
    match method:
        case 0:
            text = content
        case 1:
            text = _inflated(content, size)
        case _:
            raise SourceRefused("The header of the CRAM is packed in a way that is not allowed.")
    return text[4 : 4 + int.from_bytes(text[:4], "little")]


def _block_at(raw: bytes, *, major: int) -> int:
    """Where the first block of a container begins, its landmarks included."""
    cursor = _Cursor(raw, 4)
    for _ in range(4):
        cursor.itf8()
    cursor.ltf8() if major >= 3 else cursor.itf8()
    cursor.ltf8()
    cursor.itf8()
    for _ in range(cursor.itf8()):
        cursor.itf8()
    return cursor.at + (4 if major >= 3 else 0)


def _inflated(content: bytes, size: int) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(content, size)
    except zlib.error as error:
        raise SourceRefused("The header of the CRAM is damaged.") from error


def _references(text: bytes) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in text.split(b"\n"):
        if line.startswith(b"@SQ\t"):
            names = [field[3:] for field in line.split(b"\t") if field.startswith(b"SN:")]
            if len(names) != 1:
                raise SourceRefused("A reference in the header of the CRAM has no name.")
            found[names[0].decode("utf-8", "replace")] = len(found)
    return found


def _eof(source: Source, size: int) -> bytes:
    tail = source(64, max(0, size - 64))
    for eof in CRAM_EOF:
        if tail.endswith(eof):
            return eof
    raise SourceRefused("This CRAM is truncated: its last container (EOF) is missing.")


@dataclass(slots=True)
class _Cursor:
    raw: bytes
    at: int = 0

    def take(self, length: int) -> bytes:
        if not 0 <= length <= len(self.raw) - self.at:
            raise SourceRefused("A container of the CRAM is truncated.")
        self.at += length
        return self.raw[self.at - length : self.at]

    def itf8(self) -> int:
        """A number of up to 32 bits; the high bits of its first byte say how many follow."""
        first = self.take(1)[0]
        more = min(4, 8 - (first ^ 0xFF).bit_length()) if first >= 0x80 else 0
        if more == 4:
            rest = int.from_bytes(self.take(4), "big")
            value = (first & 0x0F) << 28 | (rest >> 8) << 4 | rest & 0x0F
        else:
            value = (first & (0xFF >> (more + 1))) << 8 * more | int.from_bytes(
                self.take(more), "big"
            )
        return value - (1 << 32) if value >= 1 << 31 else value

    def ltf8(self) -> int:
        first = self.take(1)[0]
        more = 8 - (first ^ 0xFF).bit_length()
        value = int.from_bytes(self.take(more), "big")
        return (first & (0xFF >> min(8, more + 1))) << 8 * more | value
