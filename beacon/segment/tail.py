"""What of a segment is read in place: columns behind the last page of its database, in one file.

SQLite reads as many pages as its own header counts and leaves what follows alone, so that a dataset
version stays one file: renamed, measured and digested as one. A question that knows where its bytes
lie takes them from the file, without a statement. It is read and not mapped: a file that somebody
cuts short, or a disk that fails, is then an error of one answer and not the end of the process
(SIGBUS). Where bytes lie is left to `beacon.segment.variant_rows`.
"""

from __future__ import annotations

import os
import shutil
import weakref
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
    """`begin` is where the pages of the database end. Let go with whoever used it last."""

    def __init__(self, path: Path, *, begin: int) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._file)
        self._begin = begin
        self._size = os.fstat(self._file).st_size - begin
        self._path = path

    def read(self, begin: int, end: int) -> bytes:
        if 0 <= begin <= end <= self._size:
            found = os.pread(self._file, end - begin, self._begin + begin)
            if len(found) == end - begin:
                return found
        raise CatalogError("a dataset cannot be read", detail=f"{self._path}: cut short")

    def close(self) -> None:
        """Nothing is read from here on. The file itself stays open as long as this object: its
        number would be another file's while a thread still reads."""
        self._size = -1
