"""Answers of other Beacon servers, in the shapes their sources send, to be replayed on loopback.

EGA's pi-api, the European mini-node, bycon and Bento's Beacon, read at their versions of 2026; the
contents are made up, the members and their types are theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = Mapping[str, object]


@dataclass(frozen=True)
class Replayed:
    """`gets` and `posts` by path under the root; what arrived is in `bodies`."""

    gets: Mapping[str, Json]
    posts: Mapping[str, Json]
    status: int = 200
    bodies: list[Json] = field(default_factory=list)

    def app(self) -> Starlette:
        async def answer(request: Request) -> Response:
            assert request.headers.get("authorization") is None
            path = request.path_params["path"]
            if request.method == "GET":
                found = self.gets.get(path)
                return JSONResponse(found, 405 if found is None and path in self.posts else 200)
            if path != "datasets":
                self.bodies.append(await request.json())
            posted = self.posts.get(path)
            return JSONResponse(posted, 404 if posted is None else self.status)

        return Starlette(routes=[Route("/api/{path:path}", answer, methods=["GET", "POST"])])


def _meta(beacon: str, version: str, granularity: str, **echo: object) -> Json:
    return {
        "beaconId": beacon,
        "apiVersion": version,
        "returnedGranularity": granularity,
        "returnedSchemas": [{"entityType": "genomicVariation", "schema": "beacon-v2.0.0"}],
        "receivedRequestSummary": {
            "apiVersion": version,
            "requestedSchemas": [],
            "pagination": {"skip": 0, "limit": 10},
            "requestedGranularity": "count",
            **echo,
        },
    }


def _info(beacon: str, name: str, version: str) -> Json:
    organization = {"id": "org", "name": f"{name} organisation"}
    return {
        "meta": {"beaconId": beacon, "apiVersion": version, "returnedSchemas": []},
        "response": {
            "id": beacon, "name": name, "apiVersion": version, "environment": "prod",
            "organization": organization,
        },
    }  # fmt: skip


def pi_api() -> Replayed:
    """Records, and no `countPrecision`; an empty `requestParameters` is refused."""
    variant = {"variation": {"location": {"type": "SequenceLocation"}, "alternateBases": "A"}}
    echo = {"requestParameters": {"start": [43045710]}, "filters": []}
    return Replayed(
        gets={
            "info": _info("org.ega-archive.beacon", "EGA Beacon", "v2.2.0"),
            "datasets": {"response": {"collections": [{"id": "COHORT1", "name": "Cohort 1"}]}},
            "filtering_terms": {
                "response": {
                    "filteringTerms": [
                        {"id": "NCIT:C16576", "label": "female", "type": "ontology",
                         "scopes": ["individual"]}
                    ]
                }
            },
            "map": {
                "response": {
                    "endpointSets": {
                        "genomicVariant": {"rootUrl": "https://beacon.example/api/g_variants"},
                        "individual": {"rootUrl": "https://beacon.example/api/individuals"},
                    }
                }
            },
        },
        posts={
            "g_variants": {
                "meta": _meta("org.ega-archive.beacon", "v2.2.0", "record", **echo),
                "responseSummary": {"exists": True, "numTotalResults": 1},
                "response": {
                    "resultSets": [
                        {"id": "COHORT1", "setType": "dataset", "exists": True,
                         "resultsCount": 1, "results": [variant], "resultsHandovers": []}
                    ]
                },
                "beaconHandovers": [],
            }
        },
    )  # fmt: skip


def mini_node(*, exists: bool = True) -> Replayed:
    """POST alone; its `numTotalResults` counts datasets; frequencies instead of records."""
    sets: list[Json] = [
        {"id": f"GDI{n}_COUNTRY", "setType": "dataset", "exists": True, "resultsCount": n,
         "results": [], "info": {}}
        for n in (5, 7)
    ]  # fmt: skip
    return Replayed(
        gets={
            "info": _info("ee.gdi.beacon", "GDI node", "v2.1.2"),
            "filtering_terms": {"response": {"filteringTerms": [], "resources": []}},
        },
        posts={
            "datasets": {
                "response": {
                    "resultSets": [
                        {"id": "x", "results": [{"id": "GDI5_COUNTRY", "name": "Country"}]}
                    ]
                }
            },
            "individuals": {
                "meta": _meta("ee.gdi.beacon", "v2.1.2", "count"),
                "responseSummary": {"exists": exists, "numTotalResults": 2 if exists else 0},
                "response": {"resultSets": sets if exists else []},
            },
        },
    )


def forgetful_mini_node() -> Replayed:
    """A gene question about people: it drops the variant and counts everybody."""
    node = mini_node()
    everybody = {
        "meta": _meta("ee.gdi.beacon", "v2.1.2", "count", requestParameters={}),
        "responseSummary": {"exists": True, "numTotalResults": 1},
        "response": {
            "resultSets": [{"id": "GDI5", "setType": "dataset", "exists": True,
                            "resultsCount": 2500}]
        },
    }  # fmt: skip
    return Replayed(gets=node.gets, posts={**node.posts, "individuals": everybody})


def bycon(*, wrong: bool = False) -> Replayed:
    """Errors come with status 200, and with a `responseSummary` that says no."""
    parameters = {"reference_name": "refseq:NC_000017.11"}
    meta = _meta("org.progenetix", "v2.1.1", "count", requestParameters=parameters)
    summary = {"exists": not wrong, "numTotalResults": 0 if wrong else 12}
    asked: dict[str, object] = {
        "meta": meta,
        "responseSummary": summary,
        "response": {
            "resultSets": [] if wrong else [
                {"id": "progenetix", "setType": "dataset", "exists": True, "resultsCount": 12,
                 "paginatedResultsCount": 10, "results": [], "resultsHandovers": []}
            ]
        },
    }  # fmt: skip
    if wrong:
        asked["error"] = {"errorCode": 422, "errorMessage": "No variant query was understood."}
    return Replayed(
        gets={"info": _info("org.progenetix", "Progenetix", "v2.1.1")},
        posts={"g_variants": asked},
    )


def bento(count: int | None = 30) -> Replayed:
    """Counts in the summary alone; `returnedSchemas` may be empty."""
    summary: dict[str, object] = {"exists": True}
    if count is not None:
        summary["numTotalResults"] = count
    answer = {
        "meta": _meta("ca.c3g.bento.beacon", "v2.0.0", "count" if count else "boolean"),
        "responseSummary": summary,
        "info": {"bento": {"service_kind": "beacon"}},
    }
    term = {
        "id": "sex", "type": "alphanumeric", "scope": "individual", "values": ["MALE", "FEMALE"],
    }  # fmt: skip
    sections: Sequence[Json] = [{"sectionTitle": "General"}]
    return Replayed(
        gets={
            "info": _info("ca.c3g.bento.beacon", "Bento", "v2.0.0"),
            "datasets": {"response": {"collections": [{"id": "uuid-1", "name": "Study"}]}},
            "filtering_terms": {"response": {"filteringTerms": [term]}},
            "individual_schema": {"sections": sections},
        },
        posts={"individuals": answer},
    )  # fmt: skip


def strictly_nested() -> Replayed:
    """A server that refuses flat parameters."""
    return Replayed(
        gets={"info": _info("org.strict", "Strict", "v2.2.0")},
        posts={
            "g_variants": {
                "meta": _meta("org.strict", "v2.2.0", "boolean"),
                "error": {"errorCode": 400, "errorMessage": "requestParameters.start: not allowed"},
            }
        },
        status=400,
    )
