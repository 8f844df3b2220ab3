"""Who waits for a run at a coordinator elsewhere, also over the coordinator's end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from workspaces.engine.port import RunState, RunStatus
from workspaces.engine.remote import wait
from workspaces.errors import EngineRefused, NodeSilent

pytestmark = pytest.mark.anyio
RUNNING = RunStatus("7", RunState.RUNNING)
WILL_GO_ON = RunStatus("7", RunState.INTERRUPTED, reason="it ended", resumes=True)
WENT_ON = RunStatus("7", RunState.INTERRUPTED, reason="it ended", again="8")
LEFT = RunStatus("7", RunState.INTERRUPTED, reason="its sites did not come back")
DONE = RunStatus("8", RunState.DONE)


class Coordinator:
    """Tells of each run, one answer after the other, the last for ever."""

    def __init__(self, told: Mapping[str, list[RunStatus | Exception]]) -> None:
        self.told = told

    async def status(self, run: str) -> RunStatus:
        answers = self.told[run]
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(now, Exception):
            raise now
        return now

    async def submit(
        self, application: Path, *, config: Mapping[str, object], resume: bool = False
    ) -> str:
        raise NotImplementedError

    async def log(self, run: str) -> str:
        raise NotImplementedError

    async def result(self, run: str) -> bytes:
        raise NotImplementedError

    async def results(self, run: str) -> tuple[bytes, ...]:
        raise NotImplementedError

    async def stop(self, run: str) -> None:
        raise NotImplementedError


async def waited(*told: RunStatus | Exception, resume: bool, seconds: float = 60) -> RunStatus:
    coordinator = Coordinator({"7": list(told), "8": [DONE]})
    return await wait(coordinator, "7", seconds=seconds, every=0, resume=resume)


async def test_with_resume_the_run_that_goes_on_is_followed_over_a_silence() -> None:
    silent = NodeSilent("does not answer")
    assert await waited(RUNNING, silent, WILL_GO_ON, WILL_GO_ON, WENT_ON, resume=True) == DONE


async def test_without_it_the_first_end_is_the_end() -> None:
    assert await waited(RUNNING, WILL_GO_ON, resume=False) == WILL_GO_ON
    with pytest.raises(NodeSilent):
        await waited(RUNNING, NodeSilent("does not answer"), resume=False)


async def test_a_run_that_does_not_go_on_ends_with_its_reason() -> None:
    assert await waited(RUNNING, LEFT, resume=True) == LEFT
    assert await waited(WILL_GO_ON, LEFT, resume=True) == LEFT


async def test_nobody_waits_for_ever() -> None:
    for told in (WILL_GO_ON, NodeSilent("does not answer")):
        with pytest.raises(EngineRefused, match="has not ended within"):
            await waited(told, resume=True, seconds=0.01)
