"""Checks and loads of a node's plans, each a process of its own, and how far they are.

What they say lies beside the plan in `loads/ID/`: progress survives the page and the server. What
was checked is what is loaded: another plan, or a file that changed, wants another check.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from access.errors import StepNotPossible
from gateway.holding.onboarding import Plan, Plans, read
from gateway.home import NodeHome


class Job(StrEnum):
    CHECK = "check"
    PUBLISH = "publish"


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
    problems: tuple[str, ...] = ()
    ended: int | None = None
    of: str = ""


class Jobs:
    """Of one node; `plans` are theirs."""

    def __init__(self, home: NodeHome) -> None:
        self._home = home
        self.plans = Plans(home)

    def progress(self, plan_id: str, job: Job) -> Progress:
        folder = self.plans.folder(plan_id)
        seen = read(folder / f"{job}.progress.json") or {}
        if _is_running(folder / f"{job}.lock"):
            return Progress(JobState.RUNNING, **seen)
        ended = read(folder / f"{job}.result.json")
        if ended is None:
            if not (folder / f"{job}.lock").exists():
                return Progress(JobState.NONE)
            problem = "It ended without a word: it was stopped, or the machine was. Begin it again."
            return Progress(JobState.FAILED, problems=(problem,), **seen)
        state = JobState.DONE if ended.pop("good") else JobState.FAILED
        problems = tuple(ended.pop("problems"))
        return Progress(state, **{**seen, **ended}, problems=problems)

    def idle(self, plan_id: str) -> None:
        """Raises `StepNotPossible` while the plan is being checked or loaded."""
        if any(self.progress(plan_id, job).state is JobState.RUNNING for job in Job):
            raise StepNotPossible("It is being checked or loaded just now; wait for that.")

    def checked(self, plan: Plan) -> bool:
        """Whether just this was checked and found good."""
        found = self.progress(plan.id, Job.CHECK)
        return found.state is JobState.DONE and found.of == self.plans.digest(plan)

    def start(self, plan: Plan, job: Job) -> None:
        """Begins the job as a process of its own, one at a time on a node."""
        self.plans.wanted(plan)
        if job is Job.PUBLISH and not self.checked(plan):
            raise StepNotPossible("Check it first: the plan or a file is not what was checked.")
        for other in self.plans.listed():
            if any(self.progress(other.id, one).state is JobState.RUNNING for one in Job):
                raise StepNotPossible(f"{other.dataset} is being checked or loaded; wait for that.")
        folder = self.plans.folder(plan.id)
        for old in folder.glob(f"{job}.*"):
            old.unlink()
        command = [sys.executable, "-m", "gateway.holding.load_job", str(self._home.root),
                   plan.id, job, self.plans.digest(plan)]  # fmt: skip
        lock = (folder / f"{job}.lock").open("w")
        with lock, (folder / f"{job}.log").open("wb") as log:
            # The child inherits the lock and holds it for as long as it lives.
            fcntl.flock(lock, fcntl.LOCK_EX)
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(lock.fileno(),), start_new_session=True,
            )  # fmt: skip
        threading.Thread(target=process.wait, name=f"load {plan.id}", daemon=True).start()

    def note_published(self, append: Callable[[Mapping[str, object]], object]) -> int:
        """Gives each load that ended since to `append`, for the record; once, whatever the number
        of workers that look. How many."""
        given = 0
        for path in self._home.loads.glob("load-*/publish.result.json"):
            ended = read(path)
            if ended is None or not _claimed(path.with_name("publish.noted")):
                continue
            plan = self.plans.plan(path.parent.name)
            version = ended["said"].get("version") if ended["good"] else None
            append({"load": plan.id, "dataset": plan.dataset, "good": bool(ended["good"]),
                    "version": version})  # fmt: skip
            given += 1
        return given


def _claimed(path: Path) -> bool:
    try:
        path.open("x").close()
    except FileExistsError:
        return False
    return True


def _is_running(lock: Path) -> bool:
    try:
        with lock.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
