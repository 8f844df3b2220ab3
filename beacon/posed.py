"""A query as protection sees it: its kind, its one canonical key, and what the panel expects of it.

Spellings, coordinate systems, addresses and the order of filters come to one key; a variant is what
the reference panel knows it as, so that a dataset's own alleles never decide. What may be answered
is `access.disclosure`'s, what a query means `beacon.query`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from access.privacy.question import Kind, Question, key_of
from beacon import canonical, copy_number
from beacon import filters as filter_rules
from beacon.batches import NO_BATCH, Batch
from beacon.catalog import (
    Affecting,
    Allele,
    ById,
    ByIdentifier,
    DatasetFacts,
    Edited,
    HasTerm,
    Predicate,
    Replacement,
    Segment,
    Span,
    VariantQuestion,
    leaves,
)
from beacon.panel import UNKNOWN, Expected, Panel
from beacon.query import Query
from beacon.segment.without import without
from beacon.told import Told
from beacon.variation import any_base, identifiers
from beacon.variation.alleles import trimmed

_COLLECTIONS = frozenset({"dataset", "cohort"})
_MAX_DIGITS = 10  # of a position
_PEOPLE = frozenset({"individual", "genomicVariant"})  # what filters narrow by people
_NO_PERSON = frozenset({None, "dataset", "genomicVariant"})


@dataclass(frozen=True, slots=True)
class Public:
    """What is publicly known beside the datasets: panels by assembly, and who of a dataset is told
    of. Remembers, for each dataset version, the terms its list shows."""

    panels: Mapping[str, Panel]
    batches: Callable[[], Mapping[str, Batch]] = dict
    _told: dict[str, tuple[Segment, frozenset[str], Segment]] = field(default_factory=dict)
    _listed: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def told(self, segment: Segment) -> Segment:
        """The dataset as those without a grant know it: its newcomers come in batches."""
        facts = segment.facts
        waiting = self.batch(facts).waiting.get(facts.version)
        if not waiting:
            return segment
        known = self._told.get(facts.id)
        if known is None or known[0] is not segment or known[1] != waiting:
            known = self._told[facts.id] = (segment, waiting, without(segment, waiting))
        return known[2]

    def batch(self, facts: DatasetFacts) -> Batch:
        return self.batches().get(facts.id, NO_BATCH)

    def listed(self, segment: Segment) -> frozenset[str]:
        key = segment.facts.id, segment.facts.version
        if key not in self._listed:
            held = frozenset(term.id for term in segment.terms() if term.kind == "ontologyTerm")
            self._listed[key] = held
        return self._listed[key]


def version_of(facts: DatasetFacts) -> str:
    """Of the answers: a withdrawal makes another."""
    return f"{facts.version}.{facts.people}"


def people_key(
    predicates: Sequence[Predicate],
    *,
    entry: str = "individual",
    cohort: str = "",
    reading: canonical.Reading = canonical.written,
) -> bytes:
    """Of the number of those for whom all of this holds."""
    return key_of("people", entry, cohort, canonical.of_all(predicates, reading))


def posed(query: Query, segment: Segment, public: Public) -> Question:
    """Reads of the segment its size, its version and how many terms it has."""
    facts = segment.facts
    blank = Question(
        kind=Kind.PERSON,
        key=b"",
        dataset=facts.id,
        version=version_of(facts),
        people=facts.people,
        turnover=public.batch(facts).turnover,
        counts=query.target.entry == "individual",
        genotypes=facts.genotypes,
    )
    target = query.target
    if target.entry_id is not None and target.entry not in ("genomicVariant", *_COLLECTIONS):
        return blank
    if target.parent not in _NO_PERSON and target.parent != "cohort":
        return blank
    if target.entry in _COLLECTIONS and target.parent == "genomicVariant":
        return blank  # whose cohorts these are, its carriers' memberships say
    if target.entry in _COLLECTIONS and not query.filters:
        return replace(blank, kind=Kind.DESCRIPTION)
    asked = query.question
    if query.zygosity or copy_number.asked(asked):
        return replace(blank, kind=Kind.GENOTYPE)
    filtered = bool(query.filters) or target.parent == "cohort"
    if asked is None and target.entry != "genomicVariant":
        return _of_people(query, segment, public, entry=target.entry, blank=blank)
    found = _of_variants(asked, facts, public.panels.get(facts.assembly), blank=blank)
    if not filtered:
        return found
    counted = replace(blank, counts=True)
    within = _of_people(query, segment, public, entry="genomicVariant", blank=counted)
    key = key_of("together", target.entry, found.key, within.key)
    among_people = target.entry in _PEOPLE
    return replace(found, kind=Kind.TOGETHER, key=key, within=within if among_people else None)


def _of_variants(
    asked: VariantQuestion | None, facts: DatasetFacts, panel: Panel | None, *, blank: Question
) -> Question:
    expected = panel.expected(asked) if panel is not None and asked is not None else UNKNOWN
    if isinstance(asked, Affecting):
        within = _of_variants(asked.within, facts, panel, blank=blank)
        key = key_of("affecting", within.key, asked.rule)
        return replace(blank, kind=Kind.RANGE, key=key, frequency=expected.frequency)
    kind, length = _extent(asked)
    floors = panel.floors(facts.people) if panel is not None else None
    floor = None if floors is None else floors.allele if kind is Kind.ALLELE else floors.span
    return replace(
        blank,
        kind=kind,
        key=_variant_key(asked, kind, expected, justified=facts.justified),
        frequency=expected.frequency,
        commonest=expected.commonest,
        floor=floor,
        length=length,
    )


def _extent(asked: VariantQuestion | None) -> tuple[Kind, int]:
    """Bases that a range covers; 0 where it isn't said, as of a gene."""
    match asked:
        case Allele() | ById() | ByIdentifier() | Edited():
            return Kind.ALLELE, 0
        case Span(start0=start0, end0=end0):
            return Kind.RANGE, end0 - start0
        case _:
            return Kind.RANGE, 0


def _variant_key(
    asked: VariantQuestion | None, kind: Kind, expected: Expected, *, justified: bool
) -> bytes:
    asked = _of_id(asked) if isinstance(asked, ById) else asked
    if justified and kind is Kind.ALLELE and expected.alleles and _is_one_change(asked):
        return key_of("alleles", expected.alleles)
    if isinstance(asked, Replacement):
        return key_of("replacement", asked.chrom, asked.start0, len(asked.ref), asked.alt)
    if isinstance(asked, Allele):
        if _has_any_base(asked):
            return key_of("any base", any_base.readings(asked))
        core = trimmed(asked)
        return key_of("allele", core.chrom, core.start0, core.ref, core.alt)
    if isinstance(asked, ByIdentifier):
        asked = ByIdentifier(identifiers.spelled(asked.identifier))
    return key_of("variants", asked)


def _is_one_change(asked: VariantQuestion | None) -> bool:
    """Whether a dataset compared with a reference finds it as the panel does, however spelled.

    What else a dataset finds is its own: alleles beside the panel's under one rsID or for an N, or
    none where it has not learnt what stands there. Under one key these would have equal noise, and
    their difference would be exact."""
    match asked:
        case Replacement():
            return False
        case Allele():
            return not _has_any_base(asked)
        case ByIdentifier(name):
            return identifiers.kind(name) is identifiers.Kind.VRS
        case _:
            return False


def _has_any_base(asked: Allele) -> bool:
    return "N" in asked.ref.upper() + asked.alt.upper()


def _of_id(asked: ById) -> VariantQuestion:
    """The allele whose bases an id spells out."""
    chrom, _, rest = asked.variant_id.partition("-")
    position, _, bases = rest.partition("-")
    ref, _, alt = bases.partition("-")
    placed = position.isdecimal() and position.isascii() and len(position) <= _MAX_DIGITS
    spelled = placed and ref and alt and not (ref + alt).strip("ACGT") and ref != alt
    return Allele(chrom, int(position) - 1, ref, alt) if spelled else asked


def _of_people(
    query: Query, segment: Segment, public: Public, *, entry: str, blank: Question
) -> Question:
    """`entry` is what the filters are asked of: with variants, samples, and so their people."""
    predicates = filter_rules.joined(query.filters, segment)
    cohort = (query.target.parent_id or "") if query.target.parent == "cohort" else ""
    listed = public.listed(segment)
    spelled = list(map(segment.spelled, predicates)) if isinstance(segment, Told) else predicates
    reading = segment.reading
    return replace(
        blank,
        kind=Kind.PEOPLE,
        key=people_key(spelled, entry=entry, cohort=cohort, reading=reading),
        filters=sum(1 for each in predicates for _ in leaves(each)) + bool(cohort),
        margin=blank.counts and not cohort and _is_margin(predicates, segment),
        margins=len(listed),
    )


def _is_margin(predicates: Sequence[Predicate], segment: Segment) -> bool:
    """One term with all below it, or nothing: one way to ask for each."""
    if not predicates:
        return True
    match predicates:
        case [HasTerm(term=term, descendants=True, scope=None)]:
            return isinstance(segment, Told) and segment.names_term(term)
        case _:
            return False
