"""The question as a program is the same question: each is run as it is shown."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portal.questions.question import parse
from portal.questions.snippets import snippets
from tests.support.loopback import served

pytestmark = [pytest.mark.live, pytest.mark.anyio]

QUESTIONS = (
    "17:43045711 G>A",
    "1:10000-20000",
    "MONDO:0005148, NCIT:C16576",
    "EX:')---\"$(id)`id`",
)


@asynccontextmanager
async def _network(heard: list[object]) -> AsyncGenerator[str, None]:
    async def answer(request: Request) -> Response:
        heard.append(await request.json())
        return JSONResponse({"responseSummary": {"exists": True}, "info": {"nodes": {"asked": 1}}})

    doors = [
        Route(f"/beacon/{path}", answer, methods=["POST"]) for path in ("g_variants", "individuals")
    ]
    async with served(Starlette(routes=doors)) as url:
        yield f"{url}/beacon"


@pytest.mark.parametrize("typed", QUESTIONS)
async def test_curl_and_python_ask_what_the_page_asked(typed: str) -> None:
    question = parse(typed)
    heard: list[object] = []
    async with _network(heard) as beacon:
        shown = {one.id: one.text for one in snippets(question, beacon_url=beacon)}
        ran = await asyncio.create_subprocess_exec(
            "bash", "-c", shown["curl"], stdout=asyncio.subprocess.PIPE
        )
        said, _ = await ran.communicate()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            await asyncio.to_thread(exec, shown["python"], {})
    assert json.loads(said)["responseSummary"] == {"exists": True}
    assert "'exists': True" in printed.getvalue()
    assert heard == [question.body(), question.body()]
    assert json.loads(shown["json"]) == question.body()
    assert f'r"---({shown["json"]})---"' in shown["r"]
    assert shown["r"].count(')---"') == 1
