"""A list of objects in one JSON file: many readers, one writer at a time across processes.

Readers parse the file again only when it was replaced; a damaged one is an error and never an
empty list. What the objects are is `vault`'s and `shelf`'s.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

from pydantic import ValidationError

from schemas.wire import Wire, canonical_json
from streams.errors import VaultBroken
from streams.storage import replace_durably

VERSION = 1
MAX_BYTES = 256 * 1024 * 1024

Item = TypeVar("Item", bound=Wire)
Key = TypeVar("Key")


class Listing(Generic[Item, Key]):
    """The objects below one folder, by `key`."""

    def __init__(self, path: Path, item: type[Item], *, key: Callable[[Item], Key]) -> None:
        self._path = path
        self._item = item
        self._key = key
        self._seen: tuple[int, int, int] | None = None
        self._objects: dict[Key, Item] = {}

    def current(self) -> dict[Key, Item]:
        """The objects as they are on disk now. Raises VaultBroken."""
        try:
            if _stamp(self._path.stat()) != self._seen:
                with self._path.open("rb") as file:
                    stamp = _stamp(os.fstat(file.fileno()))
                    self._objects, self._seen = self._parse(file), stamp
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise VaultBroken("A list of objects cannot be read.", detail=str(error)) from error
        return self._objects

    def publish(self, objects: Iterable[Item]) -> None:
        """Only within `writing`."""
        listed = [found.model_dump(mode="json") for found in objects]
        replace_durably(self._path, canonical_json({"version": VERSION, "objects": listed}))

    @contextmanager
    def writing(self) -> Generator[None]:
        lock = os.open(
            self._path.with_name(".writer"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _parse(self, file: BinaryIO) -> dict[Key, Item]:
        content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise VaultBroken("A list of objects is too large.")
        try:
            listed: Any = json.loads(content)
            version, objects = listed["version"], listed["objects"]
            found = [self._item.model_validate(one) for one in objects]
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise VaultBroken("A list of objects is not one.") from error
        if version != VERSION:
            raise VaultBroken(f"A list of objects has version {version}; {VERSION} is known.")
        return {self._key(one): one for one in found}


def _stamp(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_ino, facts.st_mtime_ns, facts.st_size
