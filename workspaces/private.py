"""The private folder of a run: in memory, owner-only, locked by its process, wiped at the end.

It must lie on a memory file system (tmpfs) of a machine without plain swap: what was opened in it
then never touches a disk. The lock ends with its process, however that ended, so an unlocked folder
is a leftover, which the next start wipes.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workspaces.errors import PlaceRefused

PLACE = Path("/dev/shm")  # noqa: S108 - memory, and the folder made in it is nobody else's
NOTE = "note.json"
_PREFIX = "skerry-"
_MEMORY = frozenset({"tmpfs", "ramfs"})
_SWAP_IN_MEMORY = ("/dev/zram", "/dev/dm-", "/dev/mapper/")  # compressed in memory, or encrypted
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Wiped:
    """How many files there were, with how many bytes."""

    files: int
    bytes: int


class PrivateFolder:
    """`data` takes what is staged, `engine` is the engine's own."""

    def __init__(self, root: Path, lock: int) -> None:
        self.root = root
        self._lock = lock
        self.data = root / "data"
        self.engine = root / "engine"

    @classmethod
    def create(cls, owner: str, *, place: Path = PLACE) -> PrivateFolder:
        """`owner` tells workspaces apart. Raises PlaceRefused where the place is no memory."""
        refuse_disk(place)
        root = place / f"{_PREFIX}{owner}-{secrets.token_hex(8)}"
        root.mkdir(mode=0o700)
        lock = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = cls(root, lock)
        for folder in (made.data, made.engine):
            folder.mkdir(mode=0o700)
        return made

    def note(self, content: bytes) -> None:
        """For whoever finds this folder after its process."""
        fresh = self.root / "note.new"
        fresh.write_bytes(content)
        fresh.replace(self.root / NOTE)

    def wipe(self) -> Wiped:
        """Overwrites every file and removes the folder; a second call does nothing."""
        if self._lock < 0:
            return Wiped(0, 0)
        wiped = _wipe(self.root)
        os.close(self._lock)
        self._lock = -1
        return wiped


def leftovers(owner: str, *, place: Path = PLACE) -> Iterator[tuple[bytes, Wiped]]:
    """Wipes the folders of this owner that no process holds any more; gives each one's note."""
    for root, held in _of(owner, place):
        if not held:
            yield _note(root), _wipe(root)


def listed(owner: str, *, place: Path = PLACE) -> tuple[tuple[bytes, bool], ...]:
    """The note of every folder there is, and whether a process holds it."""
    return tuple((_note(root), held) for root, held in _of(owner, place))


def _of(owner: str, place: Path) -> Iterator[tuple[Path, bool]]:
    for root in sorted(place.glob(f"{_PREFIX}{owner}-*")):
        if root.is_symlink() or not root.is_dir() or root.stat().st_uid != os.geteuid():
            continue
        lock = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield root, True
        else:
            yield root, False
        finally:
            os.close(lock)


def _note(root: Path) -> bytes:
    note = root / NOTE
    return note.read_bytes() if note.is_file() else b""


def refuse_disk(
    place: Path,
    *,
    mounts: Path = Path("/proc/self/mountinfo"),
    swaps: Path = Path("/proc/swaps"),
) -> None:
    """Raises PlaceRefused unless what is written here stays in memory."""
    kind = _kind_of(place.resolve(), mounts.read_text(encoding="utf-8"))
    if kind not in _MEMORY:
        raise PlaceRefused(f"{place} lies on {kind}, not in memory: plaintext stays off disks.")
    used = [line.split()[0] for line in swaps.read_text(encoding="utf-8").splitlines()[1:]]
    plain = [one for one in used if not one.startswith(_SWAP_IN_MEMORY)]
    if plain:
        raise PlaceRefused(
            f"Memory may be swapped out to {plain[0]}: switch it off (swapoff) or encrypt it."
        )


def _kind_of(place: Path, mounts: str) -> str:
    """The file system of the deepest mount above the place; the last of equal ones is on top."""
    best, kind = "", "nothing known"
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4].encode().decode("unicode_escape")
        if place.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind


def wipe_folder(root: Path) -> Wiped:
    """Overwrites every file below a folder and removes it. On a disk, what the file system or the
    device copied elsewhere before is out of reach: plaintext belongs in memory."""
    return _wipe(root) if root.is_dir() and not root.is_symlink() else Wiped(0, 0)


def _wipe(root: Path) -> Wiped:
    files = total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                files += 1
                total += _overwrite(path)
    shutil.rmtree(root)
    return Wiped(files, total)


def _overwrite(path: Path) -> int:
    size = path.stat().st_size
    path.chmod(0o600)
    with path.open("r+b", buffering=0) as file:
        for start in range(0, size, _BLOCK):
            file.write(os.urandom(min(_BLOCK, size - start)))
        os.fsync(file.fileno())
    return size
