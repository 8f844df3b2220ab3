"""Sets of numbers between a node and ClickHouse, as the roaring bitmaps both sides compute with.

ClickHouse's state of `groupBitmap` in base64, bound as a text like every other value: a kind (0: at
most 32 numbers, plainly; 1: a roaring bitmap in its portable format), a length, the numbers.
"""

from __future__ import annotations

import base64
import struct

from pyroaring import BitMap

from beacon.errors import CatalogError

_SMALL, _ROARING = 0, 1


def bound(name: str) -> str:
    """The subquery of a set's numbers; it is bound as `name`."""
    state = f"CAST(base64Decode({{{name}:String}}) AS AggregateFunction(groupBitmap, UInt32))"
    return f"(SELECT arrayJoin(bitmapToArray({state})))"


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
