"""Sifting: the records of the regions and no other, whatever an index or a request says."""

from __future__ import annotations

import gzip
import os
import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pysam
import pytest

from schemas.errors import InvalidInput
from schemas.grants import GrantedRegion
from schemas.htsget import RegionAsked
from streams.errors import OutsideGrant, SourceRefused
from streams.slices import sift as sifting
from streams.slices.binned import Offsets
from streams.slices.chart import Chart, Region, dump, load
from streams.slices.granted import cut
from streams.slices.sift import sift
from streams.slices.survey import survey
from streams.storage import Source, file_source
from tests.support import slice_files
from tests.support.slice_files import CONTIGS, ENDINGS, overlapping, read_all

FORMS = ["BAM", "VCF", "BCF"]
CROWD = CONTIGS["chr1"] // 2


def granted(*regions: tuple[str, int, int]) -> list[GrantedRegion]:
    return [GrantedRegion(reference=name, start0=a, end0=b) for name, a, b in regions]


@pytest.fixture(scope="module", params=FORMS)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Chart]:
    path = slice_files.write(tmp_path_factory.mktemp("sifted"), request.param)
    return path, load(dump(survey(path, request.param)))


def written(
    made: tuple[Path, Chart],
    asked: list[RegionAsked] | None,
    regions: list[GrantedRegion],
    to: Path,
) -> tuple[Path, tuple[RegionAsked, ...]]:
    path, chart = made
    descriptor = os.open(path, os.O_RDONLY)
    try:
        source = file_source(descriptor)
        sent, woven = cut(source, chart, asked, granted=regions)
        content = woven.read(source, 0, woven.size)
        pieces = [(woven.size * n // 7, woven.size * (n + 1) // 7) for n in range(7)]
        assert b"".join(woven.read(source, a, b) for a, b in pieces) == content
    finally:
        os.close(descriptor)
    result = to / f"part{ENDINGS[chart.form]}"
    result.write_bytes(content)
    return result, sent


def test_all_that_is_granted_is_the_records_that_overlap_it_and_no_other(
    made: tuple[Path, Chart], tmp_path: Path
) -> None:
    path, chart = made
    everything = read_all(path, chart.form)
    rng = random.Random(5)  # noqa: S311
    for _ in range(12):
        places = [("chr1", CROWD + rng.randrange(20_000)) for _ in range(rng.choice((1, 3)))]
        places += [(name, rng.randrange(CONTIGS[name] - 9)) for name in ("chr2", "chrLong")]
        asked = [(name, at, at + rng.choice((1, 300, 9_000, 400_000))) for name, at in places]
        regions = granted(*asked)
        part, sent = written(made, None, regions, tmp_path)
        expected = overlapping(everything, [Region(*one) for one in asked])
        assert [text for *_, text in read_all(part, chart.form)] == expected
        assert set(sent) == set(asked)


def test_a_part_of_what_is_granted_may_be_asked_for(
    made: tuple[Path, Chart], tmp_path: Path
) -> None:
    path, chart = made
    asked: list[RegionAsked] = [("chr1", CROWD + 100, CROWD + 900)]
    part, sent = written(made, asked, granted(("chr1", CROWD, CROWD + 5000)), tmp_path)
    expected = overlapping(read_all(path, chart.form), [Region(*asked[0])])
    assert [text for *_, text in read_all(part, chart.form)] == expected
    assert expected
    assert sent == tuple(asked)


def test_regions_that_meet_are_one(made: tuple[Path, Chart], tmp_path: Path) -> None:
    two = granted(("chr1", CROWD, CROWD + 500), ("chr1", CROWD + 500, CROWD + 1000))
    part, _ = written(made, [("chr1", CROWD + 400, CROWD + 600)], two, tmp_path)
    assert read_all(part, made[1].form)


def test_the_header_alone_is_always_granted(made: tuple[Path, Chart], tmp_path: Path) -> None:
    part, _ = written(made, [], granted(("chr2", 0, 5)), tmp_path)
    assert read_all(part, made[1].form) == []


@pytest.mark.parametrize(
    "asked",
    [
        ("chr1", CROWD - 1, CROWD + 10),
        ("chr1", CROWD, CROWD + 1001),
        ("chr1", CROWD, None),
        ("chr1", None, CROWD + 10),
        ("chr1", None, None),
        ("chr2", CROWD, CROWD + 10),
        ("chrZZ", CROWD, CROWD + 10),
        ("*", None, None),
    ],
)
def test_what_reaches_beyond_the_grant_is_refused(
    made: tuple[Path, Chart], asked: RegionAsked, tmp_path: Path
) -> None:
    regions = granted(("chr1", CROWD, CROWD + 1000))
    with pytest.raises(OutsideGrant, match="beyond"):
        written(made, [asked], regions, tmp_path)
    with pytest.raises(OutsideGrant, match="beyond"):
        written(made, [("chr1", CROWD, CROWD + 9), asked], regions, tmp_path)


def test_a_grant_of_another_references_regions_gives_nothing(
    made: tuple[Path, Chart], tmp_path: Path
) -> None:
    with pytest.raises(OutsideGrant, match="does not have"):
        written(made, None, granted(("1", 0, 2**32)), tmp_path)
    with pytest.raises(OutsideGrant, match="does not have"):
        written(made, None, granted(("0" * 32, 0, 2**32)), tmp_path)


def test_a_cram_is_not_cut_to_a_grant(tmp_path: Path) -> None:
    path = slice_files.write(tmp_path, "CRAM", records=200)
    with pytest.raises(OutsideGrant, match="CRAM"):
        written((path, survey(path, "CRAM")), None, granted(("chr1", 0, 2**32)), tmp_path)


# References by digest


def with_digests(folder: Path, form: str) -> Path:
    digest = "0123456789abcdef" * 2
    path = folder / f"digests{ENDINGS[form]}"
    if form == "BAM":
        lines = [{"SN": "c1", "LN": 1000}, {"SN": "c2", "LN": 1000, "M5": digest}]
        header = pysam.AlignmentHeader.from_dict({"SQ": lines})
        with pysam.AlignmentFile(path, "wb", header=header) as reads:
            for contig in (0, 1):
                read = pysam.AlignedSegment(header)
                read.query_name, read.query_sequence = f"on{contig}", "ACGT"
                read.reference_id, read.reference_start, read.cigarstring = contig, 10, "4M"
                reads.write(read)
        return path
    variants = pysam.VariantHeader()
    variants.add_line("##contig=<ID=c1,length=1000>")
    variants.add_line(f"##contig=<ID=c2,length=1000,md5={digest}>")
    with pysam.VariantFile(path, "wz" if form == "VCF" else "wb", header=variants) as calls:
        for name in ("c1", "c2"):
            calls.write(variants.new_record(contig=name, start=10, alleles=("A", "C")))
    return path


@pytest.mark.parametrize("form", FORMS)
def test_a_reference_may_be_named_by_the_md5_of_the_header(form: str, tmp_path: Path) -> None:
    path = with_digests(tmp_path, form)
    made = path, survey(path, form)
    for name in ("0123456789abcdef" * 2, "MD5:" + "0123456789ABCDEF" * 2):
        part, sent = written(made, None, granted((name, 0, 1000)), tmp_path)
        assert sent == (("c2", 0, 1000),)
        assert [record[0] for record in read_all(part, form)] == ["c2"]


# What an index or a file says wrongly


def all_rows(chart: Chart) -> Offsets:
    return chart.rows([Region(name) for name in chart.references])


def sifted(made: tuple[Path, Chart], regions: Iterable[Region]) -> Offsets:
    descriptor = os.open(made[0], os.O_RDONLY)
    try:
        return sift(file_source(descriptor), made[1], all_rows(made[1]), regions)
    finally:
        os.close(descriptor)


def test_an_index_that_answers_with_everything_changes_nothing(made: tuple[Path, Chart]) -> None:
    path, chart = made
    region = Region("chr1", CROWD, CROWD + 700)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        by_index = sift(file_source(descriptor), chart, chart.rows([region]), [region])
    finally:
        os.close(descriptor)
    places = [content_of(path, rows) for rows in (by_index, sifted(made, [region]))]
    assert places[0] == places[1]
    assert places[0]


def content_of(path: Path, rows: Offsets) -> bytes:
    raw, found = path.read_bytes(), b""
    for begin, end in rows.tolist():
        first = gzip.decompress(raw[begin >> 16 :])
        last = len(gzip.decompress(raw[end >> 16 :])) - (end & 0xFFFF)
        found += first[begin & 0xFFFF : len(first) - last]
    return found


def test_work_without_end_is_refused(
    made: tuple[Path, Chart], monkeypatch: pytest.MonkeyPatch
) -> None:
    scattered = [Region("chr1", at, at + 1) for at in range(CROWD, CROWD + 20_000, 1500)]
    monkeypatch.setattr(sifting, "MAX_RUNS", 2)
    with pytest.raises(InvalidInput, match="scattered"):
        sifted(made, scattered)
    monkeypatch.setattr(sifting, "MAX_SIFTED_BYTES", 1)
    with pytest.raises(InvalidInput, match="too much"):
        sifted(made, scattered)


@pytest.mark.parametrize("measure", ["_bam", "_bcf", "_vcf"])
def test_noise_in_place_of_records_ends(measure: str) -> None:
    rng = random.Random(3)  # noqa: S311
    read = getattr(sifting, measure)
    for _ in range(3000):
        noise = rng.randbytes(rng.choice((0, 3, 24, 36, 200)))
        try:
            record = read(noise, 0)
        except SourceRefused:
            continue
        assert record is None or 0 < record.next <= len(noise)


def test_a_record_that_runs_out_of_its_rows_is_refused(made: tuple[Path, Chart]) -> None:
    path, chart = made
    raw = path.read_bytes()
    rows = all_rows(chart)
    first, last = int(rows[0, 0]), int(rows[-1, 1])

    def short(size: int, start0: int) -> bytes:
        return raw[start0 : start0 + size]

    source: Source = short
    inside = np.array([[first + 5, last]], np.uint64)
    with pytest.raises(SourceRefused):
        sift(source, chart, inside, [Region("chr1", 0, 2**29)])
