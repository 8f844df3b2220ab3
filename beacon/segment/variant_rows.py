"""Rows of a segment by number and position: which block they are in, what it and its sides say.

Row numbers are dense in the order of the key, so all rows that begin in a range are one range of
numbers and counting them reads two blocks. Questions are `beacon.segment.variant_table`'s.
"""

from __future__ import annotations

import hashlib
import json
import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beacon.catalog import Allele, Annotations, PopulationCount, VariantRow
from beacon.segment import blocks
from beacon.segment.blocks import UNKNOWN, Block
from beacon.segment.tail import Tail
from beacon.variation import alleles
from beacon.variation.reaches import Reaches

MAX_CACHED_BLOCKS = 256
_MAX_SPELLED = 40
_END = 2**31  # no position is beyond it
_LISTS = (
    "genes", "effects", "aminoacid_changes", "transcript_hgvs", "protein_hgvs", "changed_genes",
)  # fmt: skip
_EACH = ("start0", "ac", "an", "homozygotes", "hemizygotes", "carriers", "af", "rs")
_BESIDE = (("span", 1), ("type", 0))  # and what a single-base substitution has
_NOTHING = Annotations()
_FEW = 8  # rows whose notes are read one by one

Ask = Callable[..., list[Any]]


def variant_id(allele: Allele, end0: int) -> str:
    """`1-10177-A-AC`: chromosome, one-based position, bases; long bases by their digest."""
    bases = f"{allele.ref}-{allele.alt}"
    if allele.alt.startswith("<") or len(bases) > _MAX_SPELLED:
        digest = hashlib.sha256(f"{bases}-{end0}".encode()).hexdigest()[:24]
        bases = f"{end0}-{digest}"
    return f"{allele.chrom}-{allele.start0 + 1}-{bases}"


class VariantRows:
    """`ask` runs one statement; blocks are in `tail`; `count` is the number of rows, which are
    dense from 0; `justified` says whether they were compared with a reference."""

    def __init__(self, ask: Ask, tail: Tail, *, count: int, justified: bool) -> None:
        self._ask, self._tail = ask, tail
        self.count = count
        self.compared = justified
        self._reaches = Reaches(ask) if justified else None
        # Plain arrays, which `bisect` searches without making an object of numpy at each step.
        self._keys = array("Q", self.array("keys", np.dtype(np.uint64)).tobytes())
        self._firsts = array("I", self.array("firsts", np.dtype(np.uint32)).tobytes())
        self._begins = array("Q", self.array("begins", np.dtype(np.uint64)).tobytes())
        # Blocks never change, so requests may share the decoded ones.
        read = partial(_read, tail, self._keys, self._firsts, self._begins)
        self.block = lru_cache(MAX_CACHED_BLOCKS)(read)

    def array(self, name: str, kind: np.dtype[Any]) -> NDArray[Any]:
        ((data,),) = self._ask("SELECT data FROM arrays WHERE name = ?", name)
        return np.frombuffer(data, kind)

    def from_position(self, rank: int, start0: int) -> int:
        """Number of the first row at or after this position."""
        key = rank << 32 | min(max(start0, 0), _END)
        number = bisect_left(self._keys, key) - 1
        if number < 0:
            return 0
        block = self.block(number)
        if block.rank != rank:
            return block.first + block.count
        return block.first + block.place(start0)

    def between(self, rank: int, start0: int, end0: int) -> tuple[int, int]:
        """The rows that begin in [start0, end0), as a range of numbers."""
        first = self.from_position(rank, start0)
        return first, max(first, self.from_position(rank, end0)) if end0 > start0 else first

    def pieces(self, first: int, last: int) -> Iterator[tuple[Block, int, int]]:
        """(block, first place, last place) of a range of rows."""
        while first < last:
            block = self._of_row(first)
            end = min(last, block.first + block.count)
            yield block, first - block.first, end - block.first
            first = end

    def beginning(self, rank: int, start0: int, end0: int) -> Iterator[tuple[Block, range]]:
        """(block, places) of the rows that begin in [start0, end0), where these are few."""
        keys = self._keys
        low, high = rank << 32 | max(start0, 0), rank << 32 | min(end0, _END)
        number = max(bisect_left(keys, low) - 1, 0)
        while number < len(keys) and keys[number] < high:
            block = self.block(number)
            if block.rank == rank:
                yield block, block.beginning(start0, end0)
            number += 1

    def grouped(self, rows: Iterable[int]) -> Iterator[tuple[Block, list[int]]]:
        """(block, places) of ascending rows."""
        block: Block | None = None
        places: list[int] = []
        for row in rows:
            if block is None or row >= block.first + block.count:
                if block is not None:
                    yield block, places
                block, places = self._of_row(row), []
            places.append(row - block.first)
        if block is not None:
            yield block, places

    def _of_row(self, row: int) -> Block:
        return self.block(bisect_right(self._firsts, row) - 1)

    def samples_of(self, row: int) -> bytes:
        """The samples that carry it, as `beacon.segment.sparse` has them; empty for none."""
        block = self._of_row(row)
        place = row - block.first
        first = block.at("samples", place - 1) if place else 0
        return self._tail.read(block.beyond + first, block.beyond + block.at("samples", place))

    def samples(self, rows: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """(row, samples) of those of these ascending rows that anybody carries."""
        for block, places in self.grouped(rows):
            ends = [0, *block.column("samples").tolist()]
            for place in places:
                if ends[place] < ends[place + 1]:
                    begin, end = block.beyond + ends[place], block.beyond + ends[place + 1]
                    yield block.first + place, self._tail.read(begin, end)

    def stored(self, block: Block, place: int) -> tuple[Allele, int]:
        """The allele as stored and its end0."""
        start0 = block.start0(place)
        chrom = alleles.CHROMOSOMES[block.rank - 1]
        end0 = start0 + block.beside("span", place, otherwise=1)
        return Allele(chrom, start0, *block.bases(place)), end0

    def records(self, rows: Iterable[int]) -> tuple[VariantRow, ...]:
        return tuple(
            record
            for block, places in self.grouped(rows)
            for record in self._records(block, places)
        )

    def _records(self, block: Block, places: list[int]) -> Iterator[VariantRow]:
        notes = self._notes(block.first, places)
        chrom = alleles.CHROMOSOMES[block.rank - 1]
        columns = [block.column(name)[places].tolist() for name in _EACH]
        columns += [block.spread(name, otherwise=of)[places].tolist() for name, of in _BESIDE]
        for place, *values in zip(places, *columns, strict=True):
            start0, ac, an, homozygotes, hemizygotes, carriers, af, rs, span, kind = values
            row, note = block.first + place, notes.get(block.first + place)
            allele, end0 = Allele(chrom, start0, *block.bases(place)), start0 + span
            names = (f"rs{rs}",) if rs != UNKNOWN else ()
            yield VariantRow(
                row=row,
                variant_id=variant_id(allele, end0),
                allele=allele,
                end0=end0,
                variant_type=blocks.TYPES[kind],
                allele_count=ac,
                allele_number=an,
                carriers=_known(carriers),
                reference_af=None if af == UNKNOWN else _float(af),
                identifiers=(*names, *note.get("identifiers", ())) if note else names,
                homozygotes=_known(homozygotes),
                hemizygotes=_known(hemizygotes),
                annotations=_annotations(note) if note else _NOTHING,
                populations=_populations(note) if note else (),
                reach=self._reaches.of(row) if self._reaches is not None else None,
            )

    def _notes(self, first: int, places: list[int]) -> dict[int, dict[str, Any]]:
        """What is said of some rows of a block beside its columns."""
        if len(places) <= _FEW:
            sql = "SELECT row, json FROM notes WHERE row = ?"
            found = [each for place in places for each in self._ask(sql, first + place)]
        else:
            sql = "SELECT row, json FROM notes WHERE row BETWEEN ? AND ?"
            found = self._ask(sql, first + places[0], first + places[-1])
        wanted = {first + place for place in places}
        return {row: json.loads(text) for row, text in found if row in wanted}


def _read(
    tail: Tail, keys: Sequence[int], firsts: Sequence[int], begins: Sequence[int], number: int
) -> Block:
    begin, beyond = begins[2 * number], begins[2 * number + 1]
    data, rank = tail.read(begin, beyond), keys[number] >> 32
    return Block(data, rank=rank, first=firsts[number], beyond=beyond)


def _annotations(note: dict[str, Any]) -> Annotations:
    return Annotations(*(tuple(note.get(name, ())) for name in _LISTS))


def _populations(note: dict[str, Any]) -> tuple[PopulationCount, ...]:
    return tuple(PopulationCount(*each) for each in note.get("populations", ()))


def _known(value: int) -> int | None:
    return None if value == UNKNOWN else value


def _float(bits: int) -> float:
    value: float = struct.unpack("<f", struct.pack("<i", bits))[0]
    return value
