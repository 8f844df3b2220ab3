"""Held reference sequences: found by any identifier, given in parts (refget Sequences 2.0.0).

Letters lie a byte each in flat files, so a part costs the same anywhere in a chromosome. Public
data: nothing here is sealed. What a request may ask is `subsequence`'s.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.refget import SequenceMetadata
from streams.errors import NoSuchSequence, VaultBroken
from streams.refget.index import Index

PIECE = 1024 * 1024
MAX_ALIAS = 200
MAX_ALIASES = 1_000
_FORMS = (
    ("md5", re.compile(r"(?:md5:)?([0-9a-f]{32})", re.IGNORECASE)),
    ("ga4gh", re.compile(r"(?:ga4gh:)?(SQ\.[A-Za-z0-9_-]{32})")),
    ("trunc512", re.compile(r"(?:trunc512:)?([0-9a-f]{48})", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Held:
    """One sequence: what it is called, and where its letters are (`at` is a byte of `file`)."""

    ga4gh: str
    md5: str
    trunc512: str
    length: int
    circular: bool
    file: str
    at: int


class Sequences:
    """Safe to read from many threads and processes at once."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def find(self, identifier: str) -> Held:
        """By md5, `SQ.` or trunc512, with or without its prefix, or by a prefixed alias. Raises
        `NoSuchSequence`."""
        for column, form in _FORMS:
            if found := form.fullmatch(identifier):
                value = found[1] if column == "ga4gh" else found[1].lower()
                # The column is one of the three literals above, never the caller's.
                return self._one(f"SELECT * FROM sequences WHERE {column} = ?", value)  # noqa: S608
        authority, _, alias = identifier.partition(":")
        if not alias or len(alias) > MAX_ALIAS:
            raise NoSuchSequence("No sequence of this identifier is held here.")
        return self._one(
            "SELECT s.* FROM sequences s JOIN aliases USING (ga4gh) "
            "WHERE authority = ? AND alias = ?",
            *(authority.lower(), alias),
        )

    def named(self, collection: str, name: str) -> Held | None:
        """The sequence of this name in a collection (by its digest)."""
        rows = self._index.ask(
            "SELECT s.* FROM sequences s JOIN members USING (ga4gh) WHERE digest = ? AND name = ?",
            *(collection, name),
        )
        return _held(rows[0]) if rows else None

    def metadata(self, held: Held) -> SequenceMetadata:
        rows = self._index.ask(
            "SELECT alias, authority FROM aliases WHERE ga4gh = ? ORDER BY authority, alias "
            "LIMIT ?",
            *(held.ga4gh, MAX_ALIASES),
        )
        return {
            "md5": held.md5,
            "ga4gh": held.ga4gh,
            "trunc512": held.trunc512,
            "length": held.length,
            "aliases": [{"alias": alias, "naming_authority": by} for alias, by in rows],
        }

    def letters(self, held: Held, start0: int, end0: int) -> Iterator[bytes]:
        """[start0, end0) in pieces of at most 1 MiB; the caller has checked the bounds."""
        descriptor = os.open(self._index.letters(held.file), os.O_RDONLY | os.O_CLOEXEC)
        try:
            at, end = held.at + start0, held.at + end0
            while at < end:
                piece = os.pread(descriptor, min(PIECE, end - at), at)
                if not piece:
                    raise VaultBroken("A sequence is shorter than registered.", detail=held.ga4gh)
                at += len(piece)
                yield piece
        finally:
            os.close(descriptor)

    def _one(self, sql: str, *values: object) -> Held:
        rows = self._index.ask(sql, *values)
        if not rows:
            raise NoSuchSequence("No sequence of this identifier is held here.")
        return _held(rows[0])


def _held(row: tuple[str, str, str, int, int, str, int]) -> Held:
    ga4gh, md5, trunc512, length, circular, file, at = row
    return Held(ga4gh, md5, trunc512, length, bool(circular), file, at)
