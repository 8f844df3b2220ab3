"""The sockets of the key agent: where the web process asks for headers, and slicers for keys.

Only the owner of the process can connect, or its group; the keys' door looks at the user too.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from socket import SO_PEERCRED, SOL_SOCKET
from socket import socket as Socket  # noqa: N812 - a type here

from pydantic import ValidationError

from schemas.errors import SkerryError
from streams.agent_wire import (
    IDLE_SECONDS,
    MAX_LINE,
    TIMEOUT_SECONDS,
    KeyAnswer,
    KeyRequest,
    RewrapAnswer,
    RewrapRequest,
)
from streams.rewrapping import Agent

MAX_CONNECTIONS = 64

_log = logging.getLogger(__name__)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class AgentServer:
    """Answers on the socket until it is told to stop."""

    def __init__(self, agent: Agent, *, clock: Callable[[], float] = time.time) -> None:
        self._agent = agent
        self._clock = clock
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)

    async def start(self, socket: Path, *, for_group: bool = False) -> asyncio.Server:
        """Listens; only the owner of the process can connect, or its group too."""
        return await listen(self._serve, socket, for_group=for_group)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._places, asyncio.timeout(IDLE_SECONDS) as limit:
                while line := await reader.readline():
                    limit.reschedule(asyncio.get_running_loop().time() + TIMEOUT_SECONDS)
                    answer = self._answer(line)
                    writer.write(answer.model_dump_json().encode() + b"\n")
                    await writer.drain()
                    limit.reschedule(asyncio.get_running_loop().time() + IDLE_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            _log.warning("a caller was dropped: %s", type(error).__name__)
        finally:
            writer.close()

    def _answer(self, line: bytes) -> RewrapAnswer:
        try:
            request = RewrapRequest.model_validate_json(line)
        except ValidationError:
            _log.warning("refused: not a request")
            return RewrapAnswer(refused="The request cannot be read.")
        permit_id = request.permit.permit.permit_id
        try:
            header = self._agent.rewrap(request, now=int(self._clock()))
        except SkerryError as error:
            _log.warning("refused: permit %.64r: %s", permit_id, error.public)
            return RewrapAnswer(refused=error.public)
        # The record says which object; its name may hold a person's, which no log does.
        _log.info("re-wrapped: permit %.64r", permit_id)
        return RewrapAnswer(header=base64.b64encode(header).decode())


async def listen(serve: Serve, path: Path, *, for_group: bool) -> asyncio.Server:
    """On a new Unix socket that its owner alone can open, or its owner's group."""
    await asyncio.to_thread(path.unlink, missing_ok=True)
    before = os.umask(0o117 if for_group else 0o177)
    try:
        return await asyncio.start_unix_server(serve, path, limit=MAX_LINE)
    finally:
        os.umask(before)


async def serve_keys(
    agent: Agent, channel: Socket, *, clock: Callable[[], float] = time.time
) -> None:
    """Answers the slicer at the other end of `channel` until that end is closed."""
    await _give_keys(agent, *await asyncio.open_connection(sock=channel, limit=MAX_LINE), clock)


async def _give_keys(
    agent: Agent,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    clock: Callable[[], float],
) -> None:
    while line := await reader.readline():
        try:
            answer = agent.unit_keys(KeyRequest.model_validate_json(line), now=int(clock()))
        except (SkerryError, ValidationError) as error:
            _log.warning("refused to the slicer: %s", type(error).__name__)
            answer = KeyAnswer(refused=error.public if isinstance(error, SkerryError) else "unread")
        writer.write(answer.model_dump_json().encode() + b"\n")
        await writer.drain()


@dataclass(frozen=True, slots=True)
class KeyDoor:
    """Where slicers that somebody else starts, under a user of their own, ask for keys: only that
    user is answered, whoever can open the socket."""

    path: Path
    user: int

    async def open(self, agent: Agent, *, clock: Callable[[], float] = time.time) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                if self._is_for(writer):
                    await _give_keys(agent, reader, writer, clock)
                else:
                    _log.warning("a caller of another user was dropped")
            except (OSError, ValueError) as error:
                _log.warning("a slicer was dropped: %s", type(error).__name__)
            finally:
                writer.close()

        return await listen(serve, self.path, for_group=True)

    def _is_for(self, writer: asyncio.StreamWriter) -> bool:
        line: Socket = writer.get_extra_info("socket")
        _pid, user, _group = struct.unpack(
            "3i", line.getsockopt(SOL_SOCKET, SO_PEERCRED, struct.calcsize("3i"))
        )
        return bool(user == self.user)
