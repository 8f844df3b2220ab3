"""How a site comes by what its run gives: it submits the run, follows one, or only takes part.

Each is an `Outputs` for `supervisor.supervise`: awaited while the site's node runs. A site that
only takes part has nothing of its own to offer and goes on until it is stopped or its time is
up. Where the coordinator ended under the run they raise `CoordinatorLost`; awaited once more, in
another start of the site, they take up the run that goes on in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from workspaces.engine.port import Coordinator, Node, RunState, RunStatus
from workspaces.errors import CoordinatorLost, EngineRefused, NodeSilent
from workspaces.supervisor import Outputs

_EVERY_SECONDS = 1.0

Seen = Callable[[RunStatus], None]


def nobody(_status: RunStatus) -> None:
    """Watches nothing."""


def submitted(
    coordinator: Coordinator,
    application: Path,
    *,
    config: Mapping[str, object],
    resume: bool = False,
    seen: Seen = nobody,
) -> Outputs:
    """This site leads: it submits the run once its own node is up, and offers the result."""
    run = ""

    async def outputs(_node: Node) -> Sequence[bytes]:
        nonlocal run
        if run:
            run = await _goes_on_as(coordinator, run)
        else:
            run = await coordinator.submit(application, config=config, resume=resume)
        return await _result(coordinator, run, seen)

    return outputs


def followed(coordinator: Coordinator, run: str, *, seen: Seen = nobody) -> Outputs:
    """Another site leads: this one offers the same result to the airlock of its own node."""

    async def outputs(_node: Node) -> Sequence[bytes]:
        nonlocal run
        run = await _goes_on_as(coordinator, run)
        return await _result(coordinator, run, seen)

    return outputs


async def taking_part(_node: Node) -> Sequence[bytes]:
    """Nothing to offer, until it is stopped."""
    await asyncio.Event().wait()
    return ()


async def _goes_on_as(coordinator: Coordinator, run: str) -> str:
    """The run itself, or the last of those that went on in its place; waits for one that is to."""
    while (status := await _status(coordinator, run)).state is RunState.INTERRUPTED:
        if status.again:
            run = status.again
        elif not status.resumes:
            break
        else:
            await asyncio.sleep(_EVERY_SECONDS)
    return run


async def _result(coordinator: Coordinator, run: str, seen: Seen) -> Sequence[bytes]:
    """Raises EngineRefused for a run that did not end well, CoordinatorLost where it may go on."""
    while not (status := await _status(coordinator, run)).state.ended:
        seen(status)
        await asyncio.sleep(_EVERY_SECONDS)
    seen(status)
    if status.state is RunState.INTERRUPTED and (status.again or status.resumes):
        raise CoordinatorLost(f"Run {run} was interrupted: {status.reason}.")
    if status.state is not RunState.DONE:
        raise EngineRefused(
            f"The run ended as {status.state}: {status.reason or 'no reason given'}."
        )
    return await coordinator.results(run)


async def _status(coordinator: Coordinator, run: str) -> RunStatus:
    try:
        return await coordinator.status(run)
    except NodeSilent as error:
        raise CoordinatorLost(error.public, detail=error.detail) from error
