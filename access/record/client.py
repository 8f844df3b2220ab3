"""A process's side of the record's writer: entries go out, their numbers come back.

`append` has a connection of its own and waits on it, from any thread; `write` shares one among all
answers of an event loop, and entries of one turn of the loop travel together. A connection that
breaks with an entry under way leaves it unsaid whether the entry stands: then nothing leaves.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import cast

from access.errors import RecordUnavailable
from access.record.audit import Pseudonyms
from access.record.chain import Facts, fit
from access.record.wire import ANSWER, REFUSED, frame

PATIENCE_SECONDS = 30.0


class RecordClient(Pseudonyms):
    """A record written by the process that listens at `path`. `write` belongs to one loop."""

    def __init__(self, path: Path, *, pseudonym_key: bytes) -> None:
        super().__init__(pseudonym_key)
        self._path = path
        self._lock = threading.Lock()
        self._closed = False
        self._line: socket.socket | None = None
        self._channel: _Channel | None = None
        self._opening = asyncio.Lock()

    def append(self, kind: str, facts: Mapping[str, object], *, durable: bool = False) -> int:
        asked = frame(1, kind, fit(kind, facts), durable=durable)
        with self._lock:
            try:
                line = self._connected()
                line.sendall(asked)
                answer = line.recv(ANSWER.size, socket.MSG_WAITALL)
            except OSError as error:
                self._drop()
                raise _unavailable(type(error).__name__) from error
            if len(answer) != ANSWER.size:
                self._drop()
                raise _unavailable("the writer ended")
        number: int = ANSWER.unpack(answer)[1]
        if number == REFUSED:
            raise _unavailable("the writer refused")
        return number

    async def write(self, kind: str, facts: Mapping[str, object] | Facts) -> int:
        checked = facts if isinstance(facts, bytes) else fit(kind, facts)
        channel = self._channel
        if channel is None or channel.closed:
            channel = await self._opened()
        number = await channel.ask(kind, checked)
        if number == REFUSED:
            raise _unavailable("the writer refused")
        return number

    def close(self) -> None:
        """Lets go of the writer, which others may still use."""
        with self._lock:
            self._closed = True
            self._drop()
        if self._channel is not None:
            self._channel.close()

    def _connected(self) -> socket.socket:
        """A line that the writer has not closed meanwhile, as a new writer has that of the old."""
        if self._closed:
            raise _unavailable("closed")
        line = self._line
        if line is not None:
            try:
                line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except BlockingIOError:
                return line
            self._drop()
        self._line = line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The kernel's own limits: Python's would wait on the look above too, and cost a call each.
        patience = struct.pack("ll", int(PATIENCE_SECONDS), int(PATIENCE_SECONDS % 1 * 1e6))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            line.setsockopt(socket.SOL_SOCKET, option, patience)
        line.connect(str(self._path))
        return line

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    async def _opened(self) -> _Channel:
        async with self._opening:
            if self._closed:
                raise _unavailable("closed")
            if self._channel is None or self._channel.closed:
                loop = asyncio.get_running_loop()
                try:
                    _, self._channel = await loop.create_unix_connection(
                        lambda: _Channel(loop), str(self._path)
                    )
                except OSError as error:
                    raise _unavailable(type(error).__name__) from error
            return self._channel


class _Channel(asyncio.Protocol):
    """The entries of one loop that wait for their numbers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.closed = False
        self._loop = loop
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._unsent: list[bytes] = []
        self._answers = bytearray()
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def ask(self, kind: str, facts: Facts) -> asyncio.Future[int]:
        number = next(self._numbers) & 0xFFFFFFFF
        answer = self._waiting[number] = self._loop.create_future()
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(frame(number, kind, facts, durable=False))
        if self._watch is None:
            self._watch = self._loop.call_later(PATIENCE_SECONDS, self._look, number)
        return answer

    def close(self) -> None:
        if self._transport is not None and not self._loop.is_closed():
            self._transport.close()

    def _send(self) -> None:
        data, self._unsent = b"".join(self._unsent), []
        if self._transport is not None and not self.closed:
            self._transport.write(data)

    def _look(self, number: int) -> None:
        """One timer for all: whoever has waited since it was set has waited too long."""
        self._watch = None
        if number in self._waiting:
            if self._transport is not None:
                self._transport.abort()
        elif self._waiting:
            oldest = next(iter(self._waiting))
            self._watch = self._loop.call_later(PATIENCE_SECONDS, self._look, oldest)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # as it is for a stream

    def data_received(self, data: bytes) -> None:
        self._answers += data
        whole = len(self._answers) - len(self._answers) % ANSWER.size
        for number, entry in ANSWER.iter_unpack(bytes(self._answers[:whole])):
            answer = self._waiting.pop(number, None)
            if answer is not None and not answer.done():  # else its request was cancelled
                answer.set_result(entry)
        del self._answers[:whole]

    def connection_lost(self, _error: Exception | None) -> None:
        self.closed = True
        if self._watch is not None:
            self._watch.cancel()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(_unavailable("the writer ended"))
        self._waiting.clear()


def _unavailable(detail: str) -> RecordUnavailable:
    return RecordUnavailable("The record can't be written.", detail=detail)
