"""A visa of somebody else, and links that would make it mine."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from passports.trust import Assertion
from schemas.passport import VisaType
from tests.support.broker import BROKER, DATASET, NOW, Federation, Issuer

pytestmark = pytest.mark.anyio
UNI = "https://uni.example"


def _federation() -> tuple[Federation, Issuer]:
    """A university that grants, with subject ids of its own."""
    federation = Federation()
    grants = Assertion(type=VisaType.CONTROLLED_ACCESS, sources=(UNI,), values=(DATASET,))
    return federation, federation.add_issuer(UNI, grants)


def _link(*identities: tuple[str, str]) -> str:
    return ";".join(f"{quote(sub, safe='')},{quote(iss, safe='')}" for sub, iss in identities)


async def test_a_visa_of_another_subject_is_dropped() -> None:
    federation = Federation()
    assert await federation.reason_for(federation.node.visa(sub="dora")) == "other_person"


async def test_the_same_subject_at_another_issuer_is_another_person() -> None:
    federation, uni = _federation()
    assert await federation.reason_for(uni.visa(sub="rosa")) == "other_person"


async def test_a_link_by_a_trusted_linker_joins_and_limits_in_time() -> None:
    federation, uni = _federation()
    link = federation.broker.visa(
        "LinkedIdentities", _link(("r-17", UNI)), by="system", exp=NOW + 50
    )
    researcher = await federation.clearinghouse().admit(
        federation.passport([uni.visa(sub="r-17"), link])
    )
    assert researcher.visas[0].value == DATASET
    assert researcher.visas[0].expires == NOW + 50


async def test_a_link_by_an_issuer_of_grants_joins_nothing() -> None:
    federation, uni = _federation()
    link = uni.visa("LinkedIdentities", _link(("rosa", BROKER)), sub="r-17", by="system")
    researcher = await federation.clearinghouse().admit(
        federation.passport([uni.visa(sub="r-17"), link])
    )
    assert researcher.visas == ()
    assert {drop.reason for drop in researcher.dropped} == {"other_person", "type_not_allowed"}


async def test_a_link_between_two_strangers_is_not_mine() -> None:
    federation, uni = _federation()
    link = federation.broker.visa("LinkedIdentities", _link(("r-17", UNI)), sub="dora", by="system")
    researcher = await federation.clearinghouse().admit(
        federation.passport([uni.visa(sub="r-17"), link])
    )
    assert researcher.visas == ()


@pytest.mark.parametrize(
    "value",
    ["r-17", "r-17,", ",https://uni.example", "a,b,c", "a,b;", "%ff,x", ";".join(["a,b"] * 101)],
)
async def test_a_half_or_endless_link_is_dropped_whole(value: str) -> None:
    federation = Federation()
    link = federation.broker.visa("LinkedIdentities", value, by="system")
    assert await federation.reason_for(link) == "bad_claim"


async def test_an_accepted_visa_is_not_remembered_for_another_holder() -> None:
    federation = Federation()
    house, visa = federation.clearinghouse(), federation.node.visa()
    assert (await house.admit(federation.passport([visa]))).visas
    stolen = await house.admit(federation.passport([visa], sub="dora"))
    assert stolen.visas == ()
    assert [drop.reason for drop in stolen.dropped] == ["other_person"]


async def test_of_two_chains_the_longer_lived_counts() -> None:
    federation, uni = _federation()
    links = [
        federation.broker.visa("LinkedIdentities", _link(("r-17", UNI)), by="system", exp=end)
        for end in (NOW + 50, NOW + 500)
    ]
    raw = federation.passport([uni.visa(sub="r-17"), *links])
    researcher = await federation.clearinghouse().admit(raw)
    assert researcher.visas[0].expires == NOW + 500
