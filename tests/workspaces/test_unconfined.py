"""What a trial without a sandbox is started as, and that what is confined is not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from workspaces.evidence import gather
from workspaces.sandbox import SOCKET, WORKPLACE, Profile, command


def profile(trial: Path | None, **environment: str) -> Profile:
    socket = Path("/srv/run/out.sock")
    return Profile(
        data_bytes=1 << 20, memory_bytes=1 << 30, seconds=9, sockets={socket: SOCKET},
        environment=environment, trial=trial,
    )  # fmt: skip


def test_by_default_there_is_a_sandbox() -> None:
    assert Profile(data_bytes=1, memory_bytes=1, seconds=1).trial is None
    assert command(profile(None), ["true"], refused=0)[0] == "bwrap"


def test_what_the_sandbox_would_show_is_named_by_where_it_lies(tmp_path: Path) -> None:
    made = profile(tmp_path, FLWR_HOME=f"{WORKPLACE}/engine", SETTLED=SOCKET, OTHER="/workspaces")
    line = command(made, ["program", SOCKET, "/run/coordinator.socket"], refused=0)
    assert line[-3:] == ["program", "/srv/run/out.sock", "/run/coordinator.socket"]
    assert f"FLWR_HOME={tmp_path}/engine" in line
    assert "SETTLED=/srv/run/out.sock" in line
    assert "OTHER=/workspaces" in line
    assert "bwrap" not in line


def test_nothing_of_the_supervisors_environment_is_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    ran = subprocess.run(
        command(profile(tmp_path), ["sh", "-c", "env; pwd"], refused=0),
        capture_output=True,
        check=True,
    )
    assert b"SECRET_TOKEN" not in ran.stdout
    assert ran.stdout.rstrip().endswith(str(tmp_path).encode())


def test_evidence_says_that_there_was_none(tmp_path: Path) -> None:
    boot = tmp_path / "boot"
    boot.write_text("0-0")
    assert gather(environment="e" * 64, confined=False, boot=boot).sandbox is None
    assert gather(environment="e" * 64, boot=boot).sandbox is not None
