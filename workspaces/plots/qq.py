"""The QQ plot of a released association summary: strengths found beside those expected by chance.

The band holds 95 % of what chance gives at each rank (order statistics of a uniform are beta). The
inflation is the median statistic over its expectation.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from workspaces.airlock.candidates import GwasSummary
from workspaces.plots import svg
from workspaces.plots.associations import COLUMNS, TOP, strength, strongest, thinned
from workspaces.plots.frame import Frame, ticks
from workspaces.plots.picture import Picture

BAND_POINTS = 100
SIDE = 480
RIGHT = 440  # of the sheet, for words: the drawing is square


def qq(summary: GwasSummary) -> Picture:
    found = np.sort([strength(one) for one in summary.variants])[::-1]
    count = found.size
    expected = -np.log10((np.arange(1, count + 1) - 0.5) / max(count, 1))
    reach = float(expected[0]) * 1.05 if count else 1.0
    high = max(float(found[0]) if count else 0.0, reach) * 1.05
    frame = Frame(0, reach, 0, high, height=SIDE, right=RIGHT)
    marks = frame.y_axis(ticks(0, high), "−log₁₀ p found")
    marks += frame.x_axis(ticks(0, reach), "−log₁₀ p expected by chance")
    marks.append(_band(frame, count))
    marks.append(svg.line(frame.x(0), frame.y(0), frame.x(reach), frame.y(reach), opacity=0.6))
    points = ((frame.x(x), frame.y(y)) for x, y in zip(expected, found, strict=True))
    marks.append(svg.dots(thinned(points), size=3.6, opacity=0.85))
    inflation = _inflation(summary)
    words = (
        f"λ = {inflation:.3f}",
        "line: as strong as by chance",
        "band: 95 % of what chance gives",
    )
    aside = frame.width - RIGHT + 24
    marks += [svg.text(aside, frame.top + 14 + 22 * row, said) for row, said in enumerate(words)]
    title = f"{summary.trait}: found against expected, {count} variants"
    description = (
        f"Points on the line are as strong as chance makes them; inflation of the median "
        f"{inflation:.3f}. The band holds 95 % of chance."
    )
    drawn = svg.drawing(
        marks, width=frame.width, height=frame.height, title=title, description=description
    )
    return Picture(title, drawn, COLUMNS, strongest(summary), max(0, count - TOP))


def _inflation(summary: GwasSummary) -> float:
    p = np.array([one.p for one in summary.variants])
    return float(stats.chi2.isf(np.median(p), 1) / stats.chi2.ppf(0.5, 1)) if p.size else 1.0


def _band(frame: Frame, count: int) -> svg.Element:
    ranks = np.unique(np.geomspace(1, max(count, 1), BAND_POINTS).astype(int))
    across = -np.log10((ranks - 0.5) / max(count, 1))
    edges = (stats.beta.ppf(level, ranks, max(count, 1) - ranks + 1) for level in (0.025, 0.975))
    upper, lower = (-np.log10(edge) for edge in edges)
    there = [(frame.x(x), frame.y(min(y, frame.y1))) for x, y in zip(across, upper, strict=True)]
    back = [(frame.x(x), frame.y(y)) for x, y in zip(across[::-1], lower[::-1], strict=True)]
    return svg.path([*there, *back], closed=True, opacity=0.13)
