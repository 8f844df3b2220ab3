"""What a dataset allows: DUO permissions and modifiers with their parameters, normalised.

DUO 2021-02-23. Old and odd spellings, nested modifiers and obsolete terms become one flat form;
what is not understood is kept as `unclear` and forces a review, it is never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from duo.errors import ConsentUnreadable
from duo.terms import DUO_RELEASE, LOCAL_CODES, Kind, Term, spelled
from schemas.data_use import MAX_DEPTH, MAX_TERMS, DataUseParams, DataUseTerm
from schemas.messages import Message

MAX_TERMS_IN_ALL = 4 * MAX_TERMS
MAX_VALUES_IN_ALL = 2_000

# Which parameter belongs to which term.
_PARAMETERS = {
    Term.DS: "diseases",
    Term.GS: "regions",
    Term.TS: "months",
    Term.MOR: "date",
    Term.IS: "institutions",
    Term.US: "users",
    Term.PS: "projects",
    Term.RS: "research_types",
    Term.COL: "investigators",
}
_LISTED = frozenset(_PARAMETERS) - {Term.TS, Term.MOR}
# Beacon v2 has no place for parameters: they travel as ontology terms among the modifiers.
_NESTED_VALUES = {
    Term.DS: re.compile(r"(?!DUO[:_])[A-Za-z][A-Za-z0-9.]*:\S+", re.IGNORECASE),
    Term.GS: re.compile(r"ISO3166(-1)?:[A-Za-z]+", re.IGNORECASE),
    Term.IS: re.compile(r"ROR:\S+|https://ror\.org/\S+", re.IGNORECASE),
}


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


class _Reading:
    """What one pass over the terms gathers."""

    def __init__(self) -> None:
        self.conditions: set[Condition] = set()
        self.unclear: set[str] = set()
        self.warnings: set[str] = set()


def read_consent(terms: Sequence[DataUseTerm]) -> Consent:
    """The consent meant by a list of terms, nested or side by side. Raises `ConsentUnreadable` at
    the cap on terms or values."""
    read = _Reading()
    flat = list(_flat(terms, depth=0))
    values = sum(len(getattr(t.params, _PARAMETERS[name])) for t in flat for name in _LISTED)
    if len(flat) > MAX_TERMS_IN_ALL or values > MAX_VALUES_IN_ALL:
        raise ConsentUnreadable(
            Message(
                "dataset: at most %(most)s terms and %(values)s values in all",
                most=MAX_TERMS_IN_ALL,
                values=MAX_VALUES_IN_ALL,
            )
        )
    for sent in flat:
        _read_term(sent, read)
    rewritten = _without_obsolete(read.conditions, read.warnings)
    permissions = _one_ds(c for c in rewritten if c.term.kind is Kind.PERMISSION)
    modifiers = frozenset(c for c in rewritten if c.term.kind is Kind.MODIFIER)
    return Consent(
        permissions=permissions,
        modifiers=modifiers,
        unclear=tuple(sorted(read.unclear)),
        warnings=tuple(sorted(read.warnings)),
    )


def _flat(terms: Iterable[DataUseTerm], *, depth: int) -> Iterator[DataUseTerm]:
    for sent in terms:
        taken, modifiers = _with_nested_values(sent)
        yield taken
        if depth < MAX_DEPTH:
            yield from _flat(modifiers, depth=depth + 1)
        elif modifiers:
            yield DataUseTerm(id="nested-too-deeply")


def _with_nested_values(sent: DataUseTerm) -> tuple[DataUseTerm, tuple[DataUseTerm, ...]]:
    """The term with those of its modifiers that are values of it, and the other modifiers."""
    terms = [meant.term for meant in spelled(sent.id)]
    term = terms[0] if len(terms) == 1 else None
    shape = _NESTED_VALUES.get(term) if term is not None else None
    if term is None or shape is None:
        return sent, sent.modifiers
    values = tuple(m.id for m in sent.modifiers if shape.fullmatch(m.id.strip()))
    others = tuple(m for m in sent.modifiers if not shape.fullmatch(m.id.strip()))
    name = _PARAMETERS[term]
    params = sent.params.model_copy(update={name: getattr(sent.params, name) + values})
    return sent.model_copy(update={"params": params}), others


def _read_term(sent: DataUseTerm, read: _Reading) -> None:
    known: list[Term] = []
    for meant in spelled(sent.id):
        if meant.odd and meant.term is not None:
            read.warnings.add(Message("unusual spelling: %(raw)s", raw=meant.raw))
        if meant.term is None or meant.term.kind in (Kind.ABSTRACT, Kind.INVESTIGATION):
            local = LOCAL_CODES.get(meant.raw.upper())
            read.unclear.add(f"{meant.raw} ({local})" if local else meant.raw)
            continue
        known.append(meant.term)
        read.conditions.add(_condition(meant.term, sent.params, read))
    if not known:
        return
    _warn_of_label(known, sent, read)
    owned = {_PARAMETERS.get(term) for term in known}
    strays = _stated(sent.params) - owned
    read.unclear |= {f"{known[0].value} with {name}" for name in strays}


def _stated(params: DataUseParams) -> set[str | None]:
    return {name for name in _PARAMETERS.values() if getattr(params, name) not in (None, ())}


def _warn_of_label(known: list[Term], sent: DataUseTerm, read: _Reading) -> None:
    """The id counts: old NPU labels stand beside the id of NPUNCU."""
    usual = {_letters(text) for term in known for text in (term.label, term.shorthand)}
    if sent.label and _letters(sent.label) not in usual:
        read.warnings.add(Message("the label beside %(term)s is not its own", term=known[0].value))
    if sent.version and sent.version != DUO_RELEASE:
        read.warnings.add(
            Message(
                "%(term)s read as of DUO %(release)s, another is stated",
                term=known[0].value,
                release=DUO_RELEASE,
            )
        )


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]+", "", text.lower())


def _condition(term: Term, params: DataUseParams, read: _Reading) -> Condition:
    if term is Term.TS:
        return Condition(term, months=params.months)
    if term is Term.MOR:
        return Condition(term, until=_day(params.date, read))
    values = getattr(params, _PARAMETERS[term]) if term in _LISTED else ()
    return Condition(term, values=frozenset(value.strip() for value in values) - {""})


def _day(raw: str | None, read: _Reading) -> date | None:
    """None where it is no calendar day; a moratorium without one is a review."""
    try:
        return None if raw is None else date.fromisoformat(raw.strip())
    except ValueError:
        read.warnings.add(Message("%(term)s: expected a date as YYYY-MM-DD", term=Term.MOR.value))
        return None


def _without_obsolete(conditions: set[Condition], warnings: set[str]) -> set[Condition]:
    """GRU-CC meant GRU with CC; RU meant research alone, so it takes clinical care away."""
    terms = {condition.term for condition in conditions}
    kept = {c for c in conditions if c.term.kind is not Kind.OBSOLETE}
    if Term.GRU_CC in terms:
        warnings.add(Message("obsolete GRU-CC read as GRU with CC"))
        kept |= {Condition(Term.GRU), Condition(Term.CC)}
    if Term.RU in terms:
        warnings.add(Message("obsolete RU read as: no clinical care"))
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
    merged = {Condition(Term.DS, values=frozenset(named))} if named else set()
    return frozenset(others | merged)
