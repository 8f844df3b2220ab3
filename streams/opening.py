"""Opens a body that lies in files into a file, in several threads, each batch in its place.

Crypt4GH v1.0 section 4. The cipher and the digests run without the interpreter's lock; memory stays
at a few batches. Only the digest of the plain bytes needs their order. Edit lists are not opened
here; what the facts are worth is the caller's question.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from streams.envelope import BATCH, SEALED_SEGMENT, SEGMENT, BodyFacts, Progress, leaf, open_into
from streams.errors import EnvelopeInvalid, SegmentInvalid
from streams.header import NONCE, OpenedHeader

THREADS = 2
_BATCHES = 2 * THREADS


@dataclass(frozen=True, slots=True)
class _Batch:
    """Sealed bytes [start0, start0 + size) of one file; `number` is their first segment's."""

    descriptor: int
    start0: int
    size: int
    number: int


@dataclass(frozen=True, slots=True)
class _Buffers:
    sealed: memoryview
    plain: memoryview


@dataclass(frozen=True, slots=True)
class _Done:
    leaves: list[bytes]
    plain_size: int


@dataclass(frozen=True, slots=True)
class _Opener:
    sink: int
    keys: tuple[bytes, ...]
    numbered: bool

    def run(self, batch: _Batch, buffers: _Buffers) -> _Done:
        sealed = buffers.sealed[: batch.size]
        if os.preadv(batch.descriptor, [sealed], batch.start0) != batch.size:
            raise SegmentInvalid("A part became shorter while it was read.")
        ciphers = [ChaCha20Poly1305(key) for key in self.keys]
        leaves, filled = [], 0
        for number, start in enumerate(range(0, batch.size, SEALED_SEGMENT), batch.number):
            segment = sealed[start : min(start + SEALED_SEGMENT, batch.size)]
            if self.numbered and segment[:NONCE] != number.to_bytes(NONCE, "little"):
                raise SegmentInvalid("A segment is not in its place.")
            leaves.append(leaf(segment))
            filled += open_into(ciphers, segment, buffers.plain[filled:])
        _write(self.sink, buffers.plain[:filled], batch.number * SEGMENT)
        return _Done(leaves, filled)


def open_parts(
    parts: Sequence[Path],
    sink: BinaryIO,
    opened: OpenedHeader,
    *,
    numbered: bool = False,
    progress: Progress | None = None,
) -> BodyFacts:
    """Joined, the parts are one body; each but the last holds whole segments.

    With `numbered`, a segment's nonce must be its number, as in slices. Raises EnvelopeInvalid,
    SegmentInvalid and OSError, perhaps after writing: only a caller that returns may use the sink.
    """
    if opened.edit_list is not None:
        raise EnvelopeInvalid("Bodies with an edit list are not opened in parts.")
    opener = _Opener(sink.fileno(), opened.data_keys, numbered)
    free = [_buffers() for _ in range(_BATCHES)]
    running: deque[tuple[Future[_Done], _Buffers]] = deque()
    plain_hash, leaves = hashlib.sha256(), list[bytes]()
    plain_total = body_total = 0

    def finish_oldest() -> None:
        nonlocal plain_total
        future, buffers = running.popleft()
        done = future.result()
        plain_hash.update(buffers.plain[: done.plain_size])
        leaves.extend(done.leaves)
        plain_total += done.plain_size
        free.append(buffers)
        if progress is not None:
            progress(plain_total)

    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(THREADS))
        stack.callback(pool.shutdown, cancel_futures=True)
        for batch in _batches(parts, stack):
            if not free:
                finish_oldest()
            buffers = free.pop()
            running.append((pool.submit(opener.run, batch, buffers), buffers))
            body_total += batch.size
        while running:
            finish_oldest()
    return BodyFacts(plain_total, body_total, plain_hash.digest(), tuple(leaves))


def _batches(parts: Sequence[Path], stack: ExitStack) -> Iterator[_Batch]:
    number = 0
    for place, part in enumerate(parts):
        descriptor = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, descriptor)
        size = os.fstat(descriptor).st_size
        if size % SEALED_SEGMENT and place + 1 < len(parts):
            raise SegmentInvalid("A part ends inside a segment.")
        for start0 in range(0, size, BATCH * SEALED_SEGMENT):
            step = min(BATCH * SEALED_SEGMENT, size - start0)
            yield _Batch(descriptor, start0, step, number)
            number += -(-step // SEALED_SEGMENT)


def _buffers() -> _Buffers:
    sealed, plain = bytearray(BATCH * SEALED_SEGMENT), bytearray(BATCH * SEGMENT)
    return _Buffers(memoryview(sealed), memoryview(plain))


def _write(descriptor: int, content: memoryview, offset: int) -> None:
    while content:
        written = os.pwrite(descriptor, content, offset)
        content, offset = content[written:], offset + written
