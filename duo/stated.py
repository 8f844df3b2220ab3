"""What a dataset allows, as Beacon v2.2 states it: `dataUseConditions.duoDataUse`.

Values that the form has terms for (diseases, countries, institutions by ROR) travel among the
modifiers of their term; the others (months, a date, users, projects) have no place there. The
inverse of reading is `consent`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NotRequired, TypedDict

from duo.consent import Condition, Consent
from duo.terms import DUO_RELEASE, Term

_SPOKEN = frozenset({Term.DS, Term.GS, Term.IS})


class Modifier(TypedDict):
    id: str


class Stated(TypedDict):
    id: str
    label: str
    version: str
    modifiers: NotRequired[list[Modifier]]


def duo_data_use(consent: Consent) -> list[Stated]:
    """Permissions first, each list in the order of its ids."""
    return [*_all(consent.permissions), *_all(consent.modifiers)]


def _all(conditions: Iterable[Condition]) -> list[Stated]:
    ordered = sorted(conditions, key=lambda one: (one.term.value, sorted(one.values)))
    return [_one(condition) for condition in ordered]


def _one(condition: Condition) -> Stated:
    term = condition.term
    stated: Stated = {"id": term.value, "label": term.label, "version": DUO_RELEASE}
    spoken = sorted(v for v in condition.values if ":" in v) if term in _SPOKEN else []
    if spoken:
        stated["modifiers"] = [{"id": value} for value in spoken]
    return stated
