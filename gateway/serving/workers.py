"""Serves a node by several processes: one that writes its record, and workers that answer.

Whichever of them ends is started again, also while the node starts. One that keeps ending as soon
as it starts, or before it was ready, stops the node, since an operator must look; and so does one
that says at the node's start that it cannot be (`CANNOT_START`). Stopping is in order: the workers
finish their answers, then the writer signs the record.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from gateway import config
from gateway.errors import ConfigError
from gateway.home import NodeHome
from gateway.serving import share

_log = structlog.get_logger(__name__)
_LOOK_SECONDS = 0.2
_START_SECONDS = 300.0
_STOP_SECONDS = 30.0
_SOON_SECONDS = 10.0
MAX_ENDED_SOON = 5
CANNOT_START = 2  # what a process ends with that has said why


@dataclass(slots=True)
class Child:
    """A process that is kept running; it ends when its standard input closes."""

    name: str
    arguments: Sequence[str]
    ready: Path
    process: subprocess.Popen[bytes] = field(init=False)
    started: float = field(init=False)
    was_ready: bool = field(init=False)
    ended_soon: int = 0

    def start(self) -> None:
        self.started, self.was_ready = time.monotonic(), False
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            [sys.executable, "-m", *self.arguments],
            stdin=subprocess.PIPE,
            process_group=0,  # a terminal's Ctrl-C reaches the node, which stops these
        )

    def wait_until_ready(self, stop: threading.Event) -> None:
        """Or until it is told to stop. Raises `ConfigError` where it will not be."""
        while not self.is_ready() and not stop.is_set():
            late = time.monotonic() > self.started + _START_SECONDS
            if late or self.process.poll() == CANNOT_START:
                raise ConfigError(f"the {self.name} did not start; see its lines above")
            self.look()
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Once it was, it is until it ends."""
        self.was_ready = self.was_ready or share.is_listening(self.ready)
        return self.was_ready

    def look(self) -> None:
        """Starts it again if it ended. Raises `ConfigError` when that has not helped."""
        if self.process.poll() is None:
            self.is_ready()
            return
        soon = not self.was_ready or time.monotonic() < self.started + _SOON_SECONDS
        self.ended_soon = self.ended_soon + 1 if soon else 0
        _log.error("started again", process=self.name, code=self.process.returncode)
        if self.ended_soon > MAX_ENDED_SOON:
            raise ConfigError(f"the {self.name} keeps ending; see its lines above")
        self.stop()
        self.start()

    def stop(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()

    def wait(self) -> None:
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run(home: NodeHome, settings: config.NodeSettings, *, count: int) -> None:
    """Until it is told to stop by SIGTERM or SIGINT."""
    stop = _told_to_stop()
    share.clear(home.root)
    try:
        _run(home, settings, count=count, stop=stop)
    finally:
        share.clear(home.root)


def _run(
    home: NodeHome, settings: config.NodeSettings, *, count: int, stop: threading.Event
) -> None:
    try:
        port = share.shared_port(settings.host, settings.port)  # held, so that nobody else takes it
    except OSError as error:
        raise ConfigError(f"{settings.host}:{settings.port}: {error.strerror}") from error
    socket = share.record_socket(home.root)
    record = ("access.record.writer", "--record", str(home.record), "--key", str(home.node_key),
              "--socket", str(socket), "--until-eof")  # fmt: skip
    with port, _kept([Child("record writer", record, socket)], stop) as writers:
        workers = [
            Child(
                f"worker {number}",
                ("gateway.serving.worker", "--node", str(home.root),
                 "--number", str(number), "--count", str(count)),
                share.Share(home.root, number, count).socket(number),
            )
            for number in range(count)
        ]  # fmt: skip
        with _kept(workers, stop):
            while not stop.wait(_LOOK_SECONDS):
                for child in (*writers, *workers):
                    child.look()


@contextlib.contextmanager
def _kept(children: Sequence[Child], stop: threading.Event) -> Iterator[Sequence[Child]]:
    started: list[Child] = []
    try:
        for child in children:
            child.start()
            started.append(child)
        for child in children:
            child.wait_until_ready(stop)
        yield children
    finally:
        for child in started:
            child.stop()
        for child in started:
            child.wait()


def _told_to_stop() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop
