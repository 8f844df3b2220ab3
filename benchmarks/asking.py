"""Asks a server over loopback and reads what it cost: a small client, so that the server is what
is measured, and its processor time from /proc (Linux only)."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

RECEIVE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Taken:
    """What some requests took: processor seconds of the server, wall seconds, each one's wait."""

    cpu: float
    wall: float
    waits: tuple[float, ...]

    @property
    def cpu_each(self) -> float:
        return self.cpu / len(self.waits)


def get(path: str, params: dict[str, str] | None = None, *, token: str | None = None) -> bytes:
    """The bytes of a GET."""
    query = f"?{urlencode(params)}" if params else ""
    credential = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path}{query} HTTP/1.1\r\nHost: node\r\n{credential}\r\n".encode("ascii")


def ask(
    pids: Sequence[int], port: int, requests: Sequence[bytes], *, count: int, concurrency: int
) -> Taken:
    """Sends `count` of the requests, in turn, over as many kept-alive connections as may wait at
    once; anything but a 200 stops the measurement."""
    waiting = islice(cycle(requests), count)
    waits: list[float] = []
    with selectors.DefaultSelector() as selector:
        started, before = time.perf_counter(), cpu_seconds(pids)
        for first in islice(waiting, concurrency):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(first)
            selector.register(connection, selectors.EVENT_READ, [time.perf_counter(), b""])
        while selector.get_map():
            for key, _ in selector.select():
                state, connection = key.data, cast("socket.socket", key.fileobj)
                state[1] += connection.recv(RECEIVE)
                if not _whole(state[1]):
                    continue
                waits.append(time.perf_counter() - state[0])
                following = next(waiting, None)
                if following is None:
                    selector.unregister(connection)
                    connection.close()
                else:
                    state[:] = [time.perf_counter(), b""]
                    connection.sendall(following)
        return Taken(cpu_seconds(pids) - before, time.perf_counter() - started, tuple(waits))


def _whole(answer: bytes) -> bool:
    head, apart, body = answer.partition(b"\r\n\r\n")
    if not apart:
        return False
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"not an answer: {answer[:600].decode(errors='replace')}")
    length = next(
        int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"
    )
    return len(body) >= length


def cpu_seconds(pids: Sequence[int]) -> float:
    """What all threads of these processes have run, to the nanosecond."""
    tasks = (task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir())
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def resident_mb(pid: int) -> float:
    """What belongs to the process alone: pages of the catalog it has mapped are the system's."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return int(found["RssAnon"].split()[0]) / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
