"""Opens VCF and BCF files and reads their alleles, whole or not at all.

VCF 4.3 and the BGZF end-of-file block of the SAM specification (section 4.1.2). Multi-allelic lines
are split, other ALT alleles counting as not this one; FILTER is not looked at. A file has
genotypes, or sites with counts. The only importer of cyvcf2; what a line says is left to
`beacon.loading.variant_lines`, who carries it to `beacon.loading.variant_carriers`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cyvcf2 import VCF

from beacon.errors import SourceRefused
from beacon.loading import bcf, copy_numbers, inflating, site_counts
from beacon.loading.annotations import annotator
from beacon.loading.parquet import Row
from beacon.loading.variant_carriers import Carriers
from beacon.loading.variant_carriers import Selection as Selection
from beacon.loading.variant_lines import CLINVAR, CUT_OFF, Declared, Lines, refused
from beacon.variation import alleles

MAX_SAMPLES = 1_000_000
_EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_CHUNK = 1 << 20
_FORMAT_FIELDS = [2]  # htslib's number of them
_FIELDS = frozenset({"INFO", "FORMAT"})


@dataclass(slots=True)
class VariantFile:
    """An opened file; `rows` reads it once from the start."""

    path: Path
    samples: tuple[str, ...]
    assembly: str | None
    declared: Declared
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def populations(self) -> tuple[str, ...]:
        return tuple(self.declared.counts.populations)

    @property
    def annotated(self) -> bool:
        """Whether the header declares an annotation that is read."""
        return self.declared.annotator is not None

    @property
    def has_changes(self) -> bool:
        reader = self.declared.annotator
        return reader is not None and reader.has_changes

    def rows(self, selection: Selection) -> Iterator[Row]:
        found = _opened(self.path)
        lines = Lines(self.path, self.declared, self.skipped)
        carriers = None
        if self.samples:
            carriers = Carriers(
                *(self.path, self.samples, selection), declared=self.declared, lines=lines
            )
        number = 0
        try:
            for number, line in enumerate(found, start=1):  # noqa: B007 (the error names it)
                yield from _site(line, lines) if carriers is None else carriers.rows(line)
            if carriers is not None:
                yield from carriers.rest()
        except SourceRefused:
            raise
        except Exception as broken:
            raise refused(self.path, f"a readable line after line {number}", CUT_OFF) from broken
        finally:
            found.close()


def _site(line: Any, lines: Lines) -> Iterator[Row]:
    """The rows of a line of a file without genotypes."""
    if (rank := lines.rank(line)) and (place := lines.place(line, rank)) is not None:
        for _, row in lines.alleles(line, place, counted=False):
            yield row


def open_variants(path: Path) -> VariantFile:
    """The file, after its every block was found whole."""
    _check_whole(path)
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
    return VariantFile(path, samples, _assembly(header, path), said)


def _genotype_key(reader: Any, formats: Set[str]) -> int:
    """-1, which is no field's, where the header has no genotypes."""
    known = "GT" in formats
    return int(reader.get_header_type("GT", _FORMAT_FIELDS)["IDX"]) if known else -1


def _check_whole(path: Path) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb") as plain:
            start = plain.read(18)
            plain.seek(max(0, size - len(_EOF_BLOCK)))
            end = plain.read()
        if not start.startswith(b"\x1f\x8b"):
            if not end.endswith(b"\n"):
                raise refused(path, "a line end at the end", CUT_OFF)
            return
        if start[12:14] == b"BC" and end != _EOF_BLOCK:
            raise refused(path, "the BGZF end-of-file block", CUT_OFF)
        # Reading every block compares its checksum, which the VCF reader does not always do.
        with inflating.opened(path) as blocks:
            while blocks.read(_CHUNK):
                pass
    except inflating.BROKEN as broken:
        raise refused(path, "complete compressed blocks", CUT_OFF) from broken
    except OSError as missing:
        raise refused(path, "a file that can be read", "check the path") from missing


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
            named.add(_contig_assembly(line[10:].rstrip(">")))
    named.discard(None)
    if len(named) > 1:
        raise refused(path, "one assembly in the header", "split the file by assembly")
    return next(iter(named), None)


def _contig_assembly(fields: str) -> str | None:
    values = dict(part.split("=", 1) for part in fields.split(",") if "=" in part)
    chrom = alleles.canonical_chromosome(values.get("ID", ""))
    if named := alleles.canonical_assembly(values.get("assembly", "")):
        return named
    lengths = alleles.LENGTHS.get(chrom or "", ())
    by_length = dict(zip(map(str, lengths), ("GRCh37", "GRCh38"), strict=False))
    return by_length.get(values.get("length", ""))
