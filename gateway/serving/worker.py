"""One of the processes that serve a node: answers on the node's port, and on a socket of its own.

The port is shared with the other workers (SO_REUSEPORT: the kernel gives each connection to one of
them); on the socket the others send on what is this worker's. Ends when its standard input closes,
however the process that started it ended. Leaves starting and restarting to `workers`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from gateway import config, logs
from gateway.app import create_app
from gateway.errors import for_operator
from gateway.home import NodeHome
from gateway.serving.serve import SERVING
from gateway.serving.share import Share, shared_port
from schemas.errors import SkerryError


def own_socket(path: Path) -> socket.socket:
    """Only the owner of the process can connect."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        bound.bind(str(path))
    finally:
        os.umask(before)
    return bound


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after a stop, 2 for a node that cannot be served."""
    parser = argparse.ArgumentParser(prog="python -m gateway.serving.worker", description=__doc__)
    parser.add_argument("--node", type=Path, required=True, help="the node's folder")
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    given = parser.parse_args(arguments)
    logs.set_up()
    home = NodeHome(given.node)
    share = Share(given.node, given.number, given.count)
    try:
        settings = config.load(home.settings)
        app = create_app(home, share=share)
        port = shared_port(settings.host, settings.port)
    except (SkerryError, OSError) as error:
        said = for_operator(error) if isinstance(error, SkerryError) else str(error)
        sys.stderr.write(f"worker {given.number} cannot start: {said}\n")
        return 2
    server = uvicorn.Server(uvicorn.Config(app, **SERVING))
    threading.Thread(target=_until_eof, args=(server,), daemon=True).start()
    with port, own_socket(share.socket(given.number)) as own:
        server.run(sockets=[port, own])
    return 0


def _until_eof(server: uvicorn.Server) -> None:
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 1):
            pass
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
