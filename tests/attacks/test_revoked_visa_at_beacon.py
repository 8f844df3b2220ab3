"""A visa outlives its grant by up to an hour: a Beacon must stop answering at the revocation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from access.own_grants import OwnGrants
from access.requests.lifecycle import Step
from beacon import routes
from beacon.doors import Doors
from gateway.http_errors import ErrorTable
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.passport import VisaType
from tests.support.access_node import NOW, URL, AccessNode, at, researcher
from tests.support.beacon_node import NODE, loaded, source
from tests.support.disclosure import disclosure

pytestmark = pytest.mark.anyio


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


def visa_of(node: AccessNode) -> Visa:
    """Minted before the revocation, and good for an hour by itself."""
    (grant,) = node.store.active_grants(at("grace"), now=NOW)
    return Visa(
        issuer=URL,
        subject="grace",
        type=VisaType.CONTROLLED_ACCESS,
        value=f"{URL}/datasets/ds1",
        source=URL,
        by="dac",
        asserted=NOW,
        expires=NOW + 3600,
        jti=f"{grant.grant_id}.00",
    )


def beacon(node: AccessNode, who: Researcher, folder: Path) -> httpx.AsyncClient:
    grants = OwnGrants(node.store, issuer=URL, clock=node.clock)

    async def caller(_request: Request) -> Researcher | None:
        return await grants.honoured(who)

    doors = Doors(
        NODE,
        loaded(folder / "catalog", source(folder / "files", "ds1")),
        node.book,
        caller=caller,
        record=node.record,
        clock=node.clock,
        disclosure=disclosure(folder),
    )
    app = FastAPI()
    routes.install(app, doors)
    ErrorTable(bodies={}, realm="test").install(app)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node/beacon")


async def test_a_beacon_stops_answering_at_the_revocation(node: AccessNode, tmp_path: Path) -> None:
    request_id = node.submitted(node.workspace())
    node.take(request_id, Step.APPROVE, by="dora")
    who = replace(researcher("grace"), visas=(visa_of(node),))
    async with beacon(node, who, tmp_path) as http:
        before = await http.get("/individuals")
        node.take(request_id, Step.REVOKE, by="dora")
        after = await http.get("/individuals")
    assert before.status_code == 200
    assert before.json()["responseSummary"]["exists"] is True
    assert after.status_code == 403
