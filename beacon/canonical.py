"""One text for all filters that ask the same by their form, whatever the data hold.

Filters are a function of what they name: order, repetition, nesting, De Morgan's other form, what
is absorbed and what cancels out come to the truth table of that function. Only forms are compared:
two questions that happen to have one answer keep their own keys, or their sharing one draw of noise
would tell that nobody stands between them. What a filter means, and what the values of a field are
read as, is `beacon.segment.record_table`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import assert_never

from beacon import quantities, units
from beacon.catalog import AnyOf, Compare, HasTerm, Leaf, Not, Predicate, leaves

Reading = Callable[[Compare], str]
MAX_NAMED = 10  # of which a truth table is made; more are refused without a grant
_AMOUNTS = ("number ", "days ", "seconds ", "measured ", "word ")
# Words such as the code 01 are told apart from the number 1.
_NUMBER = re.compile(r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$")


def written(question: Compare) -> str:
    """A value as far as it tells by itself what it is."""
    return _amount(question.value)


def of_all(predicates: Sequence[Predicate], reading: Reading = written) -> str:
    """Of what must all hold; `reading` says what values are read as."""
    told = {leaf: named(leaf, reading=reading) for each in predicates for leaf in leaves(each)}
    names = sorted(set(told.values()))
    if len(names) > MAX_NAMED:
        return f"form {sorted(map(repr, predicates))!r}"
    table = [
        all(_holds(each, dict(zip(names, row, strict=True)), told) for each in predicates)
        for row in product((False, True), repeat=len(names))
    ]
    for name in list(names):
        table, names = _without_if_idle(name, table, names)
    return f"{names!r} {''.join('01'[each] for each in table)}"


def named(predicate: Leaf, *, reading: Reading = written) -> str:
    """One text for every spelling of a term or a comparison."""
    match predicate:
        case HasTerm(term, descendants, scope):
            name, mark, value = term.partition(":")
            if mark and name.islower():  # `sex:female` is a comparison
                return named(Compare(name, "=", value, scope), reading=reading)
            return f"term {term!r} {descendants} {scope}"
        case Compare(name, operator, _, scope):
            name = name.removesuffix(".iso8601duration")
            return f"field {name!r} {operator} {reading(predicate)!r} {scope}"
        case _ as unreachable:
            assert_never(unreachable)


def number(amount: float) -> str:
    return f"number {amount + 0.0!r}"


def duration(days: float) -> str:
    return f"days {days!r}"


def moment(operator: str, first: float, last: float) -> str:
    """Of the first and the last second of a date, those that the comparison looks at."""
    looked_at = {"<": (first,), ">=": (first,), ">": (last,), "<=": (last,)}
    return f"seconds {looked_at.get(operator, (first, last))!r}"


def word(text: str) -> str:
    """In any case, with one sign for any run of characters; no word is spelled as an amount is."""
    plain = re.sub("%+", "%", text.strip().casefold())
    return f"word {plain}" if plain.startswith(_AMOUNTS) else plain


def _amount(text: str) -> str:
    """40 as 40.0, 70 kg as 70000 g, P1Y as P12M, words in any case; as exact as the comparison."""
    text = text.strip()
    if _NUMBER.match(text):
        return number(float(text))
    amount, _, unit = text.partition(" ")
    if unit.strip() and _NUMBER.match(amount):
        return f"measured {_measured(amount, unit.strip())}"
    days = quantities.duration_days(text)
    return word(text) if days is None else duration(days)


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


def _holds(predicate: Predicate, row: Mapping[str, bool], told: Mapping[Leaf, str]) -> bool:
    match predicate:
        case AnyOf(of):
            return any(_holds(each, row, told) for each in of)
        case Not(of):
            return not _holds(of, row, told)
        case _:
            return row[told[predicate]]
