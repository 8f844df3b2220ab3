"""Runs that are to go on after their coordinator was killed: begun anew once, or left, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from workspaces.engine import resuming
from workspaces.engine.kept_runs import INTERRUPTED, MAX_RESUMES, RESUMES, KeptRuns
from workspaces.engine.port import RunState, RunStatus
from workspaces.engine.resuming import NOT_BACK, go_on
from workspaces.errors import EngineRefused, NodeSilent

pytestmark = pytest.mark.anyio
ALL = {"porto": True, "praha": True, "tartu": True}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def kept(tmp_path: Path) -> KeptRuns:
    """Run 7 is to go on, run 8 is not; the coordinator was killed under both."""
    (tmp_path / "runs").mkdir()
    made = KeptRuns(tmp_path / "runs")
    made.begin("7", application="gwas 1.0", now=1, digest="d", plan="{}", resumes=MAX_RESUMES)
    made.begin("8", application="gwas 1.0", now=2, digest="d", plan="{}")
    made.interrupt_open(now=3)
    return made


def took_part(kept: KeptRuns, *names: str) -> None:
    """As `federated.rounds` writes it."""
    (kept._folder / "7" / "status.json").write_text(json.dumps({"present": list(names)}))


def status(kept: KeptRuns, run: str = "7") -> RunStatus:
    found = kept.status(run, RunState.WAITING)
    assert found is not None
    return found


class Coordinator:
    """`told` are the sites connected, one answer after the other, the last for ever."""

    def __init__(self, kept: KeptRuns, *told: Mapping[str, bool] | Exception) -> None:
        self.kept, self.told, self.begun = kept, list(told), list[str]()

    async def sites(self) -> Mapping[str, bool]:
        now = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        if isinstance(now, Exception):
            raise now
        return now

    async def again(self, run: str) -> str:
        self.begun.append(run)
        left = self.kept.resumes(run) - 1
        new = str(int(run) + 10)
        self.kept.begin(new, application="", now=9, resumes=left, instead_of=run)
        return new

    async def go_on(self, run: str = "7", *, seconds: float = 60) -> RunStatus:
        await go_on(
            self.kept, run, sites=self.sites, again=self.again, seconds=seconds, every=0.001
        )
        return status(self.kept, run)


async def test_only_what_is_to_go_on_does(kept: KeptRuns) -> None:
    assert kept.to_resume() == ["7"]
    assert (status(kept).reason, status(kept).resumes) == (RESUMES, True)
    assert (status(kept, "8").reason, status(kept, "8").resumes) == (INTERRUPTED, False)


async def test_it_goes_on_once_all_who_took_part_are_connected_and_not_before(
    kept: KeptRuns,
) -> None:
    took_part(kept, "praha", "tartu")
    few, enough = {**ALL, "tartu": False}, {**ALL, "porto": False}
    line = Coordinator(kept, {}, few, few, enough)
    told = await line.go_on()
    assert (line.begun, line.told) == (["7"], [enough])
    assert (told.state, told.again, told.resumes) == (RunState.INTERRUPTED, "17", False)
    assert "run 17 goes on" in told.reason
    assert kept.to_resume() == []
    assert kept.resumes("17") == MAX_RESUMES - 1


async def test_where_nobody_took_part_yet_all_sites_are_waited_for(kept: KeptRuns) -> None:
    line = Coordinator(kept, {**ALL, "porto": False}, ALL)
    assert (await line.go_on()).again == "17"
    assert line.told == [ALL]


async def test_an_engine_that_does_not_answer_is_asked_again(kept: KeptRuns) -> None:
    line = Coordinator(kept, NodeSilent("busy"), EngineRefused("no"), ALL)
    assert (await line.go_on()).again == "17"


async def test_sites_that_do_not_come_back_are_not_waited_for_for_ever(kept: KeptRuns) -> None:
    line = Coordinator(kept, {**ALL, "porto": False})
    told = await line.go_on(seconds=0.05)
    assert (line.begun, told.again, told.resumes, told.reason) == ([], "", False, NOT_BACK)
    assert kept.to_resume() == []


async def test_what_somebody_stopped_or_took_up_meanwhile_is_left(kept: KeptRuns) -> None:
    line = Coordinator(kept, ALL)
    kept.leave("7", reason="it was stopped before it went on")
    assert (await line.go_on()).reason == "it was stopped before it went on"
    assert line.begun == []


async def test_a_refusal_to_begin_is_told_and_not_tried_for_ever(kept: KeptRuns) -> None:
    class Refusing(Coordinator):
        async def again(self, run: str) -> str:
            self.begun.append(run)
            raise EngineRefused("gwas is not admitted here")

    line = Refusing(kept, ALL)
    told = await line.go_on()
    assert (line.begun, told.again, told.resumes) == (["7"], "", False)
    assert "gwas is not admitted here" in told.reason


async def test_a_run_that_ends_its_coordinator_each_time_is_left_in_the_end(kept: KeptRuns) -> None:
    line, run = Coordinator(kept, ALL), "7"
    for _ in range(MAX_RESUMES):
        run = (await line.go_on(run)).again
        kept.interrupt_open(now=20)
    assert kept.to_resume() == []
    assert (status(kept, run).reason, status(kept, run).resumes) == (INTERRUPTED, False)


async def test_a_process_that_ended_before_it_noted_the_new_run_begins_no_second_one(
    kept: KeptRuns,
) -> None:
    kept.begin("17", application="", now=9, resumes=2, instead_of="7")
    (kept._folder / "7" / "resumed.json").unlink()
    kept.interrupt_open(now=20)
    assert kept.to_resume() == ["17"]
    assert status(kept).again == "17"


async def test_the_coordinators_end_ends_the_waiting(
    kept: KeptRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "EVERY_SECONDS", 0.001)
    line = Coordinator(kept, {})
    async with resuming.resuming(kept, line.sites, line.again):
        pass
    assert (line.begun, kept.to_resume()) == ([], ["7"])


@pytest.fixture(autouse=True)
def _whole(kept: KeptRuns) -> Iterator[None]:
    """Nothing half-written is left in any run's folder."""
    yield
    names = {path.name for path in kept._folder.glob("*/*")}
    assert names <= {"submitted.json", "status.json", "ended.json", "resumed.json"}
