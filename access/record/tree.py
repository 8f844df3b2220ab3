"""Keeps the Merkle tree of a record beside it: where each line ends, and the complete subtrees.

A folder of flat files, made from the record and made again when it is lost: `lines` holds the end
of entry n as 8 bytes, `NN` the 32-byte roots of level NN. It follows the record as it grows, and
gives any entry, root or proof (RFC 9162) without reading the record through.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

from access.errors import NoSuchThing, RecordUnavailable
from access.record import merkle
from access.record.chain import MAX_LINE
from schemas.messages import Message

MAX_LEVELS = 48
_OFFSET_BYTES = 8
_READ_BYTES = 1024 * 1024


class RecordTree:
    """Thread-safe. Raises `RecordUnavailable` where the files can't be read or written."""

    def __init__(self, record: Path, folder: Path) -> None:
        self._record = record
        self._folder = folder
        self._lock = threading.Lock()

    def follow(self) -> int:
        """Takes in what the record has gained; the number of entries now in the tree."""
        with self._lock:
            try:
                self._folder.mkdir(mode=0o700, exist_ok=True)
                with (self._folder / "lock").open("w") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)  # other workers follow the same record
                    return self._take_in(self._settle())
            except OSError as error:
                raise RecordUnavailable(
                    Message("The record can't be read."), detail=str(error)
                ) from error

    def entry(self, number: int) -> bytes:
        """The line of entry `number` (from 1), without its line end."""
        start = self._end(number - 1) if number > 1 else 0
        with self._record.open("rb") as stream:
            stream.seek(start)
            return stream.read(self._end(number) - start - 1)

    def lines(self, first: int, last: int) -> list[bytes]:
        """The lines of entries `first` to `last`, read as one; without their line ends."""
        if first > last:
            return []
        start = self._end(first - 1) if first > 1 else 0
        try:
            with (self._folder / "lines").open("rb") as stream:
                stream.seek((first - 1) * _OFFSET_BYTES)
                ends = stream.read((last - first + 1) * _OFFSET_BYTES)
            with self._record.open("rb") as stream:
                stream.seek(start)
                block = stream.read(int.from_bytes(ends[-_OFFSET_BYTES:], "big") - start)
        except OSError as error:
            raise RecordUnavailable(
                Message("The record can't be read."), detail=str(error)
            ) from error
        found = block.split(b"\n")[:-1]
        if len(found) != last - first + 1:
            raise NoSuchThing(detail=f"lines {first} to {last}")
        return found

    def subtree(self, level: int, index: int) -> bytes:
        return self._read(f"{level:02}", merkle.HASH_BYTES, index)

    def _end(self, number: int) -> int:
        return int.from_bytes(self._read("lines", _OFFSET_BYTES, number - 1), "big")

    def _read(self, name: str, width: int, index: int) -> bytes:
        try:
            with (self._folder / name).open("rb") as stream:
                stream.seek(index * width)
                found = stream.read(width)
        except OSError as error:
            raise RecordUnavailable(
                Message("The record can't be read."), detail=str(error)
            ) from error
        if index < 0 or len(found) != width:
            raise NoSuchThing(detail=f"{name} {index}")
        return found

    def _settle(self) -> int:
        """A crash may have left some files ahead of others: all go back to what all have."""
        size = min(self._held("lines", _OFFSET_BYTES), self._held("00", merkle.HASH_BYTES))
        for level in range(1, MAX_LEVELS):
            held = self._held(f"{level:02}", merkle.HASH_BYTES)
            size = min(size, ((held + 1) << level) - 1)
        self._cut("lines", size * _OFFSET_BYTES)
        for level in range(MAX_LEVELS):
            self._cut(f"{level:02}", (size >> level) * merkle.HASH_BYTES)
        return size

    def _held(self, name: str, width: int) -> int:
        path = self._folder / name
        return path.stat().st_size // width if path.exists() else 0

    def _cut(self, name: str, size: int) -> None:
        path = self._folder / name
        if path.exists() and path.stat().st_size > size:
            os.truncate(path, size)

    def _take_in(self, size: int) -> int:
        at = self._end(size) if size else 0
        with self._record.open("rb") as stream:
            stream.seek(at)
            while lines := stream.readlines(_READ_BYTES):
                if not lines[-1].endswith(b"\n"):
                    lines.pop()  # an entry in mid-write
                    if not lines:
                        break
                size, at = self._append(lines, size, at)
        return size

    def _append(self, lines: list[bytes], size: int, at: int) -> tuple[int, int]:
        ends = bytearray()
        grown: list[list[bytes]] = [[]]
        for line in lines:
            if len(line) > MAX_LINE:
                raise RecordUnavailable(
                    Message("The record does not verify."), detail="a line too long"
                )
            at += len(line)
            ends += at.to_bytes(_OFFSET_BYTES, "big")
            self._grow(grown, merkle.leaf_hash(line[:-1]), size)
            size += 1
        for level, hashes in enumerate(grown):
            self._extend(f"{level:02}", b"".join(hashes))
        self._extend("lines", bytes(ends))
        return size, at

    def _grow(self, grown: list[list[bytes]], leaf: bytes, size: int) -> None:
        """Adds leaf number `size` (from 0), and every subtree that it completes."""
        grown[0].append(leaf)
        level, index = 0, size
        while index & 1:
            right = grown[level][-1]
            held = grown[level]
            left = held[-2] if len(held) > 1 else self.subtree(level, index - 1)
            level, index = level + 1, index >> 1
            if len(grown) == level:
                grown.append([])
            grown[level].append(merkle.node_hash(left, right))

    def _extend(self, name: str, data: bytes) -> None:
        descriptor = os.open(
            self._folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
