"""What was answered, released and decided is appended to a chained, signed record.

`Record` is what the rooms append to. A node of one process holds the file itself (`RecordFile`);
where several serve, one writer process does, and each of them is its client (`record.client`). An
entry is handed to the operating system before anything leaves (it survives kill -9); `durable`
entries are on disk first, the others in groups within 100 ms, the window a power loss may take.
People appear as keyed pseudonyms. What comes after the last checkpoint is chained but not yet
signed; cutting the file shows only against a checkpoint kept elsewhere (`verify(expect=...)`).
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import RecordUnavailable
from access.record.chain import Facts, Verification, fit, verify
from access.record.chain_file import SYNC_SECONDS, ChainFile
from schemas.messages import Message

__all__ = ["Pseudonyms", "Record", "RecordFile", "Verification", "pseudonym", "verify"]

MIN_PSEUDONYM_KEY = 32


def pseudonym(key: bytes, identity: str) -> str:
    """How a person appears in the record and in decision facts."""
    digest = hmac.digest(key, b"identity\0" + identity.encode(), "sha256")
    return f"p-{digest.hex()[:40]}"


class Record(Protocol):
    """Where entries go. `append` blocks and may be called from any thread; `write` is for the
    event loop and for what need not be on disk first, and takes what a `chain.Form` made. Both give
    the entry's number, and raise `FactRefused`, or `RecordUnavailable`: then nothing may leave."""

    def append(self, kind: str, facts: Mapping[str, object], *, durable: bool = False) -> int: ...
    async def write(self, kind: str, facts: Mapping[str, object] | Facts) -> int: ...
    def pseudonym(self, identity: str) -> str: ...
    def fingerprint(self, question: bytes) -> str: ...
    def close(self) -> None: ...


class Pseudonyms:
    """The names under which people and questions stand in a record."""

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_PSEUDONYM_KEY:
            raise RecordUnavailable(Message("The record key is too short."), detail="pseudonym key")
        self._pseudonym_key = key

    def pseudonym(self, identity: str) -> str:
        """The same for one identity while the key lives; destroying the key unlinks them all."""
        return pseudonym(self._pseudonym_key, identity)

    def fingerprint(self, question: bytes) -> str:
        """The same for one question while the key lives; says nothing of it without the key."""
        keyed = hashlib.blake2b(
            question, digest_size=20, key=self._pseudonym_key[:64], person=b"skerry question"
        )
        return f"q-{keyed.hexdigest()}"


class RecordFile(Pseudonyms):
    """The record of a single process, which holds its file. Thread-safe."""

    def __init__(
        self,
        path: Path,
        *,
        pseudonym_key: bytes,
        signing_key: Ed25519PrivateKey,
        clock: Callable[[], float] = time.time,
        checkpoint_every: int = 1_000,
    ) -> None:
        """Raises `RecordBroken`, and `RecordUnavailable` where another process holds the file."""
        super().__init__(pseudonym_key)
        self._chain = ChainFile(
            path, signing_key=signing_key, clock=clock, checkpoint_every=checkpoint_every
        )
        self._lock, self._syncing = threading.Lock(), threading.Lock()
        self._dirty = threading.Event()
        self._closing, self._closed = threading.Event(), False
        self._syncer = threading.Thread(target=self._sync_groups, name="record", daemon=True)
        self._syncer.start()

    def append(self, kind: str, facts: Mapping[str, object], *, durable: bool = False) -> int:
        return self.add([(kind, fit(kind, facts))], durable=durable)

    async def write(self, kind: str, facts: Mapping[str, object] | Facts) -> int:
        checked = facts if isinstance(facts, bytes) else fit(kind, facts)
        # One system call, cheaper than any way of waiting for it.
        return self.add([(kind, checked)])

    def add(self, entries: Sequence[tuple[str, Facts]], *, durable: bool = False) -> int:
        """Together or not at all; the number of the first."""
        with self._lock:
            if self._closed:
                raise RecordUnavailable(Message("The record can't be written."), detail="closed")
            number = self._chain.write(entries)
            if durable:
                self._chain.sync()
        if not self._dirty.is_set():
            self._dirty.set()
        return number

    def sync(self) -> None:
        """What was added is on disk when this returns. Raises `RecordUnavailable`."""
        with self._syncing:  # not the lock of `add`, which an event loop may be waiting for
            if not self._closed:
                self._chain.sync()

    @property
    def head(self) -> tuple[int, str]:
        """Number and hash of the last entry, to keep elsewhere and give to `verify(expect=...)`."""
        with self._lock:
            return self._chain.head.seq, self._chain.head.hash

    def close(self) -> None:
        """Signs and syncs what is there; a second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._closing.set()
        self._dirty.set()
        self._syncer.join()
        with self._syncing:
            self._chain.close()

    def _sync_groups(self) -> None:
        while True:
            self._dirty.wait()
            self._dirty.clear()
            if self._closing.wait(SYNC_SECONDS):
                return
            try:
                self._chain.sync()
            except RecordUnavailable:
                return  # the chain takes nothing more, and says so to whoever comes next
