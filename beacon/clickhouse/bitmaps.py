"""Sets of numbers between a node and ClickHouse, as the roaring bitmaps both sides compute with.

ClickHouse's state of `groupBitmap` in base64, bound as text like every other value: a kind (0: at
most 32 numbers, plainly; 1: a roaring bitmap in its portable format), a length, the numbers. A
server takes 128 KiB of one value (`http_max_field_value_size`), so a large set is bound in pieces.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import NamedTuple

from pyroaring import BitMap

from beacon.errors import CatalogError

_SMALL, _ROARING = 0, 1
MAX_PIECE = 64 * 1024


class Bound(NamedTuple):
    """The subquery of a set's numbers, and what is bound in it."""

    sql: str
    values: Mapping[str, str]


def bound(name: str, numbers: BitMap) -> Bound:
    text = written(numbers)
    pieces = [text[at : at + MAX_PIECE] for at in range(0, len(text), MAX_PIECE)]
    values = {f"{name}{number}": piece for number, piece in enumerate(pieces)}
    whole = ", ".join(f"{{{each}:String}}" for each in values)
    state = f"CAST(base64Decode(concat({whole}, '')) AS AggregateFunction(groupBitmap, UInt32))"
    return Bound(f"(SELECT arrayJoin(bitmapToArray({state})))", values)


def gathered(column: str) -> str:
    """What a statement selects in place of many rows of a column, for `read`."""
    return f"base64Encode(CAST(groupBitmapState({column}) AS String))"


def written(numbers: BitMap) -> str:
    raw = numbers.serialize()
    return base64.b64encode(bytes([_ROARING]) + _length(len(raw)) + raw).decode()


def read(text: str) -> BitMap:
    """Raises `CatalogError` where it is none."""
    try:
        raw = base64.b64decode(text, validate=True)
        if raw[0] == _SMALL:
            return BitMap(struct.unpack(f"<{raw[1]}I", raw[2:]))
        if raw[0] == _ROARING:
            first = 2 + next(at for at, byte in enumerate(raw[1:]) if byte < 128)
            return BitMap.deserialize(raw[first:])
    except (ValueError, IndexError, StopIteration, struct.error) as broken:
        raise _unreadable() from broken
    raise _unreadable()


def _unreadable() -> CatalogError:
    return CatalogError("the dataset's engine cannot be asked now", detail="no bitmap came back")


def _length(size: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size])
