"""Effects stand to each other as another reading of the Sequence Ontology has it."""

from __future__ import annotations

import pytest

from beacon.effects import LABELS, PARENTS
from tests.support.naive.effects import SO


@pytest.mark.parametrize("term", sorted(SO))
def test_an_effect_has_the_name_and_the_parents_of_the_ontology(term: str) -> None:
    name, parents = SO[term]
    assert LABELS[term] == name
    assert sorted(PARENTS[term]) == sorted(parents)
