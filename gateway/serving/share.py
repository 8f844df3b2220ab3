"""What the processes that serve one node share, and where it lies: all in the node's folder.

Made anew at every start: a restart signs everybody out and ends every release. Leaves starting the
processes to `workers`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigError

MAX_SOCKET_BYTES = 107  # and the NUL after it


@dataclass(frozen=True, slots=True)
class Share:
    """One of `count` worker processes of the node whose folder is `root`."""

    root: Path
    number: int
    count: int

    @property
    def record_socket(self) -> Path:
        return record_socket(self.root)

    @property
    def sessions(self) -> Path:
        """Browser sessions and opaque bearers, sealed under their own numbers."""
        return self.root / "sessions.db"

    @property
    def limits(self) -> Path:
        """How much each caller has asked lately, by a keyed number."""
        return self.root / "limits.map"

    @property
    def mark(self) -> str:
        """What the ids of this worker's releases begin with."""
        return f"{self.number}."

    def owner(self, release: str) -> int | None:
        """The other worker that holds the release of this id, if one does."""
        number, apart, _ = release.partition(".")
        if not apart or not number.isascii() or not number.isdigit() or len(number) > 3:
            return None
        owner = int(number)
        return owner if owner != self.number and owner < self.count else None

    def socket(self, number: int) -> Path:
        """Where a worker listens for the others."""
        return self.root / f"worker-{number}.sock"


def record_socket(root: Path) -> Path:
    return root / "record.sock"


def refuse_too_deep(root: Path, sockets: Iterable[Path]) -> None:
    """Raises ConfigError where no socket can have such a path (unix(7))."""
    over = max(len(os.fsencode(path)) for path in sockets) - MAX_SOCKET_BYTES
    if over > 0:
        raise ConfigError(
            f"{root}: this path is {over} bytes too long for the node's sockets; choose a folder "
            "with a shorter one, or start from nearer to it"
        )


def is_listening(path: Path) -> bool:
    if not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def shared_port(host: str, port: int) -> socket.socket:
    """Bound beside the other workers' and not listening yet. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def clear(root: Path) -> None:
    """Before the first process starts."""
    for pattern in ("sessions.db*", "limits.map", "worker-*.sock", "record.sock"):
        for path in root.glob(pattern):
            path.unlink(missing_ok=True)
