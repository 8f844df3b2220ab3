"""What a site says of itself before it is sent anything: sandbox, engine, kernel, boot.

Software's word: it shows a committee what was meant to run and lets a record tell two machines
apart. It proves nothing against whoever owns the machine; hardware attestation is not used.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from schemas.runs import Evidence
from schemas.wire import canonical_json
from workspaces import syscalls
from workspaces.sandbox import Profile, command

BOOT = Path("/proc/sys/kernel/random/boot_id")


def gather(*, environment: str, confined: bool = True, boot: Path = BOOT) -> Evidence:
    """`environment` is the engine's digest."""
    system = os.uname()
    return Evidence(
        sandbox=sandbox_digest() if confined else None,
        environment=environment,
        kernel=f"{system.sysname} {system.release} {system.machine}"[:200],
        boot=boot.read_text(encoding="ascii").strip(),
    )


def sandbox_digest() -> str:
    """SHA-256 of the sandbox's command line, with sizes and folders left out, and of the refused
    system calls: the same wherever the same release of Skerry shuts programs in."""
    profile = Profile(data_bytes=0, memory_bytes=0, seconds=0)
    filters = [syscalls.program(one).hex() for one in syscalls.PROCESSORS.values()]
    shut_in = {"command": command(profile, (), refused=0), "refused": filters}
    return hashlib.sha256(canonical_json(shut_in)).hexdigest()
