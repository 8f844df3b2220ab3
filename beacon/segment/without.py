"""A dataset version as it answers once people withdrew: without them, though the file holds them.

Implements `beacon.catalog.Segment` over another one, from the moment the withdrawal is seen until
the next load builds a version that never held them. Counts over all samples cannot be taken apart
here, so a variant's own frequencies are left out meanwhile, never stated with somebody in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pyroaring import BitMap

from beacon.catalog import (
    ById,
    Compare,
    DatasetFacts,
    EntryType,
    FilteringTerm,
    HasTerm,
    Predicate,
    Segment,
    VariantPage,
    VariantQuestion,
    VariantRow,
)
from beacon.segment.over import OverSegment
from beacon.zygosity import ANY, Zygosities

_OWNED: tuple[EntryType, ...] = ("individual", "biosample", "run", "analysis", "genomicVariant")


def without(segment: Segment, people: Iterable[str]) -> Segment:
    """The segment itself where none of them is in it."""
    numbers = {name: segment.person_number(name) for name in people}
    here = {name: number for name, number in numbers.items() if number is not None}
    return WithoutPeople(segment, here) if here else segment


class WithoutPeople(OverSegment):
    """`people` are the withdrawn, by id, with their numbers."""

    def __init__(self, segment: Segment, people: Mapping[str, int]) -> None:
        super().__init__(segment)
        self._ids = frozenset(people)
        self._gone: dict[str, BitMap] = {entity: BitMap() for entity in _OWNED}
        for person in people:
            for entity in _OWNED:
                theirs = segment.belonging(entity, to="individual", entry_id=person)
                self._gone[entity] |= theirs if theirs is not None else BitMap()
        self._gone["individual"] |= BitMap(people.values())
        self._samples = self._ids | {
            str(record["id"])
            for record in segment.entries(
                "biosample",
                samples=self._gone["genomicVariant"],
                skip=0,
                limit=len(self._gone["biosample"]),
            )[1]
        }

    @property
    def facts(self) -> DatasetFacts:
        facts = self._base.facts
        return replace(facts, people=facts.people - len(self._ids), populations=())

    # Variants

    def variants(
        self,
        question: VariantQuestion | None,
        *,
        samples: BitMap | None,
        skip: int,
        limit: int,
        zygosity: Zygosities = ANY,
    ) -> VariantPage:
        if self._base.facts.genotypes:
            every = self._base.matching("genomicVariant", ()) if samples is None else samples
            samples = every - self._gone["genomicVariant"]
        page = self._base.variants(
            question, samples=samples, skip=skip, limit=limit, zygosity=zygosity
        )
        if not self._base.facts.genotypes:
            return page
        return VariantPage(page.total, tuple(self._told(row) for row in page.rows))

    def _told(self, row: VariantRow) -> VariantRow:
        return replace(
            row,
            allele_count=0,
            allele_number=0,
            carriers=len(self.owners(self.carriers(ById(row.variant_id)))),
            homozygotes=None,
            hemizygotes=None,
            populations=(),
        )

    def carriers(self, question: VariantQuestion, *, zygosity: Zygosities = ANY) -> BitMap:
        return self._base.carriers(question, zygosity=zygosity) - self._gone["genomicVariant"]

    def calls(self, row: int, *, limit: int) -> Sequence[tuple[str, str]]:
        found = self._base.calls(row, limit=limit + len(self._samples))
        return [call for call in found if call[0] not in self._samples][:limit]

    # People and records

    def people(self, predicates: Sequence[Predicate]) -> BitMap:
        return self._base.people(predicates) - self._gone["individual"]

    def matching(self, entry_type: EntryType, predicates: Sequence[Predicate]) -> BitMap:
        found = self._base.matching(entry_type, predicates)
        if entry_type in self._gone:
            return found - self._gone[entry_type]
        return found if not predicates else self._still(entry_type, found, predicates)

    def _still(
        self, entry_type: EntryType, found: BitMap, predicates: Sequence[Predicate]
    ) -> BitMap:
        """Without collections that only the withdrawn make match."""
        people = self._base.people(predicates)
        if entry_type == "dataset":
            return BitMap() if people and people <= self._gone["individual"] else found
        return BitMap(one for one in found if not self._made_by_the_gone(one, people))

    def _made_by_the_gone(self, cohort: int, people: BitMap) -> bool:
        """Whether its members among these people are none but the withdrawn."""
        one = BitMap([cohort])
        _, records = self._base.entries("cohort", samples=None, records=one, skip=0, limit=1)
        for record in records:
            name = str(record["id"])
            members = self._base.belonging("individual", to="cohort", entry_id=name)
            matching = people & (members or BitMap())
            if matching and matching <= self._gone["individual"]:
                return True
        return False

    def belonging(self, entry_type: EntryType, *, to: EntryType, entry_id: str) -> BitMap | None:
        found = self._base.belonging(entry_type, to=to, entry_id=entry_id)
        if found is None or self._is_gone(to, entry_id):
            return None
        return found - self._gone[entry_type] if entry_type in self._gone else found

    def entries(
        self,
        entry_type: EntryType,
        *,
        samples: BitMap | None,
        skip: int,
        limit: int,
        records: BitMap | None = None,
    ) -> tuple[int, Sequence[Mapping[str, object]]]:
        if entry_type in self._gone:
            records = self.matching(entry_type, ()) if records is None else records
            records = records - self._gone[entry_type]
        if samples is not None:
            samples = samples - self._gone["genomicVariant"]
        return self._base.entries(
            entry_type, samples=samples, records=records, skip=skip, limit=limit
        )

    def entry(self, entry_type: EntryType, entry_id: str) -> Mapping[str, object] | None:
        if self._is_gone(entry_type, entry_id):
            return None
        return self._base.entry(entry_type, entry_id)

    def person_number(self, individual_id: str) -> int | None:
        return None if individual_id in self._ids else self._base.person_number(individual_id)

    def person_ids(self, numbers: BitMap) -> Sequence[str]:
        return self._base.person_ids(numbers - self._gone["individual"])

    def _is_gone(self, entry_type: EntryType, entry_id: str) -> bool:
        if entry_type == "individual":
            return entry_id in self._ids
        if entry_type not in _OWNED:
            return False
        owners = self._base.belonging("individual", to=entry_type, entry_id=entry_id)
        return owners is not None and bool(owners) and owners <= self._gone["individual"]

    # Terms

    def terms(self) -> Sequence[FilteringTerm]:
        """Without what only the withdrawn had."""
        return [told for term in self._base.terms() if (told := self._term(term)) is not None]

    def _term(self, term: FilteringTerm) -> FilteringTerm | None:
        if term.scope not in self._gone:
            return term
        if term.kind == "ontologyTerm":
            left = len(self.matching(term.scope, [HasTerm(term.id, scope=term.scope)]))
            return replace(term, people=left) if left else None
        values = tuple(
            value
            for value in term.values
            if self.matching(term.scope, [Compare(term.id, "=", value, term.scope)])
        )
        return replace(term, values=values) if values or not term.values else None
