"""The process that checks or loads one plan, and says how far it is; `load_jobs` starts it.

Runs what `skerry load` runs; whatever ends it, the version served before still is. The lock that it
inherits goes with it, so that nobody takes a dead one for a running one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from beacon.errors import Problem, SourceRefused
from gateway import logs
from gateway.errors import Exit, LoadRefused
from gateway.holding import load, processes
from gateway.holding.load_jobs import Job
from gateway.holding.onboarding import Plans
from gateway.home import NodeHome
from schemas.errors import SkerryError
from schemas.messages import Message


def run(home: NodeHome, plan_id: str, job: Job, *, of: str) -> bool:
    """Whether it was good; what it said lies beside the plan."""
    plans = Plans(home)
    plan, folder = plans.plan(plan_id), plans.folder(plan_id)
    tell = processes.Teller(folder / f"{job}.progress.json")
    said: Mapping[str, object] = {}
    problems: Sequence[str | Problem] = ()
    try:
        wanted = plans.wanted(plan)
        if plans.digest(plan) != of:
            raise LoadRefused(
                Message("Check it first: the plan or a file is not what was checked.")
            )
        said = load.run(home, wanted, check_only=job is Job.CHECK, watch=tell)
    except SourceRefused as refused:
        problems = refused.problems or (refused.public,)
    except SkerryError as refused:
        problems = (refused.public,)
    tell.write("", 0)
    summary = {name: value for name, value in said.items() if isinstance(value, str | int)}
    processes.end(folder, job, said=summary, problems=problems, of=of)
    return not problems


def main(arguments: list[str]) -> int:
    root, plan_id, job, of = arguments
    good = run(NodeHome(Path(root)), plan_id, Job(job), of=of)
    return Exit.OK if good else Exit.BAD_INPUT


if __name__ == "__main__":
    logs.set_up()
    raise SystemExit(main(sys.argv[1:]))
