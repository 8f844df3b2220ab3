"""A real PostgreSQL server of the test run's own, on a Unix socket in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import pytest

_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class PostgreSQL:
    """`programs` is where initdb and its like are."""

    socket: Path
    user: str
    programs: Path
    _control: Callable[..., None]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"control{next(self._numbers)}"
        self.run("createdb", "-h", str(self.socket), "-U", self.user, name)
        return f"postgresql://{self.user}@/{name}?host={self.socket}"

    def start(self) -> None:
        """It begins running; also after `stop`."""
        options = f"-k {self.socket} -c listen_addresses= -c fsync=off"
        self._control("-w", "-l", f"{self.socket}/log", "-o", options, "start")

    def stop(self) -> None:
        """As an upgrade of the system would: connections are cut, what was committed stays."""
        self._control("-w", "-m", "fast", "stop")

    def run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            check=True, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        return done.stdout


def programs() -> Path | None:
    """Debian keeps them out of PATH, one folder per version."""
    on_path = shutil.which("initdb")
    folders = [one.parent for one in sorted(_DEBIAN.glob("*/bin/initdb"), reverse=True)]
    folders += [Path(on_path).resolve().parent] if on_path else []
    return next((one for one in folders if (one / "createdb").exists()), None)


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """Skips with a reason where PostgreSQL is not installed; the server ends with the block."""
    where = programs()
    if where is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        # The server refuses to run as root, and a socket's path may have 107 bytes.
        account = pwd.getpwnam("postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())[0])
        os.chown(folder, account.pw_uid, account.pw_gid)
        data = f"{folder}/data"

        def run(program: str, *arguments: str) -> None:
            is_root = not os.geteuid()
            subprocess.run(
                [str(where / program), *arguments],
                check=True, stdout=subprocess.DEVNULL, timeout=300, cwd=folder,
                user=account.pw_uid if is_root else None,
                group=account.pw_gid if is_root else None,
            )  # fmt: skip

        run("initdb", "-D", data, "-A", "trust", "-U", "skerry", "--no-sync", "-E", "UTF8")
        made = PostgreSQL(Path(folder), "skerry", where, partial(run, "pg_ctl", "-D", data))
        made.start()
        try:
            yield made
        finally:
            if Path(data, "postmaster.pid").exists():
                run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
