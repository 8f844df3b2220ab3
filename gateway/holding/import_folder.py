"""The one folder that files may be loaded from by a page: what lies in it, and nothing beside it.

A name that a browser sends is looked up among what was found here; no path is ever made of it.
Links, and whatever is neither file nor folder, are left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import LoadRefused
from schemas.messages import Message

MAX_FOUND = 150
MAX_UPLOAD_BYTES = 4 * 2**30  # through a page; more is brought by other means
MAX_FOLDERS = 200
MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Found:
    """`name` is relative to the import folder; `size` is 0 for a folder."""

    name: str
    is_folder: bool
    size: int
    changed_ns: int


def folders(root: Path) -> tuple[str, ...]:
    """The folders below, the root as an empty name; the first of them where there are many."""
    found = [""]
    for name in found:
        if len(found) > MAX_FOLDERS:
            break
        if name.count("/") < MAX_DEPTH - 1:
            found += [one.name for one in _inside(root, name) if one.is_folder]
    return tuple(found[:MAX_FOLDERS])


def inside(root: Path, folder: str) -> tuple[Found, ...]:
    """What lies in one of `folders`, by name; raises `LoadRefused` for another one."""
    if folder not in folders(root):
        raise LoadRefused(Message("There is no such folder to load from."))
    return tuple(sorted(_inside(root, folder), key=lambda one: one.name))[:MAX_FOUND]


def resolved(root: Path, folder: str, names: Mapping[str, str]) -> Mapping[Path, str]:
    """The paths of `names`, each with what it is to be; raises `LoadRefused` where one is gone."""
    there = {one.name for one in inside(root, folder)}
    for name in names:
        if name not in there:
            raise LoadRefused(Message("%(name)s: no longer in the import folder", name=name))
    return {root / name: role for name, role in names.items()}


def _inside(root: Path, folder: str) -> Iterator[Found]:
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.name.isprintable():
                    continue
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder or entry.is_file(follow_symlinks=False):
                    known = entry.stat(follow_symlinks=False)
                    name = f"{folder}/{entry.name}" if folder else entry.name
                    size = 0 if is_folder else known.st_size
                    yield Found(name, is_folder, size, known.st_mtime_ns)
    except OSError as error:
        raise LoadRefused(
            Message("The import folder cannot be read; see docs/settings.md")
        ) from error
