"""A whole run speaks to nobody but the machine itself: by every address the kernel was given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import traced
from tests.support.engine import engine
from workspaces.engine.federated import settled
from workspaces.sandbox import SOCKET

SOCKETS = frozenset({SOCKET, settled.SOCKET})
TRACER = ["strace", "-f", "-qq", "--seccomp-bpf", "-s", "200", "-e", f"trace={traced.CALLS}",
          "-e", "signal=none", "-o"]  # fmt: skip


def tracing(program: list[str], trace: Path) -> subprocess.CompletedProcess[bytes]:
    line = [*TRACER, str(trace), *program]
    return subprocess.run(line, capture_output=True, timeout=900, check=False)


@pytest.mark.live
@pytest.mark.program("strace", "bwrap")
def test_coordinator_and_sites_connect_to_loopback_and_the_two_sockets_alone(
    tmp_path: Path,
) -> None:
    if tracing(["true"], tmp_path / "trial").returncode:
        pytest.skip("this machine does not let a program be traced")
    engine()
    program = [sys.executable, "-m", "tests.support.traced", str(tmp_path / "run")]
    ran = tracing(program, tmp_path / "trace")
    assert ran.returncode == 0, ran.stderr[-2_000:]
    lines = (tmp_path / "trace").read_text(errors="replace").splitlines()
    assert traced.strangers(lines, sockets=SOCKETS) == []
    for seen in (SOCKET, settled.SOCKET, "127.0.0.1"):  # the trace has what there was
        assert sum(seen in line for line in lines) >= 3


@pytest.mark.parametrize(
    "line",
    [
        'connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.2")}, 16',
        'connect(3, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("0.0.0.0")}, 16',
        'sendto(3, "\\1", 30, 0, {sa_family=AF_INET6, inet_pton(AF_INET6, "2001:db8::1", &a)}, 28)',
        'connect(3, {sa_family=AF_INET6, inet_pton(AF_INET6, "::ffff:192.0.2.1", &sin6_addr)}, 28)',
        'connect(3, {sa_family=AF_UNIX, sun_path="/run/docker.sock"}, 19) = 0',
        'connect(3, {sa_family=AF_UNIX, sun_path=@"/run/coordinator.sock.x"}, 19) = 0',
        "connect(3, {sa_family=AF_VSOCK, svm_cid=0x2, svm_port=0x50}, 16) = 0",
        "connect(3, {sa_family=AF_INET, sa_data=...}, 16) = 0",
        'sendmmsg(3, [{{sa_family=AF_INET, inet_addr("127.0.0.1")}}, {{sa_family=AF_INET}}], 2)',
    ],
)
def test_any_other_address_is_a_stranger_s(line: str) -> None:
    assert traced.strangers([line], sockets=SOCKETS) == [line]


@pytest.mark.parametrize(
    "line",
    [
        'connect(3, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("127.0.0.1")}, 16',
        'connect(3, {sa_family=AF_INET6, inet_pton(AF_INET6, "::1", &sin6_addr)}, 28) = 0',
        f'connect(3, {{sa_family=AF_UNIX, sun_path="{SOCKET}"}}, 24) = 0',
        "connect(3, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 0",
        'sendto(3, "\\1"..., 30, MSG_NOSIGNAL, NULL, 0) = 30',
    ],
)
def test_loopback_the_sockets_and_the_kernel_are_known(line: str) -> None:
    assert traced.strangers([line], sockets=SOCKETS) == []
