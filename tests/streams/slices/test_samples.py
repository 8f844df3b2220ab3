"""Whom a file says it holds, read from its header alone; pysam has written it."""

from __future__ import annotations

from pathlib import Path

import pysam
import pytest

from streams.errors import SourceRefused
from streams.slices.samples import read_samples
from streams.storage import Source


def reader(content: bytes) -> Source:
    return lambda length, start0: content[start0 : start0 + length]


def samples(path: Path, form: str) -> frozenset[str] | None:
    content = path.read_bytes()
    return read_samples(reader(content), len(content), form)


def reads(path: Path, groups: list[dict[str, str]]) -> Path:
    header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": "chr1", "LN": 1000}], "RG": groups}
    mode, options = ("wc", ["no_ref=1"]) if path.suffix == ".cram" else ("wb", [])
    with pysam.AlignmentFile(path, mode, header=header, format_options=options):
        pass
    return path


def variants(path: Path, names: list[str]) -> Path:
    header = pysam.VariantHeader()
    header.contigs.add("chr1", length=1000)
    for name in names:
        header.add_sample(name)
    with pysam.VariantFile(path, "wb" if path.suffix == ".bcf" else "wz", header=header):
        pass
    return path


@pytest.mark.parametrize(("name", "form"), [("a.bam", "BAM"), ("a.cram", "CRAM")])
def test_reads_are_of_the_samples_of_their_groups(tmp_path: Path, name: str, form: str) -> None:
    groups = [{"ID": "g1", "SM": "S1"}, {"ID": "g2", "PL": "X", "SM": "S 2"}]
    assert samples(reads(tmp_path / name, groups), form) == frozenset(("S1", "S 2"))


@pytest.mark.parametrize(("name", "form"), [("a.bam", "BAM"), ("a.cram", "CRAM")])
@pytest.mark.parametrize("groups", [[], [{"ID": "g1", "SM": "S1"}, {"ID": "g2"}]])
def test_reads_of_a_group_without_a_name_are_of_nobody_known(
    tmp_path: Path, name: str, form: str, groups: list[dict[str, str]]
) -> None:
    assert samples(reads(tmp_path / name, groups), form) is None


@pytest.mark.parametrize(("name", "form"), [("a.vcf.gz", "VCF"), ("a.bcf", "BCF")])
@pytest.mark.parametrize("names", [[], ["S1"], ["S1", "S2", "FORMAT"]])
def test_variants_are_of_the_columns_after_format(
    tmp_path: Path, name: str, form: str, names: list[str]
) -> None:
    assert samples(variants(tmp_path / name, names), form) == frozenset(names)


@pytest.mark.parametrize("form", ["BAM", "CRAM", "VCF", "BCF"])
@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"##fileformat\n", b"CRAM\x03" + b"x" * 40])
def test_what_is_no_such_file_is_refused(form: str, content: bytes) -> None:
    with pytest.raises(SourceRefused):
        read_samples(reader(content), len(content), form)
