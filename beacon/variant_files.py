"""Reads the alleles and genotypes of a VCF or BCF file, whole or not at all.

VCF 4.3 and the BGZF end-of-file block of the SAM specification (section 4.1.2). Multi-allelic lines
are split, other ALT alleles counting as not this one. What cannot be stored (`*`, breakends, other
symbolic alleles, sequences outside 1..22, X, Y, MT) is counted by reason. The only importer of
cyvcf2.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from cyvcf2 import VCF
from numpy.typing import NDArray

from beacon import alleles
from beacon.catalog import Allele
from beacon.errors import Problem, SourceRefused

MAX_SAMPLES = 1_000_000
MAX_ALLELE_BASES = 100_000
MAX_IDENTIFIERS = 20
LONGEST_CHROMOSOME = 249_250_621  # chromosome 1 of GRCh37
_EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_CUT_OFF = "the file is cut off or damaged: copy it again and compare checksums"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FileAllele:
    """One ALT allele of one line; `samples` and `genotypes` are of its carriers, in file order.
    Counts and frequency are left to the reader, who knows which samples are kept."""

    allele: Allele
    end0: int
    variant_type: str
    identifiers: tuple[str, ...]
    copies: NDArray[np.int64]  # ALT copies per sample of the file
    called: NDArray[np.int64]  # called alleles per sample of the file
    codes: NDArray[np.int64]  # one number per genotype; see `genotype_text`


@dataclass(slots=True)
class VariantFile:
    """An opened file; iterate once."""

    path: Path
    samples: tuple[str, ...]
    assembly: str | None
    skipped: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[FileAllele]:
        reader = _opened(self.path)
        number = 0
        try:
            for number, line in enumerate(reader, start=1):  # noqa: B007 (the error names it)
                yield from self._split(line)
        except SourceRefused:
            raise
        except Exception as broken:
            raise _refused(self.path, f"a readable line after line {number}", _CUT_OFF) from broken
        finally:
            reader.close()

    def _split(self, line: Any) -> Iterator[FileAllele]:
        chrom = alleles.canonical_chromosome(line.CHROM)
        if chrom is None:
            self.skipped["sequence outside 1..22, X, Y, MT"] += 1
            return
        table = _genotypes(line)
        if table is None:
            self.skipped["line without genotypes"] += 1
            return
        if not 0 <= line.start < LONGEST_CHROMOSOME or table[:, :-1].max(initial=0) > len(line.ALT):
            # htslib reads past both; each means the columns are not what they say.
            expected = "positions inside the chromosome and genotypes that name its ALT alleles"
            raise _refused(self.path, f"{expected} at {chrom}:{line.start + 1}", _CUT_OFF)
        names = [] if line.ID in (None, ".") else line.ID.split(";")[:MAX_IDENTIFIERS]
        for index, alt in enumerate(line.ALT, start=1):
            allele = Allele(chrom, line.start, line.REF.upper(), _upper(alt))
            kind, end0 = self._kind(allele, line)
            if kind is not None:
                yield FileAllele(allele, end0, kind, tuple(names), *_count(table, index))

    def _kind(self, allele: Allele, line: Any) -> tuple[str | None, int]:
        kind = alleles.variant_type(allele)
        end0 = allele.start0 + len(allele.ref)
        if kind is None:
            self.skipped["allele not stored (*, breakend, other symbolic or not ACGTN)"] += 1
        elif max(len(allele.ref), len(allele.alt)) > MAX_ALLELE_BASES:
            self.skipped[f"allele longer than {MAX_ALLELE_BASES} bases"] += 1
            kind = None
        elif allele.alt.startswith("<"):
            end = line.INFO.get("END")
            if not isinstance(end, int) or not allele.start0 < end <= LONGEST_CHROMOSOME:
                self.skipped["symbolic allele without a usable END"] += 1
                return None, end0
            end0 = end
        return kind, end0


def open_variants(path: Path) -> VariantFile:
    """The file, after its every block was found whole."""
    _check_whole(path)
    reader = _opened(path)
    try:
        samples = tuple(reader.samples)
        header = reader.raw_header
    except Exception as broken:
        raise _refused(path, "a VCF header", "check that it is a VCF or BCF file") from broken
    finally:
        reader.close()
    if not samples or len(samples) > MAX_SAMPLES or len(set(samples)) != len(samples):
        raise _refused(path, f"1 to {MAX_SAMPLES} differently named samples", "name samples once")
    return VariantFile(path, samples, _assembly(header, path))


def genotype_text(code: int) -> str:
    """The genotype a code stands for, such as `0|1`; ALT is 1, every other allele 0."""
    phased, digits = code & 1, code >> 1
    symbols = []
    while digits:
        digits, symbol = divmod(digits, 4)
        symbols.append(".01"[symbol - 1])
    return ("|" if phased else "/").join(reversed(symbols))


def _check_whole(path: Path) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb") as plain:
            start = plain.read(18)
            plain.seek(max(0, size - len(_EOF_BLOCK)))
            end = plain.read()
        if not start.startswith(b"\x1f\x8b"):
            if not end.endswith(b"\n"):
                raise _refused(path, "a line end at the end", _CUT_OFF)
            return
        if start[12:14] == b"BC" and end != _EOF_BLOCK:
            raise _refused(path, "the BGZF end-of-file block", _CUT_OFF)
        # Reading every block compares its checksum, which the VCF reader does not always do.
        with gzip.open(path) as blocks:
            while blocks.read(_CHUNK):
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile) as broken:
        raise _refused(path, "complete compressed blocks", _CUT_OFF) from broken
    except OSError as missing:
        raise _refused(path, "a file that can be read", "check the path") from missing


def _opened(path: Path) -> Any:
    try:
        return VCF(str(path))
    except Exception as broken:
        raise _refused(path, "a VCF or BCF file", "check the format") from broken


def _assembly(header: str, path: Path) -> str | None:
    named = set()
    for line in header.splitlines():
        if line.startswith("##reference="):
            named.add(alleles.canonical_assembly(line))
        elif line.startswith("##contig=<"):
            named.add(_contig_assembly(line[10:].rstrip(">")))
    named.discard(None)
    if len(named) > 1:
        raise _refused(path, "one assembly in the header", "split the file by assembly")
    return next(iter(named), None)


def _contig_assembly(fields: str) -> str | None:
    values = dict(part.split("=", 1) for part in fields.split(",") if "=" in part)
    chrom = alleles.canonical_chromosome(values.get("ID", ""))
    if named := alleles.canonical_assembly(values.get("assembly", "")):
        return named
    lengths = alleles.LENGTHS.get(chrom or "", ())
    by_length = dict(zip(map(str, lengths), ("GRCh37", "GRCh38"), strict=False))
    return by_length.get(values.get("length", ""))


def _genotypes(line: Any) -> NDArray[np.int64] | None:
    """Samples by ploidy plus the phase; -1 is a missing allele, -2 none (a haploid call)."""
    if "GT" not in line.FORMAT:
        return None
    table: NDArray[np.int64] = np.asarray(line.genotype.array(), dtype=np.int64)
    return table


def _count(
    table: NDArray[np.int64], index: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    calls, phased = table[:, :-1], table[:, -1]
    is_alt = calls == index
    # One base-4 digit per allele: 1 missing, 2 another allele, 3 this one, 0 no allele here.
    digits = np.where(calls == -1, 1, np.where(is_alt, 3, np.where(calls < -1, 0, 2)))
    codes = np.zeros(len(table), dtype=np.int64)
    for column in range(calls.shape[1]):
        present = digits[:, column] > 0
        codes = np.where(present, codes * 4 + digits[:, column], codes)
    return is_alt.sum(axis=1), (calls >= 0).sum(axis=1), codes * 2 + (phased > 0)


def _upper(alt: str) -> str:
    return alt if alt.startswith("<") else alt.upper()


def _refused(path: Path, expected: str, next_step: str) -> SourceRefused:
    return SourceRefused([Problem(path.name, "", "", expected, next_step)])
