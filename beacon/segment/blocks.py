"""A block of neighbouring variants as columns of the fewest whole bytes.

A segment keeps its variants in blocks of at most `ROWS`, each on one chromosome and in order. A
column is a base and differences from it of 0, 1, 2, 4 or 8 bytes, so a site costs about ten bytes
and a question decodes only the columns it looks at. Single-base substitutions are one code; every
other allele has a type, a span, a length and its bases beside it. What blocks are asked is left to
`beacon.segment.variant_table`.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from beacon.catalog import Allele
from beacon.variation.alleles import trimmed

FORMAT: Final = 10  # of the segment file
ROWS: Final = 512
CHUNK: Final = 1 << 16  # rows whose carriers are turned into rows of people together
LONG_SPAN: Final = 1000  # alleles this long are listed apart: a range looks back only this far
BASES: Final = "ACGTN"
OTHER: Final = 0  # the code of an allele that is no single-base substitution
TYPES: Final = ("SNP", "MNP", "INS", "DEL", "INDEL", "DUP", "INV", "CNV", "BND")
EACH: Final = (
    "start0", "code", "ac", "an", "homozygotes", "hemizygotes", "carriers", "af", "rs", "samples",
)  # fmt: skip
OTHERS: Final = ("type", "span", "length")  # of alleles whose code is OTHER
UNKNOWN: Final = -1

Integers = NDArray[np.int64]
_NAMES = (*EACH, *OTHERS)
# Rows, rows beside the code, where their bases begin; then base, width and offset of each column.
_HEAD = struct.Struct("<HHI" + "qBI" * len(_NAMES))
_SIZES, _COLUMN = struct.Struct("<HHI"), struct.Struct("<qBI")  # what of it is looked at
_AT = {name: _SIZES.size + n * _COLUMN.size for n, name in enumerate(_NAMES)}
_WIDTHS = (0, 1, 2, 4, 8)
_KINDS: dict[int, type[np.unsignedinteger]] = {
    1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64,
}  # fmt: skip
_FORMS: Mapping[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
_END = "\n"
_SUBSTITUTIONS = [(ref, alt) for ref in BASES for alt in BASES]
_CODES = {pair: code for code, pair in enumerate(_SUBSTITUTIONS, 1) if pair[0] != pair[1]}


def code_of(ref: str, alt: str) -> int:
    """The code of a single-base substitution, `OTHER` for everything else."""
    return _CODES.get((ref, alt), OTHER)


def bases_of(code: int) -> tuple[str, str]:
    return _SUBSTITUTIONS[code - 1]


def _core(ref: str, alt: str) -> tuple[str, str]:
    """What both share cut off; a breakend's base is its anchor and stays."""
    if "[" in alt or "]" in alt:
        return ref, alt
    core = trimmed(Allele("", 0, ref, alt))
    return core.ref, core.alt


def encode(columns: Mapping[str, Integers], texts: Sequence[str]) -> bytes:
    """`texts` are `REF<tab>ALT` of the rows whose code is `OTHER`, in order."""
    heads: list[int] = []
    parts: list[bytes] = []
    offset = _HEAD.size
    for name in _NAMES:
        values = columns[name]
        base = int(values.min()) if len(values) else 0
        most = int(values.max()) - base if len(values) else 0
        width = next(w for w in _WIDTHS if most < 1 << (8 * w))
        heads += [base, width, offset]
        if width:
            parts.append((values - base).astype(_KINDS[width]).tobytes())
            offset += len(parts[-1])
    head = _HEAD.pack(len(columns["start0"]), len(texts), offset, *heads)
    return b"".join((head, *parts, _END.join(texts).encode()))


class Block:
    """One block, decoded as far as it was asked; `first` is the number of its first row, `beyond`
    the place behind it, where the samples of its rows lie one after the other."""

    def __init__(self, data: bytes, *, rank: int, first: int, beyond: int) -> None:
        self.rank, self.first, self.beyond, self._data = rank, first, beyond, data
        self.count: int
        self.count, self._beside, self._bases_at = _SIZES.unpack_from(data)
        self._known: dict[str, Integers] = {}
        # Beginnings as they are stored: to widen them would cost more than a search.
        self._base: int
        self._base, width, offset = _COLUMN.unpack_from(data, _AT["start0"])
        stored = data[offset : offset + self.count * width]
        self._starts = array(_FORMS[width], stored) if width else bytes(self.count)

    def column(self, name: str) -> Integers:
        known = self._known.get(name)
        if known is None:
            base, width, offset = _COLUMN.unpack_from(self._data, _AT[name])
            count = self._beside if name in OTHERS else self.count
            if width:
                raw = np.frombuffer(self._data, _KINDS[width], count=count, offset=offset)
                known = raw.astype(np.int64) + base
            else:
                known = np.full(count, base, dtype=np.int64)
            self._known[name] = known
        return known

    def at(self, name: str, place: int) -> int:
        """One value of a column, without decoding it."""
        base, width, offset = _COLUMN.unpack_from(self._data, _AT[name])
        begin = offset + place * width
        value: int = base + int.from_bytes(self._data[begin : begin + width], "little")
        return value

    def start0(self, place: int) -> int:
        return self._base + self._starts[place]

    def place(self, start0: int) -> int:
        """How many rows begin before `start0`."""
        return bisect_left(self._starts, start0 - self._base)

    def beginning(self, start0: int, end0: int) -> range:
        """Places of the rows that begin in [start0, end0), where these are few."""
        starts, wanted, count = self._starts, end0 - self._base, self.count
        first = last = bisect_left(starts, start0 - self._base)
        while last < count and starts[last] < wanted:
            last += 1
        return range(first, last)

    def ends(self, first: int, last: int) -> Integers:
        """end0 of the rows between these places."""
        ends = self.column("start0")[first:last] + 1
        low, high = self.other_places.searchsorted([first, last])
        if low < high:
            ends[self.other_places[low:high] - first] += self.column("span")[low:high] - 1
        return ends

    @cached_property
    def other_places(self) -> Integers:
        """Places in the block of the alleles beside it, in order."""
        return np.flatnonzero(self.column("code") == OTHER)

    def has_others(self, first: int, last: int) -> bool:
        """Whether one of them is between these places."""
        places = self._other_list
        return bisect_left(places, first) < bisect_left(places, last)

    @cached_property
    def _other_list(self) -> list[int]:
        found: list[int] = self.other_places.tolist()
        return found

    @cached_property
    def other_bases(self) -> list[tuple[str, str]]:
        """REF and ALT of the alleles beside it, in order."""
        texts = self._data[self._bases_at :].decode().split(_END)
        return [(ref, alt) for ref, _, alt in (text.partition("\t") for text in texts)]

    @cached_property
    def other_forms(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """REF as stored and trimmed of each of them; the same of ALT."""
        pairs = [(one, _core(*one)) for one in self.other_bases]
        refs = [(ref, core) for (ref, _), (core, _) in pairs]
        return refs, [(alt, core) for (_, alt), (_, core) in pairs]

    def bases(self, place: int) -> tuple[str, str]:
        code = self.at("code", place)
        if code != OTHER:
            return bases_of(code)
        return self.other_bases[int(self.other_places.searchsorted(place))]

    def beside(self, name: str, place: int, *, otherwise: int) -> int:
        """A column of `OTHERS` for one row; a single-base substitution has `otherwise`."""
        if self.at("code", place) != OTHER:
            return otherwise
        return self.at(name, int(self.other_places.searchsorted(place)))

    def spread(self, name: str, *, otherwise: int) -> Integers:
        """A column of `OTHERS` for every row."""
        known = self._known.get(f"every {name}")
        if known is None:
            known = np.full(self.count, otherwise, dtype=np.int64)
            known[self.other_places] = self.column(name)
            self._known[f"every {name}"] = known
        return known
