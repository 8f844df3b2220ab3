"""What runs in the sandbox cannot reach anything it was not given, nor outlive its supervisor."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.served_node import until
from workspaces import syscalls
from workspaces.errors import SandboxRefused
from workspaces.sandbox import SOCKET, WORKPLACE, Ended, Profile, Sandbox, command, probe

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox]

SMALL = Profile(data_bytes=4 << 20, memory_bytes=2 << 30, seconds=20)


async def run(script: str, profile: Profile = SMALL) -> Ended:
    sandbox = await Sandbox.start(profile, ["sh", "-c", script])
    return await sandbox.ended()


async def test_a_program_runs_and_its_output_comes_back() -> None:
    found = await run("echo from inside; pwd; exit 3")
    assert (found.code, found.out_of_time) == (3, False)
    assert found.output.decode().split() == ["from", "inside", WORKPLACE]


async def test_there_is_no_network_but_an_empty_loopback() -> None:
    found = await run("ls /sys/class/net 2>/dev/null; cat /proc/net/dev | tail -n +3")
    assert found.output.decode().split(":")[0].strip() == "lo"


async def test_nothing_of_the_machine_is_seen_but_programs(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("plaintext")
    home = Path.home()
    script = f"cat {secret}; ls {home}; ls /home /opt /srv /var; env; cat /etc/passwd; ps aux"
    found = await run(script)
    said = found.output.decode()
    assert "plaintext" not in said
    assert "root:x:0" not in said
    assert {line.partition("=")[0] for line in said.splitlines() if "=" in line} <= {
        "PATH", "HOME", "LANG", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_",
    }  # fmt: skip


async def test_nothing_is_written_outside_of_the_workplace(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "data.txt").write_text("readable")
    profile = Profile(data_bytes=4 << 20, memory_bytes=2 << 30, seconds=20, readable=(given,))
    script = (
        f"cat {given}/data.txt; echo x > {given}/new; echo x > /usr/new; echo x > here; cat here"
    )
    found = await run(script, profile)
    assert found.output.decode().startswith("readable")
    assert found.output.decode().endswith("x\n")
    assert [one.name for one in given.iterdir()] == ["data.txt"]
    assert "/usr/new: Read-only file system" in found.output.decode()


async def test_the_workplace_has_a_fixed_size_and_is_gone_afterwards() -> None:
    found = await run("dd if=/dev/zero of=big bs=1M count=20 2>&1; ls -l big")
    assert found.code == 0 or b"big" in found.output
    sizes = [int(word) for word in found.output.split() if word.isdigit() and len(word) > 6]
    assert max(sizes, default=0) <= 4 << 20
    assert b"big" not in (await run("ls")).output


async def test_memory_and_core_dumps_are_limited() -> None:
    profile = Profile(data_bytes=4 << 20, memory_bytes=256 << 20, seconds=20)
    script = 'python3 -c "x = bytearray(1 << 30)" 2>&1 | tail -1; ulimit -c'
    found = await run(script, profile)
    assert b"MemoryError" in found.output or b"memory" in found.output.lower()
    assert found.output.split()[-1] == b"0"


async def test_at_the_end_of_its_time_it_is_ended() -> None:
    started = time.monotonic()
    found = await run("sleep 120", Profile(data_bytes=1 << 20, memory_bytes=1 << 30, seconds=0.5))
    assert found.out_of_time
    assert time.monotonic() - started < 60


def _alive(mark: str) -> bool:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return any(mark in line and "ps -eo" not in line for line in listed.stdout.splitlines())


async def test_stopping_ends_everything_it_started() -> None:
    mark = f"sleep 98{os.getpid()}"
    sandbox = await Sandbox.start(SMALL, ["sh", "-c", f"{mark} & {mark}"])
    await asyncio.to_thread(until, lambda: _alive(mark))
    await sandbox.stop()
    await asyncio.to_thread(until, lambda: not _alive(mark))
    assert not sandbox.running


def test_it_does_not_outlive_a_supervisor_that_was_killed() -> None:
    mark = f"97{os.getpid()}"
    with syscalls.opened() as refused:
        line = command(SMALL, ["sleep", mark], refused=refused)
        script = f"import subprocess; subprocess.run({line!r}, pass_fds=({refused},))"
        supervisor = subprocess.Popen([sys.executable, "-c", script], pass_fds=(refused,))
    until(lambda: _alive(f"sleep {mark}"))
    supervisor.kill()
    supervisor.wait()
    until(lambda: not _alive(f"sleep {mark}"))


@pytest.mark.live
async def test_one_socket_leads_out_and_no_other(tmp_path: Path) -> None:
    place = tmp_path / "outside.sock"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(place))
    listening.listen()
    profile = Profile(data_bytes=4 << 20, memory_bytes=2 << 30, seconds=20, sockets={place: SOCKET})
    script = (
        'python3 -c "import socket; s = socket.socket(socket.AF_UNIX); '
        f"s.connect('{SOCKET}'); s.sendall(b'hello'); s.close(); "
        "t = socket.socket(); t.settimeout(2); t.connect(('127.0.0.1', 80))\""
    )
    sandbox = await Sandbox.start(profile, ["sh", "-c", script])
    loop = asyncio.get_running_loop()
    listening.setblocking(False)
    connection, _ = await asyncio.wait_for(loop.sock_accept(listening), 600)
    heard = await asyncio.wait_for(loop.sock_recv(connection, 100), 600)
    found = await sandbox.ended()
    connection.close()
    listening.close()
    assert heard == b"hello"
    assert found.code != 0
    assert b"refused" in found.output.lower() or b"unreachable" in found.output.lower()


def test_without_bubblewrap_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxRefused, match="bubblewrap is not installed"):
        probe()
