"""The example of docs/portal.md runs as it is written, against a Beacon on loopback."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.loopback import served

PAGE = Path(__file__).resolve().parents[2] / "docs" / "portal.md"


@pytest.mark.live
@pytest.mark.anyio
async def test_the_python_example_asks_and_prints(capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    async def ask(request: Request) -> Response:
        asked.append(await request.json())
        summary = {"exists": True, "numTotalResults": 4, "countPrecision": "exact"}
        return JSONResponse({"responseSummary": summary})

    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    app = Starlette(routes=[Route("/beacon/individuals", ask, methods=["POST"])])
    async with served(app) as url:
        code = example.replace("https://portal.example.org", url)
        await asyncio.to_thread(exec, code, {})
    assert capsys.readouterr().out == "True 4 exact ()\n"
    assert asked[0]["query"]["requestParameters"]["g_variant"]["start"] == [15280]
