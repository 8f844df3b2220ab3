"""Starts servers as real processes, waits until each answers, and stops every one of them.

Knows nothing of what they serve. A process that ends early is reported with the last lines it
wrote; stopping is by process id, politely first.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from gateway.errors import DemoError

_READY_SECONDS = 600.0
_STOP_SECONDS = 20.0
_LAST_LINES = 8


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Server:
    """One started process; `ready_url` answers 200 once it serves, None where whoever started it
    knows otherwise. It is given `stop_seconds` to end by itself."""

    name: str
    process: subprocess.Popen[bytes]
    ready_url: str | None
    log: Path
    stop_seconds: float


@dataclass(slots=True)
class Processes:
    """The servers of one demo, in the order they were started."""

    logs: Path
    servers: list[Server] = field(default_factory=list)

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        ready_url: str | None,
        environment: Mapping[str, str],
        stop_seconds: float = _STOP_SECONDS,
    ) -> Server:
        """Runs `python -m gateway ARGUMENTS`; its output goes to a log file of its own."""
        log = self.logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "gateway", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,  # a terminal's Ctrl-C reaches the demo, which stops these
            )
        server = Server(name, process, ready_url, log, stop_seconds)
        self.servers.append(server)
        return server

    def wait_until_ready(self) -> None:
        """Raises `DemoError` with the last lines of whichever server did not come up."""
        deadline = time.monotonic() + _READY_SECONDS
        with httpx.Client(timeout=30.0, trust_env=False) as client:
            for server in self.servers:
                while server.ready_url and not _answers(client, server.ready_url):
                    if server.process.poll() is not None or time.monotonic() > deadline:
                        raise DemoError(f"{server.name} did not start:\n{tail(server.log)}")
                    time.sleep(0.1)

    def stop(self, name: str) -> None:
        for server in [server for server in self.servers if server.name == name]:
            _end(server)
            self.servers.remove(server)

    def stop_all(self) -> None:
        """Ends all, last started first; returns once none is left."""
        for server in self.servers:
            if server.process.poll() is None:
                server.process.terminate()
        for server in reversed(self.servers):
            _end(server)
        self.servers.clear()


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _end(server: Server) -> None:
    process = server.process
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(server.stop_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path) -> str:
    """The last lines a process wrote."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-_LAST_LINES:])
