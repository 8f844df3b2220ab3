"""How a site comes by what its run gives, where the coordinator ends under it and is back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from workspaces import outputs
from workspaces.engine.port import Coordinator, Node, RunState, RunStatus
from workspaces.errors import CoordinatorLost, EngineRefused, NodeSilent

pytestmark = pytest.mark.anyio
NODE = cast("Node", None)  # what it gives does not depend on the site's node
BROKEN = RunState.INTERRUPTED
Told = tuple[RunState, str, bool] | Exception


class Line:
    """`told` are the answers about each run, one after the other, the last for ever."""

    def __init__(self, **told: list[Told]) -> None:
        self.told, self.submitted = told, list[bool]()

    async def submit(
        self, application: Path, *, config: Mapping[str, object], resume: bool = False
    ) -> str:
        self.submitted.append(resume)
        return "r1"

    async def status(self, run: str) -> RunStatus:
        answers = self.told[run]
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(now, Exception):
            raise now
        return RunStatus(run, now[0], again=now[1], resumes=now[2], reason="why")

    async def results(self, run: str) -> tuple[bytes, ...]:
        return (run.encode(),)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_EVERY_SECONDS", 0.001)


def leading(line: Line) -> Any:
    return outputs.submitted(cast("Coordinator", line), Path("gwas"), config={}, resume=True)


async def test_whoever_leads_takes_up_the_run_that_goes_on_and_submits_no_second_one() -> None:
    line = Line(
        r1=[(RunState.RUNNING, "", False), NodeSilent("gone"), (BROKEN, "", True),
            (BROKEN, "r2", False)],
        r2=[(RunState.RUNNING, "", False), (RunState.DONE, "", False)],
    )  # fmt: skip
    leads = leading(line)
    with pytest.raises(CoordinatorLost):
        await leads(NODE)
    assert await leads(NODE) == (b"r2",)
    assert line.submitted == [True]


async def test_a_run_that_was_interrupted_twice_is_followed_to_its_end() -> None:
    line = Line(
        r1=[(BROKEN, "r2", False)], r2=[(BROKEN, "r3", False)], r3=[(RunState.DONE, "", False)]
    )
    follows = outputs.followed(cast("Coordinator", line), "r1")
    assert await follows(NODE) == (b"r3",)


@pytest.mark.parametrize("state", [BROKEN, RunState.FAILED, RunState.STOPPED])
async def test_a_run_that_does_not_go_on_ended_with_its_reason(state: RunState) -> None:
    leads = leading(Line(r1=[(state, "", False)]))
    with pytest.raises(EngineRefused, match=f"ended as {state}: why"):
        await leads(NODE)


async def test_one_that_was_to_go_on_and_does_not_ends_the_waiting() -> None:
    leads = leading(Line(r1=[(BROKEN, "", True), (BROKEN, "", True), (BROKEN, "", False)]))
    with pytest.raises(CoordinatorLost):
        await leads(NODE)
    with pytest.raises(EngineRefused, match="ended as interrupted: why"):
        await leads(NODE)
