"""Reads, cuts and writes single BGZF blocks.

SAM specification 4.1. A block holds at most 64 KiB, so no block can be a bomb; a virtual offset is
`block << 16 | place in it`. Leaves what the bytes mean to `headers` and `records`.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from streams.errors import SourceRefused
from streams.storage import Source

MAX_BLOCK = 65536
HEAD_BYTES = 4096  # to find a block's size in
FULL_BLOCK = 0xFF00  # what writers put into a block, so that even noise fits when packed

_HEAD = struct.Struct("<4sIBBH")  # magic, time, flags, system, length of the extra field
_MAGIC = b"\x1f\x8b\x08\x04"
_HEAD_BYTES = 18
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Block:
    """One block of the file, unpacked; [start0, end0) is where it lies."""

    start0: int
    end0: int
    content: bytes


def read_block(source: Source, start0: int) -> Block:
    """The block at `start0`. Raises SourceRefused where there is none or it is damaged."""
    head = source(MAX_BLOCK, start0)
    size = block_size(head)
    if size > len(head):
        raise SourceRefused("A BGZF block is truncated.")
    content = _unpacked(head, size)
    return Block(start0, start0 + size, content)


def block_size(head: bytes) -> int:
    """The packed size that a block's first bytes state. Raises SourceRefused."""
    if len(head) < _HEAD_BYTES or head[:4] != _MAGIC:
        raise SourceRefused("There is no BGZF block where one should be.")
    (extra,) = struct.unpack_from("<H", head, 10)
    at, stop = 12, min(12 + extra, len(head))
    while at + 4 <= stop:
        (length,) = struct.unpack_from("<H", head, at + 2)
        if head[at : at + 2] == b"BC" and length == 2 and at + 6 <= stop:
            (size,) = struct.unpack_from("<H", head, at + 4)
            return int(size) + 1
        at += 4 + length
    raise SourceRefused("A gzip member of the file is no BGZF block.")


def _unpacked(head: bytes, size: int) -> bytes:
    (extra,) = struct.unpack_from("<H", head, 10)
    if size < 12 + extra + 8:
        raise SourceRefused("A BGZF block is damaged.")
    checksum, length = struct.unpack_from("<II", head, size - 8)
    if length > MAX_BLOCK:
        raise SourceRefused("A BGZF block states more than 64 KiB.")
    deflated = zlib.decompressobj(-15)
    try:
        content = deflated.decompress(head[12 + extra : size - 8], MAX_BLOCK + 1)
    except zlib.error as error:
        raise SourceRefused("A BGZF block is damaged.") from error
    if len(content) != length or not deflated.eof or zlib.crc32(content) != checksum:
        raise SourceRefused("A BGZF block is damaged.")
    return content


def packed(content: bytes) -> bytes:
    """`content` as BGZF blocks; nothing for nothing (an empty block would mean end of file)."""
    starts = range(0, len(content), FULL_BLOCK)
    return b"".join(_packed_block(content[start : start + FULL_BLOCK]) for start in starts)


def _packed_block(content: bytes) -> bytes:
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
    body = deflate.compress(content) + deflate.flush()
    head = _HEAD.pack(_MAGIC, 0, 0, 0xFF, 6) + b"BC\x02\x00"
    total = len(head) + 2 + len(body) + 8
    return (
        head
        + struct.pack("<H", total - 1)
        + body
        + struct.pack("<II", zlib.crc32(content), len(content))
    )


def virtual(block: int, within: int) -> int:
    return block << 16 | within
