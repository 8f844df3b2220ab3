"""The one program of the sandbox: a node of the engine that runs permitted bundles and no others.

Four processes: the forwarder, the engine's node, the loop that takes its work, and a prepared one
that forks for each message, so that an answer does not wait for Python and the engine to be read
again. A bundle is compared with the permit by its SHA-256 before anything of it is unpacked. What
an application's failure says stays here: only the words of a `Refused` go to the coordinator.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from . import carried, waiting
from .roster import Refused
from .visit import SiteFacts

LOOPBACK = "127.0.0.1"
EXIT_REFUSED = 77
_HASTE = 0.25  # seconds at most until work is looked for that nobody told of
_MOMENT = 0.02  # seconds between two looks for an answer


def main(arguments: list[str]) -> None:
    facts_path, certificate, key, coordinator = arguments
    facts = SiteFacts.read(Path(facts_path))
    way_out, work = socket.create_server((LOOPBACK, 0)), _held_port()
    facing = _Addresses(_name(way_out), _name(work))
    _fork(lambda: _forward(way_out, coordinator))
    way_out.close()
    mine, theirs = socket.socketpair()
    told, tells = os.pipe2(os.O_NONBLOCK)
    import flwr.supernode.runtime.run_clientapp as running
    import flwr.supernode.start_client_internal as starting

    _prepare()
    _fork(lambda: _serve_messages(theirs, running, facts, facing.work))
    _fork(lambda: _take_work(mine, told, facing.work))
    _speak_in_one_journey(starting, tells)
    _run_node(starting, facts, Path(certificate).read_bytes(), Path(key).read_bytes(), facing)


def check(facts: SiteFacts, bundle: bytes, plan: str) -> None:
    """Raises `Refused` for what the permit does not name."""
    if hashlib.sha256(bundle).hexdigest() not in facts.applications:
        raise Refused("this application is not permitted here")
    configuration = hashlib.sha256(plan.encode()).hexdigest()
    if facts.configurations is not None and configuration not in facts.configurations:
        raise Refused("this configuration is not permitted here")


def _fork(job: Callable[[], None]) -> None:
    """Runs `job` in a child, which never comes back."""
    if os.fork() == 0:
        try:
            job()
        finally:
            os._exit(1)


class _Addresses(NamedTuple):
    """Where the node finds the way out, and where it gives work."""

    way_out: str
    work: str


def _held_port() -> socket.socket:
    """Of the machine's loopback, where trials without a sandbox run side by side, nobody else is
    lent it before the engine listens there, see `waiting.held_for_it`."""
    port = socket.socket()
    port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    port.bind((LOOPBACK, 0))
    return port


def _name(of: socket.socket) -> str:
    host, port = of.getsockname()
    return f"{host}:{port}"


def _forward(port: socket.socket, coordinator: str) -> None:
    import asyncio

    from .forward import inside

    asyncio.run(inside(port, coordinator))


def _prepare() -> None:
    """Reads what applications use, once."""
    import cyvcf2  # noqa: F401
    import numpy as np  # noqa: F401
    import scipy.special
    import scipy.stats  # noqa: F401

    from . import masking, site  # noqa: F401


def _clock(sleep: Callable[[float], None]) -> SimpleNamespace:
    """The engine's loops sleep for seconds between two looks; here they look more often."""
    return SimpleNamespace(time=time.time, sleep=sleep)


def _speak_in_one_journey(starting: Any, tells: int) -> None:
    import flwr.common.grpc as making

    def arrived() -> None:
        with suppress(BlockingIOError):
            os.write(tells, b".")

    making.grpc.secure_channel = waiting.lookahead(making.grpc.secure_channel)
    making.is_port_in_use = waiting.held_for_it
    speak = starting.grpc_request_response
    starting.grpc_request_response = partial(speak, adapter_cls=carried.line_of(arrived))


def _serve_messages(asked: socket.socket, running: Any, facts: SiteFacts, at: str) -> None:
    """Forks for each token; the children are not waited for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    running.pull_appinputs = _checked(running, facts)
    running.Error = _silent(running.Error)
    with asked.makefile("r") as lines:
        for line in lines:
            token = json.loads(line)
            _fork(lambda token=token: running.run_clientapp(at, token))  # type: ignore[misc]


def _checked(running: Any, facts: SiteFacts) -> Callable[..., Any]:
    """The engine's own function, which also judges what came; a refusal is raised where the engine
    would unpack the bundle, so that it becomes an answer."""
    pull, install = running.pull_appinputs, running.install_from_fab

    def judged(*given: Any, **named: Any) -> Any:
        message, context, run, bundle = pull(*given, **named)
        plan = str(context.run_config.get("plan", ""))

        def permitted(content: bytes, **rest: Any) -> Any:
            check(facts, content, plan)
            return install(content, **rest)

        running.install_from_fab = permitted
        return message, context, run, bundle

    return judged


def _silent(error: Callable[..., Any]) -> Callable[..., Any]:
    def told(*, code: int, reason: str) -> Any:
        refusal = sys.exc_info()[1]
        while refusal is not None and not getattr(refusal, "for_the_coordinator", False):
            refusal = refusal.__cause__
        return error(code=code, reason=str(refusal) if refusal else "the application failed here")

    return told


def _take_work(tell: socket.socket, told: int, at: str) -> None:
    import flwr.supercore.superexec.run_superexec as taking
    from flwr.proto.clientappio_pb2_grpc import ClientAppIoStub
    from flwr.supercore.superexec.plugin import ClientAppExecPlugin

    class Launcher(ClientAppExecPlugin):  # type: ignore[misc]  # the engine is not type-checked
        def launch_app(self, token: str, run_id: int) -> None:
            tell.sendall(json.dumps(token).encode() + b"\n")

    def sleep(seconds: float) -> None:
        """Until a message is there, or not for long."""
        if select.select([told], [], [], min(seconds, _HASTE))[0]:
            os.read(told, 4096)

    taking.time = _clock(sleep)
    taking.run_superexec(Launcher, ClientAppIoStub, appio_api_address=at)


def _run_node(
    starting: Any, facts: SiteFacts, certificate: bytes, key: bytes, facing: _Addresses
) -> None:
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    private = load_ssh_private_key(key, None)
    fused = starting.get_fused_config_from_fab

    def configuration(bundle: bytes, run: Any) -> Any:
        # Not even the configuration of a bundle that is not permitted is read.
        known = hashlib.sha256(bundle).hexdigest() in facts.applications
        return fused(bundle, run) if known else {}

    # The engine interrupts itself where the coordinator does not know its key (any more); what it
    # would do next waits for others. The sandbox ends with this process.
    starting.register_signal_handlers = lambda **_: None
    signal.signal(signal.SIGINT, lambda *_: os._exit(EXIT_REFUSED))
    starting.time = _clock(lambda seconds: time.sleep(min(seconds, _MOMENT)))
    starting.get_fused_config_from_fab = configuration
    try:
        starting.start_client_internal(
            server_address=facing.way_out,
            node_config={},
            root_certificates=certificate,
            insecure=False,
            transport="grpc-rere",
            authentication_keys=(private, private.public_key()),
            isolation="process",
            clientappio_api_address=facing.work,
        )
    finally:
        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
