"""Anonymous answers are shared while they are asked for and kept for a while; failures never."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from portal.asking.answer import Outcome, Reading
from portal.asking.recent import Got, Recent
from portal.settings import Limits

pytestmark = pytest.mark.anyio

KEY = ("http://127.0.0.1:9", "d=1", "/individuals", b"{}")
YES = Got(Reading(Outcome.OK, ""), 100)
LATE = Got(Reading(Outcome.LATE, "No answer."), 0)
LIMITS = Limits(kept_seconds=30, kept_answer_bytes=1_000, kept_bytes=2_500)


class Node:
    """Answers with `gives` once released; counts how often it was asked and given up."""

    def __init__(self, gives: Got) -> None:
        self.gives = gives
        self.asked = 0
        self.cancelled = 0
        self.release = asyncio.Event()

    async def __call__(self) -> Got:
        self.asked += 1
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.gives


def _clocked() -> tuple[Recent, Callable[[float], None]]:
    now = [0.0]

    def later(seconds: float) -> None:
        now[0] += seconds

    return Recent(LIMITS, lambda: now[0]), later


async def _turns() -> None:
    """As many turns of the event loop as anything here takes to begin or to end."""
    for _ in range(50):
        await asyncio.sleep(0)


async def _settled(*waiting: Coroutine[None, None, Got]) -> list[asyncio.Task[Got]]:
    tasks = [asyncio.create_task(one) for one in waiting]
    await _turns()
    return tasks


async def test_many_who_ask_at_once_cost_the_node_one_question() -> None:
    recent, _ = _clocked()
    node = Node(YES)
    tasks = await _settled(*(recent.get(KEY, node) for _ in range(20)))
    node.release.set()
    assert {got.reading for got in await asyncio.gather(*tasks)} == {YES.reading}
    assert node.asked == 1


async def test_an_answer_is_kept_with_its_age_and_asked_again_when_it_is_old() -> None:
    recent, later = _clocked()
    node = Node(YES)
    node.release.set()
    assert (await recent.get(KEY, node)).age == 0
    later(12)
    assert (await recent.get(KEY, node)).age == 12
    later(18)
    assert (await recent.get(KEY, node)).age == 0
    assert node.asked == 2


@pytest.mark.parametrize("part", range(4))
async def test_another_node_edition_path_or_question_is_another_answer(part: int) -> None:
    recent, _ = _clocked()
    node = Node(YES)
    node.release.set()
    await recent.get(KEY, node)
    other = KEY[part] + (b"x" if part == 3 else "x")  # type: ignore[operator]  # both have one
    await recent.get((*KEY[:part], other, *KEY[part + 1 :]), node)  # type: ignore[arg-type]
    assert node.asked == 2


async def test_a_failure_is_never_kept() -> None:
    recent, _ = _clocked()
    node = Node(LATE)
    node.release.set()
    await recent.get(KEY, node)
    await recent.get(KEY, node)
    assert node.asked == 2


async def test_whoever_joined_a_question_that_failed_asks_for_himself() -> None:
    recent, _ = _clocked()
    first, second = Node(LATE), Node(YES)
    second.release.set()
    tasks = await _settled(recent.get(KEY, first), recent.get(KEY, second))
    first.release.set()
    outcomes = [got.reading.outcome for got in await asyncio.gather(*tasks)]
    assert outcomes == [Outcome.LATE, Outcome.OK]


async def test_one_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    recent, _ = _clocked()
    node = Node(YES)
    first, second = await _settled(recent.get(KEY, node), recent.get(KEY, node))
    first.cancel()
    await _turns()
    node.release.set()
    assert (await second).reading is YES.reading
    assert node.cancelled == 0


async def test_when_the_last_one_leaves_the_node_is_asked_no_longer() -> None:
    recent, _ = _clocked()
    node = Node(YES)
    tasks = await _settled(recent.get(KEY, node), recent.get(KEY, node))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await _turns()
    assert node.cancelled == 1


async def test_what_is_kept_stays_below_its_caps_oldest_out_first() -> None:
    recent, _ = _clocked()
    node = Node(Got(YES.reading, 1_000))
    node.release.set()
    for name in "abc":
        await recent.get((name, *KEY[1:]), node)
    await recent.get(("c", *KEY[1:]), node)
    assert node.asked == 3
    await recent.get(("a", *KEY[1:]), node)
    assert node.asked == 4


async def test_an_answer_above_the_cap_is_passed_on_and_not_kept() -> None:
    recent, _ = _clocked()
    node = Node(Got(YES.reading, 1_001))
    node.release.set()
    await recent.get(KEY, node)
    await recent.get(KEY, node)
    assert node.asked == 2
