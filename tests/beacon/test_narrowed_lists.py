"""Datasets and cohorts by what they hold; samples, runs and analyses by what was found in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from access.policies.policy import Level, Profile
from beacon import withdrawals
from beacon.segments import SegmentCatalog
from tests.support.beacon_node import BeaconNode, loaded, policy, source
from tests.support.cohort import cohort
from tests.support.sources import write_records

pytestmark = pytest.mark.anyio
# P1 and P2 carry the first variant, P3 and P4 the last; P1 and P3 have G35, P2 and P3 E10.
FIRST = {"referenceName": "1", "start": "100", "referenceBases": "A", "alternateBases": "G"}
LAST = {"referenceName": "1", "start": "600", "referenceBases": "CTT", "alternateBases": "C"}
NOWHERE = {"referenceName": "1", "start": "99", "referenceBases": "A", "alternateBases": "G"}
COHORTS: list[dict[str, Any]] = [
    {"id": "first", "name": "First two", "cohortType": "study-defined", "ids": ["P1", "P2"]},
    {
        "id": "last",
        "name": "Last two",
        "cohortType": "user-defined",
        "ids": ["P3", "P4"],
        "cohortDesign": {"id": "OMIABIS:0001017", "label": "case control study design"},
    },
]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> SegmentCatalog:
    return _catalog(tmp_path_factory.mktemp("narrowed"))


def _catalog(folder: Path) -> SegmentCatalog:
    made = source(folder / "one", "one")
    cohorts = write_records(folder / "cohorts.json", COHORTS)
    other = [{"id": name, "sex": {"id": "NCIT:C16576"}} for name in ("P1", "P2", "P3", "P4")]
    two = source(folder / "two", "two", lines=["601 . CTT C . 0/1 0/0 0/0 0/0"], people=other)
    closed = source(folder / "closed", "closed")
    return loaded(folder / "catalog", replace(made, cohorts=cohorts), two, closed)


@pytest.fixture
def node(tmp_path: Path, catalog: SegmentCatalog) -> BeaconNode:
    hidden = policy("closed", level=Level.CONTROLLED, profile=Profile.CONTROLLED, listed=False)
    policies = [policy("one"), policy("two"), hidden]
    return BeaconNode(tmp_path, catalog=catalog, policies=policies, grants={"grace": ["closed"]})


async def told(node: BeaconNode, path: str, **params: Any) -> dict[str, Any]:
    answer = await node.get(path, **{"requestedGranularity": "record", **params})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def ids(body: dict[str, Any]) -> list[str]:
    response = body["response"]
    records = [r for one in response.get("resultSets", ()) for r in one["results"]]
    return [r["id"] for r in (*records, *response.get("collections", ()))]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"filters": "NCIT:C16576"}, ["one", "two"]),
        ({"filters": "NCIT:C20197"}, ["one"]),
        ({"filters": "-NCIT:C16576"}, ["one"]),
        ({"filters": "NCIT:C16576,ICD10:G35"}, ["one"]),
        (LAST, ["one", "two"]),
        (FIRST, ["one"]),
        (NOWHERE, []),
        ({**LAST, "filters": "NCIT:C20197"}, ["one"]),
        ({**LAST, "filters": "GENO:0000136"}, ["one"]),
        ({**LAST, "datasetIds": "two"}, ["two"]),
    ],
)
async def test_a_dataset_is_listed_where_it_holds_what_is_asked(
    node: BeaconNode, params: dict[str, str], expected: list[str]
) -> None:
    body = await told(node, "/datasets", **params)
    assert ids(body) == expected
    assert body["responseSummary"]["exists"] is bool(expected)
    assert body["responseSummary"]["numTotalResults"] == len(expected)


async def test_a_dataset_that_cannot_tell_is_named_and_a_hidden_one_is_not(
    node: BeaconNode,
) -> None:
    body = await told(node, "/datasets", filters="ICD10:G35")
    assert ids(body) == ["one"]
    assert [note["id"] for note in body["info"]["unsupported"]] == ["two"]
    assert "closed" not in str(body)
    granted = await node.get("/datasets", name="grace", filters="ICD10:G35")
    assert ids(granted.json()) == ["closed", "one"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("ICD10:G35", ["first", "last"]),
        ("ICD10:G35,ICD10:E10", ["last"]),  # one person with both, not two with one each
        ("NCIT:C16576,ICD10:E10", []),
        ("OMIABIS:0001017", ["last"]),
        ("OMIABIS:0001017,NCIT:C16576", ["last"]),
        ("cohortType:study-defined", ["first"]),
        ("-OMIABIS:0001017", ["first"]),
    ],
)
async def test_a_cohort_is_listed_where_one_member_is_so(
    node: BeaconNode, filters: str, expected: list[str]
) -> None:
    assert ids(await told(node, "/cohorts", filters=filters, datasetIds="one")) == expected


@pytest.mark.parametrize(
    ("path", "first", "last"),
    [
        ("/biosamples", ["P1", "P2"], ["P3", "P4"]),
        ("/runs", ["R0", "R1"], ["R2", "R3"]),
        ("/analyses", ["A0", "A1"], ["A2", "A3"]),
        ("/datasets/one/runs", ["R0", "R1"], ["R2", "R3"]),
        ("/cohorts/first/biosamples", ["P1", "P2"], []),
        ("/individuals/P2/runs", ["R1"], []),
    ],
)
async def test_samples_runs_and_analyses_are_of_those_who_carry_it(
    node: BeaconNode, path: str, first: list[str], last: list[str]
) -> None:
    for asked, expected in ((FIRST, first), (LAST, last), (NOWHERE, [])):
        assert ids(await told(node, path, **asked, datasetIds="one")) == expected


async def test_samples_are_of_those_who_carry_it_and_are_so(node: BeaconNode) -> None:
    both = {**LAST, "filters": "ICD10:E10", "datasetIds": "one"}
    assert ids(await told(node, "/runs", **both)) == ["R2"]
    twice = {**LAST, "filters": "GENO:0000136", "datasetIds": "one"}
    assert ids(await told(node, "/analyses", **twice)) == ["A3"]
    strategy = {**LAST, "filters": "libraryStrategy:WGS", "datasetIds": "one"}
    assert ids(await told(node, "/runs", **strategy)) == ["R3"]


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/datasets", {"filters": "no:such"}),
        ("/datasets", {"filters": "GENO:0000136"}),  # of no variant
        ("/datasets/one", {"filters": "ICD10:G35"}),
        ("/individuals/P1/datasets", {"filters": "ICD10:G35"}),
        ("/individuals/P1/datasets", FIRST),
        ("/cohorts", FIRST),
        ("/cohorts", {"filters": "no:such"}),
        ("/cohorts/first", {"filters": "ICD10:G35"}),
        ("/g_variants/1-101-A-G/runs", FIRST),
    ],
)
async def test_what_cannot_narrow_a_list_is_refused_never_read_past(
    node: BeaconNode, path: str, params: dict[str, str]
) -> None:
    assert (await node.get(path, **params)).status_code == 400


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> BeaconNode:
    folder = tmp_path_factory.mktemp("protected")
    carriers = {101: range(60), 201: range(1)}
    made = cohort(folder / "in", "D", people=120, lines={101: "A G", 201: "C T"}, carriers=carriers)
    cohorts = write_records(folder / "cohorts.json", [{"id": "all", "name": "All"}])
    catalog = loaded(folder / "catalog", replace(made, cohorts=cohorts))
    policies = [policy("D", profile=Profile.DEFAULT)]
    return BeaconNode(folder, catalog=catalog, policies=policies, grants={"grace": ["D"]})


async def test_datasets_say_without_a_grant_what_the_same_question_on_people_says(
    protected: BeaconNode,
) -> None:
    for who in (None, "rosa"):
        for asked in ({"filters": "NCIT:C16576"}, {"filters": "NCIT:C16576,NCIT:C20197"}, FIRST):
            path = "/g_variants" if asked is FIRST else "/individuals"
            people = await protected.get(path, name=who, **asked)
            datasets = await protected.get("/datasets", name=who, **asked)
            assert datasets.status_code == people.status_code
            if people.status_code == 200:
                said = people.json()["responseSummary"]["exists"]
                assert datasets.json()["responseSummary"]["exists"] is said
            else:
                assert datasets.json()["error"] == people.json()["error"]


async def test_which_cohorts_hold_somebody_is_told_with_a_grant_only(
    protected: BeaconNode,
) -> None:
    for who in (None, "rosa"):
        answer = await protected.get("/cohorts", name=who, filters="NCIT:C16576")
        assert answer.status_code == 403
        assert answer.json()["info"]["code"] == "suppressed"
    assert (await protected.get("/cohorts", name="grace", filters="NCIT:C16576")).status_code == 200
    assert (await protected.get("/cohorts")).status_code == 200


async def test_a_rare_variant_is_no_more_told_of_by_samples_than_by_variants(
    protected: BeaconNode,
) -> None:
    rare = {"referenceName": "1", "start": "200", "referenceBases": "C", "alternateBases": "T"}
    for who in (None, "rosa"):
        variants = await protected.get("/g_variants", name=who, **rare)
        assert variants.status_code == 403
        for path in ("/biosamples", "/runs", "/analyses", "/datasets"):
            assert (await protected.get(path, name=who, **rare)).status_code == 403


async def test_a_cohort_that_only_the_withdrawn_made_match_is_not_listed(tmp_path: Path) -> None:
    made = _catalog(tmp_path / "files")
    withdrawals.add(made.folder, "one", "P3")
    made.refresh()
    node = BeaconNode(tmp_path, catalog=made, policies=[policy("one")])
    assert ids(await told(node, "/cohorts", filters="ICD10:G35")) == ["first"]
    assert ids(await told(node, "/cohorts", filters="ICD10:G35,ICD10:E10")) == []
    assert ids(await told(node, "/cohorts")) == ["first", "last"]
