"""The client reads answers as they are and turns refusals into errors."""

from __future__ import annotations

import json

import httpx
import pytest

from portal.client import AsyncBeaconClient, BeaconClient, ClientError
from schemas.errors import Suppressed


def _client(status: int, body: object, seen: list[httpx.Request] | None = None) -> BeaconClient:
    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, content=body if isinstance(body, bytes) else json.dumps(body))

    return BeaconClient("http://b/beacon/", token="t", transport=httpx.MockTransport(answer))


def test_an_allele_is_asked_from_zero_and_its_count_is_read() -> None:
    seen: list[httpx.Request] = []
    body = {
        "meta": {"returnedGranularity": "count"},
        "responseSummary": {"exists": True, "numTotalResults": 1, "countPrecision": "exact"},
        "info": {"missing": [{"name": "c", "status": "late", "reason": "slow"}]},
    }
    with _client(200, body, seen) as client:
        answer = client.allele("1", 10176, reference="A", alternate="AC")
    assert (answer.exists, answer.count, answer.precision) == (True, 1, "exact")
    assert answer.missing == ("c (late: slow)",)
    assert str(seen[0].url) == "http://b/beacon/g_variants"
    sent = json.loads(seen[0].content)["query"]["requestParameters"]["g_variant"]
    assert sent["start"] == [10176]


def test_a_boolean_answer_has_no_count() -> None:
    with _client(200, {"responseSummary": {"exists": True}}) as client:
        answer = client.individuals("MONDO:1")
    assert (answer.count, answer.precision) == (None, None)


def test_a_suppressed_answer_is_its_own_error() -> None:
    body = {"error": {"errorCode": 403, "errorMessage": "x"}, "info": {"code": "suppressed"}}
    with _client(403, body) as client, pytest.raises(Suppressed):
        client.individuals("MONDO:1")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, {}),
        (200, {"responseSummary": {}}),
        (302, {"responseSummary": {"exists": True}}),
        (400, {"error": {"errorCode": 400, "errorMessage": "bad"}}),
    ],
)
def test_whatever_is_no_answer_raises(status: int, body: object) -> None:
    with _client(status, body) as client, pytest.raises(ClientError):
        client.region("1", 0, end0=10)


def test_the_token_is_in_no_error() -> None:
    with (
        _client(401, {"error": {"errorCode": 401}}) as client,
        pytest.raises(ClientError) as caught,
    ):
        client.individuals("MONDO:1")
    assert "Bearer" not in repr(caught.value) + caught.value.detail


def test_a_variant_with_terms_asks_for_the_people_who_carry_it() -> None:
    seen: list[httpx.Request] = []
    with _client(200, {"responseSummary": {"exists": False}}, seen) as client:
        client.region("1", 0, end0=10, terms=["MONDO:1"], assembly="GRCh38")
    query = json.loads(seen[0].content)["query"]
    assert seen[0].url.path == "/beacon/individuals"
    assert query["filters"] == [{"id": "MONDO:1"}]
    assert query["requestParameters"]["g_variant"]["assemblyId"] == "GRCh38"


def _async_client(status: int, body: object, seen: list[httpx.Request]) -> AsyncBeaconClient:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, content=body if isinstance(body, bytes) else json.dumps(body))

    return AsyncBeaconClient("http://b/beacon", token="t", transport=httpx.MockTransport(answer))


@pytest.mark.anyio
async def test_both_clients_send_the_same_and_read_the_same() -> None:
    body = {"responseSummary": {"exists": True, "numTotalResults": 4}}
    there: list[httpx.Request] = []
    here: list[httpx.Request] = []
    async with _async_client(200, body, there) as client:
        found = [
            await client.allele("1", 5, reference="A", alternate="C"),
            await client.region("1", 5, end0=9, terms=["MONDO:1"]),
            await client.individuals("MONDO:1", "NCIT:C16576"),
        ]
    with _client(200, body, here) as plain:
        same = [
            plain.allele("1", 5, reference="A", alternate="C"),
            plain.region("1", 5, end0=9, terms=["MONDO:1"]),
            plain.individuals("MONDO:1", "NCIT:C16576"),
        ]
    assert found == same
    assert [(one.url, one.content) for one in there] == [(one.url, one.content) for one in here]
    assert there[0].headers["authorization"] == "Bearer t"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (200, {}), (500, {}), (302, {}), (200, b"[" * 100_000)]
)
async def test_whatever_is_no_answer_raises_there_too(status: int, body: object) -> None:
    async with _async_client(status, body, []) as client:
        with pytest.raises(ClientError):
            await client.individuals("MONDO:1")
