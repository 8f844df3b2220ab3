"""Every node gets one row by the deadline, whatever it does; over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from portal.asking.answer import NodeAnswer, Outcome
from portal.asking.calls import Calls
from portal.asking.fanout import Credential, Fanout, Target
from portal.settings import Limits
from tests.support.loopback import served, unused_address

pytestmark = [pytest.mark.live, pytest.mark.anyio]

# A busy machine's good node answers before it, and whoever waits for it has not long to wait.
LIMITS = Limits(deadline_seconds=8, connect_seconds=8, first_byte_seconds=60, answer_bytes=2_000)
YES = {"meta": {"beaconId": "n"}, "responseSummary": {"exists": True, "numTotalResults": 3}}
Handler = Callable[[Request], Awaitable[Response]]


async def _yes(_request: Request) -> Response:
    return JSONResponse(YES)


def _node(handler: Handler) -> Starlette:
    return Starlette(routes=[Route("/beacon/individuals", handler, methods=["POST"])])


@asynccontextmanager
async def _fanout(limits: Limits = LIMITS) -> AsyncGenerator[Fanout, None]:
    calls = Calls(limits)
    try:
        yield Fanout(calls, limits)
    finally:
        await calls.close()


async def _ask(*urls: str) -> list[NodeAnswer]:
    async with _fanout() as fanout:
        targets = [Target(url, url) for url in urls]
        return [row async for row in fanout.ask(targets, "/individuals", body={"query": {}})]


async def test_a_node_that_answers_is_a_row_with_its_count() -> None:
    async with served(_node(_yes)) as url:
        (row,) = await _ask(url)
    assert (row.outcome, row.asked_as, row.beacon_id) == (Outcome.OK, "anonymous", "n")
    assert [one.count for one in row.sets] == [3]


async def test_a_silent_node_is_late_at_the_deadline_and_holds_nobody_up() -> None:
    async def silent(_request: Request) -> Response:
        await asyncio.sleep(36_000)
        return JSONResponse(YES)

    started = time.monotonic()
    async with served(_node(silent)) as slow, served(_node(_yes)) as quick:
        rows = await _ask(slow, quick)
        taken = time.monotonic() - started
    assert [row.outcome for row in rows] == [Outcome.OK, Outcome.LATE]
    assert taken < 3_600  # the node would have taken ten hours
    assert "within 8 s" in rows[1].reason


async def test_a_stopped_node_is_unreachable_and_named() -> None:
    stopped = unused_address()
    async with served(_node(_yes)) as url:
        rows = {row.url: row.outcome for row in await _ask(stopped, url)}
    assert rows == {stopped: Outcome.UNREACHABLE, url: Outcome.OK}


async def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    async def elsewhere(_request: Request) -> Response:
        asked.append("elsewhere")
        return JSONResponse(YES)

    async with served(_node(elsewhere)) as other:

        async def redirect(_request: Request) -> Response:
            return RedirectResponse(f"{other}/beacon/individuals", status_code=307)

        async with served(_node(redirect)) as url:
            (row,) = await _ask(url)
    assert (row.outcome, asked) == (Outcome.ERROR, [])


async def test_an_answer_above_the_cap_is_an_error() -> None:
    async def large(_request: Request) -> Response:
        return JSONResponse(YES | {"padding": "x" * 5_000})

    async with served(_node(large)) as url:
        (row,) = await _ask(url)
    assert (row.outcome, row.sets) == (Outcome.ERROR, ())


@pytest.mark.parametrize("raw", [b"<html>", b"", b"[" * 1_900])
async def test_nonsense_is_an_error(raw: bytes) -> None:
    async def nonsense(_request: Request) -> Response:
        return Response(raw)

    async with served(_node(nonsense)) as url:
        (row,) = await _ask(url)
    assert row.outcome is Outcome.ERROR


async def test_each_node_is_shown_its_own_credential_only() -> None:
    seen: dict[str, str | None] = {}

    async def look(request: Request) -> Response:
        seen[str(request.base_url).rstrip("/")] = request.headers.get("authorization")
        assert json.loads(await request.body()) == {"query": {}}
        return JSONResponse(YES)

    async def credential(audience: str) -> Credential:
        return Credential("signed in", f"for-{audience}")

    async with served(_node(look)) as one, served(_node(look)) as two, _fanout() as fanout:
        targets = [Target(one, "1"), Target(two, "2")]
        asking = fanout.ask(targets, "/individuals", body={"query": {}}, credential=credential)
        rows = [row async for row in asking]
    assert seen == {one: f"Bearer for-{one}", two: f"Bearer for-{two}"}
    assert {row.asked_as for row in rows} == {"signed in"}


async def test_a_slow_exchange_leaves_time_to_ask_as_anyone_and_says_so() -> None:
    async def never(_audience: str) -> Credential:
        await asyncio.sleep(36_000)
        return Credential("signed in", "late")

    async with served(_node(_yes)) as url, _fanout() as fanout:
        asking = fanout.ask([Target(url, "1")], "/individuals", body={}, credential=never)
        (row,) = [row async for row in asking]
    assert row.outcome is Outcome.OK
    assert row.asked_as.startswith("anonymous, ")


async def test_leaving_cancels_what_is_still_asked() -> None:
    async def silent(_request: Request) -> Response:
        await asyncio.sleep(36_000)
        return JSONResponse(YES)

    async with served(_node(_yes)) as quick, served(_node(silent)) as slow, _fanout() as fanout:
        asking = fanout.ask([Target(quick, "q"), Target(slow, "s")], "/individuals", body={})
        first = await anext(asking)
        started = time.monotonic()
        await asking.aclose()
        assert time.monotonic() - started < 3_600  # without cancelling it would be ten hours
    assert first.url == quick


async def test_more_nodes_than_a_slice_all_get_a_row() -> None:
    limits = Limits(deadline_seconds=30, connect_seconds=30, slice_size=3)
    async with served(_node(_yes)) as url, _fanout(limits) as fanout:
        targets = [Target(url, str(n)) for n in range(10)]
        rows = [row async for row in fanout.ask(targets, "/individuals", body={})]
    assert sorted(row.name for row in rows) == sorted(str(n) for n in range(10))


async def test_a_node_that_cannot_serve_the_question_is_not_asked() -> None:
    async with _fanout() as fanout:
        target = Target(unused_address(), "n", "another assembly")
        (row,) = [row async for row in fanout.ask([target], "/individuals", body={})]
    assert (row.outcome, row.reason, row.asked_as) == (
        Outcome.UNSUPPORTED,
        "another assembly",
        "not asked",
    )


async def test_asking_nobody_ends_at_once() -> None:
    assert await _ask() == []


async def test_a_signed_in_persons_answer_is_given_to_nobody_else() -> None:
    async def by_rights(request: Request) -> Response:
        exists = request.headers.get("authorization") is not None
        return JSONResponse({"responseSummary": {"exists": exists}})

    async def signed_in(audience: str) -> Credential:
        return Credential("signed in", f"for-{audience}")

    async with served(_node(by_rights)) as url, _fanout() as fanout:
        target = [Target(url, "n")]
        for _ in range(2):
            mine = fanout.ask(target, "/individuals", body={}, credential=signed_in)
            anyone = fanout.ask(target, "/individuals", body={})
            assert [row.outcome async for row in mine] == [Outcome.OK]
            assert [row.outcome async for row in anyone] == [Outcome.EMPTY]


async def test_a_node_that_dribbles_is_cut_at_the_deadline() -> None:
    async def dribble(_request: Request) -> Response:
        async def bytes_one_by_one() -> AsyncGenerator[bytes, None]:
            while True:
                yield b" "
                await asyncio.sleep(0.05)

        return StreamingResponse(bytes_one_by_one(), media_type="application/json")

    started = time.monotonic()
    async with served(_node(dribble)) as url:
        (row,) = await _ask(url)
        taken = time.monotonic() - started
    assert row.outcome is Outcome.LATE
    assert taken < 3_600  # the node would have taken ten hours


async def test_a_node_that_fails_again_and_again_is_left_alone() -> None:
    asked = 0

    async def fails(_request: Request) -> Response:
        nonlocal asked
        asked += 1
        return JSONResponse({}, status_code=500)

    async with served(_node(fails)) as url, _fanout() as fanout:
        for _ in range(7):
            (row,) = [row async for row in fanout.ask([Target(url, "n")], "/individuals", body={})]
    assert (asked, row.outcome) == (5, Outcome.UNREACHABLE)
    assert "5 times in a row" in row.reason


async def test_whoever_stops_begins_no_more_questions() -> None:
    heard: list[str] = []
    stopped = asyncio.Event()

    async def hears(request: Request) -> Response:
        heard.append(str(request.url))
        stopped.set()
        await asyncio.sleep(36_000)
        return JSONResponse(YES)

    limits = Limits(deadline_seconds=60, connect_seconds=60, first_byte_seconds=60, slice_size=1)
    async with served(_node(hears)) as url, _fanout(limits) as fanout:
        targets = [Target(url, str(number)) for number in range(300)]
        rows = [
            row
            async for row in fanout.ask(
                targets, "/individuals", body={"query": {}}, stopped=stopped
            )
        ]
    assert {row.outcome for row in rows} == {Outcome.LATE}
    assert sorted(int(row.name) for row in rows) == list(range(300))
