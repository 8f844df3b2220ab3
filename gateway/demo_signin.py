"""The demo's sign-in: a correct OpenID Connect provider and Passport Issuer, on loopback only.

OpenID Connect Core 3.1 with PKCE S256 (RFC 7636), `iss` in answers (RFC 9207), userinfo with
`ga4gh_passport_v1`, and token exchange for a Passport per node (RFC 8693, GA4GH AAI 1.2.1). No
passwords: whoever reaches it picks an account, so it refuses to run off loopback and to answer
under another host name. Leaves codes and tokens to `demo_tickets`, the people to `demo_accounts`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote_plus, urlencode, urlsplit

import httpx
import jinja2
import structlog
from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import ValidationError

from gateway.demo_accounts import ACCOUNTS, Account, own_visa_claims
from gateway.demo_tickets import Asked, OAuthError, Refused, Tickets, at_hash, check_verifier
from gateway.errors import ConfigError
from passports.tokens import PASSPORT_TYP, VISA_TYP, SigningKey, sign
from schemas.passport import MAX_VISAS, PassportAnswer, PassportClaim

CODE_SECONDS = 60
TOKEN_SECONDS = 60 * 60
PASSPORT_SECONDS = 10 * 60
VISA_SECONDS = 60 * 60
NODE_SECONDS = 3.0
MAX_NODE_ANSWER_BYTES = 1024 * 1024
MAX_FORM_BYTES = 64 * 1024
SCOPES = ("openid", "profile", "ga4gh_passport_v1")
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_PASSPORT = "urn:ga4gh:params:oauth:token-type:passport"
_ACCESS = "urn:ietf:params:oauth:token-type:access_token"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NodeRef:
    """A node whose visas are gathered and for which Passports are made."""

    public_url: str
    broker_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client; its redirect URIs are compared byte for byte."""

    client_id: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]


def create_app(
    *,
    issuer: str,
    nodes: Sequence[NodeRef],
    clients: Sequence[Client],
    clock: Callable[[], float],
    key: SigningKey | None = None,
    http: httpx.AsyncClient | None = None,
) -> FastAPI:
    """Raises `ConfigError` unless `issuer` is http on loopback without a trailing slash."""
    parts = urlsplit(issuer)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK or parts.path:
        raise ConfigError("the demo's sign-in runs on http loopback only; use a real provider")
    provider = DemoProvider(
        issuer,
        nodes=nodes,
        clients=clients,
        clock=clock,
        key=key or SigningKey.generate(),
        http=http or httpx.AsyncClient(trust_env=False),
    )

    @asynccontextmanager
    async def closing(_app: FastAPI) -> AsyncIterator[None]:
        yield
        if http is None:
            await provider.http.aclose()

    app = FastAPI(title="Skerry demo sign-in", lifespan=closing, docs_url=None, redoc_url=None)

    @app.middleware("http")
    async def only_by_our_name(
        request: Request, proceed: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        # A page elsewhere may point its own host name at loopback (DNS rebinding).
        if request.headers.get("host") != parts.netloc:
            return JSONResponse({"error": "invalid_request"}, status_code=421)
        length = request.headers.get("content-length", "")
        if request.method == "POST" and not _is_small(length):
            return JSONResponse({"error": "invalid_request"}, status_code=413)
        return await proceed(request)

    @app.exception_handler(Refused)
    async def refused(_request: Request, error: Exception) -> Response:
        code = str(error) if isinstance(error, Refused) else "invalid_request"
        status = 401 if code in {"invalid_client", "invalid_token"} else 400
        headers = dict(_NO_STORE)
        if status == 401:
            scheme = "Basic" if code == "invalid_client" else "Bearer"
            headers["WWW-Authenticate"] = f'{scheme} realm="Skerry demo", error="{code}"'
        return JSONResponse({"error": code}, status_code=status, headers=headers)

    _add_routes(app, provider)
    return app


def _add_routes(app: FastAPI, provider: DemoProvider) -> None:
    @app.get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, object]:
        return provider.discovery()

    @app.get("/jwks")
    async def jwks() -> dict[str, object]:
        return {"keys": [provider.key.public_jwk()]}

    @app.get("/authorize")
    async def authorize(request: Request) -> Response:
        return provider.choose_account(request.query_params.multi_items())

    @app.post("/authorize")
    async def chosen(
        request: str = Form(max_length=200), account: str = Form(max_length=40)
    ) -> Response:
        return provider.chosen(request, account)

    @app.post("/token")
    async def token(request: Request) -> Response:
        pairs = [(k, v) for k, v in (await request.form()).multi_items() if isinstance(v, str)]
        answer = await provider.token(request.headers.get("authorization"), pairs)
        return JSONResponse(dict(answer), headers=_NO_STORE)

    @app.get("/userinfo")
    async def userinfo(request: Request) -> Response:
        answer = await provider.userinfo(request.headers.get("authorization"))
        return JSONResponse(dict(answer), headers=_NO_STORE)


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
        self._page = _template("demo_signin.html")

    def discovery(self) -> dict[str, object]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", _EXCHANGE],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "scopes_supported": list(SCOPES),
            "claims_supported": ["sub", "name", "ga4gh_passport_v1"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
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
            scope=tuple(scope for scope in query["scope"].split() if scope in SCOPES),
            state=query.get("state", ""),
            nonce=query.get("nonce", ""),
            challenge=query["code_challenge"],
        )
        return self._choice(client, self._tickets.ask(asked))

    def chosen(self, request_id: str, subject: str) -> Response:
        account = ACCOUNTS.get(subject)
        if account is None:
            raise Refused("invalid_request")
        asked = self._tickets.answer(request_id)
        code = self._tickets.code(asked, account.subject, lifetime=CODE_SECONDS)
        return self._back(asked.redirect_uri, code=code, state=asked.state)

    async def token(
        self, authorization: str | None, pairs: Sequence[tuple[str, str]]
    ) -> Mapping[str, object]:
        form = dict(pairs)
        if len(form) != len(pairs):
            raise Refused("invalid_request")
        client = self._client(authorization, form)
        match form.get("grant_type"):
            case "authorization_code":
                return self._redeem(client, form)
            case grant if grant == _EXCHANGE:
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
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": " ".join(asked.scope),
            "id_token": sign(claims, key=self.key, typ="JWT"),
        }

    async def _exchange(self, client: Client, form: Mapping[str, str]) -> Mapping[str, object]:
        """For the client the access token was given to, and for one node only."""
        if form.get("requested_token_type") != _PASSPORT:
            raise Refused("invalid_request")
        if form.get("subject_token_type") != _ACCESS:
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
            issued_token_type=_PASSPORT,
            token_type="Bearer",  # noqa: S106 - a scheme, not a secret
            expires_in=PASSPORT_SECONDS,
        )
        return answer.model_dump()

    def _client(self, authorization: str | None, form: Mapping[str, str]) -> Client:
        """RFC 6749 2.3.1: by header or by form, not both."""
        if authorization is None:
            client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        elif "client_secret" in form:
            raise Refused("invalid_request")
        else:
            client_id, secret = _basic(authorization)
        client = self._clients.get(client_id)
        known = client.secret if client is not None else ""
        if not hmac.compare_digest(known.encode(), secret.encode()) or not known or client is None:
            raise Refused("invalid_client")
        return client

    async def _visas(self, account: Account) -> list[str]:
        """Our own first, then each node's, asked all at once; a silent node adds none."""
        now = int(self._clock())
        own = [
            sign(
                {
                    "iss": self.issuer,
                    "sub": account.subject,
                    "iat": now,
                    "exp": now + VISA_SECONDS,
                    "jti": secrets.token_hex(16),
                    "ga4gh_visa_v1": claim.model_dump(),
                },
                key=self.key,
                typ=VISA_TYP,
                jku=f"{self.issuer}/jwks",
            )
            for claim in own_visa_claims(account, issuer=self.issuer, asserted=now)
        ]
        gathered = await asyncio.gather(
            *(self._node_visas(node, account.subject) for node in self._nodes.values())
        )
        return [*own, *(visa for visas in gathered for visa in visas)][:MAX_VISAS]

    async def _node_visas(self, node: NodeRef, subject: str) -> Sequence[str]:
        request = self.http.build_request(
            "GET",
            f"{node.public_url}/access/permissions/{subject}",
            headers={
                "Authorization": f"Bearer {node.broker_secret}",
                "Accept-Encoding": "identity",
            },
            timeout=NODE_SECONDS,
        )
        try:
            async with asyncio.timeout(NODE_SECONDS):
                response = await self.http.send(request, stream=True, follow_redirects=False)
                try:
                    body = await _capped(response)
                finally:
                    await response.aclose()
            return PassportClaim.model_validate_json(body).ga4gh_passport_v1
        except (httpx.HTTPError, TimeoutError, ValidationError) as error:
            _log.warning("node gave no visas", node=node.public_url, problem=type(error).__name__)
            return ()

    def _choice(self, client: Client, request_id: str) -> Response:
        nonce = secrets.token_urlsafe(16)
        page = self._page.render(
            accounts=ACCOUNTS.values(), request=request_id, client=client.client_id, nonce=nonce
        )
        # Browsers hold the redirect after a form to `form-action` as well.
        back = " ".join(sorted({_origin(uri) for uri in client.redirect_uris}))
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self' {back}; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        headers = {
            **_NO_STORE,
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(page, headers=headers)

    def _back(self, redirect_uri: str, **answer: str) -> Response:
        """303, so that the browser comes with GET and without the form (RFC 9700 4.12)."""
        sent = {name: value for name, value in answer.items() if value}
        joint = "&" if urlsplit(redirect_uri).query else "?"
        url = f"{redirect_uri}{joint}{urlencode({**sent, 'iss': self.issuer})}"
        return RedirectResponse(url, status_code=303, headers=_NO_STORE)


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


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        pair = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused("invalid_client") from error
    client_id, colon, secret = pair.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise Refused("invalid_client")
    return unquote_plus(client_id), unquote_plus(secret)


async def _capped(response: httpx.Response) -> bytes:
    response.raise_for_status()
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_NODE_ANSWER_BYTES:
            raise httpx.DecodingError("answer too large")
    return bytes(body)


def _is_small(content_length: str) -> bool:
    return content_length.isdecimal() and int(content_length) <= MAX_FORM_BYTES


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gateway", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name)
