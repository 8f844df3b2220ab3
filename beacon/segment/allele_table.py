"""Which rows of a segment are one allele, asked by bases, by an edit, or by a computed id.

Beacon v2.2: an exact allele matches anchored or trimmed, and where the dataset was compared with a
reference, in every shifted spelling. `N` in a question is any one base. Ranges and names are
`beacon.segment.variant_table`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from pyroaring import BitMap

from beacon.catalog import Allele, Edited, Replacement
from beacon.segment import blocks
from beacon.segment.blocks import OTHER
from beacon.segment.variant_rows import Ask, VariantRows, variant_id
from beacon.variation import alleles, any_base, justify, naming
from beacon.variation.any_base import Reading
from beacon.variation.justify import Justified
from beacon.variation.reaches import Reaches

_MAX_DIGITS = 10
Fits = Callable[[Allele, int], bool]


class AlleleTable:
    """`ask` runs one statement."""

    def __init__(self, ask: Ask, rows: VariantRows) -> None:
        self._ask, self._rows = ask, rows
        self._reaches = Reaches(ask)
        self._has_cores = bool(ask("SELECT 1 FROM cores LIMIT 1"))

    def by_id(self, name: str) -> BitMap:
        """The row of this id; where its bases are anchored otherwise, the rows of that allele."""
        chrom, _, rest = name.partition("-")
        position, _, bases = rest.partition("-")
        if chrom not in alleles.RANKS or not position.isdecimal() or len(position) > _MAX_DIGITS:
            return BitMap()
        start0 = int(position) - 1
        found = self._at(
            chrom, start0, start0 + 1, lambda allele, end0: variant_id(allele, end0) == name
        )
        ref, _, alt = bases.partition("-")
        spelled = ref and alt and not (ref + alt).strip("ACGT") and ref != alt
        return self.allele(Allele(chrom, start0, ref, alt)) if spelled and not found else found

    def allele(self, asked: Allele) -> BitMap:
        if asked.chrom not in alleles.RANKS:
            return BitMap()
        if isinstance(asked, Replacement):
            fits = partial(justify.replaces, asked)
            return self._moved(asked.chrom, asked.start0, fits)
        code = blocks.code_of(asked.ref, asked.alt)
        if code != OTHER and asked.ref != "N" != asked.alt:
            return self._replaced(asked, code)
        ref, alt = asked.ref.upper(), asked.alt.upper()
        if ref and alt and "N" in ref + alt:
            return self._patterned(replace(asked, ref=ref, alt=alt))
        core = alleles.trimmed(asked)
        if core.ref and core.alt:
            return self._replaced(core, blocks.code_of(core.ref, core.alt))
        found = self._moved(core.chrom, core.start0, lambda change: justify.same(core, change))
        return self._agreeing(Allele(asked.chrom, asked.start0, ref, alt), found)

    def edited(self, asked: Edited) -> BitMap:
        """Spelled out in bases, or symbolic with these ends."""
        start0, end0 = asked.start0, asked.end0
        if asked.chrom not in alleles.RANKS:
            return BitMap()

        def symbolic(stored: Allele, stored_end0: int) -> bool:
            ends = (stored.start0 + 1, stored_end0) == (start0, end0)
            return ends and stored.alt[:1] == "<" and alleles.variant_type(stored) == asked.change

        found = self._at(asked.chrom, start0 - 1, start0, symbolic)
        if asked.change == "INV":
            return found | self._inverted(asked.chrom, start0, end0)
        fits = justify.deletes if asked.change == "DEL" else justify.duplicates
        return found | self._moved(asked.chrom, start0, lambda change: fits(change, start0, end0))

    def _inverted(self, chrom: str, start0: int, end0: int) -> BitMap:
        def fits(stored: Allele, _: int) -> bool:
            return justify.inverts(stored, start0, end0)

        found = self._at(chrom, start0 - 1, start0 + 1, fits)
        anchored = self._cores(chrom, start0, None)
        found.update(row for row in anchored if fits(self._stored(row), end0))
        return found

    def with_vrs_id(self, name: str, *, assembly: str) -> BitMap:
        found = BitMap()
        for row in self._reaches.with_vrs_id(name):
            names = naming.names(self._stored(row), self._reaches.of(row), assembly=assembly)
            if names is not None and names.vrs == name:
                found.add(row)
        return found

    def _patterned(self, asked: Allele) -> BitMap:
        by_start: dict[int, list[Reading]] = {}
        for reading in any_base.readings(asked):
            by_start.setdefault(reading.core.start0, []).append(reading)
        found = BitMap()
        for start0, readings in by_start.items():
            fits = partial(justify.is_one_of, readings, compared=self._rows.compared)
            found |= self._moved(asked.chrom, start0, fits)
        return self._agreeing(asked, found)

    def _agreeing(self, stated: Allele, found: BitMap) -> BitMap:
        """Those of `found` beside which the reference has what the question states, if known."""
        if not self._rows.compared:
            return found
        return BitMap(row for row in found if justify.agrees(stated, self._change(row)))

    def _replaced(self, core: Allele, code: int) -> BitMap:
        # Anchored by one base or not at all; whatever is anchored further is in `cores`.
        start0, found = core.start0, BitMap()
        rank = alleles.RANKS[core.chrom]
        for block, places in self._rows.beginning(rank, start0 - 1, start0 + 1):
            for place in places:
                stored = block.at("code", place)
                if stored == OTHER:
                    fits = alleles.trimmed(self._rows.stored(block, place)[0]) == core
                else:
                    fits = stored == code and block.start0(place) == start0
                if fits:
                    found.add(block.first + place)
        if self._has_cores:
            found.update(self._cores(core.chrom, start0, core))
        return found

    def _moved(self, chrom: str, start0: int, fits: Callable[[Justified], bool]) -> BitMap:
        """Insertions and deletions that can be written at this place."""

        def stays(stored: Allele, _: int) -> bool:
            spelled = not stored.alt.strip("ACGTN")
            return spelled and fits(Justified(alleles.trimmed(stored)))

        found = self._at(chrom, start0 - 1, start0 + 1, stays)
        elsewhere = dict.fromkeys(self._cores(chrom, start0, None), (0, 0))
        near = self._reaches.near(chrom, start0)
        elsewhere |= {row: (left, right) for row, left, right in near}
        for row, (left, right) in elsewhere.items():
            if row not in found and fits(
                Justified(alleles.trimmed(self._stored(row)), left, right)
            ):
                found.add(row)
        return found

    def _cores(self, chrom: str, start0: int, core: Allele | None) -> Iterator[int]:
        if not self._has_cores:
            return
        values: tuple[object, ...] = (alleles.RANKS[chrom], start0)
        sql = "SELECT row FROM cores WHERE chrom = ? AND start0 = ?"
        if core is not None:
            sql, values = f"{sql} AND ref = ? AND alt = ?", (*values, core.ref, core.alt)
        yield from (row for (row,) in self._ask(sql, *values))

    def _change(self, row: int) -> Justified:
        left, right = self._reaches.of(row)
        return Justified(alleles.trimmed(self._stored(row)), left, right)

    def _stored(self, row: int) -> Allele:
        ((block, place, _),) = self._rows.pieces(row, row + 1)
        return self._rows.stored(block, place)[0]

    def _at(self, chrom: str, start0: int, end0: int, fits: Fits) -> BitMap:
        """Rows that begin in [start0, end0) and fit."""
        rank = alleles.RANKS[chrom]
        return BitMap(
            block.first + place
            for block, places in self._rows.beginning(rank, start0, end0)
            for place in places
            if fits(*self._rows.stored(block, place))
        )
