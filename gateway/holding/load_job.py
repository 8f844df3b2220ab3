"""The process that checks or loads one plan, and says how far it is; `load_jobs` starts it.

Runs what `skerry load` runs; whatever ends it, the version served before still is. The lock that it
inherits goes with it, so that nobody takes a dead one for a running one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from beacon.manifest import write_json
from gateway import logs
from gateway.errors import Exit
from gateway.holding import load
from gateway.holding.load_jobs import Job
from gateway.holding.onboarding import Plans
from gateway.home import NodeHome
from schemas.errors import SkerryError

MAX_PROBLEMS = 50
_TELL_SECONDS = 0.5


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
        write_json(self._path, {"stage": stage, "done": done, "read": self.read})


def run(home: NodeHome, plan_id: str, job: Job, *, of: str) -> bool:
    """Whether it was good; what it said lies beside the plan."""
    plans = Plans(home)
    plan, folder = plans.plan(plan_id), plans.folder(plan_id)
    tell = Teller(folder / f"{job}.progress.json")
    said: Mapping[str, object] = {}
    problems: list[str] = []
    try:
        wanted = plans.wanted(plan)
        said = load.run(home, wanted, check_only=job is Job.CHECK, watch=tell)
    except SkerryError as refused:
        found = map(str, getattr(refused, "problems", ()))
        problems = [refused.public, *found][:MAX_PROBLEMS]
    tell.write("", 0)
    result = {
        "good": not problems,
        "said": {name: value for name, value in said.items() if isinstance(value, str | int)},
        "problems": problems,
        "ended": int(time.time()),
        "of": of,
    }
    write_json(folder / f"{job}.result.json", result)
    return not problems


def main(arguments: list[str]) -> int:
    root, plan_id, job, of = arguments
    good = run(NodeHome(Path(root)), plan_id, Job(job), of=of)
    return Exit.OK if good else Exit.BAD_INPUT


if __name__ == "__main__":
    logs.set_up()
    raise SystemExit(main(sys.argv[1:]))
