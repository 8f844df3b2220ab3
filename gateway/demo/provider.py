"""The steps of the demo's provider, from a checked question to tokens.

OpenID Connect Core 3.1 with PKCE S256 (RFC 7636), `iss` in answers (RFC 9207), userinfo with
`ga4gh_passport_v1`, sign-in from a terminal (RFC 8628), and token exchange for a Passport per node
(RFC 8693, GA4GH AAI 1.2.1). Leaves codes and tokens to `demo.tickets` and `demo.devices`, clients
to `demo.clients`, visas to `demo.visas`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode, urlsplit

import httpx
from fastapi.responses import RedirectResponse, Response

from gateway.demo import devices, visas
from gateway.demo.accounts import ACCOUNTS, Account
from gateway.demo.choice import ChoicePages
from gateway.demo.clients import Client, authenticated
from gateway.demo.tickets import (
    ASK_SECONDS,
    Asked,
    OAuthError,
    Refused,
    Tickets,
    at_hash,
    check_verifier,
)
from gateway.demo.visas import NodeRef
from passports.exchange import ACCESS_TOKEN, EXCHANGE, PASSPORT
from passports.tokens import PASSPORT_TYP, SigningKey, sign
from schemas.passport import PassportAnswer

CODE_SECONDS = 60
TOKEN_SECONDS = 60 * 60
PASSPORT_SECONDS = 10 * 60
SCOPES = ("openid", "profile", "ga4gh_passport_v1")
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class DemoProvider:
    """Every step of the provider; hostile variants for tests subclass it."""

    def __init__(
        self,
        issuer: str,
        *,
        nodes: Sequence[NodeRef],
        clients: Sequence[Client],
        clock: Callable[[], float],
        key: SigningKey,
        http: httpx.AsyncClient,
    ) -> None:
        self.issuer = issuer
        self.key = key
        self.http = http
        self._nodes = {node.public_url: node for node in nodes}
        self._clients = {client.client_id: client for client in clients}
        self._clock = clock
        self._tickets = Tickets(clock)
        self._devices = devices.Devices(clock)
        self._pages = ChoicePages()

    def discovery(self) -> dict[str, object]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "device_authorization_endpoint": f"{self.issuer}/device_authorization",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", devices.GRANT, EXCHANGE],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "scopes_supported": list(SCOPES),
            "claims_supported": ["sub", "name", "ga4gh_passport_v1"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "none",
            ],
            "authorization_response_iss_parameter_supported": True,
        }

    def choose_account(self, pairs: Sequence[tuple[str, str]]) -> Response:
        """A wrong client or redirect URI is told to the person, all else to the client."""
        query = dict(pairs)
        client = self._clients.get(query.get("client_id", ""))
        redirect_uri = query.get("redirect_uri", "")
        if client is None or redirect_uri not in client.redirect_uris:
            raise Refused("invalid_request")
        fault = _authorization_fault(query, repeated=len(query) != len(pairs))
        if fault is not None:
            return self._back(redirect_uri, error=fault, state=query.get("state", ""))
        asked = Asked(
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            scope=_known(query["scope"]),
            state=query.get("state", ""),
            nonce=query.get("nonce", ""),
            challenge=query["code_challenge"],
        )
        return self._pages.choose(client, self._tickets.ask(asked))

    def chosen(self, request_id: str, subject: str) -> Response:
        account = ACCOUNTS.get(subject)
        if account is None:
            raise Refused("invalid_request")
        asked = self._tickets.answer(request_id)
        code = self._tickets.code(asked, account.subject, lifetime=CODE_SECONDS)
        return self._back(asked.redirect_uri, code=code, state=asked.state)

    def begin_by_code(
        self, authorization: str | None, pairs: Sequence[tuple[str, str]]
    ) -> Mapping[str, object]:
        """For a command line: what it shows to its person, and what it asks with (RFC 8628 3.2)."""
        client, form = self._client(authorization, pairs)
        if not client.is_command_line:
            raise Refused("unauthorized_client")
        if "openid" not in form.get("scope", "").split():
            raise Refused("invalid_scope")
        device_code, user_code = self._devices.begin(client.client_id, _known(form["scope"]))
        return {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": f"{self.issuer}/device",
            "verification_uri_complete": f"{self.issuer}/device?user_code={user_code}",
            "expires_in": ASK_SECONDS,
            "interval": devices.POLL_SECONDS,
        }

    def typed(self, user_code: str | None) -> Response:
        """The page that asks for a code, or the one that asks who she is."""
        found = None if user_code is None else self._devices.typed(user_code)
        if found is None:
            return self._pages.ask_for_code(wrong=user_code is not None)
        waiting, request_id = found
        client = self._clients[waiting.client_id]
        return self._pages.choose(client, request_id, user_code=waiting.user_code)

    def chosen_by_code(self, request_id: str, subject: str) -> Response:
        if subject not in ACCOUNTS:
            raise Refused("invalid_request")
        self._devices.choose(request_id, subject)
        return self._pages.done()

    async def token(
        self, authorization: str | None, pairs: Sequence[tuple[str, str]]
    ) -> Mapping[str, object]:
        client, form = self._client(authorization, pairs)
        match form.get("grant_type"):
            case "authorization_code":
                return self._redeem(client, form)
            case devices.GRANT:
                return self._redeem_by_code(client, form)
            case grant if grant == EXCHANGE:
                return await self._exchange(client, form)
            case _:
                raise Refused("unsupported_grant_type")

    async def userinfo(self, authorization: str | None) -> Mapping[str, object]:
        scheme, _, access_token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused("invalid_token")
        granted = self._tickets.granted(access_token, otherwise="invalid_token")
        account = ACCOUNTS[granted.subject]
        claims: dict[str, object] = {"sub": account.subject}
        if "profile" in granted.scope:
            claims["name"] = account.name
        if "ga4gh_passport_v1" in granted.scope:
            claims["ga4gh_passport_v1"] = await self._visas(account)
        return claims

    def _client(
        self, authorization: str | None, pairs: Sequence[tuple[str, str]]
    ) -> tuple[Client, Mapping[str, str]]:
        form = dict(pairs)
        if len(form) != len(pairs):
            raise Refused("invalid_request")
        return authenticated(self._clients, authorization, form), form

    def _redeem_by_code(self, client: Client, form: Mapping[str, str]) -> Mapping[str, object]:
        """An access token alone: `skerry login` reads no ID token."""
        waited = self._devices.poll(form.get("device_code", ""), client.client_id)
        access_token = self._tickets.grant(
            waited.subject, scope=waited.scope, client_id=client.client_id, lifetime=TOKEN_SECONDS
        )
        return _bearer(access_token, waited.scope)

    def _redeem(self, client: Client, form: Mapping[str, str]) -> Mapping[str, object]:
        asked, subject = self._tickets.redeem(form.get("code", ""))
        if asked.client_id != client.client_id or form.get("redirect_uri") != asked.redirect_uri:
            raise Refused("invalid_grant")
        check_verifier(form.get("code_verifier", ""), asked.challenge)
        access_token = self._tickets.grant(
            subject, scope=asked.scope, client_id=client.client_id, lifetime=TOKEN_SECONDS
        )
        now = int(self._clock())
        claims: dict[str, object] = {
            "iss": self.issuer,
            "sub": subject,
            "aud": client.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "auth_time": now,
            "at_hash": at_hash(access_token),
        }
        if asked.nonce:
            claims["nonce"] = asked.nonce
        if "profile" in asked.scope:
            claims["name"] = ACCOUNTS[subject].name
        return {
            **_bearer(access_token, asked.scope),
            "id_token": sign(claims, key=self.key, typ="JWT"),
        }

    async def _exchange(self, client: Client, form: Mapping[str, str]) -> Mapping[str, object]:
        """For the client the access token was given to, and for one node only."""
        if not client.may_exchange:
            raise Refused("unsupported_grant_type")
        if form.get("requested_token_type") != PASSPORT:
            raise Refused("invalid_request")
        if form.get("subject_token_type") != ACCESS_TOKEN:
            raise Refused("invalid_request")
        granted = self._tickets.granted(form.get("subject_token", ""), otherwise="invalid_grant")
        if granted.client_id != client.client_id or "ga4gh_passport_v1" not in granted.scope:
            raise Refused("invalid_grant")
        audience = form.get("resource", "")
        if audience not in self._nodes:
            raise Refused("invalid_target")
        now = int(self._clock())
        claims = {
            "iss": self.issuer,
            "sub": granted.subject,
            "aud": audience,
            "iat": now,
            "exp": now + PASSPORT_SECONDS,
            "jti": secrets.token_hex(16),
            "ga4gh_passport_v1": await self._visas(ACCOUNTS[granted.subject]),
        }
        answer = PassportAnswer(
            access_token=sign(claims, key=self.key, typ=PASSPORT_TYP),
            issued_token_type=PASSPORT,
            token_type="Bearer",  # noqa: S106 - a scheme, not a secret
            expires_in=PASSPORT_SECONDS,
        )
        return answer.model_dump()

    async def _visas(self, account: Account) -> list[str]:
        return await visas.gather(
            account,
            list(self._nodes.values()),
            issuer=self.issuer,
            key=self.key,
            http=self.http,
            now=int(self._clock()),
        )

    def _back(self, redirect_uri: str, **answer: str) -> Response:
        """303, so that the browser comes with GET and without the form (RFC 9700 4.12)."""
        sent = {name: value for name, value in answer.items() if value}
        joint = "&" if urlsplit(redirect_uri).query else "?"
        url = f"{redirect_uri}{joint}{urlencode({**sent, 'iss': self.issuer})}"
        return RedirectResponse(url, status_code=303, headers=NO_STORE)


def _bearer(access_token: str, scope: Sequence[str]) -> dict[str, object]:
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": TOKEN_SECONDS,
        "scope": " ".join(scope),
    }


def _known(scope: str) -> tuple[str, ...]:
    return tuple(one for one in scope.split() if one in SCOPES)


def _authorization_fault(query: Mapping[str, str], *, repeated: bool) -> OAuthError | None:
    if repeated or any(len(value) > 2048 for value in query.values()):
        return "invalid_request"
    if query.get("response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in query.get("scope", "").split():
        return "invalid_scope"
    if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
        return "invalid_request"
    # There is no session here to answer silently from.
    return "login_required" if query.get("prompt") == "none" else None
