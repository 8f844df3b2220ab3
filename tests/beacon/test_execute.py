"""A query over datasets of different rights: asked, unsupported or suppressed, never falsely no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from access.policies.policy import DatasetPolicy, Granularity, Level, PolicyBook, Profile
from beacon.admission import Admission, admit
from beacon.catalog import Segment
from beacon.errors import NothingMayBeSaid, UnknownEntry, UnsupportedQuestion
from beacon.execute import Outcome, run
from beacon.query import Target, from_get
from passports.researcher import Researcher
from tests.support.beacon_node import NOW, PEOPLE, loaded, policy, researcher, source
from tests.support.disclosure import protection

VARIANTS, INDIVIDUALS = Target("genomicVariant"), Target("individual")
EXACT = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}
ABSENT = {**EXACT, "alternateBases": "T"}
SEXLESS = [{"id": person["id"]} for person in PEOPLE]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Segment]:
    folder: Path = tmp_path_factory.mktemp("execute")
    return loaded(
        folder / "catalog",
        source(folder / "a", "A"),
        source(folder / "b", "B", people=SEXLESS),
        source(folder / "old", "OLD", assembly="GRCh37"),
    ).snapshot()


def only(snapshot: Mapping[str, Segment], *names: str) -> Mapping[str, Segment]:
    return {name: snapshot[name] for name in names}


def admission(
    snapshot: Mapping[str, Segment],
    policies: Sequence[DatasetPolicy] | None = None,
    who: Researcher | None = None,
) -> Admission:
    given = [policy(name) for name in snapshot] if policies is None else policies
    return admit(PolicyBook(given, version="v"), who, snapshot, now=NOW)


def ask(admitted: Admission, target: Target = VARIANTS, /, **params: str) -> Outcome:
    return run(from_get(target, list(params.items())), admitted, protection())


def counts(outcome: Outcome) -> dict[str, int | None]:
    return {one.segment.facts.id: one.answer.count for one in outcome.sets}


def test_an_empty_policy_book_admits_nobody(snapshot: Mapping[str, Segment]) -> None:
    admitted = admission(snapshot, policies=[])
    assert admitted == Admission((), ())
    with pytest.raises(NothingMayBeSaid):
        ask(admitted)


def test_a_hidden_dataset_is_neither_asked_nor_named(snapshot: Mapping[str, Segment]) -> None:
    hidden = policy("B", level=Level.CONTROLLED, listed=False)
    admitted = admission(only(snapshot, "A", "B"), [policy("A"), hidden])
    outcome = ask(admitted, **EXACT)
    assert "B" not in repr((outcome.suppressed, outcome.unsupported, counts(outcome)))


def test_a_listed_dataset_that_is_closed_is_named_as_suppressed(
    snapshot: Mapping[str, Segment],
) -> None:
    closed = policy("B", level=Level.CONTROLLED)
    outcome = ask(admission(only(snapshot, "A", "B"), [policy("A"), closed]), **EXACT)
    assert counts(outcome).keys() == {"A"}
    assert [note.dataset for note in outcome.suppressed] == ["B"]


def test_where_everything_is_closed_the_refusal_says_what_would_help(
    snapshot: Mapping[str, Segment],
) -> None:
    """The same for a hit, a miss, and an id that is not there: it never depends on the data."""
    admitted = admission(only(snapshot, "A"), [policy("A", level=Level.CONTROLLED)])
    said = set()
    for target, params in (
        (VARIANTS, EXACT),
        (VARIANTS, ABSENT),
        (Target("individual", entry_id="P1"), {}),
        (Target("individual", entry_id="nobody"), {}),
        (Target("genomicVariant", parent="individual", parent_id="nobody"), {}),
    ):
        with pytest.raises(NothingMayBeSaid) as refused:
            ask(admitted, target, **params)
        said.add(refused.value.public)
    assert len(said) == 1
    assert "grant" in said.pop()


def test_a_dataset_that_is_unknown_and_one_that_is_hidden_look_alike(
    snapshot: Mapping[str, Segment],
) -> None:
    hidden = policy("B", level=Level.CONTROLLED, listed=False)
    admitted = admission(only(snapshot, "A", "B"), [policy("A"), hidden])
    said = set()
    for name in ("B", "nowhere"):
        with pytest.raises(UnknownEntry) as refused:
            ask(admitted, datasetIds=name)
        said.add(refused.value.public)
        with pytest.raises(UnknownEntry) as refused:
            ask(admitted, Target("individual", parent="dataset", parent_id=name))
        said.add(refused.value.public)
    assert len(said) == 1


def test_a_dataset_of_another_assembly_is_not_asked_and_is_named(
    snapshot: Mapping[str, Segment],
) -> None:
    outcome = ask(admission(snapshot), **EXACT, assemblyId="hg19", requestedGranularity="count")
    assert counts(outcome) == {"OLD": 1}
    assert [(n.dataset, n.code) for n in outcome.unsupported] == [
        ("A", "assembly"),
        ("B", "assembly"),
    ]


def test_an_assembly_nobody_holds_is_refused_not_answered_no(
    snapshot: Mapping[str, Segment],
) -> None:
    with pytest.raises(UnsupportedQuestion, match="GRCh38"):
        ask(admission(only(snapshot, "A")), **EXACT, assemblyId="GRCh37")


def test_coordinates_without_an_assembly_are_refused_where_two_are_held(
    snapshot: Mapping[str, Segment],
) -> None:
    with pytest.raises(UnsupportedQuestion, match="assemblyId"):
        ask(admission(snapshot), **EXACT)
    assert ask(admission(only(snapshot, "A", "B")), **EXACT).sets


def test_a_filter_one_dataset_does_not_know_is_named_there_and_answered_elsewhere(
    snapshot: Mapping[str, Segment],
) -> None:
    outcome = ask(
        admission(only(snapshot, "A", "B")),
        INDIVIDUALS,
        filters="NCIT:C16576",
        requestedGranularity="count",
    )
    assert counts(outcome) == {"A": 2}
    assert [(n.dataset, n.code) for n in outcome.unsupported] == [("B", "filter")]


def test_a_filter_nobody_knows_is_refused_by_name_and_no_other_is_named(
    snapshot: Mapping[str, Segment],
) -> None:
    with pytest.raises(UnsupportedQuestion, match=r"X:11") as refused:
        ask(admission(only(snapshot, "A", "B")), INDIVIDUALS, filters="X:11")
    fields = {term.id for term in snapshot["A"].terms() if term.kind == "alphanumeric"}
    assert fields
    assert not any(field in refused.value.public for field in fields)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, 4),
        ({"filters": "NCIT:C16576"}, 2),
        ({"filters": "NCIT:C16576,NCIT:C20197"}, 4),
        ({"filters": "ICD10:G35,ICD10:E10"}, 1),
        ({"filters": "ICD10:G35,NCIT:C16576"}, 1),
        ({"filters": "LOINC:35925-4:>30"}, 1),
        ({"filters": "LOINC:35925-4:>32"}, 0),
        (EXACT, 2),
        (ABSENT, 0),
        ({**EXACT, "filters": "NCIT:C16576"}, 1),
        ({"referenceName": "1", "start": "599", "end": "601"}, 2),
    ],
)
def test_people_are_found_by_filters_by_variants_and_by_both(
    snapshot: Mapping[str, Segment], params: dict[str, str], expected: int
) -> None:
    outcome = ask(
        admission(only(snapshot, "A")), INDIVIDUALS, **params, requestedGranularity="count"
    )
    assert counts(outcome) == {"A": expected}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, 6),
        (EXACT, 1),
        (ABSENT, 0),
        ({**EXACT, "filters": "ICD10:E10"}, 1),
        ({"filters": "ICD10:E10"}, 4),
        ({"referenceName": "1", "start": "200", "end": "201"}, 2),
        ({"referenceName": "1", "start": "0", "end": "1000", "variantType": "DEL"}, 2),
        ({"referenceName": "1", "start": "100,101", "end": "101,102"}, 1),
        ({"referenceName": "1", "start": "601", "referenceBases": "TT", "alternateBases": ""}, 1),
        ({"referenceName": "1", "start": "100", "alternateBases": "G"}, 1),
        ({"referenceName": "1", "start": "100", "referenceBases": "N", "alternateBases": "N"}, 1),
        ({"referenceName": "2", "start": "0", "end": "1000"}, 0),
    ],
)
def test_variants_are_found_by_place_and_by_the_people_who_carry_them(
    snapshot: Mapping[str, Segment], params: dict[str, str], expected: int
) -> None:
    outcome = ask(admission(only(snapshot, "A")), **params, requestedGranularity="count")
    assert counts(outcome) == {"A": expected}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target("genomicVariant", parent="individual", parent_id="P4"), 1),
        (Target("biosample", parent="individual", parent_id="P4"), 1),
        (Target("run", parent="individual", parent_id="P4"), 1),
        (Target("analysis", parent="individual", parent_id="P4"), 1),
        (Target("individual", parent="genomicVariant", parent_id="1-101-A-G"), 2),
        (Target("individual", parent="dataset", parent_id="A"), 4),
        (Target("genomicVariant", parent="dataset", parent_id="A"), 6),
    ],
)
def test_nested_lists_are_joined(
    snapshot: Mapping[str, Segment], target: Target, expected: int
) -> None:
    outcome = ask(admission(only(snapshot, "A")), target, requestedGranularity="count")
    assert counts(outcome) == {"A": expected}


@pytest.mark.parametrize(
    "target",
    [
        Target("individual", entry_id="nobody"),
        Target("genomicVariant", entry_id="nothing"),
        Target("biosample", entry_id="nobody"),
        Target("genomicVariant", parent="individual", parent_id="nobody"),
        Target("biosample", parent="individual", parent_id="nobody"),
        Target("individual", parent="genomicVariant", parent_id="nothing"),
    ],
)
def test_an_unknown_id_is_not_found(snapshot: Mapping[str, Segment], target: Target) -> None:
    with pytest.raises(UnknownEntry):
        ask(admission(snapshot), target)


def test_a_known_parent_without_matches_is_a_plain_no(snapshot: Mapping[str, Segment]) -> None:
    target = Target("genomicVariant", parent="individual", parent_id="P4")
    outcome = ask(admission(only(snapshot, "A")), target, **EXACT)
    assert [one.answer.exists for one in outcome.sets] == [False]
    target = Target("biosample", parent="individual", parent_id="P4")
    outcome = ask(admission(only(snapshot, "A")), target, filters="NCIT:C20197")
    assert [one.answer.exists for one in outcome.sets] == [False]


def test_under_the_default_profile_records_leave_with_a_grant_only(
    snapshot: Mapping[str, Segment],
) -> None:
    policies = [policy("A", profile=Profile.DEFAULT)]
    for who in (None, researcher("rosa"), researcher("grace", grants=["B"])):
        admitted = admission(only(snapshot, "A"), policies, who)
        with pytest.raises(NothingMayBeSaid):
            ask(admitted, **EXACT, requestedGranularity="record")
    admitted = admission(only(snapshot, "A"), policies, researcher("grace", grants=["A"]))
    (one,) = ask(admitted, **EXACT, requestedGranularity="record").sets
    assert one.answer.granularity is Granularity.RECORD
    assert one.variants


def test_pages_do_not_overlap_and_the_count_is_of_all(snapshot: Mapping[str, Segment]) -> None:
    """`skip` counts pages: skip 2 with limit 2 holds the fifth and sixth."""
    seen: list[str] = []
    for skip in range(4):
        (one,) = ask(
            admission(only(snapshot, "A")),
            skip=str(skip),
            limit="2",
            requestedGranularity="record",
        ).sets
        assert one.answer.count == 6
        seen += [found.row.variant_id for found in one.variants]
    assert len(seen) == len(set(seen)) == 6


def test_records_are_not_read_where_no_detail_is_asked_for(
    snapshot: Mapping[str, Segment],
) -> None:
    (one,) = ask(
        admission(only(snapshot, "A")),
        **EXACT,
        requestedGranularity="record",
        includeResultsetResponses="NONE",
    ).sets
    assert (one.answer.granularity, one.variants) == (Granularity.COUNT, ())


def test_calls_of_one_answer_are_capped(
    snapshot: Mapping[str, Segment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beacon.execute.MAX_CALLS_PER_ANSWER", 3)
    outcome: Any = ask(admission(only(snapshot, "A", "B")), requestedGranularity="record")
    told = [found.calls for one in outcome.sets for found in one.variants]
    assert sum(len(calls) for calls in told) == 3
