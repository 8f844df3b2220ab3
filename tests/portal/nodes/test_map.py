"""Nodes stand where the operator says, whatever they are strung along."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.nodes.map import WIDTH, Place, node_map
from portal.nodes.node import Node
from portal.settings import PortalSettings


def nodes(*names: str) -> list[Node]:
    return [Node(url=f"https://{name}", slug=name, name=name) for name in names]


def test_nobody_is_placed_without_the_operators_word() -> None:
    assert node_map(nodes("a"), {}) is None
    made = node_map(nodes("a", "b"), {"https://b": (52.1, 5.1)})
    assert made is not None
    assert [dot.node.slug for dot in made.dots] == ["b"]


def test_north_is_up_and_east_is_right() -> None:
    places = {"https://tromso": (69.6, 18.9), "https://lisbon": (38.7, -9.1)}
    made = node_map(nodes("tromso", "lisbon"), places)
    assert made is not None
    tromso, lisbon = made.dots
    assert tromso.y < lisbon.y
    assert tromso.x > lisbon.x
    assert {line.words for line in made.meridians} >= {"0°", "20°E"}


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=8))
def test_every_dot_is_on_the_map(found: list[Place]) -> None:
    names = [str(number) for number in range(len(found))]
    places = {f"https://{name}": place for name, place in zip(names, found, strict=True)}
    made = node_map(nodes(*names), places)
    assert made is not None
    assert all(0 <= dot.x <= WIDTH and 0 <= dot.y <= made.height for dot in made.dots)
    assert made.height <= 2 * WIDTH
    assert len(made.meridians) <= 10


@pytest.mark.parametrize("place", [(91, 0), (0, 181), (float("nan"), 0), (1,)])
def test_a_place_off_the_earth_is_refused_at_start(place: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="places"):
        PortalSettings(
            public_url="https://portal", nodes=("https://a",), client_secret=None,
            places={"https://a": place},
        )  # fmt: skip
