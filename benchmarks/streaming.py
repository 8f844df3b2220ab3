"""Fetches bodies over loopback and throws them away: a client as cheap as Python has, so that the
server is what is measured."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from benchmarks.asking import cpu_seconds

_RECEIVE = 1024 * 1024
_HEAD = 4096


@dataclass(slots=True)
class Fetched:
    """One answer's body, and the seconds from asking to its last byte."""

    size: int = 0
    seconds: float = 0.0
    head: bytes = b""
    left: int | None = None
    asked: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True, slots=True)
class Streamed:
    cpu: float
    wall: float
    fetched: tuple[Fetched, ...]

    @property
    def size(self) -> int:
        return sum(one.size for one in self.fetched)

    @property
    def rate(self) -> float:
        return self.size / self.wall

    @property
    def cpu_per_byte(self) -> float:
        return self.cpu / self.size

    @property
    def rates(self) -> tuple[float, ...]:
        return tuple(one.size / one.seconds for one in self.fetched)


def stream(pids: Sequence[int], port: int, requests: Sequence[bytes]) -> Streamed:
    """All requests at once, a connection each; anything but 200 or 206 stops the measurement."""
    buffer = memoryview(bytearray(_RECEIVE))
    done: list[Fetched] = []
    with selectors.DefaultSelector() as selector:
        started, before = time.perf_counter(), cpu_seconds(pids)
        for request in requests:
            connection = _sent(port, request)
            connection.settimeout(0)
            selector.register(connection, selectors.EVENT_READ, Fetched())
        while selector.get_map():
            for key, _ in selector.select():
                connection, fetched = cast("socket.socket", key.fileobj), key.data
                if _received(connection, fetched, buffer):
                    selector.unregister(connection)
                    connection.close()
                    done.append(fetched)
        return Streamed(cpu_seconds(pids) - before, time.perf_counter() - started, tuple(done))


def one_by_one(pids: Sequence[int], port: int, requests: Sequence[bytes]) -> Streamed:
    """The requests in turn over one kept-alive connection."""
    buffer = memoryview(bytearray(_RECEIVE))
    done: list[Fetched] = []
    started, before = time.perf_counter(), cpu_seconds(pids)
    connection = socket.create_connection(("127.0.0.1", port))
    with connection:
        for request in requests:
            fetched = Fetched()
            connection.sendall(request)
            while not _received(connection, fetched, buffer):
                pass
            done.append(fetched)
    return Streamed(cpu_seconds(pids) - before, time.perf_counter() - started, tuple(done))


def _sent(port: int, request: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(request)
    return connection


def _received(connection: socket.socket, fetched: Fetched, buffer: memoryview) -> bool:
    """Whether the body is whole."""
    if fetched.left is None:
        fetched.head += connection.recv(_HEAD)
        head, apart, body = fetched.head.partition(b"\r\n\r\n")
        if not apart:
            return False
        if head[9:12] not in (b"200", b"206"):
            raise SystemExit(f"not an answer: {fetched.head[:600].decode(errors='replace')}")
        lines = head.lower().split(b"\r\n")
        (length,) = (int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        fetched.size, fetched.left = length, length - len(body)
    else:
        received = connection.recv_into(buffer)
        if not received:
            raise SystemExit(f"a body broke off, {fetched.left} bytes before its end")
        fetched.left -= received
    fetched.seconds = time.perf_counter() - fetched.asked
    return fetched.left == 0
