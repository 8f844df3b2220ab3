"""Blanks cells of a table of counts so that none below a floor is shown or can be worked out.

Readers know the totals of rows and columns. A small cell is blanked; so is another of its row and
its column, the smallest first, until the blank cells of every line are several and add up to the
floor (complementary suppression). Zero is a small cell: that nobody is there says something of
everybody. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Cells = list[list[int | None]]


def blanked(cells: Sequence[Sequence[int | None]], *, floor: int) -> Cells:
    """The table with None for what may not be shown; `cells` is rectangular, None counts as 0."""
    counts = [[count or 0 for count in row] for row in cells]
    shown: Cells = [[count if count >= floor else None for count in row] for row in counts]
    while beside := _beside_a_lonely_blank(shown, counts, floor):
        row, column = min(beside, key=lambda place: counts[place[0]][place[1]])
        shown[row][column] = None
    return shown


def _beside_a_lonely_blank(
    shown: Cells, counts: Sequence[Sequence[int]], floor: int
) -> list[tuple[int, int]]:
    """The shown cells of a line whose blank ones could be worked out, or nearly, from its total."""
    for line in _lines(shown):
        blank = [(row, column) for row, column in line if shown[row][column] is None]
        hidden = sum(counts[row][column] for row, column in blank)
        if blank and len(blank) < len(line) and (len(blank) == 1 or hidden < floor):
            return [place for place in line if place not in blank]
    return []


def _lines(shown: Cells) -> Iterator[list[tuple[int, int]]]:
    rows, columns = range(len(shown)), range(len(shown[0]))
    yield from ([(row, column) for column in columns] for row in rows)
    yield from ([(row, column) for row in rows] for column in columns)
