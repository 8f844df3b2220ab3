from __future__ import annotations

import gzip
from pathlib import Path

import pysam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beacon.errors import ReferenceUnreadable
from beacon.variation.reference import FastaReference, Windowed

TEXT = ("ACGTN" * 40_000) + "acgtRYK"


@pytest.fixture(scope="module", params=["plain", "bgzipped"])
def reference(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> FastaReference:
    path: Path = tmp_path_factory.mktemp("fasta") / "reference.fa"
    lines = (TEXT[at : at + 60] for at in range(0, len(TEXT), 60))
    path.write_text(">chr1 first\n" + "\n".join(lines) + "\n>MT\nACGT\n>GL1\nAAAA\n")
    if request.param == "bgzipped":
        pysam.tabix_compress(str(path), f"{path}.gz")
        path = path.with_name("reference.fa.gz")
    return FastaReference(path)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start0=st.integers(-50, len(TEXT) + 50), length=st.integers(0, 100_000))
def test_bases_are_those_of_the_file_and_end_where_it_ends(
    reference: FastaReference, start0: int, length: int
) -> None:
    expected = TEXT.upper()[max(start0, 0) : max(start0 + length, 0)]
    assert reference.bases("1", start0, start0 + length) == expected


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(-50, len(TEXT) + 50), st.integers(0, 90_000)), max_size=6))
def test_windows_show_the_same_bases(
    reference: FastaReference, asked: list[tuple[int, int]]
) -> None:
    windowed = Windowed(reference)
    for start0, length in asked:
        for chrom in ("1", "MT"):
            there = windowed.bases(chrom, start0, start0 + length)
            assert there == reference.bases(chrom, start0, start0 + length)


def test_a_sequence_the_file_has_not_has_no_bases(reference: FastaReference) -> None:
    assert reference.bases("2", 0, 10) == ""


@pytest.mark.parametrize(
    "content", [b"", b"no fasta", gzip.compress(b">1\nACGT\n", mtime=0), b">GL1\nACGT\n"]
)
def test_what_is_no_reference_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ("x.fa.gz" if content.startswith(b"\x1f\x8b") else "x.fa")
    path.write_bytes(content)
    with pytest.raises(ReferenceUnreadable):
        FastaReference(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReferenceUnreadable):
        FastaReference(tmp_path / "none.fa")
