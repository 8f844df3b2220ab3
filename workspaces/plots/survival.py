"""Survival curves of a released model: steps at the released times, with their bounds.

The model names its curves as `workspaces.analysis.survival` does: «group: time», «group: survival»
and, if released, «group: lower» and «group: upper».
"""

from __future__ import annotations

from itertools import pairwise

from workspaces.airlock.candidates import AggregateModel
from workspaces.errors import PlotRefused
from workspaces.plots import svg
from workspaces.plots.frame import Frame, ticks
from workspaces.plots.picture import Picture
from workspaces.plots.svg import Element

MAX_GROUPS = 6
MAX_TABLE = 200
STUB = 8.0  # units of the sheet, so that the last step is seen to be one
_DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 5", "4 6")
Steps = list[tuple[float, float]]


def survival(model: AggregateModel) -> Picture:
    """Raises PlotRefused for a model without curves, or with curves that are none."""
    groups = [name.removesuffix(": time") for name in model.coefficients if name.endswith(": time")]
    if not 1 <= len(groups) <= MAX_GROUPS:
        raise PlotRefused(f"A survival plot shows 1 to {MAX_GROUPS} curves.")
    curves = {group: _curve(model, group, "survival") for group in groups}
    last = max(steps[-1][0] for steps in curves.values())
    frame = Frame(0, last * 1.02, 0, 1, right=170)
    marks = frame.y_axis(ticks(0, 1, about=5), "share without the event")
    marks += frame.x_axis(ticks(0, last), "time")
    heights = _apart([frame.y(steps[-1][1]) for steps in curves.values()])
    for dash, group, height in zip(_DASHES, groups, heights, strict=False):
        marks += _drawn(frame, model, group, dash=dash)
        marks.append(svg.text(frame.width - frame.right + 34, height + 4, group[:20]))
        marks.append(svg.line(frame.width - frame.right + 6, height, frame.width - frame.right + 28,
                              height, stroke_width=2, stroke_dasharray=dash or "none"))  # fmt: skip
    title = f"Survival of {model.people} people over {model.sites} sites"
    description = f"Kaplan-Meier curves with 95 % bounds: {', '.join(groups)}."
    drawn = svg.drawing(
        marks, width=frame.width, height=frame.height, title=title, description=description
    )
    rows = [
        (group, f"{time:g}", f"{share:g}") for group in groups for time, share in curves[group][1:]
    ]
    columns = ("group", "time", "share without the event")
    return Picture(title, drawn, columns, tuple(rows[:MAX_TABLE]), max(0, len(rows) - MAX_TABLE))


def _curve(model: AggregateModel, group: str, name: str) -> Steps:
    """From time 0, where everybody is there."""
    times = model.coefficients[f"{group}: time"]
    shares = model.coefficients.get(f"{group}: {name}", ())
    rising = all(first < second for first, second in zip((0.0, *times), times, strict=False))
    if not times or len(times) != len(shares) or not rising:
        raise PlotRefused("A curve has one share per time, and times that rise from above 0.")
    if not all(0 <= share <= 1 for share in shares):
        raise PlotRefused("A share of people is from 0 to 1.")
    return [(0.0, 1.0), *zip(times, shares, strict=True)]


def _drawn(frame: Frame, model: AggregateModel, group: str, *, dash: str) -> list[Element]:
    marks = []
    if f"{group}: lower" in model.coefficients and f"{group}: upper" in model.coefficients:
        lower, upper = (_on_sheet(frame, _curve(model, group, name)) for name in ("lower", "upper"))
        marks.append(svg.path([*upper, *lower[::-1]], closed=True, opacity=0.1))
    curve = _on_sheet(frame, _curve(model, group, "survival"))
    marks.append(svg.path(curve, fill="none", stroke=svg.INK, stroke_width=2,
                          stroke_dasharray=dash or "none"))  # fmt: skip
    return marks


def _on_sheet(frame: Frame, steps: Steps) -> list[tuple[float, float]]:
    """The corners of the stairs."""
    corners = [(frame.x(steps[0][0]), frame.y(steps[0][1]))]
    for (_, before), (time, share) in pairwise(steps):
        corners += [(frame.x(time), frame.y(before)), (frame.x(time), frame.y(share))]
    x, y = corners[-1]
    return [*corners, (x + STUB, y)]


def _apart(heights: list[float], room: float = 18) -> list[float]:
    """The same order from top to bottom, none nearer to the next than `room`."""
    order = sorted(range(len(heights)), key=lambda number: heights[number])
    placed = list(heights)
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + room)
    return placed
