"""Sites of the real engine sum only with sites whose committees approved the same to leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.federation import running, write_site
from workspaces.engine.port import RunState
from workspaces.errors import EngineRefused

pytestmark = [pytest.mark.anyio, pytest.mark.live, pytest.mark.program("bwrap")]

SITES = ("praha", "tartu", "porto")
OURS, THEIRS = "a" * 64, "b" * 64
PLAN = {
    "what": "cross", "row": "case", "column": "sex", "wait_seconds": 300, "stage_seconds": 600,
    "rows": {"0": "control", "1": "case"}, "columns": {"0": "female", "1": "male"},
}  # fmt: skip


async def test_a_site_under_other_terms_is_in_no_sum_until_its_committee_approves_the_same(
    tmp_path: Path,
) -> None:
    data = {
        name: write_site(tmp_path / "data" / name, people=30, variants=2, seed=seed, name=name)
        for seed, name in enumerate(SITES)
    }
    async with running(tmp_path, data, applications=["summary"], start=False) as federation:
        for name, terms in zip(SITES, (OURS, OURS, THEIRS), strict=True):
            await federation.start(name, terms=terms)
        status = await federation.run("summary", **PLAN)
        assert status.state is RunState.FAILED
        assert set(status.missing) == set(SITES)
        assert all("different terms" in why for why in status.missing.values())
        with pytest.raises(EngineRefused):
            await federation.coordinator.result(status.run)

        await federation.engine.stop_node(federation.nodes["porto"])
        await federation.start("porto", terms=OURS)
        status = await federation.run("summary", **PLAN)
        assert (status.state, status.missing) == (RunState.DONE, {}), status.reason
