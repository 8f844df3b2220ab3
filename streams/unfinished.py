"""Keeps what a load had sealed when it was killed, so that the next one goes on behind it.

A journal beside the half body says how far it is durable. It is a Crypt4GH file from the node's
storage key to itself: who lacks that key can read none and write none, so that no forged journal
can make the node seal under a key of another. What is sealed is sealed: the next load takes a data
key of its own for the rest (Crypt4GH v1.0, section 3.2: a header may hold several), and no segment
is ever sealed twice under one. What to seal, and when it is whole, is `sealing`'s to say.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO

from pydantic import Field, ValidationError

from schemas.grants import Hex32
from schemas.wire import Wire
from streams.envelope import SEALED_SEGMENT, BodySoFar, body_size, leaf, open_body, seal_body
from streams.errors import EnvelopeInvalid, KeyInvalid, TooLong
from streams.header import open_header, read_header, seal_header
from streams.inputs import HASH_STEP, Input
from streams.keys import SecretKey
from streams.storage import replace_durably

CHECKPOINT = 256 * 1024 * 1024  # plain bytes: what a kill costs at most, and seldom enough to sync
KEPT_SECONDS = 7 * 24 * 3600
MAX_LOADS = 16  # each adds a data key to the header of every release
MAX_JOURNAL = 64 * 1024
HALF = ".half-"


class Journal(Wire):
    """How far one body is durable. Digests are SHA-256: of the plain bytes, and of the leaves."""

    named: Hex32  # of what is sealed, under which names and to which key
    plain_size: Annotated[int, Field(ge=0)]
    done: Annotated[int, Field(gt=0)]
    plain_sha256: Hex32
    leaves_sha256: Hex32
    data_keys: Annotated[tuple[Hex32, ...], Field(min_length=1, max_length=MAX_LOADS, repr=False)]


@dataclass(slots=True)
class HalfBody:
    """A body on its way: what is left to read, the file to write on, what is in it, and the keys it
    takes, the last of which is for what comes."""

    plain: BinaryIO
    file: BinaryIO
    path: Path
    so_far: BodySoFar
    data_keys: tuple[bytes, ...] = field(repr=False)
    named: str
    plain_size: int
    journal: Path
    node: SecretKey | None = field(repr=False)
    _chain: hashlib._Hash = field(default_factory=hashlib.sha256, repr=False)
    _chained: int = 0
    _kept: int = 0

    def __post_init__(self) -> None:
        self._kept = self.so_far.plain_size
        self._catch_up()

    def after_batch(self, so_far: BodySoFar) -> None:
        """A checkpoint, where one is due: the body is on disk before the journal says so."""
        if self.node is None or so_far.plain_size - self._kept < CHECKPOINT:
            return
        self.file.flush()
        os.fsync(self.file.fileno())
        self._catch_up()
        told = Journal(
            named=self.named,
            plain_size=self.plain_size,
            done=so_far.plain_size,
            plain_sha256=so_far.plain_hash.copy().hexdigest(),
            leaves_sha256=self._chain.copy().hexdigest(),
            data_keys=tuple(key.hex() for key in self.data_keys),
        )
        replace_durably(self.journal, _sealed_to_itself(told, self.node))
        self._kept = so_far.plain_size

    def discard(self) -> None:
        for path in (self.journal, self.path):
            path.unlink(missing_ok=True)

    def _catch_up(self) -> None:
        self._chain.update(b"".join(self.so_far.leaves[self._chained :]))
        self._chained = len(self.so_far.leaves)


@contextmanager
def half_body(
    folder: Path, given: Input, *, names: Mapping[str, object], node: SecretKey | None
) -> Generator[HalfBody]:
    """Where a killed load of the same bytes under the same names came to, or a beginning. It stays
    where the process ends in it, and is gone after any error that it lives to tell."""
    named = hashlib.sha256(repr(sorted(names.items())).encode()).hexdigest()
    stem = folder / f"{HALF}{hashlib.sha256(str(names['object_id']).encode()).hexdigest()[:40]}"
    path, journal = stem.with_suffix(".body"), stem.with_suffix(".journal")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as file, ExitStack() as open_streams:
        plain = open_streams.enter_context(given.stream())
        told = None if node is None else _read(journal, node)
        so_far, keys = BodySoFar(), tuple[bytes, ...]()
        if told is not None and (told.named, told.plain_size) == (named, given.size):
            if (found := _resumed(told, file, plain)) is not None:
                so_far, keys = found, tuple(bytes.fromhex(key) for key in told.data_keys)
            else:
                plain = open_streams.enter_context(given.stream())
        if not keys:
            journal.unlink(missing_ok=True)
        file.seek(so_far.body_size)
        file.truncate()
        half = HalfBody(
            plain=plain, file=file, path=path, so_far=so_far, data_keys=(*keys, os.urandom(32)),
            named=named, plain_size=given.size, journal=journal, node=node,
        )  # fmt: skip
        try:
            yield half
        except BaseException as error:
            if isinstance(error, Exception) or not journal.exists():
                half.discard()
            raise
        half.discard()


def sweep(folder: Path) -> None:
    """Removes half bodies that cannot be gone on with, and those that nobody went on with."""
    oldest = time.time() - KEPT_SECONDS
    for path in folder.glob(f"{HALF}*"):
        journal, body = path.with_suffix(".journal"), path.with_suffix(".body")
        if not (journal.exists() and body.exists()) or journal.stat().st_mtime < oldest:
            path.unlink()


def _resumed(told: Journal, file: BinaryIO, plain: BinaryIO) -> BodySoFar | None:
    """What is there, read to its last byte; None where it is not what the journal says, or where
    the input is not what it was."""
    if len(told.data_keys) >= MAX_LOADS:
        return None
    so_far = BodySoFar(plain_size=told.done, body_size=body_size(told.done))
    left = so_far.body_size
    while left and (segment := file.read(min(SEALED_SEGMENT, left))):
        so_far.leaves.append(leaf(segment))
        left -= len(segment)
    if left or hashlib.sha256(b"".join(so_far.leaves)).hexdigest() != told.leaves_sha256:
        return None
    left = told.done
    while left and (piece := plain.read(min(HASH_STEP, left))):
        so_far.plain_hash.update(piece)
        left -= len(piece)
    return so_far if so_far.plain_hash.hexdigest() == told.plain_sha256 else None


def _sealed_to_itself(told: Journal, node: SecretKey) -> bytes:
    key, body = os.urandom(32), io.BytesIO()
    seal_body(io.BytesIO(told.model_dump_json().encode()), body, key)
    return seal_header([key], [node.public], writer=node) + body.getvalue()


def _read(journal: Path, node: SecretKey) -> Journal | None:
    """None for what this node's key did not write: then the load begins anew."""
    try:
        with journal.open("rb") as file:
            stream, plain = io.BytesIO(file.read(MAX_JOURNAL)), io.BytesIO()
        opened = open_header(read_header(stream), [node])
        if opened.writers != (node.public,) or opened.edit_list is not None:
            return None
        open_body(stream, plain, opened)
        return Journal.model_validate_json(plain.getvalue())
    except (FileNotFoundError, EnvelopeInvalid, KeyInvalid, TooLong, ValidationError):
        return None
