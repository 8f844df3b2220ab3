"""Says whether a record begins at a place in unpacked data, and on which reference it lies.

BAM (SAM specification 4.2), BCF 2.2 section 6.3, VCF 4.3 section 1.6. Knows just as much of a
record as tells a true index from a false one.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from streams.errors import IndexRefused

PROBE_BYTES = 512  # enough of a record to know it by
UNPLACED = -1

_MAX_RECORD = 1 << 30
_BAM = struct.Struct("<iiiBBHHHiii")
_BCF = struct.Struct("<IIii")


def reference_of(head: bytes, form: str, references: Mapping[str, int]) -> int:
    """The number of the reference that the record lies on which begins with `head`.

    Raises IndexRefused where no record begins.
    """
    match form:
        case "BAM":
            return _of_bam(head, len(references))
        case "BCF":
            return _of_bcf(head, len(references))
        case _:
            return _of_vcf(head, references)


def _of_bam(head: bytes, count: int) -> int:
    if len(head) < _BAM.size:
        raise _none()
    size, reference, position, name, _, _, operations, _, length, mate, _ = _BAM.unpack_from(head)
    least = 32 + name + 4 * operations + (length + 1) // 2 + length
    sound = -1 <= reference < count and -1 <= mate < count and position >= -1 and length >= 0
    if not sound or name == 0 or not least <= size <= _MAX_RECORD:
        raise _none()
    ends = head[36 + name - 1 : 36 + name]
    if ends not in (b"\0", b""):
        raise _none()
    return int(reference)


def _of_bcf(head: bytes, count: int) -> int:
    if len(head) < _BCF.size:
        raise _none()
    shared, each, reference, position = _BCF.unpack_from(head)
    if not 24 <= shared <= _MAX_RECORD or each > _MAX_RECORD or position < -1:
        raise _none()
    if not 0 <= reference < max(count, 1):
        raise _none()
    return int(reference)


def _of_vcf(head: bytes, references: Mapping[str, int]) -> int:
    name, _, rest = head.partition(b"\t")
    position, tab, _ = rest.partition(b"\t")
    if not tab or not position.isdigit():
        raise _none()
    found = references.get(name.decode("utf-8", "replace"))
    if found is None:
        raise IndexRefused("A record lies on a reference that the index does not name.")
    return found


def _none() -> IndexRefused:
    return IndexRefused("The index points to a place where no record begins.")
