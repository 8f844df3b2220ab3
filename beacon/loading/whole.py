"""Whether a variant file is whole, and how many lines it has.

The BGZF end-of-file block of the SAM specification (section 4.1.2), the checksum of every block,
and a line end at the end of plain text. What the lines say is left to their readers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from beacon.errors import Problem, SourceRefused
from beacon.loading import bcf, inflating

LINES: Final = "lines of variant files"  # how many are told under this name
CUT_OFF: Final = "the file is cut off or damaged: copy it again and compare checksums"
_EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Extent:
    """Lines of a text before its first record, and its records; BCF has records only. None where
    it cannot be told."""

    header: int | None
    records: int | None

    def place(self, record: int) -> str:
        """Of a record by its number, from 1, as an operator finds it."""
        return f"record {record}" if self.header is None else f"line {self.header + record}"


def extent(path: Path, tell: Callable[[int], None]) -> Extent:
    """Raises `SourceRefused` where the file is cut off, damaged, or cannot be read. `tell` hears
    how many lines of a text were seen."""
    try:
        size = path.stat().st_size
        with path.open("rb") as plain:
            start = plain.read(18)
            plain.seek(max(0, size - len(_EOF_BLOCK)))
            end = plain.read()
            if not start.startswith(b"\x1f\x8b"):
                if not end.endswith(b"\n"):
                    raise refused(path, "a line end at the end", CUT_OFF)
                plain.seek(0)
                return _extent(plain, tell)
        if start[12:14] == b"BC" and end != _EOF_BLOCK:
            raise refused(path, "the BGZF end-of-file block", CUT_OFF)
        # Reading every block compares its checksum, which the VCF reader does not always do.
        with inflating.opened(path) as blocks:
            return _extent(blocks, tell)
    except inflating.BROKEN as broken:
        raise refused(path, "complete compressed blocks", CUT_OFF) from broken
    except OSError as missing:
        raise refused(path, "a file that can be read", "check the path") from missing


def refused(path: Path, expected: str, next_step: str, *, where: str = "") -> SourceRefused:
    return SourceRefused([Problem(path.name, where, "", expected, next_step)])


def _extent(file: BinaryIO, tell: Callable[[int], None]) -> Extent:
    """Reads the file to its end."""
    start = file.read(len(bcf.MAGIC))
    if start == bcf.MAGIC:
        return Extent(None, _counted(file))
    header, fresh, piece = 0, True, start + file.readline(_CHUNK)
    while piece and (piece.startswith(b"#") or not fresh):
        fresh = piece.endswith(b"\n")
        header += fresh
        piece = file.readline(_CHUNK)
    records = piece.count(b"\n")
    while piece := file.read(_CHUNK):
        records += piece.count(b"\n")
        tell(records)
    return Extent(header, records)


def _counted(file: BinaryIO) -> int | None:
    try:
        return bcf.counted(file)
    except ValueError:  # which its reader says better
        while file.read(_CHUNK):
            pass
        return None
