"""Fault: kill -9 of the record's writer, or of a process that answers, while entries pour in.

Nothing that was acknowledged is lost, and the record goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import RecordUnavailable
from access.record.audit import verify
from access.record.client import RecordClient

ROOT = Path(__file__).resolve().parents[2]
KEY = b"k" * 32
NAMES = b"p" * 32
PROGRAM = """
import asyncio, sys
from pathlib import Path
from access.errors import RecordUnavailable
from access.record.client import RecordClient

async def ask(client, worker, first):
    for n in range(first, 10**9, 8):
        number = await client.write("answer.sent", {"worker": worker, "n": n})
        sys.stdout.write(f"{number} {worker} {n}\\n")
        sys.stdout.flush()

async def main(socket, worker):
    client = RecordClient(Path(socket), pseudonym_key=b"p" * 32)
    try:
        await asyncio.gather(*(ask(client, worker, first) for first in range(8)))
    except RecordUnavailable:
        client.close()

asyncio.run(main(*sys.argv[1:]))
"""


def start(*arguments: str, output: Path | None = None) -> subprocess.Popen[bytes]:
    written = subprocess.DEVNULL if output is None else os.open(output, os.O_WRONLY | os.O_CREAT)
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=written)


def writer(folder: Path) -> subprocess.Popen[bytes]:
    (folder / "key").write_bytes(KEY)
    started = start(
        *("-m", "access.record.writer", "--record", str(folder / "record.jsonl")),
        *("--key", str(folder / "key"), "--socket", str(folder / "w.sock")),
    )
    deadline = time.monotonic() + 600
    while not _takes(folder):
        assert started.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return started


def _takes(folder: Path) -> bool:
    client = RecordClient(folder / "w.sock", pseudonym_key=NAMES)
    try:
        client.append("node.started", {})
    except RecordUnavailable:
        return False
    finally:
        client.close()
    return True


def acknowledged(output: Path) -> dict[int, tuple[str, int]]:
    """Whole lines only: the last may have been cut by the kill."""
    lines = output.read_text().split("\n")[:-1]
    found = (line.split() for line in lines)
    return {int(number): (worker, int(n)) for number, worker, n in found}


@pytest.mark.parametrize("victim", ["writer", "worker"])
def test_what_was_acknowledged_stands_after_kill_9(tmp_path: Path, victim: str) -> None:
    first = writer(tmp_path)
    outputs = [tmp_path / name for name in ("a", "b")]
    workers = [
        start("-c", PROGRAM, str(tmp_path / "w.sock"), output.name, output=output)
        for output in outputs
    ]
    processes = [first, *workers]
    try:
        deadline = time.monotonic() + 600
        while any(output.stat().st_size < 10_000 for output in outputs):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        killed = first if victim == "writer" else workers[0]
        killed.send_signal(signal.SIGKILL)
        assert killed.wait(600) == -signal.SIGKILL
        if victim == "worker":
            size = outputs[1].stat().st_size
            while outputs[1].stat().st_size < size + 2_000:  # the other one is not disturbed
                assert time.monotonic() < deadline
                time.sleep(0.02)
            workers[1].terminate()
            first.terminate()
            assert first.wait(600) == 0
        for worker in workers:
            worker.wait(600)
        processes.append(writer(tmp_path))
        processes[-1].terminate()
        assert processes[-1].wait(600) == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()
    key = Ed25519PrivateKey.from_private_bytes(KEY).public_key()
    assert verify(tmp_path / "record.jsonl", key).problem is None
    entries = [json.loads(line) for line in (tmp_path / "record.jsonl").read_bytes().splitlines()]
    for output in outputs:
        told = acknowledged(output)
        assert len(told) > 500
        for number, (name, n) in told.items():
            assert entries[number - 1]["facts"] == {"worker": name, "n": n}
