"""The genotypes of a BCF file as they lie in its records, one small integer per allele.

BCF2 (VCF 4.5, section 6.3). htslib widens each to 32 bits, which takes longer than all else it does
to a record of many people. Only GT is read here: what a header and a record say otherwise, and that
a record is whole, is htslib's to say first (`beacon.loading.variant_files`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from beacon.loading import inflating
from beacon.loading.calls import Table

MAX_RECORD_BYTES = 1 << 30
MAGIC = b"BCF\x02"
_RECORD = struct.Struct("<IIiiifII")  # two lengths; CHROM, POS, rlen, QUAL, counts, counts
_LENGTHS = struct.Struct("<II")
_SITE_BYTES = _RECORD.size - _LENGTHS.size
_KINDS: Final[Mapping[int, Any]] = {
    1: np.dtype("<i1"),
    2: np.dtype("<i2"),
    3: np.dtype("<i4"),
}
_BYTES = {0: 0, 1: 1, 2: 2, 3: 4, 5: 4, 7: 1}
_MANY = 15  # the count of a typed value that is too large for its byte

Stored = tuple[int, Table | None]  # where a record starts, its samples by ploidy
Read = Callable[[int], bytes]


def is_bcf(path: Path) -> bool:
    """Whether a file, whose compressed blocks are whole, is a compressed BCF2."""
    with path.open("rb") as plain:
        if plain.read(2) != b"\x1f\x8b":
            return False
    with inflating.opened(path) as blocks:
        return blocks.read(len(MAGIC)) == MAGIC


def genotypes(path: Path, *, key: int, samples: int) -> Iterator[Stored]:
    """Those of each record, None where it has none; `key` is the number of GT in the header's
    dictionary. Raises `ValueError` for what is not a record."""
    with inflating.opened(path) as file:
        read = file.read
        _exactly(read, len(MAGIC))
        _pass_header(read)
        while head := read(_RECORD.size):
            yield _record(head, read, key=key, samples=samples)


def counted(file: BinaryIO) -> int:
    """How many records follow the first bytes of a BCF2, read to its end. Raises `ValueError` for
    what is none."""
    read, records = file.read, 0
    _pass_header(read)
    while head := read(_RECORD.size):
        _exactly(read, _rest(head))
        records += 1
    return records


def _pass_header(read: Read) -> None:
    _exactly(read, 1)  # the minor version
    (header,) = struct.unpack("<I", _exactly(read, 4))
    while header:
        header -= len(_exactly(read, min(header, 1 << 20)))


def _rest(head: bytes) -> int:
    """How many bytes of a record follow its head."""
    if len(head) < _RECORD.size:
        raise ValueError("a record is cut off")
    shared, individual = _LENGTHS.unpack_from(head)
    if shared < _SITE_BYTES or shared + individual > MAX_RECORD_BYTES:
        raise ValueError("a record of this length is not read")
    return int(shared - _SITE_BYTES + individual)


def _record(head: bytes, read: Read, *, key: int, samples: int) -> Stored:
    data = _exactly(read, _rest(head))
    shared, _, _, start0, _, _, _, counts = _RECORD.unpack(head)
    fields, people = counts >> 24, counts & 0xFFFFFF
    if people != samples and fields:
        raise ValueError("a record has other samples than its header")
    try:
        return start0, _table(data, shared - _SITE_BYTES, fields, key=key, samples=samples)
    except IndexError as short:
        raise ValueError("a record is shorter than its fields") from short


def _table(data: bytes, at: int, fields: int, *, key: int, samples: int) -> Table | None:
    for _ in range(fields):
        field, at = _integer(data, at)
        kind, count, at = _described(data, at)
        if field == key:
            if kind not in _KINDS or not count:
                raise ValueError("genotypes are integers")
            if at + samples * count * _BYTES[kind] > len(data):
                raise ValueError("a record is shorter than its genotypes")
            table: Table = np.frombuffer(data, _KINDS[kind], samples * count, offset=at)
            return table.reshape(samples, count)
        at += samples * count * _BYTES[kind]
    return None


def _described(data: bytes, at: int) -> tuple[int, int, int]:
    """(type, how many, where what it describes begins)."""
    count, kind = divmod(data[at], 16)
    if count == _MANY:
        count, at = _integer(data, at + 1)
        return kind, max(count, 0), at
    return kind, count, at + 1


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """(a typed integer, where what follows begins)."""
    count, kind = divmod(data[at], 16)
    if count != 1 or kind not in _KINDS:
        raise ValueError("an integer is expected")
    end = at + 1 + _KINDS[kind].itemsize
    return int.from_bytes(data[at + 1 : end], "little", signed=True), end


def _exactly(read: Read, count: int) -> bytes:
    data = read(count)
    if len(data) < count:
        raise ValueError("a record is cut off")
    return data
