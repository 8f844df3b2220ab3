"""Pieces of a BAM whose records are made smaller while they are read: see `columns`.

A piece knows where its records lie and how large it becomes, not its bytes: those are made again
whenever they are read, and are the same each time. Pure.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.errors import InvalidInput
from schemas.htsget import ColumnsAsked
from streams.errors import SourceRefused
from streams.slices.bgzf import FULL_BLOCK, Block, packed, read_block
from streams.slices.columns import Trimmer
from streams.slices.text import MAX_RECORD, Text
from streams.storage import Source

MAX_TRIMMED_BYTES = 32 * 1024 * 1024  # of one request, as they lie: some seconds of work
READ_BYTES = 1024 * 1024  # a piece is made of so much, unpacked
MADE_BYTES = 4 * FULL_BLOCK  # or becomes so much

_LENGTH = struct.Struct("<I")

Row = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The records of rows of the file, by virtual offsets; packed, they are `size` bytes."""

    rows: tuple[Row, ...]
    columns: ColumnsAsked
    size: int


def trimmed(source: Source, rows: Iterable[Row], columns: ColumnsAsked) -> Iterator[Trimmed]:
    """The records of all rows, in pieces. Raises InvalidInput where that is more work than a
    request may ask for, and SourceRefused."""
    rows = list(rows)
    if sum((end >> 16) - (begin >> 16) for begin, end in rows) > MAX_TRIMMED_BYTES:
        raise InvalidInput(
            "Fields and tags are left out of at most "
            f"{MAX_TRIMMED_BYTES // 2**20} MiB of a file at once: ask for smaller regions."
        )
    trimmer, block_at, piece = Trimmer(columns), _LastKept(source), _Piece()
    for begin, end in rows:
        text = Text(block_at, begin, end)
        for raw in text.records(_whole):
            if piece.is_full:
                piece.rows.append((begin, text.place()))
                yield piece.ended(columns)
                piece, begin = _Piece(), text.place()
            piece.add(len(raw.content), trimmer.trim(raw.content))
        piece.rows.append((begin, end))
    if piece.parts:
        yield piece.ended(columns)


def render(source: Source, piece: Trimmed) -> bytes:
    """Raises SourceRefused."""
    trimmer, block_at = Trimmer(piece.columns), _LastKept(source)
    texts = (Text(block_at, begin, end) for begin, end in piece.rows)
    made = [trimmer.trim(raw.content) for text in texts for raw in text.records(_whole)]
    return packed(b"".join(made))


@dataclass(slots=True)
class _Piece:
    rows: list[Row] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    read: int = 0
    made: int = 0

    def add(self, read: int, made: bytes) -> None:
        self.parts.append(made)
        self.read += read
        self.made += len(made)

    @property
    def is_full(self) -> bool:
        return self.read >= READ_BYTES or self.made >= MADE_BYTES

    def ended(self, columns: ColumnsAsked) -> Trimmed:
        return Trimmed(tuple(self.rows), columns, len(packed(b"".join(self.parts))))


class _Raw(NamedTuple):
    content: bytes
    next: int


@dataclass(slots=True)
class _LastKept:
    """Reads blocks; rows that lie close begin in the block that the one before ended in."""

    source: Source
    last: Block | None = None

    def __call__(self, start0: int) -> Block:
        if self.last is None or self.last.start0 != start0:
            self.last = read_block(self.source, start0)
        return self.last


def _whole(text: bytes, at: int) -> _Raw | None:
    if len(text) < at + 36:
        return None
    (size,) = _LENGTH.unpack_from(text, at)
    if not 32 < size <= MAX_RECORD:
        raise SourceRefused("A record of the BAM is damaged.")
    end = at + 4 + size
    return _Raw(text[at:end], end) if end <= len(text) else None
