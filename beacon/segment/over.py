"""A dataset version that answers through another one, but for what a form of it answers itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyroaring import BitMap

from beacon.catalog import (
    Compare,
    DatasetFacts,
    EntryType,
    FilteringTerm,
    Predicate,
    Segment,
    VariantPage,
    VariantQuestion,
)
from beacon.zygosity import ANY, Zygosities


class OverSegment:
    """Implements `beacon.catalog.Segment` by asking `base`."""

    def __init__(self, base: Segment) -> None:
        self._base = base

    @property
    def facts(self) -> DatasetFacts:
        return self._base.facts

    @property
    def waits(self) -> bool:
        return self._base.waits

    def supports(self, question: VariantQuestion) -> bool:
        return self._base.supports(question)

    def variants(
        self,
        question: VariantQuestion | None,
        *,
        samples: BitMap | None,
        skip: int,
        limit: int,
        zygosity: Zygosities = ANY,
    ) -> VariantPage:
        return self._base.variants(
            question, samples=samples, skip=skip, limit=limit, zygosity=zygosity
        )

    def carriers(self, question: VariantQuestion, *, zygosity: Zygosities = ANY) -> BitMap:
        return self._base.carriers(question, zygosity=zygosity)

    def owners(self, samples: BitMap) -> BitMap:
        return self._base.owners(samples)

    def calls(self, row: int, *, limit: int) -> Sequence[tuple[str, str]]:
        return self._base.calls(row, limit=limit)

    def people(self, predicates: Sequence[Predicate]) -> BitMap:
        return self._base.people(predicates)

    def matching(self, entry_type: EntryType, predicates: Sequence[Predicate]) -> BitMap:
        return self._base.matching(entry_type, predicates)

    def belonging(self, entry_type: EntryType, *, to: EntryType, entry_id: str) -> BitMap | None:
        return self._base.belonging(entry_type, to=to, entry_id=entry_id)

    def knows(self, predicate: Predicate) -> bool:
        return self._base.knows(predicate)

    def objection(self, predicate: Predicate) -> str | None:
        return self._base.objection(predicate)

    def reading(self, question: Compare) -> str:
        return self._base.reading(question)

    def entries(
        self,
        entry_type: EntryType,
        *,
        samples: BitMap | None,
        skip: int,
        limit: int,
        records: BitMap | None = None,
    ) -> tuple[int, Sequence[Mapping[str, object]]]:
        return self._base.entries(
            entry_type, samples=samples, skip=skip, limit=limit, records=records
        )

    def entry(self, entry_type: EntryType, entry_id: str) -> Mapping[str, object] | None:
        return self._base.entry(entry_type, entry_id)

    def person_number(self, individual_id: str) -> int | None:
        return self._base.person_number(individual_id)

    def person_ids(self, numbers: BitMap) -> Sequence[str]:
        return self._base.person_ids(numbers)

    def ontologies(self) -> frozenset[str]:
        return self._base.ontologies()

    def stands_for(self, term: str) -> str | None:
        return self._base.stands_for(term)

    def terms(self) -> Sequence[FilteringTerm]:
        return self._base.terms()

    def term_field(self, term: str) -> str | None:
        return self._base.term_field(term)
