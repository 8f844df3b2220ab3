"""Small sorted files of every format with records that are hard to slice, and the naive answer."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from pathlib import Path

import pysam

from streams.slices.chart import Region

LONG = 2**29 + 90_000_000  # beyond what BAI and TBI can say
CONTIGS = {"chr1": 248_956_422, "chrLong": LONG, "chrEmpty": 5000, "chr2": 1_000_000}
ENDINGS = {"BAM": ".bam", "CRAM": ".cram", "VCF": ".vcf.gz", "BCF": ".bcf"}


def write(
    folder: Path, form: str, *, records: int = 3000, seed: int = 1, long: bool = True
) -> Path:
    """A file without an index. Lines and records straddle blocks; some reach very far."""
    contigs = CONTIGS if long else {name: min(n, 2**28) for name, n in CONTIGS.items()}
    path, rng = folder / f"made{ENDINGS[form]}", random.Random(seed)  # noqa: S311
    if form in ("BAM", "CRAM"):
        _write_reads(path, contigs, form, records=records, rng=rng)
    else:
        _write_variants(path, contigs, form, records=records, rng=rng)
    return path


def _places(
    contigs: dict[str, int], records: int, rng: random.Random
) -> list[tuple[int, int, int]]:
    """Contig number, start0 and reference length of each record, sorted."""
    made = []
    lengths = list(contigs.values())
    for _ in range(records):
        number = rng.choice((0, 0, 1, 3))
        start0 = rng.randrange(lengths[number] - 200)
        if rng.random() < 0.5:  # a crowded place
            start0 = lengths[number] // 2 + rng.randrange(20_000)
        reach = rng.choice((50, 50, 50, 100, 40_000, 3_000_000))
        made.append((number, start0, min(reach, lengths[number] - start0)))
    return sorted(made)


def _write_reads(
    path: Path, contigs: dict[str, int], form: str, *, records: int, rng: random.Random
) -> None:
    header = pysam.AlignmentHeader.from_references(list(contigs), list(contigs.values()))
    mode, options = ("wb", []) if form == "BAM" else ("wc", ["no_ref=1", "seqs_per_slice=100"])
    with pysam.AlignmentFile(path, mode, header=header, format_options=options) as file:
        for number, (contig, start0, reach) in enumerate(_places(contigs, records, rng)):
            read = pysam.AlignedSegment(header)
            read.query_name = f"r{number}"
            read.query_sequence = "".join(rng.choices("ACGT", k=50))
            read.query_qualities = pysam.qualitystring_to_array("I" * 50)
            read.flag, read.mapping_quality = 0, 60
            read.reference_id, read.reference_start = contig, start0
            gap = reach - 50
            skip = rng.choice("ND")
            read.cigarstring = f"20M{gap}{skip}30M" if gap > 0 else "50M"
            file.write(read)
        for number in range(200):
            read = pysam.AlignedSegment(header)
            read.query_name, read.flag = f"u{number}", 4
            read.query_sequence = "".join(rng.choices("ACGT", k=50))
            file.write(read)


def _write_variants(
    path: Path, contigs: dict[str, int], form: str, *, records: int, rng: random.Random
) -> None:
    header = pysam.VariantHeader()
    for name, length in contigs.items():
        header.contigs.add(name, length=length)
    header.info.add("END", 1, "Integer", "End")
    header.info.add("NOTE", 1, "String", "Ballast, so that lines straddle blocks")
    with pysam.VariantFile(path, "wz" if form == "VCF" else "wb", header=header) as file:
        for contig, start0, reach in _places(contigs, records, rng):
            note = "".join(rng.choices("abcdefgh", k=rng.choice((10, 200))))
            is_long = reach > 50
            file.write(
                header.new_record(
                    contig=list(contigs)[contig],
                    start=start0,
                    stop=start0 + (reach if is_long else 1),
                    alleles=("A", "<DEL>" if is_long else "C"),
                    info={"NOTE": note},
                )
            )


def read_all(path: Path, form: str) -> list[tuple[str, int, int, str]]:
    """Every record as (contig, start0, end0, text), read from end to end without an index."""
    pysam.set_verbosity(0)
    if form in ("BAM", "CRAM"):
        with pysam.AlignmentFile(path, check_sq=False) as file:
            return [
                (
                    read.reference_name or "*",
                    read.reference_start,
                    read.reference_end or read.reference_start + 1,
                    read.to_string(),
                )
                for read in file.fetch(until_eof=True)
            ]
    with pysam.VariantFile(path) as file:
        return [(r.chrom, r.start, max(r.stop, r.start + 1), str(r)) for r in file]


def overlapping(
    records: Sequence[tuple[str, int, int, str]], regions: Sequence[Region]
) -> list[str]:
    """The texts of the records that reach into a region, in file order."""
    return [text for *place, text in records if any(_overlaps(place, r) for r in regions)]


def _overlaps(place: Sequence[object], region: Region) -> bool:
    contig, start0, end0 = place
    if contig != region.name:
        return False
    if contig == "*":
        return True
    assert isinstance(start0, int)
    assert isinstance(end0, int)
    return start0 < (sys.maxsize if region.end0 is None else region.end0) and end0 > (
        region.start0 or 0
    )
