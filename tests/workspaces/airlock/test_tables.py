"""No cell below the floor is shown, and none can be worked out from totals."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from workspaces.airlock.tables import blanked

FLOOR = 10


def rectangles() -> st.SearchStrategy[list[list[int]]]:
    return st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(st.integers(0, 40), min_size=width, max_size=width), min_size=1, max_size=5
        )
    )


def lines(table: list[list[object]]) -> list[list[object]]:
    return [*table, *(list(column) for column in zip(*table, strict=True))]


@given(rectangles())
def test_what_is_shown_is_at_the_floor_and_true(cells: list[list[int]]) -> None:
    shown = blanked(cells, floor=FLOOR)
    for before, after in zip(chain(*cells), chain(*shown), strict=True):
        assert after in (None, before)
        assert after is None or after >= FLOOR


@given(rectangles())
def test_no_line_gives_its_blank_cells_away(cells: list[list[int]]) -> None:
    shown = blanked(cells, floor=FLOOR)
    for before, after in zip(lines(cells), lines(shown), strict=True):  # type: ignore[arg-type]
        blank = [count for count, cell in zip(before, after, strict=True) if cell is None]
        if blank and len(blank) < len(after):
            assert len(blank) > 1
            assert sum(blank) >= FLOOR  # type: ignore[arg-type]  # counts


@given(rectangles())
def test_a_table_of_large_cells_is_shown_whole(cells: list[list[int]]) -> None:
    large = [[count + FLOOR for count in row] for row in cells]
    assert blanked(large, floor=FLOOR) == large


def test_one_small_cell_takes_a_rectangle_of_cells_with_it() -> None:
    assert blanked([[3, 50, 90], [60, 70, 80], [99, 98, 97]], floor=FLOOR) == [
        [None, None, 90],
        [None, None, 80],
        [99, 98, 97],
    ]
