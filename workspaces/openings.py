"""Gives opened plaintext its name only when it is whole, and removes what a crash left half open.

A file being opened is hidden, owner-only and locked by its process; a lock ends with its process,
however that ended, so an unlocked one is a leftover and holds part of somebody's data.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from workspaces.errors import AlreadyThere

_HIDDEN = re.compile(r"\.(?P<target>.+)\.[0-9a-f]{16}\.opening", re.DOTALL)

_log = logging.getLogger(__name__)


@contextmanager
def file_in_place(target: Path) -> Iterator[BinaryIO]:
    """A hidden, owner-only file that gets its name if, and only if, the block ends well."""
    hidden, descriptor = _locked_beside(target)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.link(hidden, target)  # unlike a rename, refuses to replace
    except FileExistsError as error:
        raise AlreadyThere(f"{target} was made by someone else meanwhile.") from error
    finally:
        hidden.unlink(missing_ok=True)


def sweep(data: Path) -> int:
    """Removes the leftovers below a workspace's data folder; returns how many there were."""
    return _remove_stale(data.rglob(".*.opening"))


def sweep_beside(target: Path) -> int:
    """Removes the leftovers of this one file, in a folder that is not the workspace's own."""
    found = target.parent.glob(".*.opening")
    return _remove_stale(path for path in found if _target_of(path) == target.name)


def _locked_beside(target: Path) -> tuple[Path, int]:
    while True:
        hidden = target.with_name(f".{target.name}.{secrets.token_hex(8)}.opening")
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return hidden, descriptor
        os.close(descriptor)  # a sweep came between making and locking, and took it for stale


def _remove_stale(paths: Iterable[Path]) -> int:
    removed = sum(_remove_if_stale(path) for path in list(paths) if _target_of(path) is not None)
    if removed:
        _log.warning("removed %d half-opened files that a crash had left", removed)
    return removed


def _remove_if_stale(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False  # its process ended it, or another sweep did
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _target_of(path: Path) -> str | None:
    found = _HIDDEN.fullmatch(path.name)
    return None if found is None else found["target"]
