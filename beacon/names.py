"""Public names of alleles for datasets that bring none: dbSNP's and ClinVar's, from tables.

Tables the operator takes in (`beacon.loading.names_load`), one catalog for all, several for each
assembly. A dataset that does not hold names of a kind is asked for the alleles that a table gives
the name; a name no table has stays unsupported there, since its allele may be anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pyroaring import BitMap

from beacon.catalog import (
    Affecting,
    Allele,
    ByIdentifier,
    Segment,
    VariantPage,
    VariantQuestion,
    VariantRow,
)
from beacon.segment.over import OverSegment
from beacon.segments import SegmentCatalog
from beacon.zygosity import ANY, Zygosities

MAX_ALLELES = 50  # of one name
_MAX_ROWS = 1_000  # of a dataset, that are one of these alleles
_REMEMBERED = 10_000


class Names:
    """The tables of one assembly."""

    def __init__(self, tables: Sequence[Segment]) -> None:
        self._tables = tables
        self.alleles = lru_cache(_REMEMBERED)(self._alleles)

    def _alleles(self, asked: ByIdentifier) -> tuple[Allele, ...]:
        """None where no table has the name."""
        found = (
            row.allele
            for table in self._tables
            if table.supports(asked)
            for row in table.variants(asked, samples=None, skip=0, limit=MAX_ALLELES).rows
        )
        return tuple(dict.fromkeys(found))[:MAX_ALLELES]


def read(folder: Path) -> Mapping[str, Names]:
    """By assembly; none where none was taken in. Raises `CatalogError`."""
    if not folder.exists():
        return {}
    tables: dict[str, list[Segment]] = {}
    for _, table in sorted(SegmentCatalog(folder).snapshot().items()):
        tables.setdefault(table.facts.assembly, []).append(table)
    return {assembly: Names(held) for assembly, held in tables.items()}


def form(names: Mapping[str, Names]) -> Callable[[Segment], Segment]:
    """How `SegmentCatalog` turns an opened version into one that knows the node's names."""

    def named(segment: Segment) -> Segment:
        known = names.get(segment.facts.assembly)
        return segment if known is None else NamedSegment(segment, known)

    return named


class NamedSegment(OverSegment):
    """Asks `base` for the alleles of a name that it cannot look up itself."""

    def __init__(self, base: Segment, names: Names) -> None:
        super().__init__(base)
        self._names = names

    def supports(self, question: VariantQuestion) -> bool:
        return super().supports(question) or bool(self._meant(question))

    def variants(
        self,
        question: VariantQuestion | None,
        *,
        samples: BitMap | None,
        skip: int,
        limit: int,
        zygosity: Zygosities = ANY,
    ) -> VariantPage:
        meant = self._meant(question)
        if not meant:
            return super().variants(
                question, samples=samples, skip=skip, limit=limit, zygosity=zygosity
            )
        rows: dict[int, VariantRow] = {}
        for allele in meant:
            found = super().variants(
                allele, samples=samples, skip=0, limit=_MAX_ROWS, zygosity=zygosity
            )
            rows |= {row.row: row for row in found.rows}
        page = sorted(rows)[skip : skip + limit]
        return VariantPage(len(rows), tuple(rows[number] for number in page))

    def carriers(self, question: VariantQuestion, *, zygosity: Zygosities = ANY) -> BitMap:
        meant = self._meant(question) or (question,)
        each = (super(NamedSegment, self).carriers(one, zygosity=zygosity) for one in meant)
        return BitMap.union(BitMap(), *each)

    def _meant(self, question: VariantQuestion | None) -> tuple[Allele | Affecting, ...]:
        """The alleles to ask for instead; none where the question can be asked as it is."""
        if isinstance(question, Affecting):
            if not super().supports(replace(question, within=None)):
                return ()
            alleles = self._alleles_of(question.within)
            return tuple(replace(question, within=allele) for allele in alleles)
        return self._alleles_of(question)

    def _alleles_of(self, question: VariantQuestion | None) -> tuple[Allele, ...]:
        if not isinstance(question, ByIdentifier) or super().supports(question):
            return ()
        return self._names.alleles(question)
