"""Runs a query on every dataset that the policy lets answer, each under its own ceiling.

The policy runs first; a dataset that it closes is never asked. A dataset that cannot evaluate the
question is named as unsupported, one that may not answer as suppressed, and neither ever counts
as "no" (Beacon v2.2 leaves both open). What an answer may hold is `access.disclosure`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyroaring import BitMap

from access.disclosure import Answer, granted, protect
from access.policy import Action, Decision, Granularity, Level, PolicyBook, Profile
from beacon import filters as filter_rules
from beacon.catalog import Segment, VariantQuestion, VariantRow
from beacon.errors import NothingMayBeSaid, UnknownEntry, UnsupportedQuestion
from beacon.query import Query
from passports.passport import Researcher
from schemas.errors import Suppressed

MAX_CALLS_PER_ANSWER = 20_000
NAMED_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Note:
    """Why a dataset the caller may know of gave no answer."""

    dataset: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Permitted:
    """A dataset version and the decision that lets it answer."""

    segment: Segment
    decision: Decision


@dataclass(frozen=True, slots=True)
class FoundVariant:
    """A variant and as many of its calls as may be told; None where calls may not be told."""

    row: VariantRow
    calls: Sequence[tuple[str, str]] | None


@dataclass(frozen=True, slots=True)
class SetAnswer:
    """One dataset's protected answer. Records are there only at record granularity."""

    segment: Segment
    answer: Answer
    variants: tuple[FoundVariant, ...] = ()
    records: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    sets: tuple[SetAnswer, ...]
    unsupported: tuple[Note, ...] = ()
    suppressed: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may answer, and which of the datasets the caller may know of may not."""

    permitted: tuple[Permitted, ...]
    suppressed: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a dataset holds, before protection. `parent` is False where the address names an entry
    this dataset has not."""

    count: int
    parent: bool = True
    rows: tuple[VariantRow, ...] = ()
    records: tuple[Mapping[str, object], ...] = ()


def admit(
    book: PolicyBook,
    researcher: Researcher | None,
    snapshot: Mapping[str, Segment],
    *,
    now: int,
) -> Admission:
    """Decides on every active dataset; an empty book admits nobody."""
    permitted: list[Permitted] = []
    suppressed: list[Note] = []
    for dataset, segment in sorted(snapshot.items()):
        decision = book.decide(researcher, dataset, Action.DISCOVER, now=now)
        if decision.allowed and decision.ceiling is not None:
            permitted.append(Permitted(segment, decision))
        elif book.may_know(researcher, dataset, now=now):
            suppressed.extend(
                Note(dataset, reason.code, reason.text) for reason in decision.reasons[:1]
            )
    return Admission(tuple(permitted), tuple(suppressed))


def run(query: Query, admission: Admission) -> Outcome:
    """Raises `UnknownEntry`, `UnsupportedQuestion` or `NothingMayBeSaid` where no dataset answers;
    which of them depends on rights and on the question, never on hidden data."""
    chosen = _chosen(query, admission)
    able, unsupported = _able(query, chosen.permitted)
    if not able:
        _refuse(chosen, unsupported, query=query)
    sets: list[SetAnswer] = []
    suppressed = list(chosen.suppressed)
    known = False
    calls_left = MAX_CALLS_PER_ANSWER
    for permitted in able:
        try:
            answered, parent = _answer(query, permitted, calls_left=calls_left)
        except Suppressed as closed:
            suppressed.append(Note(permitted.decision.dataset, closed.code, closed.public))
            continue
        known = known or parent
        calls_left -= sum(len(found.calls or ()) for found in answered.variants)
        sets.append(answered)
    if not sets:
        raise NothingMayBeSaid(_closed_text(suppressed))
    if not known:
        raise UnknownEntry
    return Outcome(tuple(sets), tuple(unsupported), tuple(suppressed))


def _chosen(query: Query, admission: Admission) -> Admission:
    """Only the datasets the question names; naming none the caller may know of is a 404."""
    parent = query.target.parent_id if query.target.parent == "dataset" else None
    named = {parent} if parent is not None else set(query.datasets)
    if parent is not None and query.datasets:
        named &= set(query.datasets)
    if not named and not query.datasets and parent is None:
        return admission
    permitted = tuple(p for p in admission.permitted if p.decision.dataset in named)
    suppressed = tuple(note for note in admission.suppressed if note.dataset in named)
    if not permitted and not suppressed:
        raise UnknownEntry
    return Admission(permitted, suppressed)


def _able(query: Query, permitted: Sequence[Permitted]) -> tuple[list[Permitted], list[Note]]:
    """Parts the datasets that can evaluate the question from those that cannot."""
    assembly = query.asked.assembly if query.asked is not None else None
    held = sorted({p.segment.facts.assembly for p in permitted})
    if query.asked is not None and assembly is None and len(held) > 1:
        raise UnsupportedQuestion(f"assemblyId is needed: this beacon holds {' and '.join(held)}.")
    able, unsupported = [], []
    for one in permitted:
        dataset = one.decision.dataset
        unknown = filter_rules.unknown_ids(query.filters, one.segment)
        if assembly is not None and one.segment.facts.assembly != assembly:
            text = f"This dataset is in {one.segment.facts.assembly}."
            unsupported.append(Note(dataset, "assembly", text))
        elif unknown:
            text = f"This dataset does not know: {', '.join(unknown)}."
            unsupported.append(Note(dataset, "filter", text))
        else:
            able.append(one)
    return able, unsupported


def _refuse(chosen: Admission, unsupported: Sequence[Note], *, query: Query) -> None:
    """Nobody is able: says what is missing where somebody was permitted, else what would help."""
    if not unsupported:
        raise NothingMayBeSaid(_closed_text(chosen.suppressed))
    if any(note.code == "filter" for note in unsupported):
        unknown = dict.fromkeys(
            name
            for one in chosen.permitted
            for name in filter_rules.unknown_ids(query.filters, one.segment)
        )
        fields = sorted(
            {
                term.id
                for one in chosen.permitted
                for term in one.segment.terms()
                if term.kind == "alphanumeric"
            }
        )
        raise UnsupportedQuestion(
            f"Filters not supported: {', '.join(unknown)}. Supported are the terms and fields "
            f"listed at /filtering_terms, such as {', '.join(fields[:NAMED_FIELDS]) or 'none'}."
        )
    held = sorted({one.segment.facts.assembly for one in chosen.permitted})
    raise UnsupportedQuestion(f"This beacon holds no dataset in that assembly, only: {held[0]}.")


def _closed_text(suppressed: Sequence[Note]) -> str:
    """The sentence of a refusal: which datasets are closed, and what each asks for."""
    if not suppressed:
        return "No dataset of this beacon answers at your level of access. Signing in may help."
    named = " ".join(f"{note.dataset}: {note.text}" for note in suppressed[:10])
    return f"No answer may be given at your level of access. {named}"


def _answer(query: Query, permitted: Permitted, *, calls_left: int) -> tuple[SetAnswer, bool]:
    """One dataset's protected answer, and whether the entry the address names may be said to be
    there: that too is a presence, so it passes the same protection."""
    segment, decision = permitted.segment, permitted.decision
    requested = query.granularity
    if query.include == "NONE":
        requested = min(requested, Granularity.COUNT)
    with_records = granted(requested, decision) is Granularity.RECORD
    found = _ask(query, segment, limit=query.limit if with_records else 0)
    answer = protect(
        exists=found.count > 0, count=found.count, requested=requested, decision=decision
    )
    parent = _parent_shown(query, found, answer=answer, decision=decision)
    if answer.granularity is not Granularity.RECORD or not answer.exists:
        return SetAnswer(segment, answer), parent
    variants = _with_calls(found.rows, permitted, calls_left=calls_left)
    return SetAnswer(segment, answer, variants, found.records), parent


def _parent_shown(query: Query, found: _Found, *, answer: Answer, decision: Decision) -> bool:
    target = query.target
    if target.entry_id is not None:
        return answer.exists
    if target.parent in (None, "dataset"):
        return True
    shown = protect(
        exists=found.parent,
        count=int(found.parent),
        requested=Granularity.BOOLEAN,
        decision=decision,
    )
    return shown.exists


def _ask(query: Query, segment: Segment, *, limit: int) -> _Found:
    target = query.target
    if target.entry == "genomicVariant":
        return _ask_variants(query, segment, limit=limit)
    if target.entry_id is not None:
        record = segment.entry(target.entry, target.entry_id)
        return _Found(1, records=(record,)) if record is not None else _Found(0)
    people = _people(query, segment)
    if people is not None and not people and target.parent in ("individual", "genomicVariant"):
        return _Found(0, parent=_parent_there(query, segment))
    total, records = segment.entries(
        target.entry, people=people, skip=query.skip * query.limit, limit=limit
    )
    return _Found(total, records=tuple(records) if limit else ())


def _parent_there(query: Query, segment: Segment) -> bool:
    """Whether this dataset has the entry an empty list hangs from."""
    if query.by_id is not None:
        return segment.variants(query.by_id, people=None, skip=0, limit=0).total > 0
    return segment.person_number(query.target.parent_id or "") is not None


def _ask_variants(query: Query, segment: Segment, *, limit: int) -> _Found:
    people = _people(query, segment)
    if people is not None and not people:
        there = query.target.parent != "individual" or _parent_there(query, segment)
        return _Found(0, parent=there)
    page = segment.variants(
        _question(query), people=people, skip=query.skip * query.limit, limit=limit
    )
    return _Found(page.total, rows=page.rows if limit else ())


def _question(query: Query) -> VariantQuestion | None:
    if query.by_id is not None:
        return query.by_id
    return query.asked.question if query.asked is not None else None


def _people(query: Query, segment: Segment) -> BitMap | None:
    """Numbers of the people the question narrows to; None when it does not narrow."""
    narrowed: list[BitMap] = []
    if query.filters:
        narrowed.append(segment.people(filter_rules.joined(query.filters, segment)))
    if query.target.parent == "individual":
        number = segment.person_number(query.target.parent_id or "")
        narrowed.append(BitMap() if number is None else BitMap([number]))
    question = _question(query)
    if question is not None and query.target.entry != "genomicVariant":
        narrowed.append(segment.carriers(question))
    if not narrowed:
        return None
    people = narrowed[0]
    for more in narrowed[1:]:
        people = people & more
    return people


def _with_calls(
    rows: Sequence[VariantRow], permitted: Permitted, *, calls_left: int
) -> tuple[FoundVariant, ...]:
    """Calls name samples, so they need an open dataset or a grant whatever the granularity."""
    decision = permitted.decision
    if decision.profile is not Profile.OPEN and decision.level is not Level.CONTROLLED:
        return tuple(FoundVariant(row, None) for row in rows)
    found = []
    for row in rows:
        calls = permitted.segment.calls(row.row, limit=calls_left) if calls_left > 0 else ()
        calls_left -= len(calls)
        found.append(FoundVariant(row, calls))
    return tuple(found)
