"""Sends the head of an answer together with the first part of its body.

uvicorn writes them one after the other, and on a quiet connection each write is a packet, a system
system call and a wake-up of the reader: a tenth of what a small answer costs. An answer that is
there as a whole, its head written out, passes by uvicorn's `send`, which looks through each header.
"""

from __future__ import annotations

import asyncio
from typing import cast

from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.serving.idle import IdleTimer

_HEAD = b"HTTP/1.1 "
_JOINED_BYTES = 64 * 1024  # more is not copied to save a packet


def send_whole(send: Send, head: bytes, body: bytes | memoryview) -> bool:
    """Sends a 200 with these header lines, its length among them, as `send` would; False, and
    nothing sent, where that is not uvicorn's or the connection is not simply to be kept."""
    cycle = getattr(send, "__self__", None)
    if type(cycle) is not RequestResponseCycle:
        return False
    transport: object = cycle.transport
    if type(transport) is not Joining or not cycle.keep_alive:
        return False
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
        return False
    pieces = [STATUS_LINE[200]]
    for name, value in cycle.default_headers:
        pieces += (name, b": ", value, b"\r\n")
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    transport.write(b"".join((*pieces, head, b"\r\n", body)), whole=True)
    cycle.message_event.set()
    cycle.on_response()
    return True


class OneWrite(IdleTimer):
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
        # All else that uvicorn asks of it: by hand, since looking for what is not there
        # (`__getattr__`) slows down every look at what is.
        self.is_closing = transport.is_closing
        self.abort = transport.abort
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes | memoryview, *, whole: bool = False) -> None:
        if whole:
            self._flush()
        elif self._head:
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
