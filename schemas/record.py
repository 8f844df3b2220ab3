"""What the record's doors send: entries as written, and RFC 9162 proofs (hashes in hexadecimal)."""

from __future__ import annotations

from schemas.wire import Wire


class RecordEntries(Wire):
    """`size` is the number of entries in the record now."""

    size: int
    entries: tuple[dict[str, object], ...]


class InclusionProof(Wire):
    """That `leaf`, the hash of entry `entry` (from 1), stands in the first `size` entries."""

    entry: int
    size: int
    leaf: str
    root: str
    path: tuple[str, ...]


class ConsistencyProof(Wire):
    """That the record of `first` entries begins the record of `size`."""

    first: int
    size: int
    first_root: str
    root: str
    path: tuple[str, ...]
