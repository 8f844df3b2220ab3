"""Joins a site's clinical table to its genotypes: the `Design` an analysis asks for.

The table is tab-separated text with a header; its first column names people as the VCF does, the
others are numbers, where there is a unit with it in brackets after the name (`ldl [mmol/L]`), and
empty, NA or a point is missing. Whoever lacks the trait or a covariate is left out; a site that
lacks the column altogether has nobody.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workspaces.analysis.design import MISSING, Design, Dosages, Floats
from workspaces.analysis.genotypes import MAX_PEOPLE

MAX_VARIABLES = 1_000
MAX_FIELD = 1_000
MAX_UNIT = 40
_MISSING = frozenset({"", "NA", "."})


@dataclass(frozen=True, slots=True)
class Clinical:
    """Per person, in the table's order, the value (n,) of each variable, NaN where missing; `units`
    of those that state one."""

    people: tuple[str, ...]
    variables: Mapping[str, Floats]
    units: Mapping[str, str] = field(default_factory=dict)

    def columns(self, names: Sequence[str]) -> Floats | None:
        """(n, len(names)); None where the site lacks one of them."""
        if any(name not in self.variables for name in names):
            return None
        held = [self.variables[name] for name in names]
        return np.column_stack([np.empty((len(self.people), 0)), *held])


def read_clinical(lines: Iterable[str]) -> Clinical:
    """Raises `ValueError`, naming line and column and never a value."""
    rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    header = next(rows, [])
    units = dict(map(_named, header[1:]))
    names = list(units)
    different = len({*header[:1], *names}) == len(header)
    if not 1 <= len(names) <= MAX_VARIABLES or not different or "" in header:
        raise ValueError(f"expected a header of an id and 1 to {MAX_VARIABLES} different names")
    people: list[str] = []
    values: list[list[float]] = []
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise ValueError(f"line {number} has {len(row)} fields, the header {len(header)}")
        people.append(row[0])
        values.append(
            [_number(text, number, name) for text, name in zip(row[1:], names, strict=True)]
        )
        if len(people) > MAX_PEOPLE:
            raise ValueError(f"a table may have {MAX_PEOPLE} people")
    if len(set(people)) < len(people):
        raise ValueError("a person is twice in the table")
    table = np.array(values, dtype=np.float64).reshape(len(people), len(names))
    variables = {name: table[:, place] for place, name in enumerate(names)}
    return Clinical(tuple(people), variables, {name: unit for name, unit in units.items() if unit})


def _named(text: str) -> tuple[str, str]:
    """A variable's name and unit, which may hold brackets itself."""
    name, bracket, rest = text.partition(" [")
    if not bracket:
        return text, ""
    if not name or not rest.endswith("]") or not 2 <= len(rest) <= MAX_UNIT + 1:
        raise ValueError("a column's name and unit are written NAME [UNIT]")
    return name, rest[:-1]


def _number(text: str, line: int, name: str) -> float:
    if text in _MISSING:
        return np.nan
    try:
        value = float(text) if len(text) <= MAX_FIELD else np.nan
    except ValueError as error:
        raise ValueError(f"line {line}, column {name[:80]}: not a number") from error
    if not np.isfinite(value):
        raise ValueError(f"line {line}, column {name[:80]}: not a finite number")
    return value


def of_panel(dosages: Dosages, columns: NDArray[np.intp]) -> Dosages:
    """(n, len(columns)), missing where a column is -1. They lie variant by variant, as read from
    files: what is already in order is not moved."""
    by_variant = dosages.T
    if np.array_equal(columns, np.arange(by_variant.shape[0])):
        return dosages
    if not by_variant.shape[0]:
        return np.full((columns.size, by_variant.shape[1]), MISSING, dtype=np.int8).T
    chosen = by_variant[np.maximum(columns, 0)]
    chosen[columns < 0] = MISSING if chosen.dtype == np.int8 else np.nan
    return chosen.T


def design_of(
    clinical: Clinical,
    people: Sequence[str],
    dosages: Dosages,
    *,
    trait: str,
    covariates: Sequence[str],
) -> Design:
    """Of the people that the table and `dosages`, whose variants are the panel's, both hold."""
    shape = {"covariates": len(covariates) + 1, "variants": dosages.shape[1]}
    asked = clinical.columns([trait, *covariates])
    if asked is None:
        return Design.nobody(**shape)
    place = {person: number for number, person in enumerate(people)}
    row = np.array([place.get(person, -1) for person in clinical.people], dtype=np.intp)
    taken = (row >= 0) & np.isfinite(asked).all(axis=1)
    if not taken.any():
        return Design.nobody(**shape)
    rows = row[taken]
    if not np.array_equal(rows, np.arange(len(people))):
        dosages = dosages.T[:, rows].T
    intercept = np.ones((rows.size, 1))
    return Design(asked[taken, 0], np.column_stack([intercept, asked[taken, 1:]]), dosages)
