"""Index parsers: any bytes give an index or a refusal, and nothing that cannot be true."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pysam.samtools
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.errors import IndexRefused, SourceRefused
from streams.slices import index_files
from streams.slices.cram import read_crai, walk
from streams.slices.index_files import read_index_file
from streams.storage import file_source
from tests.support import slice_files
from tests.support.shared import shared_data

ONE_CHUNK = struct.pack("<Ii", 4681, 1) + struct.pack("<QQ", 1 << 16, 2 << 16)
BAI = b"BAI\x01" + struct.pack("<ii", 1, 1) + ONE_CHUNK + struct.pack("<iQ", 1, 1 << 16)
CSI = (
    b"CSI\x01"
    + struct.pack("<iiiii", 14, 5, 0, 1, 1)
    + struct.pack("<IQi", 4681, 1 << 16, 1)
    + struct.pack("<QQ", 1 << 16, 2 << 16)
)
TABIX = struct.pack("<7i", 2, 1, 2, 0, 35, 0, 2) + b"1\0"
TBI = b"TBI\x01" + struct.pack("<i", 1) + TABIX + struct.pack("<i", 1) + ONE_CHUNK
TBI += struct.pack("<iQ", 1, 1 << 16)
CRAI = b"0\t1\t50\t100\t20\t30\n"
WHOLE = [BAI, CSI, TBI]


@pytest.mark.parametrize("raw", [*WHOLE, *(gzip.compress(raw, mtime=0) for raw in WHOLE)])
def test_a_sound_index_is_read(raw: bytes) -> None:
    index = read_index_file(raw).index
    assert index.references == 1
    assert index.spans(0, np.array([0]), np.array([100])).tolist() == [[1 << 16, 2 << 16]]
    assert index.unplaced(header_end=0, data_end=9 << 16).tolist() == [[2 << 16, 9 << 16]]


def test_names_come_with_a_tabix_index() -> None:
    assert read_index_file(TBI).names == ("1",)
    assert read_index_file(BAI).names is None


@pytest.mark.parametrize("raw", WHOLE)
def test_every_truncation_is_refused(raw: bytes) -> None:
    for length in range(len(raw)):
        with pytest.raises(IndexRefused):
            read_index_file(raw[:length])
    for length in range(len(packed := gzip.compress(raw))):
        with pytest.raises(IndexRefused):
            read_index_file(packed[:length])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=4)), max_size=4),
)
def test_a_changed_index_is_read_or_refused(raw: bytes, changes: list[tuple[int, bytes]]) -> None:
    for at, value in changes:
        raw = raw[: at % len(raw)] + value + raw[at % len(raw) + len(value) :]
    try:
        index = read_index_file(raw).index
    except IndexRefused:
        return
    for reference in range(min(index.references, 3)):
        rows = index.spans(reference, np.array([0, 2**40]), np.array([5, 2**62]))
        assert np.all(rows[:, 0] < rows[:, 1])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.sampled_from([b"BAI\x01", b"CSI\x01"]).map(lambda m: m * 9))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for raw_index in (raw, b"BAI\x01" + raw, b"CSI\x01" + raw, b"TBI\x01" + raw):
        try:
            read_index_file(raw_index)
        except IndexRefused:
            continue


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"BAI\x01" + struct.pack("<i", 2**31 - 1), "promises"),
        (b"BAI\x01" + struct.pack("<i", -1), "negative"),
        (b"BAI\x01" + struct.pack("<iiIi", 1, 1, 5, 2**30) + bytes(99), "promises"),
        (BAI.replace(struct.pack("<I", 4681), struct.pack("<I", 37449)), "outside"),
        (BAI.replace(struct.pack("<Q", 2 << 16), bytes(8)), "before it begins"),
        (CSI.replace(struct.pack("<ii", 14, 5), struct.pack("<ii", 14, 12)), "no genome"),
        (CSI.replace(struct.pack("<ii", 14, 5), struct.pack("<ii", 0, 5)), "no genome"),
        (TBI.replace(TABIX[:4], struct.pack("<i", 0)), "another format"),
        (b"BAI\x01" + struct.pack("<ii", 1, 2) + 2 * ONE_CHUNK + bytes(4), "twice"),
        (b"PK\x03\x04", "no BAI"),
    ],
)
def test_what_cannot_be_true_is_refused(raw: bytes, told: str) -> None:
    with pytest.raises(IndexRefused, match=told):
        read_index_file(raw)


def test_a_packed_bomb_stops_at_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_files, "MAX_INDEX_BYTES", 10_000)
    with pytest.raises(IndexRefused, match="unpacks to more"):
        read_index_file(gzip.compress(bytes(10**7)))


def test_real_indexes_are_read() -> None:
    folder = shared_data("hts") / "index-perf"
    reads = read_index_file((folder / "NA12878_wgs.bai").read_bytes()).index
    assert reads.references > 24
    assert reads.unplaced(header_end=0, data_end=0)[0, 0] > 0
    variants = read_index_file((folder / "1000G_chr14.vcf.gz.tbi").read_bytes())
    assert variants.names is not None


# CRAI


@pytest.fixture(scope="module")
def cram(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return slice_files.write(tmp_path_factory.mktemp("cram"), "CRAM", records=500)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=9)), max_size=3))
def test_a_changed_crai_is_read_or_refused(cram: Path, changes: list[tuple[int, bytes]]) -> None:
    made = cram.with_suffix(".crai")
    if not made.exists():
        pysam.samtools.index("-o", str(made), str(cram))
    raw = gzip.decompress(made.read_bytes())
    descriptor = os.open(cram, os.O_RDONLY)
    walked = walk(file_source(descriptor), cram.stat().st_size)
    os.close(descriptor)
    assert len(read_crai(raw, walked).starts) == len(walked.containers)
    for at, value in changes:
        raw = raw[: at % len(raw)] + value + raw[at % len(raw) + len(value) :]
    try:
        read_crai(raw, walked)
    except IndexRefused:
        return


@pytest.mark.parametrize(
    "raw", [b"", CRAI, CRAI[:-3] + b"\n", b"x\n", CRAI.replace(b"100", b"1" * 40), b"\x1f\x8b\x08"]
)
def test_a_crai_of_another_file_is_refused(cram: Path, raw: bytes) -> None:
    descriptor = os.open(cram, os.O_RDONLY)
    walked = walk(file_source(descriptor), cram.stat().st_size)
    os.close(descriptor)
    with pytest.raises(IndexRefused):
        read_crai(raw, walked)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=9)), max_size=3))
def test_a_changed_cram_is_walked_or_refused(
    cram: Path, tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]]
) -> None:
    raw = cram.read_bytes()
    for at, value in changes:
        raw = raw[:at] + value + raw[at + len(value) :]
    path = tmp_path_factory.getbasetemp() / "changed.cram"
    path.write_bytes(raw)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        walk(file_source(descriptor), len(raw))
    except SourceRefused:
        return
    finally:
        os.close(descriptor)
