"""A block of neighbouring variants as columns of the fewest whole bytes.

A segment keeps its variants in blocks of at most `ROWS`, each on one chromosome and in order. A
column is a base and differences from it of 0, 1, 2, 4 or 8 bytes, so a site costs about ten bytes
and a question decodes only the columns it looks at. Single-base substitutions are one code; every
other allele has a type, a span, a length and its bases beside it. What blocks are asked is left to
`beacon.variant_table`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

FORMAT: Final = 4  # of the segment file
ROWS: Final = 512
CHUNK: Final = 1 << 16  # rows whose carriers are turned into rows of people together
LONG_SPAN: Final = 1000  # alleles this long are listed apart: a range looks back only this far
BASES: Final = "ACGTN"
OTHER: Final = 0  # the code of an allele that is no single-base substitution
TYPES: Final = ("SNP", "MNP", "INS", "DEL", "INDEL", "DUP", "INV", "CNV", "BND")
EACH: Final = (
    "start0", "code", "ac", "an", "homozygotes", "hemizygotes", "carriers", "af", "rs",
)  # fmt: skip
OTHERS: Final = ("type", "span", "length")  # of alleles whose code is OTHER
UNKNOWN: Final = -1

Integers = NDArray[np.int64]
_NAMES = (*EACH, *OTHERS)
_HEAD = struct.Struct("<HH" + "qB" * len(_NAMES))
_WIDTHS = (0, 1, 2, 4, 8)
_KINDS: dict[int, type[np.unsignedinteger]] = {
    1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64,
}  # fmt: skip
_END = "\n"


def code_of(ref: str, alt: str) -> int:
    """The code of a single-base substitution, `OTHER` for everything else."""
    if len(ref) != 1 or len(alt) != 1 or ref == alt or ref not in BASES or alt not in BASES:
        return OTHER
    return 1 + BASES.index(ref) * len(BASES) + BASES.index(alt)


def bases_of(code: int) -> tuple[str, str]:
    ref, alt = divmod(code - 1, len(BASES))
    return BASES[ref], BASES[alt]


def pack(columns: Sequence[Integers]) -> tuple[list[int], bytes]:
    """(base and width of each column, all their differences)."""
    heads: list[int] = []
    parts: list[bytes] = []
    for values in columns:
        base = int(values.min()) if len(values) else 0
        most = int(values.max()) - base if len(values) else 0
        width = next(w for w in _WIDTHS if most < 1 << (8 * w))
        heads += [base, width]
        if width:
            parts.append((values - base).astype(_KINDS[width]).tobytes())
    return heads, b"".join(parts)


def unpack(head: Sequence[int], data: bytes, *, count: int, offset: int) -> Integers:
    base, width = head
    if width == 0:
        return np.full(count, base, dtype=np.int64)
    return np.frombuffer(data, _KINDS[width], count=count, offset=offset).astype(np.int64) + base


def encode(columns: Mapping[str, Integers], texts: Sequence[str]) -> bytes:
    """`texts` are `REF<tab>ALT` of the rows whose code is `OTHER`, in order."""
    heads, data = pack([columns[name] for name in _NAMES])
    head = _HEAD.pack(len(columns["start0"]), len(texts), *heads)
    return head + data + _END.join(texts).encode()


class Block:
    """One block, decoded as far as it was asked; `first` is the number of its first row."""

    def __init__(self, data: bytes, *, rank: int, first: int) -> None:
        self.rank, self.first, self._data = rank, first, data
        head: tuple[int, ...] = _HEAD.unpack_from(data)
        self.count, self._others, heads = head[0], head[1], head[2:]
        self._heads = list(zip(heads[::2], heads[1::2], strict=True))
        sizes = (self._size(place) * width for place, (_, width) in enumerate(self._heads))
        self._offsets = list(accumulate(sizes, initial=_HEAD.size))
        self._known: dict[str, Integers] = {}

    def column(self, name: str) -> Integers:
        known = self._known.get(name)
        if known is None:
            place = _NAMES.index(name)
            known = unpack(
                self._heads[place], self._data, count=self._size(place), offset=self._offsets[place]
            )
            self._known[name] = known
        return known

    def _size(self, place: int) -> int:
        return self.count if place < len(EACH) else self._others

    def place(self, start0: int) -> int:
        """How many rows begin before `start0`."""
        return int(self.column("start0").searchsorted(start0))

    @cached_property
    def other_places(self) -> Integers:
        """Places in the block of the alleles beside it, in order."""
        return np.flatnonzero(self.column("code") == OTHER)

    @cached_property
    def _texts(self) -> list[str]:
        return self._data[self._offsets[-1] :].decode().split(_END)

    def bases(self, place: int) -> tuple[str, str]:
        code = int(self.column("code")[place])
        if code != OTHER:
            return bases_of(code)
        ref, _, alt = self._texts[int(self.other_places.searchsorted(place))].partition("\t")
        return ref, alt

    def spread(self, name: str, *, otherwise: int) -> Integers:
        """A column of `OTHERS` for every row; single-base substitutions have `otherwise`."""
        known = self._known.get(f"every {name}")
        if known is None:
            known = np.full(self.count, otherwise, dtype=np.int64)
            known[self.other_places] = self.column(name)
            self._known[f"every {name}"] = known
        return known

    def at(self, name: str, place: int) -> int:
        return int(self.column(name)[place])
