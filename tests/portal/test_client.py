"""The client reads answers as they are and turns refusals into errors."""

from __future__ import annotations

import base64
import io
import json

import httpx
import pytest

from portal.client import (
    AsyncBeaconClient,
    BeaconClient,
    ClientError,
    allele,
    datasets,
    individuals,
    region,
    ticket,
)
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
        answer = client.ask(allele("1", 10176, reference="A", alternate="AC"))
    assert (answer.exists, answer.count, answer.precision) == (True, 1, "exact")
    assert answer.missing == ("c (late: slow)",)
    assert str(seen[0].url) == "http://b/beacon/g_variants"
    sent = json.loads(seen[0].content)["query"]["requestParameters"]["g_variant"]
    assert sent["start"] == [10176]


def test_a_boolean_answer_has_no_count() -> None:
    with _client(200, {"responseSummary": {"exists": True}}) as client:
        answer = client.ask(individuals("MONDO:1"))
    assert (answer.count, answer.precision) == (None, None)


def test_a_suppressed_answer_is_its_own_error() -> None:
    body = {"error": {"errorCode": 403, "errorMessage": "x"}, "info": {"code": "suppressed"}}
    with _client(403, body) as client, pytest.raises(Suppressed):
        client.ask(individuals("MONDO:1"))


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
        client.ask(region("1", 0, end0=10))


def test_the_token_is_in_no_error() -> None:
    with (
        _client(401, {"error": {"errorCode": 401}}) as client,
        pytest.raises(ClientError) as caught,
    ):
        client.ask(individuals("MONDO:1"))
    assert "Bearer" not in repr(caught.value) + caught.value.detail


def test_a_variant_with_terms_asks_for_the_people_who_carry_it() -> None:
    seen: list[httpx.Request] = []
    with _client(200, {"responseSummary": {"exists": False}}, seen) as client:
        client.ask(region("1", 0, end0=10, terms=["MONDO:1"], assembly="GRCh38"))
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
            await client.ask(allele("1", 5, reference="A", alternate="C")),
            await client.ask(region("1", 5, end0=9, terms=["MONDO:1"])),
            await client.ask(individuals("MONDO:1", "NCIT:C16576")),
        ]
    with _client(200, body, here) as plain:
        same = [
            plain.ask(allele("1", 5, reference="A", alternate="C")),
            plain.ask(region("1", 5, end0=9, terms=["MONDO:1"])),
            plain.ask(individuals("MONDO:1", "NCIT:C16576")),
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
            await client.ask(individuals("MONDO:1"))


def test_a_whole_filter_may_stand_in_place_of_a_term() -> None:
    seen: list[httpx.Request] = []
    older = {"id": "diseases.ageOfOnset", "operator": "<", "value": "P40Y"}
    with _client(200, {"responseSummary": {"exists": False}}, seen) as client:
        client.ask(individuals("MONDO:1", older))
    assert json.loads(seen[0].content)["query"]["filters"] == [{"id": "MONDO:1"}, older]


def test_one_term_alone_is_a_term_and_a_list_in_its_place_is_refused_in_words() -> None:
    seen: list[httpx.Request] = []
    with _client(200, {"responseSummary": {"exists": True}}, seen) as client:
        client.ask(
            allele("1", 1, reference="A", alternate="T", terms="HP:0000118")
        )  # a text is a sequence
    assert json.loads(seen[0].content)["query"]["filters"] == [{"id": "HP:0000118"}]
    with pytest.raises(ClientError, match="each by itself, no list"):
        individuals(["HP:0000118"])  # type: ignore[arg-type]  # what a newcomer may write


def test_datasets_are_listed_by_name() -> None:
    seen: list[httpx.Request] = []
    body = {"response": {"collections": [{"id": "d1", "name": "One"}, {"id": "d2"}, 5]}}
    with _client(200, body, seen) as client:
        found = client.ask(datasets())
    assert [(one.id, one.name) for one in found] == [("d1", "One"), ("d2", "d2"), ("", "")]
    assert seen[0].method == "GET"


HEADER = base64.b64encode(b"header").decode()
TICKET = {
    "htsget": {
        "format": "BAM",
        "urls": [
            {"url": f"data:;base64,{HEADER}"},
            {"url": "https://store/1", "headers": {"Range": "bytes=0-4"}},
            {"url": "https://store/2"},
        ],
    }
}


class _Server:
    """Gives the ticket, then its parts; keeps what it was asked."""

    def __init__(self, given: object = TICKET, part: int = 200) -> None:
        self.given, self.part = given, part
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if request.url.host == "store":
            return httpx.Response(self.part, content=b" part" + request.url.path[1:].encode())
        return httpx.Response(200, json=self.given)

    def client(self) -> BeaconClient:
        return BeaconClient("https://b/beacon", token="t", transport=httpx.MockTransport(self))


def test_a_tickets_parts_are_one_file_and_the_token_stays_at_home() -> None:
    server, file = _Server(), io.BytesIO()
    with server.client() as client:
        found = client.ask(ticket("reads", "d1/a b.bam", regions=[("1", 5, None)]))
        size = client.fetch(found, file)
    assert (found.format, file.getvalue(), size) == ("BAM", b"header part1 part2", 18)
    asked, first, second = server.seen
    assert str(asked.url) == "https://b/htsget/reads/d1/a%20b.bam"
    assert json.loads(asked.content) == {"regions": [{"referenceName": "1", "start": 5}]}
    assert asked.headers["authorization"] == "Bearer t"
    assert first.headers["range"] == "bytes=0-4"
    assert not any("authorization" in one.headers for one in (first, second))


@pytest.mark.anyio
async def test_the_other_client_fetches_the_same() -> None:
    server, file = _Server(), io.BytesIO()
    transport = httpx.MockTransport(server)
    async with AsyncBeaconClient("https://b/beacon", token="t", transport=transport) as client:
        found = await client.ask(ticket("reads", "d1/x"))
        assert await client.fetch(found, file) == 18
    assert file.getvalue() == b"header part1 part2"
    assert "authorization" not in server.seen[1].headers


def _urls(*urls: object) -> dict[str, object]:
    return {"htsget": {"format": "BAM", "urls": [{"url": url} for url in urls]}}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"htsget": {"error": "NotFound", "message": "none"}},
        {"htsget": {"urls": []}},
        {"htsget": {"urls": "x"}},
        _urls(5),
        _urls("data:,plain"),
        _urls("data:;base64,*"),
    ],
)
def test_what_is_no_ticket_raises(given: object) -> None:
    with _Server(given).client() as client, pytest.raises(ClientError):
        client.ask(ticket("reads", "x"))


@pytest.mark.parametrize("url", ["http://store/1", "file:///etc/passwd", "//store/1"])
def test_a_part_is_not_fetched_unprotected_or_from_the_disk(url: str) -> None:
    server = _Server(_urls(url))
    with server.client() as client:
        found = client.ask(ticket("reads", "x"))
        with pytest.raises(ClientError, match="A part of the ticket"):
            client.fetch(found, io.BytesIO())
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [302, 403, 404, 500])
def test_a_part_that_is_refused_ends_the_file(status: int) -> None:
    with _Server(part=status).client() as client:
        found = client.ask(ticket("reads", "x"))
        with pytest.raises(ClientError, match=str(status)):
            client.fetch(found, io.BytesIO())


def test_a_file_has_a_most() -> None:
    file = io.BytesIO()
    with _Server().client() as client:
        found = client.ask(ticket("reads", "x"))
        with pytest.raises(ClientError, match="larger than 8"):
            client.fetch(found, file, most=8)
    assert len(file.getvalue()) <= 8
