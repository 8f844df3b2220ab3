"""Signs people in and exchanges tokens (OpenID Connect Core 3.1, RFC 7636, RFC 8693, RFC 9207).

Code flow with PKCE, `state` and `nonce`; the provider is named in settings and its discovery
document must say the same. The only importer of Authlib, for the request's form; the ID token is
verified by `tokens`. Leaves cookies and sessions to `sessions`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlsplit

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from passports import compact, tokens
from passports.compact import strict_object, text
from passports.errors import BadToken, ProviderFailed, Reason, SignInFailed
from passports.keys import KeyStore
from passports.trust import Broker, TrustTable, check_url
from schemas.errors import InvalidInput

SCOPE = "openid profile ga4gh_passport_v1"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name, not a secret
PASSPORT = "urn:ga4gh:params:oauth:token-type:passport"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
PROVIDER_SECONDS = 10.0
MAX_ANSWER_BYTES = 512 * 1024
MAX_SESSION_SECONDS = 8 * 60 * 60
MAX_TOKEN_CHARS = 16 * 1024
_SECRET_CHARS = 48


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """What must come back unchanged; kept on the server, never sent to the browser."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    next_path: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person the provider vouched for; `expires` (epoch s) is the access token's."""

    subject: str
    issuer: str
    name: str
    access_token: str = field(repr=False)
    expires: int

    @property
    def identity(self) -> str:
        return f"{self.subject}@{self.issuer}"


@dataclass(frozen=True, slots=True)
class _Provider:
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    answers_with_issuer: bool
    keys: KeyStore


class Login:
    """One client's sign-in at one provider."""

    def __init__(
        self,
        issuer_url: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        http: httpx.AsyncClient,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer_url
        self._client_id = client_id
        # RFC 6749 2.3.1: both halves are form-encoded before they are joined.
        self._auth = httpx.BasicAuth(quote_plus(client_id), quote_plus(client_secret))
        self._redirect_uri = redirect_uri
        self._http = http
        self._clock = clock
        self._found: _Provider | None = None
        check_url(issuer_url)

    async def begin(self, next_path: str) -> tuple[str, PendingLogin]:
        """Where to send the browser, and what to keep until it is back."""
        provider = await self._provider()
        pending = PendingLogin(
            state=generate_token(_SECRET_CHARS),
            nonce=generate_token(_SECRET_CHARS),
            verifier=generate_token(_SECRET_CHARS),
            next_path=local_path(next_path),
        )
        url = prepare_grant_uri(
            provider.authorization_endpoint,
            client_id=self._client_id,
            response_type="code",
            redirect_uri=self._redirect_uri,
            scope=SCOPE,
            state=pending.state,
            nonce=pending.nonce,
            code_challenge=create_s256_code_challenge(pending.verifier),
            code_challenge_method="S256",
        )
        return str(url), pending

    async def finish(self, pending: PendingLogin, query: Mapping[str, str]) -> SignedIn:
        """Raises `SignInFailed` when the browser's answer is not the one that was awaited."""
        provider = await self._provider()
        if not _same(query.get("state"), pending.state):
            raise SignInFailed("the sign-in was not started here; start again")
        if (provider.answers_with_issuer or "iss" in query) and query.get("iss") != self._issuer:
            raise SignInFailed("the answer comes from another sign-in provider")
        if "error" in query:
            raise SignInFailed("the sign-in provider refused or the sign-in was cancelled")
        if not query.get("code"):
            raise SignInFailed("the sign-in provider sent no code")
        answer = await self._post(
            provider.token_endpoint,
            {
                "grant_type": "authorization_code",
                "code": query["code"],
                "redirect_uri": self._redirect_uri,
                "code_verifier": pending.verifier,
            },
        )
        try:
            return await self._signed_in(provider, pending, answer)
        except BadToken as error:
            raise SignInFailed(
                "the sign-in provider's ID token is not accepted", detail=error.detail
            ) from error

    async def exchange(self, access_token: str, audience: str) -> str:
        """A Passport for `audience` alone, so that its reader can't use it elsewhere."""
        provider = await self._provider()
        answer = await self._post(
            provider.token_endpoint,
            {
                "grant_type": EXCHANGE,
                "requested_token_type": PASSPORT,
                "subject_token": access_token,
                "subject_token_type": ACCESS_TOKEN,
                "resource": audience,
            },
        )
        passport = answer.get("access_token")
        if answer.get("issued_token_type") != PASSPORT or not isinstance(passport, str):
            raise ProviderFailed("the sign-in provider did not answer with a passport")
        if len(passport) > compact.MAX_PASSPORT_CHARS:
            raise ProviderFailed("the sign-in provider's passport is too large")
        return passport

    async def _signed_in(
        self, provider: _Provider, pending: PendingLogin, answer: Mapping[str, object]
    ) -> SignedIn:
        """OpenID Connect Core 3.1.3.7, in its order."""
        raw = answer.get("id_token")
        token = compact.parse(raw if isinstance(raw, str) else "", cap=compact.MAX_VISA_CHARS)
        if token.unverified_header.get("typ", "JWT") != "JWT":
            raise BadToken(Reason.WRONG_TYPE)
        algorithm = token.algorithm(tokens.ALGORITHMS)
        now = int(self._clock())
        signed = tokens.verify(
            token,
            await provider.keys.key_for(provider.jwks_uri, token.kid),
            issuer=self._issuer,
            algorithm=algorithm,
            now=now,
            audience=self._client_id,
            audience_required=True,
        )
        claims = signed.claims
        many = isinstance(claims.get("aud"), list) and claims["aud"] != [self._client_id]
        if (many or "azp" in claims) and claims.get("azp") != self._client_id:
            raise BadToken(Reason.WRONG_AUDIENCE)
        if not _same(claims.get("nonce"), pending.nonce):
            raise BadToken(Reason.BAD_CLAIM, detail="nonce")
        access_token = text(
            answer.get("access_token"), reason=Reason.BAD_CLAIM, cap=MAX_TOKEN_CHARS
        )
        if "at_hash" in claims and not _same(claims["at_hash"], _at_hash(access_token)):
            raise BadToken(Reason.BAD_CLAIM, detail="at_hash")
        return SignedIn(
            subject=signed.subject,
            issuer=signed.issuer,
            name=text(claims.get("name", signed.subject), reason=Reason.BAD_CLAIM),
            access_token=access_token,
            expires=now + _lifetime(answer.get("expires_in")),
        )

    async def _provider(self) -> _Provider:
        """Discovery (OpenID Connect Discovery 4); asked again until it succeeded once."""
        if self._found is not None:
            return self._found
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        document = await self._json(self._http.build_request("GET", url))
        if document.get("issuer") != self._issuer:
            raise ProviderFailed("the sign-in provider calls itself by another name")
        authorize, token, jwks = (
            _endpoint(document, name)
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        )
        table = TrustTable(brokers=(Broker(issuer=self._issuer, jwks_url=jwks),), visa_issuers=())
        self._found = _Provider(
            authorization_endpoint=authorize,
            token_endpoint=token,
            jwks_uri=jwks,
            answers_with_issuer=(
                document.get("authorization_response_iss_parameter_supported") is True
            ),
            keys=KeyStore(table, http=self._http, clock=self._clock),
        )
        return self._found

    async def _post(self, url: str, form: Mapping[str, str]) -> Mapping[str, object]:
        return await self._json(self._http.build_request("POST", url, data=dict(form)), post=True)

    async def _json(self, request: httpx.Request, *, post: bool = False) -> Mapping[str, object]:
        request.headers["Accept"] = "application/json"
        request.headers["Accept-Encoding"] = "identity"
        try:
            async with asyncio.timeout(PROVIDER_SECONDS):
                status, body = await self._send(request, auth=self._auth if post else None)
            if post and status in {httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED}:
                raise SignInFailed("the sign-in provider refused; sign in again")
            if status != httpx.codes.OK:
                raise ProviderFailed("the sign-in provider failed", detail=f"status {status}")
            return strict_object(body)
        except (httpx.HTTPError, TimeoutError) as error:
            raise ProviderFailed("the sign-in provider does not answer") from error
        except BadToken as error:
            raise ProviderFailed("the sign-in provider answered nonsense") from error

    async def _send(
        self, request: httpx.Request, *, auth: httpx.BasicAuth | None
    ) -> tuple[int, bytes]:
        response = await self._http.send(request, stream=True, auth=auth, follow_redirects=False)
        try:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise ProviderFailed("the sign-in provider's answer is too large")
            return response.status_code, bytes(body)
        finally:
            await response.aclose()


def local_path(path: str) -> str:
    """`path` if it stays on this site, else `/`: no redirect leaves through the sign-in."""
    inside = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if inside and path.isprintable() and len(path) <= 2048 else "/"


def _endpoint(document: Mapping[str, object], name: str) -> str:
    url = document.get(name)
    try:
        if not isinstance(url, str) or urlsplit(url).fragment:
            raise ProviderFailed(f"the sign-in provider states no {name}")
        check_url(url)
    except (InvalidInput, ValueError) as error:
        raise ProviderFailed(f"the sign-in provider's {name} is not https") from error
    return url


def _same(sent: object, awaited: str) -> bool:
    return isinstance(sent, str) and hmac.compare_digest(
        sent.encode("utf-8", "replace"), awaited.encode()
    )


def _at_hash(access_token: str) -> str:
    """OpenID Connect Core 3.1.3.6; both algorithms we take use SHA-256."""
    half = hashlib.sha256(access_token.encode("utf-8")).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode("ascii")


def _lifetime(seconds: object) -> int:
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        return 300
    return min(seconds, MAX_SESSION_SECONDS)
