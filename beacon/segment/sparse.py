"""Ascending numbers and small codes as few bytes: carriers of a variant, variants of a person.

Four forms, whichever is shortest: steps or gaps of one byte (of a gap 255 means "and more"),
absolute numbers, or one bit per number. Decoding is a few array operations, so a bitmap of
thousands costs microseconds.
Which numbers they are is left to `beacon.segment.segment_file` and `beacon.segment.variant_table`.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

Numbers = NDArray[np.uint32]
_GAPS, _SHORT, _LONG, _BITS, _STEPS = range(5)
_SHORT_FORM = bytes([_SHORT])
_MORE = 255
_LONG_GAP = bytes([_MORE])
_FROM_0 = np.arange(1 << 16, dtype=np.uint32)
# Roaring's portable form of one container of 16-bit numbers: cookie, containers; their upper half,
# how many less one, and where they begin.
_ONE = struct.Struct("<IIHHI")
_COOKIE = 12346
_MOST_IN_ONE = 4096  # more of them are kept as bits
_ALL_BITS = b"\xff" * (1 << 13)  # of one container
_FEW = 8  # so few that trying the other forms saves nothing worth its time


def encode(numbers: NDArray[np.integer], size: int) -> bytes:
    """`numbers` ascending, each below `size`, none twice."""
    if not len(numbers):
        return b""
    short = size <= 1 << 16
    if len(numbers) <= _FEW:
        return _plain(numbers, short=short)
    plain = len(numbers) * (2 if short else 4)
    gaps = np.empty(len(numbers), dtype=np.int64)
    gaps[0] = numbers[0]
    np.subtract(numbers[1:], numbers[:-1], out=gaps[1:], casting="unsafe")
    gaps[1:] -= 1
    more = gaps // _MORE
    spelled = len(numbers) + int(more.sum())
    bits = (size + 7) // 8
    if bits <= min(plain, spelled):
        marks = np.zeros(size, dtype=bool)
        marks[numbers] = True
        return bytes([_BITS]) + np.packbits(marks, bitorder="little").tobytes()
    if plain <= spelled:
        return _plain(numbers, short=short)
    if short and spelled == len(numbers):
        # Their sums are the numbers, which is read in half the time.
        gaps[1:] += 1
        return bytes([_STEPS]) + gaps.astype(np.uint8).tobytes()
    out = np.full(spelled, _MORE, dtype=np.uint8)
    out[np.cumsum(more + 1) - 1] = gaps - more * _MORE
    return bytes([_GAPS]) + out.tobytes()


def _plain(numbers: NDArray[np.integer], *, short: bool) -> bytes:
    if short:
        return bytes([_SHORT]) + numbers.astype(np.uint16).tobytes()
    return bytes([_LONG]) + numbers.astype(np.uint32).tobytes()


def decode(blob: bytes) -> Numbers:
    if not blob:
        return np.zeros(0, dtype=np.uint32)
    form = blob[0]
    if form == _BITS:
        raw = np.frombuffer(blob, np.uint8, offset=1)
        marks = np.unpackbits(raw, bitorder="little").view(np.bool_)
        found: Numbers = marks.nonzero()[0].astype(np.uint32)
        return found
    if form == _STEPS:
        sums: Numbers = np.frombuffer(blob, np.uint8, offset=1).cumsum(dtype=np.uint32)
        return sums
    if form != _GAPS:
        kind = np.uint16 if form == _SHORT else np.uint32
        return np.frombuffer(blob, kind, offset=1).astype(np.uint32)
    raw = np.frombuffer(blob, np.uint8, offset=1)
    ends: Numbers = raw.cumsum(dtype=np.uint32)
    if _LONG_GAP in blob:
        ends = ends[raw != _MORE]
    few = len(ends) <= len(_FROM_0)
    ends += _FROM_0[: len(ends)] if few else np.arange(len(ends), dtype=np.uint32)
    return ends


def marked(blobs: Sequence[bytes], marks: NDArray[np.bool_]) -> list[int]:
    """Places of the blobs that hold at least one marked number; short ones are read together."""
    short = [place for place, blob in enumerate(blobs) if blob[:1] == _SHORT_FORM]
    numbers = np.frombuffer(b"".join(blobs[place][1:] for place in short), np.uint16)
    ends = np.cumsum([0, *(len(blobs[place]) // 2 for place in short)])
    seen = np.concatenate([[0], np.cumsum(marks[numbers])])
    found = [short[at] for at in np.flatnonzero(np.diff(seen[ends])).tolist()]
    for place, blob in enumerate(blobs):
        if blob[:1] != _SHORT_FORM and marks[decode(blob)].any():
            found.append(place)
    return found


def union(blobs: Sequence[bytes], size: int) -> NDArray[np.bool_]:
    """Marks of the numbers that any of these blobs holds."""
    marks = np.zeros(size, dtype=bool)
    short = b"".join(blob[1:] for blob in blobs if blob[:1] == _SHORT_FORM)
    marks[np.frombuffer(short, np.uint16)] = True
    for blob in blobs:
        if blob[:1] != _SHORT_FORM:
            marks[decode(blob)] = True
    return marks


def bitmap(numbers: NDArray[np.integer]) -> BitMap:
    """A bitmap of numbers in any order; from an `array` it is filled without boxing each."""
    return BitMap(array("I", numbers.astype(np.uint32, copy=False).tobytes()))


def array_of(held: BitMap) -> Numbers:
    """The numbers of a bitmap, ascending."""
    return np.frombuffer(held.to_array(), np.uint32)


def marks_of(held: BitMap, size: int) -> NDArray[np.bool_]:
    """Marks of the numbers of a bitmap, each below `size`."""
    marks = np.zeros(size, dtype=bool)
    marks[array_of(held)] = True
    return marks


def held(blob: bytes) -> BitMap:
    """The numbers of a blob as a bitmap. Those of one container are handed over as they are, which
    costs a fifth of filling one; bits are too, with as many behind them that are not theirs."""
    form = blob[0] if blob else _LONG
    if form == _SHORT and len(blob) <= 2 * _MOST_IN_ONE:
        return _one_container(blob[1:])
    if form == _STEPS and len(blob) <= _MOST_IN_ONE:
        sums = np.frombuffer(blob, np.uint8, offset=1).cumsum(dtype=np.uint16)
        return _one_container(sums.tobytes())
    if form == _BITS and len(blob) <= len(_ALL_BITS) - _MOST_IN_ONE // 8:
        bits = blob[1:]
        left = len(_ALL_BITS) - len(bits)
        count = int.from_bytes(bits, "little").bit_count() + 8 * left
        head = _ONE.pack(_COOKIE, 1, 0, count - 1, _ONE.size)
        return BitMap.deserialize(head + bits + _ALL_BITS[:left]) & _below(8 * len(bits))
    numbers = decode(blob)
    if 0 < len(numbers) <= _MOST_IN_ONE and numbers[-1] < 1 << 16:
        return _one_container(numbers.astype(np.uint16).tobytes())
    return bitmap(numbers)


@lru_cache(8)
def _below(size: int) -> BitMap:
    return BitMap(range(size))


def _one_container(numbers: bytes) -> BitMap:
    """Of 16-bit numbers, ascending."""
    return BitMap.deserialize(_ONE.pack(_COOKIE, 1, 0, len(numbers) // 2 - 1, _ONE.size) + numbers)


def encode_codes(codes: NDArray[np.unsignedinteger]) -> bytes:
    """Small numbers of which few differ: the different ones, then an index of 0 to 8 bits each."""
    if not len(codes):
        return b""
    seen = np.bincount(codes)
    known = np.flatnonzero(seen)
    head = bytes([len(known)]) + known.astype(np.uint16).tobytes()
    width = _width(len(known))
    if width == 0:
        return head
    seen[known] = np.arange(len(known))
    places = seen[codes].astype(np.uint8)
    bits = (places[:, None] >> np.arange(width, dtype=np.uint8)) & 1
    return head + np.packbits(bits.astype(bool).ravel(), bitorder="little").tobytes()


def decode_codes(blob: bytes, count: int) -> NDArray[np.uint16]:
    if not count:
        return np.zeros(0, dtype=np.uint16)
    known = np.frombuffer(blob, np.uint16, count=blob[0], offset=1)
    width = _width(len(known))
    if width == 0:
        return np.repeat(known, count)
    raw = np.frombuffer(blob, np.uint8, offset=1 + 2 * len(known))
    bits = np.unpackbits(raw, count=count * width, bitorder="little").reshape(count, width)
    codes: NDArray[np.uint16] = known[(bits << np.arange(width, dtype=np.uint8)).sum(axis=1)]
    return codes


def _width(different: int) -> int:
    return (different - 1).bit_length()
