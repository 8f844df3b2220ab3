"""Loads a reference panel: any VCF, BCF or TSV with allele frequencies, one for each assembly.

A TSV has the columns chrom, pos (one-based), ref, alt and af. Reading a panel is `beacon.panel`'s.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from access.privacy.pricing import Spectrum
from beacon.catalog import Segment
from beacon.errors import Problem, SourceRefused
from beacon.loading import load as dataset_load
from beacon.panel import FACTS, PanelFacts, frequency_of, read_facts
from beacon.segments import SegmentCatalog
from beacon.variation.alleles import CHROMOSOMES, canonical_assembly
from beacon.variation.reference import Reference

_COLUMNS = ("chrom", "pos", "ref", "alt", "af")
_AT_ONCE = 5_000


def load(
    path: Path,
    folder: Path,
    *,
    assembly: str,
    population: str = "",
    bases: Path | Reference | None = None,
    progress: dataset_load.Progress | None = None,
) -> PanelFacts:
    """Makes the file the panel of its assembly. With `bases` (the reference sequence) insertions
    and deletions are known in every shifted spelling. Raises `SourceRefused`."""
    canonical = canonical_assembly(assembly)
    if canonical is None:
        raise _refused(path, "GRCh37 or GRCh38", "name one of the two")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _as_vcf(path) as vcf:
        source = dataset_load.DatasetSource(
            id=canonical,
            name=f"Reference panel, {canonical}",
            description="",
            assembly=canonical,
            vcfs=(vcf,),
            bases=bases,
        )
        made = dataset_load.load(source, folder, progress=progress)
    segment = SegmentCatalog(folder).snapshot()[canonical]
    if population and population not in segment.facts.populations:
        held = ", ".join(segment.facts.populations) or "none"
        raise _refused(path, f"frequencies of {population[:40]}", f"it has those of: {held}")
    spectrum = Spectrum.of(_frequencies(segment, population))
    facts = PanelFacts(made.version, population, sum(spectrum.alleles), spectrum)
    if not facts.alleles:
        raise _refused(path, "a frequency (INFO AF, or AC and AN)", "a panel without is of no use")
    _write_facts(folder, {**read_facts(folder), canonical: facts})
    return facts


def _frequencies(segment: Segment, population: str) -> Iterator[float]:
    for skip in range(0, segment.facts.variants, _AT_ONCE):
        page = segment.variants(None, samples=None, skip=skip, limit=_AT_ONCE)
        yield from (frequency_of(row, population) for row in page.rows)


def _write_facts(folder: Path, facts: Mapping[str, PanelFacts]) -> None:
    """Renamed into place: a reader sees one state or the other."""
    temporary = folder / f"{FACTS}.{os.getpid()}.tmp"
    temporary.write_text(json.dumps({name: asdict(each) for name, each in facts.items()}))
    temporary.replace(folder / FACTS)


@contextmanager
def _as_vcf(path: Path) -> Iterator[Path]:
    """A TSV as the VCF it stands for; anything else is one already."""
    if path.suffix.lower() not in (".tsv", ".txt"):
        yield path
        return
    with TemporaryDirectory() as scratch:
        made = Path(scratch) / "panel.vcf"
        try:
            with path.open(encoding="utf-8", newline="") as source, made.open("w") as target:
                target.writelines(_vcf_lines(path, source))
        except (OSError, UnicodeDecodeError, csv.Error) as broken:
            raise _refused(path, "a table of text", "is it the file?") from broken
        yield made


def _vcf_lines(path: Path, source: Iterator[str]) -> Iterator[str]:
    rows = csv.reader(source, delimiter="\t")
    header = [name.strip().lstrip("#").casefold() for name in next(rows, [])]
    if missing := [name for name in _COLUMNS if name not in header]:
        raise _refused(path, f"the columns {', '.join(_COLUMNS)}", f"add {', '.join(missing)}")
    places = [header.index(name) for name in _COLUMNS]
    yield "##fileformat=VCFv4.3\n"
    yield '##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency">\n'
    yield from (f"##contig=<ID={mark}{name}>\n" for mark in ("", "chr") for name in CHROMOSOMES)
    yield "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    for number, row in enumerate(rows, start=2):
        try:
            chrom, pos, ref, alt, af = (row[at].strip() for at in places)
            whole, frequency = int(pos), float(af)
        except (IndexError, ValueError) as wrong:
            raise _refused(path, "a position and a frequency", f"see line {number}") from wrong
        if not 0 <= frequency <= 1:
            raise _refused(path, "a frequency from 0 to 1", f"see line {number}")
        yield f"{chrom}\t{whole}\t.\t{ref}\t{alt}\t.\t.\tAF={frequency!r}\n"


def _refused(path: Path, expected: str, step: str) -> SourceRefused:
    return SourceRefused([Problem(path.name, "", "", expected, step)])
