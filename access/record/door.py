"""Lets others of the node write to the record that a single process holds: its key agent, commands.

The same socket and the same looking-through as of a record's writer (`record.writer`), on a thread
and a loop of its own: whoever serves waits for the agent, and the agent for its entry, so that the
loop of the server must not be what answers it. Closing the record stays with who opened it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from access.record import writer as record_writer
from access.record.audit import RecordFile
from access.record.chain import Facts

START_SECONDS = 120.0

_Stop = tuple[asyncio.AbstractEventLoop, asyncio.Event]


class _Beside:
    """The record as a writer's process sees its file."""

    def __init__(self, record: RecordFile) -> None:
        self._record = record

    def write(self, entries: Sequence[tuple[str, Facts]]) -> int:
        return self._record.add(entries)

    def sync(self) -> None:
        self._record.sync()

    def close(self) -> None:
        """What was taken is synced; the record goes on."""


@contextmanager
def door(record: RecordFile, path: Path) -> Generator[None]:
    """Listens at `path` meanwhile, for the owner of the process alone. Raises OSError, and whatever
    else kept the thread from listening."""
    started: Future[_Stop] = Future()
    thread = threading.Thread(
        target=_run, args=(record, path, started), name="record door", daemon=True
    )
    thread.start()
    loop, stop = started.result(timeout=START_SECONDS)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def _run(record: RecordFile, path: Path, started: Future[_Stop]) -> None:
    try:
        asyncio.run(_hold(record, path, started))
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)  # raised where the door was asked for


async def _hold(record: RecordFile, path: Path, started: Future[_Stop]) -> None:
    stop = asyncio.Event()
    server, writer = await record_writer.serve(_Beside(record), path)
    started.set_result((asyncio.get_running_loop(), stop))
    await stop.wait()
    server.close()
    await writer.close()
    await asyncio.to_thread(path.unlink, missing_ok=True)
