"""The frame of a chart: where the data lie on the sheet, axes with round numbers, and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from workspaces.plots.svg import Element, line, text

STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Frame:
    """Data from (x0, y0) to (x1, y1) on a sheet of `width` by `height`, y upwards."""

    x0: float
    x1: float
    y0: float
    y1: float
    width: float = 960
    height: float = 420
    left: float = 64
    right: float = 20
    top: float = 28
    bottom: float = 52

    def x(self, value: float) -> float:
        share = (value - self.x0) / (self.x1 - self.x0)
        return self.left + share * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        share = (value - self.y0) / (self.y1 - self.y0)
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)

    def floor_line(self) -> Element:
        return line(self.left, self.y(self.y0), self.width - self.right, self.y(self.y0))

    def x_axis(self, ticks: Sequence[float], label: str) -> list[Element]:
        base = self.y(self.y0)
        marks = [self.floor_line()]
        for tick in ticks:
            marks.append(line(self.x(tick), base, self.x(tick), base + 5))
            marks.append(text(self.x(tick), base + 20, f"{tick:g}", anchor="middle"))
        middle = (self.left + self.width - self.right) / 2
        return [*marks, text(middle, self.height - 10, label, anchor="middle")]

    def y_axis(self, ticks: Sequence[float], label: str) -> list[Element]:
        marks = []
        for tick in ticks:
            height = self.y(tick)
            marks.append(line(self.left, height, self.width - self.right, height, opacity=0.12))
            marks.append(text(self.left - 8, height + 4, f"{tick:g}", anchor="end"))
        middle = self.y((self.y0 + self.y1) / 2)
        turned = f"rotate(-90 18 {middle:.2f})"
        return [*marks, text(18, middle, label, anchor="middle", transform=turned)]


def ticks(low: float, high: float, *, about: int = 6) -> list[float]:
    """Round numbers from `low` to `high`."""
    if not (isfinite(low) and isfinite(high)) or high <= low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** floor(log10(rough))
    step = next(power * one for one in STEPS if power * one >= rough * 0.999)
    first = ceil(low / step - 1e-9)
    last = floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]
