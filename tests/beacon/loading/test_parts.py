"""A load that was cut goes on with the file it was in, and gives what one load would have."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from beacon import withdrawals
from beacon.errors import SourceRefused
from beacon.loading.load import DatasetSource, load
from beacon.loading.variant_files import VariantFile
from beacon.segments import SegmentCatalog
from tests.support.sources import write_records, write_vcf

SAMPLES = ("P1", "P2")
FILES = (
    ("101 rs1 A G . 0|1 1|1", "301 . N <FOO> . . .", "401 . G T . 0|0 0|1"),
    ("201 . A C,AT . 1|2 0/1",),
    ("150 . C T . 0/1 0/0", "900 . C G . 0/0 0/1"),
)


class Cut(BaseException):
    """Power failed; nothing of ours catches it."""


@pytest.fixture
def source(tmp_path: Path) -> DatasetSource:
    people = [{"id": name, "sex": {"id": "NCIT:C16576", "label": "female"}} for name in SAMPLES]
    vcfs = tuple(
        write_vcf(tmp_path / f"{number}.vcf.gz", lines, samples=SAMPLES)
        for number, lines in enumerate(FILES)
    )
    individuals = write_records(tmp_path / "individuals.json", people)
    return DatasetSource("A", "A", "", "GRCh38", vcfs, individuals=individuals)


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the variant files whose lines are read, as they are."""
    read: list[str] = []
    rows = VariantFile.rows

    def watched(file: VariantFile, selection: object) -> object:
        read.append(file.path.name)
        return rows(file, selection)  # type: ignore[arg-type]

    monkeypatch.setattr(VariantFile, "rows", watched)
    return read


def cut_at(alleles: int) -> Callable[[str, int], None]:
    def tell(what: str, count: int) -> None:
        if what == "genomicVariant" and count >= alleles:
            raise Cut

    return tell


def cut_load(source: DatasetSource, folder: Path, *, at: int) -> None:
    with pytest.raises(Cut):
        load(source, folder, progress=cut_at(at))


def contents(folder: Path) -> object:
    segment = SegmentCatalog(folder).snapshot()["A"]
    page = segment.variants(None, samples=None, skip=0, limit=100)
    return (page, [segment.calls(row.row, limit=10) for row in page.rows])


def parts_left(folder: Path) -> list[str]:
    left = folder / ".A.parts"
    return sorted(path.name.split(".", 1)[1] for path in left.iterdir()) if left.exists() else []


def test_files_that_were_whole_are_not_read_again(
    source: DatasetSource, tmp_path: Path, read_files: list[str]
) -> None:
    cut_load(source, tmp_path / "catalog", at=5)
    assert read_files == ["0.vcf.gz", "1.vcf.gz", "2.vcf.gz"]
    assert parts_left(tmp_path / "catalog") == [*("0.json", "0.parquet", "1.json", "1.parquet")]
    read_files.clear()
    told: Counter[str] = Counter()
    load(source, tmp_path / "catalog", progress=lambda what, count: told.update({what: count}))
    assert read_files == ["2.vcf.gz"]
    assert told["alleles kept by the load that was cut"] == 2 + 2
    load(source, tmp_path / "at-once")
    assert contents(tmp_path / "catalog") == contents(tmp_path / "at-once")
    assert not (tmp_path / "catalog" / ".A.parts").exists()


def test_what_was_left_out_of_a_kept_file_is_still_told(
    source: DatasetSource, tmp_path: Path
) -> None:
    cut_load(source, tmp_path / "cut", at=5)
    after_cut, at_once = Counter[str](), Counter[str]()
    load(source, tmp_path / "cut", progress=lambda what, n: after_cut.update({what: n}))
    load(source, tmp_path / "whole", progress=lambda what, n: at_once.update({what: n}))
    reasons = {what: n for what, n in at_once.items() if what.startswith("left out")}
    assert reasons
    assert {what: n for what, n in after_cut.items() if what.startswith("left out")} == reasons


def test_a_part_cut_short_is_read_again(
    source: DatasetSource, tmp_path: Path, read_files: list[str]
) -> None:
    cut_load(source, tmp_path, at=5)
    (part,) = (tmp_path / ".A.parts").glob("*.0.parquet")
    part.write_bytes(part.read_bytes()[:-1])
    read_files.clear()
    load(source, tmp_path)
    assert read_files == ["0.vcf.gz", "2.vcf.gz"]


def test_other_content_takes_nothing_over(
    source: DatasetSource, tmp_path: Path, read_files: list[str]
) -> None:
    cut_load(source, tmp_path / "catalog", at=5)
    other = dataclasses.replace(source, name="Other")
    read_files.clear()
    load(other, tmp_path / "catalog")
    assert len(read_files) == 3


def test_what_was_kept_of_a_person_who_withdrew_is_gone(
    source: DatasetSource, tmp_path: Path, read_files: list[str]
) -> None:
    cut_load(source, tmp_path, at=5)
    withdrawals.add(tmp_path, "A", "P1")
    read_files.clear()
    cut_load(source, tmp_path, at=1)
    assert read_files == ["0.vcf.gz"]
    assert parts_left(tmp_path) == []


def test_a_refused_source_leaves_nothing(source: DatasetSource, tmp_path: Path) -> None:
    twice = dataclasses.replace(source, vcfs=(*source.vcfs, source.vcfs[1]))
    with pytest.raises(SourceRefused):
        load(twice, tmp_path)
    assert not list(tmp_path.glob(".*.parts"))


@pytest.mark.parametrize("text", ["", "[]", '{"rows": 1}', '{"rows": "x", "size": 0}'])
def test_a_file_whose_note_says_nothing_is_read_again(
    source: DatasetSource, tmp_path: Path, read_files: list[str], text: str
) -> None:
    cut_load(source, tmp_path, at=5)
    (note,) = (tmp_path / ".A.parts").glob("*.1.json")
    note.write_text(text)
    read_files.clear()
    load(source, tmp_path)
    assert read_files == ["1.vcf.gz", "2.vcf.gz"]
