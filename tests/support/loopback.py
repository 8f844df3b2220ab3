"""Loopback ports of tests: an application served on one, and those at which nobody listens."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count

import uvicorn
from starlette.types import ASGIApp

from gateway.serving.processes import port_is_free
from gateway.serving.serve import SERVING

# Below what systems lend out, where a port that is free now may be anybody's a moment later; each
# worker of a run has a share of its own, of single ports and of demos' blocks.
_FIRST, _SHARE = 10_000, 2_000
_FIRST_OF_DEMOS, _OF_A_DEMO = 20_000, 300
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 5
# Two runs on one machine begin apart.
_numbers = count(random.SystemRandom().randrange(_SHARE))
_demos = count(random.SystemRandom().randrange(_SHARE))


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncGenerator[str, None]:
    """The address of `app`, in this event loop."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    # Signals are the test runner's: only the serving part of uvicorn runs here.
    serving = asyncio.create_task(server._serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listening.close()


@contextmanager
def served_apart(app: ASGIApp, http: type[asyncio.Protocol]) -> Iterator[int]:
    """The port of `app`, in a thread with an event loop of its own, spoken to by `http`."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(
                app, http=http, ws=SERVING["ws"], log_config=None, access_log=False, lifespan="off"
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def unused_address() -> str:
    """An address at which nobody listens."""
    return f"http://127.0.0.1:{unused_port()}"


def unused_port() -> int:
    """A port at which nobody listens, and that no other worker of this run is given."""
    for _ in range(_SHARE):
        port = _FIRST + _WORKER * _SHARE + next(_numbers) % _SHARE
        if port_is_free(port):
            return port
    raise AssertionError("no free ports")


def demo_ports(first: int) -> list[int]:
    """Those of a demo of three nodes whose portal is at `first`: nodes, sign-in, engine."""
    return [first + at for at in (0, 1, 2, 3, 99, 101, 200)]


def unused_demo() -> int:
    """The portal's port of a demo whose ports nobody has, and no other worker of this run."""
    for _ in range(_SHARE):
        block = next(_demos) % (_SHARE // _OF_A_DEMO)
        first = _FIRST_OF_DEMOS + _WORKER * _SHARE + block * _OF_A_DEMO
        if all(map(port_is_free, demo_ports(first))):
            return first
    raise AssertionError("no free ports")
