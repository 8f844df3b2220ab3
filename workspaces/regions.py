"""Reads regions as people write them: `chr1`, `chr1:1000`, `chr1:1000-2000`.

The form of samtools, one-based with both ends included; without a last position to the end.
Inside, regions are zero-based half-open. Whether the reference exists is the node's to say.
"""

from __future__ import annotations

import re

from schemas.htsget import RegionAsked
from workspaces.errors import RegionInvalid

_PLACE = re.compile(r"(?P<name>.+?):(?P<first>\d[\d,]{0,14})(-(?P<last>\d[\d,]{0,14})?)?", re.ASCII)


def read_region(text: str) -> RegionAsked:
    """(name, start0, end0). Raises RegionInvalid."""
    found = _PLACE.fullmatch(text)
    if found is None:
        if not text or len(text) > 200:
            raise RegionInvalid("A region is NAME or NAME:FIRST-LAST, as for samtools.")
        return text, None, None
    first = _number(found["first"])
    last = _number(found["last"]) if found["last"] else None
    if last is not None and last < first:
        raise RegionInvalid(f"{text[:80]}: the region ends before it begins.")
    return found["name"], first - 1, last


def _number(text: str) -> int:
    number = int(text.replace(",", ""))
    if not 1 <= number < 2**32:
        raise RegionInvalid("Positions of a region are numbers from 1.")
    return number
