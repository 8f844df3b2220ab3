"""Reads raw VCF, FASTA, OBO and Beacon-friendly JSON with nothing but the standard library."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.naive.changes import Change, Identity, Reference

_FAR = {"upstream_gene_variant", "downstream_gene_variant", "intergenic_variant"}
AMINO_ACIDS = dict(
    zip(
        [
            "Ala",
            "Cys",
            "Asp",
            "Glu",
            "Phe",
            "Gly",
            "His",
            "Ile",
            "Lys",
            "Leu",
            "Met",
            "Asn",
            "Pro",
            "Gln",
            "Arg",
            "Ser",
            "Thr",
            "Val",
            "Trp",
            "Tyr",
        ],
        "ACDEFGHIKLMNPQRSTVWY",
        strict=True,
    )
)


@dataclass(frozen=True, slots=True)
class Effect:
    """One entry of CSQ: a gene, its effects and what changes in its transcript and protein."""

    gene: str
    terms: frozenset[str]
    transcript: str
    protein: str

    def of_gene(self, symbol: str) -> bool:
        return self.gene.casefold() == symbol.casefold() and bool(self.terms - _FAR)

    def amino_acids(self) -> str | None:
        """V62G of `ISLE1-p.1:p.Val62Gly`."""
        change = self.protein.partition(":p.")[2]
        return one_letter(change) if change else None


def one_letter(change: str) -> str:
    """V62G of `p.(Val62Gly)`."""
    bare = change.removeprefix("p.").strip("()")
    if re.fullmatch(r"[A-Z]\d+[A-Z]", bare):
        return bare
    return f"{AMINO_ACIDS[bare[:3]]}{bare[3:-3]}{AMINO_ACIDS[bare[-3:]]}"


@dataclass(frozen=True, slots=True)
class NaiveVariant:
    """One ALT of one line; `calls` are the genotypes of its carriers, this ALT as 1; people
    who are `homozygous` and the counts of `parts`, populations by name, are as the file states."""

    change: Change
    kind: str
    end0: int
    length: int
    identity: Identity
    names: frozenset[str]
    effects: tuple[Effect, ...]
    allele_count: int
    allele_number: int
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    copies: Mapping[str, int] = field(default_factory=dict)
    homozygous: int | None = None
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def level(self, sample: str) -> str | None:
        """How far the copy number of one who carries it went, as EFO calls it."""
        copies, ploidy, chrom = self.copies.get(sample), len(self.calls[sample]), self.change.chrom
        if copies is None or chrom == "MT" or self.kind not in {"DEL", "DUP"}:
            return None
        usual = {"X": ploidy, "Y": 1}.get(chrom, 3 if ploidy == 3 else 2)
        if self.kind == "DEL" and copies < usual:
            if copies == 0:
                return "EFO:0030069"
            return "EFO:0030068" if usual - copies == 1 else "EFO:0020073"
        if self.kind == "DUP" and copies > usual:
            return "EFO:0030072" if copies >= usual + 3 else "EFO:0030071"
        return None

    @property
    def start0(self) -> int:
        return self.change.start0

    @property
    def symbolic(self) -> bool:
        return self.change.alt.startswith("<") or self.kind == "BND"


def text_of(path: Path) -> str:
    packed = path.read_bytes()
    return (gzip.decompress(packed) if packed.startswith(b"\x1f\x8b") else packed).decode()


def read_json(path: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(text_of(path))
    return records


def read_fasta(path: Path) -> dict[str, str]:
    parts = (entry.split("\n", 1) for entry in text_of(path).split(">")[1:])
    return {name.split()[0]: bases.replace("\n", "").upper() for name, bases in parts}


def read_children(path: Path) -> dict[str, set[str]]:
    """Every term of an OBO file with itself and all terms below it."""
    parents: dict[str, list[str]] = {}
    for stanza in text_of(path).split("[Term]")[1:]:
        pairs = [line.split(": ", 1) for line in stanza.splitlines() if ": " in line]
        term = next(value for key, value in pairs if key == "id")
        parents[term] = [value.split(" ! ")[0] for key, value in pairs if key == "is_a"]
    below = {term: {term} for term in parents}
    for _ in parents:
        for term, above in parents.items():
            for each in above:
                below[each] |= below[term]
    return below


class VcfText:
    """One VCF read line by line; alleles that say nothing exact are left out."""

    def __init__(self, path: Path, reference: Reference | None) -> None:
        self._reference = reference
        self._csq: list[str] = []
        self.samples: list[str] = []
        self.variants: list[NaiveVariant] = []
        for line in text_of(path).splitlines():
            if line.startswith("##INFO=<ID=CSQ"):
                self._csq = line.split("Format: ")[1].rstrip('">').split("|")
            elif line.startswith("#CHROM"):
                self.samples = line.split("\t")[9:]
            elif not line.startswith("#"):
                self.variants += self._line(line.split("\t"))

    @property
    def annotated(self) -> bool:
        return bool(self._csq)

    def _line(self, cells: Sequence[str]) -> Iterator[NaiveVariant]:
        chrom = {"M": "MT"}.get(name := cells[0].removeprefix("chr"), name)
        start0, ref = int(cells[1]) - 1, cells[3]
        info = dict(each.partition("=")[::2] for each in cells[7].split(";"))
        alts = cells[4].split(",")
        for number, alt in enumerate(alts, start=1):
            if alt in {"*", "<*>", "."}:
                continue
            change = Change(chrom, start0, ref, alt)
            kind, end0, length = _extent(change, info, number)
            identity: Identity | None = (chrom, start0, end0, alt)
            if not alt.startswith("<") and kind != "BND":
                identity = change.identity(self._reference)
            if identity is None:
                raise AssertionError("a line of another reference")
            counts = self._counts(cells, info, number)
            yield NaiveVariant(
                *(change, kind, end0, length, identity, _names(cells[2], info)),
                *(tuple(self._effects(info.get("CSQ", ""), number)), *counts),
                homozygous=int(info["nhomalt"].split(",")[number - 1])
                if "nhomalt" in info
                else None,
                parts=_parts(info, number),
            )

    def _counts(
        self, cells: Sequence[str], info: Mapping[str, str], number: int
    ) -> tuple[int, int, Mapping[str, tuple[str, ...]], Mapping[str, int]]:
        if not self.samples:
            return int(info["AC"].split(",")[number - 1]), int(info["AN"]), {}, {}
        form = cells[8].split(":")
        place = form.index("GT")
        copies = called = 0
        calls, numbers = {}, {}
        for sample, cell in zip(self.samples, cells[9:], strict=True):
            alleles = cell.split(":")[place].replace("|", "/").split("/")
            called += sum(each != "." for each in alleles)
            mine = alleles.count(str(number))
            copies += mine
            if mine:
                shown = {str(number): "1", ".": "."}
                calls[sample] = tuple(shown.get(each, "0") for each in alleles)
                said = cell.split(":")[form.index("CN")] if "CN" in form else "."
                if said != ".":
                    numbers[sample] = int(said)
        return copies, called, calls, numbers

    def _effects(self, text: str, number: int) -> Iterator[Effect]:
        for entry in filter(None, text.split(",")):
            cells = dict(zip(self._csq, entry.split("|"), strict=True))
            if cells["ALLELE_NUM"] == str(number):
                terms = frozenset(cells["Consequence"].split("&"))
                yield Effect(cells["SYMBOL"], terms, cells["HGVSc"], cells["HGVSp"])


def _names(identity: str, info: Mapping[str, str]) -> frozenset[str]:
    names = {name for name in identity.split(";") if name.startswith("rs")}
    if "RS" in info:
        names.add(f"rs{info['RS']}")
    if "ALLELEID" in info:
        names.add(f"clinvar:{identity}")
    return frozenset(names)


def _parts(info: Mapping[str, str], number: int) -> Mapping[str, Mapping[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for key, text in info.items():
        kind, _, name = key.partition("_")
        if name in ("AC", "AN", "AF"):  # `AFR_AF` as well as `AF_afr`
            kind, name = name, kind
        if kind in ("AC", "AN", "AF") and name:
            said = text.split(",")
            found.setdefault(name, {})[kind] = float(said[0 if kind == "AN" else number - 1])
    return found


def _extent(change: Change, info: Mapping[str, str], number: int) -> tuple[str, int, int]:
    """Type, end and length of a variant; a symbolic one lies behind its POS."""
    start0, alt = change.start0, change.alt
    if "[" in alt or "]" in alt:
        return "BND", start0 + 1, 0
    if alt.startswith("<"):
        kind = alt.strip("<>")
        size = abs(int(info["SVLEN"].split(",")[number - 1])) if "SVLEN" in info else None
        if kind == "INS":
            return kind, start0 + 1, size or 0
        end0 = int(info["END"]) if "END" in info else start0 + 1 + (size or 0)
        return kind, end0, size if size is not None else end0 - start0 - 1
    removed, added = change.core()
    return _sequence_kind(removed, added), start0 + len(change.ref), max(len(removed), len(added))


def _sequence_kind(removed: str, added: str) -> str:
    if not removed:
        return "INS"
    if not added:
        return "DEL"
    if len(removed) == len(added):
        return "SNP" if len(removed) == 1 else "MNP"
    return "INDEL"
