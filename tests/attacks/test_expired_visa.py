"""Visas out of their time, helpers out of theirs."""

from __future__ import annotations

import pytest

from tests.support.broker import NOW, Federation

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": NOW - 30}, "expired"),
        ({"exp": NOW * 1000, "iat": NOW * 1000}, "not_yet_valid"),
        ({"exp": "never"}, "bad_claim"),
        ({"iat": NOW + 31}, "not_yet_valid"),
        ({"nbf": NOW + 31}, "not_yet_valid"),
        ({"asserted": NOW + 31}, "not_yet_valid"),
        ({"asserted": True}, "bad_claim"),
        ({"asserted": None}, "bad_claim"),
    ],
)
async def test_a_visa_out_of_its_time_is_dropped(changes: dict[str, object], reason: str) -> None:
    federation = Federation()
    visa = federation.node.visa(**changes)  # type: ignore[arg-type]  # claims by name
    assert await federation.reason_for(visa) == reason


async def test_a_grant_ends_with_the_helper_it_hangs_on() -> None:
    federation = Federation()
    needs = [[{"type": "AffiliationAndRole", "value": "pattern:faculty@*"}]]
    grant = federation.node.visa(conditions=needs)
    helper = federation.broker.visa(
        "AffiliationAndRole", "faculty@uni.example", by="so", exp=NOW + 99
    )
    raw = federation.passport([grant, helper])
    researcher = await federation.clearinghouse().admit(raw)
    assert {visa.expires for visa in researcher.visas} == {NOW + 99}


async def test_an_expired_helper_helps_nobody() -> None:
    federation = Federation()
    needs = [[{"type": "AffiliationAndRole", "value": "pattern:faculty@*"}]]
    helper = federation.broker.visa(
        "AffiliationAndRole", "faculty@uni.example", by="so", exp=NOW - 31
    )
    raw = federation.passport([federation.node.visa(conditions=needs), helper])
    researcher = await federation.clearinghouse().admit(raw)
    assert researcher.visas == ()
    assert {(drop.reason, drop.ended) for drop in researcher.dropped} == {
        ("expired", NOW - 31),
        ("conditions_unmet", None),
    }
