"""What an individual's record says that a filter can ask: ontology terms and values of fields.

Beacon v2.2 default model, `individuals`. Excluded features (`excluded: true`) say nothing; nor do
relatives (`pedigrees`), units and reference ranges, and free `info`. How the findings are kept is
left to `beacon.bitmaps`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_DEPTH = 20
SINGLE_VALUED = frozenset({"sex", "ethnicity", "geographicOrigin"})
_SILENT = frozenset({"pedigrees", "unit", "referenceRange", "info", "id", "notes"})
_TEXT_FIELDS = frozenset({"karyotypicSex"})
_AGE_FIELDS = frozenset({"iso8601duration", "age"})
_DURATION = re.compile(
    r"^P(?=.)(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?=.)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$"
)
# Years and months count as their mean length, so P12M and P1Y are equal.
_DAYS = (365.25, 365.25 / 12, 7.0, 1.0, 1 / 24, 1 / 1440, 1 / 86400)


@dataclass(frozen=True, slots=True)
class Term:
    """An ontology term and the dotted field that holds it."""

    id: str
    label: str
    field: str


@dataclass(frozen=True, slots=True)
class Number:
    """A measured value, under the id of its assay."""

    field: str
    value: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Duration:
    """An ISO 8601 duration, such as an age, in days."""

    field: str
    days: float


@dataclass(frozen=True, slots=True)
class Text:
    """A word or label, compared without regard to case."""

    field: str
    value: str


Finding = Term | Number | Duration | Text


def duration_days(text: str) -> float | None:
    """The length of an ISO 8601 duration in days; None where it is not one."""
    found = _DURATION.match(text) if len(text) <= 64 else None
    if found is None:
        return None
    return sum(float(part) * days for part, days in zip(found.groups(), _DAYS, strict=True) if part)


def findings(individual: Mapping[str, object]) -> Iterator[Finding]:
    """Everything a filter may match in one individual's record."""
    for name, value in individual.items():
        if name not in _SILENT:
            yield from _walk(value, name, 1)


def _walk(value: object, path: str, depth: int) -> Iterator[Finding]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, path, depth + 1)
    elif isinstance(value, Mapping):
        if value.get("excluded") not in (None, False):
            return
        yield from _term(value, path)
        yield from _measured(value)
        for name, inner in value.items():
            if name not in _SILENT and name != "label":
                yield from _walk(inner, f"{path}.{name}", depth + 1)
    elif isinstance(value, str):
        yield from _leaf(value, path)


def _term(value: Mapping[str, object], path: str) -> Iterator[Finding]:
    term, label = value.get("id"), value.get("label")
    if isinstance(term, str) and ":" in term:
        text = label if isinstance(label, str) else ""
        yield Term(term, text, path)
        if text:
            yield Text(path, text.casefold())


def _measured(value: Mapping[str, object]) -> Iterator[Finding]:
    assay, measured = value.get("assayCode"), value.get("measurementValue")
    if not (isinstance(assay, Mapping) and isinstance(measured, Mapping)):
        return
    quantity = measured.get("quantity", measured)
    number = quantity.get("value") if isinstance(quantity, Mapping) else None
    field, label = assay.get("id"), assay.get("label")
    if not isinstance(field, str) or ":" not in field:
        return
    if isinstance(number, int | float) and not isinstance(number, bool):
        yield Number(field, float(number), label if isinstance(label, str) else "")


def _leaf(value: str, path: str) -> Iterator[Finding]:
    name = path.rpartition(".")[2]
    if name in _AGE_FIELDS and (days := duration_days(value)) is not None:
        yield Duration(path, days)
        if path == "age.iso8601duration":
            yield Duration("age", days)
    elif name in _TEXT_FIELDS:
        yield Text(path, value.casefold())
