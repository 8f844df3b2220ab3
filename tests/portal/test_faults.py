"""What may go wrong at a node, each with the plain sentence that a person reads.

By name: never answering, byte by byte, garbage, a wrong schema, 100 MB, a redirect, a lie about its
id (of an admitted node: test_pin), counts that contradict its booleans, joining and leaving in the
middle of a question, clock skew, the sign-in provider down. What a connection alone may do is
test_http1's, other contradictions and shapes are test_reading's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from portal.app import create_app
from portal.asking.answer import NodeAnswer, Outcome
from portal.asking.calls import Calls
from portal.asking.fanout import Credential, Fanout, Target
from portal.nodes.joining import JoinBook
from portal.nodes.validator import Report
from portal.settings import Limits, PortalSettings
from tests.support.loopback import served, unused_address

pytestmark = [pytest.mark.live, pytest.mark.anyio]

LIMITS = Limits(deadline_seconds=8, connect_seconds=8, first_byte_seconds=60)
YES = {"meta": {"beaconId": "org.one"}, "responseSummary": {"exists": True, "numTotalResults": 3}}
MEGABYTE = 1024 * 1024
Handler = Callable[[Request], Awaitable[Response]]


async def _yes(_request: Request) -> Response:
    return JSONResponse(YES)


def _node(handler: Handler) -> Starlette:
    return Starlette(routes=[Route("/beacon/individuals", handler, methods=["POST"])])


async def _ask(
    targets: Sequence[Target], token: str | None = None, *, limits: Limits = LIMITS
) -> list[NodeAnswer]:
    async def credential(_audience: str) -> Credential:
        return Credential("signed in" if token else "anonymous", token)

    calls = Calls(limits)
    try:
        asking = Fanout(calls, limits).ask(
            targets, "/individuals", body={"query": {}}, credential=credential
        )
        return [row async for row in asking]
    finally:
        await calls.close()


async def _silent(_request: Request) -> Response:
    await asyncio.sleep(36_000)
    return JSONResponse(YES)


async def _garbage(_request: Request) -> Response:
    return Response(b"<html>Welcome!</html>")


async def _redirect(_request: Request) -> Response:
    return RedirectResponse("https://elsewhere.example.org/", status_code=307)


async def _contradiction(_request: Request) -> Response:
    return JSONResponse({"responseSummary": {"exists": False, "numTotalResults": 7}})


@pytest.mark.parametrize(
    ("fault", "outcome", "sentence"),
    [
        (_silent, Outcome.LATE, "No answer within 8 s."),
        (_garbage, Outcome.ERROR, "The answer is not JSON."),
        (_redirect, Outcome.ERROR, "The node answered with a redirect, which is not followed."),
        (
            _contradiction,
            Outcome.ERROR,
            "The answer contradicts itself: its yes or no and its counts.",
        ),
    ],
    ids=["never_answers", "garbage", "redirect", "counts_that_contradict_its_booleans"],
)
async def test_a_fault_of_a_node_is_its_row_alone_in_a_plain_sentence(
    fault: Handler, outcome: Outcome, sentence: str
) -> None:
    async with served(_node(fault)) as url, served(_node(_yes)) as other:
        rows = {row.name: row for row in await _ask([Target(url, "bad"), Target(other, "good")])}
    assert (rows["bad"].outcome, rows["bad"].reason) == (outcome, sentence)
    assert rows["good"].outcome is Outcome.OK


async def test_a_node_that_sends_100_megabytes_is_cut_at_the_cap() -> None:
    sent = 0

    async def flood(_request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            nonlocal sent
            while sent < 100 * MEGABYTE:
                sent += MEGABYTE
                yield b" " * MEGABYTE
                await asyncio.sleep(0)  # else the server never sees that nobody listens

        return StreamingResponse(pieces(), headers={"content-length": str(100 * MEGABYTE)})

    limits = Limits(deadline_seconds=60, first_byte_seconds=60)
    async with served(_node(flood)) as url:
        (row,) = await _ask([Target(url, "n")], limits=limits)
    assert (row.outcome, row.reason) == (
        Outcome.ERROR, "The answer is larger than 4,194,304 bytes.",
    )  # fmt: skip
    assert sent < 50 * MEGABYTE  # what the connection's buffers took beyond the cap


async def test_a_node_that_answers_byte_by_byte_is_late_and_not_waited_for() -> None:
    async def dribble(_request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.1)

        return StreamingResponse(pieces())

    started = time.monotonic()
    async with served(_node(dribble)) as url:
        (row,) = await _ask([Target(url, "n")])
        taken = time.monotonic() - started
    assert (row.outcome, row.reason) == (Outcome.LATE, "No answer within 8 s.")
    assert taken < 3_600


async def test_a_node_that_leaves_in_the_middle_of_its_answer_is_an_error() -> None:
    async def leave(_request: Request) -> Response:
        async def half() -> AsyncIterator[bytes]:
            yield b'{"responseSummary": {"exists": true'

        return StreamingResponse(half(), headers={"content-length": "500"})

    async with served(_node(leave)) as url, served(_node(_yes)) as other:
        rows = {row.name: row for row in await _ask([Target(url, "gone"), Target(other, "here")])}
    assert rows["gone"].outcome is Outcome.ERROR
    assert rows["gone"].reason == "The node broke off the answer."
    assert rows["here"].outcome is Outcome.OK


async def test_an_answer_is_the_asked_nodes_whatever_it_calls_itself() -> None:
    async with served(_node(_yes)) as url:
        honest, liar, unknown = await asyncio.gather(
            _ask([Target(url, "n", id="org.one")]),
            _ask([Target(url, "n", id="org.two")]),
            _ask([Target(url, "n")]),
        )
    assert (honest[0].beacon_id, honest[0].reason) == ("org.one", "")
    assert liar[0].beacon_id == "org.two"
    assert liar[0].reason == "It answers as org.one, and is known as org.two."
    assert (unknown[0].beacon_id, unknown[0].reason) == ("org.one", "")


async def test_a_node_with_a_wrong_clock_refuses_the_passport_in_its_own_words() -> None:
    async def skewed(request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer t"
        said = {"errorCode": 401, "errorMessage": "The passport is not valid yet."}
        date = {"date": "Thu, 01 Jan 1970 00:00:00 GMT"}
        return JSONResponse({"error": said}, 401, headers=date)

    async with served(_node(skewed)) as url:
        (row,) = await _ask([Target(url, "n")], token="t")
    assert (row.outcome, row.reason) == (Outcome.REFUSED, "The passport is not valid yet.")
    assert row.age_seconds == 0


async def test_a_wrong_schema_is_an_error_that_says_what_is_missing() -> None:
    async def other(_request: Request) -> Response:
        return JSONResponse({"beacon": "v1", "exists": True, "datasetAlleleResponses": []})

    async with served(_node(other)) as url:
        (row,) = await _ask([Target(url, "n")])
    assert (row.outcome, row.reason) == (
        Outcome.ERROR, "The answer has no responseSummary.exists.",
    )  # fmt: skip


async def test_with_the_sign_in_service_down_anyone_still_asks_and_a_sentence_says_so() -> None:
    async with served(_node(_yes)) as url:
        settings = PortalSettings(
            public_url="http://127.0.0.1:8080",
            nodes=(url,),
            signin_issuer=unused_address(),
            deadline_seconds=60,
        )
        app = create_app(settings)
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=settings.public_url) as browser,
        ):
            page = await browser.get("/auth/login")
            asked = await browser.post("/search", data={"q": "MONDO:1"})
    assert page.status_code == 502
    assert "sign-in provider does not answer" in page.text
    assert "3 people from the one node asked" in asked.text


async def _listed(browser: httpx.AsyncClient, urls: Sequence[str]) -> None:
    """Until the portal's list is this; it looks again every two seconds at the start."""
    async with asyncio.timeout(600):
        while [node["url"] for node in (await browser.get("/api/nodes")).json()] != urls:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.02)


async def test_a_node_that_joins_or_is_sent_away_in_the_middle_of_a_question_changes_no_row(
    tmp_path: Path,
) -> None:
    book = JoinBook(tmp_path / "nodes.db", clock=time.time)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: Request) -> Response:
        begun.set()
        await go_on.wait()
        return JSONResponse(YES)

    async with served(_node(slow)) as leaves, served(_node(_yes)) as joins:
        for url in (leaves, joins):
            book.apply(url, is_beacon=False, applicant="grace", note="")
        book.admit(leaves, Report(leaves, "L", "", ()), by="adam")
        settings = PortalSettings(
            public_url="http://127.0.0.1:8080", nodes=(), nodes_file=tmp_path / "nodes.db",
            client_secret=None, deadline_seconds=60,
        )  # fmt: skip
        app = create_app(settings)
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=settings.public_url) as browser,
        ):
            await _listed(browser, [leaves])
            asking = asyncio.create_task(browser.post("/search", data={"q": "MONDO:1"}))
            await asyncio.wait_for(begun.wait(), 600)
            book.remove(leaves)
            book.admit(joins, Report(joins, "J", "", ()), by="adam")
            await _listed(browser, [joins])
            go_on.set()
            page = (await asking).text
    assert "3 people from the one node asked" in page
    assert page.count('<th scope="row" data-label="Node">') == 1
