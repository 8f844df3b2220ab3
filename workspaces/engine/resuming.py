"""Goes on with runs that an earlier process of the coordinator left, if their submitter wants it.

Each begins anew, as `skerry fl again` would begin it, once the sites that took part are connected
again: with new keys and masks, over the sites that are settled for the approved request. That tells
nobody more than the first attempt would have, and a site decides by its own permit as ever.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

from workspaces.engine.kept_runs import KeptRuns
from workspaces.errors import EngineRefused, NodeSilent

WAIT_SECONDS = 1_800.0  # for the sites
EVERY_SECONDS = 1.0
NOT_BACK = (
    "the coordinator ended while the run was under way, and its sites did not come back within "
    "half an hour: when they are connected, `skerry fl again` submits it once more"
)

_log = logging.getLogger(__name__)

Sites = Callable[[], Awaitable[Mapping[str, bool]]]
Again = Callable[[str], Awaitable[str]]


@asynccontextmanager
async def resuming(kept: KeptRuns, sites: Sites, again: Again) -> AsyncIterator[None]:
    """While the block lasts."""
    left = [asyncio.create_task(go_on(kept, run, sites=sites, again=again))
            for run in kept.to_resume()]  # fmt: skip
    try:
        yield
    finally:
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def go_on(
    kept: KeptRuns,
    run: str,
    *,
    sites: Sites,
    again: Again,
    seconds: float = WAIT_SECONDS,
    every: float = EVERY_SECONDS,
) -> None:
    """Begins the run anew, or notes why that was left. Ends early where somebody else did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and kept.waits_to_resume(run):
        connected: Mapping[str, bool] = {}
        with suppress(EngineRefused, NodeSilent):  # the engine is busy, or ends; asked again
            connected = await sites()
        needed = kept.took_part(run) or frozenset(connected)
        if needed and all(connected.get(name) for name in needed):
            await _begin(kept, run, again)
            return
        await asyncio.sleep(every)
    if kept.waits_to_resume(run):
        kept.leave(run, reason=NOT_BACK)


async def _begin(kept: KeptRuns, run: str, again: Again) -> None:
    try:
        new = await again(run)
    except (EngineRefused, NodeSilent) as error:
        kept.leave(run, reason=f"it could not go on by itself: {error.public}")
    else:
        _log.info("run %s goes on as run %s", run, new)
