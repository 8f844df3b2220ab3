"""Registration: an index is believed only where the data bear it out."""

from __future__ import annotations

import contextlib
import random
import shutil
import struct
from pathlib import Path

import pysam.bcftools
import pysam.samtools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import IndexRefused, SourceRefused, VaultBroken
from streams.slices import headers
from streams.slices.binned import BinnedIndex
from streams.slices.chart import dump, load
from streams.slices.survey import index_beside, survey
from tests.support import slice_files
from tests.support.release_node import bgzf
from tests.support.shared import shared_data
from tests.support.slice_files import ENDINGS


@pytest.fixture(scope="module")
def bam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = slice_files.write(tmp_path_factory.mktemp("bam"), "BAM", records=800, long=False)
    pysam.samtools.index("-b", str(path))
    return path


def test_every_shared_file_is_charted_with_its_own_index() -> None:
    folder, charted = shared_data("hts"), 0
    for kind in ("reads", "variants"):
        for path in (folder / kind).iterdir():
            form = next((f for f, end in ENDINGS.items() if path.name.endswith(end)), None)
            if form is None:
                continue
            assert index_beside(path, form) is not None
            charted += survey(path, form).size == path.stat().st_size
    assert charted == 11


@pytest.mark.parametrize("form", list(ENDINGS))
def test_an_index_that_is_not_there_is_made(tmp_path: Path, form: str) -> None:
    path = slice_files.write(tmp_path, form, records=100)
    chart = survey(path, form)
    assert list(chart.references) == list(slice_files.CONTIGS)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("form", "option"), [("BAM", "-c"), ("VCF", "-t"), ("VCF", "-c")])
def test_each_sort_of_index_is_used(tmp_path: Path, form: str, option: str) -> None:
    path = slice_files.write(tmp_path, form, records=300, long=False)
    indexing = pysam.samtools.index if form == "BAM" else pysam.bcftools.index
    indexing(option, str(path))
    chart = survey(path, form)
    assert isinstance(chart.index, BinnedIndex)
    assert bool(len(chart.index.windows)) == (option == "-t")


def test_an_unsorted_file_has_no_index_and_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "made.bam"
    header = pysam.AlignmentHeader.from_references(["1"], [1000])
    with pysam.AlignmentFile(path, "wb", header=header) as file:
        for start0 in (500, 5):
            read = pysam.AlignedSegment(header)
            read.query_name, read.query_sequence, read.cigarstring = "r", "ACGT", "4M"
            read.reference_id, read.reference_start = 0, start0
            file.write(read)
    with pytest.raises(IndexRefused, match="Sort the file"):
        survey(path, "BAM")


# Indexes that are not of their file


@pytest.mark.parametrize("form", list(ENDINGS))
def test_an_index_of_another_file_is_refused(tmp_path: Path, form: str) -> None:
    (tmp_path / "other").mkdir()
    path = slice_files.write(tmp_path, form, records=500)
    other = slice_files.write(tmp_path / "other", form, records=500, seed=2)
    made = tmp_path / "made.index"
    if form in ("BAM", "CRAM"):
        options = ("-c",) if form == "BAM" else ()
        pysam.samtools.index(*options, "-o", str(made), str(other))
    else:
        pysam.bcftools.index("-c", "-o", str(made), str(other))
    with pytest.raises(IndexRefused, match="a new one is made"):
        survey(path, form, index=made)


def test_an_index_from_before_records_were_added_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    old = slice_files.write(tmp_path / "old", "VCF", records=500)
    pysam.bcftools.index("-c", str(old))
    text = str(pysam.bcftools.view(str(old), split_lines=False))
    last = text.rstrip("\n").rpartition("\n")[2]
    path = tmp_path / "made.vcf.gz"
    path.write_bytes(bgzf((text + last + "\n").encode()))
    with pytest.raises(IndexRefused):
        survey(path, "VCF", index=old.with_name("made.vcf.gz.csi"))


@pytest.mark.parametrize("step", [1, 8, 1 << 16, -(1 << 16), 1 << 40])
def test_an_index_that_lies_about_one_offset_is_refused(
    bam: Path, tmp_path: Path, step: int
) -> None:
    raw = bam.with_suffix(".bam.bai").read_bytes()
    (bins,) = struct.unpack_from("<i", raw, 8)
    assert bins > 2
    chunk = 12 + 8  # the first chunk of the first bin
    (begin,) = struct.unpack_from("<Q", raw, chunk)
    lying = tmp_path / "lying.bai"
    changed = struct.pack("<Q", (begin + step) % 2**64)
    lying.write_bytes(raw[:chunk] + changed + raw[chunk + 8 :])
    with pytest.raises(IndexRefused):
        survey(bam, "BAM", index=lying)


def test_an_index_that_leaves_out_a_chunk_is_refused(bam: Path, tmp_path: Path) -> None:
    raw = bytearray(bam.with_suffix(".bam.bai").read_bytes())
    struct.pack_into("<Q", raw, 12 + 8 + 8, struct.unpack_from("<Q", raw, 12 + 8)[0])
    lying = tmp_path / "lying.bai"
    lying.write_bytes(raw)
    with pytest.raises(IndexRefused, match="leaves out"):
        survey(bam, "BAM", index=lying)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_charted_or_refused(bam: Path, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    path = tmp_path / bam.name
    raw = bytearray(bam.read_bytes())
    for _ in range(3):
        raw[rng.randrange(len(raw) - 28)] = rng.randrange(256)
    path.write_bytes(raw)
    shutil.copy(bam.with_suffix(".bam.bai"), path.with_suffix(".bam.bai"))
    with contextlib.suppress(SourceRefused):
        assert survey(path, "BAM").size == len(raw)


@pytest.mark.parametrize(
    ("form", "content", "told"),
    [
        ("BAM", b"BAM\x01" + struct.pack("<i", 2**31 - 1), "longer than"),
        ("BAM", b"BAM\x01" + struct.pack("<i", -1), "negative"),
        ("BAM", b"BAM\x01" + struct.pack("<ii", 0, 2**30), "truncated"),
        ("BAM", b"nonsense", "not a BAM"),
        ("BCF", b"BCF\x02\x02" + struct.pack("<i", 99), "truncated"),
        ("BCF", b"nonsense", "not a BCF"),
        ("VCF", b"##fileformat=VCFv4.3", "truncated"),
        ("VCF", b"nonsense", "not a VCF"),
    ],
)
def test_a_header_that_cannot_be_is_refused(
    tmp_path: Path, bam: Path, form: str, content: bytes, told: str
) -> None:
    path = tmp_path / "made"
    path.write_bytes(bgzf(content))
    with pytest.raises(SourceRefused, match=told):
        survey(path, form, index=bam.with_suffix(".bam.bai"))


def test_a_header_that_never_ends_stops_at_the_cap(
    tmp_path: Path, bam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headers, "MAX_HEADER_BYTES", 200_000)
    path = tmp_path / "made.vcf.gz"
    path.write_bytes(bgzf(b"##" + bytes(10**7)))
    with pytest.raises(SourceRefused, match="longer than"):
        survey(path, "VCF", index=bam.with_suffix(".bam.bai"))


# What is kept


@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, 2000), value=st.binary(min_size=1, max_size=8))
def test_a_kept_chart_that_was_changed_is_never_more_than_a_clear_error(
    bam: Path, at: int, value: bytes
) -> None:
    kept = dump(survey(bam, "BAM"))
    assert dump(load(kept)) == kept
    changed = kept[:at] + value + kept[at + len(value) :]
    try:
        load(changed)
    except VaultBroken:
        return
