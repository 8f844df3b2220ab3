"""Every spelling of one set of filters is one question; different questions never become one."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beacon import canonical
from beacon.catalog import AnyOf, Compare, HasTerm, Not, Predicate
from beacon.filters import read, read_get

A, B, C = HasTerm("HP:1"), HasTerm("HP:2"), Compare("age", ">", "40")
_LEAVES: tuple[Predicate, ...] = (A, B, C, HasTerm("HP:1", descendants=False))
_PREDICATES = st.recursive(
    st.sampled_from(_LEAVES),
    lambda inner: st.one_of(
        inner.map(Not), st.lists(inner, min_size=1, max_size=3).map(lambda of: AnyOf(tuple(of)))
    ),
    max_leaves=6,
)


def respelled(predicate: Predicate, chooser: random.Random) -> Predicate:
    """The same by the laws of sets: turned about, denied twice, repeated."""
    match predicate:
        case AnyOf(of):
            members = [respelled(each, chooser) for each in of]
            members.append(chooser.choice(members))
            chooser.shuffle(members)
            made: Predicate = AnyOf(tuple(members))
        case Not(of):
            made = Not(respelled(of, chooser))
        case _:
            made = predicate
    return Not(Not(made)) if chooser.random() < 0.3 else made


def holds(predicate: Predicate, true: frozenset[Predicate]) -> bool:
    match predicate:
        case AnyOf(of):
            return any(holds(each, true) for each in of)
        case Not(of):
            return not holds(of, true)
        case _:
            return predicate in true


@settings(max_examples=200, deadline=None)
@given(st.lists(_PREDICATES, max_size=3), st.integers(0, 10**6))
def test_every_spelling_has_one_key(predicates: list[Predicate], seed: int) -> None:
    chooser = random.Random(seed)  # noqa: S311 - an example
    other = [respelled(each, chooser) for each in predicates]
    other += other[:1]
    chooser.shuffle(other)
    assert canonical.of_all(other) == canonical.of_all(predicates)


@settings(max_examples=200, deadline=None)
@given(st.lists(_PREDICATES, max_size=2), st.lists(_PREDICATES, max_size=2))
def test_keys_are_equal_just_where_the_questions_are(
    one: list[Predicate], other: list[Predicate]
) -> None:
    worlds: list[frozenset[Predicate]] = [
        frozenset(leaf for leaf, held in zip(_LEAVES, row, strict=True) if held)
        for row in product((False, True), repeat=len(_LEAVES))
    ]
    same = all(
        all(holds(each, world) for each in one) == all(holds(each, world) for each in other)
        for world in worlds
    )
    assert (canonical.of_all(one) == canonical.of_all(other)) is same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bmi:>30", "bmi:>30.0"),
        ("bmi:>30", "bmi:>3e1"),
        ("age.iso8601duration:>P12M", "age:>P1Y"),
        ("sex:Female", "sex:=female"),
        ("name:=%a%", "name:=%%A%"),
        ("HP_0000001:=5", "HP:0000001:=5.00"),
        ("HP:1,HP:2", "HP:2,HP:1,HP:2"),
    ],
)
def test_spellings_of_an_address_are_one(one: str, other: str) -> None:
    def key(text: str) -> str:
        return canonical.of_all([each.predicate for each in read_get([text])])

    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("code:=01", "code:=1"),
        ("bmi:>30", "bmi:>=30"),
        ("bmi:!30", "-bmi:=30"),
        ("HP:1", "HP:11"),
        ("age:>P1Y", "age:>P2Y"),
        ("name:=a%", "name:=%a"),
        ("HP:1", "-HP:1"),
    ],
)
def test_what_can_differ_is_never_one(one: str, other: str) -> None:
    keys = {canonical.of_all([e.predicate for e in read_get([text])]) for text in (one, other)}
    assert len(keys) == 2


def test_a_body_and_an_address_ask_the_same() -> None:
    body = read([{"not": [{"id": "HP:1"}, "HP:2"]}])
    address = read_get(["-HP:2,-HP:1"])
    assert canonical.of_all([f.predicate for f in body]) == canonical.of_all(
        [f.predicate for f in address]
    )


def test_what_cancels_out_asks_for_all() -> None:
    assert canonical.of_all([AnyOf((A, Not(A)))]) == canonical.of_all([])
    assert canonical.of_all([AnyOf((A, AnyOf((A, B)))), B]) == canonical.of_all([B])


def test_many_names_keep_their_form_and_take_no_time() -> None:
    many = [HasTerm(f"HP:{number}") for number in range(50)]
    assert canonical.of_all(many) == canonical.of_all(many[::-1])
    assert canonical.of_all(many) != canonical.of_all(many[1:])
