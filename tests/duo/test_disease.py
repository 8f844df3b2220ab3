"""Whether one disease falls under another."""

from __future__ import annotations

import pytest

from duo.disease import Cover, Hierarchy, no_hierarchy, normal
from duo.ontology import load_ontology
from tests.support.shared import shared_data

SMALL = Hierarchy(
    "small",
    {
        "MONDO:1": (),
        "MONDO:2": ("MONDO:1",),
        "MONDO:3": ("MONDO:1",),
        "MONDO:4": ("MONDO:2", "MONDO:3"),
        "MONDO:5": ("MONDO:3",),
    },
    exact={
        "DOID:4": "MONDO:4",
        "DOID:9": "MONDO:99",
        "ORPHANET:7": "MONDO:44",
        "OMIM:100": "MONDO:4",
    },
    replaced={
        "MONDO:44": "MONDO:4",
        "MONDO:444": "MONDO:44",
        "MONDO:2": "MONDO:5",
        "MONDO:77": "MONDO:78",
        "MONDO:78": "MONDO:77",
    },
)


@pytest.mark.parametrize(
    ("allowed", "asked", "cover"),
    [
        ("MONDO:2", "MONDO:2", Cover.YES),
        ("MONDO:2", "MONDO:4", Cover.YES),
        ("MONDO:3", "MONDO:4", Cover.YES),
        ("MONDO:1", "MONDO:4", Cover.YES),
        ("MONDO:4", "MONDO:2", Cover.NO),
        ("MONDO:2", "MONDO:5", Cover.NO),
        ("MONDO:2", "MONDO:1", Cover.NO),
        ("MONDO:2", "MONDO_0004", Cover.UNKNOWN),
        ("MONDO:2", "DOID:4", Cover.YES),
        ("MONDO:5", "DOID:4", Cover.NO),
        ("MONDO:2", "DOID:9", Cover.UNKNOWN),
        ("MONDO:2", "HP:0001", Cover.UNKNOWN),
        ("HP:0001", "HP:0001", Cover.UNKNOWN),
        ("EFO:0001", "EFO:0001", Cover.YES),
        ("MONDO:2", "ORPHA:7", Cover.YES),
        ("MONDO:2", "http://www.orpha.net/ORDO/Orphanet_7", Cover.YES),
        ("MONDO:5", "MIM:100", Cover.NO),
        ("MONDO:2", "MONDO:444", Cover.YES),
        ("MONDO:2", "MONDO:77", Cover.UNKNOWN),
        ("HP:0001", "MONDO:4", Cover.UNKNOWN),
        ("MONDO:2", "MONDO:44", Cover.YES),
        ("MONDO:2", "http://purl.obolibrary.org/obo/MONDO_4", Cover.YES),
    ],
)
def test_below_or_equal_is_covered_above_and_beside_are_not(
    allowed: str, asked: str, cover: Cover
) -> None:
    assert SMALL.covers([allowed], asked) is cover


def test_a_live_id_is_never_read_as_obsolete() -> None:
    assert SMALL.known("MONDO:2") == "MONDO:2"


def test_any_allowed_disease_may_cover_and_none_covers_nothing() -> None:
    assert SMALL.covers(["MONDO:5", "MONDO:2"], "MONDO:4") is Cover.YES
    assert SMALL.covers([], "MONDO:4") is Cover.NO


def test_without_a_hierarchy_nothing_is_known() -> None:
    assert no_hierarchy().covers(["MONDO:1"], "mondo:1") is Cover.UNKNOWN
    assert no_hierarchy().covers(["MONDO:1"], "MONDO:2") is Cover.UNKNOWN


def test_all_must_be_covered_and_a_certain_no_decides() -> None:
    assert SMALL.covers_all(["MONDO:2"], ["MONDO:4", "MONDO:2"]) is Cover.YES
    assert SMALL.covers_all(["MONDO:2"], ["MONDO:4", "HP:1"]) is Cover.UNKNOWN
    assert SMALL.covers_all(["MONDO:2"], ["MONDO:4", "HP:1", "MONDO:5"]) is Cover.NO


def test_text_that_is_no_id_stays_as_it_is() -> None:
    assert normal("  heart trouble ") == "heart trouble"


def test_the_published_hierarchy_answers_as_its_release_does() -> None:
    folder = shared_data("duo")
    mondo = load_ontology(folder)
    cancer, melanoma, uveal = "MONDO:0004992", "MONDO:0005105", "MONDO:0006486"
    assert len(mondo.parents) == 22_382
    assert mondo.covers([cancer], uveal) is Cover.YES
    assert mondo.covers([cancer], melanoma) is Cover.NO
    assert mondo.covers(["MONDO:0008903"], "MONDO:0005233") is Cover.YES  # lung cancer, NSCLC
    assert mondo.covers(["MONDO:0005233"], "MONDO:0008903") is Cover.NO
    assert mondo.covers(["MONDO:0005148"], "MONDO:0005147") is Cover.NO  # siblings: T2D, T1D
    assert mondo.covers(["MONDO:0005148"], "MONDO:0005015") is Cover.NO  # T2D, diabetes
    assert mondo.covers([cancer], "DOID:1612") is Cover.YES  # breast cancer by its exact match
    assert mondo.covers([cancer], "EFO:0000305") is Cover.UNKNOWN
