"""A release needs a permit that is this node's, for this object and this recipient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.errors import PermitRefused
from access.permits import PermitOffice
from schemas.grants import SignedPermit
from streams import sessions
from streams.bodies import SealedBody
from streams.entitlement import Entitlement
from streams.errors import AddressRefused, NoSuchSession, ReleaseRefused, TooManyReleases
from streams.keys import SecretKey
from streams.release import byte_budget
from tests.support.access_node import NOW, URL
from tests.support.release_node import ReleaseNode

pytestmark = pytest.mark.anyio


def issued(
    node: ReleaseNode, asked: Entitlement, *, objects: tuple[str, ...] = ("sample1",)
) -> SignedPermit:
    return node.permits.issue(
        researcher=asked.researcher,
        decision=asked.decision,
        dataset="ds1",
        objects=objects,
        workspace=asked.workspace,
        byte_budget=byte_budget(asked.sealed),
        now=node.clock(),
    )


def still(_given: Entitlement, _now: int) -> bool:
    return True


async def test_a_permit_of_another_key_releases_nothing(node: ReleaseNode) -> None:
    asked = node.entitled()
    node.permits = PermitOffice(
        Ed25519PrivateKey.generate(), audience=URL, record=node.access.record
    )
    async with node.agent_running():
        with pytest.raises(PermitRefused):
            await node.releases.open(asked, issued(node, asked), still=still)
    assert node.recorded("release.intent") == []


@pytest.mark.parametrize(
    "swap",
    [
        lambda asked: replace(
            asked, workspace=replace(asked.workspace, public_key=SecretKey.generate().public)
        ),
        lambda asked: replace(
            asked, sealed=asked.sealed.model_copy(update={"object_id": "another"})
        ),
        lambda asked: replace(asked, sealed=asked.sealed.model_copy(update={"dataset": "ds2"})),
        lambda asked: replace(asked, sealed=asked.sealed.model_copy(update={"body_size": 10**12})),
    ],
)
async def test_a_permit_for_something_else_releases_nothing(
    node: ReleaseNode, swap: Callable[[Entitlement], Entitlement]
) -> None:
    asked = node.entitled()
    signed = issued(node, asked)
    async with node.agent_running():
        with pytest.raises(ReleaseRefused):
            await node.releases.open(swap(asked), signed, still=still)
    assert node.recorded("release.intent") == []


async def test_an_expired_permit_releases_nothing(node: ReleaseNode) -> None:
    asked = node.entitled()
    signed = issued(node, asked)
    node.clock.now = NOW + 3600
    async with node.agent_running():
        with pytest.raises(PermitRefused):
            await node.releases.open(asked, signed, still=still)


async def test_one_person_holds_only_so_many_releases(
    node: ReleaseNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_PER_CALLER", 1)
    asked = node.entitled()
    async with node.agent_running():
        await node.releases.open(asked, issued(node, asked), still=still)
        with pytest.raises(TooManyReleases):
            await node.releases.open(asked, issued(node, asked), still=still)


async def test_a_swept_release_is_closed_with_its_reason(node: ReleaseNode) -> None:
    asked = node.entitled()
    async with node.agent_running():
        await node.releases.open(asked, issued(node, asked), still=still)
        node.clock.now += sessions.IDLE_SECONDS
        await node.releases.open(asked, issued(node, asked), still=still)
    assert [entry["end"] for entry in node.recorded("release.close")] == ["idle"]


def test_sessions_count_what_is_promised_and_take_back_what_was_not_sent(
    node: ReleaseNode,
) -> None:
    asked = node.entitled()
    permit = issued(node, asked).permit
    held = sessions.Sessions()
    body = SealedBody(asked.sealed, node.vault)
    terms = sessions.Terms(
        release_id=permit.permit_id,
        subject=permit.subject,
        byte_budget=permit.byte_budget,
        expires=permit.expires,
        still=lambda _now: True,
    )
    session = held.start(body, terms, now=NOW)
    held.charge(session.session_id, permit.byte_budget, now=NOW)
    with pytest.raises(AddressRefused):
        held.charge(session.session_id, 1, now=NOW)
    held.give_back(session.session_id, 1, now=NOW)
    held.charge(session.session_id, 1, now=NOW)
    assert held.end(session.session_id) is not None
    assert held.end(session.session_id) is None
    with pytest.raises(NoSuchSession):
        held.charge(session.session_id, 1, now=NOW)
