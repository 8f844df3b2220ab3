"""Which variants of a dataset a question means: one plain test per variant and parameter.

Request parameters are those of a POST. Coordinates are zero-based, half-open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.naive.changes import (
    Change,
    Reference,
    read_edit,
    read_short_form,
    read_unsaid,
    turned,
)
from tests.support.naive.reading import NaiveVariant, one_letter
from tests.support.naive.vrs import vrs_id

_LOSS = {"DEL", "CN0"}
_GAIN = {"DUP"}
_COPIES = _LOSS | _GAIN | {"CNV"}
_STRUCTURAL = _COPIES | {"INS", "INV", "BND"}
# What each type means; EFO's and SO's terms stand for the same events. A deletion is one whatever
# its size, and so is what lies above it: a question for a parent finds all that its children find.
_MEANT: Mapping[tuple[str, ...], set[str]] = {
    ("SNP", "SNV", "SO:0001483"): {"SNP"},
    ("MNP", "MNV", "SO:0002007"): {"MNP"},
    ("DEL", "SO:0000159", "SO:0001743", "EFO:0030067", "COPY NUMBER LOSS"): _LOSS,
    ("DUP", "SO:1000035", "SO:0001742", "EFO:0030070", "COPY NUMBER GAIN"): _GAIN,
    ("CNV", "SO:0001019", "EFO:0030066"): _COPIES,
    ("INS", "SO:0000667"): {"INS"},
    ("INDEL",): {"INS", "DEL", "INDEL"},
    ("DELINS", "SO:1000032"): {"INDEL"},
    ("INV", "SO:1000036"): {"INV"},
    ("BND",): {"BND"},
    ("SV", "SO:0001537"): _STRUCTURAL,
    ("SO:0001059",): _STRUCTURAL | {"SNP", "MNP", "INDEL"},
}
TYPES = {word: kinds for words, kinds in _MEANT.items() for word in words}
_COMPLETE = "EFO:0030069"
_LEVELS: Mapping[str, tuple[set[str], set[str]]] = {
    "EFO:0030068": ({"EFO:0030068"}, _LOSS),
    "EFO:0020073": ({"EFO:0020073", _COMPLETE}, _LOSS),
    _COMPLETE: ({_COMPLETE}, _LOSS),
    "EFO:0030071": ({"EFO:0030071"}, _GAIN),
    "EFO:0030072": ({"EFO:0030072"}, _GAIN),
}
_LABELS = {
    "LOW-LEVEL COPY NUMBER LOSS": "EFO:0030068",
    "HIGH-LEVEL COPY NUMBER LOSS": "EFO:0020073",
    "COMPLETE GENOMIC DELETION": _COMPLETE,
    "LOW-LEVEL COPY NUMBER GAIN": "EFO:0030071",
    "HIGH-LEVEL COPY NUMBER GAIN": "EFO:0030072",
}
LEVELS = sorted([*_LEVELS, *(label.lower() for label in _LABELS)])
# `ISLE1:p.V62G`; a transcript or protein has a version.
_GENE_CHANGE = re.compile(r"([A-Z][A-Za-z0-9]+)[: ](p\..+)")
_EXACT = ("genomicAlleleShortForm", "variantId")


class Variants:
    """All variants of one dataset, scanned for every question."""

    def __init__(
        self,
        variants: Sequence[NaiveVariant],
        *,
        chroms: Mapping[str, str],
        reference: Reference | None,
        digests: Mapping[str, str],
    ) -> None:
        self.all = variants
        self._digests = digests
        self._chroms = chroms
        self._reference = reference
        self._vrs: dict[int, str] = {}

    def of(self, variants: Sequence[NaiveVariant]) -> Variants:
        """Others on the same sequences."""
        return Variants(
            variants, chroms=self._chroms, reference=self._reference, digests=self._digests
        )

    def read(self, name: str) -> Change | None:
        """The change that a name spells out."""
        return read_short_form(name, self._chroms, self._reference)

    def has_sequence(self, name: str) -> bool:
        return name in self._chroms

    def chrom_of(self, name: str) -> str:
        return self._chroms[name]

    def rank(self, chrom: str) -> int:
        """Chromosomes come in the order of the assembly."""
        return list(dict.fromkeys(self._chroms.values())).index(chrom)

    def matching(self, asked: Mapping[str, Any]) -> list[NaiveVariant]:
        """In the order of the file; nothing where the sequence is not of this assembly."""
        for name in _EXACT:
            if name in asked:
                return self._named(str(asked[name]))
        if "referenceName" in asked:
            chrom = self._chroms.get(asked["referenceName"])
            within = [each for each in self.all if each.change.chrom == chrom]
            if "end" not in asked:
                return self._allele(within, chrom or "", asked)
        else:
            within = list(self.all)
        return [each for each in within if self._suits(each, asked)]

    def _allele(
        self, within: Sequence[NaiveVariant], chrom: str, asked: Mapping[str, Any]
    ) -> list[NaiveVariant]:
        """The question for one change is about somebody having it."""
        if "referenceBases" not in asked:
            return [
                each
                for each in within
                if each.allele_count and each.start0 == asked["start"][0] and _bases(each, asked)
            ]
        change = Change(chrom, asked["start"][0], asked["referenceBases"], asked["alternateBases"])
        if not within:
            return []
        wanted = {each.identity(self._reference) for each in change.without_n()} - {None}
        return [each for each in within if each.allele_count and each.identity in wanted]

    def _named(self, name: str) -> list[NaiveVariant]:
        if (digest := name.removeprefix("ga4gh:")).startswith("VA."):
            vrs = f"ga4gh:{digest}"
            return [each for each in self.all if each.allele_count and self.vrs(each) == vrs]
        here = [each for each in self.all if each.allele_count]
        change = read_short_form(name, self._chroms, self._reference)
        edit = read_edit(name, self._chroms)
        found = [each for each in here if edit is not None and _edits(each, edit)]
        if change is not None:
            wanted = change.identity(self._reference)
            return [each for each in here if each.identity == wanted or each in found]
        if (unsaid := read_unsaid(name, self._chroms)) is not None:
            return [each for each in here if _makes(each, unsaid) or each in found]
        if edit is not None:
            return found
        if (change_of := _GENE_CHANGE.fullmatch(name)) is not None:
            asked = {"geneId": change_of[1], "aminoacidChange": change_of[2]}
            return [each for each in self.all if _effect(each, asked)]
        return [each for each in here if name.casefold() in _aliases(each)]

    def vrs(self, each: NaiveVariant) -> str | None:
        """Only where the sequences are there, and for changes of sequence."""
        if self._reference is None or each.symbolic or each.change.chrom not in self._digests:
            return None
        if id(each) not in self._vrs:
            digest = self._digests[each.change.chrom]
            self._vrs[id(each)] = vrs_id(each.change, self._reference, digest)
        return self._vrs[id(each)]

    def _suits(self, each: NaiveVariant, asked: Mapping[str, Any]) -> bool:
        return (
            _place(each, asked)
            and _effect(each, asked)
            and _bases(each, asked)
            and _kind(each, asked)
            and _length(each, asked)
            and ("variantType" not in asked or any(_so_far(each, asked)))
        )


def levels_of(asked: Mapping[str, Any]) -> set[str] | None:
    """The levels of gain and loss that answer a type; None where it names no level."""
    word = _word(asked)
    found = _LEVELS.get(_LABELS.get(word, word))
    return None if found is None else found[0]


def _word(asked: Mapping[str, Any]) -> str:
    return str(asked.get("variantType", "")).upper()


def so_far(each: NaiveVariant, sample: str, asked: Mapping[str, Any]) -> bool:
    """Whether a carrier's copy number went as far as is asked."""
    levels = levels_of(asked)
    return levels is None or each.level(sample) in levels


def _so_far(each: NaiveVariant, asked: Mapping[str, Any]) -> list[bool]:
    if levels_of(asked) is None:
        return [True]
    return [so_far(each, sample, asked) for sample in each.calls]


def _length(each: NaiveVariant, asked: Mapping[str, Any]) -> bool:
    low: int = asked.get("variantMinLength", 0)
    high: int = asked.get("variantMaxLength", each.length)
    return low <= each.length <= high


def _makes(each: NaiveVariant, unsaid: tuple[str, int, int, str]) -> bool:
    chrom, start0, ref, alt = each.change.trimmed()
    return not each.symbolic and (chrom, start0, start0 + len(ref), alt) == unsaid


def _edits(each: NaiveVariant, edit: tuple[str, int, int, str]) -> bool:
    """Whether a symbolic allele, which begins behind its anchor, does this to this very span; or a
    spelled one turns it around."""
    chrom, start0, end0, done = edit
    if each.symbolic:
        kinds = {"del": _LOSS, "dup": _GAIN, "inv": {"INV"}}[done]
        place = (each.change.chrom, each.start0 + 1, each.end0)
        return each.kind in kinds and place == (chrom, start0, end0)
    there, first0, ref, alt = each.change.trimmed()
    return done == "inv" and (there, first0, first0 + len(ref), alt) == (
        *(chrom, start0, end0),
        turned(ref),
    )


def _place(each: NaiveVariant, asked: Mapping[str, Any]) -> bool:
    if "start" not in asked:
        return True
    starts: Sequence[int] = asked["start"]
    ends: Sequence[int] = asked["end"]
    if len(starts) == 2:
        return starts[0] <= each.start0 < starts[1] and ends[0] <= each.end0 < ends[1]
    return each.start0 < ends[0] and each.end0 > starts[0]


def _effect(each: NaiveVariant, asked: Mapping[str, Any]) -> bool:
    """Gene and amino-acid change are annotated of one transcript."""
    gene, change = asked.get("geneId"), asked.get("aminoacidChange")
    if gene is None and change is None:
        return True
    return any(
        (gene is None or one.of_gene(gene))
        and (change is None or one.amino_acids() == one_letter(change))
        for one in each.effects
    )


def _bases(each: NaiveVariant, asked: Mapping[str, Any]) -> bool:
    """As the file writes them, or without what both alleles share; a symbol is no bases."""
    if each.symbolic:
        return "alternateBases" not in asked and _spelt(asked, "referenceBases", (each.change.ref,))
    written, core = (each.change.ref, each.change.alt), each.change.core()
    return all(
        _spelt(asked, name, (written[side], core[side]))
        for side, name in enumerate(("referenceBases", "alternateBases"))
    )


def _spelt(asked: Mapping[str, Any], name: str, forms: Sequence[str]) -> bool:
    """`N` is any one base; `-` stands for none."""
    if name not in asked:
        return True
    pattern = str(asked[name]).upper().replace("-", "").replace("N", ".")
    return any(re.fullmatch(pattern, each) for each in forms)


def _kind(each: NaiveVariant, asked: Mapping[str, Any]) -> bool:
    if "variantType" not in asked:
        return True
    word = _word(asked)
    level = _LEVELS.get(_LABELS.get(word, word))
    return each.kind in (TYPES[word] if level is None else level[1])


def _aliases(each: NaiveVariant) -> set[str]:
    """In lower case; a protein change also in one letter each, and by its gene."""
    names = {name for effect in each.effects for name in (effect.transcript, effect.protein)}
    for effect in each.effects:
        if (short := effect.amino_acids()) is not None:
            names.add(f"{effect.protein.partition(':')[0]}:p.{short}")
    names |= each.names | {f"dbsnp:{name}" for name in each.names if name.startswith("rs")}
    for name in each.names:
        if name.startswith("clinvar:"):
            names |= {f"VCV{int(name.removeprefix('clinvar:')):09}{v}" for v in ("", ".3")}
    return {name.casefold() for name in names}
