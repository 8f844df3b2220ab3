"""Work that a page begins and does not wait for: a process of its own, and how far it is.

What it says lies in a folder, `JOB.progress.json` and `JOB.result.json`, and survives the page and
the server; while it lives it holds the lock that it was given, so that nobody takes a dead one for
a running one. What the work is, and who may begin it, is the caller's.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from beacon.errors import Problem
from beacon.manifest import write_json
from gateway.errors import LoadRefused
from schemas.messages import Message, packed, unpacked

MAX_PROBLEMS = 50
MAX_FILE_BYTES = 1_000_000
_TELL_SECONDS = 0.5


class JobState(StrEnum):
    NONE = "none"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Progress:
    """Of one job: `said` is its summary, `problems` why it failed, `read` how many of what."""

    state: JobState
    stage: str = ""
    done: int = 0
    read: Mapping[str, int] = field(default_factory=dict)
    said: Mapping[str, object] = field(default_factory=dict)
    problems: tuple[str | Problem, ...] = ()
    ended: int | None = None
    of: str = ""


def progress(folder: Path, job: str) -> Progress:
    seen = read(folder / f"{job}.progress.json") or {}
    seen["read"] = dict(seen.get("read", ()))
    if _is_running(folder / f"{job}.lock"):
        return Progress(JobState.RUNNING, **seen)
    ended = read(folder / f"{job}.result.json")
    if ended is None:
        if not (folder / f"{job}.lock").exists():
            return Progress(JobState.NONE)
        problem = Message(
            "It ended without a word: it was stopped, or the machine was. Begin it again."
        )
        return Progress(JobState.FAILED, problems=(problem,), **seen)
    state = JobState.DONE if ended.pop("good") else JobState.FAILED
    problems = tuple(map(_unpacked, ended.pop("problems")))
    said = dict(ended.pop("said"))
    return Progress(state, **{**seen, **ended}, said=said, problems=problems)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """For whoever looks whether something runs below `folder` and then begins it, or takes it away:
    others, of this process and of every other worker, wait until that is done."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "begin.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def begin(folder: Path, job: str, module: str, arguments: Sequence[str]) -> None:
    """Runs our `module` with these arguments; what an earlier one said is gone. Whether one runs
    is looked at before, and `one_at_a_time`."""
    for old in folder.glob(f"{job}.*"):
        old.unlink()
    command = [sys.executable, "-m", module, *arguments]
    lock = (folder / f"{job}.lock").open("w")
    with lock, (folder / f"{job}.log").open("wb") as log:
        # The child inherits the lock and holds it for as long as it lives.
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            pass_fds=(lock.fileno(),), start_new_session=True,
        )  # fmt: skip
    threading.Thread(target=process.wait, name=f"{job} in {folder.name}", daemon=True).start()


def end(
    folder: Path,
    job: str,
    *,
    said: Mapping[str, object],
    problems: Sequence[str | Problem],
    of: str = "",
) -> None:
    """Its last word, `said` in its order; it was good where there are no problems."""
    result = {
        "good": not problems,
        "said": list(said.items()),
        "problems": [_packed(one) for one in problems[:MAX_PROBLEMS]],
        "ended": int(time.time()),
        "of": of,
    }
    write_json(folder / f"{job}.result.json", result)


class Teller:
    """Writes progress to a file, twice a second at most."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told = 0.0
        self.read: dict[str, int] = {}

    def __call__(self, stage: str, done: int) -> None:
        self.read[stage] = done
        now = time.monotonic()
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            self.write(stage, done)

    def write(self, stage: str, done: int) -> None:
        told = {"stage": stage, "done": done, "read": list(self.read.items())}
        write_json(self._path, told)


def read(path: Path) -> dict[str, Any] | None:
    """A small JSON object that lies beside a job; None where there is none."""
    try:
        with path.open("rb") as stream:
            raw = json.loads(stream.read(MAX_FILE_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LoadRefused(Message("%(file)s cannot be read", file=path.name)) from error
    return raw if isinstance(raw, dict) else None


def _packed(problem: str | Problem) -> object:
    if isinstance(problem, str):
        return packed(problem)
    return [packed(getattr(problem, one.name)) for one in fields(problem)]


def _unpacked(raw: Any) -> str | Problem:
    return Problem(*map(unpacked, raw)) if isinstance(raw, list) else unpacked(raw)


def _is_running(lock: Path) -> bool:
    try:
        with lock.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
