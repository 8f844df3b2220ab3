"""Terms of all nodes are found by id, label and synonym; those of samples are no one's."""

from __future__ import annotations

import pytest

from portal.nodes.node import Node, Term
from portal.questions.vocabulary import MAX_FOUND, MAX_TYPED, found, gathered

DIABETES = Term("MONDO:0005015", "diabetes mellitus", "ontologyTerm", ("individual",))
TYPE2 = Term("MONDO:0005148", "type 2 diabetes", "ontologyTerm", ("individual",), synonyms=("T2D",))
SEX = Term("sex", "", "alphanumeric", ("individual",), values=("female", "male"))
AGE = Term("diseases.ageOfOnset", "", "alphanumeric", ("individual",))
BLOOD = Term("UBERON:0000178", "blood", "ontologyTerm", ("biosample",))
FREE = Term("Weird:1", "unscoped", "custom")
NODES = (
    Node("https://a", "a", "A", terms=(TYPE2, SEX, BLOOD)),
    Node("https://b", "b", "B", terms=(DIABETES, TYPE2, AGE, FREE)),
)
ENTRIES = gathered(NODES)


def test_each_term_is_there_once_with_how_many_nodes_know_it() -> None:
    assert {one.typed: one.nodes for one in ENTRIES} == {
        "MONDO:0005015": 1, "MONDO:0005148": 2, "Weird:1": 1, "sex = female": 1, "sex = male": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("diab", "MONDO:0005015"),
        ("  DIABETES   mell ", "MONDO:0005015"),
        ("t2d", "MONDO:0005148"),
        ("0005148", "MONDO:0005148"),
        ("sex", "sex = female"),
        ("5148", "MONDO:0005148"),
    ],
)
def test_the_beginning_of_a_name_comes_first(typed: str, first: str) -> None:
    assert found(ENTRIES, typed)[0].typed == first


@pytest.mark.parametrize("typed", ["", "   ", "blood", "no such thing", "x" * 10_000])
def test_nothing_typed_and_nothing_known_find_nothing(typed: str) -> None:
    assert found(ENTRIES, typed) == []


def test_no_more_is_offered_than_a_person_reads() -> None:
    many = tuple(Term(f"HP:{n}", f"thing {n}", "ontologyTerm") for n in range(500))
    entries = gathered([Node("https://a", "a", "A", terms=many)])
    assert len(found(entries, "thing")) == MAX_FOUND
    assert len(found(entries, "thing" + " " * MAX_TYPED)) == MAX_FOUND
