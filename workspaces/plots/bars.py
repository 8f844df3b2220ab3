"""Bars of a released table of counts; a cell that is not shown is said to be so, not drawn as 0."""

from __future__ import annotations

from workspaces.airlock.candidates import Table
from workspaces.errors import PlotRefused
from workspaces.plots import svg
from workspaces.plots.frame import Frame, ticks
from workspaces.plots.picture import Picture
from workspaces.plots.svg import Element

MAX_BARS = 120
THICK = 16.0
NOT_SHOWN = "not shown"
_OPACITY = (0.9, 0.55, 0.3)


def bars(table: Table) -> Picture:
    """Raises PlotRefused for more than MAX_BARS cells."""
    each = len(table.columns)
    if len(table.rows) * each > MAX_BARS:
        raise PlotRefused(f"A bar chart shows at most {MAX_BARS} cells.")
    most = max((cell for row in table.cells for cell in row if cell is not None), default=1)
    group = THICK * each + 12
    left = min(260.0, 24 + 7.5 * max(map(len, table.rows)))
    legend = 26.0 if each > 1 else 0.0
    frame = Frame(0, max(most, 1) * 1.12, 0, 1, left=left, top=16 + legend,
                  height=group * len(table.rows) + 16 + legend + 52)  # fmt: skip
    marks = _legend(table, frame) if each > 1 else []
    for number, (row, cells) in enumerate(zip(table.rows, table.cells, strict=True)):
        top = frame.top + number * group + 6
        middle = top + THICK * each / 2
        marks.append(svg.text(left - 10, middle + 4, _short(row, 32), anchor="end"))
        for place, cell in enumerate(cells):
            marks += _bar(frame, top + place * THICK, cell, place=place)
    marks += frame.x_axis(ticks(0, most), "people" if each > 1 else _short(table.columns[0], 60))
    title = f"Counts by {', '.join(_short(name, 30) for name in table.columns[:4])}"
    hidden = sum(cell is None for row in table.cells for cell in row)
    description = f"{len(table.rows)} rows; {hidden} cells are too small to be shown."
    drawn = svg.drawing(
        marks, width=frame.width, height=frame.height, title=title, description=description
    )
    rows = tuple(
        (row, *(NOT_SHOWN if cell is None else str(cell) for cell in cells))
        for row, cells in zip(table.rows, table.cells, strict=True)
    )
    return Picture(title, drawn, ("", *table.columns), rows)


def _bar(frame: Frame, top: float, cell: int | None, *, place: int) -> list[Element]:
    begin, middle = frame.x(0), top + THICK / 2 + 4
    if cell is None:
        return [svg.text(begin + 6, middle, NOT_SHOWN, font_style="italic", font_size=11,
                         opacity=0.75)]  # fmt: skip
    width = frame.x(cell) - begin
    return [
        svg.element("rect", x=begin, y=top + 1, width=width, height=THICK - 2,
                    opacity=_OPACITY[place % len(_OPACITY)]),
        svg.text(begin + width + 6, middle, str(cell), font_size=11),
    ]  # fmt: skip


def _legend(table: Table, frame: Frame) -> list[Element]:
    marks, x = [], frame.left
    for place, name in enumerate(table.columns):
        marks.append(svg.element("rect", x=x, y=10, width=12, height=12,
                                 opacity=_OPACITY[place % len(_OPACITY)]))  # fmt: skip
        marks.append(svg.text(x + 18, 21, _short(name, 24)))
        x += 40 + 7.5 * len(_short(name, 24))
    return marks


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
