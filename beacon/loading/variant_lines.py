"""What a line of a VCF or BCF says of each of its ALT alleles: where, what, its names and counts.

VCF 4.3. What cannot be stored (`*`, unknown symbolic alleles, sequences outside 1..22, X, Y, MT) is
counted by reason, and the first of each reason are named. Who carries an allele is left to
`beacon.loading.variant_carriers`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from beacon.catalog import Allele, Annotations
from beacon.errors import Problem, SourceRefused
from beacon.loading.annotations import Annotator
from beacon.loading.parquet import Row
from beacon.loading.site_counts import SiteCounts
from beacon.loading.whole import CUT_OFF, Extent, refused
from beacon.variation import alleles

MAX_ALLELE_BASES = 100_000
MAX_IDENTIFIERS = 20
NAMED_EACH = 1_000  # of what is left out for one reason; all of it is counted
LONGEST_CHROMOSOME = 249_250_621  # chromosome 1 of GRCh37
CLINVAR: Final = {"CLNVID": "clinvar:", "ALLELEID": "clinvar.allele:"}
INSERTION = re.compile(r"^<INS(?::[^>]{1,100})?>$")
BREAKEND = re.compile(r"^(?:[ACGTN]{1,1000}[\[\]][^\[\]]{1,200}[\[\]]|[\[\]][^\[\]]{1,200}[\[\]][ACGTN]{1,1000}|\.[ACGTN]{1,1000}|[ACGTN]{1,1000}\.)$", re.IGNORECASE)  # fmt: skip  # noqa: E501
_SUBSTITUTIONS = frozenset((r, a) for r in "ACGTN" for a in "ACGTN" if r != a)

Note = Callable[[Problem], None]
Place = tuple[int, int, str, list[str]]  # rank, start0, REF, every ALT


@dataclass(frozen=True, slots=True)
class Declared:
    """What a header declares of that which is read."""

    annotator: Annotator | None
    counts: SiteCounts
    identifier_keys: tuple[str, ...]
    has_copies: bool = False
    genotype_key: int | None = None  # of BCF: the number of GT


class Lines:
    """Of one file; what is left out is counted in `skipped`, and told to `note`."""

    def __init__(
        self,
        path: Path,
        declared: Declared,
        skipped: Counter[str],
        *,
        extent: Extent,
        note: Note | None,
    ) -> None:
        self._path, self._declared, self._skipped = path, declared, skipped
        self._extent, self._note = extent, note
        self._chroms: dict[str, int] = {}
        self._number = 0
        self._line: Any = None

    def begin(self, line: Any) -> int:
        """The rank of the next line's chromosome; 0 where it is left out for its sequence."""
        self._number += 1
        self._line, name = line, line.CHROM
        rank = self._chroms.get(name)
        if rank is None:
            rank = self._chroms[name] = alleles.RANKS.get(
                alleles.canonical_chromosome(name) or "", 0
            )
        if rank == 0:
            self.left_out("sequence outside 1..22, X, Y, MT", "CHROM")
        return rank

    def place_of(self, after: int = 0) -> str:
        """Where this line stands, or one so many lines after it."""
        return self._extent.place(self._number + after)

    def place(self, line: Any, rank: int) -> Place | None:
        """None where the line is left out, having no ALT."""
        start0, alts = line.start, line.ALT
        if not 0 <= start0 < LONGEST_CHROMOSOME:
            raise self.impossible(rank, start0)
        if not alts:
            self.left_out("line without ALT alleles", "ALT")
            return None
        return rank, start0, line.REF.upper(), alts

    def alleles(self, line: Any, place: Place, *, counted: bool) -> Iterator[tuple[int, Row]]:
        """(which ALT, its row); with the counts that the line states, unless people are counted."""
        (rank, start0, ref, alts), get, counts = place, line.INFO.get, self._declared.counts
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
            if not counted:
                ac, an, homozygotes, hemizygotes = counts.of(get, index)
            yield (
                index,
                row((
                    rank, start0, end0, ref, stored, kind, length, ac, an, homozygotes,
                    hemizygotes, None, None, None, names,
                    said[index] if said is not None else None,
                    counts.by_population(get, index) if counts.populations else None, None,
                )),
            )  # fmt: skip

    def left_out(self, reason: str, field: str) -> None:
        """Of the line that was begun."""
        self._skipped[reason] += 1
        if self._note is not None and self._skipped[reason] <= NAMED_EACH:
            where = f"{self.place_of()}, {self._line.CHROM}:{self._line.POS}"
            step = "correct it, or leave it out as now"
            self._note(Problem(self._path.name, where, field, reason, step))

    def impossible(self, rank: int, start0: int) -> SourceRefused:
        where = f"{alleles.CHROMOSOMES[rank - 1]}:{start0 + 1}"
        expected = "positions inside the chromosome and genotypes that name its ALT alleles"
        return refused(self._path, expected, CUT_OFF, where=where)

    def _identifiers(self, named: str | None, get: Any) -> Sequence[str] | None:
        keys = self._declared.identifier_keys
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
        reader = self._declared.annotator
        text = get(reader.key) if reader is not None else None
        return reader.read(str(text), ref, alts) if reader is not None and text else None

    def _shape(
        self, place: Place, alt: str, get: Any, *, index: int
    ) -> tuple[str, str, int, int] | None:
        """(ALT as stored, type, end0, changed length); None where the allele is not stored."""
        rank, start0, ref, _ = place
        end0 = start0 + len(ref)
        if max(len(ref), len(alt)) > MAX_ALLELE_BASES:
            self.left_out(f"allele longer than {MAX_ALLELE_BASES} bases", "ALT")
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
            self.left_out("allele not stored (*, unknown symbolic or not ACGTN)", "ALT")
            return None
        if alt.startswith("<"):
            end = _end(get, start0, index)
            if end is None:
                self.left_out("symbolic allele without a usable END or SVLEN", "INFO")
                return None
            end0 = end
        return alt, kind, end0, alleles.changed_length(allele, end0)


row = partial(tuple.__new__, Row)  # one call instead of three, for each of millions of rows


def _identifier(key: str, value: str) -> str:
    if key == "RS":
        return value if value.startswith("rs") else f"rs{value}"
    return CLINVAR.get(key, "") + value


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
