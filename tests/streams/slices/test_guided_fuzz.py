"""Every parser of ours, fuzzed by coverage: only our own errors come out, in bounded memory.

`SKERRY_FUZZ_SECONDS=600 pytest tests/streams/slices/test_guided_fuzz.py` looks longer.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pysam
import pytest

from schemas.htsget import ColumnsAsked
from streams.slices import chart, cram, trim
from streams.slices.bgzf import packed, read_block
from streams.slices.chart import Region
from streams.slices.columns import Trimmer
from streams.slices.headers import read_digests, read_header
from streams.slices.index_files import read_index_file
from streams.slices.sift import sift
from streams.slices.survey import survey
from streams.sources import BGZF_EOF
from streams.storage import Source, file_source
from tests.support import slice_files
from tests.support.guided_fuzz import fuzz

MIB = 1024 * 1024
WATCHED = "/streams/slices/"
FORMS = ("BAM", "VCF", "BCF")


def source_of(raw: bytes) -> Source:
    return lambda length, start0: raw[start0 : start0 + length]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small files; the CRAM is of a version without checksums, which would hide the rest."""
    folder = tmp_path_factory.mktemp("small")
    made = {form: slice_files.write(folder, form, records=40, long=False) for form in FORMS}
    made["CRAM"] = folder / "made.cram"
    options = ["--output-fmt-option", "version=2.1", "--output-fmt-option", "no_ref=1"]
    pysam.samtools.view(
        "-C", *options, "-o", str(made["CRAM"]), str(made["BAM"]), catch_stdout=False
    )
    return made


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def index_of(path: Path, form: str, ending: str) -> bytes:
    index = path.with_name(f"index{ending}")
    if form in ("BAM", "CRAM"):
        pysam.samtools.index(*(["-c"] if ending == ".csi" else []), "-o", str(index), str(path))
    else:
        pysam.bcftools.index("-t" if ending == ".tbi" else "-c", "-f", "-o", str(index), str(path))
    return index.read_bytes()


@pytest.mark.parametrize(
    ("form", "ending"), [("BAM", ".bai"), ("BAM", ".csi"), ("VCF", ".tbi"), ("BCF", ".csi")]
)
def test_indexes(files: dict[str, Path], form: str, ending: str) -> None:
    raw = index_of(files[form], form, ending)
    plain = raw if ending == ".bai" else gzip.decompress(raw)

    def parsed(raw: bytes) -> object:
        found = read_index_file(raw).index
        return [found.spans(n, np.array([0]), np.array([2**29])) for n in range(found.references)]

    found = fuzz(parsed, [plain], watched=WATCHED, memory=64 * MIB)
    assert found.refused
    assert len(found.corpus) > 1


def test_packed_indexes(files: dict[str, Path]) -> None:
    """A thousand times their size at most, and never above the cap, which has its own test."""
    sound = gzip.compress(gzip.decompress(index_of(files["VCF"], "VCF", ".tbi")))
    assert len(sound) < 4096
    found = fuzz(read_index_file, [sound], watched=WATCHED, memory=64 * MIB, longest=8192)
    assert found.refused


def test_crai(files: dict[str, Path]) -> None:
    raw = index_of(files["CRAM"], "CRAM", ".crai")
    with files["CRAM"].open("rb") as file:
        walked = cram.walk(file_source(file.fileno()), files["CRAM"].stat().st_size)
    found = fuzz(
        lambda raw: cram.read_crai(raw, walked), [gzip.decompress(raw), raw],
        watched=WATCHED, memory=64 * MIB, longest=8192,
    )  # fmt: skip
    assert found.refused


def test_cram_containers_and_header(files: dict[str, Path]) -> None:
    sound = [files["CRAM"].read_bytes()]
    target = lambda raw: cram.walk(source_of(raw), len(raw))  # noqa: E731
    found = fuzz(target, sound, watched=WATCHED, memory=64 * MIB, runs=100)  # each walks a file
    assert found.refused
    assert len(found.corpus) > 2


def test_bgzf_blocks() -> None:
    sound = [packed(b"some text " * 90), BGZF_EOF]
    found = fuzz(lambda raw: read_block(source_of(raw), 0), sound, watched=WATCHED, memory=MIB)
    assert found.refused


@pytest.mark.parametrize("form", FORMS)
def test_headers(files: dict[str, Path], form: str) -> None:
    def parsed(raw: bytes) -> object:
        source = source_of(packed(raw) + BGZF_EOF)
        return read_header(source, form), read_digests(source, form)

    sound = unpacked(files[form])
    found = fuzz(parsed, [sound[:4000]], watched=WATCHED, memory=32 * MIB)
    assert found.refused
    assert len(found.corpus) > 1


@pytest.mark.parametrize("form", FORMS)
def test_records(files: dict[str, Path], form: str) -> None:
    known = survey(files[form], form)
    region = Region("chr1", 0, 2**28)
    whole = known.header_end

    def parsed(raw: bytes, *, columns: ColumnsAsked | None) -> object:
        content = packed(raw)
        source = source_of(content + BGZF_EOF)
        row = np.array([[0, len(content) << 16]], np.uint64)
        if columns is not None:
            return list(trim.trimmed(source, [(0, len(content) << 16)], columns))
        return sift(source, known, row, [region])

    with files[form].open("rb") as file:
        header = read_header(file_source(file.fileno()), form)
    assert header.end == whole
    records = unpacked(files[form])[_plain_place(files[form], whole) :]
    ways: list[ColumnsAsked | None] = [None]
    if form == "BAM":
        ways.append(ColumnsAsked(fields=("POS",), notags=("NM",)))
    for columns in ways:
        target: Callable[[bytes], object] = partial(parsed, columns=columns)
        found = fuzz(target, [records], watched=WATCHED, memory=64 * MIB, runs=100)
        assert found.refused


def _plain_place(path: Path, offset: int) -> int:
    """Where in the unpacked file a virtual offset lies."""
    before = path.read_bytes()[: offset >> 16]
    return len(gzip.decompress(before)) + (offset & 0xFFFF) if before else offset & 0xFFFF


def test_tags_of_a_read() -> None:
    tags = b"NMC\x01RGZa\0XBBs\x02\0\0\0abcdXFf\0\0\0\0XHH1A\0CGBI\x01\0\0\0\x14\0\0\0"
    rest = b"r\0" + struct.pack("<II", 4 << 4 | 4, 9 << 4 | 3) + b"\x11\x11" + b"FFFF" + tags
    record = struct.pack("<iiiBBHHHiiii", 32 + len(rest), 0, 5, 2, 9, 0, 2, 0, 4, -1, -1, 0) + rest

    def trimmed(raw: bytes) -> object:
        raw = len(raw[4:]).to_bytes(4, "little") + raw[4:] if len(raw) >= 36 else record
        return Trimmer(ColumnsAsked(fields=("POS", "CIGAR"), tags=("RG", "XB"))).trim(raw)

    found = fuzz(trimmed, [record], watched=WATCHED, memory=4 * MIB)
    assert found.refused
    assert len(found.corpus) > 2


@pytest.mark.parametrize("form", [*FORMS, "CRAM"])
def test_kept_charts(files: dict[str, Path], form: str) -> None:
    sound = chart.dump(survey(files[form], form))
    found = fuzz(chart.load, [sound], watched=WATCHED, memory=16 * MIB)
    assert found.refused
