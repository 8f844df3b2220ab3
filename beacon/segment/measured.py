"""What a comparison means for a field that is measured: which amounts, in which unit, or words.

A value that names a unit (`30 kg/m2`) is compared in each unit it converts to exactly; what no
amount of the field can be is read as words, where the field has some. Pure; the amounts themselves
are `record_table`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from beacon import canonical, quantities, units
from beacon.catalog import Compare
from beacon.errors import UnsupportedFilter
from beacon.quantities import Kind
from beacon.segment.bitmaps import check_text


@dataclass(frozen=True, slots=True)
class Measured:
    """Amounts of one field of an entity in one unit; `None` as kind stands for words."""

    name: str
    kind: Kind | None
    unit: str = ""
    unit_label: str = ""
    label: str = ""
    holders: int = 0


def meant(
    fields: list[Measured], question: Compare
) -> tuple[list[tuple[Measured, quantities.Interval]], Measured | None]:
    """The amounts to compare, each with what it is compared to; else the words. Raises
    `UnsupportedFilter`."""
    said = question.value.strip().partition(" ")[0]
    for kind in dict.fromkeys(each.kind for each in fields if each.kind is not None):
        if quantities.of_text(said, kind) is None:
            continue
        held = _in_unit([each for each in fields if each.kind == kind], question.value)
        read = [(one, quantities.of_text(value, kind)) for one, value in held]
        asked = [(one, at) for one, at in read if at is not None]
        if asked:
            return asked, None
    words = [each for each in fields if each.kind is None]
    if not words:
        raise UnsupportedFilter(_expected(question, fields))
    check_text(question)
    return [], words[0]


def readings(fields: list[Measured], question: Compare) -> Iterator[str]:
    """What is asked for, in the one spelling of each amount. Raises as `meant`."""
    amounts, words = meant(fields, question)
    if words is not None:
        yield canonical.word(question.value)
    for one, (first, last) in amounts:
        match one.kind:
            case "duration":
                yield canonical.duration(first)
            case "date":
                yield canonical.moment(question.operator, first, last)
            case _:
                unit = f" {one.unit}" if len(amounts) > 1 else ""
                yield canonical.number(first) + unit


def _in_unit(fields: list[Measured], value: str) -> list[tuple[Measured, str]]:
    """The amounts in the unit a value names (`30 kg/m2`) or one it converts to exactly, each with
    the value in its own; or those in the only unit there is."""
    amount, _, unit = value.strip().partition(" ")
    held = ", ".join(sorted(each.unit_label or each.unit for each in fields))
    if unit := unit.strip():
        found = [(each, same) for each in fields if (same := _same(amount, unit, each)) is not None]
        if found:
            return found
        raise UnsupportedFilter(f"this field is measured in: {held or 'no unit'}")
    if len(fields) > 1:
        raise UnsupportedFilter(f"this field is measured in several units, name one of: {held}")
    return [(fields[0], amount)]


def _same(amount: str, unit: str, held: Measured) -> str | None:
    if unit.casefold() in (held.unit.casefold(), held.unit_label.casefold()):
        return amount
    ways = (units.converted(amount, unit, held=name) for name in (held.unit, held.unit_label))
    return next((way for way in ways if way is not None), None)


def _expected(question: Compare, fields: list[Measured]) -> str:
    forms = {
        "number": "a number",
        "duration": "an ISO 8601 duration such as P32Y6M",
        "date": "a date such as 2021-09-24",
    }
    kinds = " or ".join(dict.fromkeys(forms[each.kind] for each in fields if each.kind))
    return f"{question.id} compares with {kinds}"
