"""No device of the machine is in a sandbox: a permit cannot name one, so none is given."""

from __future__ import annotations

import json

import pytest

from workspaces.sandbox import Profile, Sandbox

pytestmark = [pytest.mark.anyio, pytest.mark.program("bwrap")]

ORDINARY = {"null", "zero", "full", "random", "urandom", "tty", "shm", "pts", "ptmx", "fd",
            "stdin", "stdout", "stderr", "core", "console", "mqueue"}  # fmt: skip


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


async def test_a_sandbox_has_the_ordinary_devices_and_no_other() -> None:
    profile = Profile(data_bytes=1 << 20, memory_bytes=1 << 30, seconds=60)
    told = "import json, os; print(json.dumps(os.listdir('/dev')))"
    ended = await (await Sandbox.start(profile, ["python3", "-c", told])).ended()
    assert set(json.loads(ended.output)) <= ORDINARY
