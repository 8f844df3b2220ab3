"""Who carries which variants of a segment, asked either way round.

Carriers of a variant are kept by row, and the rows of a person by chunk of rows; a question takes
the shorter way. People are numbers, calls name samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from beacon import copy_number
from beacon.copy_number import Levels
from beacon.errors import UnsupportedQuestion
from beacon.loading import genotypes
from beacon.segment import sparse
from beacon.segment.blocks import CHUNK
from beacon.segment.remembered import Remembered
from beacon.segment.variant_rows import Ask, VariantRows
from beacon.zygosity import ANY, Zygosities

MAX_CACHED_NAMES = 50_000
MAX_LOOKED_AT = 20_000  # variants whose genotypes are read for one answer
_ROWS_PER_PERSON = 3  # reading a person's chunk costs about what three rows' carriers do


class Manner(NamedTuple):
    """How somebody carries a variant: in one of these zygosities, gained or lost to one of these
    levels; in any where none is named."""

    zygosity: Zygosities = ANY
    levels: Levels = copy_number.ANY

    @property
    def narrows(self) -> bool:
        return bool(self.zygosity or self.levels)


class Carriers:
    """`ask` runs one statement; `people` is how many there are, `rows` the variants."""

    def __init__(self, ask: Ask, rows: VariantRows, *, people: int) -> None:
        self._ask, self._count = ask, people
        self._variants, self._rows = rows, rows.count
        self._remembered = Remembered()
        self._sample = lru_cache(MAX_CACHED_NAMES)(partial(_sample, ask))

    @cached_property
    def _persons(self) -> NDArray[np.uint32]:
        """The person of each sample."""
        rows = self._ask("SELECT person FROM samples ORDER BY number")
        return np.array([person for (person,) in rows], dtype=np.uint32)

    @cached_property
    def _one_each(self) -> bool:
        """Whether every person has one sample, in the order of people."""
        return np.array_equal(self._persons, np.arange(self._count))

    def of(self, rows: BitMap) -> BitMap:
        """People carrying at least one of these variants."""
        if len(rows) > self._count * _ROWS_PER_PERSON:
            return BitMap(person for person in range(self._count) if self._has_any(person, rows))
        if len(rows) == 1 and self._one_each:
            return sparse.held(self._variants.samples_of(rows.min()))
        blobs = [blob for _, blob in self._variants.samples(rows)]
        samples = np.flatnonzero(sparse.union(blobs, len(self._persons)))
        return sparse.bitmap(self._persons[samples])

    def of_none(self, beside: int) -> BitMap:
        """Nobody, in the time of one variant's carriers: a «no» to one who may not learn who
        carries must not tell by its time that there is a variant. `beside` is a row near where it
        was looked for, so that what was read for that serves here as there."""
        if self._rows:
            self.of(BitMap([beside % self._rows]))
        return BitMap()

    def rows(self, people: BitMap, *, among: BitMap | None) -> BitMap:
        """Variants (of those in `among`) that at least one of these people carries."""
        if among is not None and not among:
            return among
        if among is not None and len(among) <= len(people) * _ROWS_PER_PERSON:
            wanted = np.zeros(self._count, dtype=bool)
            wanted[np.frombuffer(people.to_array(), np.uint32)] = True
            found = list(self._variants.samples(among))
            blobs = [blob for _, blob in found]
            return BitMap(found[at][0] for at in sparse.marked(blobs, wanted[self._persons]))
        if among is not None and among.max() // CHUNK == among.min() // CHUNK:
            return self._in_chunk(people, among.min() // CHUNK) & among
        every = self._every_row(people)
        return every if among is None else every & among

    def _every_row(self, people: BitMap) -> BitMap:
        """All rows of these people; asked again for each page, so the last few are remembered."""

        def find() -> BitMap:
            chunks = range(self._rows // CHUNK + 1)
            return BitMap.union(BitMap(), *(self._in_chunk(people, each) for each in chunks))

        return self._remembered.of(people.serialize(), find)

    def _in_chunk(self, people: BitMap, chunk: int) -> BitMap:
        marks = np.zeros(CHUNK, dtype=bool)
        for person in people:
            marks[self._rows_of(person, chunk)] = True
        return sparse.bitmap(np.flatnonzero(marks) + chunk * CHUNK)

    def _has_any(self, person: int, rows: BitMap) -> bool:
        for chunk in range(rows.min() // CHUNK, rows.max() // CHUNK + 1):
            low = self._rows_of(person, chunk)
            if len(low) and rows.intersect(sparse.bitmap(low.astype(np.int64) + chunk * CHUNK)):
                return True
        return False

    def _rows_of(self, person: int, chunk: int) -> NDArray[np.uint32]:
        found = self._ask("SELECT rows FROM carried WHERE place = ?", chunk << 32 | person)
        return sparse.decode(found[0][0]) if found else sparse.decode(b"")

    def carrying_so(self, rows: BitMap, manner: Manner) -> BitMap:
        """People carrying at least one of these variants so."""
        marks = np.zeros(self._count, dtype=bool)
        for _, people in self._so_carried(self._told(rows, manner.levels), manner):
            marks[people] = True
        return sparse.bitmap(np.flatnonzero(marks))

    def rows_so_carried(
        self, manner: Manner, *, among: BitMap | None, people: BitMap | None
    ) -> BitMap:
        """Variants that somebody (of `people`) carries so."""
        rows = self._told(BitMap(range(self._rows)) if among is None else among, manner.levels)
        if people is None and not manner.zygosity:
            return rows
        wanted = np.ones(self._count, dtype=bool)
        if people is not None:
            wanted[:] = False
            wanted[np.frombuffer(people.to_array(), np.uint32)] = True
        return BitMap(row for row, found in self._so_carried(rows, manner) if wanted[found].any())

    def _told(self, rows: BitMap, levels: Levels) -> BitMap:
        """Those that somebody carries at one of these levels, where any is named."""
        if not levels:
            return rows
        sql = "SELECT rows FROM marks WHERE kind = 'levels' AND name = ?"
        found = (blob for level in sorted(levels) for (blob,) in self._ask(sql, level.value))
        return rows & BitMap.union(BitMap(), *map(BitMap.deserialize, found))

    def _so_carried(self, rows: BitMap, manner: Manner) -> Iterator[tuple[int, NDArray[np.uint32]]]:
        """(row, people carrying it so); a row that nobody carries may be left out."""
        if len(rows) > MAX_LOOKED_AT:
            raise UnsupportedQuestion(
                f"In how many copies is asked of at most {MAX_LOOKED_AT:,} variants at once; name "
                "a gene or a shorter range."
            )
        fits = genotypes.so_carried(manner.zygosity)
        far_enough = copy_number.fitting(manner.levels)
        for row, blob in self._variants.samples(rows):
            samples = sparse.decode(blob)
            so = np.ones(len(samples), dtype=bool)
            if manner.zygosity:
                so &= fits[self._codes(row, len(samples))]
            if manner.levels:
                ((levels,),) = self._ask("SELECT codes FROM levels WHERE row = ?", row)
                so &= far_enough[sparse.decode_codes(levels, len(samples))]
            yield row, self._persons[samples[so]]

    def _codes(self, row: int, count: int) -> NDArray[np.uint16]:
        ((written,),) = self._ask("SELECT genotypes FROM calls WHERE row = ?", row)
        return sparse.decode_codes(written, count)

    def calls(self, row: int, *, limit: int) -> Sequence[tuple[str, str]]:
        """(sample id, genotype) in sample order."""
        samples = sparse.decode(self._variants.samples_of(row))
        if not len(samples):
            return ()
        codes = self._codes(row, len(samples))[:limit].tolist()
        return [
            (self._sample(number), genotypes.text(code))
            for number, code in zip(samples[:limit].tolist(), codes, strict=True)
        ]


def _sample(ask: Ask, number: int) -> str:
    ((name,),) = ask("SELECT id FROM samples WHERE number = ?", number)
    return str(name)
