"""Asks a server over loopback, each script on a connection of its own, one question after another.

So an account's questions come in its order while several accounts ask at once. Small, so that the
server is what takes the time; what an answer means is left to the caller.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from benchmarks.asking import RECEIVE


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    seconds: float


@dataclass(slots=True)
class _Turn:
    """One script under way."""

    requests: Sequence[bytes]
    replies: list[Reply]
    begun: float = 0.0
    received: bytes = field(default=b"")


def held(port: int, scripts: Sequence[Sequence[bytes]], *, at_once: int) -> list[list[Reply]]:
    """The replies to each script. At most `at_once` connections; raises OSError."""
    replies: list[list[Reply]] = [[] for _ in scripts]
    waiting = iter(
        [_Turn(script, kept) for script, kept in zip(scripts, replies, strict=True) if script]
    )
    with selectors.DefaultSelector() as selector:
        for _ in range(at_once):
            if (turn := next(waiting, None)) is not None:
                connection = socket.create_connection(("127.0.0.1", port))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ, turn)
                _next(connection, turn)
        while selector.get_map():
            for key, _ in selector.select():
                connection, turn = cast("socket.socket", key.fileobj), cast("_Turn", key.data)
                if not _read(connection, turn):
                    continue
                if len(turn.replies) == len(turn.requests):
                    following = next(waiting, None)
                    if following is None:
                        selector.unregister(connection)
                        connection.close()
                        continue
                    turn = following
                    selector.modify(connection, selectors.EVENT_READ, turn)
                _next(connection, turn)
    return replies


def _next(connection: socket.socket, turn: _Turn) -> None:
    turn.begun, turn.received = time.perf_counter(), b""
    connection.sendall(turn.requests[len(turn.replies)])


def _read(connection: socket.socket, turn: _Turn) -> bool:
    """Whether the reply is whole."""
    part = connection.recv(RECEIVE)
    if not part:
        raise ConnectionError("the server closed the connection")
    turn.received += part
    head, apart, body = turn.received.partition(b"\r\n\r\n")
    if not apart:
        return False
    length = next(
        int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"
    )
    if len(body) < length:
        return False
    status = int(head.split(b" ", 2)[1])
    turn.replies.append(Reply(status, body, time.perf_counter() - turn.begun))
    return True
