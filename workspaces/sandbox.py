"""Runs a program with nothing but what it was given: bubblewrap, no network, no home, no way out.

Inside there are the system's read-only programs, the folders named, a fresh working folder of fixed
size in memory, and the Unix sockets named. It runs as nobody, and the kernel refuses it the system
calls that `syscalls` lists. Everything ends with the supervisor that started it, and at the wall
clock's end. Where the machine forbids unprivileged namespaces, `probe` says so and nothing is
started; what a trial without a sandbox is instead is `unconfined`'s.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from workspaces import syscalls, unconfined
from workspaces.errors import SandboxRefused

WORKPLACE = "/workspace"
SOCKET = "/run/coordinator.sock"
_SYSTEM = ("/usr", "/etc/ssl", "/etc/ld.so.cache")
_LINKS = (("usr/bin", "/bin"), ("usr/lib", "/lib"), ("usr/lib64", "/lib64"), ("usr/sbin", "/sbin"))
_TMP = "/tmp"  # noqa: S108 - the sandbox's own, in memory
_SHARED = "/dev/shm"  # noqa: S108 - so is this
_NOBODY = "65534"
_PROBE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Profile:
    """What one sandbox may use. Sizes are bytes; `seconds` is wall clock; `readable` are folders
    seen at their own paths; `sockets` are Unix sockets outside and the paths they have inside.
    `trial` is where a program works that nothing confines; None confines it."""

    data_bytes: int
    memory_bytes: int
    seconds: float
    processes: int = 256
    readable: tuple[Path, ...] = ()
    sockets: Mapping[Path, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    trial: Path | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code (negative: the signal), and whether time was up."""

    code: int
    out_of_time: bool
    output: bytes


def command(
    profile: Profile, program: Sequence[str], *, refused: int, bwrap: str = "bwrap"
) -> list[str]:
    """The whole command line; `refused` is the descriptor of `syscalls`. Pure."""
    if profile.trial is not None:
        places = {place: socket for socket, place in profile.sockets.items()}
        return unconfined.command(
            program,
            folder=profile.trial,
            places={**places, WORKPLACE: profile.trial},
            environment=profile.environment,
        )
    line = [
        bwrap, "--unshare-all", "--unshare-user", "--uid", _NOBODY, "--gid", _NOBODY,
        "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--seccomp", str(refused),
        "--hostname", "workspace", "--clearenv",
    ]  # fmt: skip
    environment = {"PATH": "/usr/bin:/bin", "HOME": WORKPLACE, "LANG": "C.UTF-8", "TMPDIR": _TMP}
    for name, value in sorted({**environment, **profile.environment}.items()):
        line += ["--setenv", name, value]
    for place in _SYSTEM:
        line += ["--ro-bind-try", place, place]
    for target, place in _LINKS:
        line += ["--symlink", target, place]
    line += ["--proc", "/proc", "--dev", "/dev"]
    # --size holds for the next tmpfs only. Folders come after: one may lie below /tmp.
    line += ["--size", str(profile.data_bytes), "--tmpfs", WORKPLACE]
    for place in (_TMP, _SHARED):
        line += ["--size", str(max(profile.data_bytes // 8, 1 << 20)), "--tmpfs", place]
    for folder in profile.readable:
        line += ["--ro-bind", str(folder), str(folder)]
    for socket, place in profile.sockets.items():
        line += ["--bind", str(socket), place]
    # What holds the mount points is memory too, without a size: nothing more is put there.
    line += ["--remount-ro", "/", "--remount-ro", "/dev"]
    return [*line, "--chdir", WORKPLACE, "--", *program]


def probe() -> None:
    """Raises `SandboxRefused` unless this machine can sandbox: no program is run without one."""
    if shutil.which("bwrap") is None:
        raise SandboxRefused("bubblewrap is not installed: apt-get install bubblewrap")
    tiny = Profile(data_bytes=1 << 20, memory_bytes=1 << 30, seconds=_PROBE_SECONDS)
    try:
        with syscalls.opened() as refused:
            ran = subprocess.run(  # noqa: S603 - our own words
                command(tiny, ["true"], refused=refused), pass_fds=(refused,),
                capture_output=True, timeout=_PROBE_SECONDS, check=False,
            )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxRefused("The sandbox did not start.", detail=str(error)) from error
    if ran.returncode != 0:
        raise SandboxRefused(
            "This machine does not allow unprivileged namespaces, so nothing is run on it.",
            detail=ran.stderr.decode(errors="replace")[:500],
        )


class Sandbox:
    """One running program. `stop` ends it and everything it started."""

    def __init__(self, process: asyncio.subprocess.Process, profile: Profile) -> None:
        self._process = process
        self._profile = profile
        self.output = b""  # the last of what it wrote, kept by `ended`

    @classmethod
    async def start(
        cls, profile: Profile, program: Sequence[str], *, standard_input: bytes | None = None
    ) -> Sandbox:
        """Raises `SandboxRefused` where the sandbox, not the program, could not be made."""
        given = asyncio.subprocess.PIPE if standard_input is not None else subprocess.DEVNULL
        try:
            with syscalls.opened() as refused:
                process = await asyncio.create_subprocess_exec(
                    *command(profile, program, refused=refused),
                    stdin=given,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=_limits(profile),
                    pass_fds=(refused,),
                )
        except OSError as error:
            raise SandboxRefused("The sandbox did not start.", detail=str(error)) from error
        made = cls(process, profile)
        if standard_input is not None and process.stdin is not None:
            process.stdin.write(standard_input)
            process.stdin.close()
        return made

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def ended(self, *, most_output: int = 1 << 20) -> Ended:
        """Waits for the end, at most the profile's seconds; keeps the last `most_output` bytes."""
        try:
            async with asyncio.timeout(self._profile.seconds):
                await self._read(most_output)
                code = await self._process.wait()
        except TimeoutError:
            await self.stop()
            code = self._process.returncode or -signal.SIGKILL
            return Ended(code, out_of_time=True, output=self.output)
        return Ended(code, out_of_time=False, output=self.output)

    async def stop(self) -> None:
        """Ends the whole session; returns when it is gone."""
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def _read(self, most: int) -> None:
        stream = self._process.stdout
        while stream is not None and (part := await stream.read(64 * 1024)):
            self.output = (self.output + part)[-most:]


def _limits(profile: Profile) -> Callable[[], None]:
    def apply() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (profile.memory_bytes, profile.memory_bytes))
        resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, 1_024))
        resource.setrlimit(resource.RLIMIT_FSIZE, (profile.data_bytes, profile.data_bytes))
        if os.geteuid() != 0:  # for root the kernel does not count
            resource.setrlimit(resource.RLIMIT_NPROC, (profile.processes, profile.processes))

    return apply
