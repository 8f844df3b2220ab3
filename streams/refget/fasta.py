"""Reads a FASTA file once, plain or gzipped: letters in upper case, and all digests on the way.

Memory is bounded by the block read, whatever the length of a line or a sequence. Digests are those
of refget Sequences 2.0.0: md5, `SQ.` (sha512t24u) and trunc512, over letters only.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from streams.errors import FastaRefused

BLOCK = 4 * 1024 * 1024
MAX_NAME = 1_000
MAX_SEQUENCES = 1_000_000
_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123))
_NOT_LETTERS = bytes(code for code in range(256) if code not in _LETTERS)
_UPPER = bytes.maketrans(bytes(range(97, 123)), bytes(range(65, 91)))
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence as read; `name` is the first word of its heading."""

    name: str
    length: int
    md5: str
    ga4gh: str  # `SQ.` and 32 characters
    trunc512: str


@dataclass(slots=True)
class _Growing:
    name: str
    length: int = 0
    md5: hashlib._Hash = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))
    sha512: hashlib._Hash = field(default_factory=hashlib.sha512)

    def add(self, letters: bytes) -> None:
        self.length += len(letters)
        self.md5.update(letters)
        self.sha512.update(letters)

    def finished(self) -> Sequence:
        if not self.length:
            raise FastaRefused(f"The sequence {self.name[:80]} has no letters.")
        digest = self.sha512.digest()[:24]
        ga4gh = "SQ." + base64.urlsafe_b64encode(digest).decode("ascii")
        return Sequence(self.name, self.length, self.md5.hexdigest(), ga4gh, digest.hex())


def read(
    path: Path, sink: BinaryIO, *, progress: Callable[[int], None] | None = None
) -> Iterator[Sequence]:
    """Writes all letters to `sink`, one sequence after the other, and yields each as it ends.
    `progress` hears how many letters there were so far."""
    names: set[str] = set()
    growing: _Growing | None = None
    total = 0
    try:
        with _opened(path) as stream:
            for heading, part in _parts(stream):
                if heading:
                    if growing is not None:
                        yield growing.finished()
                    growing = _Growing(_name(part, names))
                    continue
                letters = part.translate(_UPPER, _NOT_LETTERS)
                if growing is None:
                    if part.strip():
                        raise FastaRefused("A FASTA file begins with a heading (>).")
                    continue
                growing.add(letters)
                sink.write(letters)
                total += len(letters)
                if progress is not None:
                    progress(total)
    except (OSError, EOFError, zlib.error) as broken:
        raise FastaRefused(
            f"{path.name} cannot be read: truncated, or not a FASTA file.", detail=str(broken)
        ) from broken
    if growing is None:
        raise FastaRefused(f"{path.name} holds no sequence.")
    yield growing.finished()


@contextmanager
def _opened(path: Path) -> Generator[BinaryIO]:
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        if not packed:
            yield raw
            return
        with gzip.open(raw) as unpacked, io.BufferedReader(unpacked, BLOCK) as buffered:
            yield buffered


def _parts(stream: BinaryIO) -> Iterator[tuple[bool, bytes]]:
    """(True, heading without its mark) and (False, bytes of a sequence), in the file's order."""
    heading: bytearray | None = None
    at_line_start = True
    while block := stream.read(BLOCK):
        at = 0
        while at < len(block):
            if heading is None and at_line_start and block.startswith(b">", at):
                heading, at = bytearray(), at + 1
            if heading is not None:
                end = block.find(b"\n", at)
                # A heading may be as long as it likes; more than a name of it is dropped.
                heading += block[at : end if end >= 0 else len(block)][: MAX_NAME + 2]
                if end < 0:
                    break
                yield True, bytes(heading)
                heading, at, at_line_start = None, end + 1, True
                continue
            end = block.find(b"\n>", at)
            end = end + 1 if end >= 0 else len(block)
            yield False, block[at:end]
            at, at_line_start = end, block[end - 1 : end] == b"\n"
    if heading is not None:
        yield True, bytes(heading)


def _name(heading: bytes, names: set[str]) -> str:
    words = heading.split(maxsplit=1)
    if not words or len(words[0]) > MAX_NAME or not words[0].isascii():
        raise FastaRefused(f"A sequence needs a name of 1 to {MAX_NAME} plain characters.")
    name = words[0].decode("ascii")
    if name in names:
        raise FastaRefused(f"The name {name[:80]} stands in the file twice.")
    names.add(name)
    if len(names) > MAX_SEQUENCES:
        raise FastaRefused(f"A file may have {MAX_SEQUENCES:,} sequences.")
    return name
