"""What a release sends: bytes of a known size that are the same whenever they are read.

A sealed object as it lies in the vault, or a clear file or slice of one. Who may read is
`streams.release`'s question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from streams.shelf import ClearObject, Shelf
from streams.slices.weave import Woven
from streams.storage import LocalBodies, read_range
from streams.vault import SealedObject


class Body(Protocol):
    """`etag` differs wherever the bytes do. `open` gives a descriptor that the caller closes."""

    @property
    def object_id(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def etag(self) -> str: ...
    def open(self) -> int: ...
    def read(self, descriptor: int, start0: int, end0: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class SealedBody:
    sealed: SealedObject
    bodies: LocalBodies

    @property
    def object_id(self) -> str:
        return self.sealed.object_id

    @property
    def size(self) -> int:
        return self.sealed.body_size

    @property
    def etag(self) -> str:
        return self.sealed.body_sha256

    def open(self) -> int:
        return self.bodies.open(self.sealed.body_sha256, size=self.sealed.body_size)

    def read(self, descriptor: int, start0: int, end0: int) -> bytes:
        return read_range(descriptor, start0, end0)


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

    def open(self) -> int:
        return self.shelf.open(self.found)

    def read(self, descriptor: int, start0: int, end0: int) -> bytes:
        return self.woven.read(descriptor, start0, end0)
