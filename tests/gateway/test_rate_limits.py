"""A node answers 429 to who asks too fast, in each door's own form, and says how long to wait."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from gateway import config, home
from gateway.app import create_app
from tests.support.node_folder import SETTINGS, URL

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/beacon/g_variants", "/access/whoami", "/htsget/reads/x"])
async def test_the_twenty_first_at_once_is_told_to_wait(tmp_path: Path, path: str) -> None:
    settings = SETTINGS.model_copy(update={"rate_limits": config.RateSettings()})
    app = create_app(home.create(tmp_path / "n", settings))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL) as http,
    ):
        answers = [await http.get(path) for _ in range(22)]
        assert 429 not in {answer.status_code for answer in answers[:20]}
        late = answers[-1]
        assert (late.status_code, late.headers["Retry-After"]) == (429, "1")
        assert "wait 1 s" in late.text
        assert (await http.get("/livez")).status_code == 200
