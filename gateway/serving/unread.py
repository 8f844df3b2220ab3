"""Whether an answer is still read by whoever asked for it.

What is sent waits in memory until it is taken, of a streamed body one part and of any other all of
it: whoever asks for much and reads nothing would keep it there for ever, and a release's session
open with it. RFC 9112 9.5 lets a server end a connection that makes no progress. Taken is what the
other side's system acknowledged (Linux tells, `TCP_INFO`), since our own keeps megabytes before it
says that it is full, and tells of room only when much of that is gone: who reads slowly would seem
not to read at all.
"""

from __future__ import annotations

import asyncio
import socket
import sys

STALLED_SECONDS = 120.0
LEAST_RATE = 500  # bytes a second that are taken, on the average of so long
_ACKNOWLEDGED = slice(120, 128)  # tcpi_bytes_acked of struct tcp_info


class Reading:
    """Of one connection; looked at from time to time, while something waits to be taken."""

    _since: tuple[float, int] | None = None  # when something began to wait, and what was taken then

    def has_stopped(self, *, waiting: int, taken: int, now: float) -> bool:
        """Of `waiting` bytes, and all that were `taken` since the connection began."""
        if not waiting:
            self._since = None
            return False
        if self._since is None:
            self._since = now, taken
            return False
        begun, before = self._since
        if taken - before >= LEAST_RATE * (now - begun):
            self._since = now, taken
            return False
        return now - begun >= STALLED_SECONDS


def taken(transport: asyncio.Transport) -> int | None:
    """How many bytes the other side has acknowledged; None where that is not known: of another
    worker, which looks at its own reader, and outside Linux."""
    connected = transport.get_extra_info("socket")
    if connected is None or connected.family == socket.AF_UNIX or sys.platform != "linux":
        return None
    try:
        told = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKNOWLEDGED.stop)
    except OSError:
        return None  # it broke, which is told in its own way
    return int.from_bytes(told[_ACKNOWLEDGED], sys.byteorder)
