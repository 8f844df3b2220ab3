"""Sign-in attacked from the browser, by another provider and by the provider itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest

from passports.errors import ProviderFailed, SignInFailed
from passports.exchange import EXCHANGE, PASSPORT
from passports.login import Login, local_path
from passports.sessions import Sessions
from passports.tokens import SigningKey
from tests.support.broker import NOW, Clock, Network
from tests.support.hostile_provider import BACK, ISSUER, Changes, HostileProvider

pytestmark = pytest.mark.anyio
EVIL = "https://evil.example"


async def test_a_sign_in_that_nobody_interferes_with_succeeds() -> None:
    provider = HostileProvider()
    query = await provider.begin()
    assert await provider.finish(query) == "rosa"
    assert provider.pending is not None
    assert provider.verifiers == [provider.pending.verifier]
    assert await provider.finish(await provider.begin()) == "rosa"
    assert provider.network.asked.count(f"{ISSUER}/jwks") == 1


async def test_the_request_is_bound_to_this_browser_and_this_client() -> None:
    provider = HostileProvider()
    url, pending = await provider.login.begin("//evil.example")
    sent = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert sent["code_challenge_method"] == "S256"
    assert sent["redirect_uri"] == BACK
    assert len({sent["state"], sent["nonce"], pending.verifier, sent["code_challenge"]}) == 4
    assert pending.verifier not in url
    assert pending.next_path == "/"


@pytest.mark.parametrize(
    "tamper",
    [
        lambda query: query | {"state": "forged"},
        lambda query: query | {"state": ""},
        lambda query: {name: query[name] for name in ("iss", "code")},
        lambda query: query | {"iss": EVIL},
        lambda query: {name: query[name] for name in ("state", "code")},
        lambda query: query | {"error": "access_denied"},
        lambda query: query | {"code": ""},
    ],
)
async def test_an_answer_that_was_not_awaited_redeems_no_code(
    tamper: Callable[[dict[str, str]], dict[str, str]],
) -> None:
    """CSRF, code injection and mix-up (RFC 9700 4.4, RFC 9207)."""
    provider = HostileProvider()
    query = tamper(await provider.begin())
    with pytest.raises(SignInFailed):
        await provider.finish(query)
    assert provider.verifiers == []


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": ["portal", "another"], "azp": None},
        {"aud": ["portal", "another"], "azp": "another"},
        {"azp": "another"},
        {"iss": EVIL},
        {"iss": f"{ISSUER}/"},
        {"sub": ""},
        {"exp": NOW - 31},
        {"iat": NOW + 31},
        {"at_hash": "of-another-token"},
        {"at_hash": 7},
        {"name": "\u202egnp.exe"},
    ],
)
async def test_an_id_token_that_is_not_of_this_sign_in_is_refused(changes: Changes) -> None:
    provider = HostileProvider()
    query = await provider.begin()
    provider.claims = changes
    with pytest.raises(SignInFailed):
        await provider.finish(query)


@pytest.mark.parametrize("switch", ["key", "typ", "none", "missing", "no access token", "huge"])
async def test_an_id_token_of_another_kind_or_hand_is_refused(switch: str) -> None:
    provider = HostileProvider()
    query = await provider.begin()
    match switch:
        case "key":
            provider.signs_with = SigningKey.generate()
        case "typ":
            provider.typ = "at+jwt"
        case "none":
            provider.answer = {"id_token": "eyJhbGciOiJub25lIn0.e30.e30"}
        case "missing":
            provider.answer = {"id_token": None}
        case "huge":
            provider.answer = {"id_token": "x" * 100_000}
        case _:
            provider.answer = {"access_token": ["opaque"]}
    with pytest.raises(SignInFailed):
        await provider.finish(query)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": EVIL},
        {"issuer": f"{ISSUER}/"},
        {"issuer": None},
        {"token_endpoint": "http://login.example/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": "https://user@login.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": f"{ISSUER}/authorize#x"},
        {"jwks_uri": None},
        {"jwks_uri": "https://[/"},
        {"jwks_uri": "https://login.example:port/"},
        {"device_authorization_endpoint": 7},
    ],
)
async def test_a_discovery_document_that_points_elsewhere_is_refused(changes: Changes) -> None:
    provider = HostileProvider(**changes)
    with pytest.raises(ProviderFailed):
        await provider.login.begin("/")
    assert len(provider.network.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(302, headers={"Location": EVIL}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b" " * 600_000),
    ],
)
async def test_a_provider_that_answers_nonsense_has_failed_and_is_not_followed(
    answer: httpx.Response,
) -> None:
    provider = HostileProvider()
    query = await provider.begin()
    provider.network.serve(f"{ISSUER}/token", lambda _request: answer)
    with pytest.raises(ProviderFailed):
        await provider.finish(query)
    assert not any(url.startswith(EVIL) for url in provider.network.asked)


@pytest.mark.parametrize("error", ["invalid_grant", "x" * 100, None, "é"])
async def test_a_providers_refusal_is_told_in_our_words(error: object) -> None:
    provider = HostileProvider()
    query = await provider.begin()
    body = json.dumps({"error": error}).encode()
    provider.network.serve(f"{ISSUER}/token", lambda _request: httpx.Response(400, content=body))
    with pytest.raises(SignInFailed) as refused:
        await provider.finish(query)
    assert refused.value.public == "the sign-in provider refused; sign in again"
    assert refused.value.detail in {"invalid_grant", "refused"}


@pytest.mark.parametrize("url", ["http://login.example", "ftp://x", "https://u:p@login.example"])
def test_a_provider_without_tls_is_not_spoken_to(url: str) -> None:
    with pytest.raises(ProviderFailed):
        Login(url, "portal", "secret", BACK, Network().client())


@pytest.mark.parametrize("seconds", [None, "3600", -1, True, 10**9])
async def test_the_providers_idea_of_a_session_is_capped(seconds: object) -> None:
    provider = HostileProvider()
    query = await provider.begin()
    provider.answer = {"expires_in": seconds}
    assert provider.pending is not None
    signed_in = await provider.login.finish(provider.pending, query)
    assert NOW < signed_in.expires <= NOW + 8 * 3600


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "x" * 300_000},
        {"access_token": 7},
        {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"},
    ],
)
async def test_an_exchange_that_gives_no_passport_has_failed(answer: dict[str, Any]) -> None:
    provider = HostileProvider()
    provider.answer = {"issued_token_type": PASSPORT} | answer
    with pytest.raises(ProviderFailed):
        await provider.login.exchange("opaque", "https://node.example")


async def test_an_exchange_names_the_one_node_it_is_for() -> None:
    provider = HostileProvider()
    provider.answer = {"issued_token_type": PASSPORT, "access_token": "a.b.c"}
    sent: list[dict[str, str]] = []

    def keep(request: httpx.Request) -> httpx.Response:
        sent.append(dict(parse_qsl(request.content.decode())))
        return provider.token(request)

    provider.network.serve(f"{ISSUER}/token", keep)
    assert await provider.login.exchange("opaque", "https://node.example") == "a.b.c"
    assert sent[0]["resource"] == "https://node.example"
    assert sent[0]["grant_type"] == EXCHANGE
    assert urlencode(sent[0]).count("resource") == 1


async def test_a_session_id_from_before_the_sign_in_is_worth_nothing_after_it() -> None:
    provider = HostileProvider()
    query = await provider.begin()
    assert provider.pending is not None
    sessions = Sessions(Clock())
    fixed = sessions.park(provider.pending)
    session_id = sessions.create(await provider.login.finish(provider.pending, query))
    assert session_id != fixed
    assert sessions.get(fixed) is None


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil", "/\t/evil"])
def test_a_sign_in_never_ends_on_another_site(path: str) -> None:
    assert local_path(path) == "/"
