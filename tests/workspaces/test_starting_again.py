"""A site that starts again where its coordinator was lost, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.run_site import COUNT, OneNode, OneProgram, Trial, printed
from workspaces import starting_again
from workspaces.engine.port import Node as EngineNode
from workspaces.engine.port import Outcome as NodeOutcome
from workspaces.errors import CoordinatorLost, EngineRefused, NodeRefused
from workspaces.job import Outcome
from workspaces.order import Order
from workspaces.starting_again import MAX_STARTS, supervise_again
from workspaces.supervisor import Ended

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    with Trial(tmp_path) as made:
        made.run_node.approved()
        yield made


class Losing:
    """Outputs that lose their coordinator so many times, or fail with another error."""

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self.left, self.error, self.awaited = times, error, 0

    async def __call__(self, node: EngineNode) -> Sequence[bytes]:
        self.awaited += 1
        if self.error is not None:
            raise self.error
        if self.left:
            self.left -= 1
            raise CoordinatorLost("The coordinator does not answer.")
        return await printed(node)


async def again(
    trial: Trial, outputs: Losing, *, starts: int = MAX_STARTS, answers: Sequence[bool] = (True,)
) -> tuple[Ended, list[Ended], OneProgram]:
    seen: list[Ended] = []
    told = list(answers)
    engine = OneProgram(COUNT)

    def is_there(_order: Order) -> bool:
        return told.pop(0) if len(told) > 1 else told[0]

    async with trial.line() as http:
        ended = await supervise_again(
            trial.held.folder, trial.order(), engine=engine, token=lambda: "told by a header",
            outputs=outputs, starts=starts, seen=seen.append, answers=is_there, http=http,
            clock=lambda: float(trial.release.clock()),
        )  # fmt: skip
    return ended, seen, engine


async def test_it_goes_on_with_a_start_of_its_own_and_a_receipt_between(trial: Trial) -> None:
    ended, seen, engine = await again(trial, Losing(1))
    assert ended.outcome is Outcome.DONE
    assert len(ended.outputs) == 1
    (lost,) = seen
    assert (lost.outcome, lost.lost) == (Outcome.FAILED, True)
    assert lost.run != ended.run
    assert lost.receipt.receipt.keys[0] != ended.receipt.receipt.keys[0]
    assert [node.stopped for node in engine.nodes] == [True, True]
    steps = [one["step"] for one in trial.run_node.recorded("access.run")]
    assert steps.count("wiped") == steps.count("permitted") == 2


async def test_it_starts_a_few_times_only(trial: Trial) -> None:
    losing = Losing(99)
    ended, seen, _ = await again(trial, losing)
    assert (ended.lost, len(seen), losing.awaited) == (True, MAX_STARTS - 1, MAX_STARTS)


async def test_without_being_told_to_it_starts_once(trial: Trial) -> None:
    ended, seen, _ = await again(trial, Losing(1), starts=1)
    assert (ended.lost, seen) == (True, [])


@pytest.mark.parametrize("error", [EngineRefused("it failed"), NodeRefused("no", upstream=403)])
async def test_no_other_end_starts_it_again(trial: Trial, error: Exception) -> None:
    losing = Losing(0, error)
    ended, seen, _ = await again(trial, losing)
    assert (ended.lost, seen, losing.awaited) == (False, [], 1)


@pytest.mark.parametrize(
    ("outcome", "lost"),
    [(NodeOutcome.REFUSED, True), (NodeOutcome.FAILED, True), (NodeOutcome.OUT_OF_TIME, False),
     (NodeOutcome.OUT_OF_TRAFFIC, False)],
)  # fmt: skip
async def test_a_node_that_ends_by_itself_starts_again_unless_its_permit_is_used_up(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, outcome: NodeOutcome, *, lost: bool
) -> None:
    gone: list[OneNode] = []

    class Ending(Losing):
        async def __call__(self, node: EngineNode) -> Sequence[bytes]:
            assert isinstance(node, OneNode)
            gone.append(node)
            return await asyncio.Event().wait() and ()

    monkeypatch.setattr(OneNode, "outcome", property(lambda node: outcome if gone else None))
    monkeypatch.setattr(OneNode, "running", property(lambda node: node not in gone))
    ended, seen, _ = await again(trial, Ending(0), starts=2)
    assert (ended.lost, len(seen), len(gone)) == (lost, int(lost), 1 + int(lost))


async def test_it_waits_until_the_coordinator_answers(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting_again, "EVERY_SECONDS", 0.001)
    ended, _, _ = await again(trial, Losing(1), answers=(False, False, True))
    assert ended.outcome is Outcome.DONE


async def test_a_coordinator_that_does_not_come_back_is_not_waited_for_for_ever(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting_again, "EVERY_SECONDS", 0.001)
    monkeypatch.setattr(starting_again, "WAIT_SECONDS", 0.01)
    ended, seen, engine = await again(trial, Losing(1), answers=(False,))
    assert (ended.lost, seen, len(engine.nodes)) == (True, [ended], 1)


async def test_what_the_node_no_longer_permits_is_not_started_again(trial: Trial) -> None:
    class Revoking(Losing):
        async def __call__(self, node: EngineNode) -> Sequence[bytes]:
            trial.run_node.book._policies = {}  # as when the policy in force carries it no more
            return await super().__call__(node)

    losing = Revoking(99)
    with pytest.raises(NodeRefused):
        await again(trial, losing)
    assert losing.awaited == 1
