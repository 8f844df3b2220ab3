"""Takes a FASTA file into the store: letters, identifiers, aliases, and its sequence collection.

One pass over the file, in bounded memory; seen whole or not at all; registering the same file again
changes nothing. Reading is `fasta`'s, digests of collections are `seqcol`'s.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.errors import FastaRefused
from streams.refget import fasta, seqcol
from streams.refget.index import Index
from streams.storage import settle, temporary_beside

_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}:[\x21-\x7e]{1,199}")
_ACCESSIONS = (
    ("refseq", re.compile(r"[ANXY][CGTWMRP]_\d{6,9}\.\d{1,3}")),
    ("insdc", re.compile(r"(?:[A-Z]{1,2}\d{5,8}|[A-Z]{4,6}\d{8,10})\.\d{1,3}")),
)


@dataclass(frozen=True, slots=True)
class Registered:
    """What a file came to: its collection's digest, sequences and letters."""

    collection: str
    sequences: int
    letters: int


def register(
    index: Index,
    path: Path,
    *,
    aliases: Mapping[str, str] | None = None,
    circular: frozenset[str] = frozenset(),
    progress: Callable[[int], None] | None = None,
) -> Registered:
    """`aliases` gives names of the file further identifiers (`insdc:BK006935.2`); `circular` are
    names of the file; `progress` hears the letters read so far. Raises `FastaRefused`."""
    given = dict(aliases or {})
    for alias in given.values():
        if not _ALIAS.fullmatch(alias):
            raise FastaRefused(f"{alias[:80]} is not a prefixed name such as insdc:BK006935.2.")
    index.root.mkdir(parents=True, exist_ok=True)
    with temporary_beside(index.root / "letters") as (sink, made):
        read = list(fasta.read(path, sink, progress=progress))
        if strange := sorted((given.keys() | circular) - {one.name for one in read}):
            raise FastaRefused(f"{path.name} has no sequence named {strange[0][:80]}.")
        digests = seqcol.level1(
            seqcol.level2(
                [one.name for one in read],
                [one.length for one in read],
                [one.ga4gh for one in read],
            )
        )
        collection = seqcol.level0(digests)
        settle(sink, made, index.letters(collection))
    with index.writing() as rows:
        _keep_sequences(rows, collection, read, circular=circular)
        _keep_aliases(rows, read, given)
        _keep_collection(rows, collection, path.name, read=read, digests=digests)
    return Registered(collection, len(read), sum(one.length for one in read))


def _keep_sequences(
    rows: sqlite3.Connection,
    file: str,
    read: Sequence[fasta.Sequence],
    *,
    circular: frozenset[str],
) -> None:
    at = 0
    for one in read:
        rows.execute(
            "INSERT INTO sequences VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (ga4gh) DO UPDATE SET circular = max(circular, excluded.circular)",
            (one.ga4gh, one.md5, one.trunc512, one.length, one.name in circular, file, at),
        )
        at += one.length


def _keep_aliases(
    rows: sqlite3.Connection, read: Sequence[fasta.Sequence], given: Mapping[str, str]
) -> None:
    """An alias names one sequence: one that names another already is refused, never moved."""
    for one in read:
        wanted = [(by, one.name) for by, form in _ACCESSIONS if form.fullmatch(one.name)]
        if one.name in given:
            authority, _, alias = given[one.name].partition(":")
            wanted.append((authority.lower(), alias))
        for authority, alias in wanted:
            rows.execute(
                "INSERT OR IGNORE INTO aliases VALUES (?, ?, ?)", (authority, alias, one.ga4gh)
            )
            (named,) = rows.execute(
                "SELECT ga4gh FROM aliases WHERE authority = ? AND alias = ?", (authority, alias)
            ).fetchone()
            if named != one.ga4gh:
                raise FastaRefused(f"{authority}:{alias} names another sequence already.")


def _keep_collection(
    rows: sqlite3.Connection,
    collection: str,
    name: str,
    *,
    read: Sequence[fasta.Sequence],
    digests: Mapping[str, str],
) -> None:
    rows.execute("INSERT OR IGNORE INTO collections VALUES (?, ?)", (collection, name))
    rows.executemany(
        "INSERT OR IGNORE INTO members VALUES (?, ?, ?, ?)",
        ((collection, number, one.name, one.ga4gh) for number, one in enumerate(read)),
    )
    rows.executemany(
        "INSERT OR IGNORE INTO attributes VALUES (?, ?, ?)",
        ((attribute, value, collection) for attribute, value in digests.items()),
    )
