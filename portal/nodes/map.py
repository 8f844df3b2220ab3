"""Where the nodes are, on a map of our own: dots on a grid of degrees, no tiles, nobody asked.

Equirectangular, true at the middle latitude of what is shown. Pure; the operator's settings say
where a node is (`places`), and a node without a place is in the table alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from portal.nodes.node import Node

WIDTH = 720
_HEIGHTS = (240, 460)
_MARGIN = 4.0  # degrees around the outermost
_STEPS = (1, 2, 5, 10, 20, 30)
_NARROWEST = 0.25  # near a pole
_LINES = 9  # at most so many grid lines each way

Place = tuple[float, float]
"""Degrees north and east."""


@dataclass(frozen=True, slots=True)
class Dot:
    node: Node
    x: float
    y: float
    left: bool  # its name stands on its left, since the right edge is near


@dataclass(frozen=True, slots=True)
class GridLine:
    """`at` is x of a meridian, y of a parallel."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class NodeMap:
    height: int
    dots: tuple[Dot, ...]
    meridians: tuple[GridLine, ...]
    parallels: tuple[GridLine, ...]


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is shown: degrees at its edges, and how much narrower one eastward is than one north."""

    north: float
    south: float
    west: float
    east: float
    narrowing: float

    @property
    def across(self) -> float:
        return WIDTH / (self.east - self.west)

    @property
    def down(self) -> float:
        return self.across / self.narrowing

    def x(self, east: float) -> float:
        return round((east - self.west) * self.across, 1)

    def y(self, north: float) -> float:
        return round((self.north - north) * self.down, 1)


def node_map(nodes: Sequence[Node], places: Mapping[str, Place]) -> NodeMap | None:
    """None where no node has a place."""
    placed = [(node, places[node.url]) for node in nodes if node.url in places]
    if not placed:
        return None
    frame = _frame([place for _, place in placed])
    dots = tuple(
        Dot(node, frame.x(east), frame.y(north), frame.x(east) > WIDTH * 0.7)
        for node, (north, east) in placed
    )
    return NodeMap(
        height=round((frame.north - frame.south) * frame.down),
        dots=dots,
        meridians=_lines(frame.west, frame.east, frame.x, names="EW"),
        parallels=_lines(frame.south, frame.north, frame.y, names="NS"),
    )


def _frame(places: Sequence[Place]) -> _Frame:
    norths, easts = [one[0] for one in places], [one[1] for one in places]
    middle = (max(norths) + min(norths)) / 2
    west, east = min(easts) - _MARGIN, max(easts) + _MARGIN
    narrowing = max(_NARROWEST, math.cos(math.radians(middle)))
    # Between a strip and a square, whatever the nodes are strung along.
    tall = max(norths) - min(norths) + 2 * _MARGIN
    least, most = (height / WIDTH * (east - west) * narrowing for height in _HEIGHTS)
    if tall > most:
        wider = tall / _HEIGHTS[1] * WIDTH / narrowing
        centre = (west + east) / 2
        west, east = centre - wider / 2, centre + wider / 2
    tall = max(tall, least)
    return _Frame(middle + tall / 2, middle - tall / 2, west, east, narrowing)


def _lines(
    first: float, last: float, at: Callable[[float], float], *, names: str
) -> tuple[GridLine, ...]:
    step = next((one for one in _STEPS if (last - first) / one <= _LINES), 45)
    start = math.ceil(first / step) * step
    return tuple(
        GridLine(at(degree), f"{abs(degree)}°{_side(degree, names)}")
        for degree in range(start, math.floor(last) + 1, step)
    )


def _side(degree: int, names: str) -> str:
    return "" if degree == 0 else names[0] if degree > 0 else names[1]
