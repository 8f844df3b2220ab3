"""A dataset's people are drawn from what its node tells anyone, each number of its own kind."""

from __future__ import annotations

import time

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portal.asking.calls import Calls
from portal.asking.fanout import Fanout
from portal.nodes.registry import Registry
from portal.people import charts
from portal.settings import Limits
from tests.support.loopback import served

LIMITS = Limits(deadline_seconds=60)
SAYS: dict[str, dict[str, object]] = {
    "NCIT:C16576": {"exists": True, "resultsCount": 30, "countPrecision": "exact"},
    "NCIT:C20197": {"exists": True, "countAdjustedTo": ["<10"]},
    "MONDO:1": {"exists": True},
    "MONDO:2": {"exists": False},
}
FIELDS: dict[str, dict[str, object]] = {
    "ethnicity": {"exists": True, "resultsCount": 12, "countPrecision": "rounded"},
    "diseases.ageOfOnset": {"exists": False},
}


def _node(asked: list[str]) -> Starlette:
    async def ask(request: Request) -> Response:
        assert request.headers.get("authorization") is None
        asked.append(request.url.path)
        (one,) = (await request.json())["query"]["filters"]
        term = one["id"]
        if term == "ethnicity":
            assert one == {"id": "ethnicity", "operator": "=", "value": "Sami"}
        if term not in SAYS | FIELDS:
            return JSONResponse({"error": {"errorCode": 403}, "info": {"code": "suppressed"}}, 403)
        one = {"id": "a/b", "setType": "dataset"} | (SAYS | FIELDS)[term]
        summary = {"exists": one["exists"]}
        return JSONResponse({"responseSummary": summary, "response": {"resultSets": [one]}})

    async def info(_request: Request) -> Response:
        return JSONResponse({"response": {"id": "n", "name": "N"}})

    async def terms(_request: Request) -> Response:
        ids = [*SAYS, "MONDO:3", "HP:1"]
        listed = [{"id": one, "type": "ontologyTerm", "scopes": ["individual"]} for one in ids]
        listed += [
            {"id": "ethnicity", "type": "alphanumeric", "values": ["Sami"]},
            {"id": "diseases.ageOfOnset", "type": "alphanumeric", "scopes": ["individual"]},
        ]
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
    sexes, ages, diseases, ancestry = made
    assert [(bar.code, bar.beside, bar.rough) for bar in sexes.bars] == [
        ("NCIT:C16576", "30", False),
        ("NCIT:C20197", "< 10", True),
    ]
    assert [bar.share for bar in sexes.bars] == [100, 30]
    assert [bar.words for bar in diseases.bars] == ["yes, number hidden", "0", "HTTP 403"]
    assert [bar.share for bar in diseases.bars] == [0, 0, 0]
    assert [bar.label for bar in ages.bars] == [f"before {age}" for age in range(10, 90, 10)]
    assert [(bar.code, bar.words) for bar in ancestry.bars] == [("ethnicity = Sami", "about 12")]
