"""Holds an answer against the truth: its status, its envelope, its totals, its sets and lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from tests.support.naive.answers import NaiveDataset, Question, Truth
from tests.support.naive.reading import NaiveVariant
from tests.support.naive.told import check_records

_ORDER = ("boolean", "count", "record")


def check(
    response: httpx.Response,
    question: Question,
    truth: Truth,
    datasets: Mapping[str, NaiveDataset],
) -> None:
    if not truth.found:
        assert response.status_code == 400, response.text
        return
    if _may_be_unknown(question) and not truth.exists and response.status_code == 404:
        return
    assert response.status_code == 200, response.text
    answered = response.json()
    assert answered["responseSummary"]["exists"] is truth.exists
    unsupported = {each["id"] for each in answered.get("info", {}).get("unsupported", ())}
    assert not unsupported & set(truth.found)
    given = {name: _least(question, datasets[name]) for name in truth.found}
    assert answered["meta"]["returnedGranularity"] == _returned(question, given)
    if question.returned == "dataset" or (question.returned == "cohort" and not question.only):
        hidden = question.returned == "cohort" and "boolean" in given.values()
        _check_collections(answered, question, truth, datasets, hidden=hidden)
        return
    _check_totals(answered["responseSummary"], question, truth, datasets)
    sets = answered.get("response", {}).get("resultSets", [])
    assert ("response" in answered) is (question.show != "NONE")
    assert [each["id"] for each in sets] == truth.shown(question.show)
    for each in sets:
        assert each["exists"] is bool(truth.found[each["id"]])
        told = given[each["id"]]
        assert ("resultsCount" in each) is (told != "boolean")
        assert each.get("resultsCount") in (None, len(truth.found[each["id"]]))
        assert ("results" in each) is (told == "record")
        if told == "record":
            check_records(each["results"], question, truth, datasets[each["id"]])


def _may_be_unknown(question: Question) -> bool:
    """Paths that name an entry, which may be none."""
    named = question.path.startswith("g_variants/") or question.only is not None
    return named or (question.returned == "dataset" and question.below is not None)


def _least(question: Question, data: NaiveDataset) -> str:
    """Without result sets nothing is told of records."""
    asked = "count" if (question.show, question.granularity) == ("NONE", "record") else None
    return min(asked or question.granularity, data.most, key=_ORDER.index)


def _returned(question: Question, given: Mapping[str, str]) -> str:
    """The highest that came; where a count is hidden and no record came, boolean."""
    if question.returned == "dataset":
        return (
            "count"
            if question.show == "NONE" and question.granularity == "record"
            else question.granularity
        )
    if "record" in given.values():
        return "record"
    return "boolean" if "boolean" in given.values() else "count"


def _check_collections(
    answered: Mapping[str, Any],
    question: Question,
    truth: Truth,
    datasets: Mapping[str, NaiveDataset],
    *,
    hidden: bool,
) -> None:
    """Without a total where some count is hidden."""
    summary = answered["responseSummary"]
    if hidden or answered["meta"]["returnedGranularity"] == "boolean":
        assert "numTotalResults" not in summary
    else:
        assert summary["numTotalResults"] == sum(map(len, truth.found.values()))
        assert summary["countPrecision"] == "exact"
    if answered["meta"]["returnedGranularity"] != "record":
        assert "response" not in answered
        return
    if question.only is not None:
        found = [one["results"] for one in answered["response"]["resultSets"]]
        named = [[question.only]] if question.show in {"HIT", "ALL"} else []
        assert [[each["id"] for each in one] for one in found] == named
        return
    listed = answered["response"]["collections"]
    told = truth
    if question.returned == "cohort":
        told = Truth({k: v for k, v in truth.found.items() if datasets[k].most == "record"})
    assert [each["id"] for each in listed] == told.merged(question)
    if question.returned == "cohort":
        raw = {c["id"]: c for data in datasets.values() for c in data.archive.records["cohort"]}
        for each in listed:
            assert each == {k: v for k, v in raw[each["id"]].items() if k != "ids"}


def _check_totals(
    summary: Mapping[str, Any],
    question: Question,
    truth: Truth,
    datasets: Mapping[str, NaiveDataset],
) -> None:
    counts = [len(found) for found in truth.found.values() if found]
    hidden = "boolean" in (_least(question, datasets[name]) for name in truth.found)
    if hidden:
        assert "numTotalResults" not in summary
    elif question.returned != "genomicVariant" or len(counts) < 2:
        assert summary["numTotalResults"] == sum(counts)
        assert summary["countPrecision"] == "exact"
    elif summary["countPrecision"] == "imprecise":
        assert summary["countAdjustedTo"] == [max(counts), sum(counts)]
        assert summary["numTotalResults"] == max(counts)
    else:
        assert summary["countPrecision"] == "exact"
        assert summary["numTotalResults"] == len(_different(truth, datasets))


def _different(truth: Truth, datasets: Mapping[str, NaiveDataset]) -> set[object]:
    """Variants of several datasets, each once."""
    return {
        (datasets[name].assembly, each.identity)
        for name, found in truth.found.items()
        for each in found
        if isinstance(each, NaiveVariant)
    }
