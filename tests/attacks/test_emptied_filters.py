"""Threat: a narrowing that arrives empty is dropped, and the question widens to everything."""

from __future__ import annotations

import json

import pytest

from beacon.errors import BadQuestion
from beacon.query import Target, from_body, from_get

PEOPLE = Target("individual")


@pytest.mark.parametrize("name", ["filters", "datasetIds"])
@pytest.mark.parametrize("value", ["", ",", ",,", " ", "A:11,", ",A:11"])
def test_an_emptied_parameter_of_a_get_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadQuestion, match=name):
        from_get(PEOPLE, [(name, value)])


@pytest.mark.parametrize("name", ["filters", "datasetIds"])
def test_an_empty_repetition_beside_a_full_one_is_refused(name: str) -> None:
    with pytest.raises(BadQuestion, match=name):
        from_get(PEOPLE, [(name, "A:11"), (name, "")])


@pytest.mark.parametrize("ids", [[], [""], [" "], ["a", ""]])
def test_emptied_dataset_ids_of_a_post_are_refused_by_name(ids: list[str]) -> None:
    for parameters in ({"datasetIds": ids}, {"datasets": {"datasetIds": ids}}):
        raw = json.dumps({"query": {"requestParameters": parameters}}).encode()
        with pytest.raises(BadQuestion, match="datasetIds"):
            from_body(PEOPLE, raw)


def test_dataset_ids_given_nested_and_flat_are_refused() -> None:
    parameters = {"datasets": {"datasetIds": ["a"]}, "datasetIds": ["b"]}
    raw = json.dumps({"query": {"requestParameters": parameters}}).encode()
    with pytest.raises(BadQuestion, match="datasetIds"):
        from_body(PEOPLE, raw)


@pytest.mark.parametrize("item", ["", " ", []])
def test_an_empty_filter_of_a_post_is_refused(item: object) -> None:
    with pytest.raises(BadQuestion, match=r"(?i)filter"):
        from_body(PEOPLE, json.dumps({"query": {"filters": [item]}}).encode())


def test_a_post_without_filters_is_a_question_about_all() -> None:
    assert from_body(PEOPLE, b'{"query": {"filters": []}}').filters == ()
