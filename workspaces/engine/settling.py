"""Keeps over which sites sums are opened, and tells the sandbox: `federated.settled`'s other end.

One file per approved request, made once and never changed. What comes through the socket is from a
sandbox: it can name sites of the permit's roster, this one among them, and nothing else is written.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from workspaces.engine.federated.settled import MAX_LINE
from workspaces.errors import EngineRefused

_SECONDS = 10


class SettledSites:
    """The file at `place`; `roster` are the fingerprints of the permit, `me` is this site's."""

    def __init__(self, place: Path, *, roster: Sequence[str], me: str, least: int) -> None:
        self._place = place
        self._roster = frozenset(roster)
        self._me = me
        self._least = least

    def settle(self, sites: Sequence[str]) -> tuple[str, ...]:
        """As `federated.settled.Settle`; raises `EngineRefused` for sites no sum may be over."""
        named = frozenset(sites)
        if named:
            if len(named) < self._least or self._me not in named or not named <= self._roster:
                raise EngineRefused("No sum may be over those sites.")
            self._make(json.dumps(sorted(named)).encode())
        return self._read()

    def _make(self, content: bytes) -> None:
        """Whole or not at all, on the disk before anybody hears of it; the first one stays."""
        self._place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._place.with_name(f"{self._place.name}.{secrets.token_hex(8)}")
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            with suppress(FileExistsError):
                os.link(fresh, self._place)
        finally:
            fresh.unlink()
        folder = os.open(self._place.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read(self) -> tuple[str, ...]:
        try:
            with self._place.open("rb") as file:
                return tuple(map(str, json.loads(file.read(MAX_LINE))))
        except FileNotFoundError:
            return ()
        except ValueError as error:
            raise EngineRefused(f"{self._place.name} cannot be read: nothing is summed.") from error


class SettledDoor:
    """A Unix socket: a list of sites a line in, the settled ones a line out. What is refused gets
    no answer."""

    def __init__(self, socket: Path, kept: SettledSites) -> None:
        self.socket = socket
        self._kept = kept
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._met, str(self.socket), limit=MAX_LINE)
        self.socket.chmod(0o600)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        with suppress(OSError):
            self.socket.unlink()

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, RecursionError, EngineRefused):
            async with asyncio.timeout(_SECONDS):
                asked = json.loads(await reader.readline())
                if isinstance(asked, list) and all(isinstance(one, str) for one in asked):
                    writer.write(json.dumps(self._kept.settle(asked)).encode() + b"\n")
                    await writer.drain()
        writer.close()
