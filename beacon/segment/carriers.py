"""Who carries which variants of a segment, asked either way round.

Carriers of a variant are kept by row, as samples, and the rows of a person by chunk of rows; a
question takes the shorter way. A person's rows are those of any of his samples: where he gave
others than those asked for, each row is looked at. Samples are numbers, calls name them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
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
from beacon.segment.samples import Samples
from beacon.segment.variant_rows import Ask, VariantRows
from beacon.zygosity import ANY, Zygosities

MAX_CACHED_NAMES = 50_000
MAX_LOOKED_AT = 20_000  # variants whose genotypes are read for one answer
MAX_TOLD_APART = 500_000  # variants whose samples are: about a second for each hundred thousand
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
    """`ask` runs one statement; `samples` says whose they are, `people` how many there are, and
    `rows` which variants."""

    def __init__(self, ask: Ask, rows: VariantRows, samples: Samples, *, people: int) -> None:
        self._ask, self._count, self._samples = ask, people, samples
        self._variants, self._rows = rows, rows.count
        self._remembered = Remembered()
        self._named = lru_cache(MAX_CACHED_NAMES)(partial(_name, ask))

    def of(self, rows: BitMap) -> BitMap:
        """Samples that carry at least one of these variants."""
        if len(rows) > self._count * _ROWS_PER_PERSON:
            people = (person for person in range(self._count) if self._has_any(person, rows))
            return self._carrying(BitMap(people), rows)
        if len(rows) == 1:
            return sparse.held(self._variants.samples_of(rows.min()))
        blobs = [blob for _, blob in self._variants.samples(rows)]
        return sparse.bitmap(np.flatnonzero(sparse.union(blobs, self._samples.count)))

    def of_none(self, beside: int) -> BitMap:
        """Nobody, in the time of one variant's carriers: a «no» to one who may not learn who
        carries must not tell by its time that there is a variant. `beside` is a row near where it
        was looked for, so that what was read for that serves here as there."""
        if self._rows:
            self.of(BitMap([beside % self._rows]))
        return BitMap()

    def rows(self, samples: BitMap, *, among: BitMap | None) -> BitMap:
        """Variants (of those in `among`) that at least one of these samples carries."""
        if among is not None and not among:
            return among
        if among is not None and len(among) <= len(samples) * _ROWS_PER_PERSON:
            return self._marked(among, samples)
        if among is not None and among.max() // CHUNK == among.min() // CHUNK:
            chunk = among.min() // CHUNK
            return self._told_apart(samples, lambda people: self._in_chunk(people, chunk) & among)
        if among is not None:
            return self._told_apart(samples, lambda people: self._every_row(people) & among)
        return self._remembered.of(
            ("samples", samples.serialize()), lambda: self._told_apart(samples, self._every_row)
        )

    def _told_apart(self, samples: BitMap, rows_of: Callable[[BitMap], BitMap]) -> BitMap:
        """Of whoever gave no other sample all rows, of others those of these very samples."""
        people = self._samples.owners(samples)
        if not self._samples.shared or not (others := self._samples.of(people) - samples):
            return rows_of(people)
        with_others = self._samples.owners(others)
        sure = rows_of(people - with_others)
        doubtful = rows_of(with_others) - sure
        if len(doubtful) > MAX_TOLD_APART:
            raise UnsupportedQuestion(
                f"Which of somebody's samples carries them is asked of at most {MAX_TOLD_APART:,} "
                "variants at once; name a gene or a shorter range."
            )
        return sure | self._marked(doubtful, samples)

    def _marked(self, rows: BitMap, samples: BitMap) -> BitMap:
        """Those that one of these samples carries, each looked at."""
        found = list(self._variants.samples(rows))
        wanted = sparse.marks_of(samples, self._samples.count)
        places = sparse.marked([blob for _, blob in found], wanted)
        return BitMap(found[at][0] for at in places)

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

    def _carrying(self, people: BitMap, rows: BitMap) -> BitMap:
        """Which of their samples carry any of the rows, of which each of these people does."""
        samples = self._samples.of(people)
        if len(samples) == len(people):
            return samples
        for person in people:
            samples -= self._without(self._samples.of(BitMap([person])), person, rows)
        return samples

    def _without(self, samples: BitMap, person: int, rows: BitMap) -> BitMap:
        """Which of a person's samples carry none of the rows; mostly the first tells."""
        if len(samples) == 1:
            return BitMap()
        left = samples
        for chunk in range(rows.min() // CHUNK, rows.max() // CHUNK + 1):
            carried = rows & self._in_chunk(BitMap([person]), chunk)
            for _, blob in self._variants.samples(carried):
                left = left - sparse.held(blob)
                if not left:
                    return left
        return left

    def carrying_so(self, rows: BitMap, manner: Manner) -> BitMap:
        """Samples that carry at least one of these variants so."""
        marks = np.zeros(self._samples.count, dtype=bool)
        for _, samples in self._so_carried(self._told(rows, manner.levels), manner):
            marks[samples] = True
        return sparse.bitmap(np.flatnonzero(marks))

    def rows_so_carried(
        self, manner: Manner, *, among: BitMap | None, samples: BitMap | None
    ) -> BitMap:
        """Variants that some sample (of `samples`) carries so."""
        rows = self._told(BitMap(range(self._rows)) if among is None else among, manner.levels)
        if samples is None and not manner.zygosity:
            return rows
        if samples is None:
            wanted = np.ones(self._samples.count, dtype=bool)
        else:
            wanted = sparse.marks_of(samples, self._samples.count)
        return BitMap(row for row, found in self._so_carried(rows, manner) if wanted[found].any())

    def _told(self, rows: BitMap, levels: Levels) -> BitMap:
        """Those that somebody carries at one of these levels, where any is named."""
        if not levels:
            return rows
        sql = "SELECT rows FROM marks WHERE kind = 'levels' AND name = ?"
        found = (blob for level in sorted(levels) for (blob,) in self._ask(sql, level.value))
        return rows & BitMap.union(BitMap(), *map(BitMap.deserialize, found))

    def _so_carried(self, rows: BitMap, manner: Manner) -> Iterator[tuple[int, NDArray[np.uint32]]]:
        """(row, samples carrying it so); a row that nobody carries may be left out."""
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
            yield row, samples[so]

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
            (self._named(number), genotypes.text(code))
            for number, code in zip(samples[:limit].tolist(), codes, strict=True)
        ]


def _name(ask: Ask, number: int) -> str:
    ((name,),) = ask("SELECT id FROM samples WHERE number = ?", number)
    return str(name)
