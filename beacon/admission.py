"""Who may answer a query: the policy first, then the datasets it names, then those able to.

A dataset that the policy closes is never asked. One that cannot evaluate the question is named as
unsupported, one that may not answer as suppressed, both only to callers who may know of it; neither
ever counts as "no" (Beacon v2.2 leaves both open).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NoReturn

from access.disclosure import binding, granted
from access.policies.policy import Action, Decision, Granularity, PolicyBook
from beacon import abilities, copy_number
from beacon import filters as filter_rules
from beacon.catalog import Affecting, Segment, VariantQuestion
from beacon.errors import NothingMayBeSaid, UnknownEntry, UnsupportedFilter, UnsupportedQuestion
from beacon.query import Query
from beacon.variants import Asked
from passports.researcher import Researcher
from schemas.entries import EntryTypeId

NAMED_NOTES = 10
Touched = frozenset[str] | None
_CONTAINERS = frozenset({"dataset", "cohort"})
_NOT_HELD = "This dataset does not hold what this kind of variant question asks for."
_NO_LEVELS = "This dataset does not state how far anybody's copy number went."
MAX_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Note:
    """Why a dataset the caller may know of gave no answer."""

    dataset: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Permitted:
    """A dataset version, the decision that lets it answer, and whether the caller may also have
    its files. What follows from the decision is worked out here once, not for every question: the
    most an answer holds, and whether it is protected."""

    segment: Segment
    decision: Decision
    may_stream: bool = False
    most: Granularity = field(init=False)
    protected: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "most", granted(Granularity.RECORD, self.decision))
        object.__setattr__(self, "protected", binding(self.decision) is not None)


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may answer, and which of the datasets the caller may know of may not."""

    permitted: tuple[Permitted, ...]
    suppressed: tuple[Note, ...]
    waits: bool = False  # for a database beyond this process
    protected: bool = field(init=False)  # whether anything of it is

    def __post_init__(self) -> None:
        object.__setattr__(self, "protected", any(one.protected for one in self.permitted))


class Admissions:
    """Admits callers, remembering its answers within one second of one state of book and catalog.

    A decision is a pure function of those and of the whole `Researcher` (identity, visas, expiry),
    which is the key: nobody is ever answered by another's rights, and a change is seen at once."""

    def __init__(self) -> None:
        self._state: tuple[PolicyBook, int, Mapping[str, Segment]] | None = None
        self._known: dict[tuple[Researcher | None, Touched], Admission] = {}

    def admit(
        self,
        book: PolicyBook,
        researcher: Researcher | None,
        snapshot: Mapping[str, Segment],
        *,
        now: int,
        entries: Touched,
    ) -> Admission:
        state = (book, now, snapshot)
        if state != self._state or len(self._known) >= MAX_REMEMBERED:
            self._state, self._known = state, {}
        key = (researcher, entries)
        found = self._known.get(key)
        if found is None:
            found = admit(book, researcher, snapshot, now=now, entries=entries)
            self._known[key] = found
        return found


def touched(query: Query) -> Touched:
    """The entry types a question learns of. A filter may reach any of them, and in how many copies
    somebody carries a variant is of people: then it is not said which, and the strictest rule
    holds."""
    levels = copy_number.asked(query.question)
    if query.filters or query.zygosity or levels:
        return None
    return _learnt(query.target.entry, query.target.parent, of_variants=query.picks_variants)


@lru_cache
def _learnt(entry: EntryTypeId, parent: EntryTypeId | None, *, of_variants: bool) -> Touched:
    learnt: set[str] = {entry}
    if parent is not None and parent not in _CONTAINERS:
        learnt.add(parent)
    if of_variants:
        learnt.add("genomicVariant")
    return frozenset(learnt)


def admit(
    book: PolicyBook,
    researcher: Researcher | None,
    snapshot: Mapping[str, Segment],
    *,
    now: int,
    entries: Touched = None,
) -> Admission:
    """Decides on every active dataset; an empty book admits nobody."""
    permitted: list[Permitted] = []
    suppressed: list[Note] = []
    for dataset, segment in sorted(snapshot.items()):
        decision = book.decide(researcher, dataset, Action.DISCOVER, now=now, entries=entries)
        if decision.allowed and decision.ceiling is not None:
            stream = book.decide(researcher, dataset, Action.STREAM, now=now)
            permitted.append(Permitted(segment, decision, may_stream=stream.allowed))
        elif book.may_know(researcher, dataset, now=now):
            suppressed.extend(
                Note(dataset, reason.code, reason.text) for reason in decision.reasons[:1]
            )
    waits = any(one.segment.waits for one in permitted)
    return Admission(tuple(permitted), tuple(suppressed), waits)


def chosen_by(query: Query, admission: Admission) -> Admission:
    """Only the datasets the question names; naming none the caller may know of is a 404."""
    parent = query.target.parent_id if query.target.parent == "dataset" else None
    if parent is None and not query.datasets:
        return admission
    named = {parent} if parent is not None else set(query.datasets)
    if parent is not None and query.datasets:
        named &= set(query.datasets)
    permitted = tuple(p for p in admission.permitted if p.decision.dataset in named)
    suppressed = tuple(note for note in admission.suppressed if note.dataset in named)
    if not permitted and not suppressed:
        raise UnknownEntry
    return Admission(permitted, suppressed)


def able_to_answer(query: Query, admission: Admission) -> tuple[list[Permitted], list[Note]]:
    """Parts the datasets that can evaluate the question from those that cannot; raises where
    none can."""
    where = query.asked or query.named
    if query.asked is not None and query.asked.assembly is None and query.asked.in_one_assembly:
        held = _assemblies(admission)
        if len(held) > 1:
            raise UnsupportedQuestion(
                f"assemblyId is needed: this beacon holds {' and '.join(held)}."
            )
    able: list[Permitted] = []
    unsupported: list[Note] = []
    for one in admission.permitted:
        inability = _inability(query, one, where=where)
        if inability is None:
            able.append(one)
        else:
            unsupported.append(inability)
    if not able:
        _refuse(admission, unsupported, query=query)
    return able, unsupported


def _inability(query: Query, one: Permitted, *, where: Asked | None) -> Note | None:
    """What keeps this dataset from evaluating the question; to say "no" would be false."""
    dataset, facts = one.decision.dataset, one.segment.facts
    if where is not None:
        if where.assembly not in (None, facts.assembly):
            return Note(dataset, "assembly", f"This dataset is in {facts.assembly}.")
        if not one.segment.supports(where.question):
            return Note(dataset, "question", _not_held(where.question, one.segment))
    if not facts.genotypes and query.asks_for_carriers:
        return Note(dataset, "carriers", "This dataset holds counts and nobody's genotypes.")
    if (query.filters or query.of_variants.asked) and (unknown := _unknown(query, one.segment)):
        return Note(dataset, "filter", f"This dataset does not know: {', '.join(unknown)}.")
    if query.filters and (why := filter_rules.objection(query.filters, one.segment)):
        return Note(dataset, "comparison", why)
    return None


def _unknown(query: Query, segment: Segment) -> tuple[str, ...]:
    """Filters that this dataset cannot evaluate, by their ids."""
    rule = query.of_variants.effects
    effects = () if rule is None or segment.supports(Affecting(rule)) else query.of_variants.asked
    return (*filter_rules.unknown_ids(query.filters, segment), *effects)


def _not_held(question: VariantQuestion, segment: Segment) -> str:
    levels_alone = copy_number.asked(question) and segment.supports(
        copy_number.of_anybody(question)
    )
    return _NO_LEVELS if levels_alone else _NOT_HELD


def _refuse(chosen: Admission, unsupported: Sequence[Note], *, query: Query) -> NoReturn:
    """Nobody is able: says what is missing where somebody was permitted, else what would help."""
    codes = {note.code for note in unsupported}
    where = query.asked or query.named
    if not codes:
        raise NothingMayBeSaid(closed_text(chosen.suppressed))
    if "filter" in codes:
        raise UnsupportedQuestion(_unknown_filters(chosen, query))
    if "comparison" in codes:
        texts = (f"{note.dataset}: {note.text}" for note in unsupported[:NAMED_NOTES])
        raise UnsupportedFilter("; ".join(texts))
    if any(note.text is _NO_LEVELS for note in unsupported):
        raise UnsupportedQuestion(
            "No dataset here states how far anybody's copy number went, so levels of gain and "
            "loss are not supported. Supported: any loss (EFO:0030067), any gain (EFO:0030070)."
        )
    if where is not None and "question" in codes:
        segments = [one.segment for one in chosen.permitted]
        raise UnsupportedQuestion(abilities.refusal(where.question, segments))
    if "carriers" in codes:
        raise UnsupportedQuestion("The datasets asked hold counts and nobody's genotypes.")
    held = ", ".join(_assemblies(chosen))
    raise UnsupportedQuestion(f"This beacon holds no dataset in that assembly, only: {held}.")


def _assemblies(chosen: Admission) -> list[str]:
    return sorted({one.segment.facts.assembly for one in chosen.permitted})


def _unknown_filters(chosen: Admission, query: Query) -> str:
    unknown = dict.fromkeys(
        name for one in chosen.permitted for name in _unknown(query, one.segment)
    )
    # The list says what each caller may know of; naming a field here would tell everybody.
    return (
        f"Filters not supported: {', '.join(unknown)}. Supported are the terms and fields "
        "listed at /filtering_terms."
    )


def closed_text(suppressed: Sequence[Note]) -> str:
    """The sentence of a refusal: which datasets are closed, and what each asks for."""
    if not suppressed:
        return "No dataset of this beacon answers at your level of access. Signing in may help."
    named = " ".join(f"{note.dataset}: {note.text}" for note in suppressed[:10])
    return f"No answer may be given at your level of access. {named}"
