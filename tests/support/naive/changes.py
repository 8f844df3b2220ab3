"""What a change of sequence is: the text of the whole sequence after it.

Two spellings are the same change when the edited sequences are the same text; where there is no
reference, when they are the same after cutting what both alleles share. Coordinates are zero-based,
half-open.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Reference = Mapping[str, str]
Identity = tuple[str | int, ...]

_PAIRS = str.maketrans("ACGTN", "TGCAN")
_VCF = re.compile(r"(?:chr)?(\w+)[-: ](\d+)[-: ]([ACGT]+)[-:> ]([ACGT]+)", re.IGNORECASE)
_SPDI = re.compile(r"(NC_\d+\.\d+|(?:ga4gh:)?SQ\.[\w-]{32}):(\d+):([ACGT]*|\d+):([ACGT]*)")
_HGVS = re.compile(r"([\w.]+):[gm]\.(\d+)(?:_(\d+))?(.*)")
_EDIT = re.compile("(del|dup|inv)")


@dataclass(frozen=True, slots=True)
class Change:
    """One spelling: at `start0` the bases `ref` become `alt`."""

    chrom: str
    start0: int
    ref: str
    alt: str

    def identity(self, reference: Reference | None) -> Identity | None:
        """None where the reference has other bases than `ref`."""
        if reference is None:
            return self.trimmed()
        bases = reference[self.chrom]
        end0 = self.start0 + len(self.ref)
        if bases[self.start0 : end0] != self.ref or end0 > len(bases):
            return None
        return self.chrom, bases[: self.start0] + self.alt + bases[end0:]

    def trimmed(self) -> tuple[str, int, str, str]:
        start0, ref, alt = self.start0, self.ref, self.alt
        while ref and alt and ref[-1] == alt[-1]:
            ref, alt = ref[:-1], alt[:-1]
        while ref and alt and ref[0] == alt[0]:
            start0, ref, alt = start0 + 1, ref[1:], alt[1:]
        return self.chrom, start0, ref, alt

    def core(self) -> tuple[str, str]:
        """The bases really taken out and put in."""
        _, _, ref, alt = self.trimmed()
        return ref, alt

    def without_n(self) -> Iterator[Change]:
        """Each change this one may mean: N is any one base."""
        spelt = [
            ["ACGT" if base == "N" else base for base in text] for text in (self.ref, self.alt)
        ]
        for ref in itertools.product(*spelt[0]):
            for alt in itertools.product(*spelt[1]):
                yield Change(self.chrom, self.start0, "".join(ref), "".join(alt))


def spellings(change: Change, reference: Reference, *, reach: int = 40) -> list[Change]:
    """The same change without padding at every place it can be written."""
    edited = change.identity(reference)
    if edited is None:
        return []
    text, bases = str(edited[1]), reference[change.chrom]
    removed, added = change.core()
    found = []
    for at in range(max(0, change.start0 - reach), change.start0 + len(change.ref) + reach):
        end0 = at + len(removed)
        put = text[at : at + len(added)]
        if end0 <= len(bases) and bases[:at] + put + bases[end0:] == text:
            found.append(Change(change.chrom, at, bases[at:end0], put))
    return found


def read_short_form(
    text: str, chroms: Mapping[str, str], reference: Reference | None
) -> Change | None:
    """The change a VCF, SPDI or genomic HGVS name spells; None for anything else.

    `chroms` names the sequences of the assembly; another assembly's accession is no name of one.
    """
    if (found := _SPDI.fullmatch(text)) is not None and found[1] in chroms:
        chrom, start0, ref = chroms[found[1]], int(found[2]), found[3]
        if ref.isdigit() and reference is None:
            return None
        if ref.isdigit() and reference is not None:
            ref = reference[chrom][start0 : start0 + int(ref)]
        return Change(chrom, start0, ref, found[4])
    if (found := _VCF.fullmatch(text)) is not None and found[1] in chroms:
        return Change(chroms[found[1]], int(found[2]) - 1, found[3].upper(), found[4].upper())
    if (found := _HGVS.fullmatch(text)) is not None and found[1] in chroms:
        first = int(found[2])
        return _hgvs(chroms[found[1]], (first, int(found[3] or first)), found[4], reference)
    return None


def read_unsaid(text: str, chroms: Mapping[str, str]) -> tuple[str, int, int, str] | None:
    """What a name such as `g.100_102delinsA` takes out, its bases unsaid, and puts in; SPDI may say
    only how many there are."""
    counted = _SPDI.fullmatch(text)
    if counted is not None and counted[3].isdigit() and counted[1] in chroms:
        start0 = int(counted[2])
        return chroms[counted[1]], start0, start0 + int(counted[3]), counted[4]
    found = _HGVS.fullmatch(text)
    edit = re.fullmatch("del(?:ins([ACGT]+))?", found[4]) if found is not None else None
    if found is None or edit is None or found[1] not in chroms:
        return None
    return chroms[found[1]], int(found[2]) - 1, int(found[3] or found[2]), edit[1] or ""


def read_edit(text: str, chroms: Mapping[str, str]) -> tuple[str, int, int, str] | None:
    """What `g.100_102dup` does to which span, its bases unsaid."""
    found = _HGVS.fullmatch(text)
    if found is None or not _EDIT.fullmatch(found[4]) or found[1] not in chroms:
        return None
    return chroms[found[1]], int(found[2]) - 1, int(found[3] or found[2]), found[4]


def turned(bases: str) -> str:
    """The other strand."""
    return bases.translate(_PAIRS)[::-1]


def _hgvs(
    chrom: str, places: tuple[int, int], edit: str, reference: Reference | None
) -> Change | None:
    start0, end0 = places[0] - 1, places[1]
    if (found := re.fullmatch("([ACGT])>([ACGT])", edit)) is not None:
        return Change(chrom, start0, found[1], found[2])
    if edit.startswith("ins"):
        return Change(chrom, places[0], "", edit[3:])
    found = re.fullmatch("(del|dup|inv)([ACGT]*)(?:ins([ACGT]+))?", edit)
    if found is None or (reference is None and not found[2]):
        return None
    old = found[2] or (reference[chrom][start0:end0] if reference else "")
    if found[1] == "dup":
        return Change(chrom, start0, old, old + old)
    return Change(chrom, start0, old, turned(old) if found[1] == "inv" else found[3] or "")
