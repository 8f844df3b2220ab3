"""Which variants of a dataset a question means: one plain test per variant and parameter.

Request parameters are those of a POST. Coordinates are zero-based, half-open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.naive.changes import Change, Reference, read_short_form, read_unsaid
from tests.support.naive.reading import NaiveVariant
from tests.support.naive.vrs import vrs_id

_LOSS = {"DEL", "CN0"}
_GAIN = {"DUP"}
# What each type means; EFO's and SO's terms stand for the same events.
_TYPES: Mapping[str, set[str]] = {
    "SNP": {"SNP"},
    "SNV": {"SNP"},
    "SO:0001483": {"SNP"},
    "MNP": {"MNP"},
    "DEL": _LOSS,
    "SO:0000159": _LOSS,
    "SO:0001743": _LOSS,
    "EFO:0030067": _LOSS,
    "DUP": _GAIN,
    "SO:0001742": _GAIN,
    "EFO:0030070": _GAIN,
    "CNV": _LOSS | _GAIN | {"CNV"},
    "SO:0001019": _LOSS | _GAIN | {"CNV"},
    "EFO:0030066": _LOSS | _GAIN | {"CNV"},
    "INS": {"INS"},
    "SO:0000667": {"INS"},
    "INDEL": {"INS", "DEL", "INDEL"},
    "SO:1000032": {"INDEL"},
    "INV": {"INV"},
    "SO:1000036": {"INV"},
    "BND": {"BND"},
    "SV": {"SV"},
    **dict.fromkeys(("EFO:0030068", "EFO:0020073", "EFO:0030069"), _LOSS),
    **dict.fromkeys(("EFO:0030071", "EFO:0030072"), _GAIN),
}
_COMPLETE = "EFO:0030069"
LEVELS: Mapping[str, set[str]] = {
    "EFO:0030068": {"EFO:0030068"},
    "EFO:0020073": {"EFO:0020073", _COMPLETE},
    _COMPLETE: {_COMPLETE},
    "EFO:0030071": {"EFO:0030071"},
    "EFO:0030072": {"EFO:0030072"},
}
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
        if name.startswith("ga4gh:VA."):
            return [each for each in self.all if each.allele_count and self.vrs(each) == name]
        change = read_short_form(name, self._chroms, self._reference)
        if change is not None:
            wanted = change.identity(self._reference)
            return [each for each in self.all if each.allele_count and each.identity == wanted]
        if (unsaid := read_unsaid(name, self._chroms)) is not None:
            return [each for each in self.all if each.allele_count and _makes(each, unsaid)]
        return [each for each in self.all if each.allele_count and name in _aliases(each)]

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


def so_far(each: NaiveVariant, sample: str, asked: Mapping[str, Any]) -> bool:
    """Whether a carrier's copy number went as far as is asked."""
    levels = LEVELS.get(asked.get("variantType", ""))
    return levels is None or each.level(sample) in levels


def _so_far(each: NaiveVariant, asked: Mapping[str, Any]) -> list[bool]:
    if asked["variantType"] not in LEVELS:
        return [True]
    return [so_far(each, sample, asked) for sample in each.calls]


def _length(each: NaiveVariant, asked: Mapping[str, Any]) -> bool:
    low: int = asked.get("variantMinLength", 0)
    high: int = asked.get("variantMaxLength", each.length)
    return low <= each.length <= high


def _makes(each: NaiveVariant, unsaid: tuple[str, int, int, str]) -> bool:
    chrom, start0, ref, alt = each.change.trimmed()
    return not each.symbolic and (chrom, start0, start0 + len(ref), alt) == unsaid


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
        (gene is None or (one.gene == gene and one.in_gene))
        and (change is None or one.amino_acids() == change)
        for one in each.effects
    )


def _bases(each: NaiveVariant, asked: Mapping[str, Any]) -> bool:
    """As the file writes them, or without what both alleles share; a symbol is no bases."""
    if each.symbolic:
        return (
            "alternateBases" not in asked
            and asked.get("referenceBases", each.change.ref) == each.change.ref
        )
    written, core = (each.change.ref, each.change.alt), each.change.core()
    return all(
        name not in asked or asked[name] in (written[side], core[side])
        for side, name in enumerate(("referenceBases", "alternateBases"))
    )


def _kind(each: NaiveVariant, asked: Mapping[str, Any]) -> bool:
    if "variantType" not in asked:
        return True
    wanted = _TYPES[asked["variantType"]]
    if wanted == {"SV"}:
        return each.symbolic
    return each.kind in wanted


def _aliases(each: NaiveVariant) -> set[str]:
    coding = {name for effect in each.effects for name in (effect.transcript, effect.protein)}
    return coding | set(each.names)
