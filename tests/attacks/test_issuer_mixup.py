"""One trusted issuer speaking in another's name, or beyond what it is trusted with."""

from __future__ import annotations

import pytest

from passports.errors import BadToken, Reason
from passports.trust import Assertion
from schemas.passport import VisaType
from tests.support.broker import BONA_FIDE, BROKER, DATASET, NODE, Federation

pytestmark = pytest.mark.anyio


async def test_a_visa_issuers_key_signs_no_passport() -> None:
    federation = Federation()
    with pytest.raises(BadToken) as refusal:
        await federation.clearinghouse().admit(federation.passport(key=federation.node.key))
    assert refusal.value.reason is Reason.UNKNOWN_KEY


async def test_a_visa_issuer_is_no_broker() -> None:
    federation = Federation()
    with pytest.raises(BadToken) as refusal:
        await federation.clearinghouse().admit(
            federation.passport(key=federation.node.key, iss=NODE)
        )
    assert refusal.value.reason is Reason.UNKNOWN_ISSUER


async def test_a_key_of_one_issuer_signs_nothing_for_another() -> None:
    federation = Federation()
    federation.node.key = federation.broker.key
    assert await federation.reason_for(federation.node.visa()) == "unknown_key"


@pytest.mark.parametrize("iss", [f"{NODE}/", NODE.upper(), "https://nоde.example", BROKER, 7, None])
async def test_names_are_compared_byte_for_byte(iss: object) -> None:
    federation = Federation()
    assert await federation.reason_for(federation.node.visa(iss=iss)) == "unknown_issuer"


async def test_a_broker_grants_no_dataset() -> None:
    federation = Federation()
    visa = federation.broker.visa(source=NODE)
    assert await federation.reason_for(visa) == "type_not_allowed"


async def test_a_node_makes_no_researcher() -> None:
    federation = Federation()
    visa = federation.node.visa("ResearcherStatus", BONA_FIDE, by="so")
    assert await federation.reason_for(visa) == "type_not_allowed"


@pytest.mark.parametrize("source", [BROKER, f"{NODE}/", "", None, ["https://node.example"]])
async def test_a_node_speaks_for_no_other_source(source: object) -> None:
    federation = Federation()
    assert await federation.reason_for(federation.node.visa(source=source)) == "source_not_allowed"


@pytest.mark.parametrize(
    "value",
    [
        "https://other.example/datasets/heart",
        f"{DATASET}?of=other",
        f"{NODE}/datasets/../datasets/heart",
        f"{NODE}/datasets/",
    ],
)
async def test_a_node_grants_nothing_outside_its_namespace(value: str) -> None:
    federation = Federation()
    visa = federation.node.visa("ControlledAccessGrants", value)
    assert await federation.reason_for(visa) == "value_not_allowed"


@pytest.mark.parametrize("by", ["self", "DAC", "", None, 1])
async def test_a_grant_is_the_committees_word(by: object) -> None:
    federation = Federation()
    assert await federation.reason_for(federation.node.visa(by=by)) == "by_not_allowed"


async def test_a_dropped_issuer_is_dropped_at_once() -> None:
    federation = Federation()
    visa = federation.node.visa()
    assert await federation.reason_for(visa) is None
    federation.visa_issuers.pop()
    assert await federation.reason_for(visa) == "unknown_issuer"


@pytest.mark.parametrize(
    ("changes", "typ"),
    [({"scope": "openid"}, "JWT"), ({}, "at+jwt"), ({}, "vnd.ga4gh.passport+jwt")],
)
async def test_only_a_visa_document_is_a_visa(changes: dict[str, str], typ: str) -> None:
    federation = Federation()
    visa = federation.node.visa(typ=typ, **changes)
    assert await federation.reason_for(visa) == "wrong_token_type"


async def test_two_issuers_of_one_name_differ_by_their_key_url() -> None:
    federation = Federation()
    grants = Assertion(
        type=VisaType.CONTROLLED_ACCESS, sources=("https://b.example",), values=("https://b/x",)
    )
    other = federation.add_issuer("https://b.example", grants)
    visa = other.visa(iss=NODE)
    assert await federation.reason_for(visa) == "unknown_issuer"
