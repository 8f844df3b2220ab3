"""A dataset's people are drawn from what its node tells anyone, each number of its own kind."""

from __future__ import annotations

import time

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portal.answer import SetAnswer, Shown
from portal.calls import Calls
from portal.fanout import Fanout
from portal.people import Bar, chart, charts
from portal.registry import Registry
from portal.settings import Limits
from tests.support.loopback import served

LIMITS = Limits(deadline_seconds=2)
SAYS: dict[str, dict[str, object]] = {
    "NCIT:C16576": {"exists": True, "resultsCount": 30, "countPrecision": "exact"},
    "NCIT:C20197": {"exists": True, "countAdjustedTo": ["<10"]},
    "MONDO:1": {"exists": True},
    "MONDO:2": {"exists": False},
}


def _node(asked: list[str]) -> Starlette:
    async def ask(request: Request) -> Response:
        assert request.headers.get("authorization") is None
        asked.append(request.url.path)
        term = (await request.json())["query"]["filters"][0]["id"]
        if term not in SAYS:
            return JSONResponse({"error": {"errorCode": 403}, "info": {"code": "suppressed"}}, 403)
        one = {"id": "a/b", "setType": "dataset"} | SAYS[term]
        summary = {"exists": one["exists"]}
        return JSONResponse({"responseSummary": summary, "response": {"resultSets": [one]}})

    async def info(_request: Request) -> Response:
        return JSONResponse({"response": {"id": "n", "name": "N"}})

    async def terms(_request: Request) -> Response:
        ids = [*SAYS, "MONDO:3", "HP:1"]
        listed = [{"id": one, "type": "ontologyTerm", "scopes": ["individual"]} for one in ids]
        blood = {"id": "MONDO:4", "type": "ontologyTerm", "scopes": ["biosample"]}
        return JSONResponse({"response": {"filteringTerms": [*listed, blood]}})

    return Starlette(
        routes=[
            Route("/beacon/datasets/{id}/individuals", ask, methods=["POST"]),
            Route("/beacon/info", info),
            Route("/beacon/filtering_terms", terms),
        ]
    )


@pytest.mark.live
@pytest.mark.anyio
async def test_each_term_is_asked_of_that_dataset_as_anyone() -> None:
    asked: list[str] = []
    calls = Calls(LIMITS)
    async with served(_node(asked)) as url:
        registry = Registry([url], calls, limits=LIMITS, clock=time.time)
        await registry.refresh()
        made = await charts(Fanout(calls, LIMITS), registry.nodes[0], "set-1")
        await calls.close()
    assert set(asked) == {"/beacon/datasets/set-1/individuals"}
    sexes, diseases = made
    assert [bar.term for bar in sexes.bars] == ["NCIT:C16576", "NCIT:C20197"]
    assert [bar.answer.shown if bar.answer else None for bar in (*sexes.bars, *diseases.bars)] == [
        Shown.EXACT, Shown.FEWER, Shown.HIDDEN, Shown.NO, None,
    ]  # fmt: skip
    assert [bar.share for bar in sexes.bars] == [100, 30]
    assert [bar.share for bar in diseases.bars] == [0, 0, 0]


def test_bars_are_measured_against_the_longest() -> None:
    def bar(count: int | None) -> Bar:
        return Bar("T:1", "t", SetAnswer("d", True, count, "exact"), "")

    assert [one.share for one in chart("t", "t", [bar(5), bar(20), bar(None)]).bars] == [25, 100, 0]
    assert chart("t", "t", []).bars == ()
