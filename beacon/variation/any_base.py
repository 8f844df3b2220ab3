"""The trimmed changes that a question with `N`, any one base, may mean (Beacon v2.2).

What both sides share is no part of a change, and an N is shared or not as it is read: `TG>GN` is
`T>G` where N is G, and `TG>GN` otherwise. Zero-based, interbase.
"""

from __future__ import annotations

from collections.abc import Iterator

from beacon.catalog import Allele, Replacement

MAX_READ = 16  # so many N of one end are read both ways, what is further in is not trimmed


def cores(asked: Allele) -> list[Allele]:
    """Patterns in which an N still stands for any base; trimmed behind first, as alleles are."""
    if isinstance(asked, Replacement):
        return [Allele(asked.chrom, asked.start0, asked.ref, asked.alt)]
    found = []
    for behind in _shared(asked.ref[::-1], asked.alt[::-1]):
        ref = asked.ref[: len(asked.ref) - behind]
        alt = asked.alt[: len(asked.alt) - behind]
        for before in _shared(ref, alt):
            if ref[before:] or alt[before:]:
                start0 = asked.start0 + before
                found.append(Allele(asked.chrom, start0, ref[before:], alt[before:]))
    return found


def _shared(ref: str, alt: str) -> Iterator[int]:
    """How many bases the beginnings have in common, in each reading of the N among them."""
    read = 0
    for place, pair in enumerate(zip(ref, alt, strict=False)):
        if "N" in pair:
            yield place
            read += 1
            if read == MAX_READ:
                return
        elif pair[0] != pair[1]:
            yield place
            return
    yield min(len(ref), len(alt))
