"""What a demo dataset's own input files say, read plainly and with other parsers than the servers.

Shares no code with `beacon`: JSON by the standard library, variants by pysam. Coordinates are
zero-based.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pysam

_FEMALE = "NCIT:C16576"
_MAX_ROWS = 500


@dataclass(frozen=True, slots=True)
class Files:
    """The input of one dataset: people (of this node only) and their variants."""

    individuals: Path
    variants: Path
    people: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class AlleleAsked:
    """An allele and, per dataset in the order asked, the ids of the people carrying it."""

    chrom: str
    start0: int
    ref: str
    alt: str
    carriers: tuple[frozenset[str], ...]


def people(files: Files) -> list[Mapping[str, Any]]:
    """This dataset's individuals, as their file has them."""
    raw = files.individuals.read_bytes()
    records = json.loads(gzip.decompress(raw) if files.individuals.suffix == ".gz" else raw)
    return [person for person in records if files.people is None or person["id"] in files.people]


def female(files: Files) -> frozenset[str]:
    return frozenset(p["id"] for p in people(files) if p["sex"]["id"] == _FEMALE)


def with_disease(files: Files, terms: frozenset[str]) -> frozenset[str]:
    """People with one of `terms` among their diseases."""
    return frozenset(
        person["id"]
        for person in people(files)
        if any(disease["diseaseCode"]["id"] in terms for disease in person.get("diseases", ()))
    )


def diseases(files: Files) -> dict[str, int]:
    """How many people have each disease code."""
    counts: dict[str, int] = {}
    for person in people(files):
        for code in {disease["diseaseCode"]["id"] for disease in person.get("diseases", ())}:
            counts[code] = counts.get(code, 0) + 1
    return counts


def pick_allele(
    every: Sequence[Files],
    chooser: random.Random,
    *,
    carriers: range = range(1, 2**31),
    other_than: AlleleAsked | None = None,
) -> AlleleAsked:
    """A single-base change that so many people carry in each dataset."""
    tables = [dict(_biallelic(files)) for files in every]
    shared = sorted(set.intersection(*(set(table) for table in tables)))
    usable = [key for key in shared if all(len(table[key]) in carriers for table in tables)]
    found = [AlleleAsked(*key, carriers=tuple(table[key] for table in tables)) for key in usable]
    return chooser.choice([allele for allele in found if allele != other_than])


def _biallelic(files: Files) -> Iterator[tuple[tuple[str, int, str, str], frozenset[str]]]:
    pysam.set_verbosity(0)  # htslib speaks of the index we neither have nor need
    with pysam.VariantFile(str(files.variants)) as source:
        for number, row in enumerate(source):
            if number >= _MAX_ROWS:
                return
            alts = row.alts or ()
            if len(alts) != 1 or len(row.ref or "") != 1 or len(alts[0]) != 1:
                continue
            carriers = frozenset(
                str(name)
                for name, call in row.samples.items()
                if 1 in (call["GT"] or ()) and (files.people is None or name in files.people)
            )
            yield (row.chrom, row.start, str(row.ref), alts[0]), carriers
