"""Finds what is wrong with a dataset's terms before anyone asks.

Contradictions, missing parameters, what is not understood: a fault makes requests a review or a
denial, a warning is about form. DUO 2021-02-23 leaves most of this open; the choices are those of
`coverage` and `modifiers`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from duo.consent import Condition, Consent
from duo.disease import Hierarchy
from duo.regions import countries
from duo.terms import Term
from schemas.messages import Message


@dataclass(frozen=True, slots=True)
class Problem:
    """`term` is None where the whole profile is meant; a warning is no fault."""

    code: str
    text: str
    term: Term | None = None
    is_fault: bool = True


_NEEDS_VALUES: Mapping[Term, str] = MappingProxyType(
    {
        Term.DS: "diseases",
        Term.GS: "regions",
        Term.IS: "institutions",
        Term.US: "users",
        Term.PS: "projects",
        Term.RS: "research_types",
    }
)
_CONTRADICTIONS = (
    (Term.POA, Term.NPOA, Message("The profile asks for ancestry research only and prohibits it.")),
    (
        Term.POA,
        Term.CC,
        Message("The profile allows nothing but ancestry research and adds clinical care."),
    ),
)
# Restricting lists of which two say more than one: a request must be on both.
_ONCE = frozenset({Term.GS, Term.IS, Term.US, Term.PS, Term.RS, Term.TS, Term.MOR})


def lint(consent: Consent, *, hierarchy: Hierarchy) -> tuple[Problem, ...]:
    """In a stable order; nothing found is an empty tuple."""
    found = [
        *_permissions(consent),
        *_contradictions(consent),
        *_parameters(consent),
        *_vocabularies(consent, hierarchy),
        *(_unclear(raw) for raw in consent.unclear),
        *(Problem("form", text, is_fault=False) for text in consent.warnings),
    ]
    return tuple(sorted(set(found), key=lambda p: (not p.is_fault, p.code, p.term or "", p.text)))


def _permissions(consent: Consent) -> Iterator[Problem]:
    if not consent.permissions:
        yield Problem(
            "no_permission", Message("No permission is stated: every request is a review.")
        )
    if len(consent.permissions) > 1:
        terms = ", ".join(sorted({p.term.shorthand for p in consent.permissions}))
        text = Message(
            "Several permissions (%(terms)s): where they disagree, a person must judge.",
            terms=terms,
        )
        yield Problem("several_permissions", text)


def _contradictions(consent: Consent) -> Iterator[Problem]:
    for one, other, text in _CONTRADICTIONS:
        if consent.has(one) and consent.has(other):
            yield Problem("contradiction", text, other)
    if consent.has(Term.NRES) and any(m.term is not Term.CC for m in consent.modifiers):
        yield Problem(
            "contradiction", Message("No restriction is stated beside restrictions."), Term.NRES
        )
    for term, times in Counter(m.term for m in consent.modifiers).items():
        if times > 1 and term in _ONCE:
            text = Message(
                "Stated more than once with different parameters: a request must meet each."
            )
            yield Problem("stated_twice", text, term)


def _parameters(consent: Consent) -> Iterator[Problem]:
    for condition in (*consent.permissions, *consent.modifiers):
        name = _missing(condition)
        if name is not None:
            text = Message(
                "The parameter “%(name)s” is missing: every request is a review.", name=name
            )
            yield Problem("missing_parameter", text, condition.term)
        if condition.term is Term.COL and not condition.values:
            text = Message("Name the investigators, so that a requester knows whom to ask.")
            yield Problem("investigators", text, condition.term, is_fault=False)


def _missing(condition: Condition) -> str | None:
    match condition.term:
        case Term.TS:
            return None if condition.months else "months"
        case Term.MOR:
            return None if condition.until else "date"
        case _:
            return None if condition.values else _NEEDS_VALUES.get(condition.term)


def _vocabularies(consent: Consent, hierarchy: Hierarchy) -> Iterator[Problem]:
    for condition in (*consent.permissions, *consent.modifiers):
        if condition.term is Term.GS and not countries(condition.values)[1]:
            text = Message("A region is no country of ISO 3166 and no union we know.")
            yield Problem("unmapped_region", text, condition.term)
        if condition.term is Term.DS and hierarchy.parents:
            for disease in condition.values:
                if hierarchy.known(disease) is None:
                    text = Message(
                        "The tables (%(release)s) do not know %(disease)s.",
                        release=hierarchy.release,
                        disease=disease[:40],
                    )
                    yield Problem("unknown_disease", text, condition.term)


def _unclear(raw: str) -> Problem:
    return Problem(
        "unclear", Message("Not understood: %(raw)s: every request is a review.", raw=raw)
    )
