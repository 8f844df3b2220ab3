"""The network as one Beacon v2.2 at /beacon: what the nodes are together, and their merged answers.

Asks every node, lifted to its assembly where that can be done (`questions.lifting`), and merges by
`asking.aggregate`; `info.nodes` counts who answered and `info.missing` names who did not. Answers
anonymously: a token shown here is refused, because it was made for someone else. A question that
came through here before is refused (`asking.hops`). Records stay at the nodes' own Beacons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError

from portal.as_beacon import description, openapi
from portal.as_beacon.description import ENTRY, Network
from portal.as_beacon.envelope import envelope
from portal.asking import hops
from portal.asking.aggregate import merge
from portal.asking.answer import NodeAnswer, Outcome
from portal.errors import NoNodeAnswered, NothingMayBeSaid, UnreadableQuestion
from portal.questions import lifting
from portal.questions.question import Kind
from schemas.beacon import API_VERSION, RequestBody
from schemas.errors import SkerryError, TooLarge, Unauthenticated

_LISTS = frozenset({"start", "end"})
_WORDS = frozenset(
    {"referenceName", "assemblyId", "referenceBases", "alternateBases", "variantType", "geneId",
     "aminoacidChange", "genomicAlleleShortForm", "variantMinLength", "variantMaxLength"}
)  # fmt: skip
_WHOLE = frozenset({"variantMinLength", "variantMaxLength"})
_QUERY = frozenset(
    {"filters", "requestedGranularity", "includeResultsetResponses", "skip", "limit"}
)


def build(network: Network) -> APIRouter:
    router = APIRouter(prefix="/beacon")
    _describe(router, network)

    def add(kind: Kind, method: str, described: dict[str, Any]) -> None:
        @router.api_route(
            f"/{kind.value}",
            methods=[method],
            operation_id=f"{method.lower()}_{kind.value}",
            response_model=None,
            responses=openapi.RESPONSES,
            openapi_extra=described,
        )
        async def ask(request: Request) -> dict[str, object]:
            journey = hops.read(request.headers, own_id=network.id)
            body = await _question(request, network)
            return await _answer(network, kind, body, journey=journey)

    wholes = _WHOLE | {"skip", "limit"}
    by_get = openapi.asked_by_get((_WORDS | _LISTS | _QUERY) - wholes, wholes)
    for kind in Kind:
        add(kind, "GET", by_get)
        add(kind, "POST", openapi.ASKED_BY_POST)
    return router


def _describe(router: APIRouter, network: Network) -> None:
    def informational(response: Mapping[str, object]) -> dict[str, object]:
        meta = {"beaconId": network.id, "apiVersion": API_VERSION, "returnedSchemas": []}
        return {"meta": meta, "response": response}

    @router.get("", include_in_schema=False)
    @router.get("/", include_in_schema=False)
    @router.get("/info")
    async def info() -> dict[str, object]:
        return informational(description.info(network))

    @router.get("/service-info")
    async def service_info() -> dict[str, object]:
        return description.service_info(network)

    @router.get("/map")
    async def beacon_map() -> dict[str, object]:
        root = f"{network.settings.public_url}/beacon"
        sets = {
            entry: {"entryType": entry, "rootUrl": f"{root}/{kind.value}"}
            for kind, entry in ENTRY.items()
        }
        schema = f"{description.FRAMEWORK}/configuration/beaconMapSchema.json"
        return informational({"$schema": schema, "endpointSets": sets})

    @router.get("/configuration")
    async def configuration() -> dict[str, object]:
        return informational(description.configuration())

    @router.get("/entry_types")
    async def entry_types() -> dict[str, object]:
        return informational({"entryTypes": description.entry_types()})

    @router.get("/filtering_terms")
    async def filtering_terms() -> dict[str, object]:
        return informational(
            {"filteringTerms": description.terms(network.registry.nodes), "resources": []}
        )


async def _question(request: Request, network: Network) -> RequestBody:
    if request.headers.get("authorization") is not None:
        raise Unauthenticated(
            "The network answers anonymously and takes no tokens. Ask the node, or sign in "
            "to the portal."
        )
    try:
        if request.method == "GET":
            body = RequestBody.model_validate(_from_get(request))
        else:
            raw = await _capped(request, network.settings.limits.form_bytes)
            body = RequestBody.model_validate_json(raw or b"{}")
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part)[:60] for part in first["loc"])
        raise UnreadableQuestion(f"{where}: {first['msg']}") from error
    if body.query.pagination is not None and body.query.pagination.skip:
        raise UnreadableQuestion("Later pages of a network are not defined (unsupported).")
    return body


async def _capped(request: Request, most: int) -> bytes:
    """The body, piece by piece: one without a stated length must not fill the memory first."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise TooLarge(f"A question may be {most} bytes.")
    return bytes(body)


def _from_get(request: Request) -> dict[str, object]:
    given = request.query_params
    for name in given:
        if name not in _LISTS | _WORDS | _QUERY or len(given.getlist(name)) > 1:
            raise UnreadableQuestion(f"Unknown or repeated parameter: {name[:60]}.")
    variant: dict[str, object] = {name: _whole(given[name], name) for name in _WHOLE & given.keys()}
    variant |= {name: given[name] for name in (_WORDS - _WHOLE) & given.keys()}
    for name in _LISTS & given.keys():
        variant[name] = [_whole(part, name) for part in given[name].split(",")[:3]]
    query: dict[str, object] = {"requestParameters": {"g_variant": variant} if variant else {}}
    if "filters" in given:
        query["filters"] = [{"id": term} for term in given["filters"].split(",") if term]
    for name in ("requestedGranularity", "includeResultsetResponses"):
        if name in given:
            query[name] = given[name]
    query["pagination"] = {
        name: _whole(given[name], name) for name in ("skip", "limit") if name in given
    }
    return {"meta": {"apiVersion": API_VERSION}, "query": query}


def _whole(raw: str, name: str) -> int:
    if not raw.isdecimal() or len(raw) > 10:
        raise UnreadableQuestion(f"{name[:60]}: expected a whole number of at least 0.")
    return int(raw)


async def _answer(
    network: Network, kind: Kind, body: RequestBody, *, journey: hops.Journey
) -> dict[str, object]:
    if body.query.test_mode:
        raise UnreadableQuestion("testMode is not served by the network (unsupported).")
    asked = body.query.granularity or body.stray_granularity
    question = {
        "meta": {"apiVersion": API_VERSION},
        "query": {
            "requestParameters": body.query.request_parameters or {},
            "filters": body.query.filters or [],
            "includeResultsetResponses": "ALL",
            "pagination": {"skip": 0, "limit": 1},
            # Records stay at the nodes; the network merges presence and counts.
            "requestedGranularity": "boolean" if asked in (None, "boolean") else "count",
        },
    }
    targets = lifting.targets(network.registry.nodes, kind, question, network.liftover)
    asking = network.fanout.ask(targets, f"/{kind.value}", body=question, journey=journey)
    answers = [one async for one in asking]
    merged = merge(kind, answers)
    if merged.exists is None:
        raise _nobody(answers)
    return envelope(network.id, kind, body, answers, merged)


def _nobody(answers: Sequence[NodeAnswer]) -> SkerryError:
    """Nothing is known: never `exists: false`."""
    outcomes = {answer.outcome for answer in answers}
    named = "; ".join(f"{one.name}: {one.outcome} ({one.reason})" for one in answers[:10])
    if outcomes and outcomes <= {Outcome.SUPPRESSED, Outcome.REFUSED}:
        return NothingMayBeSaid(f"No node may answer anyone at this level. {named}")
    if outcomes and outcomes <= {Outcome.SUPPRESSED, Outcome.REFUSED, Outcome.UNSUPPORTED}:
        return UnreadableQuestion(f"No node can serve this question. {named}")
    return NoNodeAnswered(f"No node answered. {named}")
