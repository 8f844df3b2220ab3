"""Starts the servers that `benchmarks/hts.py` asks: a node, nginx in front, bare ones beside."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.asking import free_port
from tests.support import nginx

FILE_SERVER = """
import asyncio, os, re, sys
path, step = sys.argv[2], 256 * 1024
file = open(path, "rb"); size = os.fstat(file.fileno()).st_size
async def serve(reader, writer):
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            part = re.search(rb"range: bytes=(\\d+)-(\\d+)", head, re.I)
            at, end = (int(part[1]), int(part[2]) + 1) if part else (0, size)
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % (end - at))
            if len(sys.argv) > 3:
                await writer.drain()
                await asyncio.get_running_loop().sendfile(writer.transport, file, at, end - at)
                continue
            while at < end:
                writer.write(os.pread(file.fileno(), min(step, end - at), at))
                await writer.drain()
                at += step
    except asyncio.IncompleteReadError:
        writer.close()
async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()
asyncio.run(main())
"""
ROUTE = """
import sys, uvicorn
from fastapi import FastAPI, Response
app, letters = FastAPI(), b"ACGT" * 250
@app.get("/{name}")
async def bare(name: str, start: int, end: int) -> Response:
    return Response(letters, media_type="text/plain")
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="error")
"""


@dataclass(frozen=True, slots=True)
class Server:
    """The processes that answer at a port of this machine."""

    pids: tuple[int, ...]
    port: int


@dataclass(slots=True)
class Servers:
    """All that were started, until they are closed."""

    _open: ExitStack = field(default_factory=ExitStack)

    def node(self, folder: Path, port: int) -> Server:
        return self._started([sys.executable, "-m", "gateway", "serve", str(folder)], port)

    def bare(self, source: str, *arguments: str) -> Server:
        port = free_port()
        return self._started([sys.executable, "-c", source, str(port), *arguments], port)

    def in_front(self, node: Server, folder: Path, *, clear: Path) -> Server:
        """nginx with the shipped configuration; below `/alone/` it sends the same files unasked."""
        folder.mkdir()
        port = free_port()
        configured = nginx.configuration(
            folder, port=port, node_port=node.port, bodies=folder, clear=clear
        )
        guarded = configured[configured.index("location /skerry-clear/") :].partition("}")[0] + "}"
        alone = guarded.replace("/skerry-clear/", "/alone/").replace("internal;", "")
        both = configured.replace(guarded, f"{guarded}\n    {alone}")
        url = f"http://127.0.0.1:{port}"
        front = self._open.enter_context(nginx.running(folder, both, url=url))
        workers = Path(f"/proc/{front.pid}/task/{front.pid}/children").read_text().split()
        return Server((*map(int, workers), *node.pids), port)

    def close(self) -> None:
        self._open.close()

    def _started(self, command: Sequence[str], port: int) -> Server:
        environment = {**os.environ, "PYTHONPATH": sys.path[0]}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        self._open.callback(_stop, process)
        for _ in range(1200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return Server((process.pid,), port)
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit("a server did not start")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(10)
