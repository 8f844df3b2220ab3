"""What a browser or a program may send the portal is refused in words, never with a failure."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from portal.app import create_app
from portal.errors import SearchGone
from portal.nodes.crawl import datasets_of
from portal.questions.question import parse
from portal.requests.purpose_form import new_request
from portal.searches import Searches
from portal.settings import Limits, PortalSettings
from portal.visitors import Visitor
from schemas.errors import InvalidInput


def _visitor(key: str) -> Visitor:
    return Visitor(key, is_new=False, session=None, session_id=None)


@asynccontextmanager
async def _portal() -> AsyncGenerator[httpx.AsyncClient, None]:
    settings = PortalSettings(public_url="http://127.0.0.1:8080", nodes=(), client_secret=None)
    transport = httpx.ASGITransport(app=create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url=settings.public_url) as browser:
        yield browser


@pytest.mark.parametrize("key", ["é" * 43, "k" * 43])
def test_a_cookie_of_any_characters_cannot_take_another_browsers_search(key: str) -> None:
    searches = Searches(limits=Limits(), clock=lambda: 0.0)
    search = searches.begin(parse("1:10177 A>AC"), _visitor("o" * 43))
    with pytest.raises(SearchGone):
        searches.take(search.id, _visitor(key))


def test_a_cookie_outside_ascii_is_compared_like_any_other() -> None:
    searches = Searches(limits=Limits(), clock=lambda: 0.0)
    search = searches.begin(parse("1:10177 A>AC"), _visitor("é" * 43))
    assert searches.take(search.id, _visitor("é" * 43)) is search


@pytest.mark.parametrize("months", ["9" * 5000, "99999", "-1", "x", "", "1e3", None])
def test_an_absurd_number_of_months_is_refused_in_words(months: str | None) -> None:
    form = {name: ["w"] for name in ("dataset", "project", "purpose", "workspace")}
    form |= {} if months is None else {"months": [months]}
    with pytest.raises(InvalidInput, match="months"):
        new_request(form)


@pytest.mark.anyio
async def test_a_body_without_a_stated_length_is_read_no_further_than_the_cap() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += 64 * 1024
            yield b" " * (64 * 1024)

    async with _portal() as portal:
        answer = await portal.post("/beacon/individuals", content=endless())
    assert answer.status_code == 413
    assert sent <= 3 * Limits().form_bytes


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", " javascript:alert(1)", "JaVaScRiPt:1", "data:text/html,x", "//x", 5,
     {"a": 1}, None, "/requests"],
)  # fmt: skip
def test_a_beacon_of_others_sends_nobody_to_what_is_no_web_address(address: object) -> None:
    (found,) = datasets_of({"collections": [{"id": "d", "externalUrl": address}]})
    assert found.described_at == ""


def test_searches_that_nobody_looks_at_do_not_shut_others_out() -> None:
    searches = Searches(limits=Limits(open_searches=3), clock=lambda: 0.0)
    question = parse("1:10177 A>AC")
    abandoned = [searches.begin(question, _visitor("m" * 43)) for _ in range(9)]
    mine = searches.begin(question, _visitor("o" * 43))
    assert searches.take(mine.id, _visitor("o" * 43)) is mine
    with pytest.raises(SearchGone):
        searches.take(abandoned[0].id, _visitor("m" * 43))


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/beacon/info/", "/datasets/", "/search/"])
async def test_no_answer_is_built_from_the_host_header(path: str) -> None:
    async with _portal() as portal:
        answer = await portal.get(path, headers={"Host": "evil.example"})
    assert "evil.example" not in answer.headers.get("location", "")
    assert "evil.example" not in answer.text
