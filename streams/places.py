"""Where a sealed body lies that is not in the vault's own folder, and how it is read there.

A path or `s3://BUCKET/KEY`. What was looked at once is what is read: a file is known by size and
time, an object of a store by its ETag, with which every range is asked for (`remote`). What is
another by now is not read.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from schemas.wire import Wire
from streams.errors import ObjectChanged, SourceRefused
from streams.storage import Source, file_source

if TYPE_CHECKING:
    from streams.remote import RemoteFile, RemoteSource

MAX_REMOTE_FILES = 64
_SCHEME = "s3://"


class Place(Wire):
    """A file or an object of a store as it was looked at; the body begins at its byte `start0`."""

    at: str = Field(max_length=2048)
    start0: int = Field(default=0, ge=0)
    size: int = Field(ge=0)
    mtime_ns: int = 0
    etag: str | None = None


def looked_at(at: str) -> Place:
    """Raises SourceRefused where there is nothing, StoreUnavailable."""
    if at.startswith(_SCHEME):
        found = _remote(at).facts()
        if found is None:
            raise SourceRefused(f"{at[:200]}: there is no such object. Check the address.")
        return Place(at=at, size=found.size, etag=found.etag)
    path = Path(at).resolve()
    try:
        facts = path.stat()
    except OSError as error:
        raise SourceRefused(f"{path}: there is no such file. Check the path.") from error
    return Place(at=str(path), size=facts.st_size, mtime_ns=facts.st_mtime_ns)


def put(at: str, content: Path) -> Place:
    """Sends a sealed body to a store. Raises SourceRefused, StoreUnavailable."""
    facts = _remote(at).put(content)
    return Place(at=at, size=facts.size, etag=facts.etag)


def remote_source(place: Place) -> RemoteSource | None:
    """Of an object of a store; None for a file."""
    if place.etag is None:
        return None
    from streams.remote import RemoteFacts, RemoteSource

    return RemoteSource(_remote(place.at), RemoteFacts(place.size, place.etag))


def open_file(place: Place) -> int:
    """A descriptor, which the caller closes. Raises ObjectChanged."""
    try:
        descriptor = os.open(place.at, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ObjectChanged("The object's file cannot be read.", detail=str(error)) from error
    facts = os.fstat(descriptor)
    if (facts.st_size, facts.st_mtime_ns) != (place.size, place.mtime_ns):
        os.close(descriptor)
        raise ObjectChanged(
            "The object's file has changed since it was registered; it must be loaded again."
        )
    return descriptor


@contextmanager
def reading(place: Place) -> Generator[Source]:
    """The whole file or object, from its byte 0. Raises ObjectChanged."""
    remote = remote_source(place)
    if remote is not None:
        yield remote
        return
    descriptor = open_file(place)
    try:
        yield file_source(descriptor)
    finally:
        os.close(descriptor)


@lru_cache(MAX_REMOTE_FILES)
def _remote(at: str) -> RemoteFile:
    """Keeps its connections. Imported here, so that the process that holds the node's key, which
    reads no body, has no client for stores in it."""
    from streams.remote import RemoteFile

    return RemoteFile(at)
