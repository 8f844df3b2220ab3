"""Consents and requests to generate: a small disease hierarchy with multiple inheritance, and JSON
that is nearly right or not at all."""

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

words = st.sampled_from(
    ["DUO:0000042", "DUO:0000007", "DUO_00000024", "NAGR", "MONDO:2", "EU", "general", "refused"]
)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.text(max_size=8),
        words,
        st.dates().map(str),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def some(**members: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """An object of some of these members, now and then with a value of any kind."""
    return st.fixed_dictionaries({}, optional={k: v | values for k, v in members.items()})


params = some(
    diseases=st.lists(words),
    regions=st.lists(words),
    months=st.integers(0, 1_300),
    date=st.dates().map(str),
    users=st.lists(st.text(max_size=5)),
)
terms = st.lists(some(id=words, params=params, modifiers=st.lists(some(id=words))), max_size=4)
requests = some(
    purpose=some(codes=st.lists(words), diseases=st.lists(words)),
    requester=some(identity=st.text(max_size=5), organisation=some(country=words)),
    project=some(months=st.integers(1, 1_200), months_used=st.integers(0, 99)),
    ethics=some(ref=st.text(max_size=5), valid_until=st.dates().map(str)),
    commitments=some(collaborate=words, earliest_publication=st.dates().map(str)),
    permit=some(valid_until=st.dates().map(str)),
)
