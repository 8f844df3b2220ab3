"""The one process that writes a node's record, for all the processes that serve it.

Listens on a Unix socket that only its owner can open. What arrives in one turn of its loop is one
write to the file, and the answers follow it; durable entries are answered after a sync, which all
that came meanwhile share, and the others are synced within 100 ms. Believes nobody: what a client
calls facts is looked through again. Leaves the file to `chain_file`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import FactRefused, RecordUnavailable
from access.record.chain import Facts, fit
from access.record.chain_file import SYNC_SECONDS, ChainFile
from access.record.wire import ANSWER, REFUSED, Asked, frames
from schemas.errors import SkerryError

MAX_CONNECTIONS = 256

_log = logging.getLogger(__name__)
_Waiting = tuple["_Client", int, int]  # who asked, under which number, which entry it became


class Chain(Protocol):
    """What is written to: a file held here, or one that this process has open already."""

    def write(self, entries: Sequence[tuple[str, Facts]]) -> int: ...
    def sync(self) -> None: ...
    def close(self) -> None: ...


class RecordWriter:
    """The rules of the process, apart from its socket. Belongs to one event loop."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._loop = asyncio.get_running_loop()
        self._taken: list[tuple[_Client, Asked, Facts]] = []
        self._unsynced: list[_Waiting] = []
        self._dirty = False
        self._timer: asyncio.TimerHandle | None = None
        self._syncing: asyncio.Task[None] | None = None
        self.clients: set[_Client] = set()  # each adds itself

    def take(self, client: _Client, asked: Asked) -> None:
        """Raises `FactRefused` for what a client should not have sent."""
        facts = _looked_through(asked)
        if not self._taken:
            self._loop.call_soon(self._write)
        self._taken.append((client, asked, facts))

    async def close(self) -> None:
        """What was taken is written and on disk."""
        self._write()
        self._sync()
        while self._syncing is not None:
            await self._syncing
        if self._timer is not None:
            self._timer.cancel()
        for client in list(self.clients):
            client.drop()
        self._chain.close()

    def _write(self) -> None:
        taken, self._taken = self._taken, []
        if not taken:
            return
        try:
            first = self._chain.write([(asked.kind, facts) for _, asked, facts in taken])
        except RecordUnavailable as error:
            _log.error("not written: %s", error.detail)
            _answer((client, asked.number, REFUSED) for client, asked, _ in taken)
            return
        self._dirty = True
        entries = [
            (asked.durable, (client, asked.number, entry))
            for entry, (client, asked, _) in enumerate(taken, start=first)
        ]
        _answer(waiting for durable, waiting in entries if not durable)
        self._unsynced += [waiting for durable, waiting in entries if durable]
        if self._unsynced:
            self._sync()
        elif self._timer is None:
            self._timer = self._loop.call_later(SYNC_SECONDS, self._sync)

    def _sync(self) -> None:
        """Now, or as soon as the sync under way has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._syncing is None and self._dirty:
            self._syncing = self._loop.create_task(self._synced())

    async def _synced(self) -> None:
        waiting, self._unsynced, self._dirty = self._unsynced, [], False
        try:
            await asyncio.to_thread(self._chain.sync)
        except RecordUnavailable as error:
            _log.error("not on disk: %s", error.detail)
            waiting = [(client, number, REFUSED) for client, number, _ in waiting]
        self._syncing = None
        _answer(waiting)
        if self._unsynced:
            self._sync()
        elif self._dirty and self._timer is None:
            self._timer = self._loop.call_later(SYNC_SECONDS, self._sync)


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, writer: RecordWriter) -> None:
        self._writer = writer
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # as it is for a stream
        self._writer.clients.add(self)
        if len(self._writer.clients) > MAX_CONNECTIONS:
            _log.error("too many connections")
            self.drop()

    def connection_lost(self, _error: Exception | None) -> None:
        self._writer.clients.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            for asked in frames(self._received):
                self._writer.take(self, asked)
        except SkerryError as error:
            _log.error("a client was dropped: %s", error.detail)
            self.drop()

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def answer(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _answer(waiting: Iterable[_Waiting]) -> None:
    """One write per client."""
    answers: defaultdict[_Client, bytearray] = defaultdict(bytearray)
    for client, number, entry in waiting:
        answers[client] += ANSWER.pack(number, entry)
    for client, data in answers.items():
        client.answer(bytes(data))


def _looked_through(asked: Asked) -> Facts:
    try:
        facts = json.loads(asked.raw_facts)
    except (ValueError, RecursionError) as error:
        raise FactRefused("The record refused an entry.", detail="no JSON") from error
    if not isinstance(facts, dict) or (checked := fit(asked.kind, facts)) != asked.raw_facts:
        raise FactRefused("The record refused an entry.", detail=f"{asked.kind:.40}: not canonical")
    return checked


async def serve(chain: Chain, path: Path) -> tuple[asyncio.Server, RecordWriter]:
    """Listens; only the owner of the process can connect."""
    writer = RecordWriter(chain)
    await asyncio.to_thread(path.unlink, missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        # Before it has a name, and not by a umask: that is the whole process's, whose other threads
        # make files and folders meanwhile.
        os.fchmod(listening.fileno(), 0o600)
        listening.bind(str(path))
        loop = asyncio.get_running_loop()
        return await loop.create_unix_server(lambda: _Client(writer), sock=listening), writer
    except BaseException:
        listening.close()
        raise


async def _run(chain: ChainFile, path: Path, *, until_eof: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if until_eof:
        loop.add_reader(sys.stdin.fileno(), stop.set)  # however the node ends, kill -9 included
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server, writer = await serve(chain, path)
    await stop.wait()
    server.close()
    await writer.close()
    await asyncio.to_thread(path.unlink, missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after a stop by signal, 2 for a record or key that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m access.record.writer", description=__doc__)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True, help="the node's Ed25519 secret, raw")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--until-eof", action="store_true", help="stop when stdin closes")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="record writer: %(message)s")
    try:
        key = Ed25519PrivateKey.from_private_bytes(given.key.read_bytes())
        chain = ChainFile(given.record, signing_key=key)
    except (SkerryError, OSError, ValueError) as error:
        _log.error("cannot start: %s", getattr(error, "detail", None) or error)
        return 2
    with suppress(ImportError):
        import uvloop  # a third less per entry, where the node's extra brought it

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_run(chain, given.socket, until_eof=given.until_eof))
    return 0


if __name__ == "__main__":
    sys.exit(main())
