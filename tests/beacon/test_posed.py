"""A question's key is the same in every release: another would be another draw of noise."""

from __future__ import annotations

from typing import Any

import pytest

from beacon import posed
from beacon.panel import UNKNOWN
from beacon.variants import recognise

PLACE = {"referenceName": "17", "assemblyId": "GRCh38"}
RANGE: dict[str, Any] = {**PLACE, "start": [100], "end": [200]}
BRACKET = {**PLACE, "start": [100, 110], "end": [120, 130]}
LENGTHS = {"variantMinLength": 5, "variantMaxLength": 50}


def key(parameters: dict[str, Any]) -> str:
    asked = recognise(parameters)
    assert asked is not None
    kind, _ = posed._extent(asked.question)
    return posed._variant_key(asked.question, kind, UNKNOWN, justified=True).hex()


@pytest.mark.parametrize(
    ("parameters", "known"),
    [
        (RANGE, "b4ab3894996dfecfedcef3719811dd66c38d2181"),
        ({**RANGE, "variantType": "DEL", **LENGTHS}, "348c6473543123010becd68956bc51c948004f1a"),
        ({**RANGE, "alternateBases": "T"}, "9d2d132fce33f768587d727ec3744c480599ce52"),
        (
            {**PLACE, "start": [100], "alternateBases": "T"},
            "e6b603363a40242dc8448b67663bf5c9838108d4",
        ),
        ({**BRACKET, "variantType": "EFO:0030067"}, "23e5e90c4ddbdceea1004ada360bd140d6ba87ab"),
        ({"geneId": "BRCA1"}, "c498c951d391066d0109750991d6a713c3736360"),
        (
            {"geneId": "BRCA1", "variantMinLength": 3, "alternateBases": "A"},
            "47cfe79bd1664e74fd6972e956cc71e7ec9092e5",
        ),
        ({"aminoacidChange": "V600E"}, "eddc0f15f469715895fea39518ca002fcf67a969"),
        (
            {"aminoacidChange": "p.Val600Glu", "geneId": "BRAF"},
            "f5ba3b5daf233af6e7217b48fe22e8c5f1ab0992",
        ),
        (
            {**PLACE, "start": [100], "referenceBases": "A", "alternateBases": "T"},
            "591790d46b9eb5569399456b4575e929a533700b",
        ),
        ({"variantId": "rs334"}, "8a46a096c3bd2bf195b9264f0f1e3d112f0b5ad1"),
    ],
)
def test_keys_of_questions_are_those_of_the_releases_before(
    parameters: dict[str, Any], known: str
) -> None:
    assert key(parameters) == known


def test_a_change_in_a_place_is_another_question_in_one_spelling() -> None:
    change = {"aminoacidChange": "V600E"}
    asked: list[dict[str, Any]] = [
        RANGE, BRACKET, change, {"geneId": "BRAF"}, {"geneId": "BRAF", **change},
        {**RANGE, **change}, {**RANGE, "aminoacidChange": "V600K"}, {**BRACKET, **change},
        {**RANGE, **change, "geneId": "BRAF"}, {**RANGE, **change, **LENGTHS},
        {"geneId": "BRAF", **change, **LENGTHS},
    ]  # fmt: skip
    assert len({key(each) for each in asked}) == len(asked)
    spelled = {**RANGE, "referenceName": "chr17", "aminoacidChange": "p.(Val600Glu)"}
    assert key(spelled) == key({**RANGE, **change})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"geneId": "C9ORF72"}, {"geneId": "C9orf72"}),
        (
            {"geneId": "BRAF", "aminoacidChange": "V600E"},
            {"geneId": "braf", "aminoacidChange": "V600E"},
        ),
        (
            {**RANGE, "geneId": "BRAF", "aminoacidChange": "V600E"},
            {**RANGE, "geneId": "braf", "aminoacidChange": "V600E"},
        ),
        ({"variantId": "C9orf72:p.V100E"}, {"variantId": "C9ORF72:p.Val100Glu"}),
        ({"variantId": "rs334"}, {"variantId": "RS334"}),
    ],
)
def test_a_name_in_other_capitals_is_one_question_with_one_draw(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert key(one) == key(other)


def test_a_change_is_priced_as_one_without_a_place() -> None:
    """What is annotated with it is not said by how long the range is."""
    for place in (RANGE, BRACKET, {"geneId": "BRAF", **LENGTHS}):
        asked, plain = recognise({**place, "aminoacidChange": "V600E"}), recognise({"geneId": "B"})
        assert asked is not None
        assert plain is not None
        assert posed._extent(asked.question) == posed._extent(plain.question)
