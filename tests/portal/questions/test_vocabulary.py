"""Terms of all nodes are found by id, label and synonym; those of samples are no one's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest

from portal.catalogues import say
from portal.nodes.node import Node, Term
from portal.nodes.registry import Registry
from portal.questions.vocabulary import (
    MAX_BELOW,
    MAX_FOUND,
    MAX_TYPED,
    Offer,
    Vocabulary,
    below,
    children,
    found,
    gathered,
)

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


ABOVE = Term("MONDO:0000001", "disease", "ontologyTerm", ("individual",))
UNDER = {
    "a": [replace(DIABETES, parents=("MONDO:0000001",)), ABOVE],
    "b": [replace(TYPE2, parents=("MONDO:0005015", "MONDO:0000001")), BLOOD],
}
JOINED = [Node(f"https://{name}", name, name, terms=tuple(terms)) for name, terms in UNDER.items()]


def test_terms_below_are_counted_once_over_the_hierarchies_of_all_nodes_together() -> None:
    under = children(JOINED)
    assert below(under, "MONDO:0000001") == 2
    assert below(under, "MONDO:0005015") == 1
    assert below(under, "MONDO:0005148") == 0
    assert below(under, "no:such") == 0


def test_a_hierarchy_in_a_circle_ends_and_a_term_is_not_below_itself() -> None:
    circle = {"EX:1": ("EX:2",), "EX:2": ("EX:3",), "EX:3": ("EX:1", "EX:3")}
    assert [below(circle, one) for one in circle] == [2, 2, 2]


def test_a_hierarchy_without_end_is_counted_only_so_far() -> None:
    chain = {f"EX:{n}": (f"EX:{n + 1}",) for n in range(5 * MAX_BELOW)}
    wide = {"EX:0": tuple(f"EX:{n}" for n in range(1, 5 * MAX_BELOW))}
    exact = {"EX:0": tuple(f"EX:{n}" for n in range(1, MAX_BELOW + 1))}
    assert below(chain, "EX:0") == below(wide, "EX:0") == MAX_BELOW + 1
    assert below(exact, "EX:0") == MAX_BELOW


@pytest.mark.parametrize(
    ("nodes", "under", "note"),
    [
        (1, 0, "at 1 node"),
        (2, 1, "at 2 nodes, and 1 term below it"),
        (1, 12, "at 1 node, and 12 terms below it"),
        (3, MAX_BELOW, "at 3 nodes, and 2,000 terms below it"),
        (3, MAX_BELOW + 1, "at 3 nodes, and more than 2,000 terms below it"),
    ],
)
def test_an_offer_says_how_many_nodes_know_it_and_what_it_covers(
    nodes: int, under: int, note: str
) -> None:
    assert Offer("EX:1", "x", nodes, under).note == note


def test_an_offer_speaks_german() -> None:
    said = say("de", Offer("EX:1", "x", 2, 12).note)
    assert said == "bei 2 Knoten, dazu 12 Begriffe darunter"


class Seen:
    """What a vocabulary asks of a registry."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = tuple(nodes)


def vocabulary(nodes: Sequence[Node]) -> Vocabulary:
    return Vocabulary(cast("Registry", Seen(nodes)))


def test_suggestions_and_terms_of_a_question_say_what_they_cover() -> None:
    known = vocabulary(JOINED)
    assert [(one.typed, one.below) for one in known.find("diab")] == [
        ("MONDO:0005015", 1), ("MONDO:0005148", 0),
    ]  # fmt: skip
    told = known.listed("MONDO:0000001, EX:9, UBERON:0000178")
    assert [(one.typed, one.label, one.below) for one in told] == [("MONDO:0000001", "disease", 2)]
    assert known.listed("") == []


def test_what_was_counted_is_forgotten_once_the_registry_saw_other_terms() -> None:
    registry = Seen(JOINED)
    known = Vocabulary(cast("Registry", registry))
    assert known.find("disease")[0].below == 2
    registry.nodes = tuple(replace(node, checked=1.0) for node in JOINED)
    before = known.entries[0]
    assert known.entries[0] is before
    registry.nodes = (JOINED[0],)
    assert known.find("disease")[0].below == 1
    registry.nodes = ()
    assert known.find("disease") == []


@pytest.mark.parametrize(
    ("written", "unread", "first"),
    [
        ("diab", "diab", "MONDO:0005015"),
        ("sex = male, type 2 diab; EX:1", "type 2 diab", "sex = male, EX:1, MONDO:0005148"),
        ("MONDO:0005148, sex = male", "", None),
        ("nothing like it", "nothing like it", None),
        ("", "", None),
        ("," * 9_000, "", None),
    ],
)
def test_words_that_are_no_term_get_terms_to_choose_instead(
    written: str, unread: str, first: str | None
) -> None:
    text, offers = vocabulary(JOINED).instead(written)
    assert text == unread
    assert [terms for terms, _ in offers[:1]] == ([] if first is None else [first])
