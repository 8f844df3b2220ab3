"""A variant file that is cut off or damaged is refused; of a whole one the lines are counted."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pysam
import pytest

from beacon.errors import SourceRefused
from beacon.loading import variant_files, whole
from beacon.loading.whole import Extent
from tests.support.sources import HEADER, write_vcf

RECORDS = 3
LINES = [f"{10 * number + 1} . A G . 0/1" for number in range(RECORDS)]
HEADED = HEADER.count("\n") + 1  # and the line of columns


def extent(path: Path) -> Extent:
    return whole.extent(path, lambda _lines: None)


def forms(folder: Path) -> dict[str, Path]:
    bgzip = write_vcf(folder / "a.vcf.gz", LINES, samples=["P1"])
    plain = folder / "plain.vcf"
    plain.write_bytes(gzip.decompress(bgzip.read_bytes()))
    gz = folder / "gz.vcf.gz"
    gz.write_bytes(gzip.compress(plain.read_bytes()))
    bcf = folder / "a.bcf"
    with (
        pysam.VariantFile(str(plain)) as read,
        pysam.VariantFile(str(bcf), "wb", header=read.header) as made,
    ):
        for record in read:
            made.write(record)
    return {"plain": plain, "gzip": gz, "bgzip": bgzip, "bcf": bcf}


@pytest.mark.parametrize("form", ["plain", "gzip", "bgzip"])
def test_the_lines_of_a_text_are_counted_before_and_from_its_first_record(
    tmp_path: Path, form: str
) -> None:
    found = extent(forms(tmp_path)[form])
    assert found == Extent(HEADED, RECORDS)
    assert found.place(2) == f"line {HEADED + 2}"


def test_bcf_has_records_and_no_lines(tmp_path: Path) -> None:
    found = extent(forms(tmp_path)["bcf"])
    assert found == Extent(None, RECORDS)
    assert found.place(2) == "record 2"


def test_no_record_at_all_is_none(tmp_path: Path) -> None:
    empty = write_vcf(tmp_path / "a.vcf.gz", [], samples=["P1"])
    assert extent(empty) == Extent(HEADED, 0)


def test_a_line_longer_than_what_is_read_at_once_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "_CHUNK", 16)
    told: list[int] = []
    for path in forms(tmp_path).values():
        assert whole.extent(path, told.append).records == RECORDS
    assert max(told) == RECORDS


def test_bcf_that_is_not_one_inside_is_left_to_its_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.bcf"
    with pysam.BGZFile(str(path), "wb", None) as file:
        file.write(b"BCF\x02\x02" + b"\xff" * 100_000)
    assert extent(path) == Extent(None, None)
    with pytest.raises(SourceRefused):
        variant_files.open_variants(path)


def test_a_byte_that_is_lost_or_turned_is_told_or_harmless(tmp_path: Path) -> None:
    """Every form; a plain text only shows where it ends in the middle of a line."""
    chance = random.Random(3)  # noqa: S311 (seeded, so a failure repeats)
    for form, path in forms(tmp_path).items():
        good = path.read_bytes()
        for lost in (1, 5, 28, len(good) // 2):
            path.write_bytes(good[:-lost])
            with pytest.raises(SourceRefused):
                extent(path)
        for _ in range(40):
            turned = bytearray(good)
            turned[chance.randrange(len(turned))] ^= 1 << chance.randrange(8)
            path.write_bytes(turned)
            try:
                found = extent(path)
            except SourceRefused:
                continue
            if form in ("bgzip", "bcf"):  # in a header that no checksum covers
                assert found == extent_of(good, tmp_path / path.name)


def extent_of(content: bytes, path: Path) -> Extent:
    path.write_bytes(content)
    return extent(path)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused) as caught:
        extent(tmp_path / "absent.vcf")
    assert "a file that can be read" in str(caught.value.problems[0])
