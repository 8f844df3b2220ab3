"""Filters on every entity, joined both ways; what a small dataset of known records answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beacon.catalog import AnyOf, Compare, EntryType, HasTerm, Not, Predicate, Segment
from beacon.errors import UnsupportedFilter
from beacon.filters import read, unknown_ids
from beacon.loading.load import DatasetSource, load
from beacon.segments import SegmentCatalog
from tests.support.sources import write_records

FEMALE = {"id": "NCIT:C16576", "label": "female"}
MALE = {"id": "NCIT:C20197", "label": "male"}
BLOOD = {"id": "UBERON:0000178", "label": "blood"}
OVARY = {"id": "UBERON:0000992", "label": "ovary"}
TUMOUR = {"id": "NCIT:C3778", "label": "Serous Cystadenocarcinoma"}


def measured(value: float, unit: str, label: str) -> dict[str, Any]:
    return {
        "assayCode": {"id": "LOINC:3141-9", "label": "Weight"},
        "measurementValue": {"value": value, "unit": {"id": unit, "label": label}},
    }


PEOPLE: list[dict[str, Any]] = [
    {
        "id": "P1",
        "sex": FEMALE,
        "karyotypicSex": "XX",
        "diseases": [
            {
                "diseaseCode": {"id": "MONDO:0000002", "label": "child"},
                "ageOfOnset": {"iso8601duration": "P32Y6M"},
            }
        ],
        "measurements": [measured(70, "NCIT:C28252", "Kilogram")],
    },
    {
        "id": "P2",
        "sex": MALE,
        "diseases": [
            {
                "diseaseCode": {"id": "MONDO:0000003", "label": "other"},
                "ageOfOnset": {
                    "start": {"iso8601duration": "P40Y"},
                    "end": {"iso8601duration": "P49Y"},
                },
            }
        ],
        "phenotypicFeatures": [
            {"featureType": {"id": "HP:0000007", "label": "absent"}, "excluded": True},
            {"featureType": {"id": "HP:0000008", "label": "present"}, "excluded": False},
        ],
    },
    {"id": "P3", "sex": FEMALE, "measurements": [measured(80_000, "NCIT:C48155", "Gram")]},
]
BIOSAMPLES = [
    {"id": "S1", "individualId": "P1", "sampleOriginType": BLOOD, "collectionMoment": "P30Y"},
    {
        "id": "T1",
        "individualId": "P1",
        "sampleOriginType": OVARY,
        "histologicalDiagnosis": TUMOUR,
        "collectionMoment": "P33Y",
    },
    {"id": "S2", "individualId": "P2", "sampleOriginType": BLOOD, "collectionDate": "2015-03"},
]
RUNS = [
    {"id": "R1", "biosampleId": "S1", "libraryStrategy": "WGS", "runDate": "2015-09-30"},
    {"id": "R2", "biosampleId": "T1", "libraryStrategy": "WES", "runDate": "2016-01-02"},
    {"id": "R3", "biosampleId": "S2", "libraryStrategy": "WGS", "runDate": "2016-07-01"},
]
ANALYSES = [
    {"id": "A1", "runId": "R1", "aligner": "bwa-0.7.8", "analysisDate": "2017-01-01"},
    {"id": "A2", "biosampleId": "T1", "aligner": "bwa-0.7.17"},
    {"id": "A3", "individualId": "P2", "aligner": "minimap2"},
]
COHORTS = [
    {
        "id": "C1",
        "name": "All",
        "cohortType": "study-defined",
        "inclusionCriteria": {"genders": [FEMALE, MALE]},
        "exclusionCriteria": {"diseaseConditions": [{"diseaseCode": TUMOUR}]},
    }
]
DUO = {"duoDataUse": [{"id": "DUO:0000042", "label": "general research use", "version": "1"}]}

OBO = """[Term]
id: MONDO:0000001
name: parent
synonym: "ancestor" EXACT []
alt_id: MONDO:0000010

[Term]
id: MONDO:0000002
name: child
is_a: MONDO:0000001
alt_id: MONDO:0000020

[Term]
id: MONDO:9
name: none
"""


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    folder: Path = tmp_path_factory.mktemp("records")
    tree = folder / "mondo.obo"
    tree.write_text(OBO)
    source = DatasetSource(
        *("d", "D", "", "GRCh38"),
        individuals=write_records(folder / "individuals.json", PEOPLE),
        biosamples=write_records(folder / "biosamples.json", BIOSAMPLES),
        runs=write_records(folder / "runs.json", RUNS),
        analyses=write_records(folder / "analyses.json", ANALYSES),
        cohorts=write_records(folder / "cohorts.json", COHORTS),
        hierarchies=(tree,),
        metadata={"dataUseConditions": DUO},
    )
    load(source, folder / "catalog")
    return SegmentCatalog(folder / "catalog").snapshot()["d"]


def found(segment: Segment, entry: EntryType, *predicates: Predicate) -> list[str]:
    numbers = segment.matching(entry, predicates)
    _, records = segment.entries(entry, samples=None, records=numbers, skip=0, limit=10)
    return [str(record["id"]) for record in records]


@pytest.mark.parametrize(
    ("entry", "predicate", "expected"),
    [
        # a person's term, at everything that is theirs
        ("individual", HasTerm("NCIT:C16576"), ["P1", "P3"]),
        ("biosample", HasTerm("NCIT:C16576"), ["S1", "T1"]),
        ("run", HasTerm("NCIT:C16576"), ["R1", "R2"]),
        ("analysis", HasTerm("NCIT:C16576"), ["A1", "A2"]),
        ("analysis", HasTerm("NCIT:C20197"), ["A3"]),
        # a biosample's term: its own runs only, and the person it is of
        ("biosample", HasTerm("NCIT:C3778"), ["T1"]),
        ("run", HasTerm("NCIT:C3778"), ["R2"]),
        ("analysis", HasTerm("NCIT:C3778"), ["A2"]),
        ("individual", HasTerm("NCIT:C3778"), ["P1"]),
        ("individual", HasTerm("UBERON:0000178"), ["P1", "P2"]),
        # a run's word
        ("run", Compare("libraryStrategy", "=", "wgs"), ["R1", "R3"]),
        ("biosample", Compare("libraryStrategy", "=", "WGS"), ["S1", "S2"]),
        ("individual", Compare("libraryStrategy", "=", "WES"), ["P1"]),
        ("analysis", Compare("libraryStrategy", "=", "WES"), ["A2"]),
        ("analysis", Compare("libraryStrategy", "=", "WGS"), ["A1", "A3"]),
        # an analysis' word
        ("analysis", Compare("aligner", "=", "bwa%"), ["A1", "A2"]),
        ("run", Compare("aligner", "=", "bwa-0.7.8"), ["R1"]),
        ("individual", Compare("aligner", "=", "minimap2"), ["P2"]),
        ("biosample", Compare("aligner", "!", "minimap2"), ["S1", "T1"]),
        # ages, ranges of ages, dates as vague as they are
        ("individual", Compare("diseases.ageOfOnset", ">", "P32Y"), ["P1", "P2"]),
        ("individual", Compare("diseases.ageOfOnset.iso8601duration", "<", "P33Y"), ["P1"]),
        ("individual", Compare("ageOfOnset", ">=", "P40Y"), ["P2"]),
        ("individual", Compare("ageOfOnset", ">", "P45Y"), []),
        ("individual", Compare("ageOfOnset", "=", "P390M"), ["P1"]),
        ("biosample", Compare("collectionMoment", ">", "P31Y"), ["T1"]),
        ("run", Compare("runDate", "=", "2016"), ["R2", "R3"]),
        ("run", Compare("runDate", "<", "2016"), ["R1"]),
        ("run", Compare("runDate", ">=", "2016-01-02"), ["R2", "R3"]),
        ("biosample", Compare("collectionDate", ">", "2015-03-15"), []),
        ("biosample", Compare("collectionDate", "!", "2014"), ["S2"]),
        # measurements in the unit named, and in those it converts to
        ("individual", Compare("LOINC:3141-9", ">", "60 Kilogram"), ["P1", "P3"]),
        ("individual", Compare("LOINC:3141-9", ">", "69999 NCIT:C48155"), ["P1", "P3"]),
        ("individual", Compare("LOINC:3141-9", ">", "70 kg"), ["P3"]),
        # custom: a field of words by its name
        ("individual", HasTerm("sex:female"), ["P1", "P3"]),
        ("run", HasTerm("libraryStrategy:WES"), ["R2"]),
        # descendants
        ("individual", HasTerm("MONDO:0000001"), ["P1"]),
        ("individual", HasTerm("MONDO:0000001", descendants=False), []),
        ("individual", HasTerm("MONDO:9"), []),
        ("individual", HasTerm("MONDO:0000020"), ["P1"]),
        ("individual", HasTerm("MONDO:0000010"), ["P1"]),
        # excluded features never match
        ("individual", HasTerm("HP:0000008"), ["P2"]),
        # collections belong to everybody, and speak only where nothing finer does
        ("cohort", HasTerm("NCIT:C3778"), ["C1"]),
        ("cohort", Compare("cohortType", "=", "study-defined"), ["C1"]),
        ("individual", Compare("cohortType", "=", "study-defined"), ["P1", "P2", "P3"]),
        ("individual", HasTerm("NCIT:C16576", scope="cohort"), ["P1", "P2", "P3"]),
        ("run", HasTerm("DUO:0000042"), ["R1", "R2", "R3"]),
        ("dataset", HasTerm("NCIT:C3778"), ["d"]),
        # groups and negation hold of the record asked for
        (
            "run",
            AnyOf((HasTerm("NCIT:C3778"), Compare("libraryStrategy", "=", "WGS"))),
            ["R1", "R2", "R3"],
        ),
        ("run", Not(Compare("libraryStrategy", "=", "WGS")), ["R2"]),
        ("individual", Not(HasTerm("UBERON:0000178")), ["P3"]),
        ("individual", Not(Not(HasTerm("NCIT:C20197"))), ["P2"]),
    ],
)
def test_a_filter_reaches_every_record_that_belongs_to_what_it_is_about(
    segment: Segment, entry: EntryType, predicate: Predicate, expected: list[str]
) -> None:
    assert segment.knows(predicate)
    assert found(segment, entry, predicate) == expected


def test_filters_narrow_each_other_at_the_record_asked_for(segment: Segment) -> None:
    exome_of_blood = (Compare("libraryStrategy", "=", "WES"), HasTerm("UBERON:0000178"))
    assert found(segment, "run", *exome_of_blood) == []
    assert found(segment, "individual", *exome_of_blood) == ["P1"]


@pytest.mark.parametrize(
    "predicate",
    [
        HasTerm("HP:0000007"),
        HasTerm("NCIT:C28252"),
        HasTerm("sex"),
        HasTerm("sex:"),
        HasTerm("collectionMoment:old"),
        HasTerm("NCIT:C16576", scope="run"),
        HasTerm("NCIT:C16576", scope="genomicVariant"),
        Compare("individualId", "=", "P1"),
        Compare("libraryStrategy", "=", "WGS", scope="individual"),
        Compare("strategy", "=", "WGS"),
        Compare("", "=", "WGS"),
        Not(HasTerm("NCIT:nothing")),
        AnyOf((HasTerm("NCIT:C16576"), HasTerm("NCIT:nothing"))),
    ],
)
def test_what_no_record_holds_is_unknown_and_refused(
    segment: Segment, predicate: Predicate
) -> None:
    assert not segment.knows(predicate)
    with pytest.raises(UnsupportedFilter):
        segment.matching("individual", [predicate])


@pytest.mark.parametrize(
    ("predicate", "says"),
    [
        (Compare("LOINC:3141-9", ">", "60"), "several units"),
        (Compare("LOINC:3141-9", ">", "60 stone"), "Gram, Kilogram"),
        (Compare("LOINC:3141-9", ">", "heavy Gram"), "a number"),
        (Compare("ageOfOnset", ">", "40"), "ISO 8601 duration"),
        (Compare("runDate", ">", "yesterday"), "a date"),
        (Compare("libraryStrategy", "<", "WGS"), "= and !"),
        (Compare("libraryStrategy", "=", "W" * 201), "at most 200"),
    ],
)
def test_a_value_that_does_not_fit_the_field_is_refused_saying_what_does(
    segment: Segment, predicate: Predicate, says: str
) -> None:
    with pytest.raises(UnsupportedFilter, match=says):
        segment.matching("individual", [predicate])


@pytest.mark.parametrize(
    ("entry", "to", "entry_id", "expected"),
    [
        ("run", "biosample", "T1", ["R2"]),
        ("analysis", "biosample", "T1", ["A2"]),
        ("analysis", "run", "R1", ["A1"]),
        ("analysis", "run", "R3", ["A3"]),
        ("individual", "run", "R3", ["P2"]),
        ("biosample", "analysis", "A1", ["S1"]),
        ("biosample", "individual", "P1", ["S1", "T1"]),
        ("run", "individual", "P3", []),
        ("cohort", "run", "R1", ["C1"]),
        ("individual", "cohort", "C1", ["P1", "P2", "P3"]),
    ],
)
def test_records_belong_to_the_record_they_name(
    segment: Segment, entry: EntryType, to: EntryType, entry_id: str, expected: list[str]
) -> None:
    numbers = segment.belonging(entry, to=to, entry_id=entry_id)
    assert numbers is not None
    _, records = segment.entries(entry, samples=None, records=numbers, skip=0, limit=10)
    assert [record["id"] for record in records] == expected


@pytest.mark.parametrize("to", ["run", "individual", "cohort"])
def test_nothing_belongs_to_a_record_that_is_not_there(segment: Segment, to: EntryType) -> None:
    assert segment.belonging("analysis", to=to, entry_id="nobody") is None


def test_terms_are_listed_with_type_scope_label_and_the_words_of_small_fields(
    segment: Segment,
) -> None:
    listed = {(term.id, term.scope): term for term in segment.terms()}
    assert listed["libraryStrategy", "run"].values == ("wes", "wgs")
    assert listed["MONDO:0000001", "individual"].label == "parent"
    assert listed["MONDO:0000001", "individual"].synonyms == ("ancestor",)
    assert listed["MONDO:0000001", "individual"].parents == ()
    assert listed["MONDO:0000002", "individual"].parents == ("MONDO:0000001",)
    assert listed["LOINC:3141-9", "individual"].label == "Weight"
    assert listed["UBERON:0000178", "biosample"].kind == "ontologyTerm"
    assert listed["DUO:0000042", "dataset"].people == 1
    assert listed["runDate", "run"].values == ()
    assert not {"HP:0000007", "MONDO:9", "individualId"} & {name for name, _ in listed}


def test_every_listed_term_and_field_can_be_asked_in_every_scope_it_is_listed_for(
    segment: Segment,
) -> None:
    for term in segment.terms():
        if term.kind == "ontologyTerm":
            (asked,) = read([{"id": term.id, "scope": term.scope}])
            assert unknown_ids([asked], segment) == ()
            assert len(segment.matching(term.scope, [asked.predicate])) == term.people
        else:
            assert segment.knows(Compare(term.id, "=", "1", term.scope))
