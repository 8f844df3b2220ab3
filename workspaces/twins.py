"""Synthetic sites of the shape of real ones: the same columns and alleles, and no row of anybody.

What is drawn rests on the names and kinds of columns, ranges that somebody states, and public
frequencies of alleles; a real table is never read. Genotypes are drawn one by one in Hardy-Weinberg
proportion, without linkage between variants, and no trait depends on any: a study of twins shows
that an application runs and what it gives out, and should find nothing.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.random import Generator

from workspaces.analysis.alleles import Allele
from workspaces.errors import TwinsRefused

MAX_PEOPLE = 5_000
MAX_VARIANTS = 100_000
MAX_CALLS = 50_000_000
_SPREAD = 0.02  # by which a site's frequencies differ from the public ones
_CALLS = np.array([b"\t0/0", b"\t0/1", b"\t1/1", b"\t./."], dtype="S4")
_ABSENT = 3


@dataclass(frozen=True, slots=True)
class Column:
    """`low` to `high`, whole numbers where both are; a yes or no is 0 to 1."""

    name: str
    low: float
    high: float
    unit: str = ""

    @property
    def title(self) -> str:
        return f"{self.name} [{self.unit}]" if self.unit else self.name

    @property
    def whole(self) -> bool:
        return self.low == int(self.low) and self.high == int(self.high)

    def drawn(self, people: int, source: Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        if self.whole and self.high - self.low < 1_000:
            return source.integers(int(self.low), int(self.high) + 1, people).astype(np.float64)
        middle, width = (self.low + self.high) / 2, (self.high - self.low) / 6
        return np.clip(source.normal(middle, width, people), self.low, self.high).round(6)


@dataclass(frozen=True, slots=True)
class Shape:
    """Of every twin: `missing` is the share of values and calls that are not there; with `joint`
    all sites hold the same people and deal the columns out among themselves."""

    people: int
    columns: tuple[Column, ...]
    alleles: tuple[tuple[Allele, float], ...]
    missing: float = 0.0
    joint: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.people <= MAX_PEOPLE or len(self.alleles) > MAX_VARIANTS:
            raise TwinsRefused(
                f"A twin has 1 to {MAX_PEOPLE} people and at most {MAX_VARIANTS} variants."
            )
        if not self.columns or len({one.name for one in self.columns}) < len(self.columns):
            raise TwinsRefused("A twin's table has one column or more, each of another name.")
        if not 0 <= self.missing < 1 or any(not one.low < one.high for one in self.columns):
            raise TwinsRefused("A share is from 0 to below 1, a range from lower to higher.")
        if self.people * len(self.alleles) > MAX_CALLS:
            raise TwinsRefused(f"A twin has at most {MAX_CALLS} genotypes.")


def make(folder: Path, shape: Shape, *, sites: int, seed: int) -> list[Path]:
    """One staged folder for each site, the same again for the same seed."""
    made = []
    for number in range(sites):
        columns = shape.columns[number::sites] if shape.joint else shape.columns
        if not columns:
            raise TwinsRefused(f"There are fewer columns than the {sites} sites to hold them.")
        place = folder / f"site{number + 1}"
        place.mkdir(parents=True)
        source = np.random.default_rng([seed, number])
        names = [f"twin{0 if shape.joint else number + 1}-{one:04}" for one in range(shape.people)]
        _write_table(place / "clinical.tsv", names, columns, shape.missing, source)
        if shape.alleles:
            _write_genotypes(place / "genotypes.vcf", names, shape, source)
        made.append(place)
    return made


def frequencies(path: Path, *, most: int) -> tuple[tuple[Allele, float], ...]:
    """The first alleles of a VCF (text or gzip) with INFO AF, or of a TSV with chrom, pos, ref, alt
    and af, that are neither absent nor fixed. Raises `TwinsRefused`."""
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            read = _of_vcf(lines) if ".vcf" in path.suffixes else _of_table(lines)
            found = tuple(islice((one for one in read if 0 < one[1] < 1), most))
    except (OSError, ValueError, IndexError, KeyError, EOFError) as error:
        raise TwinsRefused(
            f"{path.name}: expected a VCF with AF, or a table of chrom, pos, ref, alt and af."
        ) from error
    if not found:
        raise TwinsRefused(f"{path.name} has no allele with a frequency between 0 and 1.")
    return found


def made_up(count: int) -> tuple[tuple[Allele, float], ...]:
    """Where nobody gives public ones: common alleles of no genome."""
    drawn = np.random.default_rng(count).uniform(0.05, 0.5, count)
    return tuple((Allele("chr1", 1_000 + 100 * at, "A", "G"), float(one))
                 for at, one in enumerate(drawn))  # fmt: skip


def _of_vcf(lines: Iterable[str]) -> Iterator[tuple[Allele, float]]:
    for line in lines:
        if line.startswith("#"):
            continue
        contig, position, _, ref, alts, _, _, info = line.rstrip("\n").split("\t")[:8]
        told = dict(part.split("=", 1) for part in info.split(";") if "=" in part)
        for alt, share in zip(alts.split(","), told.get("AF", "").split(","), strict=False):
            if share not in ("", "."):
                yield Allele(contig, int(position), ref, alt), float(share)


def _of_table(lines: Iterable[str]) -> Iterator[tuple[Allele, float]]:
    rows = iter(lines)
    header = [name.strip().lstrip("#").casefold() for name in next(rows, "").split("\t")]
    for line in rows:
        row = dict(zip(header, line.rstrip("\n").split("\t"), strict=True))
        yield Allele(row["chrom"], int(row["pos"]), row["ref"], row["alt"]), float(row["af"])


def _write_table(
    place: Path, names: Sequence[str], columns: Sequence[Column], missing: float, source: Generator
) -> None:
    drawn = [one.drawn(len(names), source) for one in columns]
    there = [source.random(len(names)) >= missing for _ in columns]
    lines = ["\t".join(["person", *(one.title for one in columns)])]
    for at, name in enumerate(names):
        pairs = zip(drawn, there, strict=True)
        cells = (f"{values[at]:.10g}" if held[at] else "" for values, held in pairs)
        lines.append("\t".join([name, *cells]))
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_genotypes(place: Path, names: Sequence[str], shape: Shape, source: Generator) -> None:
    contigs = dict.fromkeys(allele.contig for allele, _ in shape.alleles)
    with place.open("wb") as file:
        meta = ["##fileformat=VCFv4.5", *(f"##contig=<ID={one}>" for one in contigs),
                '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']  # fmt: skip
        head = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(names)
        file.write(("\n".join([*meta, head]) + "\n").encode())
        for allele, share in shape.alleles:
            here = min(max(share + source.normal(0, _SPREAD), 0.001), 0.999)
            calls = source.binomial(2, here, len(names))
            calls[source.random(len(names)) < shape.missing] = _ABSENT
            start = f"{allele.contig}\t{allele.position}\t.\t{allele.ref}\t{allele.alt}"
            file.write(f"{start}\t.\tPASS\t.\tGT".encode() + b"".join(_CALLS[calls]) + b"\n")
