"""What a protected dataset may be asked about: by what its list shows, not by what it holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from beacon.catalog import AnyOf, Compare, FilteringTerm, HasTerm, Not, Predicate, Segment
from beacon.filters import joined, read
from beacon.loading.load import load
from beacon.segments import SegmentCatalog
from beacon.told import Told
from tests.support import beacon_node
from tests.support.beacon_node import FEMALE, MALE

OBO = """format-version: 1.4

[Term]
id: MONDO:1
name: one

[Term]
id: MONDO:2
name: two
alt_id: MONDO:9
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    folder = tmp_path_factory.mktemp("told")
    terms: Path = folder / "terms.obo"
    terms.write_text(OBO)
    made = replace(beacon_node.source(folder / "files", "A"), hierarchies=(terms,))
    load(made, folder / "catalog")
    return SegmentCatalog(folder / "catalog").snapshot()["A"]


@pytest.fixture
def told(base: Segment) -> Told:
    """Its list shows the sexes and the strategy of runs, not the diseases and the BMI."""
    shown = {"NCIT:C16576", "NCIT:C20197", "libraryStrategy"}
    return Told(base, lambda: [term for term in base.terms() if term.id in shown])


FEMALES, MONDO = HasTerm(FEMALE["id"]), HasTerm("MONDO:1")


@pytest.mark.parametrize(
    ("asked", "knows"),
    [
        (FEMALES, True),
        (HasTerm("NCIT:C1"), True),  # nobody has it, and of its ontology there is a list
        (MONDO, True),  # loaded by the operator
        (HasTerm("MONDO:3"), True),
        (HasTerm("ICD10:G35"), False),  # two people have it
        (HasTerm("ICD10:G36"), False),
        (HasTerm("libraryStrategy:WGS"), True),
        (HasTerm("libraryStrategy:WXS"), True),
        (HasTerm("libraryStrategy:WGS", scope="biosample"), False),
        (HasTerm("sex:female"), False),
        (Compare("libraryStrategy", "=", "WGS"), True),
        (Compare("LOINC:35925-4", ">", "30"), False),  # one person has it
        (Compare("LOINC:35925-5", ">", "30"), False),
        (AnyOf((FEMALES, MONDO)), True),
        (AnyOf((FEMALES, HasTerm("ICD10:G35"))), False),
        (Not(HasTerm("ICD10:G35")), False),
        (HasTerm("word"), False),
    ],
)
def test_what_may_be_asked_follows_from_the_list_and_the_ontologies(
    told: Told, asked: Predicate, *, knows: bool
) -> None:
    assert told.knows(asked) is knows


def test_nobody_has_what_the_dataset_does_not_hold(told: Told, base: Segment) -> None:
    everybody = base.people(())
    for nobodys in (MONDO, HasTerm("NCIT:C1"), HasTerm("libraryStrategy:WXS"), HasTerm("word")):
        assert not told.people([nobodys])
        assert told.people([Not(nobodys)]) == everybody
        assert told.people([AnyOf((nobodys, FEMALES))]) == base.people([FEMALES])
    for held in (FEMALES, HasTerm("libraryStrategy:WGS"), Compare("libraryStrategy", "=", "WGS")):
        assert told.matching("run", [held]) == base.matching("run", [held])
        assert told.people([held])


def test_a_value_that_is_not_listed_is_no_alternative(base: Segment) -> None:
    shown = [term for term in base.terms() if term.id == FEMALE["id"]]
    both = read([FEMALE["id"], MALE["id"]])
    assert len(joined(both, base)) == 1
    assert len(joined(both, Told(base, lambda: shown))) == 2


def test_a_former_id_is_no_second_way_to_ask_for_a_term(told: Told) -> None:
    assert [told.names_term(term) for term in ("MONDO:2", "MONDO:9", "NCIT:C1", "sex:female")] == [
        *(True, False, True, False)
    ]


def test_of_a_closed_dataset_nothing_is_said_to_be_unknown(base: Segment) -> None:
    assert Told(base, None).knows(HasTerm("word"))
    assert Told(base, None).listed == ()


def test_fields_are_named_by_their_last_parts_where_one_listed_field_ends_so(base: Segment) -> None:
    shown = [
        FilteringTerm(*(f"{of}.ageOfOnset.iso8601duration", "", "alphanumeric", "individual", 9))
        for of in ("diseases", "exposures")
    ]
    assert Told(base, lambda: shown[:1])._field("ageOfOnset", None) == shown[0].id
    assert (
        Told(base, lambda: shown[:1])._field("diseases.ageOfOnset.iso8601duration", None)
        == shown[0].id
    )
    assert Told(base, lambda: shown)._field("ageOfOnset", None) is None
    assert Told(base, lambda: shown)._field("exposures.ageOfOnset", "individual") == shown[1].id
