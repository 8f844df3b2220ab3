"""Joins stretches of a file into one valid file: a body that is addressed like any other.

Whole BGZF blocks pass through as they lie; a block that a stretch begins or ends in is unpacked,
cut at the record and packed again. One header, the records once and in file order, one
end-of-file block. The same plan always makes the same bytes, so any range may be read again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from schemas.errors import InvalidInput
from schemas.htsget import ColumnsAsked
from streams.slices.bgzf import HEAD_BYTES, MAX_BLOCK, block_size, packed, read_block
from streams.slices.binned import Offsets, fewest, merged
from streams.slices.chart import Chart
from streams.slices.trim import Trimmed, render, trimmed
from streams.storage import Source, read_range

MAX_STRETCHES = 256
CUT_BYTES = 8 * MAX_BLOCK  # of the cuts of one piece, unpacked


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes [start0, end0) of the file as they lie."""

    start0: int
    end0: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Bytes [from0, to0) of the content of the block at `block0`; `to0` None is its end."""

    block0: int
    from0: int
    to0: int | None


Piece = Stretch | tuple[Cut, ...] | Trimmed


@dataclass(frozen=True, slots=True)
class Woven:
    """Pieces of one file, one after the other; piece i lies at [starts[i], starts[i + 1])."""

    pieces: tuple[Piece, ...]
    starts: tuple[int, ...]

    @property
    def size(self) -> int:
        return self.starts[-1]

    def lies_at(self, start0: int, end0: int) -> int | None:
        """Where in the file the bytes [start0, end0) of the body lie as they are, if they do."""
        number = bisect_right(self.starts, start0) - 1
        piece = self.pieces[number]
        if not isinstance(piece, Stretch) or end0 > self.starts[number + 1]:
            return None
        return piece.start0 + start0 - self.starts[number]

    def read(self, source: Source, start0: int, end0: int) -> bytes:
        """Exactly the bytes [start0, end0) of the body. Raises SourceRefused, VaultBroken."""
        parts = []
        number = bisect_right(self.starts, start0) - 1
        while start0 < min(end0, self.size):
            offset = self.starts[number]
            stop = min(end0, self.starts[number + 1])
            piece = self.pieces[number]
            parts.append(_read_piece(source, piece, start0 - offset, stop - offset))
            start0, number = stop, number + 1
        return b"".join(parts)


def whole(chart: Chart) -> Woven:
    return Woven((Stretch(0, chart.size),), (0, chart.size))


def weave(
    source: Source,
    chart: Chart,
    rows: Offsets,
    *,
    exactly: bool = False,
    columns: ColumnsAsked | None = None,
) -> Woven:
    """The header, the records of `rows` and the end of the file; nothing between them comes along
    where it is to be `exactly` these. Raises SourceRefused, InvalidInput."""
    header = np.array([[0, chart.header_end]], np.uint64)
    rows = rows if exactly else fewest(rows, MAX_STRETCHES)
    end = Stretch(chart.data_end >> 16, chart.size)
    if columns is None:
        pieces = tuple(_joined([*_all_parts(source, merged([header, rows])), end]))
    elif chart.form == "BAM":
        records = [(begin, end) for begin, end in rows.tolist() if begin < end]
        smaller = trimmed(source, records, columns)
        pieces = (*_joined(_all_parts(source, header)), *smaller, end)
    else:
        raise InvalidInput(
            f"Fields and tags are left out of BAM only, not of {chart.form}: ask without them, or "
            "for the format BAM if the object has it."
        )
    starts = [0]
    for piece in pieces:
        starts.append(starts[-1] + _size(source, piece))
    return Woven(pieces, tuple(starts))


def _all_parts(source: Source, rows: Offsets) -> Iterator[Cut | Stretch]:
    for begin, end in rows.tolist():
        yield from _parts(source, begin, end)


def _parts(source: Source, begin: int, end: int) -> Iterator[Cut | Stretch]:
    """One row as a cut, whole blocks and a cut."""
    first, last = begin >> 16, end >> 16
    from0, to0 = begin & 0xFFFF, end & 0xFFFF
    if first == last:
        if from0 < to0:
            yield Cut(first, from0, to0)
        return
    if from0:
        yield Cut(first, from0, None)
        first += block_size(source(HEAD_BYTES, first))
    if first < last:
        yield Stretch(first, last)
    if to0:
        yield Cut(last, 0, to0)


def _joined(parts: Iterable[Cut | Stretch]) -> Iterator[Piece]:
    """Cuts that meet become one piece, as do stretches."""
    for is_stretch, run in groupby(parts, lambda part: isinstance(part, Stretch)):
        if not is_stretch:
            yield from _pieces(part for part in run if isinstance(part, Cut))
            continue
        stretches = [part for part in run if isinstance(part, Stretch)]
        breaks = [n for n, (a, b) in enumerate(pairwise(stretches), 1) if a.end0 != b.start0]
        for first, after in pairwise([0, *breaks, len(stretches)]):
            yield Stretch(stretches[first].start0, stretches[after - 1].end0)


def _pieces(cuts: Iterable[Cut]) -> Iterator[tuple[Cut, ...]]:
    piece: list[Cut] = []
    held = 0
    for cut in cuts:
        size = (MAX_BLOCK if cut.to0 is None else cut.to0) - cut.from0
        if piece and held + size > CUT_BYTES:
            yield tuple(piece)
            piece, held = [], 0
        piece.append(cut)
        held += size
    if piece:
        yield tuple(piece)


def _size(source: Source, piece: Piece) -> int:
    if isinstance(piece, Stretch):
        return piece.end0 - piece.start0
    return piece.size if isinstance(piece, Trimmed) else len(_render(source, piece))


def _read_piece(source: Source, piece: Piece, start0: int, end0: int) -> bytes:
    if isinstance(piece, Stretch):
        return read_range(source, piece.start0 + start0, piece.start0 + end0)
    whole = render(source, piece) if isinstance(piece, Trimmed) else _render(source, piece)
    return whole[start0:end0]


def _render(source: Source, cuts: tuple[Cut, ...]) -> bytes:
    parts = []
    for block0, run in groupby(cuts, lambda cut: cut.block0):
        content = read_block(source, block0).content
        parts += [content[cut.from0 : cut.to0] for cut in run]
    return packed(b"".join(parts))
