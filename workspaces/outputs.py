"""How a site comes by what its run gives: it submits the run, follows one, or only takes part.

Each is an `Outputs` for `supervisor.supervise`: awaited while the site's node runs. A site that
only takes part has nothing of its own to offer and goes on until it is stopped or its time is up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from workspaces.engine.port import Coordinator, Node, RunState, RunStatus
from workspaces.errors import EngineRefused
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
    seen: Seen = nobody,
) -> Outputs:
    """This site leads: it submits the run once its own node is up, and offers the result."""

    async def outputs(_node: Node) -> Sequence[bytes]:
        run = await coordinator.submit(application, config=config)
        return await _result(coordinator, run, seen)

    return outputs


def followed(coordinator: Coordinator, run: str, *, seen: Seen = nobody) -> Outputs:
    """Another site leads: this one offers the same result to the airlock of its own node."""

    async def outputs(_node: Node) -> Sequence[bytes]:
        return await _result(coordinator, run, seen)

    return outputs


async def taking_part(_node: Node) -> Sequence[bytes]:
    """Nothing to offer, until it is stopped."""
    await asyncio.Event().wait()
    return ()


async def _result(coordinator: Coordinator, run: str, seen: Seen) -> Sequence[bytes]:
    """Raises EngineRefused for a run that did not end well."""
    while not (status := await coordinator.status(run)).state.ended:
        seen(status)
        await asyncio.sleep(_EVERY_SECONDS)
    seen(status)
    if status.state is not RunState.DONE:
        raise EngineRefused(
            f"The run ended as {status.state}: {status.reason or 'no reason given'}."
        )
    return await coordinator.results(run)
