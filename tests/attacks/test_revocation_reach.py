"""How long a revoked grant goes on: measured at each door, the committee in another process.

The bound is 60 seconds. Doors are asked once a second of the node's clock from the moment of the
revocation, which another process writes to the control database; a visa minted before it is good
for an hour by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from access.grants import mint
from access.own_grants import KEPT_SECONDS, OwnGrants
from access.requests.desk import RequestDesk
from access.requests.lifecycle import Step
from access.store import Store
from schemas.grants import StepBody
from streams.keys import SecretKey
from tests.attacks.test_revoked_visa_at_beacon import beacon, visa_of
from tests.support.access_node import URL, AccessNode, at, researcher
from tests.support.release_node import ReleaseNode, bgzf

pytestmark = pytest.mark.anyio

BOUND_SECONDS = 60
Holds = Callable[[], Awaitable[bool]]


class Committee:
    """Decides in a process of its own: nothing but the database and the record is shared."""

    def __init__(self, node: AccessNode) -> None:
        self._node = node
        self._store = Store(node.store_url)

    def revoke(self, request_id: str) -> None:
        node = self._node
        desk = RequestDesk(
            self._store,
            recipients=node.recipients,
            book=node.book,
            record=node.record,
            check=node.check,
        )
        desk.take(request_id, Step.REVOKE, StepBody(), actor=at("dora"), now=node.clock())
        self._store.close()


async def seconds_until_it_ends(node: AccessNode, holds: Holds) -> int:
    """Asked each second, from the revocation on; past the bound it never ends."""
    for second in range(BOUND_SECONDS + 1):
        if not await holds():
            return second
        node.clock.now += 1
    raise AssertionError(f"still open {BOUND_SECONDS} seconds after the revocation")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


def approved(node: AccessNode) -> str:
    request_id = node.submitted(node.workspace())
    node.take(request_id, Step.APPROVE, by="dora")
    return request_id


async def test_a_beacon_of_another_process_ends_within_seconds(
    node: AccessNode, tmp_path: Path
) -> None:
    request_id = approved(node)
    who = replace(researcher("grace"), visas=(visa_of(node),))
    async with beacon(node, who, tmp_path) as http:

        async def answers() -> bool:
            return (await http.get("/individuals")).status_code == 200

        assert await answers()  # and it remembers the grant from here on
        Committee(node).revoke(request_id)
        measured = await seconds_until_it_ends(node, answers)
    assert measured <= KEPT_SECONDS < BOUND_SECONDS


async def test_visas_are_minted_no_more_at_once(node: AccessNode) -> None:
    request_id = approved(node)

    async def minted() -> bool:
        grants = node.store.active_grants(at("grace"), now=node.clock())
        key, now = node.visa_key, node.clock()
        return bool(mint(grants, subject="grace", book=node.book, public_url=URL, key=key, now=now))

    assert await minted()
    Committee(node).revoke(request_id)
    assert await seconds_until_it_ends(node, minted) == 0


async def test_who_am_i_drops_the_visa_with_its_reason(node: AccessNode) -> None:
    request_id = approved(node)
    who = replace(researcher("grace"), visas=(visa_of(node),))

    grants = OwnGrants(node.store, issuer=URL, clock=node.clock)

    async def holds() -> bool:
        return (await grants.honoured(who)).visas != ()

    assert await holds()
    Committee(node).revoke(request_id)
    assert await seconds_until_it_ends(node, holds) <= KEPT_SECONDS


@asynccontextmanager
async def released(tmp_path: Path) -> AsyncIterator[tuple[ReleaseNode, str, httpx.AsyncClient]]:
    node = ReleaseNode(tmp_path)
    request_id = node.grant(SecretKey.generate())
    node.seal(bgzf(b"reads " * 20_000))
    async with node.agent_running(), node.client() as client:
        yield node, request_id, client
    node.close()


async def test_no_ticket_is_given_from_the_revocation_on(tmp_path: Path) -> None:
    async with released(tmp_path) as (node, request_id, client):

        async def given() -> bool:
            return (await client.get("/htsget/reads/sample1")).status_code == 200

        assert await given()
        Committee(node.access).revoke(request_id)
        assert await seconds_until_it_ends(node.access, given) == 0


async def test_a_ticket_given_before_yields_no_more_bytes(tmp_path: Path) -> None:
    async with released(tmp_path) as (node, request_id, client):
        ticket = (await client.get("/htsget/reads/sample1")).json()["htsget"]
        body = next(one for one in ticket["urls"] if not one["url"].startswith("data:"))

        async def flows() -> bool:
            answer = await client.get(body["url"], headers=body.get("headers", {}))
            return answer.status_code == 200

        assert await flows()
        Committee(node.access).revoke(request_id)
        # What held is remembered for the second it was asked in (streams.entitlement).
        assert await seconds_until_it_ends(node.access, flows) <= 1


async def test_a_workspace_that_asks_finds_its_grant_gone(tmp_path: Path) -> None:
    """What its supervisor polls: the permit's entitlement, read anew each time."""
    async with released(tmp_path) as (node, request_id, _client):
        found = node.entitled()
        entitlements = node.entitlements()

        async def holds() -> bool:
            return entitlements.still_holds(found, node.clock())

        assert await holds()
        Committee(node.access).revoke(request_id)
        # What held is remembered for the second it was asked in (streams.entitlement).
        assert await seconds_until_it_ends(node.access, holds) <= 1
