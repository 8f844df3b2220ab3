"""Key sets that flood, poison, stall or swell; the good issuer beside them goes on working."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from passports import keys
from passports.errors import BadToken, KeysUnavailable
from passports.tokens import SigningKey
from passports.trust import Assertion
from schemas.passport import VisaType
from tests.support.broker import DATASET, Federation, Issuer, streamed

pytestmark = pytest.mark.anyio
EVIL = "https://evil.example"


class Dripping(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.01)
            yield b" "


def _beside_a_good_one() -> tuple[Federation, Issuer]:
    federation = Federation()
    grants = Assertion(type=VisaType.CONTROLLED_ACCESS, sources=(EVIL,), values=(DATASET,))
    return federation, federation.add_issuer(EVIL, grants, namespace=federation.broker.issuer)


async def test_forty_tokens_with_unknown_kids_make_one_fetch() -> None:
    federation = Federation()
    house = federation.clearinghouse()
    forged = [federation.passport(key=SigningKey.generate()) for _ in range(40)]
    answers = await asyncio.gather(*(house.admit(raw) for raw in forged), return_exceptions=True)
    assert all(isinstance(answer, BadToken) for answer in answers)
    assert federation.network.asked == [federation.broker.jku]


async def test_a_flood_under_an_unlisted_issuer_makes_no_fetch_at_all() -> None:
    federation = Federation()
    for number in range(40):
        raw = federation.passport(iss=f"{EVIL}/{number}")
        assert await federation.refusal(raw) == "unknown_issuer"
    assert federation.network.asked == []


async def test_of_a_poisoned_key_set_the_good_key_alone_verifies() -> None:
    federation = Federation()
    good = federation.broker.key.public_jwk()
    doubled, foreign = SigningKey.generate(), SigningKey.generate()
    poison = [
        "text",
        None,
        {"kty": "oct", "kid": good["kid"] + "x", "k": "c2VjcmV0"},
        doubled.public_jwk(),
        SigningKey.generate().public_jwk() | {"kid": doubled.kid},
        foreign.public_jwk() | {"use": "enc"},
        {"kty": "RSA", "kid": "weak", "e": "AQAB", "n": "u" * 171},
        good | {"kid": "curve", "crv": "secp256k1"},
    ]
    federation.network.serve(
        federation.broker.jku, lambda _request: streamed({"keys": [*poison, good]})
    )
    assert (await federation.clearinghouse().admit(federation.passport())).subject == "rosa"
    for key in (doubled, foreign):
        assert await federation.refusal(federation.passport(key=key)) == "unknown_key"


async def test_an_attackers_key_under_the_good_kid_makes_the_kid_useless_not_the_attacker() -> None:
    federation = Federation()
    mine = SigningKey.generate()
    good = federation.broker.key.public_jwk()
    federation.network.serve_keys(
        federation.broker.jku, good, mine.public_jwk() | {"kid": good["kid"]}
    )
    for key in (mine, federation.broker.key):
        assert await federation.refusal(federation.passport(key=key)) == "unknown_key"


@pytest.mark.parametrize(
    "stream", [Dripping(), httpx.ByteStream(b" " * (keys.MAX_JWKS_BYTES + 1))], ids=["slow", "huge"]
)
async def test_a_slow_or_huge_key_set_costs_its_own_visas_only(
    monkeypatch: pytest.MonkeyPatch, stream: httpx.AsyncByteStream
) -> None:
    federation, evil = _beside_a_good_one()
    federation.network.serve(evil.jku, lambda _request: httpx.Response(200, stream=stream))
    raw = federation.passport([evil.visa(by="dac"), federation.node.visa()])
    house = federation.clearinghouse()
    await house.admit(federation.passport([federation.node.visa()]))  # these keys are known
    monkeypatch.setattr(keys, "FETCH_SECONDS", 0.05)
    for _ in range(3):
        researcher = await house.admit(raw)
        assert [visa.issuer for visa in researcher.visas] == [federation.node.issuer]
        assert [drop.reason for drop in researcher.dropped] == ["keys_unavailable"]
    assert federation.network.asked.count(evil.jku) == 1


async def test_a_stalling_broker_is_an_outage_never_an_anonymous_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keys, "FETCH_SECONDS", 0.05)
    federation = Federation()
    federation.network.serve(
        federation.broker.jku, lambda _request: httpx.Response(200, stream=Dripping())
    )
    with pytest.raises(KeysUnavailable):
        await federation.clearinghouse().admit(federation.passport())


async def test_whose_key_is_known_does_not_wait_for_a_fetch_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keys, "FETCH_SECONDS", 3_600.0)
    federation = Federation()
    broker = federation.broker
    house = federation.clearinghouse()
    await house.admit(federation.passport())
    federation.clock.now += keys.COOL_DOWN_SECONDS
    fetching = asyncio.Event()

    def drips(_request: httpx.Request) -> httpx.Response:
        fetching.set()
        return httpx.Response(200, stream=Dripping())

    federation.network.serve(broker.jku, drips)
    flood = asyncio.create_task(house.admit(federation.passport(key=SigningKey.generate())))
    async with asyncio.timeout(600):
        await fetching.wait()
        assert (await house.admit(federation.passport(jti="another"))).subject == "rosa"
    assert not flood.done()
    flood.cancel()


async def test_pinned_keys_are_never_fetched() -> None:
    federation = Federation()
    pinned = {"keys": (federation.broker.key.public_jwk(),)}
    federation.brokers = [broker.model_copy(update=pinned) for broker in federation.brokers]
    federation.visa_issuers = federation.visa_issuers[1:]
    assert (await federation.clearinghouse().admit(federation.passport())).subject == "rosa"
    forged = federation.passport(key=SigningKey.generate())
    assert await federation.refusal(forged) == "unknown_key"
    assert federation.network.asked == []
