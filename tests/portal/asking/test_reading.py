"""A node's reply is read for what it says; silence never becomes zero."""

from __future__ import annotations

import pytest

from portal.asking.answer import Outcome, Shown, Silent
from portal.asking.reading import read


def _boolean(*, exists: bool) -> dict[str, object]:
    return {"meta": {"beaconId": "b"}, "responseSummary": {"exists": exists}}


def test_a_boolean_yes_has_no_count() -> None:
    reading = read(200, _boolean(exists=True))
    assert reading.outcome is Outcome.OK
    assert [one.count for one in reading.sets] == [None]


def test_a_boolean_no_is_empty() -> None:
    reading = read(200, _boolean(exists=False))
    assert reading.outcome is Outcome.EMPTY
    assert [one.count for one in reading.sets] == [0]


def test_a_missing_precision_is_unstated() -> None:
    reading = read(200, {"responseSummary": {"exists": True, "numTotalResults": 4}})
    assert [(one.count, one.precision) for one in reading.sets] == [(4, "unstated")]


def test_result_sets_are_read_one_by_one() -> None:
    sets = [
        {"id": "a", "exists": True, "resultsCount": 3, "countPrecision": "exact"},
        {"id": "b", "exists": False, "resultsCount": 0},
        {"id": "c", "exists": True},
    ]
    document = {"responseSummary": {"exists": True}, "response": {"resultSets": sets}}
    got = [(one.dataset, one.exists, one.count) for one in read(200, document).sets]
    assert got == [("a", True, 3), ("b", False, 0), ("c", True, None)]


def test_result_sets_that_contradict_the_summary_do_not_hide_its_yes() -> None:
    document = {
        "responseSummary": {"exists": True},
        "response": {"resultSets": [{"id": "a", "exists": False}]},
    }
    reading = read(200, document)
    assert [(one.dataset, one.exists, one.count) for one in reading.sets] == [(None, True, None)]


def test_withheld_and_unserved_datasets_are_named() -> None:
    document = _boolean(exists=False) | {
        "info": {
            "suppressed": [{"id": "x", "code": "suppressed", "text": "Needs a grant."}],
            "unsupported": [{"dataset": "y"}, {"code": "nameless"}],
        }
    }
    reading = read(200, document)
    assert reading.withheld == (Silent("x", "Needs a grant."),)
    assert reading.unserved == (Silent("y"),)


@pytest.mark.parametrize(
    ("said", "shown", "bounds"),
    [
        ({"exists": False}, Shown.NO, (0, 0)),
        ({"resultsCount": 3, "countPrecision": "exact"}, Shown.EXACT, (3, 3)),
        ({"resultsCount": 40, "countPrecision": "rounded"}, Shown.ABOUT, (40, 40)),
        ({"resultsCount": 3}, Shown.ABOUT, (3, 3)),
        ({"resultsCount": 0, "countPrecision": "rounded"}, Shown.HIDDEN, None),
        ({"countAdjustedTo": ["<10"], "countPrecision": "imprecise"}, Shown.FEWER, (1, 9)),
        ({"resultsCount": 10, "countAdjustedTo": ["<10"]}, Shown.FEWER, (1, 9)),
        ({"resultsCount": 7, "countAdjustedTo": [4, 7]}, Shown.ABOUT, (4, 7)),
        ({"countAdjustedTo": ["<ten", "<0", "<99999999999"]}, Shown.HIDDEN, None),
        ({}, Shown.HIDDEN, None),
    ],
)
def test_exact_about_fewer_and_hidden_are_kept_apart(
    said: dict[str, object], shown: Shown, bounds: tuple[int, int] | None
) -> None:
    one = {"id": "a", "setType": "dataset", "exists": True} | said
    summary = {"exists": one["exists"]}
    (got,) = read(200, {"responseSummary": summary, "response": {"resultSets": [one]}}).sets
    assert (got.shown, got.bounds) == (shown, bounds)


@pytest.mark.parametrize(
    "said",
    [
        {"exists": False, "resultsCount": 5},
        {"exists": True, "resultsCount": 0, "countPrecision": "exact"},
    ],
)
@pytest.mark.parametrize("where", ["summary", "set"])
def test_counts_that_contradict_the_yes_or_no_are_an_error_and_not_an_answer(
    said: dict[str, object], where: str
) -> None:
    summary: dict[str, object] = {"exists": said["exists"]}
    sets: list[dict[str, object]] = [{"id": "a", "setType": "dataset"} | said]
    if where == "summary":
        summary |= {"numTotalResults": said["resultsCount"]}
        summary |= {k: v for k, v in said.items() if k == "countPrecision"}
        sets = []
    reading = read(200, {"responseSummary": summary, "response": {"resultSets": sets}})
    assert reading.outcome is Outcome.ERROR
    assert "contradicts itself" in reading.reason


def test_every_dataset_that_says_no_is_named() -> None:
    sets = [{"id": "a", "exists": False}, {"id": "b", "exists": False}]
    summary = {"exists": False, "numTotalResults": 0}
    reading = read(200, {"responseSummary": summary, "response": {"resultSets": sets}})
    assert [one.dataset for one in reading.sets] == ["a", "b"]


@pytest.mark.parametrize(
    ("status", "document", "outcome"),
    [
        (403, {"error": {"errorCode": 403}, "info": {"code": "suppressed"}}, Outcome.SUPPRESSED),
        (403, {"error": {"errorCode": 403, "errorMessage": "no"}}, Outcome.REFUSED),
        (401, None, Outcome.REFUSED),
        (400, {"error": {"errorCode": 400, "errorMessage": "?"}}, Outcome.UNSUPPORTED),
        (404, None, Outcome.UNSUPPORTED),
        (302, None, Outcome.ERROR),
        (500, {"detail": "x"}, Outcome.ERROR),
        (200, {"error": {"errorCode": 500, "errorMessage": "x"}}, Outcome.ERROR),
        (200, None, Outcome.ERROR),
        (200, [], Outcome.ERROR),
        (200, {"responseSummary": {"exists": "true"}}, Outcome.ERROR),
        (200, {"responseSummary": {"numTotalResults": 0}}, Outcome.ERROR),
    ],
)
def test_whatever_is_no_answer_has_an_outcome_and_no_sets(
    status: int, document: object, outcome: Outcome
) -> None:
    reading = read(status, document)
    assert reading.outcome is outcome
    assert reading.sets == ()
    assert reading.reason


@pytest.mark.parametrize("count", [True, -1, 1.5, "7"])
def test_a_count_that_is_no_count_is_no_count(count: object) -> None:
    document = {"responseSummary": {"exists": True, "numTotalResults": count}}
    assert [one.count for one in read(200, document).sets] == [None]
