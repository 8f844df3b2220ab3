"""Faults in a dataset's terms are found before anyone asks."""

from __future__ import annotations

import pytest

from duo.consent import read_consent
from duo.disease import Hierarchy, no_hierarchy
from duo.lint import lint
from duo.terms import Term
from schemas.data_use import DataUseCheck

TABLES = Hierarchy("test", {"MONDO:1": ()})


def found(*terms: object) -> set[tuple[str, Term | None, bool]]:
    sent = [{"id": term} if isinstance(term, str) else term for term in terms]
    check = DataUseCheck.model_validate({"dataset": sent, "request": {}})
    problems = lint(read_consent(check.dataset), hierarchy=TABLES)
    return {(problem.code, problem.term, problem.is_fault) for problem in problems}


GRU = "DUO:0000042"


@pytest.mark.parametrize(
    ("terms", "code", "term"),
    [
        ([], "no_permission", None),
        (["DUO:0000019"], "no_permission", None),
        ([GRU, "DUO:0000006"], "several_permissions", None),
        (["DUO:0000011", "DUO:0000044"], "contradiction", Term.NPOA),
        (["DUO:0000011", "DUO:0000043"], "contradiction", Term.CC),
        (["DUO:0000004", "DUO:0000045"], "contradiction", Term.NRES),
        (["DUO:0000007"], "missing_parameter", Term.DS),
        ([GRU, "DUO:0000022"], "missing_parameter", Term.GS),
        ([GRU, "DUO:0000028"], "missing_parameter", Term.IS),
        ([GRU, "DUO:0000026"], "missing_parameter", Term.US),
        ([GRU, "DUO:0000027"], "missing_parameter", Term.PS),
        ([GRU, "DUO:0000012"], "missing_parameter", Term.RS),
        ([GRU, {"id": "DUO:0000025", "params": {"months": 0}}], "missing_parameter", Term.TS),
        ([GRU, {"id": "DUO:0000024", "params": {"date": "1 y"}}], "missing_parameter", Term.MOR),
        ([GRU, {"id": "DUO:0000022", "params": {"regions": "GAZ:1"}}], "unmapped_region", Term.GS),
        ([{"id": "DUO:0000007", "params": {"diseases": "X:1"}}], "unknown_disease", Term.DS),
        ([GRU, "NAGR"], "unclear", None),
        (
            [
                GRU,
                {"id": "DUO:0000025", "params": {"months": 6}},
                {"id": "DUO:0000025", "params": {"months": 9}},
            ],
            "stated_twice",
            Term.TS,
        ),
    ],
)
def test_a_fault_is_named(terms: list[object], code: str, term: Term | None) -> None:
    assert (code, term, True) in found(*terms)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ([GRU, "DUO:0000020"], "investigators"),
        (["DUO_00000042"], "form"),
        (["DUO:0000005"], "form"),
    ],
)
def test_what_is_only_odd_is_a_warning(terms: list[str], code: str) -> None:
    problems = found(*terms)
    assert {(name, fault) for name, _, fault in problems} == {(code, False)}


@pytest.mark.parametrize(
    "terms",
    [
        [GRU],
        ["DUO:0000004", "DUO:0000043"],
        [{"id": "DUO:0000007", "params": {"diseases": "MONDO:1"}}],
        [GRU, {"id": "DUO:0000025", "params": {"months": 6}}],
        [GRU, {"id": "DUO:0000024", "params": {"date": "2030-01-01"}}],
        [GRU, {"id": "DUO:0000022", "params": {"regions": ["EU", "CH"]}}],
        [GRU, {"id": "DUO:0000020", "params": {"investigators": ["the committee"]}}],
    ],
)
def test_nothing_is_found_in_a_sound_profile(terms: list[object]) -> None:
    assert found(*terms) == set()


def test_diseases_are_not_doubted_without_tables() -> None:
    sent = {"dataset": [{"id": "DUO:0000007", "params": {"diseases": "X:1"}}], "request": {}}
    consent = read_consent(DataUseCheck.model_validate(sent).dataset)
    assert lint(consent, hierarchy=no_hierarchy()) == ()
