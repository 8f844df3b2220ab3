"""Changes the node's storage key: every header is made again, proven, and the old key retired.

Meanwhile both keys open headers, so nothing stops. Every step may be cut off and done again: what
lies on disk says how far it came. Bodies and their data keys stay as they are; a data key that
leaked needs its object sealed anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.wire import canonical_json
from streams.errors import VaultBroken
from streams.header import open_header, seal_header
from streams.keyring import KeyRing, public_path
from streams.keys import SecretKey, read_secret_key, thumbprint, write_pair
from streams.storage import replace_durably
from streams.vault import SealedObject, Vault

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Rotated:
    """Thumbprints of the keys, and how many headers were made again."""

    retired: str
    current: str
    headers: int


def rotate(vault: Vault, ring: KeyRing, *, progress: Progress | None = None) -> Rotated:
    """A new storage key for everything in the vault, or the end of a rotation that was cut off.

    Raises NotForUs for a header that no key at hand opens, and VaultBroken for one that came out
    wrong: the old key is still there then, and nothing is lost.
    """
    told = progress or (lambda stage, done: None)
    if not ring.old.exists():
        _make_next(ring)
        os.link(ring.current, ring.old)
    _exchange(ring)
    before, after = read_secret_key(ring.old), read_secret_key(ring.current)
    count = _rewrap(vault, before, after, told)
    _prove(vault, after)
    done = Rotated(thumbprint(before.public), thumbprint(after.public), count)
    # Before the old key goes, so that no cut leaves a rotation off the record.
    replace_durably(_unrecorded(vault), canonical_json(asdict(done)))
    ring.old.unlink()
    _sync(ring.current.parent)
    return done


def record_pending(vault: Vault, append: Callable[[Mapping[str, object]], object]) -> None:
    """Hands the last rotation to whoever holds the record, until it is there: at least once."""
    path = _unrecorded(vault)
    try:
        facts: dict[str, object] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return
    append(facts)
    path.unlink(missing_ok=True)


def _unrecorded(vault: Vault) -> Path:
    return vault.root / "rotation.json"


def _make_next(ring: KeyRing) -> None:
    """A whole pair under the next name; half a one is of a cut and holds nothing yet."""
    if ring.next.exists() and public_path(ring.next).exists():
        return
    for path in (ring.next, public_path(ring.next)):
        path.unlink(missing_ok=True)
    write_pair(ring.next, public_path(ring.next))
    _sync(ring.next.parent)


def _exchange(ring: KeyRing) -> None:
    """Next becomes current; the key that was in use has its old name already."""
    pairs = (ring.next, ring.current), (public_path(ring.next), public_path(ring.current))
    for name, wanted in pairs:
        if name.exists():
            name.replace(wanted)
    _sync(ring.current.parent)


def _rewrap(vault: Vault, before: SecretKey, after: SecretKey, told: Progress) -> int:
    """All headers for the new key, each opened with it and compared before any is published."""
    writer, count, name = SecretKey.generate(), 0, thumbprint(after.public)

    def again(sealed: SealedObject) -> SealedObject:
        nonlocal count
        if sealed.node_key == name:  # made before a cut, and proven here
            open_header(sealed.header_bytes, [after])
            return sealed
        keys = open_header(sealed.header_bytes, [before]).data_keys
        header = seal_header(keys, [after.public], writer=writer)
        if open_header(header, [after]).data_keys != keys:
            raise VaultBroken("A header that was made again holds other keys.")
        count += 1
        if count % 1000 == 0:
            told("headers made again", count)
        return sealed.model_copy(update={"node_key": name, "header": header.hex()})

    vault.replace_headers(again)
    return count


def _prove(vault: Vault, after: SecretKey) -> None:
    """What lies on disk now is what was proven: for the new key, all of it."""
    name = thumbprint(after.public)
    if any(sealed.node_key != name for sealed in vault.all()):
        raise VaultBroken("A header for the old key is left.")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
