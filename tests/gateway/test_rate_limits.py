"""A node answers 429 to who asks too fast, in each door's own form, and says how long to wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import config, home
from tests.support.node_folder import SETTINGS
from tests.support.whole_node import serving

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/beacon/g_variants", "/access/whoami", "/htsget/reads/x"])
async def test_the_third_at_once_is_told_to_wait(tmp_path: Path, path: str) -> None:
    slow = config.RateSettings(public_per_minute=6)  # two at once, then one in ten seconds
    settings = SETTINGS.model_copy(update={"rate_limits": slow})
    async with serving(home.create(tmp_path / "n", settings)) as http:
        answers = [await http.get(path) for _ in range(3)]
        assert 429 not in {answer.status_code for answer in answers[:2]}
        late, wait = answers[-1], answers[-1].headers["Retry-After"]
        assert (late.status_code, 0 < int(wait) <= 10) == (429, True)
        assert f"wait {wait} s" in late.text
        assert (await http.get("/livez")).status_code == 200
