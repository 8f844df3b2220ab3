"""Runs a query on every dataset that was admitted, each under its own ceiling.

One that may not answer after all is named as suppressed and never counts as "no". Who is admitted
is `admission`'s, what an answer may hold `access.disclosure`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pyroaring import BitMap

from access.disclosure import AT_LEAST, Answer, Asker, Disclosure, Found, exact
from access.policies.policy import Granularity
from beacon import filters as filter_rules
from beacon.admission import Admission, Note, Permitted, able_to_answer, chosen_by, closed_text
from beacon.catalog import EntryType, Segment, VariantQuestion, VariantRow
from beacon.errors import NothingMayBeSaid, UnknownEntry
from beacon.listing import Listing
from beacon.posed import Public, posed
from beacon.query import Query
from schemas.errors import Suppressed

MAX_CALLS_PER_ANSWER = 20_000
# A dataset holds all that it answers with, and a variant is joined by its carriers.
_WITHOUT_RECORDS = (None, "dataset", "genomicVariant")


class Protection(NamedTuple):
    """What stands between the catalog and one caller."""

    disclosure: Disclosure
    public: Public
    asker: Asker
    listing: Listing

    def told(self, admission: Admission) -> Admission:
        """What is protected as this caller may ask it."""
        if not admission.protected:
            return admission
        permitted = (
            replace(one, segment=self.listing.told(one.segment, one.decision))
            if one.protected
            else one
            for one in admission.permitted
        )
        return replace(admission, permitted=tuple(permitted))


@dataclass(frozen=True, slots=True)
class FoundVariant:
    """A variant and as many of its calls as may be told; None where calls may not be told."""

    row: VariantRow
    calls: Sequence[tuple[str, str]] | None


class SetAnswer(NamedTuple):
    """One dataset's protected answer. Records are there only at record granularity."""

    segment: Segment
    answer: Answer
    may_stream: bool = False
    variants: tuple[FoundVariant, ...] = ()
    records: tuple[Mapping[str, object], ...] = ()


class Outcome(NamedTuple):
    sets: tuple[SetAnswer, ...]
    unsupported: tuple[Note, ...] = ()
    suppressed: tuple[Note, ...] = ()


class _Held(NamedTuple):
    """What a dataset holds, before protection. `parent` is False where the address names an entry
    this dataset has not."""

    total: int
    parent: bool = True
    rows: tuple[VariantRow, ...] = ()
    records: tuple[Mapping[str, object], ...] = ()


def run(query: Query, admission: Admission, protection: Protection) -> Outcome:
    """Raises `UnknownEntry`, `UnsupportedQuestion` or `NothingMayBeSaid` where no dataset answers;
    which of them depends on rights and on the question, never on hidden data."""
    chosen = protection.told(chosen_by(query, admission))
    able, unsupported = able_to_answer(query, chosen)
    sets: list[SetAnswer] = []
    suppressed = list(chosen.suppressed)
    known = False
    calls_left = MAX_CALLS_PER_ANSWER
    for permitted in able:
        try:
            answered, parent = _answer(query, permitted, protection, calls_left=calls_left)
        except Suppressed as closed:
            suppressed.append(Note(permitted.decision.dataset, closed.code, closed.public))
            continue
        known = known or parent
        if answered.variants:
            calls_left -= sum(len(found.calls or ()) for found in answered.variants)
        sets.append(answered)
    if not sets:
        raise NothingMayBeSaid(closed_text(suppressed))
    if not known:
        raise UnknownEntry
    return Outcome(tuple(sets), tuple(unsupported), tuple(suppressed))


def _answer(
    query: Query, permitted: Permitted, protection: Protection, *, calls_left: int
) -> tuple[SetAnswer, bool]:
    """One dataset's answer, and whether the entry the address names may be said to be there: that
    too is a presence, so under protection it is the answer's own."""
    requested = query.granularity
    if query.include == "NONE":
        requested = min(requested, Granularity.COUNT)
    most = min(requested, permitted.most)
    with_records = most is Granularity.RECORD
    limit = query.limit if with_records else 0
    segment = permitted.segment
    if permitted.protected:
        answer, held = _protected(query, permitted, protection, requested=requested, limit=limit)
    else:
        held = _ask(query, segment, limit=limit)
        answer = exact(held.total, most)
    parent = _parent_shown(query, held, answer=answer, protected=permitted.protected)
    if answer.granularity is not Granularity.RECORD or not answer.exists:
        return SetAnswer(segment, answer, permitted.may_stream), parent
    variants = _with_calls(held.rows, permitted, calls_left=calls_left)
    return SetAnswer(segment, answer, permitted.may_stream, variants, held.records), parent


def _protected(
    query: Query,
    permitted: Permitted,
    protection: Protection,
    *,
    requested: Granularity,
    limit: int,
) -> tuple[Answer, _Held]:
    segment = permitted.segment
    asked: list[_Held] = []

    def found() -> Found:
        asked.append(_ask(query, segment, limit=limit))
        if segment.waits:
            # Read before the turn at the ledger that others would wait for.
            people = _carrying(query, segment)
            return Found(asked[0].total, lambda: people)
        return Found(asked[0].total, lambda: _carrying(query, segment))

    answer = protection.disclosure.protect(
        lambda: posed(query, segment, protection.public),
        found,
        requested=requested,
        decision=permitted.decision,
        asker=protection.asker,
        within=lambda: len(segment.owners(_samples_left(query, segment))),
    )
    return answer, asked[0]


def _parent_shown(query: Query, held: _Held, *, answer: Answer, protected: bool) -> bool:
    """Under protection a variant named by the address is there where somebody carries it."""
    if query.target.entry_id is not None or (protected and query.by_id is not None):
        return answer.exists
    return held.parent


def _carrying(query: Query, segment: Segment) -> Sequence[str]:
    """Ids of the people who make an answer about variants «yes». Where they are few or nobody,
    others are read and left: a «no» takes the same time whether somebody's allowance is spent."""
    question = query.question
    carry = None if question is None else _carriers(query, question, segment)
    if query.filters or query.target.parent == "cohort":
        left = _samples_left(query, segment)
        carry = left if carry is None else carry & left
    people = segment.people(()) if carry is None else segment.owners(carry)
    last = segment.facts.people
    segment.person_ids(BitMap(range(max(0, last - max(0, AT_LEAST - len(people))), last)))
    return segment.person_ids(people)


def _samples_left(query: Query, segment: Segment) -> BitMap:
    """Those that filters and address leave."""
    return _narrowed(query, segment, by="genomicVariant") or BitMap()


def _narrowed(query: Query, segment: Segment, *, by: EntryType) -> BitMap | None:
    """The records, or of variants the samples, that filters and address leave, where either
    narrows; None where the address names an entry that is not there."""
    target, matching = query.target, None
    if query.filters:
        matching = segment.matching(by, filter_rules.joined(query.filters, segment))
    if target.parent in _WITHOUT_RECORDS:
        return matching
    records = segment.belonging(by, to=target.parent, entry_id=target.parent_id or "")
    return records if records is None or matching is None else records & matching


def _ask(query: Query, segment: Segment, *, limit: int) -> _Held:
    """Joins the samples and records that the address, the filters and the variant narrow to."""
    target = query.target
    if target.entry_id is not None and target.entry != "genomicVariant":
        record = segment.entry(target.entry, target.entry_id)
        return _Held(1, records=(record,)) if record is not None else _Held(0)
    question, entry = query.question, target.entry
    if question is not None and entry == "individual":
        entry = "genomicVariant"  # all of it holds of one sample of somebody's
    records = None
    if query.filters or target.parent not in _WITHOUT_RECORDS:
        records = _narrowed(query, segment, by=entry)
        if records is None:
            return _Held(0, parent=False)
    if target.entry == "genomicVariant":
        return _ask_variants(query, segment, samples=records, limit=limit)
    samples = None
    if question is not None:
        samples = _carriers(query, question, segment)
        if query.by_id is not None and not samples and not _is_there(query.by_id, segment):
            return _Held(0, parent=False)
        if records is not None and entry == "genomicVariant":
            samples, records = samples & records, None
    total, page = segment.entries(
        target.entry, samples=samples, records=records, skip=query.skip * query.limit, limit=limit
    )
    return _Held(total, records=tuple(page) if limit else ())


def _ask_variants(query: Query, segment: Segment, *, samples: BitMap | None, limit: int) -> _Held:
    if samples is not None and not samples:
        return _Held(0)
    page = segment.variants(
        query.question,
        samples=samples,
        skip=query.skip * query.limit,
        limit=limit,
        zygosity=query.zygosity,
    )
    return _Held(page.total, rows=page.rows if limit else ())


def _carriers(query: Query, question: VariantQuestion, segment: Segment) -> BitMap:
    return segment.carriers(question, zygosity=query.zygosity)


def _is_there(named: VariantQuestion, segment: Segment) -> bool:
    return segment.variants(named, samples=None, skip=0, limit=0).total > 0


def _with_calls(
    rows: Sequence[VariantRow], permitted: Permitted, *, calls_left: int
) -> tuple[FoundVariant, ...]:
    """Calls name samples, so they need an open dataset or a grant whatever the granularity."""
    if permitted.protected:
        return tuple(FoundVariant(row, None) for row in rows)
    found = []
    for row in rows:
        calls = permitted.segment.calls(row.row, limit=calls_left) if calls_left > 0 else ()
        calls_left -= len(calls)
        found.append(FoundVariant(row, calls))
    return tuple(found)
