"""What a node's record says of one run, with the proofs of it: for the crate of that run.

Reads the record itself and trusts no file made from it. Of the entries only those of the run and
its airlock are taken; people in them are keyed pseudonyms.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.record import checkpoints, merkle
from access.record.checkpoints import Checkpoint
from access.record.tree import RecordTree
from schemas.record import InclusionProof
from workspaces.crate.contents import MAX_ENTRIES, RecordedEntry
from workspaces.errors import CrateUntrue

KINDS = frozenset({"access.run", "airlock"})
_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """Two members of `SiteProofs`."""

    checkpoint: str
    entries: tuple[RecordedEntry, ...]


def recorded(record: Path, *, run: str, public_url: str, key: Ed25519PrivateKey) -> Recorded:
    """Costs one reading of the record. Raises CrateUntrue where it says nothing of the run."""
    with tempfile.TemporaryDirectory() as folder:
        tree = RecordTree(record, Path(folder))
        size = tree.follow()
        root = merkle.root(tree, size)
        found = [
            (first + place, line)
            for first in range(1, size + 1, _AT_ONCE)
            for place, line in enumerate(tree.lines(first, min(first + _AT_ONCE - 1, size)))
            if _speaks_of(line, run)
        ]
        if not 1 <= len(found) <= MAX_ENTRIES:
            raise CrateUntrue(f"The record has not between 1 and {MAX_ENTRIES} entries of the run.")
        entries = tuple(
            RecordedEntry(
                line=line.decode(),
                proof=InclusionProof(
                    entry=number,
                    size=size,
                    leaf=merkle.leaf_hash(line).hex(),
                    root=root.hex(),
                    path=tuple(
                        step.hex() for step in merkle.inclusion_proof(tree, size, index=number - 1)
                    ),
                ),
            )
            for number, line in found
        )
    head = Checkpoint(checkpoints.origin_of(public_url), size, root)
    return Recorded(checkpoints.signed(head, key), entries)


def _speaks_of(line: bytes, run: str) -> bool:
    if run.encode() not in line:
        return False
    entry = json.loads(line)
    return entry["kind"] in KINDS and entry["facts"].get("run") == run
