"""Sites far from the coordinator take part like those beside it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.federation import running, write_site
from tests.support.slow_links import far_away
from workspaces.engine.port import RunState

pytestmark = [pytest.mark.anyio, pytest.mark.live]

ROUND_TRIP = 0.2


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


async def test_a_link_is_as_slow_as_it_says_and_loses_nothing() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    sent = bytes(range(256)) * 4_000
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, far_away(server.sockets[0].getsockname()[1], seconds=ROUND_TRIP) as port:
        clock = asyncio.get_running_loop().time
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = clock()
        writer.write(sent)
        writer.write_eof()
        assert await reader.read() == sent
        assert clock() - begun >= ROUND_TRIP
        writer.close()


@pytest.mark.program("bwrap")
async def test_a_study_over_slow_links_is_the_study_over_quick_ones(tmp_path: Path) -> None:
    data = {
        name: write_site(tmp_path / "data" / name, people=40, variants=30, seed=seed, name=name)
        for seed, name in enumerate(("praha", "tartu", "porto"))
    }
    plan = {"trait": "height", "covariates": ["age", "sex"], "stage_seconds": 600}
    found = []
    for away in (0.0, ROUND_TRIP):
        place = tmp_path / f"away-{away}"
        async with running(place, data, applications=["gwas"], away=away) as made:
            status = await made.run("gwas", **plan)
            assert (status.state, dict(status.missing)) == (RunState.DONE, {})
            found.append(await made.coordinator.result(status.run))
    assert found[0] == found[1]
