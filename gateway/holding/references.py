"""The bases of an assembly from the node's own refget store, as the beacon room asks for them.

The two rooms do not see each other: this is where a stored sequence collection becomes a
`beacon.variation.reference.Reference`. Zero-based, half-open.
"""

from __future__ import annotations

from pathlib import Path

from beacon.variation.reference import Reference
from gateway.errors import LoadRefused
from gateway.home import NodeHome
from schemas.errors import NotFound
from schemas.sequences import canonical_chromosome
from streams.refget.collections import Collections
from streams.refget.index import Index
from streams.refget.sequences import Held, Sequences


def bases(home: NodeHome, sequences: str | None) -> Path | Reference | None:
    """A FASTA file, or a collection that `skerry reference add` took in."""
    if sequences is None or Path(sequences).is_file():
        return None if sequences is None else Path(sequences)
    try:
        return StoredReference(Index(home.references), sequences)
    except NotFound as unknown:
        raise LoadRefused(
            f"{sequences[:80]}: neither a FASTA file nor a collection of `skerry reference list`"
        ) from unknown


class StoredReference:
    """The primary chromosomes of one collection, in any spelling of their names."""

    def __init__(self, index: Index, collection: str) -> None:
        self._sequences = Sequences(index)
        self._held: dict[str, Held] = {}
        for name in Collections(index).level2(collection)["names"]:
            chrom = canonical_chromosome(name)
            held = self._sequences.named(collection, name)
            if chrom is not None and held is not None:
                self._held.setdefault(chrom, held)
        if not self._held:
            raise LoadRefused(f"{collection}: has none of the sequences 1-22, X, Y, MT")

    def bases(self, chrom: str, start0: int, end0: int) -> str:
        held = self._held.get(chrom)
        if held is None:
            return ""
        start0, end0 = max(start0, 0), min(end0, held.length)
        return b"".join(self._sequences.letters(held, start0, end0)).decode("ascii")
