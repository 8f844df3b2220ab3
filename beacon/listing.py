"""Which filtering terms of a protected dataset are listed: that somebody has one is told by it.

A term is listed where the noisy count that everybody may ask for is large enough to be told: the
same draw, so the list tells nothing more. Words of a field are left out. Which datasets are
protected is `access.disclosure`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from access.disclosure import Disclosure, binding
from access.policies.decision import Decision, Level
from access.privacy.question import Kind, Question, key_of
from access.privacy.terms import Terms
from beacon import effects, zygosity
from beacon.canonical import named
from beacon.catalog import Compare, FilteringTerm, HasTerm, Segment
from beacon.posed import Public, people_key, version_of
from beacon.told import Told
from beacon.variant_filters import FIELD
from beacon.zygosity import Zygosity

MAX_REMEMBERED = 1_000


def _copies(segment: Segment) -> Iterator[FilteringTerm]:
    """In how many copies a variant is carried, where that is known."""
    if segment.facts.genotypes:
        people, words = segment.facts.people, tuple(Zygosity)
        for each in Zygosity:
            term = each.term
            yield FilteringTerm(
                *(term["id"], term["label"], "ontologyTerm", "genomicVariant", people)
            )
        yield FilteringTerm(zygosity.FIELD, "", "alphanumeric", "genomicVariant", people, words)


def _doing(segment: Segment) -> Iterator[FilteringTerm]:
    """What a variant may do, where that is stated: all of it, whoever carries which."""
    if segment.facts.effects:
        people = segment.facts.people
        for term, label in effects.LABELS.items():
            found = FilteringTerm(term, label, "ontologyTerm", "genomicVariant", people)
            yield replace(found, parents=effects.PARENTS[term])
        words = tuple(effects.EFFECTS)
        yield FilteringTerm(FIELD, "", "alphanumeric", "genomicVariant", people, words)


def _holders(term: FilteringTerm, segment: Segment) -> int:
    """Of a field: of words, the people with any."""
    any_word = Compare(term.id, "=", "%", term.scope)
    if segment.objection(any_word) is not None:
        return term.people
    return len(segment.matching("individual", [any_word]))


class Listing:
    """Remembers what it found of each dataset version and terms: draws are fixed."""

    def __init__(self, disclosure: Disclosure, public: Public) -> None:
        self._disclosure, self._public = disclosure, public
        self._known: dict[tuple[str, str, Terms], Told] = {}

    def of(self, segment: Segment, decision: Decision) -> Sequence[FilteringTerm]:
        """As this caller is told; all there are where answers are exact."""
        rules = binding(decision)
        if rules is None:
            return (*segment.terms(), *_copies(segment), *_doing(segment))
        if decision.level is Level.PUBLIC and not rules.everybody:
            return ()
        doing = _doing(segment) if decision.level is not Level.PUBLIC else ()
        return (*self._told(segment, rules).listed, *doing)

    def told(self, segment: Segment, decision: Decision) -> Segment:
        """The dataset as this caller may ask it; itself where answers are exact."""
        rules = binding(decision)
        if rules is None:
            return segment
        if decision.level is Level.PUBLIC and not rules.everybody:
            return Told(self._public.told(segment), None)
        return self._told(segment, rules)

    def _told(self, segment: Segment, rules: Terms) -> Told:
        known = self._public.told(segment)
        key = known.facts.id, version_of(known.facts), rules
        found = self._known.get(key)
        if found is None or found.base is not known:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            found = self._known[key] = Told(known, partial(self._listed, known, rules))
        return found

    def _listed(self, segment: Segment, rules: Terms) -> Sequence[FilteringTerm]:
        shown = (term for term in segment.terms() if self._shown(term, segment, rules))
        return [replace(term, values=()) for term in shown]

    def _shown(self, term: FilteringTerm, segment: Segment, rules: Terms) -> bool:
        if term.kind == "ontologyTerm":
            holders = len(segment.matching("individual", [HasTerm(term.id)]))
            key = people_key([HasTerm(term.id)])
        else:
            holders = _holders(term, segment)
            key = key_of("field", named(Compare(term.id, "=", "", term.scope)))
        asked = Question(
            kind=Kind.PEOPLE,
            key=key,
            dataset=segment.facts.id,
            version=version_of(segment.facts),
            people=segment.facts.people,
            margin=True,
            margins=len(self._public.listed(segment)),
        )
        return self._disclosure.lists(asked, holders, rules)
