"""A site that starts again by itself where its coordinator ended under the run, a few times.

Each start is one of its own: asked of the node under the same permit, with new keys, its data
brought in anew, and a receipt of the wipe between. What goes on at the coordinator is
`engine.resuming`'s; whatever else ends a run ends it here too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from workspaces.engine import registering
from workspaces.engine.kept_runs import MAX_RESUMES
from workspaces.engine.port import Engine
from workspaces.order import Order
from workspaces.supervisor import Ended, Outputs, supervise

MAX_STARTS = 1 + MAX_RESUMES
WAIT_SECONDS = 1_800.0  # for the coordinator to be there again
EVERY_SECONDS = 5.0


async def supervise_again(
    folder: Path,
    order: Order,
    *,
    engine: Engine,
    token: Callable[[], str],
    outputs: Outputs,
    starts: int,
    seen: Callable[[Ended], None],
    answers: Callable[[Order], bool] | None = None,
    http: httpx.Client | None = None,
    clock: Callable[[], float] = time.time,
) -> Ended:
    """`supervise`, and again while the coordinator was lost and starts are left; `seen` is given
    each end after which the coordinator is waited for. Raises as `supervise` does. The `token` is
    read for each start.
    """
    while True:
        ended = await supervise(
            folder, order, engine=engine, token=token(), outputs=outputs, http=http, clock=clock
        )
        starts -= 1
        if not ended.lost or starts <= 0:
            return ended
        seen(ended)
        if not await _is_there_again(order, answers or _answers):
            return ended


async def _is_there_again(order: Order, answers: Callable[[Order], bool]) -> bool:
    end = time.monotonic() + WAIT_SECONDS
    while not await asyncio.to_thread(answers, order):
        if time.monotonic() >= end:
            return False
        await asyncio.sleep(EVERY_SECONDS)
    return True


def _answers(order: Order) -> bool:
    site = order.site
    return registering.answers(site.registrar, site.authority.encode("ascii"), proxy=order.proxy)
