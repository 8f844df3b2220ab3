"""Opens VCF and BCF files and reads their alleles, whole or not at all.

VCF 4.3. Multi-allelic lines are split, other ALT alleles counting as not this one; FILTER is not
looked at. A file has genotypes, or sites with counts. The only importer of cyvcf2; what a line says
is left to `beacon.loading.variant_lines`, who carries it to `beacon.loading.variant_carriers`,
whether the file is whole to `beacon.loading.whole`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cyvcf2 import VCF

from beacon.errors import SourceRefused
from beacon.loading import bcf, copy_numbers, site_counts, whole
from beacon.loading.annotations import annotator
from beacon.loading.parquet import Row
from beacon.loading.variant_carriers import Carriers
from beacon.loading.variant_carriers import Selection as Selection
from beacon.loading.variant_lines import CLINVAR, Declared, Lines
from beacon.loading.whole import CUT_OFF, Extent, refused
from beacon.variation import alleles

MAX_SAMPLES = 1_000_000
_OTHER = 0.1  # of the length
_DIGITS = 12
_LINE = "a line that can be read"
_FORMAT_FIELDS = [2]  # htslib's number of them
_FIELDS = frozenset({"INFO", "FORMAT"})


@dataclass(slots=True)
class VariantFile:
    """An opened file; `rows` reads it once from the start."""

    path: Path
    samples: tuple[str, ...]
    assembly: str | None
    declared: Declared
    extent: Extent
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def populations(self) -> tuple[str, ...]:
        return tuple(self.declared.counts.populations)

    @property
    def annotated(self) -> bool:
        """Whether the header declares an annotation that is read."""
        return self.declared.annotator is not None

    @property
    def has_effects(self) -> bool:
        """An annotation that is read has a field for them."""
        return self.annotated

    @property
    def has_changes(self) -> bool:
        reader = self.declared.annotator
        return reader is not None and reader.has_changes

    @property
    def expected(self) -> int:
        """About how many rows it has, as far as can be told."""
        return self.extent.records or 0

    def rows(self, selection: Selection) -> Iterator[Row]:
        self.skipped.clear()
        found = _opened(self.path)
        lines = Lines(
            *(self.path, self.declared, self.skipped), extent=self.extent, note=selection.note
        )
        carriers = None
        if self.samples:
            carriers = Carriers(
                *(self.path, self.samples, selection), declared=self.declared, lines=lines
            )
        try:
            for line in _readable(found, self.path, lines):
                yield from _site(line, lines) if carriers is None else carriers.rows(line)
            if carriers is not None:
                yield from carriers.rest()
        except SourceRefused:
            raise
        except Exception as broken:
            raise refused(self.path, _LINE, CUT_OFF, where=lines.place_of()) from broken
        finally:
            found.close()


def _readable(found: Any, path: Path, lines: Lines) -> Iterator[Any]:
    try:
        yield from found
    except Exception as broken:
        raise refused(path, _LINE, CUT_OFF, where=lines.place_of(1)) from broken


def _site(line: Any, lines: Lines) -> Iterator[Row]:
    """The rows of a line of a file without genotypes."""
    if (rank := lines.begin(line)) and (place := lines.place(line, rank)) is not None:
        for _, row in lines.alleles(line, place, counted=False):
            yield row


def open_variants(path: Path, tell: Callable[[int], None] = lambda _lines: None) -> VariantFile:
    """The file, after its every block was found whole; `tell` hears how many lines were seen."""
    extent = whole.extent(path, tell)
    reader = _opened(path)
    try:
        samples = tuple(reader.samples)
        header = reader.raw_header
        fields = [each for each in reader.header_iter() if each["HeaderType"] in _FIELDS]
        infos = [each.info() for each in fields if each["HeaderType"] == "INFO"]
        formats = [each.info() for each in fields if each["HeaderType"] == "FORMAT"]
        declared = {each["ID"]: each.get("Description", "").strip('"') for each in infos}
        key = _genotype_key(reader, {each["ID"] for each in formats}) if bcf.is_bcf(path) else None
    except Exception as broken:
        raise refused(path, "a VCF header", "check that it is a VCF or BCF file") from broken
    finally:
        reader.close()
    if len(samples) > MAX_SAMPLES or len(set(samples)) != len(samples):
        raise refused(path, f"at most {MAX_SAMPLES}, differently named samples", "name them once")
    said = Declared(
        annotator(declared),
        counts=site_counts.site_counts(declared),
        identifier_keys=tuple(key for key in ("RS", *CLINVAR, "CLNHGVS") if key in declared),
        has_copies=copy_numbers.declared({each["ID"]: each for each in formats}),
        genotype_key=key,
    )
    return VariantFile(path, samples, _assembly(header, path), said, extent)


def _genotype_key(reader: Any, formats: Set[str]) -> int:
    """-1, which is no field's, where the header has no genotypes."""
    known = "GT" in formats
    return int(reader.get_header_type("GT", _FORMAT_FIELDS)["IDX"]) if known else -1


def _opened(path: Path) -> Any:
    try:
        return VCF(str(path))
    except Exception as broken:
        raise refused(path, "a VCF or BCF file", "check the format") from broken


def _assembly(header: str, path: Path) -> str | None:
    named = set()
    for line in header.splitlines():
        if line.startswith("##reference="):
            named.add(alleles.canonical_assembly(line))
        elif line.startswith("##contig=<"):
            named.add(_contig_assembly(line[10:].rstrip(">"), path))
    named.discard(None)
    if len(named) > 1:
        raise refused(path, "one assembly in the header", "split the file by assembly")
    return next(iter(named), None)


def _contig_assembly(fields: str, path: Path) -> str | None:
    values = dict(part.split("=", 1) for part in fields.split(",") if "=" in part)
    if named := alleles.canonical_assembly(values.get("assembly", "")):
        return named
    chrom = alleles.canonical_chromosome(values.get("ID", "")) or ""
    lengths, stated = alleles.LENGTHS.get(chrom, ()), values.get("length", "")
    by_length = dict(zip(map(str, lengths), ("GRCh37", "GRCh38"), strict=False))
    if stated not in by_length and any(_is_near(stated, length) for length in lengths):
        expected = f"GRCh37 or GRCh38, whose chromosome {chrom} is not of {stated} bases"
        raise refused(path, expected, "lift it over to one of the two", where="header")
    return by_length.get(stated)


def _is_near(stated: str, length: int) -> bool:
    """Whether it is another assembly's: of the same chromosome all are about as long."""
    return stated.isdecimal() and abs(int(stated[:_DIGITS]) - length) < length * _OTHER
