"""The bases of an assembly, from an indexed FASTA file, plain or bgzipped.

Names in the file may be any spelling of a primary chromosome. Other stores of sequences implement
`Reference`; what bases are needed for is `beacon.variation.justify`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pysam

from beacon.errors import ReferenceUnreadable
from schemas.sequences import canonical_chromosome

MAX_FETCH = 10_000_000
_WINDOW = 1 << 16
_BEFORE = 1 << 10


class Reference(Protocol):
    """Zero-based, half-open; what lies outside the sequence, or is not known, is left out."""

    def bases(self, chrom: str, start0: int, end0: int) -> str:
        """Upper-case bases of a canonical chromosome, none where it is not held."""
        ...


class Windowed:
    """Another reference, read forwards in windows: a load asks for neighbours next. It holds one
    window, so one load uses it."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._window = ("", 0, "")

    def bases(self, chrom: str, start0: int, end0: int) -> str:
        held, first, bases = self._window
        start0 = max(start0, 0)
        if held != chrom or start0 < first or end0 > first + len(bases):
            first = max(start0 - _BEFORE, 0)
            bases = self._reference.bases(chrom, first, max(end0, first + _WINDOW))
            self._window = (chrom, first, bases)
        return bases[start0 - first : max(end0 - first, 0)]


class FastaReference:
    """One FASTA file; its index is made beside it where it is missing."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = pysam.FastaFile(str(path))
        except (OSError, ValueError) as broken:
            raise ReferenceUnreadable("a reference cannot be read", detail=str(path)) from broken
        self._path = path
        self._names: dict[str, str] = {}
        for name in self._file.references:
            if (chrom := canonical_chromosome(name)) is not None:
                self._names.setdefault(chrom, name)
        if not self._names:
            raise ReferenceUnreadable(
                "a reference has none of the sequences 1-22, X, Y, MT", detail=str(path)
            )

    def bases(self, chrom: str, start0: int, end0: int) -> str:
        name = self._names.get(chrom)
        start0, end0 = max(start0, 0), min(end0, start0 + MAX_FETCH)
        if name is None or end0 <= start0:
            return ""
        length = self._file.get_reference_length(name)
        if start0 >= length:
            return ""
        try:
            return self._file.fetch(name, start0, min(end0, length)).upper()
        except (OSError, ValueError, KeyError) as broken:
            raise ReferenceUnreadable(
                "a reference cannot be read", detail=str(self._path)
            ) from broken
