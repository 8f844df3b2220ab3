"""One text for all filters that ask the same by their form, whatever the data hold.

Filters are a function of what they name: order, repetition, nesting, De Morgan's other form, what
is absorbed and what cancels out come to the truth table of that function. Only forms are compared:
two questions that happen to have one answer keep their own keys, or their sharing one draw of noise
would tell that nobody stands between them. What a filter means is `beacon.segment.record_table`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import assert_never

from beacon import quantities, units
from beacon.catalog import AnyOf, Compare, HasTerm, Not, Predicate

MAX_NAMED = 10  # of which a truth table is made; more are refused without a grant
# Words such as the code 01 are told apart from the number 1.
_NUMBER = re.compile(r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$")


def of_all(predicates: Sequence[Predicate]) -> str:
    """Of what must all hold."""
    names = sorted({name for each in predicates for name in _names(each)})
    if len(names) > MAX_NAMED:
        return f"form {sorted(map(repr, predicates))!r}"
    table = [
        all(_holds(each, dict(zip(names, row, strict=True))) for each in predicates)
        for row in product((False, True), repeat=len(names))
    ]
    for name in list(names):
        table, names = _without_if_idle(name, table, names)
    return f"{names!r} {''.join('01'[each] for each in table)}"


def named(predicate: HasTerm | Compare) -> str:
    """One text for every spelling of a term or a comparison."""
    match predicate:
        case HasTerm(term, descendants, scope):
            name, mark, value = term.partition(":")
            if mark and name.islower():  # `sex:female` is a comparison
                return named(Compare(name, "=", value, scope))
            return f"term {term!r} {descendants} {scope}"
        case Compare(name, operator, value, scope):
            name = name.removesuffix(".iso8601duration")
            return f"field {name!r} {operator} {_amount(value)!r} {scope}"
        case _ as unreachable:
            assert_never(unreachable)


def _amount(text: str) -> str:
    """40 as 40.0, 70 kg as 70000 g, P1Y as P12M, words in any case; as exact as the comparison."""
    text = text.strip()
    if _NUMBER.match(text):
        return f"number {float(text) + 0.0!r}"
    amount, _, unit = text.partition(" ")
    if unit.strip() and _NUMBER.match(amount):
        return f"measured {_measured(amount, unit.strip())}"
    days = quantities.duration_days(text)
    return re.sub("%+", "%", text.casefold()) if days is None else f"days {days!r}"


def _measured(amount: str, unit: str) -> tuple[float, str]:
    known = units.power(unit)
    same = units.scaled(amount, known[1]) if known is not None else None
    if known is None or same is None:
        return float(amount) + 0.0, unit.casefold()
    return float(same) + 0.0, known[0]


def _without_if_idle(
    name: str, table: list[bool], names: list[str]
) -> tuple[list[bool], list[str]]:
    """Drops a name on which nothing turns."""
    stride = 1 << (len(names) - 1 - names.index(name))
    no = [each for at, each in enumerate(table) if not at & stride]
    yes = [each for at, each in enumerate(table) if at & stride]
    return (no, [each for each in names if each != name]) if no == yes else (table, names)


def _names(predicate: Predicate) -> list[str]:
    match predicate:
        case AnyOf(of):
            return [name for each in of for name in _names(each)]
        case Not(of):
            return _names(of)
        case _:
            return [named(predicate)]


def _holds(predicate: Predicate, row: Mapping[str, bool]) -> bool:
    match predicate:
        case AnyOf(of):
            return any(_holds(each, row) for each in of)
        case Not(of):
            return not _holds(of, row)
        case _:
            return row[named(predicate)]
