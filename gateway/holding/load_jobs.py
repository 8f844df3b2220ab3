"""Checks and loads of a node's plans, each a process of its own, and how far they are.

What they say lies beside the plan in `loads/ID/`: progress survives the page and the server. What
was checked is what is loaded: another plan, or a file that changed, wants another check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from access.errors import StepNotPossible
from gateway.holding import processes
from gateway.holding.onboarding import Plan, Plans
from gateway.holding.processes import JobState, Progress, read
from gateway.home import NodeHome
from schemas.messages import Message


class Job(StrEnum):
    CHECK = "check"
    PUBLISH = "publish"


class Jobs:
    """Of one node; `plans` are theirs."""

    def __init__(self, home: NodeHome) -> None:
        self._home = home
        self.plans = Plans(home)

    def progress(self, plan_id: str, job: Job) -> Progress:
        return processes.progress(self.plans.folder(plan_id), job)

    def idle(self, plan_id: str) -> None:
        """Raises `StepNotPossible` while the plan is being checked or loaded."""
        if any(self.progress(plan_id, job).state is JobState.RUNNING for job in Job):
            raise StepNotPossible(Message("It is being checked or loaded just now; wait for that."))

    def checked(self, plan: Plan) -> bool:
        """Whether just this was checked and found good."""
        found = self.progress(plan.id, Job.CHECK)
        return found.state is JobState.DONE and found.of == self.plans.digest(plan)

    def start(self, plan: Plan, job: Job) -> None:
        """Begins the job as a process of its own, one at a time on a node."""
        with processes.one_at_a_time(self._home.loads):
            self._start(plan, job)

    def discard(self, plan_id: str) -> None:
        """Raises `StepNotPossible` as `idle` does."""
        with processes.one_at_a_time(self._home.loads):
            self.idle(plan_id)
            self.plans.discard(plan_id)

    def _start(self, plan: Plan, job: Job) -> None:
        self.plans.plan(plan.id)  # it is still there
        self.plans.wanted(plan)
        if job is Job.PUBLISH and not self.checked(plan):
            raise StepNotPossible(
                Message("Check it first: the plan or a file is not what was checked.")
            )
        for other in self.plans.listed():
            if any(self.progress(other.id, one).state is JobState.RUNNING for one in Job):
                raise StepNotPossible(
                    Message(
                        "%(dataset)s is being checked or loaded; wait for that.",
                        dataset=other.dataset,
                    )
                )
        given = (str(self._home.root), plan.id, job, self.plans.digest(plan))
        processes.begin(self.plans.folder(plan.id), job, "gateway.holding.load_job", given)

    def note_published(self, append: Callable[[Mapping[str, object]], object]) -> int:
        """Gives each load that ended since to `append`, for the record; once, whatever the number
        of workers that look. How many."""
        given = 0
        for path in self._home.loads.glob("load-*/publish.result.json"):
            ended = read(path)
            if ended is None or not _claimed(path.with_name("publish.noted")):
                continue
            plan = self.plans.plan(path.parent.name)
            version = dict(ended["said"]).get("version") if ended["good"] else None
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
