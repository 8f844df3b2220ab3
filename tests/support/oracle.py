"""A slow second opinion on variants and people: plain Python over the raw VCF text and JSON.

It shares nothing with the beacon room, so both being wrong the same way takes two mistakes.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class OracleAllele:
    """One ALT of one line; `calls` is (sample, genotype with this ALT as 1) of its carriers."""

    chrom: str
    start0: int
    ref: str
    alt: str
    calls: tuple[tuple[str, str], ...]
    allele_count: int
    allele_number: int

    @property
    def key(self) -> tuple[str, int, str, str]:
        return self.chrom, self.start0, self.ref, self.alt

    @cached_property
    def carriers(self) -> frozenset[str]:
        return frozenset(sample for sample, _ in self.calls)


class Oracle:
    """Reads everything into lists and scans them for every question."""

    def __init__(self, vcf: Path, individuals: Path | None = None) -> None:
        self.alleles: list[OracleAllele] = []
        with gzip.open(vcf, "rt") as lines:
            for line in lines:
                cells = line.rstrip("\n").split("\t")
                if line.startswith("#CHROM"):
                    self.samples = cells[9:]
                elif not line.startswith("#"):
                    self._read(cells)
        self.individuals: list[dict[str, Any]] = []
        if individuals is not None:
            with gzip.open(individuals) as stream:
                self.individuals = json.load(stream)

    def _read(self, cells: list[str]) -> None:
        place = cells[8].split(":").index("GT")
        genotypes = [cell.split(":")[place] for cell in cells[9:]]
        for number, alt in enumerate(cells[4].split(","), start=1):
            copies = called = 0
            calls = []
            for sample, genotype in zip(self.samples, genotypes, strict=True):
                mark = "|" if "|" in genotype else "/"
                numbers = genotype.split(mark)
                called += sum(each != "." for each in numbers)
                if str(number) in numbers:
                    copies += numbers.count(str(number))
                    shown = {".": ".", str(number): "1"}
                    calls.append((sample, mark.join(shown.get(each, "0") for each in numbers)))
            self.alleles.append(
                OracleAllele(
                    *(cells[0].removeprefix("chr"), int(cells[1]) - 1, cells[3], alt),
                    *(tuple(calls), copies, called),
                )
            )

    def overlapping(self, start0: int, end0: int) -> list[OracleAllele]:
        """Alleles whose REF span shares a base with [start0, end0)."""
        return [
            each
            for each in self.alleles
            if each.start0 < end0 and each.start0 + len(each.ref) > start0
        ]

    def people(self, test: Callable[[dict[str, Any]], bool]) -> frozenset[str]:
        return frozenset(each["id"] for each in self.individuals if test(each))


def has_term(term: str) -> Callable[[dict[str, Any]], bool]:
    """The quoted id anywhere in the text of the record."""
    needle = f'"id": "{term}"'
    return lambda record: needle in json.dumps(record)


def measured(assay: str, test: Callable[[float], bool]) -> Callable[[dict[str, Any]], bool]:
    return lambda record: any(
        measure["assayCode"]["id"] == assay and test(measure["measurementValue"]["value"])
        for measure in record.get("measures", [])
    )
