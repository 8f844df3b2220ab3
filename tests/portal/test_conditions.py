"""Conditions of data use are shown in words; what is not known keeps the node's own label."""

from __future__ import annotations

import pytest

from duo.terms import Kind, Term
from portal.conditions import MAX_CONDITIONS, badges


def _dataset(*stated: object) -> dict[str, object]:
    return {"dataUseConditions": {"duoDataUse": list(stated)}}


@pytest.mark.parametrize(
    "term", [one for one in Term if one.kind in (Kind.PERMISSION, Kind.MODIFIER)]
)
def test_every_condition_a_dataset_may_have_is_a_sentence(term: Term) -> None:
    (badge,) = badges(_dataset({"id": term.value, "label": "x"}))
    assert badge.short == term.shorthand
    assert badge.words.endswith(".")
    assert badge.words != "x"


def test_the_diseases_of_a_condition_are_named() -> None:
    modifiers = [{"id": "MONDO:1", "label": "one"}, {"id": "MONDO:2"}, "nonsense"]
    (badge,) = badges(_dataset({"id": "DUO:0000007", "modifiers": modifiers}))
    assert badge.about == ("one", "MONDO:2")


@pytest.mark.parametrize(
    "dataset",
    [
        {},
        {"dataUseConditions": None},
        {"dataUseConditions": {"duoDataUse": "DUO:0000004"}},
        _dataset("DUO:0000004", None, {"label": "nameless"}),
    ],
)
def test_nonsense_is_no_condition(dataset: dict[str, object]) -> None:
    assert badges(dataset) == ()


def test_a_term_of_another_release_keeps_its_label_and_the_list_ends() -> None:
    found = badges(_dataset(*[{"id": f"DUO:99{n}", "label": "new"} for n in range(200)]))
    assert len(found) == MAX_CONDITIONS
    assert (found[0].short, found[0].label, found[0].words) == ("", "new", "")
