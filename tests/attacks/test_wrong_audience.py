"""Tokens meant for somebody else, and tokens of one kind in the place of another."""

from __future__ import annotations

import pytest

from passports.keys import KeyStore
from passports.passport import Clearinghouse
from passports.tokens import PASSPORT_TYP, VISA_TYP, sign
from passports.userinfo import Userinfo
from tests.support.broker import BROKER, NODE, NOW, SCOPE, Federation

pytestmark = pytest.mark.anyio
OTHER_NODE = "https://other-node.example"


@pytest.mark.parametrize("aud", [OTHER_NODE, None, "", [], f"{NODE}/", NODE.upper(), [[NODE]], 7])
async def test_a_passport_for_anyone_else_or_for_everyone_is_refused(aud: object) -> None:
    federation = Federation()
    assert await federation.refusal(federation.passport(aud=aud)) == "wrong_audience"


async def test_a_node_cannot_use_the_passport_it_was_shown_at_another_node() -> None:
    """RFC 6819 5.1.6: what node A was sent opens nothing at node B."""
    federation = Federation()
    raw = federation.passport([federation.node.visa()])
    assert (await federation.clearinghouse().admit(raw)).visas
    trust, http = federation.trust(), federation.network.client()
    elsewhere = Clearinghouse(
        trust=trust,
        keys=KeyStore(trust, http=http, clock=federation.clock),
        userinfo=Userinfo(http=http, clock=federation.clock),
        audience=OTHER_NODE,
        clock=federation.clock,
    )
    with pytest.raises(Exception, match="not accepted") as refused:
        await elsewhere.admit(raw)
    assert getattr(refused.value, "reason", None) == "wrong_audience"


async def test_a_visa_for_another_node_is_dropped() -> None:
    federation = Federation()
    assert await federation.reason_for(federation.node.visa(aud=OTHER_NODE)) == "wrong_audience"
    assert await federation.reason_for(federation.node.visa(aud=[NODE])) is None


async def test_an_id_token_is_no_passport_and_no_access_token() -> None:
    federation = Federation()
    federation.take_access_tokens()
    claims = {"iss": BROKER, "sub": "rosa", "aud": NODE, "iat": NOW, "exp": NOW + 600}
    raw = sign(claims | {"nonce": "n", "scope": SCOPE}, key=federation.broker.key, typ="JWT")
    assert await federation.refusal(raw) == "wrong_token_type"


async def test_an_access_token_dressed_as_a_passport_carries_no_visas() -> None:
    federation = Federation()
    federation.take_access_tokens(federation.node.visa())
    assert await federation.refusal(federation.access_token(typ=PASSPORT_TYP)) == "bad_claim"


async def test_a_passport_dressed_as_an_access_token_is_refused() -> None:
    federation = Federation()
    federation.take_access_tokens(federation.node.visa())
    raw = federation.passport([federation.node.visa()], typ="at+jwt", scope=SCOPE)
    assert await federation.refusal(raw) == "bad_claim"


async def test_a_visa_is_no_passport() -> None:
    federation = Federation()
    assert await federation.refusal(federation.node.visa()) == "unknown_issuer"
    assert await federation.refusal(federation.broker.visa()) == "wrong_token_type"
    assert await federation.refusal(federation.broker.visa(typ=PASSPORT_TYP)) == "wrong_audience"


async def test_a_passport_inside_a_passport_is_no_visa() -> None:
    federation = Federation()
    assert await federation.reason_for(federation.passport([federation.node.visa()])) in {
        "wrong_token_type",
        "unknown_issuer",
    }
    assert await federation.reason_for(federation.access_token(typ=VISA_TYP)) == "wrong_token_type"
