"""The node's storage keys on disk: the one in use and, while it is changed, its neighbours.

`storage.sec` is in use, `storage.next.sec` not yet, `storage.old.sec` no longer.
Whoever opens headers uses all that are there, and looks again for every header. Changing keys is
`streams.rotation`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from streams.errors import KeyInvalid
from streams.keys import SecretKey, read_secret_key

Secrets = Callable[[], tuple[SecretKey, ...]]
_Stamp = tuple[int, int]


class KeyRing:
    """The keys beside `path`, read again when a file was replaced. Raises KeyInvalid."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: dict[Path, tuple[_Stamp, SecretKey]] = {}

    @property
    def current(self) -> Path:
        return self._path

    @property
    def next(self) -> Path:
        return self._path.with_suffix(f".next{self._path.suffix}")

    @property
    def old(self) -> Path:
        return self._path.with_suffix(f".old{self._path.suffix}")

    def __call__(self) -> tuple[SecretKey, ...]:
        """The key in use first. Raises KeyInvalid where there is none."""
        found = [self._read(path) for path in (self.current, self.next, self.old)]
        secrets = tuple(secret for secret in found if secret is not None)
        if not secrets:
            raise KeyInvalid(f"The key file {self._path} cannot be read.")
        return secrets

    def _read(self, path: Path) -> SecretKey | None:
        try:
            facts = path.stat()
        except FileNotFoundError:
            return None
        stamp, held = (facts.st_ino, facts.st_mtime_ns), self._held.get(path)
        if held is not None and held[0] == stamp:
            return held[1]
        with suppress(FileNotFoundError):
            secret = read_secret_key(path)
            self._held[path] = stamp, secret
            return secret
        return None


def public_path(secret: Path) -> Path:
    return secret.with_suffix(".pub")
