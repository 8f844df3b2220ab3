"""Two admin workers that begin a check or a load at the same instant: one begins, one is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from access.errors import NoSuchThing, StepNotPossible
from gateway.holding import load_job, processes, reseal_job
from gateway.holding.load_jobs import Job, Jobs
from gateway.holding.onboarding import Plan, Plans
from gateway.holding.processes import JobState, Progress
from gateway.home import NodeHome
from tests.support.node_folder import node_folder, open_counts

RUNNING = """
import pathlib, sys, time
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
"""
Begin = Callable[[Path, str, str, Sequence[str]], None]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NodeHome:
    incoming = tmp_path / "incoming" / "isle"
    incoming.mkdir(parents=True)
    (incoming / "individuals.json").write_text('[{"id": "P1"}]', encoding="utf-8")
    monkeypatch.setattr(Plans, "root", incoming.parent)
    return node_folder(tmp_path / "node", policies=[open_counts("isle")])


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was begun: processes that run until the test is over."""
    (tmp_path / "running.py").write_text(RUNNING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found, real, over = list[str](), processes.begin, tmp_path / "over"

    def begin(folder: Path, job: str, module: str, arguments: Sequence[str]) -> None:
        del module, arguments
        found.append(folder.name)
        real(folder, job, "running", (str(over),))

    monkeypatch.setattr(processes, "begin", begin)
    yield found
    over.touch()
    for thread in threading.enumerate():
        if thread.name.endswith(tuple(f" in {name}" for name in found)):
            thread.join(60)


def planned(home: NodeHome) -> Plan:
    plan = Plan("", "isle", "Isle", "Two people.", "GRCh38", "dora", 1)
    made = Jobs(home).plans.begin(plan)
    made = replace(made, folder="isle", files={"isle/individuals.json": "individuals"})
    Jobs(home).plans.keep(made)
    return made


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has looked whether something runs waits a moment for the other to have looked too:
    without a lock between them both see that nothing does."""
    both, real = threading.Barrier(2), processes.progress

    def progress(folder: Path, job: str) -> Progress:
        seen = real(folder, job)
        try:
            both.wait(0.5)
        except threading.BrokenBarrierError:
            both.reset()
        return seen

    monkeypatch.setattr(processes, "progress", progress)


def at_once(*calls: Callable[[], None]) -> list[str]:
    """What each was told, sorted."""
    told: list[str] = []

    def run(call: Callable[[], None]) -> None:
        try:
            call()
        except (StepNotPossible, NoSuchThing) as refused:
            told.append(type(refused).__name__)
        else:
            told.append("done")

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(told)


@pytest.mark.usefixtures("met")
@pytest.mark.parametrize("plans", [1, 2])
def test_of_two_checks_begun_at_once_one_runs(home: NodeHome, begun: list[str], plans: int) -> None:
    made = [planned(home) for _ in range(plans)]
    told = at_once(*(lambda n=n: Jobs(home).start(made[n % plans], Job.CHECK) for n in range(2)))
    assert told == ["StepNotPossible", "done"]
    assert len(begun) == 1
    assert Jobs(home).progress(begun[0], Job.CHECK).state is JobState.RUNNING


@pytest.mark.usefixtures("met")
def test_a_plan_that_is_begun_is_not_discarded_under_its_load(
    home: NodeHome, begun: list[str]
) -> None:
    plan = planned(home)
    told = at_once(lambda: Jobs(home).start(plan, Job.CHECK), lambda: Jobs(home).discard(plan.id))
    assert "done" in told
    assert len(told) == 2
    kept = [one.id for one in Jobs(home).plans.listed()]
    assert kept == begun, "either it runs and is there, or it was gone before"


@pytest.mark.usefixtures("met")
def test_of_two_look_throughs_of_a_dataset_begun_at_once_one_runs(
    home: NodeHome, begun: list[str]
) -> None:
    assert at_once(*(lambda: reseal_job.begin(home, "isle") for _ in range(2))) == [
        "StepNotPossible",
        "done",
    ]
    assert len(begun) == 1


def test_what_was_changed_since_it_was_begun_is_not_loaded(home: NodeHome) -> None:
    """The page looked, the plan was changed, the process reads it."""
    plan = planned(home)
    jobs = Jobs(home)
    of = jobs.plans.digest(plan)
    jobs.plans.keep(replace(plan, name="Another"))
    assert not load_job.run(home, plan.id, Job.PUBLISH, of=of)
    ended = jobs.progress(plan.id, Job.PUBLISH)
    assert ended.state is JobState.FAILED
    assert "not what was checked" in str(ended.problems[0])
    assert not list(home.catalog.glob("*.seg*"))
