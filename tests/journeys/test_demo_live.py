"""The whole demo as its user starts it: real processes, real HTTP, and nothing left behind."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.errors import Exit
from gateway.serving.processes import port_is_free
from tests.support.engine import engine
from tests.support.loopback import demo_ports, unused_demo

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to see processes"),
]

ROOT = Path(__file__).resolve().parents[2]


def mentioning(text: str) -> list[int]:
    """The processes whose environment names `text`: all that a demo started, however far down."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if text.encode() in environment and state != "Z":
                found.append(int(entry.name))
    return found


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all that a demo writes; its path is short, as sockets lie below it."""
    return tmp_path_factory.mktemp("demo")


def begin(temporary: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_nothing_left(temporary: Path, first: int) -> None:
    deadline = time.monotonic() + 600  # a key agent cut short ends by itself, when its pipe closes
    while mentioning(str(temporary)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert mentioning(str(temporary)) == []
    assert list(temporary.iterdir()) == []
    assert all(map(port_is_free, demo_ports(first)))


def test_every_journey_holds_with_questions_nobody_rehearsed(temporary: Path) -> None:
    engine()  # skips where the fourth cannot be walked
    first = unused_demo()
    seed = str(random.SystemRandom().randrange(2**32))
    demo = begin(temporary, "--smoke", "--port", str(first), "--seed", seed)
    out, err = demo.communicate(timeout=3_600)
    assert demo.returncode == Exit.OK, out + err
    assert f"seed {seed}" in out
    journeys = re.findall(r"^journey (\d) [^:]*: (\w+)", out, re.MULTILINE)
    assert journeys == [("1", "held"), ("2", "held"), ("3", "held"), ("4", "held")], out
    assert_nothing_left(temporary, first)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_demo_stopped_while_it_starts_leaves_nothing(
    temporary: Path, number: signal.Signals
) -> None:
    first = unused_demo()
    demo = begin(temporary, "--port", str(first))
    deadline = time.monotonic() + 600
    while len(mentioning(str(temporary))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    demo.send_signal(number)
    out, err = demo.communicate(timeout=3_600)
    assert "Traceback" not in err, out + err
    # Python may end by the signal itself, which a shell calls 130 too.
    assert demo.returncode in {Exit.INTERRUPTED, Exit.OK, -signal.SIGINT}, out + err
    assert_nothing_left(temporary, first)


def test_a_port_that_is_taken_is_named_and_nothing_is_started(temporary: Path) -> None:
    first = unused_demo()
    with socket.socket() as other:
        other.bind(("127.0.0.1", first + 2))
        other.listen()
        demo = begin(temporary, "--smoke", "--port", str(first))
        _, err = demo.communicate(timeout=3_600)
    assert demo.returncode == Exit.PORT_TAKEN
    assert f"port {first + 2} is already taken; choose others with --port" in err
    assert_nothing_left(temporary, first)
