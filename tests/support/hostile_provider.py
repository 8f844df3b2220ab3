"""A sign-in provider with hostile switches, where the network would be."""

from __future__ import annotations

from urllib.parse import parse_qsl

import httpx

from passports.id_token import at_hash
from passports.login import Login, PendingLogin, SignedIn
from passports.tokens import SigningKey, sign
from tests.support.broker import NOW, Clock, Network, streamed

ISSUER = "https://login.example"
BACK = "https://portal.example/signin/done"
CLIENT = "portal"
Changes = dict[str, object]


async def unlinked(_: SignedIn) -> None:
    """Nobody's links are asked for at a sign-in."""


class HostileProvider:
    """A correct provider but for its switches: changes to its discovery, ID token and answers."""

    def __init__(self, **discovery: object) -> None:
        self.network, self.key = Network(), SigningKey.generate()
        self.discovery: Changes = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "authorization_response_iss_parameter_supported": True,
        } | discovery
        self.claims: Changes = {}
        self.answer: Changes = {}
        self.signs_with, self.typ = self.key, "JWT"
        self.verifiers: list[str] = []
        self.pending: PendingLogin | None = None
        self.network.serve(
            f"{ISSUER}/.well-known/openid-configuration", lambda _: streamed(self.discovery)
        )
        self.network.serve_keys(f"{ISSUER}/jwks", self.key.public_jwk())
        self.network.serve(f"{ISSUER}/token", self.token)
        self.login = Login(ISSUER, CLIENT, "secret", BACK, self.network.client(), clock=Clock())

    def token(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode()))
        self.verifiers.append(form.get("code_verifier", ""))
        claims = {"iss": ISSUER, "sub": "rosa", "aud": CLIENT, "iat": NOW, "exp": NOW + 600}
        claims |= {"at_hash": at_hash("opaque")}
        claims |= {"nonce": self.pending.nonce if self.pending else ""}
        kept = {name: value for name, value in (claims | self.claims).items() if value is not None}
        id_token = sign(kept, key=self.signs_with, typ=self.typ)
        answer = {"access_token": "opaque", "id_token": id_token, "expires_in": 3600}
        body = answer | self.answer
        return streamed({name: value for name, value in body.items() if value is not None})

    async def begin(self) -> dict[str, str]:
        """What the browser brings back when nobody interferes."""
        _, self.pending = await self.login.begin("/")
        return {"state": self.pending.state, "iss": ISSUER, "code": "code"}

    async def finish(self, query: dict[str, str]) -> str:
        assert self.pending is not None
        return (await self.login.finish(self.pending, query)).subject
