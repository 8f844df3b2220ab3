"""What a segment costs: bytes per row, microseconds of CPU per question, load rates, memory.

`python benchmarks/segments.py [--sites 1000000,10000000] [--quick] [--check]`: makes site-only
rows (evenly spread, 12 % of them insertions and deletions, 0.5 % long) and a cohort of 2,500 people
whose carriers are few for most variants, builds segments of them and asks each kind of question.
Prints a table beside its goals; `--check` exits 1 where one is missed. Figures are processor time;
still, a busy machine shares caches and makes them worse.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# This file is named for what it measures, and Python puts its folder first: take it out again.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).parent]
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from pyroaring import BitMap

from beacon.catalog import Allele, Annotations, DatasetFacts, InGene, Span
from beacon.catalog import VariantQuestion as Question
from beacon.loading import parquet
from beacon.loading.load import DatasetSource, load
from beacon.segment.segment_file import SegmentWriter
from beacon.segments import SqliteSegment

SPACING = 55  # bases between sites: 50 million cover the genome
GENES = 20_000
QUESTIONS = 2000
WARMED = 300
PEOPLE = 2500


@dataclass(frozen=True, slots=True)
class Line:
    """One measured figure; a goal is a ceiling, or a floor where `at_least`."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = False

    @property
    def missed(self) -> bool:
        if self.goal is None:
            return False
        return self.value < self.goal if self.at_least else self.value > self.goal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", default="1000000,10000000")
    parser.add_argument("--cohort", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    sizes = [100_000, 500_000] if given.quick else [int(n) for n in given.sites.split(",")]
    cohort = 10_000 if given.quick else given.cohort
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="skerry-bench-") as scratch:
        asked = [_sites(Path(scratch), size, lines) for size in sizes]
        for what, first in asked[0].items():
            grown = asked[-1][what] / first
            lines.append(Line(f"{what}: {sizes[-1]:,} / {sizes[0]:,} sites", grown, "x", 1.3))
        _files(Path(scratch), cohort, lines)
        _cohort(Path(scratch), cohort, lines)
    return _report(lines, check=given.check)


# Sites without genotypes


def _sites(scratch: Path, count: int, lines: list[Line]) -> dict[str, float]:
    source, path = scratch / f"{count}.parquet", scratch / f"{count}.segment"
    started = time.process_time()
    parquet.write(_site_rows(count), source, tell=lambda _rows: None)
    made = time.process_time() - started
    seconds = _segment(source, path, count, persons=())
    size, name = path.stat().st_size, f"{count:,} sites"
    lines += [
        Line(f"{name}: segment", _base_bytes(path) / count, "bytes/row, base", 60),
        Line(f"{name}: segment", size / count, "bytes/row, with genes and rsIDs"),
        Line(f"{name}: Parquet", source.stat().st_size / count, "bytes/row"),
        Line(f"{name}: rows to Parquet", count / made, "rows/CPU s"),
        Line(f"{name}: Parquet to segment", count / seconds, "rows/CPU s", 100_000, at_least=True),
    ]
    source.unlink()
    segment = SqliteSegment(path)
    asked = {what: _cost(segment, of) for what, of in _questions(count).items()}
    for what, cost in asked.items():
        lines.append(Line(f"{name}: {what}", cost, "us CPU"))
    lines.append(Line(f"{name}: resident", _resident(path), "MB", 400))
    segment.close()
    path.unlink()
    return asked


def _site_rows(count: int) -> Iterator[parquet.Row]:
    chance = np.random.default_rng(1)
    per_chrom = -(-count // 22)
    left = count
    for rank in range(1, 23):
        size = min(per_chrom, left)
        left -= size
        yield from _chromosome(chance, rank, size)


def _chromosome(chance: np.random.Generator, rank: int, size: int) -> Iterator[parquet.Row]:
    starts = np.cumsum(chance.integers(1, 2 * SPACING, size)).tolist()
    refs, shifts = chance.integers(0, 4, size).tolist(), chance.integers(1, 4, size).tolist()
    shapes = chance.random(size).tolist()
    counts = np.minimum(1 / chance.random(size), 150_000).astype(int).tolist()
    names = (chance.permutation(size) + rank * 100_000_000).tolist()
    per_gene = max(1, size // (GENES // 22))
    for place, start0 in enumerate(starts):
        ref, other = "ACGT"[refs[place]], "ACGT"[(refs[place] + shifts[place]) % 4]
        end0, alt, kind, length = start0 + 1, other, "SNP", 1
        if shapes[place] < 0.005:
            length = 1000 + int(shapes[place] * 10**9) % 1_000_000
            end0, alt, kind = start0 + 1 + length, "<DEL>", "DEL"
        elif shapes[place] < 0.065:
            length = 1 + place % 7
            alt, kind = ref + other * length, "INS"
        elif shapes[place] < 0.125:
            length = 1 + place % 7
            end0, ref, alt, kind = start0 + 1 + length, ref + other * length, ref, "DEL"
        gene = (f"GENE{rank}_{place // per_gene}",)
        yield parquet.Row(
            *(rank, start0, end0, ref, alt, kind, length, counts[place], 300_000),
            *(counts[place] // 50, None, None, None, None, (f"rs{names[place]}",)),
            *(Annotations(genes=gene) if place % 20 == 0 else None, None),
        )


def _questions(count: int) -> dict[str, Callable[[np.random.Generator], Question]]:
    reach = count // 22 * SPACING

    def exact(chance: np.random.Generator) -> Question:
        return Allele(str(chance.integers(1, 23)), int(chance.integers(reach)), "A", "C")

    def ten_kb(chance: np.random.Generator) -> Question:
        start0 = int(chance.integers(reach))
        return Span(str(chance.integers(1, 23)), start0, start0 + 10_000)

    def bracket(chance: np.random.Generator) -> Question:
        at = int(chance.integers(reach))
        windows = {"starts": (at, at + 500_000), "ends": (at + 200_000, at + 1_700_000)}
        return Span(str(chance.integers(1, 23)), 0, 0, variant_type="DEL", **windows)

    def gene(chance: np.random.Generator) -> Question:
        return InGene(f"GENE{chance.integers(1, 23)}_{chance.integers(GENES // 22)}")

    return {
        "exact allele": exact,
        "10 kb range, count": ten_kb,
        "CNV bracket": bracket,
        "gene": gene,
    }


def _cost(
    segment: SqliteSegment,
    of: Callable[[np.random.Generator], Question],
    samples: BitMap | None = None,
) -> float:
    """Microseconds of CPU per counted question, warm; fails where nothing was ever found."""
    chance = np.random.default_rng(7)
    questions = [of(chance) for _ in range(QUESTIONS)]
    for question in questions[:WARMED]:
        segment.variants(question, samples=samples, skip=0, limit=0)
    started = time.process_time()
    found = sum(segment.variants(q, samples=samples, skip=0, limit=0).total for q in questions)
    cost = (time.process_time() - started) / QUESTIONS * 1e6
    if not found:
        raise SystemExit("a question was answered by nothing only")
    return cost


# Files, and people with genotypes


def _files(scratch: Path, count: int, lines: list[Line]) -> None:
    path = scratch / "sites.vcf.gz"
    _write_vcf(path, _site_lines(count * 2), samples=0)
    rate = _load_rate(scratch, path, count * 2)
    lines.append(Line("site-only VCF to served segment", rate, "rows/CPU s", 50_000, at_least=True))


def _cohort(scratch: Path, count: int, lines: list[Line]) -> None:
    path = scratch / "cohort.bcf"
    _write_bcf(path, min(count, 30_000))
    rate = _load_rate(scratch, path, min(count, 30_000))
    lines.append(
        Line("2,500 samples, BCF to served segment", rate, "rows/CPU s", 10_000, at_least=True)
    )
    source, target = scratch / "cohort.parquet", scratch / "cohort.segment"
    parquet.write(_cohort_rows(count), source, tell=lambda _rows: None)
    seconds = _segment(source, target, count, persons=range(PEOPLE))
    name = f"2,500 people x {count:,}"
    kept = (_table_bytes(target, ("calls", "carried")) + _samples_bytes(target)) / count
    lines += [
        Line(f"{name}: carriers", kept, "bytes/row, both ways, with genotypes", 130),
        Line(f"{name}: Parquet to segment", count / seconds, "rows/CPU s"),
    ]
    segment = SqliteSegment(target)
    few, many = BitMap(range(0, PEOPLE, 20)), BitMap(range(0, PEOPLE, 2))
    reach = count * SPACING

    def ten_kb(chance: np.random.Generator) -> Question:
        start0 = int(chance.integers(reach))
        return Span("1", start0, start0 + 10_000)

    rows = segment.variants(None, samples=None, skip=0, limit=1000).rows
    alleles = [row.allele for row in rows]

    def carriers(number: int) -> object:
        return segment.carriers(alleles[number % len(alleles)])

    def one_person(number: int) -> object:
        return segment.variants(None, samples=BitMap([number]), skip=0, limit=0)

    def many_people(number: int) -> object:
        return segment.variants(None, samples=few | BitMap([number + 1]), skip=0, limit=0)

    def page(number: int) -> object:
        return segment.variants(None, samples=None, skip=number * 100, limit=100)

    costs = {
        "people of an allele": _each(carriers, QUESTIONS),
        "10 kb range, of 125 people": _cost(segment, ten_kb, few),
        "10 kb range, of 1,250 people": _cost(segment, ten_kb, many),
        "all variants of one person": _each(one_person, 200),
        "all variants of 125 people": _each(many_people, 5),
        "page of 100 records": _each(page, 100),
    }
    lines += [Line(f"{name}: {what}", cost, "us CPU") for what, cost in costs.items()]


def _each(call: Callable[[int], object], times: int) -> float:
    started = time.process_time()
    for number in range(times):
        call(number)
    return (time.process_time() - started) / times * 1e6


def _cohort_rows(count: int) -> Iterator[parquet.Row]:
    """85 % of the variants have 1 to 5 carriers, the rest up to every fifth person: 41 at mean."""
    chance = np.random.default_rng(3)
    start0 = 0
    for number in range(count):
        start0 += int(chance.integers(1, 2 * SPACING))
        many = chance.random() >= 0.85
        size = int(chance.integers(20, 500)) if many else int(chance.integers(1, 6))
        carriers = np.sort(chance.choice(PEOPLE, size, replace=False)).astype(np.uint32)
        codes = np.array([22, 26, 30], np.uint16)[chance.choice(3, size, p=[0.9, 0.05, 0.05])]
        yield parquet.Row(
            *(1, start0, start0 + 1, "A", "CGT"[number % 3], "SNP", 1, size, 2 * PEOPLE, 0, 0),
            *(None, carriers, codes, None, None, None),
        )


def _site_lines(count: int) -> Iterator[str]:
    for row in _chromosome(np.random.default_rng(5), 1, count):
        info = f"AC={row.ac};AN={row.an};AF={row.ac / row.an:.3g};nhomalt={row.homozygotes}"
        info += f";END={row.end0}" if row.alt == "<DEL>" else ""
        name = row.identifiers[0] if row.identifiers else "."
        yield f"chr1\t{row.start0 + 1}\t{name}\t{row.ref}\t{row.alt}\t.\tPASS\t{info}"


def _write_vcf(path: Path, lines: Iterator[str], *, samples: int) -> None:
    import pysam

    plain = path.with_suffix(".txt")
    with plain.open("w") as out:
        out.write(_header(samples))
        out.writelines(f"{line}\n" for line in lines)
    pysam.tabix_compress(str(plain), str(path), force=True)
    plain.unlink()


def _write_bcf(path: Path, count: int) -> None:
    import pysam

    plain = path.with_suffix(".vcf")
    with plain.open("w") as out:
        out.write(_header(PEOPLE))
        for row in _cohort_rows(count):
            calls = ["0|0"] * PEOPLE
            carrying = zip(
                *(list(of) for of in (row.samples, row.genotypes) if of is not None), strict=True
            )
            for sample, code in carrying:
                calls[sample] = {22: "0/1", 26: "1/0", 30: "1/1"}[int(code)]
            fixed = f"chr1\t{row.start0 + 1}\t.\tA\t{row.alt}\t.\t.\t.\tGT\t"
            out.write(fixed + "\t".join(calls) + "\n")
    with (
        pysam.VariantFile(str(plain)) as read,
        pysam.VariantFile(str(path), "wb", header=read.header) as bcf,
    ):
        for record in read:
            bcf.write(record)
    plain.unlink()


def _header(samples: int) -> str:
    names = "".join(f"\tS{number}" for number in range(samples))
    kinds = (("AC", "A", "Integer"), ("AN", "1", "Integer"), ("AF", "A", "Float"),
             ("nhomalt", "A", "Integer"), ("END", "1", "Integer"))  # fmt: skip
    infos = "".join(f'##INFO=<ID={n},Number={c},Type={k},Description="{n}">\n' for n, c, k in kinds)
    return (
        "##fileformat=VCFv4.3\n##contig=<ID=chr1,length=248956422>\n" + infos
        + '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
        + ("\tFORMAT" + names if samples else "") + "\n"
    )  # fmt: skip


def _load_rate(scratch: Path, path: Path, count: int) -> float:
    """Rows per CPU second of the whole load: checks, both stages, digests, verification."""
    gc.collect()
    started = time.process_time()
    load(DatasetSource("bench", "Bench", "", "GRCh38", (path,)), scratch / f"catalog-{path.stem}")
    return count / (time.process_time() - started)


# Segments


def _segment(source: Path, path: Path, count: int, *, persons: Sequence[int]) -> float:
    """Writes the segment as a load does; CPU seconds."""
    started = time.process_time()
    with SegmentWriter(path) as writer:
        writer.people([f"P{number}" for number in persons])
        writer.samples((number, f"P{number}", number) for number in persons)
        indexed = writer.variants(source, list(persons), tell=lambda _rows: None)
        facts = DatasetFacts(
            *("bench", "Bench", "1", "GRCh38", len(persons), count, indexed.chromosomes),
            genotypes=bool(persons), genes="annotation", identifiers=indexed.identifiers,
        )  # fmt: skip
        writer.finish(facts, {})
    return time.process_time() - started


def _base_bytes(path: Path) -> int:
    extras = ("rsids", "names", "notes", "changes", "gene_spans")
    return path.stat().st_size - _table_bytes(path, extras)


def _samples_bytes(path: Path) -> int:
    """Of the samples behind the blocks."""
    import sqlite3

    with sqlite3.connect(path) as db:
        ((begins,),) = db.execute("SELECT data FROM arrays WHERE name = 'begins'")
    places = np.frombuffer(begins, np.uint64)
    return int((places[2::2] - places[1::2]).sum())


def _table_bytes(path: Path, tables: Sequence[str]) -> int:
    import sqlite3

    with sqlite3.connect(path) as db:
        (has,) = db.execute(
            "SELECT count(*) FROM pragma_module_list WHERE name = 'dbstat'"
        ).fetchone()
        if not has:
            raise SystemExit("this SQLite has no dbstat, so bytes per table cannot be told")
        marks = ",".join("?" * len(tables))
        sql = f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({marks})"  # noqa: S608 (question marks)
        return int(db.execute(sql, tables).fetchone()[0] or 0)


def _resident(path: Path) -> float:
    """Megabytes of a process that opened the segment and was asked 20,000 spread questions."""
    code = (
        "import sys, random; from pathlib import Path\n"
        "from beacon.segments import SqliteSegment; from beacon.catalog import Allele, Span\n"
        "s = SqliteSegment(Path(sys.argv[1])); r = random.Random(1)\n"
        "for _ in range(20000):\n"
        "    c, p = str(r.randint(1, 22)), r.randrange(120_000_000)\n"
        "    s.variants(Allele(c, p, 'A', 'C'), samples=None, skip=0, limit=0)\n"
        "    asked = Span(c, p, p + 10_000, None, None, 'INS')\n"
        "    s.variants(asked, samples=None, skip=0, limit=10)\n"
        "text = Path('/proc/self/status').read_text()\n"
        "print(text.partition('VmRSS:')[2].split()[0])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=environment, capture_output=True, check=True
    )
    return int(done.stdout) / 1024


def _report(lines: list[Line], *, check: bool) -> int:
    print(f"{'what':52}{'measured':>14}  {'unit':38}{'goal':>12}")
    for line in lines:
        sign = ">=" if line.at_least else "<="
        goal = "" if line.goal is None else f"{sign} {line.goal:,.6g}"
        missed = "  MISSED" if line.missed else ""
        print(f"{line.what:52}{line.value:14,.1f}  {line.unit:38}{goal:>12}{missed}")
    missed = sum(line.missed for line in lines)
    print(f"{missed} goals missed" if missed else "every goal met")
    return 1 if check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
