"""Appends what was answered, released and decided to a chained, signed record.

Each line is one JSON entry carrying the hash of the one before; every so many entries, and at
close, a checkpoint entry holds an Ed25519 signature over the head. One write hands an entry to the
operating system before anything leaves (it survives kill -9); `durable` entries are synced first,
the others in groups within 100 ms, the window a power loss may take. People appear as keyed
pseudonyms. What comes after the last checkpoint is chained but not yet signed; cutting the file
shows only against a checkpoint kept elsewhere (`verify(expect=...)`).
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.chain import CHECKPOINT, Verification, check_facts, follow, verify, written_after
from access.chain_tail import Tail, read_tail
from access.errors import RecordBroken, RecordUnavailable

__all__ = ["Record", "Verification", "verify"]

MIN_PSEUDONYM_KEY = 32
SYNC_SECONDS = 0.08  # and a sync takes a few ms: together within the 100 ms promised


def pseudonym(key: bytes, identity: str) -> str:
    """How a person appears in the record and in decision facts."""
    digest = hmac.digest(key, b"identity\0" + identity.encode(), "sha256")
    return f"p-{digest.hex()[:40]}"


class Record:
    """The one writer of a record file; a second one is refused. Thread-safe."""

    def __init__(
        self,
        path: Path,
        *,
        pseudonym_key: bytes,
        signing_key: Ed25519PrivateKey,
        clock: Callable[[], float] = time.time,
        checkpoint_every: int = 1_000,
    ) -> None:
        """Continues the record at `path`. Raises `RecordBroken` when its tail does not verify, and
        moves a torn last line (a crash in mid-write) aside, which the record then states."""
        if len(pseudonym_key) < MIN_PSEUDONYM_KEY:
            raise RecordUnavailable("The record key is too short.", detail="pseudonym key")
        self._path = path
        self._pseudonym_key = pseudonym_key
        self._signing_key = signing_key
        self._clock = clock
        self._every = checkpoint_every
        self._lock = threading.Lock()
        self._dirty = threading.Event()
        self._closed = False
        self._failed: str | None = None
        self._file = _open(path)
        try:
            tail = self._recover()
        except BaseException:
            os.close(self._file)
            raise
        self._head = tail.head
        self._since_checkpoint = tail.since_checkpoint
        self._syncer = threading.Thread(target=self._sync_groups, name="record", daemon=True)
        self._syncer.start()
        if tail.torn:
            kept = self._torn_path(tail.torn)
            self.append(
                "record.torn", {"bytes": len(tail.torn), "kept_as": kept.name}, durable=True
            )

    def append(self, kind: str, facts: Mapping[str, object], *, durable: bool = False) -> int:
        """The entry's number, once the operating system has it (once it is on disk if `durable`).
        Raises `RecordUnavailable`: then nothing may leave."""
        checked = check_facts(kind, facts)
        with self._lock:
            number = self._write(kind, checked)
            if self._since_checkpoint >= self._every:
                self._checkpoint()
            if durable:
                self._sync()
        if not self._dirty.is_set():
            self._dirty.set()
        return number

    def pseudonym(self, identity: str) -> str:
        """The same for one identity while the key lives; destroying the key unlinks them all."""
        return pseudonym(self._pseudonym_key, identity)

    def fingerprint(self, question: bytes) -> str:
        """The same for one question while the key lives; says nothing of it without the key."""
        keyed = hashlib.blake2b(
            question, digest_size=20, key=self._pseudonym_key[:64], person=b"skerry question"
        )
        return f"q-{keyed.hexdigest()}"

    @property
    def head(self) -> tuple[int, str]:
        """Number and hash of the last entry, to keep elsewhere and give to `verify(expect=...)`."""
        with self._lock:
            return self._head.seq, self._head.hash

    def close(self) -> None:
        """Signs and syncs what is there; a second call does nothing."""
        with self._lock:
            if self._closed:
                return
            try:
                if self._since_checkpoint and self._failed is None:
                    self._checkpoint()
                    self._sync()
            finally:
                self._closed = True
                os.close(self._file)
        self._dirty.set()
        self._syncer.join()

    def _write(self, kind: str, facts: Mapping[str, object]) -> int:
        if self._closed or self._failed is not None:
            raise RecordUnavailable("The record can't be written.", detail=self._failed or "closed")
        line, head = written_after(self._head, time=round(self._clock(), 3), kind=kind, facts=facts)
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise RecordUnavailable("The record can't be written.", detail=str(error)) from error
        if written != len(line):
            self._take_back(os.fstat(self._file).st_size - written)
            raise RecordUnavailable("The record can't be written.", detail="short write")
        self._head = head
        self._since_checkpoint += 1
        return head.seq

    def _take_back(self, size: int) -> None:
        """A part of a line must not stand before the next entry."""
        try:
            os.ftruncate(self._file, size)
        except OSError as error:
            self._failed = f"part of an entry could not be taken back: {error}"

    def _checkpoint(self) -> None:
        signature = self._signing_key.sign(self._head.signed_bytes()).hex()
        facts = {"seq": self._head.seq, "head": self._head.hash, "signature": signature}
        self._write(CHECKPOINT, facts)
        self._since_checkpoint = 0

    def _sync(self) -> None:
        try:
            os.fsync(self._file)
        except OSError as error:
            # After a failed fsync the kernel may have dropped the pages: nothing later is sure.
            self._failed = f"fsync: {error}"
            raise RecordUnavailable("The record can't be written.", detail=str(error)) from error

    def _sync_groups(self) -> None:
        while True:
            self._dirty.wait()
            self._dirty.clear()
            if self._closed:
                return
            time.sleep(SYNC_SECONDS)
            with self._lock:
                if self._closed:
                    return
                descriptor = os.dup(self._file)
            try:
                os.fsync(descriptor)
            except OSError as error:
                self._failed = f"fsync: {error}"
            finally:
                os.close(descriptor)

    def _recover(self) -> Tail:
        try:
            tail = read_tail(self._file)
            problem = follow(tail.lines, tail.before, self._signing_key.public_key()).problem
            if problem is not None:
                raise RecordBroken("The record does not verify.", detail=problem)
            if tail.torn:
                self._set_aside(tail)
        except OSError as error:
            raise RecordUnavailable("The record can't be read.", detail=str(error)) from error
        return tail

    def _set_aside(self, tail: Tail) -> None:
        """Kept on disk before it is cut off here, so that a crash between loses nothing."""
        kept = os.open(self._torn_path(tail.torn), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(kept, "wb") as stream:
            stream.write(tail.torn)
            stream.flush()
            os.fsync(kept)
        os.ftruncate(self._file, tail.size)

    def _torn_path(self, torn: bytes) -> Path:
        name = hashlib.sha256(torn).hexdigest()[:12]
        return self._path.with_name(f"{self._path.name}.torn-{name}")


def _open(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RecordUnavailable("The record can't be opened.", detail=str(error)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise RecordUnavailable("The record has another writer.", detail=str(path)) from error
    return descriptor
