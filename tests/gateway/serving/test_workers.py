"""A process that a node keeps running is started again, and how often is bounded; of real ones."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.serving import workers
from gateway.serving.workers import CANNOT_START, MAX_ENDED_SOON, Child

pytestmark = pytest.mark.live

# Ends as it is told the first so many times, then listens until its standard input closes.
PROCESS = """
import os, pathlib, signal, socket, sys
starts, path, times, how = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
with starts.open("a") as file:
    file.write("started\\n")
if len(starts.read_text().splitlines()) <= times:
    os.kill(os.getpid(), signal.SIGKILL) if how == "killed" else sys.exit(int(how))
pathlib.Path(path).unlink(missing_ok=True)
with socket.socket(socket.AF_UNIX) as listening:
    listening.bind(path)
    listening.listen()
    sys.stdin.read()
"""
Make = Callable[[int, str], Child]


@pytest.fixture
def starts(tmp_path: Path) -> Path:
    return tmp_path / "starts"


@pytest.fixture
def make(tmp_path: Path, starts: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    (tmp_path / "ending.py").write_text(PROCESS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(workers, "_START_SECONDS", 600.0)
    ready, made = tmp_path / "ready.sock", list[Child]()

    def started(times: int, how: str) -> Child:
        arguments = ("ending", str(starts), str(ready), str(times), how)
        made.append(Child("worker 0", arguments, ready))
        made[0].start()
        return made[0]

    yield started
    for child in made:
        child.stop()
        child.wait()


def times(starts: Path) -> int:
    return len(starts.read_text().splitlines())


@pytest.mark.parametrize("how", ["killed", "0", "1"])
def test_one_that_ends_before_it_was_ever_ready_is_started_again(
    make: Make, starts: Path, how: str
) -> None:
    child = make(MAX_ENDED_SOON, how)
    child.wait_until_ready(threading.Event())
    assert times(starts) == MAX_ENDED_SOON + 1
    assert child.process.poll() is None


@pytest.mark.parametrize("how", ["killed", "0", "1"])
def test_one_that_never_gets_ready_is_not_started_for_ever(
    make: Make, starts: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long each time takes: it is not by ending soon that it is known."""
    monkeypatch.setattr(workers, "_SOON_SECONDS", 0.0)
    child = make(1_000, how)
    with pytest.raises(ConfigError, match="the worker 0 keeps ending; see its lines above"):
        child.wait_until_ready(threading.Event())
    assert times(starts) == MAX_ENDED_SOON + 1


def test_one_that_has_said_why_it_cannot_start_is_believed(make: Make, starts: Path) -> None:
    child = make(1, str(CANNOT_START))
    with pytest.raises(ConfigError, match="the worker 0 did not start; see its lines above"):
        child.wait_until_ready(threading.Event())
    assert times(starts) == 1


def test_one_that_is_killed_after_it_was_ready_is_started_again(make: Make, starts: Path) -> None:
    child = make(0, "killed")
    for number in range(1, 4):
        child.wait_until_ready(threading.Event())
        assert times(starts) == number
        os.kill(child.process.pid, signal.SIGKILL)
        child.process.wait(600)
        child.look()
        assert not child.was_ready
    child.wait_until_ready(threading.Event())


def test_a_node_that_is_told_to_stop_waits_for_nobody(make: Make) -> None:
    stop = threading.Event()
    stop.set()
    make(1_000, "killed").wait_until_ready(stop)


def test_one_that_does_nothing_is_not_waited_for_for_ever(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_START_SECONDS", -1.0)
    with pytest.raises(ConfigError, match="did not start"):
        make(1_000, "killed").wait_until_ready(threading.Event())
