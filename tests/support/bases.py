"""A reference that is one short text, and what a change makes of it."""

from __future__ import annotations

from beacon.catalog import Allele


class TextReference:
    """Chromosome 1 is the text; there is no other."""

    def __init__(self, text: str) -> None:
        self.text = text

    def bases(self, chrom: str, start0: int, end0: int) -> str:
        return self.text[max(start0, 0) : max(end0, 0)] if chrom == "1" else ""


def result(text: str, allele: Allele) -> str:
    """The whole sequence after the change."""
    end0 = allele.start0 + len(allele.ref)
    assert text[allele.start0 : end0] == allele.ref
    return text[: allele.start0] + allele.alt + text[end0:]
