"""A revoked grant stops counting at once, although its visa would live for another hour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import jwt as oracle
import pytest
from fastapi import Request
from sqlalchemy import text

from access.caller import caller
from access.errors import StoreUnavailable
from access.grants import mint
from access.own_grants import KEPT_SECONDS, OwnGrants
from access.policies.decision import Action
from access.requests.lifecycle import Step
from access.store import Store
from passports.bearers import Bearers
from passports.judgement import DroppedVisa
from passports.researcher import Researcher
from passports.visas import Visa
from schemas.passport import VisaType
from tests.support.access_node import NOW, URL, AccessNode, at, researcher

pytestmark = pytest.mark.anyio


@pytest.fixture
def node(tmp_path: Path) -> Iterator[AccessNode]:
    made = AccessNode(tmp_path)
    yield made
    made.close()


@pytest.fixture
def grants(node: AccessNode) -> OwnGrants:
    return OwnGrants(node.store, issuer=URL, clock=node.clock)


def approved(node: AccessNode) -> str:
    request_id = node.submitted(node.workspace())
    node.take(request_id, Step.APPROVE, by="dora")
    return request_id


def holder(node: AccessNode, name: str = "grace") -> Researcher:
    """Who holds the visas that the node mints for them now."""
    minted = mint(
        node.store.active_grants(at(name), now=NOW),
        subject=name,
        book=node.book,
        public_url=URL,
        key=node.visa_key,
        now=NOW,
    )
    claims = [
        oracle.decode(raw, options={"verify_signature": False, "verify_exp": False})
        for raw in minted
    ]
    visas = tuple(
        Visa(
            issuer=one["iss"],
            subject=one["sub"],
            type=VisaType(one["ga4gh_visa_v1"]["type"]),
            value=one["ga4gh_visa_v1"]["value"],
            source=one["ga4gh_visa_v1"]["source"],
            by=one["ga4gh_visa_v1"]["by"],
            asserted=one["ga4gh_visa_v1"]["asserted"],
            expires=one["exp"],
            jti=one["jti"],
        )
        for one in claims
    )
    return replace(researcher(name), visas=visas)


def allowed(node: AccessNode, who: Researcher) -> bool:
    return node.book.decide(who, "ds1", Action.DISCOVER, now=node.clock()).allowed


async def test_an_active_grant_is_honoured_as_it_is(node: AccessNode, grants: OwnGrants) -> None:
    approved(node)
    who = holder(node)
    assert await grants.honoured(who) is who
    assert allowed(node, who)


async def test_a_revoked_grant_counts_for_nothing_at_once(
    node: AccessNode, grants: OwnGrants
) -> None:
    request_id = approved(node)
    who = holder(node)
    await grants.honoured(who)
    node.take(request_id, Step.REVOKE, by="dora")
    left = await grants.honoured(who)
    assert left.visas == ()
    assert left.dropped == (DroppedVisa("revoked", "ControlledAccessGrants", URL),)
    assert not allowed(node, left)


async def test_a_revocation_by_another_process_holds_within_seconds(
    node: AccessNode, grants: OwnGrants
) -> None:
    request_id = approved(node)
    who = holder(node)
    await grants.honoured(who)
    other = Store(f"sqlite:///{node.folder / 'control.db'}")
    with other.writing() as session:
        session.connection().execute(
            text("UPDATE access_grant SET revoked = :now WHERE request_id = :id"),
            {"now": NOW, "id": request_id},
        )
    other.close()
    node.clock.now += KEPT_SECONDS - 1
    assert (await grants.honoured(who)).visas == who.visas
    node.clock.now += 1
    assert (await grants.honoured(who)).visas == ()


async def test_an_ended_grant_counts_for_nothing(node: AccessNode, grants: OwnGrants) -> None:
    approved(node)
    who = holder(node)
    grant = node.store.active_grants(at("grace"), now=NOW)[0]
    node.clock.now = grant.expires
    assert (await grants.honoured(who)).visas == ()


@pytest.mark.parametrize("jti", [None, "", "grant-never-given.00", "grant-never-given"])
async def test_a_visa_without_a_grant_counts_for_nothing(
    node: AccessNode, grants: OwnGrants, jti: str | None
) -> None:
    approved(node)
    who = holder(node)
    forged = replace(who, visas=(replace(who.visas[0], jti=jti),))
    assert (await grants.honoured(forged)).visas == ()


async def test_visas_of_others_and_of_other_types_are_left_alone(
    node: AccessNode, grants: OwnGrants
) -> None:
    approved(node)
    (own,) = holder(node).visas
    foreign = replace(own, issuer="https://rems.example", jti=None)
    status = replace(own, type=VisaType.RESEARCHER_STATUS, jti=None)
    who = replace(researcher("grace"), visas=(foreign, status))
    assert await grants.honoured(who) is who


async def test_no_database_is_a_failure_and_no_answer(node: AccessNode, grants: OwnGrants) -> None:
    approved(node)
    who = holder(node)
    (node.folder / "control.db").rename(node.folder / "away.db")
    node.store.close()
    (node.folder / "control.db").mkdir()
    with pytest.raises(StoreUnavailable):
        await grants.honoured(who)
    (node.folder / "control.db").rmdir()


async def test_what_is_remembered_has_a_cap(
    node: AccessNode, grants: OwnGrants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("access.own_grants.MAX_KEPT", 3)
    approved(node)
    who = holder(node)
    for number in range(10):
        visa = replace(who.visas[0], jti=f"grant-{number}.0")
        await grants.honoured(replace(who, visas=(visa,)))
    assert len(grants._seen) == 3


async def test_the_caller_of_every_door_has_lost_what_was_revoked(
    node: AccessNode, grants: OwnGrants
) -> None:
    request_id = approved(node)
    who = holder(node)

    class House:
        async def admit(self, _raw_token: str) -> Researcher:
            return who

    door = caller(cast(Bearers, House()), grants.honoured)
    signed_in = Request(
        {"type": "http", "query_string": b"", "headers": [(b"authorization", b"Bearer good")]}
    )
    nobody = Request({"type": "http", "query_string": b"", "headers": []})
    assert await door(signed_in) is who
    assert await door(nobody) is None
    node.take(request_id, Step.REVOKE, by="dora")
    left = await door(signed_in)
    assert left is not None
    assert left.visas == ()
