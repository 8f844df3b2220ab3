"""The process beside the key agent that cuts and re-seals slices; it never sees the node's key.

Listens on a Unix socket, JSON lines both ways, ciphertext after them. For each ticket it asks the
agent for the keys of one object, over a pipe that only it inherits or, where it runs as a user of
its own, at a socket that answers only this user; the agent checks the permit.
Keys and charts stay in memory until the permit's end. Cutting is `slices.weave`'s.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import logging
import os
import resource
import secrets
import signal
import socket
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from schemas.errors import InvalidInput, SkerryError
from streams.agent_doors import listen
from streams.agent_wire import TIMEOUT_SECONDS, KeyAnswer, KeyRequest
from streams.envelope import open_body
from streams.errors import AgentRefused, AgentUnavailable, NoSuchSession, SourceRefused
from streams.header import OpenedHeader, seal_header
from streams.opened_source import OpenedSource
from streams.slicer_wire import MAX_LINE, Answer, PlanRequest, ReadRequest, Request
from streams.slices.chart import Chart, load
from streams.slices.granted import cut
from streams.slices.sealed import Resealed
from streams.vault import SealedObject, Vault

MAX_READ = 4 * 1024 * 1024
MAX_SLICES = 2_000
MAX_CONNECTIONS = 256
WORKERS = 4
_NO_AGENT = "The key agent does not answer; nothing was released. Try again later."

_log = logging.getLogger(__name__)

AskKeys = Callable[[KeyRequest], KeyAnswer]


@dataclass(frozen=True, slots=True)
class _Kept:
    sealed: SealedObject
    resealed: Resealed
    expires: int


class Slicer:
    """The slices of one process. Thread-safe; `ask_keys` blocks."""

    def __init__(self, vault: Vault, ask_keys: AskKeys, *, clock: Callable[[], float]) -> None:
        self._vault = vault
        self._ask_keys = ask_keys
        self._clock = clock
        self._lock = threading.Lock()
        self._slices: OrderedDict[str, _Kept] = OrderedDict()

    def plan(self, asked: PlanRequest) -> Answer:
        """Raises AgentRefused, InvalidInput, and what the regions are refused with."""
        sealed = self._vault.get(asked.object_id)
        if sealed is None or not sealed.sliceable:
            raise InvalidInput("This object has no index: ask for the whole object.")
        keys = self._ask_keys(
            KeyRequest(permit=asked.permit, object_id=asked.object_id, recipient=asked.recipient)
        )
        if keys.refused is not None:
            raise AgentRefused("The key agent refused this release.", detail=keys.refused)
        body_keys = tuple(map(bytes.fromhex, keys.keys))
        chart = self._chart(sealed, body_keys)
        with self._vault.reading(sealed) as body:
            source = OpenedSource(body, body_keys, plain_size=sealed.plain_size)
            # The permit is as the agent has just checked it.
            granted = asked.permit.permit.regions
            regions, woven = cut(
                source, chart, asked.regions, granted=granted, columns=asked.columns
            )
        slice_key = os.urandom(32)
        resealed = Resealed(body_keys, sealed.plain_size, woven, slice_key)
        name = self._keep(_Kept(sealed, resealed, asked.permit.permit.expires))
        header = seal_header([slice_key], [base64.b64decode(asked.recipient)])
        return Answer(
            slice=name,
            header=base64.b64encode(header).decode(),
            plain_size=woven.size,
            size=resealed.size,
            regions=regions,
        )

    def read(self, asked: ReadRequest) -> bytes:
        """Raises NoSuchSession, InvalidInput, SegmentInvalid, VaultBroken."""
        with self._lock:
            kept = self._slices.get(asked.slice)
            if kept is None or kept.expires <= self._clock():
                raise NoSuchSession
            self._slices.move_to_end(asked.slice)
        end0 = min(asked.end0, kept.resealed.size)
        if not asked.start0 <= end0 <= asked.start0 + MAX_READ:
            raise InvalidInput("These are not bytes of the slice.")
        with self._vault.reading(kept.sealed) as body:
            return kept.resealed.read(body, asked.start0, end0)

    def _keep(self, kept: _Kept) -> str:
        name, now = secrets.token_urlsafe(24), self._clock()
        with self._lock:
            self._slices[name] = kept
            over = [key for key, one in self._slices.items() if one.expires <= now]
            over += list(self._slices)[: max(0, len(self._slices) - MAX_SLICES)]
            for key in dict.fromkeys(over):
                del self._slices[key]
        return name

    def _chart(self, sealed: SealedObject, keys: tuple[bytes, ...]) -> Chart:
        stream, plain = io.BytesIO(self._vault.sealed_chart(sealed)), io.BytesIO()
        open_body(stream, plain, OpenedHeader(keys, None))
        return load(plain.getvalue())


class SlicerServer:
    def __init__(self, slicer: Slicer) -> None:
        self._slicer = slicer
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)
        self._workers = asyncio.Semaphore(WORKERS)

    async def start(self, path: Path, *, for_group: bool = False) -> asyncio.Server:
        """Listens; only the owner of the process can connect, or its group too."""
        return await listen(self._serve, path, for_group=for_group)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._places:
                while line := await reader.readline():
                    async with self._workers:
                        answer, payload = await asyncio.to_thread(self._answer, line)
                    writer.write(answer.model_dump_json().encode() + b"\n" + payload)
                    await writer.drain()
        except (OSError, ValueError) as error:
            _log.warning("a caller was dropped: %s", type(error).__name__)
        finally:
            writer.close()

    def _answer(self, line: bytes) -> tuple[Answer, bytes]:
        try:
            request = Request.model_validate_json(line)
            if request.plan is not None:
                return self._slicer.plan(request.plan), b""
            if request.read is not None:
                payload = self._slicer.read(request.read)
                return Answer(size=len(payload)), payload
        except ValidationError:
            _log.warning("refused: not a request")
        except SkerryError as error:
            _log.warning("refused: %s %s", error.code, error.detail)
            damaged = isinstance(error, SourceRefused)
            return Answer(refused=error.public, code="" if damaged else error.code), b""
        return Answer(refused="The request cannot be read."), b""


def ask_over(channel: socket.socket) -> AskKeys:
    """Asks the agent at the other end, one question at a time."""
    lock, lines = threading.Lock(), channel.makefile("rwb")

    def ask(request: KeyRequest) -> KeyAnswer:
        with lock:
            return _answered(lines, request)

    return ask


def ask_at(path: Path) -> AskKeys:
    """Asks an agent that this process was not started by, each time on a line of its own."""

    def ask(request: KeyRequest) -> KeyAnswer:
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(TIMEOUT_SECONDS)
                line.connect(str(path))
                with line.makefile("rwb") as lines:
                    return _answered(lines, request)
        except OSError as error:
            raise AgentUnavailable(_NO_AGENT) from error

    return ask


def _answered(lines: io.BufferedRWPair, request: KeyRequest) -> KeyAnswer:
    try:
        lines.write(request.model_dump_json().encode() + b"\n")
        lines.flush()
        return KeyAnswer.model_validate_json(lines.readline(MAX_LINE))
    except (OSError, ValueError) as error:
        raise AgentUnavailable(_NO_AGENT) from error


async def _run(slicer: Slicer, path: Path, *, alone: bool) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    if not alone:
        # The pipe closes however the agent ends: no key outlives it.
        loop.add_reader(sys.stdin.fileno(), stop.set)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await SlicerServer(slicer).start(path, for_group=alone)
    await stop.wait()
    server.close()
    await asyncio.to_thread(path.unlink, missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m streams.slicer", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--vault", type=Path, required=True)
    agent = parser.add_mutually_exclusive_group(required=True)
    agent.add_argument("--channel", type=int, help="descriptor of the agent's pipe")
    agent.add_argument("--agent", type=Path, help="the agent's socket for keys")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="slicer: %(message)s")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold keys
    alone = given.agent is not None
    ask = ask_at(given.agent) if alone else ask_over(socket.socket(fileno=given.channel))
    asyncio.run(_run(Slicer(Vault(given.vault), ask, clock=time.time), given.socket, alone=alone))
    return 0


if __name__ == "__main__":
    sys.exit(main())
