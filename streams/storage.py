"""Keeps sealed bodies on a local disk under their digest, and reads byte ranges of them.

Knows nothing of what the bytes are; naming and indexing them is `streams.vault`'s.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from streams.errors import VaultBroken

STEP = 1024 * 1024


def replace_durably(path: Path, content: bytes) -> None:
    """Old content or new, never a part: temporary file, fsync, rename, fsync of the folder."""
    with temporary_beside(path) as (file, made):
        file.write(content)
        settle(file, made, path)


@contextmanager
def temporary_beside(path: Path) -> Generator[tuple[BinaryIO, Path]]:
    """A new owner-only file in the folder of `path`, removed unless it was settled."""
    descriptor, name = tempfile.mkstemp(prefix=".unfinished-", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, made
    finally:
        made.unlink(missing_ok=True)


def settle(file: BinaryIO, made: Path, path: Path) -> None:
    """Moves a finished temporary file to its place, on disk when this returns. The group that may
    read its folder may read it: the key agent and the slicer may be users of their own."""
    file.flush()
    os.fchmod(file.fileno(), 0o600 | path.parent.stat().st_mode & 0o040)
    os.fsync(file.fileno())
    made.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class LocalBodies:
    """Immutable bodies in one folder, named by the hex of their segment root."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder

    def path(self, digest: str) -> Path:
        return self.folder / f"{digest}.body"

    def open(self, digest: str, *, size: int) -> int:
        """A descriptor to read from, which the caller closes. Raises VaultBroken if the body is
        missing or has another size."""
        try:
            descriptor = os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise VaultBroken("A sealed body cannot be read.", detail=str(error)) from error
        found = os.fstat(descriptor).st_size
        if found != size:
            os.close(descriptor)
            raise VaultBroken("A sealed body has changed.", detail=f"expected {size}, got {found}")
        return descriptor


# So many bytes from a place; fewer only where the source ends.
Source = Callable[[int, int], bytes]


def file_source(descriptor: int) -> Source:
    return partial(os.pread, descriptor)


def shifted(source: Source, start0: int) -> Source:
    """The same from one of its bytes on."""
    return lambda length, at: source(length, start0 + at)


def streamed(source: Source, *, step: int = STEP) -> BinaryIO:
    """From its beginning to its end. Raises what the source raises."""
    return io.BufferedReader(_Stream(source), step)


class _Stream(io.RawIOBase):
    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source
        self._place = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer is fine
        piece = self._source(len(buffer), self._place)
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)


def read_range(source: Source, start0: int, end0: int) -> bytes:
    """Exactly the bytes [start0, end0); raises VaultBroken where the source ends before."""
    parts: list[bytes] = []
    while start0 < end0:
        piece = source(end0 - start0, start0)
        if not piece:
            raise VaultBroken("A stored file ended early.")
        parts.append(piece)
        start0 += len(piece)
    return parts[0] if len(parts) == 1 else b"".join(parts)
