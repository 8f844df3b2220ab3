"""What a dataset allows: DUO permissions and modifiers with their parameters, normalised.

DUO 2021-02-23. Old and odd spellings, nested modifiers and obsolete terms become one flat form;
what is not understood is kept as `unclear` and forces a review, it is never ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from duo.terms import Kind, Term, spelled
from schemas.data_use import DataUseTerm

MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Condition:
    """One term with its parameters; which of them matter depends on the term."""

    term: Term
    values: frozenset[str] = frozenset()
    months: int | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """Order and duplicates carry no meaning. `unclear` names what was not understood, `warnings`
    what was understood in spite of its form."""

    permissions: frozenset[Condition]
    modifiers: frozenset[Condition] = frozenset()
    unclear: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def has(self, term: Term) -> bool:
        return any(condition.term is term for condition in (*self.permissions, *self.modifiers))


def read_consent(terms: Sequence[DataUseTerm]) -> Consent:
    """The consent meant by a list of terms, nested or side by side."""
    conditions: set[Condition] = set()
    unclear: list[str] = []
    warnings: list[str] = []
    for sent in _flat(terms, depth=0):
        for meant in spelled(sent.id):
            if meant.odd and meant.term is not None:
                warnings.append(f"unusual spelling: {meant.raw}")
            if meant.term is None or meant.term.kind in (Kind.ABSTRACT, Kind.INVESTIGATION):
                unclear.append(meant.raw)
                continue
            conditions.add(_condition(meant.term, sent))
    rewritten = _without_obsolete(conditions, warnings)
    permissions = _one_ds(c for c in rewritten if c.term.kind is Kind.PERMISSION)
    modifiers = frozenset(c for c in rewritten if c.term.kind is Kind.MODIFIER)
    return Consent(
        permissions=permissions,
        modifiers=modifiers,
        unclear=tuple(sorted(set(unclear))),
        warnings=tuple(sorted(set(warnings))),
    )


def _flat(terms: Iterable[DataUseTerm], *, depth: int) -> Iterator[DataUseTerm]:
    for sent in terms:
        yield sent
        if depth < MAX_DEPTH:
            yield from _flat(sent.modifiers, depth=depth + 1)
        elif sent.modifiers:
            yield DataUseTerm(id="nested-too-deeply")


def _condition(term: Term, sent: DataUseTerm) -> Condition:
    return Condition(term, values=frozenset(sent.values), months=sent.months, until=sent.until)


def _without_obsolete(conditions: set[Condition], warnings: list[str]) -> set[Condition]:
    """GRU-CC meant GRU with CC; RU meant research alone, so it takes clinical care away."""
    terms = {condition.term for condition in conditions}
    kept = {c for c in conditions if c.term.kind is not Kind.OBSOLETE}
    if Term.GRU_CC in terms:
        warnings.append("obsolete GRU-CC read as GRU with CC")
        kept |= {Condition(Term.GRU), Condition(Term.CC)}
    if Term.RU in terms:
        warnings.append("obsolete RU read as: no clinical care")
        kept = {c for c in kept if c.term is not Term.CC}
    return kept


def _one_ds(permissions: Iterable[Condition]) -> frozenset[Condition]:
    """Diseases listed one by one are alternatives of one permission. A DS that names none stays
    apart: what it meant is unknown."""
    named: set[str] = set()
    others: set[Condition] = set()
    for condition in permissions:
        if condition.term is Term.DS and condition.values:
            named |= condition.values
        else:
            others.add(condition)
    return frozenset(others | ({Condition(Term.DS, values=frozenset(named))} if named else set()))
