"""The engine's own Python environment: made from a hashed lock file, named by its digest.

The engine's pins clash with ours, so it never shares an environment with the gateway and is only
spoken to as processes. The SHA-256 of the lock file is the environment digest of a permit. A site
may add libraries by a second lock file (`more`), hashed alike: another environment, another digest.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from workspaces.errors import EngineAbsent

LOCK = Path(__file__).with_name("engine.lock")
PLACE = "SKERRY_ENGINE"  # the folder of an engine installed elsewhere than the default
MAX_MORE = 1 << 20
_MARK, _MORE = "installed.json", "more.lock"
_LOCKED = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}==[A-Za-z0-9][A-Za-z0-9.+!]{0,49}"
    r"( ; [\w .'\"<>=!()]{1,200})? \\"
    r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
)
_SECONDS = 1_800
_SHOWN = 2_000


@dataclass(frozen=True)
class Environment:
    """An installed engine. Made by `find` and `install` only, so that its digest is true."""

    folder: Path
    digest: str

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @cached_property
    def base(self) -> Path:
        """The Python installation the environment borrows; a sandbox must see both."""
        return self.python.resolve().parent.parent

    @property
    def readable(self) -> tuple[Path, ...]:
        """What a sandbox must see of it."""
        below = self.base.is_relative_to("/usr")  # which every sandbox sees
        return (self.folder,) if below else (self.folder, self.base)


def digest(more: bytes = b"") -> str:
    """The environment digest this release of Skerry runs, in hex; `more` is a second lock file."""
    own = hashlib.sha256(LOCK.read_bytes())
    both = hashlib.sha256(own.digest() + hashlib.sha256(more).digest())
    return (both if more else own).hexdigest()


def place(more: bytes = b"") -> Path:
    """Where the engine is looked for; one folder per digest, so releases do not disturb runs."""
    if stated := os.environ.get(PLACE):
        return Path(stated)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "skerry" / f"engine-{digest(more)[:16]}"


def read_more(path: Path) -> bytes:
    """A second lock file: pinned packages with hashes, and no word to pip of where to look or what
    else to do. Raises `EngineAbsent`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MORE + 1)
        lines = content.decode("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EngineAbsent(f"{path} cannot be read as a lock file.") from error
    stated = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if len(content) > MAX_MORE or not stated or not all(map(_LOCKED.fullmatch, stated)):
        raise EngineAbsent(
            f"{path} is not a lock file: expected lines of NAME==VERSION and --hash=sha256:... "
            "alone, as `uv pip compile --generate-hashes` writes them."
        )
    return content


def find(at: Path | None = None) -> Environment:
    """Raises `EngineAbsent` where none, or another one, is installed."""
    folder = at or place()
    try:
        mark = json.loads((folder / _MARK).read_bytes())
    except (OSError, ValueError) as error:
        raise EngineAbsent(
            "The engine is not installed here: run `skerry workspace install-engine`.",
            detail=str(error),
        ) from error
    more = folder / _MORE
    found = digest(more.read_bytes() if more.exists() else b"")
    if not isinstance(mark, dict) or mark.get("environment") != found:
        raise EngineAbsent(
            f"{folder} holds the engine of another release: run `skerry workspace install-engine`."
        )
    return Environment(folder.absolute(), found)


def install(at: Path | None = None, *, more: bytes = b"") -> Environment:
    """The engine at its place, made if it is not there; a half-made one is made again.

    Wheels only, each checked against the lock's hash; what the locks do not name is not installed.
    """
    folder = at or place(more)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with suppress(EngineAbsent):
            found = find(folder)
            if found.digest == digest(more):
                return found
        _make(folder, more)
        return find(folder)


def _make(folder: Path, more: bytes) -> None:
    if folder.exists() and not (folder / "pyvenv.cfg").exists() and any(folder.iterdir()):
        raise EngineAbsent(f"{folder} holds something else; choose another folder with --at.")
    shutil.rmtree(folder, ignore_errors=True)
    if not (3, 11) <= sys.version_info < (3, 14):
        raise EngineAbsent("The engine needs Python 3.11 to 3.13; run this command with one.")
    venv.create(folder, with_pip=True, symlinks=True)
    locks = [LOCK]
    if more:
        locks.append(folder / _MORE)
        locks[1].write_bytes(more)
    line = [
        str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input",
        "--disable-pip-version-check", "--require-hashes", "--no-deps", "--only-binary", ":all:",
        *(word for lock in locks for word in ("--requirement", str(lock))),
    ]  # fmt: skip
    try:
        ran = subprocess.run(line, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineAbsent("The engine could not be installed.", detail=str(error)) from error
    if ran.returncode != 0:
        said = ran.stderr.decode(errors="replace")[-_SHOWN:]
        raise EngineAbsent(
            "pip could not install the engine; is a package index reachable? "
            f"It said: {said.strip().splitlines()[-1] if said.strip() else 'nothing'}",
            detail=said,
        )
    (folder / _MARK).write_text(json.dumps({"environment": digest(more)}) + "\n", encoding="ascii")
