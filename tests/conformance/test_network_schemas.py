"""The network's Beacon against the official Beacon v2.2.0 JSON schemas (commit c6558bf)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portal.app import create_app
from portal.settings import PortalSettings
from tests.support.beacon_schemas import Schemas
from tests.support.loopback import served
from tests.support.readiness import ready

pytestmark = [pytest.mark.live, pytest.mark.anyio]

TERM = {"id": "MONDO:1", "type": "ontologyTerm", "label": "ill", "scopes": ["individual"]}
FIELD = {"id": "sex", "type": "alphanumeric", "scopes": ["individual"], "values": ["male"]}
EXACT = {"exists": True, "resultsCount": 3, "countPrecision": "exact"}


@pytest.fixture
def schemas() -> Schemas:
    return Schemas()


def _node(*sets: Mapping[str, object], status: int = 200) -> Starlette:
    async def ask(_request: Request) -> Response:
        if status != 200:
            error = {"errorCode": status, "errorMessage": "filters: MONDO:9 is not known here."}
            return JSONResponse({"error": error}, status)
        found = [{"id": f"d{n}", "setType": "dataset", **one} for n, one in enumerate(sets)]
        exists = any(one["exists"] for one in found)
        suppressed = [{"id": "closed", "text": "Needs a grant."}]
        return JSONResponse(
            {
                "responseSummary": {"exists": exists},
                "response": {"resultSets": found},
                "info": {"suppressed": suppressed},
            }
        )

    async def info(_request: Request) -> Response:
        return JSONResponse({"response": {"id": "org.example.one", "name": "One"}})

    async def terms(_request: Request) -> Response:
        return JSONResponse({"response": {"filteringTerms": [TERM, FIELD]}})

    return Starlette(
        routes=[
            Route("/beacon/individuals", ask, methods=["POST"]),
            Route("/beacon/g_variants", ask, methods=["POST"]),
            Route("/beacon/info", info),
            Route("/beacon/filtering_terms", terms),
        ]
    )


@asynccontextmanager
async def _network(*nodes: Starlette) -> AsyncGenerator[httpx.AsyncClient]:
    urls = []
    async with served(nodes[0]) as first, served(nodes[-1]) as second:
        urls = [first, second]
        settings = PortalSettings(
            public_url="http://127.0.0.1:8080", nodes=tuple(urls), deadline_seconds=60
        )
        app = create_app(settings)
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=settings.public_url) as client,
        ):
            await ready(client)
            yield client


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("", "beaconInfoResponse"),
        ("/", "beaconInfoResponse"),
        ("/info", "beaconInfoResponse"),
        ("/service-info", "ga4gh-service-info-1-0-0-schema"),
        ("/configuration", "beaconConfigurationResponse"),
        ("/entry_types", "beaconEntryTypesResponse"),
        ("/map", "beaconMapResponse"),
        ("/filtering_terms", "beaconFilteringTermsResponse"),
    ],
)
async def test_a_framework_endpoint_is_what_the_standard_says(
    schemas: Schemas, path: str, schema: str
) -> None:
    async with _network(_node(EXACT)) as client:
        found = await client.get(f"/beacon{path}")
    assert found.status_code == 200
    schemas.response(found.json(), schema)


@pytest.mark.parametrize("granularity", ["boolean", "count", "record"])
@pytest.mark.parametrize("include", ["HIT", "MISS", "ALL", "NONE"])
async def test_every_answer_is_in_its_envelope(
    schemas: Schemas, granularity: str, include: str
) -> None:
    answers: list[list[Mapping[str, object]]] = [
        [EXACT],
        [{"exists": False, "resultsCount": 0}],
        [{"exists": True}],
        [EXACT, {"exists": True, "countAdjustedTo": ["<10"]}],
        [EXACT | {"countPrecision": "rounded"}, {"exists": True, "resultsCount": 5}],
        [{"exists": True, "resultsCount": 9, "countAdjustedTo": [4, 9]}],
    ]
    for sets in answers:
        async with _network(_node(*sets), _node(EXACT)) as client:
            for entry in ("g_variants", "individuals"):
                found = await client.post(
                    f"/beacon/{entry}",
                    json={
                        "meta": {"apiVersion": "v2.2.0"},
                        "query": {
                            "requestedGranularity": granularity,
                            "includeResultsetResponses": include,
                            "pagination": {"skip": 0, "limit": 0},
                        },
                    },
                )
                assert found.status_code == 200
                schemas.answer(found.json())
                echo = found.json()["meta"]["receivedRequestSummary"]
                assert echo["pagination"] == {"skip": 0, "limit": 0}
                assert [one["id"] for one in found.json()["info"]["suppressed"]]


@pytest.mark.parametrize(
    ("query", "status"), [("unknown=1", 400), ("filters=MONDO:9", 400), ("skip=1", 400)]
)
async def test_an_error_is_an_error_of_the_standard_and_names_the_nodes_reason(
    schemas: Schemas, query: str, status: int
) -> None:
    async with _network(_node(status=400)) as client:
        found = await client.get(f"/beacon/individuals?{query}")
    assert found.status_code == status
    schemas.response(found.json(), "beaconErrorResponse")
    if query.startswith("filters"):
        assert "One: unsupported (filters: MONDO:9 is not known here.)" in found.text
