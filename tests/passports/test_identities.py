"""Which identities are one person, and until when."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from passports.identities import FOREVER, Identity, Link, parse_links, person

PEOPLE = [Identity(name, "https://i.example") for name in "abcdef"]
LINKS = st.lists(
    st.builds(
        Link,
        st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3).map(tuple),
        st.integers(1, 9),
    ),
    max_size=8,
)


def _by_paths(me: Identity, links: list[Link]) -> dict[Identity, int]:
    """The strongest chain to each identity, by trying until nothing gets better."""
    until = {me: FOREVER}
    changed = True
    while changed:
        changed = False
        for link in links:
            best = max((until.get(one, 0) for one in link.identities), default=0)
            for one in link.identities:
                reach = min(best, link.expires)
                if reach > until.get(one, 0):
                    until[one], changed = reach, True
    return until


@given(LINKS)
def test_links_are_transitive_and_last_as_long_as_their_weakest_of_the_best_chain(
    links: list[Link],
) -> None:
    """«LinkedIdentities»: the identities of all linked visas are of one person."""
    assert person(PEOPLE[0], links) == _by_paths(PEOPLE[0], links)


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=5))
def test_what_was_encoded_is_read_back(pairs: list[tuple[str, str]]) -> None:
    """«`enc(sub),enc(iss)` joined with `;`»."""
    value = ";".join(f"{quote(sub, safe='')},{quote(iss, safe='')}" for sub, iss in pairs)
    assert parse_links(value) == tuple(Identity(*pair) for pair in pairs)
