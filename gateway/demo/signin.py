"""The demo's sign-in at its address: an OpenID Connect provider, on loopback only.

No passwords: whoever reaches it picks an account, so it refuses to run off loopback and to answer
under another host name. Parses and answers; the steps are `demo.provider`'s, and hostile variants
for tests subclass that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import JSONResponse, Response

from gateway.demo.clients import Client
from gateway.demo.provider import NO_STORE, DemoProvider
from gateway.demo.tickets import Refused
from gateway.demo.visas import NodeRef
from gateway.errors import ConfigError
from passports.outbound import LOOPBACK
from passports.tokens import SigningKey

MAX_FORM_BYTES = 64 * 1024


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
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or parts.path:
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
        headers = dict(NO_STORE)
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
        answer = await provider.token(request.headers.get("authorization"), await _pairs(request))
        return JSONResponse(dict(answer), headers=NO_STORE)

    @app.post("/device_authorization")
    async def begin_by_code(request: Request) -> Response:
        given = await _pairs(request)
        answer = provider.begin_by_code(request.headers.get("authorization"), given)
        return JSONResponse(dict(answer), headers=NO_STORE)

    @app.get("/device")
    async def typed(user_code: str | None = Query(default=None, max_length=40)) -> Response:
        return provider.typed(user_code)

    @app.post("/device")
    async def chosen_by_code(
        request: str = Form(max_length=200), account: str = Form(max_length=40)
    ) -> Response:
        return provider.chosen_by_code(request, account)

    @app.get("/userinfo")
    async def userinfo(request: Request) -> Response:
        answer = await provider.userinfo(request.headers.get("authorization"))
        return JSONResponse(dict(answer), headers=NO_STORE)


async def _pairs(request: Request) -> list[tuple[str, str]]:
    return [(k, v) for k, v in (await request.form()).multi_items() if isinstance(v, str)]


def _is_small(content_length: str) -> bool:
    return content_length.isdecimal() and int(content_length) <= MAX_FORM_BYTES
