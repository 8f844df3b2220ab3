"""Fetching and keeping issuers' keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from passports import keys
from passports.errors import BadToken, KeysUnavailable
from passports.keys import KeyStore
from passports.tokens import SigningKey
from tests.support.broker import NOW, Federation, streamed

pytestmark = pytest.mark.anyio


class Slow(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.01)
            yield b" "


def _store(federation: Federation) -> KeyStore:
    return KeyStore(federation.trust(), http=federation.network.client(), clock=federation.clock)


async def test_many_at_once_make_one_fetch() -> None:
    federation = Federation()
    store, broker = _store(federation), federation.broker
    found = await asyncio.gather(*(store.key_for(broker.jku, broker.key.kid) for _ in range(50)))
    assert {key.kid for key in found} == {broker.key.kid}
    assert federation.network.asked == [broker.jku]


async def test_a_flood_of_unknown_kids_makes_one_fetch_per_cool_down() -> None:
    federation = Federation()
    store, jku = _store(federation), federation.broker.jku
    for number in range(40):
        with pytest.raises(BadToken):
            await store.key_for(jku, f"kid-{number}")
    federation.clock.now += keys.COOL_DOWN_SECONDS
    with pytest.raises(BadToken):
        await store.key_for(jku, "kid")
    assert len(federation.network.asked) == 2


async def test_a_new_key_is_found_after_the_cool_down() -> None:
    federation = Federation()
    store, broker = _store(federation), federation.broker
    await store.key_for(broker.jku, broker.key.kid)
    newer = SigningKey.generate()
    federation.network.serve_keys(broker.jku, newer.public_jwk())
    federation.clock.now += keys.COOL_DOWN_SECONDS
    assert (await store.key_for(broker.jku, newer.kid)).kid == newer.kid
    with pytest.raises(BadToken):
        await store.key_for(broker.jku, broker.key.kid)


async def test_old_keys_serve_while_their_server_is_down_but_not_for_ever() -> None:
    federation = Federation()
    store, broker = _store(federation), federation.broker
    await store.key_for(broker.jku, broker.key.kid)
    federation.network.answers.clear()
    federation.clock.now = NOW + keys.STALE_SECONDS
    assert await store.key_for(broker.jku, broker.key.kid)
    federation.clock.now += 1
    with pytest.raises(KeysUnavailable):
        await store.key_for(broker.jku, broker.key.kid)


async def test_a_url_outside_the_table_is_never_asked() -> None:
    federation = Federation()
    with pytest.raises(BadToken):
        await _store(federation).key_for("https://evil.example/jwks", "kid")
    assert federation.network.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"Location": "https://evil.example/jwks"}),
        httpx.Response(500),
        httpx.Response(200, stream=httpx.ByteStream(b"not json")),
        httpx.Response(200, stream=httpx.ByteStream(b"[" * 100_000)),
        httpx.Response(200, stream=httpx.ByteStream(b" " * (keys.MAX_JWKS_BYTES + 1))),
    ],
)
async def test_a_bad_answer_leaves_no_keys_and_is_not_followed(answer: httpx.Response) -> None:
    federation = Federation()
    broker = federation.broker
    federation.network.serve(broker.jku, lambda _request: answer)
    with pytest.raises(KeysUnavailable):
        await _store(federation).key_for(broker.jku, broker.key.kid)
    assert federation.network.asked == [broker.jku]


async def test_a_server_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    federation = Federation()
    broker = federation.broker
    monkeypatch.setattr(keys, "FETCH_SECONDS", 0.05)
    federation.network.serve(broker.jku, lambda _request: httpx.Response(200, stream=Slow()))
    with pytest.raises(KeysUnavailable):
        await _store(federation).key_for(broker.jku, broker.key.kid)


async def test_bad_entries_are_left_out_and_good_ones_kept() -> None:
    federation = Federation()
    broker = federation.broker
    good, twice = broker.key.public_jwk(), SigningKey.generate().public_jwk()
    federation.network.serve(
        broker.jku,
        lambda _request: streamed(
            {
                "keys": [
                    "text",
                    {},
                    {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
                    {"kty": "RSA", "kid": "weak", "e": "AQAB", "n": "u" * 171},
                    {"kty": "RSA", "kid": "garbled", "e": "AQAB", "n": "!"},
                    good | {"kid": "curve", "crv": "P-384"},
                    good | {"kid": "off", "x": good["y"]},
                    good | {"kid": "use", "use": "enc"},
                    good | {"kid": "alg", "alg": "RS256"},
                    good | {"kid": 7},
                    twice,
                    SigningKey.generate().public_jwk() | {"kid": twice["kid"]},
                    good,
                ]
            }
        ),
    )
    store = _store(federation)
    assert await store.key_for(broker.jku, broker.key.kid)
    for kid in ("secret", "weak", "garbled", "curve", "off", "use", "alg", twice["kid"]):
        with pytest.raises(BadToken):
            await store.key_for(broker.jku, kid)
