"""The file of a record: one writer holds it, and adds whole batches of entries or nothing.

Each line is one JSON entry carrying the hash of the one before; every so many entries, and at
close, a checkpoint entry holds an Ed25519 signature over the head. Once `write` returns, the
operating system has the entries (they survive kill -9); once `sync` returns, the disk. Leaves when
to sync, and for whom, to `audit` and `record.writer`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import RecordBroken, RecordUnavailable
from access.record.chain import CHECKPOINT, Facts, Head, fit, follow, written_after
from access.record.chain_tail import Tail, read_tail
from schemas.messages import Message

_HELD = Message("The record has another writer: is the node running, or a command at work on it?")
SYNC_SECONDS = 0.08  # and a sync takes a few ms: together within the 100 ms promised


class ChainFile:
    """A second holder of the same file is refused. One thread writes; any may `sync`."""

    def __init__(
        self,
        path: Path,
        *,
        signing_key: Ed25519PrivateKey,
        clock: Callable[[], float] = time.time,
        checkpoint_every: int = 1_000,
    ) -> None:
        """Continues the record at `path`. Raises `RecordBroken` when its tail does not verify, and
        moves a torn last line (a crash in mid-write) aside, which the record then states."""
        self._path = path
        self._signing_key = signing_key
        self._clock = clock
        self._every = checkpoint_every
        self._failed: str | None = None
        self._file = _open(path)
        try:
            tail = self._recover()
            self.head = tail.head
            self._since_checkpoint = tail.since_checkpoint
            if tail.torn:
                kept = {"bytes": len(tail.torn), "kept_as": self._torn_path(tail.torn).name}
                self.write([("record.torn", fit("record.torn", kept))])
                self.sync()
        except BaseException:
            os.close(self._file)
            raise

    def write(self, entries: Sequence[tuple[str, Facts]]) -> int:
        """Adds them in one write; the number of the first, which the others follow. Raises
        `RecordUnavailable`: then none of them is there."""
        if self._failed is not None:
            raise RecordUnavailable(Message("The record can't be written."), detail=self._failed)
        now, lines, head = self._now(), [], self.head
        for kind, facts in entries:
            line, head = written_after(head, time=now, kind=kind, facts=facts)
            lines.append(line)
        since = self._since_checkpoint + len(entries)
        if since >= self._every:
            line, head = self._checkpoint(head, now)
            lines.append(line)
            since = 0
        self._put(b"".join(lines))
        first = self.head.seq + 1
        self.head, self._since_checkpoint = head, since
        return first

    def sync(self) -> None:
        """Raises `RecordUnavailable`, and so does everything after: when a sync has failed the
        kernel may have dropped the pages, and nothing later is sure."""
        try:
            os.fsync(self._file)
        except OSError as error:
            self._failed = f"fsync: {error}"
            raise RecordUnavailable(
                Message("The record can't be written."), detail=str(error)
            ) from error

    def close(self) -> None:
        """Signs and syncs what is there. Once, and when no sync is under way."""
        try:
            if self._since_checkpoint and self._failed is None:
                line, self.head = self._checkpoint(self.head, self._now())
                self._put(line)
                self.sync()
        finally:
            self._failed = self._failed or "closed"
            os.close(self._file)

    def _now(self) -> float:
        """In whole milliseconds, cut off: rounding takes as long as the rest of an entry."""
        return int(self._clock() * 1000) / 1000

    def _put(self, data: bytes) -> None:
        try:
            written = os.write(self._file, data)
        except OSError as error:
            raise RecordUnavailable(
                Message("The record can't be written."), detail=str(error)
            ) from error
        if written != len(data):
            self._take_back(os.fstat(self._file).st_size - written)
            raise RecordUnavailable(Message("The record can't be written."), detail="short write")

    def _take_back(self, size: int) -> None:
        """A part of a batch must not stand before the next entry."""
        try:
            os.ftruncate(self._file, size)
        except OSError as error:
            self._failed = f"part of an entry could not be taken back: {error}"

    def _checkpoint(self, head: Head, now: float) -> tuple[bytes, Head]:
        signature = self._signing_key.sign(head.signed_bytes()).hex()
        facts = fit(CHECKPOINT, {"seq": head.seq, "head": head.hash, "signature": signature})
        return written_after(head, time=now, kind=CHECKPOINT, facts=facts)

    def _recover(self) -> Tail:
        try:
            tail = read_tail(self._file)
            problem = follow(tail.lines, tail.before, self._signing_key.public_key()).problem
            if problem is not None:
                raise RecordBroken(Message("The record does not verify."), detail=problem)
            if tail.torn:
                self._set_aside(tail)
        except OSError as error:
            raise RecordUnavailable(
                Message("The record can't be read."), detail=str(error)
            ) from error
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
        raise RecordUnavailable(
            Message("The record can't be opened."), detail=str(error)
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise RecordUnavailable(_HELD, detail=str(path)) from error
    return descriptor
