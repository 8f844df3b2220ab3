"""Genotypes as they lie in BCF: the same as htslib's, and no byte of a record is trusted."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pysam
import pytest
from cyvcf2 import VCF, Writer

from beacon.errors import SourceRefused
from beacon.loading import bcf
from beacon.loading.calls import Table
from beacon.loading.parquet import Row
from beacon.loading.variant_files import Selection, open_variants

SAMPLES = ("S1", "S2", "S3", "S4", "S5")
HEADER = """##fileformat=VCFv4.3
##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">
##FILTER=<ID=LOW,Description="Low">
##contig=<ID=1>
##contig=<ID=GL1>
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depths">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=GQ,Number=1,Type=Float,Description="Quality">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
##FORMAT=<ID=PS,Number=1,Type=String,Description="Set">
"""
OTHERS = {
    "AD": ("1,2", "300,70000", ".", "1"),
    "GQ": ("3.5", "."),
    "DP": ("7", "200", "."),
    "PS": ("set" * 9, ".", "a"),
}
ALTS = ("C", "AT", "G", "<DEL>", "ACC", "AG", "ATT", "T")
KEY = 3  # after PASS, DP (of INFO and FORMAT) and LOW comes AD, then GT


def text_file(path: Path, lines: list[str]) -> Path:
    fixed = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")
    path.write_text(HEADER + "\n".join(["\t".join(fixed + SAMPLES), *lines]) + "\n")
    return path


def stored(text: Path) -> Path:
    """The same file as BCF."""
    path = text.with_suffix(".bcf")
    lines = VCF(str(text))
    out = Writer(str(path), lines, mode="wb")
    for one in lines:
        out.write_record(one)
    out.close()
    lines.close()
    return path


def line(chance: random.Random, number: int) -> str:
    alts = list(ALTS[: chance.choice((1, 1, 2, 8))])
    if chance.random() < 0.1:  # allele numbers that need two bytes
        alts = [base + "ACGT"[n % 4] * n for n, base in enumerate("C" * 80)]
    names = [name for name in OTHERS if chance.random() < 0.3]
    names = ["GT", *names] if chance.random() < 0.9 else names or ["DP"]
    cells = [
        ":".join(
            call(chance, len(alts)) if name == "GT" else chance.choice(OTHERS[name])
            for name in names
        )
        for _ in SAMPLES
    ]
    chrom = chance.choice(("1", "1", "1", "GL1"))
    fixed = [chrom, str(number * 10 + 1), ".", "A", ",".join(alts), ".", ".", "."]
    return "\t".join([*fixed, ":".join(names), *cells])


def call(chance: random.Random, alts: int) -> str:
    alleles = chance.choices(
        (".", "0", *map(str, range(1, alts + 1))), k=chance.choice((1, 2, 2, 3))
    )
    return "".join(a + chance.choice("/|") for a in alleles[:-1]) + alleles[-1]


def key_of(path: Path) -> int:
    found = open_variants(path).declared.genotype_key
    assert found is not None
    return found


def widened(table: Table | None) -> list[list[int]] | None:
    return None if table is None else np.where(table < 0, -1, table).tolist()


def comparable(row: Row) -> tuple[Any, ...]:
    return tuple(each.tolist() if isinstance(each, np.ndarray) else each for each in row)


@pytest.mark.parametrize("seed", range(20))
def test_each_record_has_the_genotypes_that_htslib_reads(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (repeats)
    path = stored(text_file(tmp_path / "v.vcf", [line(chance, n) for n in range(60)]))
    theirs = [
        (one.start, widened(one.format("GT", int)) if "GT" in one.FORMAT else None)
        for one in VCF(str(path))
    ]
    ours = bcf.genotypes(path, key=key_of(path), samples=len(SAMPLES))
    assert [(start0, widened(table)) for start0, table in ours] == theirs
    assert any(table is not None for _, table in theirs)


@pytest.mark.parametrize("seed", range(20))
def test_a_bcf_has_the_rows_of_its_text(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (repeats)
    text = text_file(tmp_path / "v.vcf", [line(chance, n) for n in range(60)])
    kept = {name: number for number, name in enumerate(SAMPLES) if chance.random() < 0.8}
    for selection in (Selection(kept), Selection(kept, share=True, own_reference=True)):
        said, found = open_variants(text), open_variants(stored(text))
        rows = [comparable(row) for row in found.rows(selection)]
        assert rows == [comparable(row) for row in said.rows(selection)]
        assert found.skipped == said.skipped
        assert rows


def test_a_file_that_never_speaks_of_genotypes_has_none(tmp_path: Path) -> None:
    text = text_file(tmp_path / "v.vcf", ["1\t5\t.\tA\tC\t.\t.\t.\tDP\t1\t2\t3\t4\t5"])
    text.write_text(text.read_text().replace("ID=GT", "ID=QT"))
    file = open_variants(stored(text))
    assert list(file.rows(Selection({"S1": 0}))) == []
    assert file.skipped == {"line without genotypes": 1}


def test_text_and_what_is_not_compressed_is_no_bcf(tmp_path: Path) -> None:
    text = text_file(tmp_path / "v.vcf", [])
    pysam.tabix_compress(str(text), str(tmp_path / "v.vcf.gz"))
    plain = tmp_path / "plain.bcf"
    plain.write_bytes(b"BCF\x02\x02")
    assert [bcf.is_bcf(p) for p in (text, tmp_path / "v.vcf.gz", plain)] == [False] * 3
    assert bcf.is_bcf(stored(text))


# What is not a record

GT = bytes([0x11, KEY, 0x21]) + bytes([2, 4] * len(SAMPLES))


def record(
    individual: bytes = GT, *, fields: int = 1, samples: int = len(SAMPLES), shared: int = 24
) -> bytes:
    site = struct.pack("<iiifII", 0, 41, 1, 0.0, 2 << 16, fields << 24 | samples)
    return struct.pack("<II", shared, len(individual)) + site + individual


def blocks(path: Path, *records: bytes, header: bytes = b"header\0") -> Path:
    content = b"BCF\x02\x02" + struct.pack("<I", len(header)) + header + b"".join(records)
    with pysam.BGZFile(str(path), "w", None) as out:
        out.write(content)
    return path


def read(path: Path) -> list[bcf.Stored]:
    return list(bcf.genotypes(path, key=KEY, samples=len(SAMPLES)))


def test_a_record_written_by_hand_is_read(tmp_path: Path) -> None:
    ((start0, table),) = read(blocks(tmp_path / "v.bcf", record()))
    assert (start0, table is not None and table.tolist()) == (41, [[2, 4]] * len(SAMPLES))


def test_fields_before_and_beside_genotypes_are_passed(tmp_path: Path) -> None:
    long = b"\x12\x2c\x01" + bytes([0xF7, 0x11, 20]) + b"x" * 20 * len(SAMPLES)
    none = b"\x11\x09" + b"\x00"
    found = read(blocks(tmp_path / "v.bcf", record(long + none + GT, fields=3), record(none)))
    assert [table is None for _, table in found] == [False, True]


@pytest.mark.parametrize(
    ("why", "damaged"),
    [
        ("a length below a site's", record(shared=23)),
        ("a length of the whole memory", struct.pack("<II", 24, 2**32 - 1) + record()[8:]),
        ("fewer bytes than said", record()[:-1]),
        ("a site cut off", record()[:20]),
        ("other samples", record(samples=4)),
        ("more fields than there are", record(b"\x11\x09\x00", fields=2)),
        ("fewer genotypes than samples", record(GT[:-1])),
        ("genotypes as text", record(GT.replace(b"\x21", b"\x27"))),
        ("genotypes as fractions", record(GT[:2] + b"\x15" + bytes(4 * len(SAMPLES)))),
        ("genotypes of nothing", record(GT[:2] + b"\x01")),
        ("a count that is text", record(b"\x11\x09\xf1\x17\x00")),
        ("a count below nothing", record(GT[:2] + b"\xf1\x11\xff")),
        ("a count beyond the record", record(GT[:2] + b"\xf1\x13\xff\xff\xff\x7f")),
        ("a key of two", record(b"\x21" + GT[1:])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_a_record_is_refused(tmp_path: Path, why: str, damaged: bytes) -> None:
    path = blocks(tmp_path / "v.bcf", record(), damaged)
    with pytest.raises(ValueError, match=r"record|integer"):
        read(path)


def test_a_header_that_is_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.bcf"
    with pysam.BGZFile(str(path), "w", None) as out:
        out.write(b"BCF\x02\x02" + struct.pack("<I", 2**32 - 1) + b"header")
    with pytest.raises(ValueError, match="cut off"):
        read(path)


@pytest.mark.parametrize("seed", range(60))
def test_garbled_records_are_refused_or_loaded_but_never_break(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (repeats)
    whole = stored(text_file(tmp_path / "v.vcf", [line(chance, n) for n in range(30)]))
    key = key_of(whole)
    with pysam.BGZFile(str(whole), "r", None) as out:
        content = bytearray(out.read())
    first = 9 + struct.unpack_from("<I", content, 5)[0]
    for _ in range(chance.randint(1, 6)):
        content[chance.randrange(first, len(content))] = chance.randrange(256)
    if chance.random() < 0.2:
        del content[chance.randrange(first, len(content)) :]
    garbled = tmp_path / "garbled.bcf"
    with pysam.BGZFile(str(garbled), "w", None) as written:
        written.write(bytes(content))
    try:
        for _, table in bcf.genotypes(garbled, key=key, samples=len(SAMPLES)):
            assert table is None or table.shape[0] == len(SAMPLES)
    except ValueError:
        pass
    try:
        rows = list(open_variants(garbled).rows(Selection({"S1": 0})))
    except SourceRefused as refused:
        assert refused.problems  # noqa: PT017 (either is right)
    else:
        assert all(0 <= row.ac <= row.an for row in rows)
