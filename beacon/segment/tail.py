"""What of a segment is read in place: columns behind the last page of its database, in one file.

SQLite reads as many pages as its own header counts and leaves what follows alone, so that a dataset
version stays one file: renamed, measured and digested as one. A question that knows where its bytes
lie takes them from the mapped file, without a statement. Where they lie is left to
`beacon.segment.variant_rows`.
"""

from __future__ import annotations

import mmap
import shutil
from pathlib import Path
from tempfile import TemporaryFile

from beacon.errors import CatalogError


class TailWriter:
    """Collects the bytes in a file without a name, which ends with its process."""

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 (closed with the segment's writer)
        self.size = 0

    def add(self, data: bytes) -> None:
        self._file.write(data)
        self.size += len(data)

    def append_to(self, path: Path) -> None:
        self._file.seek(0)
        with path.open("ab") as stream:
            shutil.copyfileobj(self._file, stream)

    def close(self) -> None:
        self._file.close()


class Tail:
    """`begin` is where the pages of the database end."""

    def __init__(self, path: Path, *, begin: int) -> None:
        with path.open("rb") as stream:
            self._mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self._begin = begin
        self._path = path

    def read(self, begin: int, end: int) -> bytes:
        found = self._mapped[self._begin + begin : self._begin + end]
        if len(found) != end - begin:
            raise CatalogError("a dataset cannot be read", detail=f"{self._path}: cut short")
        return found

    def close(self) -> None:
        self._mapped.close()
