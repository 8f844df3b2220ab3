"""A node's reply is read for what it says; silence never becomes zero."""

from __future__ import annotations

import pytest

from portal.answer import Outcome, read


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
        "info": {"suppressed": [{"dataset": "x"}], "unsupported": [{"dataset": "y"}]}
    }
    reading = read(200, document)
    assert (reading.withheld, reading.unserved) == (("x",), ("y",))


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
