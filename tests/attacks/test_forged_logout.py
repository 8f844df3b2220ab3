"""Signing others out: only their provider may say so, and only in a token made for that."""

from __future__ import annotations

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from gateway.http_errors import ErrorTable
from gateway.pages.signin import Desk
from passports.login import SignedIn
from passports.logout import EVENT
from passports.sessions import Sessions
from passports.tokens import SigningKey, sign
from tests.support.broker import NODE, NOW, Clock
from tests.support.hostile_provider import CLIENT, ISSUER, HostileProvider, unlinked

pytestmark = pytest.mark.anyio


class Pages:
    """A node's sign-in with Rosa signed in twice and Dora once."""

    def __init__(self) -> None:
        provider = HostileProvider()
        self.key = provider.key
        self.sessions = Sessions(Clock())
        self.signed_in = [
            self.sessions.create(SignedIn(name, ISSUER, name, "opaque", NOW + 600))
            for name in ("rosa", "rosa", "dora")
        ]
        router, self.app = APIRouter(), FastAPI()
        Desk(self.sessions, public_url=NODE).add_routes(
            router, login=provider.login, greet=unlinked
        )
        self.app.include_router(router)
        ErrorTable(bodies={}, realm="test").install(self.app)

    def token(
        self, *, typ: str = "logout+jwt", key: SigningKey | None = None, **changes: object
    ) -> str:
        claims: dict[str, object] = {
            "iss": ISSUER, "sub": "rosa", "aud": CLIENT, "iat": NOW, "exp": NOW + 120,
            "jti": "l-1", "events": {EVENT: {}},
        }  # fmt: skip
        kept = {name: value for name, value in (claims | changes).items() if value is not None}
        return sign(kept, key=key or self.key, typ=typ)

    async def send(self, token: str) -> int:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url=NODE) as http:
            return (await http.post("/signin/logout", data={"logout_token": token})).status_code

    def left(self) -> list[str]:
        found = [self.sessions.get(session_id) for session_id in self.signed_in]
        return [session.signed_in.subject for session in found if session is not None]


@pytest.mark.parametrize("typ", ["logout+jwt", "JWT"])
async def test_who_signs_out_at_the_provider_is_signed_out_here_everywhere(typ: str) -> None:
    pages = Pages()
    assert await pages.send(pages.token(typ=typ)) == 200
    assert pages.left() == ["dora"]


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "at+jwt"},
        {"key": SigningKey.generate()},
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": None},
        {"exp": NOW - 31},
        {"events": None},
        {"events": {}},
        {"events": {EVENT: None}},
        {"events": [EVENT]},
        {"nonce": "of a sign-in"},
        {"jti": None},
        {"sub": None, "sid": "s"},
    ],
)
async def test_a_token_that_does_not_say_so_signs_nobody_out(changes: dict[str, object]) -> None:
    pages = Pages()
    assert await pages.send(pages.token(**changes)) == 400  # type: ignore[arg-type]  # by name
    assert pages.left() == ["rosa", "rosa", "dora"]


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 20_000])
async def test_what_is_no_token_signs_nobody_out(token: str) -> None:
    pages = Pages()
    assert 400 <= await pages.send(token) < 500
    assert pages.left() == ["rosa", "rosa", "dora"]
