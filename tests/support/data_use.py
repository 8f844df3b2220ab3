"""A small disease hierarchy with multiple inheritance, for properties of the matcher."""

from __future__ import annotations

from hypothesis import strategies as st

from duo.disease import Hierarchy

PARENTS = {
    "MONDO:1": (),
    "MONDO:2": ("MONDO:1",),
    "MONDO:3": ("MONDO:1",),
    "MONDO:4": ("MONDO:2", "MONDO:3"),
    "MONDO:5": ("MONDO:4",),
}
HIERARCHY = Hierarchy("test", PARENTS)
diseases = st.sampled_from(sorted(PARENTS))
