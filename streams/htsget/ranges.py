"""Reads a Range header (RFC 9110 section 14): one range of bytes, or none that counts.

Pure. Malformed headers and several ranges are ignored, as the RFC lets a server do.
"""

from __future__ import annotations

import re

from streams.errors import RangeUnsatisfiable
from streams.htsget.tickets import Part

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII | re.IGNORECASE)
_OUTSIDE = "The range lies outside of what this address covers."


def read_range_header(raw_header: str | None, size: int) -> Part | None:
    """The bytes asked for of `size`, None for all. Raises RangeUnsatisfiable."""
    match = _RANGE.fullmatch(raw_header.strip()) if raw_header is not None else None
    if match is None or match.group(0).endswith("=-"):
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise RangeUnsatisfiable(_OUTSIDE)
        return Part(size - length, size)
    start0 = int(first)
    if last and int(last) < start0:
        return None
    if start0 >= size:
        raise RangeUnsatisfiable(_OUTSIDE)
    return Part(start0, min(int(last) + 1, size) if last else size)
