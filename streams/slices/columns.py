"""Makes BAM records smaller: fields that are not wanted become SAM's missing values, tags go.

htsget 1.3.0, `fields`, `tags` and `notags`; SAM specification 1.4 and 4.2. Pure.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from schemas.htsget import ColumnsAsked
from streams.errors import SourceRefused

TRIMMED_FORMS = ("BAM",)  # of others all fields and tags are sent
FIELDS = frozenset(
    {"QNAME", "FLAG", "RNAME", "POS", "MAPQ", "CIGAR", "RNEXT", "PNEXT", "TLEN", "SEQ", "QUAL"}
)

_HEAD = struct.Struct("<iiiBBHHHiiii")
_TWO_OPERATIONS = struct.Struct("<II")
_SIZES = {b"A": 1, b"c": 1, b"C": 1, b"s": 2, b"S": 2, b"i": 4, b"I": 4, b"f": 4}
_SOFT_CLIP, _SKIP = 4, 3
_FIRST_OF_FINEST = 4681
_UNPLACED_BIN = 4680  # of what has no position
# By field, its place in the head and its missing value; the length of SEQ counts as one.
_MISSING = {
    "RNAME": (1, -1),
    "POS": (2, -1),
    "MAPQ": (4, 255),
    "FLAG": (7, 0),
    "SEQ": (8, 0),
    "RNEXT": (9, -1),
    "PNEXT": (10, -1),
    "TLEN": (11, 0),
}
_DAMAGED = "A record of the BAM is damaged."


class Trimmer:
    """Makes the records of one request; `asked` was checked."""

    def __init__(self, asked: ColumnsAsked) -> None:
        wanted = FIELDS if asked.fields is None else frozenset(asked.fields)
        if "SEQ" not in wanted:
            wanted -= {"QUAL"}  # which cannot be without
        self._dropped = FIELDS - wanted
        self._missing = [found for name, found in _MISSING.items() if name in self._dropped]
        self._only = None if asked.tags is None else frozenset(tag.encode() for tag in asked.tags)
        self._without = frozenset(tag.encode() for tag in asked.notags)

    def trim(self, record: bytes) -> bytes:
        """One record, its length before it. Raises SourceRefused."""
        head = list(_HEAD.unpack_from(record))
        size, start0, name, operations, length = (head[n] for n in (0, 2, 3, 6, 8))
        cigar0 = _HEAD.size + name
        letters0 = cigar0 + 4 * operations
        quality0 = letters0 + (length + 1) // 2
        tags0 = quality0 + length
        if name < 1 or length < 0 or not tags0 <= 4 + size == len(record):
            raise SourceRefused(_DAMAGED)
        qname, cigar = record[_HEAD.size : cigar0], record[cigar0:letters0]
        is_long = _is_long(cigar, length)
        tags = self._tags(record[tags0:], is_long=is_long)
        if "QNAME" in self._dropped:
            qname = b"*\0"
        cigar, sequence = self._sequence(cigar, record[letters0:tags0], length, is_long=is_long)
        for number, value in self._missing:
            head[number] = value
        rest = b"".join((qname, cigar, sequence, tags))
        head[0], head[3], head[6] = _HEAD.size - 4 + len(rest), len(qname), len(cigar) // 4
        head[5] = self._bin(start0, head[5])
        return _HEAD.pack(*head) + rest

    def _sequence(
        self, cigar: bytes, both: bytes, length: int, *, is_long: bool
    ) -> tuple[bytes, bytes]:
        """The CIGAR, and the letters with their qualities."""
        if "SEQ" in self._dropped:
            both = b""
            if is_long:  # its first operation says how many letters there are
                cigar = _SOFT_CLIP.to_bytes(4, "little") + cigar[4:]
        elif "QUAL" in self._dropped:
            both = both[: (length + 1) // 2] + b"\xff" * length
        return b"" if "CIGAR" in self._dropped else cigar, both

    def _bin(self, start0: int, stated: int) -> int:
        if "POS" in self._dropped:
            return _UNPLACED_BIN
        if "CIGAR" not in self._dropped or start0 < 0:
            return stated
        return _FIRST_OF_FINEST + (start0 >> 14) & 0xFFFF  # of one base

    def _tags(self, tags: bytes, *, is_long: bool) -> bytes:
        """CG is the CIGAR of a read with too many operations, and goes where that goes."""
        if not is_long and not self._without and not self._only:
            return tags if self._only is None else b""
        with_cigar = "CIGAR" not in self._dropped
        kept = []
        for name, tag in _each(tags):
            if is_long and name == b"CG":
                is_kept = with_cigar
            else:
                is_kept = (self._only is None or name in self._only) and name not in self._without
            if is_kept:
                kept.append(tag)
        return b"".join(kept)


def _is_long(cigar: bytes, length: int) -> bool:
    """Whether the CIGAR only stands for one that lies in the tag CG (SAM specification 4.2.2)."""
    if len(cigar) != _TWO_OPERATIONS.size:
        return False
    first, second = _TWO_OPERATIONS.unpack(cigar)
    return bool(first == length << 4 | _SOFT_CLIP and second & 0xF == _SKIP)


def _each(tags: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(tags):
        end = at + 3 + _length(tags, at)
        if end > len(tags):
            raise SourceRefused(_DAMAGED)
        yield tags[at : at + 2], tags[at:end]
        at = end


def _length(tags: bytes, at: int) -> int:
    """Of a tag's value."""
    kind = tags[at + 2 : at + 3]
    if kind in _SIZES:
        return _SIZES[kind]
    if kind in (b"Z", b"H"):
        end = tags.find(b"\0", at + 3)
        return end - (at + 2) if end > 0 else len(tags)
    each = _SIZES.get(tags[at + 3 : at + 4])
    if kind != b"B" or each is None or len(tags) < at + 8:
        raise SourceRefused(_DAMAGED)
    return 5 + each * int.from_bytes(tags[at + 4 : at + 8], "little")
