"""The pinned DUO release and the spellings its terms arrive in."""

from __future__ import annotations

import json

import pytest

from duo.terms import FACTS, Kind, Term, spelled
from tests.support.shared import shared_data


def test_every_term_has_its_facts() -> None:
    assert set(FACTS) == set(Term)


def test_the_terms_are_those_of_the_release() -> None:
    published = json.loads((shared_data("duo") / "duo-terms.json").read_text())
    rows = published["terms"] if isinstance(published, dict) else published
    by_id = {row["id"]: row for row in rows}
    assert {term.value for term in Term} == set(by_id)
    for term in Term:
        row = by_id[term.value]
        assert (row["shorthand"] or "") == term.shorthand
        if term.kind is not Kind.ABSTRACT:
            assert row["kind"] == term.kind.value


@pytest.mark.parametrize(
    "raw",
    [
        "DUO:0000042",
        "duo:0000042",
        "DUO_0000042",
        " DUO:0000042 ",
        "http://purl.obolibrary.org/obo/DUO_0000042",
        "https://purl.obolibrary.org/obo/DUO_0000042",
    ],
)
def test_usual_spellings_mean_their_term(raw: str) -> None:
    (meant,) = spelled(raw)
    assert (meant.term, meant.odd) == (Term.GRU, False)


def test_eight_digits_are_usual_for_npoa_alone() -> None:
    assert [(s.term, s.odd) for s in spelled("DUO:00000044")] == [(Term.NPOA, False)]
    assert [(s.term, s.odd) for s in spelled("DUO:00000020")] == [(Term.COL, True)]


def test_two_terms_in_one_text_are_both_taken_and_marked() -> None:
    meant = spelled("DUO:0000019,DUO:00000020")
    assert [s.term for s in meant] == [Term.PUB, Term.COL]
    assert all(s.odd for s in meant)


@pytest.mark.parametrize(
    "raw",
    ["", "GRU", "DUO:42", "DUO:9999999", "DUO:000004x", "XDUO:0000042", "NAGR", "x" * 301, ","],
)
def test_what_is_not_a_term_is_none(raw: str) -> None:
    assert [s.term for s in spelled(raw)] == [None]
