"""Which variants filters on effects leave: one form for all filters that always leave the same.

What is asked is a function of the effects a variant has. They fall into cells of which no filter
tells one effect from another, and the function is the truth table over cells that a variant may
have something of. Cells on which nothing turns are dropped and those that only stand for each other
are put together, so that equal questions are equal: their noise is drawn once. Which filters ask
for effects is `beacon.variant_filters`', evaluating a rule the engines'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

from pyroaring import BitMap

from beacon.errors import BadQuestion

MAX_CELLS = 8
Cell = tuple[str, ...]
Having = frozenset[str]  # at least one of these


@dataclass(frozen=True, slots=True)
class Either:
    """One of these holds."""

    of: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Lacking:
    """This does not hold."""

    of: Formula


Formula = Having | Either | Lacking


@dataclass(frozen=True, slots=True)
class EffectRule:
    """`table` has one digit for each set of cells, the first cell counting most: whether a variant
    with some effect of these and of no other cell is left."""

    cells: tuple[Cell, ...]
    table: str

    def kept(self, rows: BitMap, having: Callable[[Cell], BitMap]) -> BitMap:
        """Those of `rows` that are left; `having` finds the rows with some effect of a cell."""
        return _kept(rows, self.table, [having(cell) for cell in self.cells])


EVERY: Final = EffectRule((), "1")


def either(of: Sequence[Formula]) -> Formula:
    """Having one of some effects or of others is having one of all of these."""
    plain = [each for each in of if isinstance(each, frozenset)]
    rest = [each for each in of if not isinstance(each, frozenset)]
    members = ([frozenset().union(*plain)] if plain else []) + rest
    return members[0] if len(members) == 1 else Either(tuple(members))


def lacking(of: Formula) -> Formula:
    return of.of if isinstance(of, Lacking) else Lacking(of)


def rule(every: Sequence[Formula]) -> EffectRule:
    """Of what must all hold."""
    # Lacking these and those is having none of all of them.
    formula = lacking(either([lacking(each) for each in every]))
    cells = _cells(set(_asked(formula)))
    if len(cells) > MAX_CELLS:
        raise BadQuestion(
            f"Filters on effects tell at most {MAX_CELLS} sorts of effects apart; ask for fewer."
        )
    sizes = range(1 << len(cells))
    table = [_holds(formula, _of(row, cells)) for row in sizes]
    return _simplest(cells, table)


def _asked(formula: Formula) -> Iterator[Having]:
    match formula:
        case Either(of):
            for each in of:
                yield from _asked(each)
        case Lacking(of):
            yield from _asked(of)
        case _:
            yield formula


def _cells(asked: set[Having]) -> list[Cell]:
    """The coarsest division in which every set asked for is made of whole cells."""
    cells: list[Having] = []
    for having in asked:
        parted = [part for cell in cells for part in (cell & having, cell - having)]
        new = having.difference(*cells) if cells else having
        cells = [part for part in (*parted, new) if part]
    return sorted(tuple(sorted(cell)) for cell in cells)


def _of(row: int, cells: Sequence[Cell]) -> Having:
    """One effect of each cell that this row of the table says is had."""
    last = len(cells) - 1
    return frozenset(cell[0] for at, cell in enumerate(cells) if row >> (last - at) & 1)


def _holds(formula: Formula, had: Having) -> bool:
    match formula:
        case Either(of):
            return any(_holds(each, had) for each in of)
        case Lacking(of):
            return not _holds(of, had)
        case _:
            return not formula.isdisjoint(had)


def _simplest(cells: list[Cell], table: list[bool]) -> EffectRule:
    at = 0
    while at < len(cells):
        mine = _stride(at, cells)
        if all(table[row] == table[row ^ mine] for row in range(len(table))):
            del cells[at]
            table = _absent(table, mine)
            continue
        for other in range(len(cells) - 1, at, -1):
            theirs = _stride(other, cells)
            if _stand_for_each_other(table, mine, theirs):
                cells[at] = tuple(sorted(cells[at] + cells[other]))
                del cells[other]
                table = _absent(table, theirs)
                mine = _stride(at, cells)
        at += 1
    return EffectRule(tuple(cells), "".join("01"[each] for each in table))


def _stride(at: int, cells: Sequence[Cell]) -> int:
    return 1 << (len(cells) - 1 - at)


def _absent(table: list[bool], stride: int) -> list[bool]:
    return [each for row, each in enumerate(table) if not row & stride]


def _stand_for_each_other(table: list[bool], one: int, other: int) -> bool:
    """Whether it is all the same which of two cells, or both, a variant has something of."""
    both = one | other
    without = (row for row in range(len(table)) if not row & both)
    return all(table[row | one] == table[row | other] == table[row | both] for row in without)


def _kept(rows: BitMap, table: str, having: Sequence[BitMap]) -> BitMap:
    if "0" not in table:
        return rows
    if "1" not in table:
        return BitMap()
    middle = len(table) // 2
    parts = (
        _kept(rows - having[0], table[:middle], having[1:]),
        _kept(rows & having[0], table[middle:], having[1:]),
    )
    return reduce(BitMap.__or__, parts)
