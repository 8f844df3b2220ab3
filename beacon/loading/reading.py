"""Opens a file an operator brings, plain or `.gz`, and reads no further than its cap."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast


class CappedStream(io.RawIOBase):
    """Counts what is read; past `cap`, or past `item_cap` since the last `mark`, it raises what
    `refuse` and `refuse_item` give, so neither a packed nor a dense file can fill the memory."""

    def __init__(
        self,
        stream: BinaryIO,
        cap: int,
        *,
        refuse: Callable[[], Exception],
        item_cap: int | None = None,
        refuse_item: Callable[[], Exception] | None = None,
    ) -> None:
        self._stream = stream
        self._left = cap
        self._refuse = refuse
        self._item_cap = item_cap
        self._refuse_item = refuse_item or refuse
        self._item = 0
        self._waiting = b""

    def put_back(self, read: bytes) -> None:
        """What was read ahead is read again."""
        self._waiting = read + self._waiting

    def mark(self) -> None:
        self._item = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # narrower than Buffer
        if self._waiting:
            read, self._waiting = self._waiting[: len(buffer)], self._waiting[len(buffer) :]
            buffer[: len(read)] = read
            return len(read)
        read = self._stream.read(len(buffer))
        self._left -= len(read)
        self._item += len(read)
        if self._left < 0:
            raise self._refuse()
        if self._item_cap is not None and self._item > self._item_cap:
            raise self._refuse_item()
        buffer[: len(read)] = read
        return len(read)

    def close(self) -> None:
        self._stream.close()
        super().close()


def opened(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked where it is `.gz`."""
    return cast("BinaryIO", gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb"))


def kind_of(path: Path) -> str:
    """The ending that says what a file holds, `.gz` apart."""
    return (Path(path.stem).suffix if path.suffix == ".gz" else path.suffix).lower()
