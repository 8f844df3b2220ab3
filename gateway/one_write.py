"""Sends the head of an answer together with the first part of its body.

uvicorn writes them one after the other, and on a quiet connection each write is a packet, a system
call and a wake-up of the reader: a tenth of what a small answer costs.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from gateway.http_head import PlainHead

_HEAD = b"HTTP/1.1 "
_JOINED_BYTES = 64 * 1024  # more is not copied to save a packet


class OneWrite(PlainHead):
    """uvicorn's protocol, its heads capped, on a transport that waits for the body."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # what uvicorn's is at run time
        joining = Joining(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", joining))


class Joining:
    """Keeps what begins as a head until the next write, and no longer than this turn of the loop:
    a body may be long in coming, or not come at all."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def write(self, data: bytes | memoryview) -> None:
        if self._head:
            head, self._head = self._head, b""
            if len(data) > _JOINED_BYTES:
                self._transport.writelines((head, data))
                return
            data = head + data
        elif data[: len(_HEAD)] == _HEAD:
            self._head = bytes(data)
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
