"""Reads the alleles of a VCF or BCF file, whole or not at all.

VCF 4.3 and the BGZF end-of-file block of the SAM specification (section 4.1.2). Multi-allelic lines
are split, other ALT alleles counting as not this one. FILTER is not looked at: every allele is
loaded. A file has genotypes, or sites with counts.
What cannot be stored (`*`, unknown symbolic alleles, sequences outside 1..22, X, Y, MT) is counted
by reason. The only importer of cyvcf2; the genotypes of BCF are left to `beacon.loading.bcf`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cyvcf2 import VCF

from beacon.catalog import Allele, Annotations
from beacon.errors import Problem, SourceRefused
from beacon.loading import bcf, calls, copy_numbers, genotypes, inflating, site_counts
from beacon.loading.annotations import Annotator, annotator
from beacon.loading.copy_numbers import Copies
from beacon.loading.parquet import Row
from beacon.loading.site_counts import SiteCounts
from beacon.variation import alleles

MAX_SAMPLES = 1_000_000
MAX_ALLELE_BASES = 100_000
MAX_IDENTIFIERS = 20
LONGEST_CHROMOSOME = 249_250_621  # chromosome 1 of GRCh37
_EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_CUT_OFF = "the file is cut off or damaged: copy it again and compare checksums"
_CHUNK = 1 << 20
_COUNTED_TOGETHER = 800_000  # bytes of genotypes; more lines at once no longer fit the cache
_FORMAT_FIELDS = [2]  # htslib's number of them
INSERTION = re.compile(r"^<INS(?::[^>]{1,100})?>$")
BREAKEND = re.compile(r"^(?:[ACGTN]{1,1000}[\[\]][^\[\]]{1,200}[\[\]]|[\[\]][^\[\]]{1,200}[\[\]][ACGTN]{1,1000}|\.[ACGTN]{1,1000}|[ACGTN]{1,1000}\.)$", re.IGNORECASE)  # fmt: skip  # noqa: E501
_CLINVAR = {"CLNVID": "clinvar:", "ALLELEID": "clinvar.allele:"}
_FIELDS = frozenset({"INFO", "FORMAT"})
_SUBSTITUTIONS = frozenset((r, a) for r in "ACGTN" for a in "ACGTN" if r != a)


@dataclass(frozen=True, slots=True)
class Selection:
    """Kept samples by name with their numbers. A `share` leaves out alleles none of them carries;
    `own_reference` states each allele's frequency over all samples of its file, but for those of
    people who withdrew."""

    samples: Mapping[str, int]
    share: bool = False
    own_reference: bool = False
    withdrawn: frozenset[str] = frozenset()


@dataclass(slots=True)
class VariantFile:
    """An opened file; `rows` reads it once from the start."""

    path: Path
    samples: tuple[str, ...]
    assembly: str | None
    annotator: Annotator | None
    counts: SiteCounts
    identifier_keys: tuple[str, ...]
    has_copies: bool = False
    genotype_key: int | None = None  # of BCF: the number of GT
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def populations(self) -> tuple[str, ...]:
        return tuple(self.counts.populations)

    @property
    def annotated(self) -> bool:
        """Whether the header declares an annotation that is read."""
        return self.annotator is not None

    @property
    def has_changes(self) -> bool:
        return self.annotator is not None and self.annotator.has_changes

    def rows(self, selection: Selection) -> Iterator[Row]:
        reader = _Reader(self, selection)
        lines = _opened(self.path)
        number = 0
        try:
            for number, line in enumerate(lines, start=1):  # noqa: B007 (the error names it)
                yield from reader.rows(line)
            yield from reader.rest()
        except SourceRefused:
            raise
        except Exception as broken:
            raise _refused(self.path, f"a readable line after line {number}", _CUT_OFF) from broken
        finally:
            lines.close()


class _Reader:
    """Turns lines of one file into rows of the kept samples."""

    def __init__(self, file: VariantFile, selection: Selection) -> None:
        self._file, self._selection = file, selection
        kept = [
            (i, selection.samples[s]) for i, s in enumerate(file.samples) if s in selection.samples
        ]
        table = np.array(kept, dtype=np.int64).reshape(-1, 2)
        self._columns, self._numbers = table[:, 0], table[:, 1].astype(np.uint32)
        self._all = len(kept) == len(file.samples)
        self._stated = [i for i, s in enumerate(file.samples) if s not in selection.withdrawn]
        self._ascending = bool((np.diff(table[:, 1]) > 0).all())
        self._chroms: dict[str, int] = {}
        self._stored = _stored(file)
        self._tables: list[calls.Table] = []
        self._places: list[tuple[int, int, int]] = []
        self._copies: list[Copies | None] = []
        self._wanted: list[tuple[int, int]] = []
        self._waiting: list[Row] = []

    def rows(self, line: Any) -> Iterator[Row]:
        """The rows that are ready; those with genotypes wait for enough lines to count together."""
        stored = next(self._stored) if self._stored is not None else None
        rank = self._rank(line.CHROM)
        if rank == 0:
            self._left_out("sequence outside 1..22, X, Y, MT")
            return
        table = None
        if self._file.samples:
            # First, as a garbled line is noticed here and its alleles must not be touched then.
            table = self._genotypes(line, stored)
            if table is None:
                self._left_out("line without genotypes")
                return
        start0, alts = line.start, line.ALT
        if not 0 <= start0 < LONGEST_CHROMOSOME:
            raise self._impossible(rank, start0)
        if not alts:
            self._left_out("line without ALT alleles")
        elif table is None:
            for _, row in self._alleles(line, (rank, start0, line.REF.upper()), alts):
                yield row
        else:
            self._tables.append(table)
            self._places.append((rank, start0, len(alts)))
            self._copies.append(copy_numbers.of_line(line) if self._file.has_copies else None)
            for index, row in self._alleles(line, (rank, start0, line.REF.upper()), alts):
                self._waiting.append(row)
                self._wanted.append((len(self._tables) - 1, index + 1))
            if len(self._tables) * table.nbytes >= _COUNTED_TOGETHER:
                yield from self.rest()

    def rest(self) -> Iterator[Row]:
        """The rows that waited, with their calls."""
        if not self._tables:
            return
        wanted, waiting = self._wanted, self._waiting
        lines = calls.stacked(self._tables)
        highest = calls.highest(lines)
        for (rank, start0, alts), named in zip(self._places, highest, strict=True):
            if named > alts:  # htslib reads past it: the columns are not what they say
                raise self._impossible(rank, start0)
        stated, self._copies = self._copies, []
        self._tables, self._places, self._wanted, self._waiting = [], [], [], []
        kept = lines if self._all else lines[:, self._columns]
        called = calls.calls_of(kept, wanted)
        frequencies: list[float | None] = [None] * len(wanted)
        if self._selection.own_reference:
            those = lines[:, self._stated] if self._selection.withdrawn else lines
            every = called if self._all else calls.calls_of(those, wanted)
            frequencies = [c.allele_count / (c.allele_number or 1) for c in every]
        for row, each, frequency, (line, _) in zip(
            waiting, called, frequencies, wanted, strict=True
        ):
            if self._selection.share and not len(each.carriers):
                continue  # another share of the cohort has it
            samples, codes = self._numbers[each.carriers], each.codes
            levels = None
            if (copies := stated[line]) is not None:
                carried = copies[self._columns[each.carriers]]
                levels = copy_numbers.levels(carried, codes, kind=row.type, rank=row.rank)
            if not self._ascending:
                order = np.argsort(samples)
                samples, codes = samples[order], codes[order]
                levels = levels[order] if levels is not None else None
            yield _row((
                *row[:7], each.allele_count, each.allele_number, each.homozygotes,
                each.hemizygotes, frequency, samples, codes, *row[14:17], levels,
            ))  # fmt: skip

    def _alleles(
        self, line: Any, place: tuple[int, int, str], alts: list[str]
    ) -> Iterator[tuple[int, Row]]:
        """(which ALT, its row, with the counts a line without genotypes states)."""
        (rank, start0, ref), get, counts = place, line.INFO.get, self._file.counts
        names = self._identifiers(line.ID, get)
        said = self._said(get, ref, alts)
        for index, alt in enumerate(alts):
            shape: tuple[str, str, int, int] | None = (alt, "SNP", start0 + 1, 1)
            if (ref, alt) not in _SUBSTITUTIONS:
                shape = self._shape(place, alt, get, index=index)
            if shape is None:
                continue
            stored, kind, end0, length = shape
            ac, an, homozygotes, hemizygotes = 0, 0, None, None
            if not self._file.samples:  # else they are counted
                ac, an, homozygotes, hemizygotes = counts.of(get, index)
            yield (
                index,
                _row((
                    rank, start0, end0, ref, stored, kind, length, ac, an, homozygotes,
                    hemizygotes, None, None, None, names,
                    said[index] if said is not None else None,
                    counts.by_population(get, index) if counts.populations else None, None,
                )),
            )  # fmt: skip

    def _rank(self, name: str) -> int:
        rank = self._chroms.get(name)
        if rank is None:
            rank = self._chroms[name] = alleles.RANKS.get(
                alleles.canonical_chromosome(name) or "", 0
            )
        return rank

    def _genotypes(self, line: Any, stored: bcf.Stored | None) -> calls.Table | None:
        """Samples by ploidy; None where the line has no genotypes."""
        if stored is not None:
            start0, table = stored
            if start0 != line.start:
                raise ValueError("another record was read for its genotypes")
        else:
            table = line.format("GT", int) if "GT" in line.FORMAT else None
        if table is not None and table.shape[1] > genotypes.MAX_PLOIDY:
            raise _refused(self._file.path, f"at most {genotypes.MAX_PLOIDY} alleles per call", "")
        return table

    def _impossible(self, rank: int, start0: int) -> SourceRefused:
        place = f"{alleles.CHROMOSOMES[rank - 1]}:{start0 + 1}"
        expected = "positions inside the chromosome and genotypes that name its ALT alleles"
        return _refused(self._file.path, f"{expected} at {place}", _CUT_OFF)

    def _identifiers(self, named: str | None, get: Any) -> Sequence[str] | None:
        keys = self._file.identifier_keys
        if not keys and (named is None or ";" not in named):
            return (named,) if named is not None and named != "." else None
        names = [] if named is None or named == "." else named.split(";")
        if "ALLELEID" in keys:  # ClinVar's own file: ID is its variation id
            names = [f"clinvar:{name}" if name.isdecimal() else name for name in names]
        for key in keys:
            value = get(key)
            if value is not None:
                values = value if isinstance(value, tuple | list) else str(value).split("|")
                names += [_identifier(key, str(each)) for each in values]
        return tuple(dict.fromkeys(names))[:MAX_IDENTIFIERS] or None

    def _said(self, get: Any, ref: str, alts: list[str]) -> list[Annotations] | None:
        reader = self._file.annotator
        text = get(reader.key) if reader is not None else None
        return reader.read(str(text), ref, alts) if reader is not None and text else None

    def _shape(
        self, place: tuple[int, int, str], alt: str, get: Any, *, index: int
    ) -> tuple[str, str, int, int] | None:
        """(ALT as stored, type, end0, changed length); None where the allele is not stored."""
        rank, start0, ref = place
        end0 = start0 + len(ref)
        if max(len(ref), len(alt)) > MAX_ALLELE_BASES:
            self._left_out(f"allele longer than {MAX_ALLELE_BASES} bases")
            return None
        if BREAKEND.match(alt):
            return alt, "BND", end0, 0
        if INSERTION.match(alt):
            return alt, "INS", end0, _size(get, index) or 0
        if not alt.startswith("<"):
            alt = alt.upper()
        allele = Allele(alleles.CHROMOSOMES[rank - 1], start0, ref, alt)
        kind = alleles.variant_type(allele)
        if kind is None:
            self._left_out("allele not stored (*, unknown symbolic or not ACGTN)")
            return None
        if alt.startswith("<"):
            end = _end(get, start0, index)
            if end is None:
                self._left_out("symbolic allele without a usable END or SVLEN")
                return None
            end0 = end
        return alt, kind, end0, alleles.changed_length(allele, end0)

    def _left_out(self, reason: str) -> None:
        self._file.skipped[reason] += 1


_row = partial(tuple.__new__, Row)  # one call instead of three, for each of millions of rows


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
        raise _refused(path, "a VCF header", "check that it is a VCF or BCF file") from broken
    finally:
        reader.close()
    if len(samples) > MAX_SAMPLES or len(set(samples)) != len(samples):
        raise _refused(path, f"at most {MAX_SAMPLES}, differently named samples", "name them once")
    return VariantFile(
        *(path, samples, _assembly(header, path), annotator(declared)),
        counts=site_counts.site_counts(declared),
        identifier_keys=tuple(key for key in ("RS", *_CLINVAR, "CLNHGVS") if key in declared),
        has_copies=copy_numbers.declared({each["ID"]: each for each in formats}),
        genotype_key=key,
    )


def _stored(file: VariantFile) -> Iterator[bcf.Stored] | None:
    """The genotypes of each line, where they lie in the file ready to be counted."""
    if file.genotype_key is None or not file.samples:
        return None
    return bcf.genotypes(file.path, key=file.genotype_key, samples=len(file.samples))


def _genotype_key(reader: Any, formats: Set[str]) -> int:
    """-1, which is no field's, where the header has no genotypes."""
    known = "GT" in formats
    return int(reader.get_header_type("GT", _FORMAT_FIELDS)["IDX"]) if known else -1


def _identifier(key: str, value: str) -> str:
    if key == "RS":
        return value if value.startswith("rs") else f"rs{value}"
    return _CLINVAR.get(key, "") + value


def _size(get: Any, index: int) -> int | None:
    """|SVLEN| of one ALT."""
    value = get("SVLEN")
    if isinstance(value, tuple | list):
        value = value[index] if index < len(value) else None
    return abs(value) if isinstance(value, int) and abs(value) <= LONGEST_CHROMOSOME else None


def _end(get: Any, start0: int, index: int) -> int | None:
    """END where the line has one, else the base before the change and SVLEN bases more."""
    end = get("END")
    if end is None and (size := _size(get, index)):
        end = start0 + 1 + size
    return end if isinstance(end, int) and start0 < end <= LONGEST_CHROMOSOME else None


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
        with inflating.opened(path) as blocks:
            while blocks.read(_CHUNK):
                pass
    except inflating.BROKEN as broken:
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


def _refused(path: Path, expected: str, next_step: str) -> SourceRefused:
    return SourceRefused([Problem(path.name, "", "", expected, next_step)])
