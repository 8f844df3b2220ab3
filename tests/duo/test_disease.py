"""Whether one disease falls under another."""

from __future__ import annotations

from pathlib import Path

import pytest

from duo.disease import Cover, Hierarchy, load_hierarchy, no_hierarchy, normal
from duo.errors import HierarchyInvalid
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
    exact={"DOID:4": "MONDO:4", "DOID:9": "MONDO:99"},
    replaced={"MONDO:44": "MONDO:4", "MONDO:2": "MONDO:5"},
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
        ("HP:0001", "HP:0001", Cover.YES),
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


def test_without_a_hierarchy_only_equal_names_match() -> None:
    assert no_hierarchy().covers(["MONDO:1"], "mondo:1") is Cover.YES
    assert no_hierarchy().covers(["MONDO:1"], "MONDO:2") is Cover.UNKNOWN


def test_text_that_is_no_id_stays_as_it_is() -> None:
    assert normal("  heart trouble ") == "heart trouble"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id\tlabel\tparents\nA:1\tx\tA:2\n", "parent A:2"),
        ("id\tlabel\tparents\nA:1\tx\tA:2\nA:2\ty\tA:1\n", "above themselves"),
        ("id\tlabel\tparents\nA:1\tx\n", "line 2"),
    ],
)
def test_a_hierarchy_that_does_not_hold_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "isa.tsv"
    path.write_text(text)
    with pytest.raises(HierarchyInvalid, match=said):
        load_hierarchy(path, release="test")


def test_a_hierarchy_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HierarchyInvalid):
        load_hierarchy(tmp_path / "none.tsv", release="test")
    (tmp_path / "binary.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(HierarchyInvalid):
        load_hierarchy(tmp_path / "binary.tsv", release="test")


def test_the_published_hierarchy_answers_as_its_release_does() -> None:
    folder = shared_data("duo")
    mondo = load_hierarchy(
        folder / "mondo-isa.tsv",
        release="2022-09-06",
        exact=folder / "mondo-doid-exact.tsv",
        obsolete=folder / "mondo-obsolete.tsv",
    )
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
