"""A node's page knows its reader from the request it answers, and from nothing that is shared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse

from access.errors import NoSuchThing
from gateway.pages.render import Pages

pytestmark = pytest.mark.anyio


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    pages = Pages(node="Node One")
    router = APIRouter(route_class=pages.route_class(lambda _request: None))

    @router.get("/shown", response_model=None)
    def shown() -> HTMLResponse:
        facts: dict[str, object] = {"description": "", "committee_of": (), "datasets": ()}
        return pages.show("node_home.html", session=None, facts=facts)

    @router.get("/refused")
    async def refused() -> None:
        raise NoSuchThing

    app = FastAPI()
    app.include_router(router)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://node.example") as client:
        yield client


async def test_readers_at_once_get_each_their_own_language_and_way_back(
    browser: httpx.AsyncClient,
) -> None:
    async def read(number: int) -> tuple[str, httpx.Response]:
        code = ("de", "en")[number % 2]
        path = f"/{('shown', 'refused')[number // 2 % 2]}?n={number}"
        return code, await browser.get(path, headers={"accept-language": code})

    for number, (code, answer) in enumerate(await asyncio.gather(*map(read, range(40)))):
        assert f'<html lang="{code}"' in answer.text
        assert f"n={number}&" in answer.text or f'n={number}"' in answer.text
        assert int(answer.headers["content-length"]) == len(answer.content)


async def test_a_refusal_is_a_page_in_the_readers_language(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/refused", headers={"accept-language": "de"})
    assert answer.status_code == 404
    assert "Hier gibt es nichts dieses Namens, das Sie sehen dürfen." in answer.text
    assert answer.headers["cache-control"] == "no-store"
