"""Trials without a sandbox: several of them beside each other on one machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.federation import running, write_site
from workspaces.engine.port import RunState

pytestmark = [pytest.mark.anyio, pytest.mark.live]

SITES, PEOPLE = ("praha", "tartu", "porto"), 40
CROSS = {
    "what": "cross", "row": "sex", "rows": {"0": "male", "1": "female"},
    "column": "case", "columns": {"0": "controls", "1": "cases"},
}  # fmt: skip


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.program("bwrap")  # the engine asks for it when it is looked for
async def test_three_sites_of_one_machine_take_part_unconfined(tmp_path: Path) -> None:
    data = {
        name: write_site(tmp_path / "data" / name, people=PEOPLE, variants=5, seed=seed, name=name)
        for seed, name in enumerate(SITES)
    }
    async with running(tmp_path / "f", data, applications=["summary"], start=False) as made:
        for name in SITES:
            await made.start(name, confined=False)
        status = await made.run("summary", **CROSS, stage_seconds=600)
        assert (status.state, dict(status.missing)) == (RunState.DONE, {}), status.reason
        table = json.loads(await made.coordinator.result(status.run))
    assert sum(map(sum, table["cells"])) == PEOPLE * len(SITES)
