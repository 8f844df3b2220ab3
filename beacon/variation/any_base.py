"""The trimmed changes that a question with `N`, any one base, may mean (Beacon v2.2).

What both sides share is no part of a change, and an N is shared or not as it is read: `TG>GN` is
`T>G` where N is G, and `TG>GN` otherwise. An N of REF that is read as shared says what the
reference has, which a dataset may know or not. Zero-based, interbase.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from beacon.catalog import Allele

MAX_READ = 16  # so many N of one end are read both ways, what is further in is not trimmed


class Reading(NamedTuple):
    """A pattern in which an N still stands for any base. `claims` are bases the reference must have
    for it, by place: those that an N of REF was read as because ALT has them there too."""

    core: Allele
    claims: tuple[tuple[int, str], ...] = ()


def readings(asked: Allele) -> list[Reading]:
    """Trimmed behind first, as alleles are."""
    found = []
    for behind in _shared(asked.ref[::-1], asked.alt[::-1]):
        ref = asked.ref[: len(asked.ref) - behind]
        alt = asked.alt[: len(asked.alt) - behind]
        for before in _shared(ref, alt):
            if ref[before:] or alt[before:]:
                core = Allele(asked.chrom, asked.start0 + before, ref[before:], alt[before:])
                found.append(Reading(core, _claims(asked, before, behind)))
    return found


def _claims(asked: Allele, before: int, behind: int) -> tuple[tuple[int, str], ...]:
    places = [*range(before), *range(-behind, 0)]
    claimed = ((at % len(asked.ref), asked.alt[at]) for at in places if asked.ref[at] == "N")
    return tuple((asked.start0 + at, base) for at, base in claimed if base != "N")


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
