"""A passport sent in a body for a bearer that fits into headers."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI, Request

from access import session_routes
from access.caller import caller
from gateway.http_errors import ErrorTable
from passports import bearers
from passports.bearers import Bearers
from passports.compact import MAX_PASSPORT_CHARS
from tests.support.broker import DATASET, NODE, NOW, Federation

pytestmark = pytest.mark.anyio


class Node:
    """The door, and a route that says who asks with which visas until when."""

    def __init__(self, federation: Federation) -> None:
        self.federation = federation
        house = Bearers(federation.clearinghouse(), clock=federation.clock)
        who = caller(house)
        app = FastAPI()
        app.include_router(session_routes.build(bearers=house, clock=federation.clock))

        @app.get("/who")
        async def route(request: Request) -> list[object]:
            found = await who(request)
            assert found is not None
            return [found.subject, [visa.value for visa in found.visas], found.expires]

        ErrorTable(bodies={}, realm="test").install(app)
        transport = httpx.ASGITransport(app=app)
        self.http = httpx.AsyncClient(transport=transport, base_url=NODE)

    async def open(self, raw_token: str) -> httpx.Response:
        return await self.http.post("/access/session", json={"passports": [raw_token]})

    async def bearer(self, raw_token: str) -> str:
        answer = await self.open(raw_token)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        return str(answer.json()["access_token"])

    async def who(self, bearer: str) -> httpx.Response:
        return await self.http.get("/who", headers={"Authorization": f"Bearer {bearer}"})


@pytest.fixture
def node() -> Node:
    return Node(Federation())


def _large(federation: Federation) -> str:
    visas = [federation.node.visa("ControlledAccessGrants", f"{DATASET}-{n}") for n in range(40)]
    return federation.passport(visas, exp=NOW + 7200)


async def test_a_passport_of_forty_visas_fits_into_a_header_afterwards(node: Node) -> None:
    raw = _large(node.federation)
    assert len(raw) > 16_000
    bearer = await node.bearer(raw)
    assert len(bearer) < 60
    answer = await node.who(bearer)
    assert answer.json()[0] == "rosa"
    assert len(answer.json()[1]) == 40


async def test_a_small_passport_may_come_as_a_bearer(node: Node) -> None:
    raw = node.federation.passport()
    answer = await node.http.post("/access/session", headers={"Authorization": f"Bearer {raw}"})
    assert answer.json()["token_type"] == "Bearer"
    assert (await node.who(answer.json()["access_token"])).json() == ["rosa", [], NOW + 600]


async def test_it_is_ended_by_its_holder_once(node: Node) -> None:
    bearer = await node.bearer(node.federation.passport())
    headers = {"Authorization": f"Bearer {bearer}"}
    assert (await node.http.delete("/access/session", headers=headers)).status_code == 204
    assert (await node.who(bearer)).status_code == 401
    assert (await node.http.delete("/access/session", headers=headers)).status_code == 401
    assert (await node.http.delete("/access/session")).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"x",
        b'{"passports":[]}',
        b'{"passports":["a.b.c","d.e.f"]}',
        b'{"passports":"a.b.c"}',
        b'{"passports":[7]}',
        b'{"passports":["a.b.c"],"more":1}',
        b'{"passports":["a.b.c"],"passports":["d.e.f"]}',
        b"\xff",
    ],
)
async def test_a_body_that_holds_not_exactly_one_passport_is_refused(
    node: Node, body: bytes
) -> None:
    assert (await node.http.post("/access/session", content=body)).status_code == 400


async def test_a_credential_in_two_places_is_refused(node: Node) -> None:
    raw = node.federation.passport()
    answer = await node.http.post(
        "/access/session",
        json={"passports": [raw]},
        headers={"Authorization": f"Bearer {raw}"},
    )
    assert answer.status_code == 400


async def test_nothing_sent_is_a_401_and_too_much_a_413(node: Node) -> None:
    assert (await node.http.post("/access/session")).status_code == 401
    assert (await node.open("x" * (MAX_PASSPORT_CHARS + 2000))).status_code == 413


async def test_a_bad_passport_opens_nothing(node: Node) -> None:
    assert (await node.open(node.federation.passport(aud="https://other"))).status_code == 401
    assert (await node.open("a.b.c")).status_code == 401


async def test_a_bearer_opens_no_further_bearer(node: Node) -> None:
    bearer = await node.bearer(node.federation.passport())
    assert (await node.open(bearer)).status_code == 401


@pytest.mark.parametrize("guess", ["", "A", "A" * 43])
async def test_a_guess_is_nobody(node: Node, guess: str) -> None:
    await node.bearer(node.federation.passport())
    assert (await node.who(bearers.PREFIX + guess)).status_code == 401


async def test_what_its_passport_loses_the_bearer_loses_at_once() -> None:
    federation = Federation()
    federation.take_access_tokens(federation.node.visa())
    node = Node(federation)
    bearer = await node.bearer(federation.access_token())
    assert (await node.who(bearer)).json()[1] == [DATASET]
    federation.take_access_tokens()
    federation.clock.now += 60
    assert (await node.who(bearer)).json()[1] == []


async def test_a_full_house_is_a_429(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bearers, "MAX_HELD_CHARS", 10)
    assert (await node.open(node.federation.passport())).status_code == 429
