"""What a release sends: bytes of a known size that are the same whenever they are read.

A sealed object as it lies in the vault, or a clear file or slice of one. Who may read is
`streams.release`'s question.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from streams.places import open_file, remote_source
from streams.remote import RemoteSource
from streams.shelf import ClearObject, Shelf
from streams.slices.weave import Stretch, Woven
from streams.storage import file_source
from streams.vault import SealedObject, Vault


class Reader(Protocol):
    """A body opened to be read, any range as often as one likes, until it is closed."""

    def read(self, start0: int, end0: int) -> bytes: ...
    def close(self) -> None: ...


class Body(Protocol):
    """`etag` differs wherever the bytes do; `lies` is the file that is the body, if one is."""

    @property
    def object_id(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def etag(self) -> str: ...
    @property
    def lies(self) -> Path | None: ...
    def open(self) -> Reader: ...


@dataclass(frozen=True, slots=True)
class SealedBody:
    sealed: SealedObject
    vault: Vault

    @property
    def object_id(self) -> str:
        return self.sealed.object_id

    @property
    def size(self) -> int:
        return self.sealed.body_size

    @property
    def etag(self) -> str:
        return self.sealed.segment_root

    @property
    def lies(self) -> Path | None:
        place = self.sealed.place
        if place is None:
            return self.vault.bodies.path(self.sealed.segment_root).resolve()
        return Path(place.at) if place.etag is None and place.start0 == 0 else None

    def open(self) -> Reader:
        place = self.sealed.place
        start0 = 0 if place is None else place.start0
        whole = Woven((Stretch(start0, start0 + self.size),), (0, self.size))
        if place is None:
            bodies = self.vault.bodies
            return FileReader(bodies.open(self.sealed.segment_root, size=self.size), whole)
        remote = remote_source(place)
        if remote is not None:
            return _RemoteReader(remote, whole)
        return FileReader(open_file(place), whole)


@dataclass(frozen=True, slots=True)
class ClearBody:
    """A registered file, or what was woven of it."""

    found: ClearObject
    shelf: Shelf
    woven: Woven
    etag: str

    @property
    def object_id(self) -> str:
        return self.found.object_id

    @property
    def size(self) -> int:
        return self.woven.size

    @property
    def lies(self) -> Path | None:
        is_whole = self.woven.pieces == (Stretch(0, self.found.size),)
        return Path(self.found.path) if is_whole and self.found.etag is None else None

    def open(self) -> Reader:
        remote = self.shelf.remote(self.found)
        if remote is not None:
            return _RemoteReader(remote, self.woven)
        return FileReader(self.shelf.open(self.found), self.woven)


@dataclass(frozen=True, slots=True)
class _RemoteReader:
    source: RemoteSource
    woven: Woven

    def read(self, start0: int, end0: int) -> bytes:
        return self.woven.read(self.source, start0, end0)

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class FileReader:
    descriptor: int
    woven: Woven

    def read(self, start0: int, end0: int) -> bytes:
        return self.woven.read(file_source(self.descriptor), start0, end0)

    def at_hand(self, start0: int, end0: int) -> memoryview | None:
        """The bytes where they lie as they are and the system has them in memory."""
        lies0 = self.woven.lies_at(start0, end0)
        if lies0 is None:
            return None
        found = np.empty(end0 - start0, np.uint8)  # unlike a bytearray's, not set to zero first
        try:
            read = os.preadv(self.descriptor, [found.data], lies0, os.RWF_NOWAIT)
        except (BlockingIOError, AttributeError):  # AttributeError: not a system that has it
            return None
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:  # nor has every file system
                return None
            raise
        return found.data if read == len(found) else None

    def close(self) -> None:
        os.close(self.descriptor)
