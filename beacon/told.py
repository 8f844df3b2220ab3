"""A protected dataset as filters ask it: what it may be asked about is found by public facts alone.

A term that a dataset does not know would be «unsupported» where nobody has it and answered where
somebody has, so that the refusal told of one person. Here a term may be asked where its ontology is
known of the dataset (loaded by its operator, or of terms its list shows), whether anybody has it or
not, and a field where the list shows it; nobody has what the dataset does not hold. In how many
copies may be asked likewise, and is refused. Which terms the list shows is `beacon.listing`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import assert_never

from pyroaring import BitMap

from beacon import copy_number
from beacon.catalog import (
    AnyOf,
    ById,
    Compare,
    EntryType,
    FilteringTerm,
    HasTerm,
    Leaf,
    Not,
    Predicate,
    Segment,
    VariantPage,
    VariantQuestion,
    leaves,
)
from beacon.segment.over import OverSegment
from beacon.zygosity import ANY, Zygosities

_NOBODY = AnyOf(())


class Told(OverSegment):
    """`shown` finds what the list of terms shows to whoever asks, once a filter needs it; None
    where filters are refused to them all, so that none is said to be unknown."""

    def __init__(self, base: Segment, shown: Callable[[], Sequence[FilteringTerm]] | None) -> None:
        super().__init__(base)
        self.base, self._shown = base, shown

    @cached_property
    def listed(self) -> tuple[FilteringTerm, ...]:
        return () if self._shown is None else tuple(self._shown())

    @cached_property
    def _terms(self) -> frozenset[str]:
        return frozenset(term.id for term in self.listed if term.kind == "ontologyTerm")

    @cached_property
    def _fields(self) -> frozenset[tuple[str, str]]:
        fields = (term for term in self.listed if term.kind == "alphanumeric")
        return frozenset((term.id, term.scope) for term in fields)

    @cached_property
    def _ontologies(self) -> frozenset[str]:
        return (self.base.ontologies() | {_prefix(term) for term in self._terms}) - {""}

    def spelled(self, predicate: Predicate) -> Predicate:
        """The same by the one name that a field or a term has, as far as everybody may know it."""
        match predicate:
            case AnyOf(of):
                return AnyOf(tuple(map(self.spelled, of)))
            case Not(of):
                return Not(self.spelled(of))
            case HasTerm(term=term) if _prefix(term) in self._ontologies:
                return replace(predicate, term=self._present(term))
            case HasTerm(term=term, scope=scope) if ":" in term:
                name, _, word = term.partition(":")
                return Compare(self._field(name, scope) or name, "=", word, scope)
            case Compare(id=name, scope=scope):
                return replace(predicate, id=self._field(name, scope) or name)
            case _:
                return predicate

    def _present(self, term: str) -> str:
        """A former id of a loaded ontology asks for the term it stands for now."""
        return self.stands_for(term) or term

    def names_term(self, term: str) -> bool:
        """Whether everybody may take this for a term in its one present spelling."""
        return _prefix(term) in self._ontologies and self.stands_for(term) in (None, term)

    def supports(self, question: VariantQuestion) -> bool:
        """Whether anybody's copy number is known, or went so far, is not told by what is refused:
        levels are asked as of any dataset with genotypes."""
        if not copy_number.asked(question):
            return super().supports(question)
        return self.facts.genotypes and super().supports(copy_number.of_anybody(question))

    def variants(
        self,
        question: VariantQuestion | None,
        *,
        samples: BitMap | None,
        skip: int,
        limit: int,
        zygosity: Zygosities = ANY,
    ) -> VariantPage:
        """By its id too a variant is there where somebody carries it: in every other spelling the
        same question is of carriers."""
        if samples is None and isinstance(question, ById) and self.facts.genotypes:
            samples = super().matching("genomicVariant", ())
        return super().variants(
            question, samples=samples, skip=skip, limit=limit, zygosity=zygosity
        )

    def knows(self, predicate: Predicate) -> bool:
        return self._shown is None or all(map(self._knows, leaves(predicate)))

    def _knows(self, leaf: Leaf) -> bool:
        known = isinstance(leaf, HasTerm) and _prefix(leaf.term) in self._ontologies
        return known or self._asked(leaf) != _NOBODY

    def objection(self, predicate: Predicate) -> str | None:
        return super().objection(self._asked(predicate))

    def people(self, predicates: Sequence[Predicate]) -> BitMap:
        return super().people([self._asked(each) for each in predicates])

    def matching(self, entry_type: EntryType, predicates: Sequence[Predicate]) -> BitMap:
        return super().matching(entry_type, [self._asked(each) for each in predicates])

    def term_field(self, term: str) -> str | None:
        """Of terms the list shows: what field another is of tells that somebody has it."""
        return super().term_field(term) if term in self._terms else None

    def _asked(self, predicate: Predicate) -> Predicate:
        """What the dataset is asked for it; of nobody where it does not hold that."""
        match predicate:
            case AnyOf(of):
                return AnyOf(tuple(self._asked(each) for each in of))
            case Not(of):
                return Not(self._asked(of))
            case HasTerm(term=term) if _prefix(term) in self._ontologies:
                now = replace(predicate, term=self._present(term))
                return now if super().knows(now) else _NOBODY
            case HasTerm(term=term, scope=scope):
                name, _, word = term.partition(":")
                field = self._field(name, scope)
                asked: Predicate = replace(predicate, term=f"{field}:{word}")
            case Compare(id=name, scope=scope):
                field = self._field(name, scope)
                asked = replace(predicate, id=field or name)
            case _ as unreachable:
                assert_never(unreachable)
        return asked if field is not None and super().knows(asked) else _NOBODY

    def _field(self, name: str, scope: str | None) -> str | None:
        """The listed field of this name: the whole of it, or its last parts where only one ends
        so."""
        name = name.removesuffix(".iso8601duration")
        named = {field for field, of in self._fields if scope in (None, of)}
        plain = {field.removesuffix(".iso8601duration"): field for field in named}
        ending = [full for short, full in plain.items() if f".{short}".endswith(f".{name}")]
        return plain.get(name) or (ending[0] if len(ending) == 1 else None)


def _prefix(term: str) -> str:
    """Of a CURIE; a word of a field (`sex:female`) has none."""
    prefix, mark, _ = term.partition(":")
    return prefix if mark and not prefix.islower() else ""
