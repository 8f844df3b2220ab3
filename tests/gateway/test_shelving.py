"""`skerry load --clear`: only into a dataset whose policy lets its objects leave in the clear."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon import manifest
from gateway.errors import Exit
from gateway.home import NodeHome
from streams.shelf import Shelf
from streams.sources import Kind
from tests.support import slice_files
from tests.support.command import skerry
from tests.support.node_folder import node_folder, open_counts

CLEAR = {
    "id": "isle",
    "level": "public",
    "insecure_clear_streams": True,
    "data_use": [{"id": "DUO:0000004"}],
}


@pytest.fixture
def node(tmp_path: Path) -> NodeHome:
    return node_folder(tmp_path / "node", policies=[CLEAR, open_counts("other")])


def test_formats_of_one_stem_are_one_object(node: NodeHome, tmp_path: Path) -> None:
    for form in ("BAM", "CRAM"):
        path = slice_files.write(tmp_path, form, records=50)
        ran = skerry("load", node.root, "--dataset", "isle", "--clear", path)
        assert (ran.code, ran.err) == (Exit.OK, "")
    found = Shelf(node.clear).forms(Kind.READS, "isle/made")
    assert {form: Path(one.path).name for form, one in found.items()} == {
        "BAM": "made.bam",
        "CRAM": "made.cram",
    }
    assert len(list((node.clear / "charts").iterdir())) == 2


def test_every_file_of_one_load_is_said(node: NodeHome, tmp_path: Path) -> None:
    paths = [slice_files.write(tmp_path, form, records=50) for form in ("BAM", "CRAM")]
    ran = skerry("load", node.root, "--dataset", "isle", "--clear", paths[0], "--clear", paths[1])
    assert ran.code == Exit.OK, ran.err
    for path, form in zip(paths, ("BAM", "CRAM"), strict=True):
        assert f"in the clear isle/made as {form}: {path.stat().st_size} bytes" in ran.out


def test_loading_a_newer_file_leaves_no_old_chart(node: NodeHome, tmp_path: Path) -> None:
    for seed in (1, 2):
        path = slice_files.write(tmp_path, "BCF", records=50, seed=seed)
        skerry("load", node.root, "--dataset", "isle", "--clear", path)
    assert len(list((node.clear / "charts").iterdir())) == 1


@pytest.mark.parametrize("dataset", ["other", "unheard-of"])
def test_no_other_dataset_takes_clear_files(node: NodeHome, tmp_path: Path, dataset: str) -> None:
    path = slice_files.write(tmp_path, "VCF", records=50)
    ran = skerry("load", node.root, "--dataset", dataset, "--clear", path)
    assert ran.code == Exit.BAD_INPUT
    assert "insecure_clear_streams" in ran.err
    assert not node.clear.exists()


def test_a_truncated_file_is_not_taken(node: NodeHome, tmp_path: Path) -> None:
    path = slice_files.write(tmp_path, "BAM", records=50)
    path.write_bytes(path.read_bytes()[:-5])
    ran = skerry("load", node.root, "--dataset", "isle", "--clear", path)
    assert ran.code == Exit.BAD_INPUT
    assert "truncated" in ran.err
    assert Shelf(node.clear).forms(Kind.READS, "isle/made") == {}


@pytest.mark.parametrize("missing_first", [False, True])
def test_of_several_files_all_are_taken_or_none(
    node: NodeHome, tmp_path: Path, missing_first: bool
) -> None:
    good = slice_files.write(tmp_path, "BAM", records=50)
    places = [good, tmp_path / "missing.bam"][:: -1 if missing_first else 1]
    given = [part for place in places for part in ("--clear", place)]
    ran = skerry("load", node.root, "--dataset", "isle", *given)
    assert ran.code == Exit.BAD_INPUT
    assert "missing.bam" in ran.err
    assert "None of the 2 files of --clear was taken in." in ran.err
    assert not node.clear.exists()


def test_a_file_that_is_bad_keeps_the_ones_before_it_as_they_were(
    node: NodeHome, tmp_path: Path
) -> None:
    good = slice_files.write(tmp_path, "BAM", records=50)
    assert skerry("load", node.root, "--dataset", "isle", "--clear", good).code == Exit.OK
    (before,) = Shelf(node.clear).forms(Kind.READS, "isle/made").values()
    slice_files.write(tmp_path, "BAM", records=60, seed=2)
    cut = slice_files.write(tmp_path, "BCF", records=50)
    cut.write_bytes(cut.read_bytes()[:-5])
    ran = skerry("load", node.root, "--dataset", "isle", "--clear", good, "--clear", cut)
    assert ran.code == Exit.BAD_INPUT
    assert Shelf(node.clear).forms(Kind.READS, "isle/made") == {"BAM": before}
    assert len(list((node.clear / "charts").iterdir())) == 1


def test_nothing_else_of_a_load_is_done_where_a_clear_file_is_refused(
    node: NodeHome, tmp_path: Path
) -> None:
    people = tmp_path / "individuals.json"
    people.write_text('[{"id": "P1"}]', encoding="utf-8")
    ran = skerry(
        *("load", node.root, "--dataset", "isle", "--individuals", people),
        *("--clear", tmp_path / "missing.bam"),
    )
    assert ran.code == Exit.BAD_INPUT
    assert manifest.read(node.catalog) == {}


def test_two_files_that_would_be_one_object_are_refused(node: NodeHome, tmp_path: Path) -> None:
    paths = []
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        paths.append(slice_files.write(tmp_path / str(number), "BAM", records=50, seed=number))
    ran = skerry("load", node.root, "--dataset", "isle", "--clear", paths[0], "--clear", paths[1])
    assert ran.code == Exit.BAD_INPUT
    assert "two files would be this object as BAM" in ran.err
    assert Shelf(node.clear).forms(Kind.READS, "isle/made") == {}
