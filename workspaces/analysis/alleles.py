"""Which columns of a site's genotypes are which variants of the agreed panel.

An allele is a reference (refget digest where known, otherwise its name), a one-based position as in
VCF 4.5, reference and alternate bases, trimmed of what both share. It is found as itself or not at
all: an allele whose bases are exchanged, or written for the other strand, is reported and left out,
never turned round.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_PANEL = 10_000_000

_BASES = re.compile(r"[ACGTN]{1,200}")
_NAME = re.compile(r"[A-Za-z0-9._]{1,40}")
_OTHER_STRAND = str.maketrans("ACGT", "TGCA")


class Allele(NamedTuple):
    """A tuple, because a study has hundreds of thousands: they are compared and looked up in C."""

    contig: str
    position: int
    ref: str
    alt: str

    @property
    def name(self) -> str:
        return f"{self.contig}-{self.position}-{self.ref}-{self.alt}"

    @classmethod
    def of(cls, contig: str, position: int, ref: str, alt: str) -> Allele:
        """Trimmed: first of common last bases, then of common first ones, one base is left. Raises
        `ValueError` for what is not a sequence of bases, or the same twice."""
        if not (_sound_name(contig) and position >= 1):
            raise ValueError("a reference name or position that no VCF has")
        change = _trimmed(ref, alt)
        if change is None:
            raise ValueError("an allele that is not written in bases")
        return cls(contig, position + change[0], *change[1:])

    @classmethod
    def read(cls, name: str) -> Allele:
        """Of CHROM-POS-REF-ALT; raises `ValueError` for anything else."""
        contig, position, ref, alt = (*name.rsplit("-", 3), "", "", "")[:4]
        if not position.isdecimal():
            raise ValueError("expected an allele as CHROM-POS-REF-ALT")
        return cls.of(contig, int(position), ref, alt)


@lru_cache(maxsize=1_024)
def _sound_name(contig: str) -> bool:
    return _NAME.fullmatch(contig) is not None


@lru_cache(maxsize=4_096)
def _trimmed(ref: str, alt: str) -> tuple[int, str, str] | None:
    """The bases by which it starts later, and what is left; of few changes a file is made."""
    ref, alt, first = ref.upper(), alt.upper(), 0
    if not (_BASES.fullmatch(ref) and _BASES.fullmatch(alt)) or ref == alt:
        return None
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while len(ref) > 1 and len(alt) > 1 and ref[0] == alt[0]:
        ref, alt, first = ref[1:], alt[1:], first + 1
    return first, ref, alt


@dataclass(frozen=True, slots=True)
class Panel:
    """The agreed variants, in order, without repetition; `digests` names contigs by refget digest,
    the same for every spelling of one sequence."""

    alleles: tuple[Allele, ...]
    digests: Mapping[str, str]

    def __post_init__(self) -> None:
        if not 1 <= len(self.alleles) <= MAX_PANEL:
            raise ValueError(f"a panel has from 1 to {MAX_PANEL} variants")
        if len({self._key(one) for one in self.alleles}) < len(self.alleles):
            raise ValueError("a variant is twice in the panel")

    def digest(self) -> str:
        """SHA-256 by which sites see that they speak of the same variants in the same order."""
        listed = hashlib.sha256()
        for allele in self.alleles:
            listed.update("-".join(map(str, self._key(allele))).encode() + b"\n")
        return listed.hexdigest()

    def harmonise(self, held: Sequence[Allele], digests: Mapping[str, str]) -> Harmony:
        """Where in `held`, a site's own alleles, each of the panel is; `digests` are the site's."""
        places: dict[tuple[str, int, str, str], int] = {}
        repeated = set()
        for number, allele in enumerate(held):
            key = _keyed(allele, digests)
            if places.setdefault(key, number) != number:
                repeated.add(key)
        columns = np.full(len(self.alleles), -1, dtype=np.intp)
        flipped, strand = [], []
        for number, allele in enumerate(self.alleles):
            key = self._key(allele)
            contig, position, ref, alt = key
            if key in places and key not in repeated:
                columns[number] = places[key]
            elif (contig, position, alt, ref) in places:
                flipped.append(allele)
            elif (contig, position, _turned(ref), _turned(alt)) in places:
                strand.append(allele)
        twice = tuple(one for one in self.alleles if self._key(one) in repeated)
        return Harmony(columns, tuple(flipped), tuple(strand), twice)

    def _key(self, allele: Allele) -> tuple[str, int, str, str]:
        return _keyed(allele, self.digests)


@dataclass(frozen=True, slots=True)
class Harmony:
    """`columns` (m,): the site's column of each variant of the panel, -1 for none. The rest are why
    a variant that seems to be there was left out: bases exchanged, other strand, there twice."""

    columns: NDArray[np.intp]
    flipped: tuple[Allele, ...]
    other_strand: tuple[Allele, ...]
    repeated: tuple[Allele, ...]

    @property
    def found(self) -> int:
        return int((self.columns >= 0).sum())

    def refusals(self) -> dict[str, int]:
        """How many were left out and why, for the site's own log."""
        return {
            "absent": int((self.columns < 0).sum()) - len(self.flipped) - len(self.other_strand)
            - len(self.repeated),
            "flipped": len(self.flipped),
            "other_strand": len(self.other_strand),
            "repeated": len(self.repeated),
        }  # fmt: skip


def agreed(offers: Iterable[Iterable[str]], *, least_sites: int) -> tuple[Allele, ...]:
    """The variants that at least this many sites offer by name, in order of place. A site offers
    only what it may tell: that it holds a rare variant is itself something told. Raises
    `ValueError` for a name that is not the one of an allele."""
    holders: Counter[str] = Counter()
    for offer in offers:
        holders.update(set(offer))
    chosen = [name for name, sites in holders.items() if sites >= least_sites]
    found = [Allele.read(name) for name in chosen]
    if any(allele.name != name for allele, name in zip(found, chosen, strict=True)):
        raise ValueError("an allele that is not trimmed and in capitals")
    return tuple(sorted(found))


def _keyed(allele: Allele, digests: Mapping[str, str]) -> tuple[str, int, str, str]:
    digest = digests.get(allele.contig)
    return allele if digest is None else (digest, allele.position, allele.ref, allele.alt)


def _turned(bases: str) -> str:
    return bases.translate(_OTHER_STRAND)[::-1]
