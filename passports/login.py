"""Signs people in and exchanges tokens (OpenID Connect Core 3.1, RFC 7636, RFC 8693, RFC 9207).

Code flow with PKCE, `state` and `nonce`. The only importer of Authlib, for the request's form.
Leaves the provider's answers to `provider`, its ID token to `id_token`, cookies and sessions to
`sessions`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from passports import id_token, logout
from passports.compact import MAX_VISA_CHARS, text
from passports.errors import BadToken, LogoutRefused, ProviderFailed, Reason, SignInFailed
from passports.exchange import exchange
from passports.id_token import same
from passports.keys import KeyStore
from passports.provider import Endpoints, Provider
from passports.trust import Broker, TrustTable
from passports.userinfo import Userinfo
from schemas.messages import Message
from schemas.passport import MAX_VISAS

SCOPE = "openid profile ga4gh_passport_v1"
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
        self._provider = Provider(
            issuer_url, client_id=client_id, client_secret=client_secret, http=http
        )
        self._redirect_uri = redirect_uri
        self._http = http
        self._clock = clock
        self._keys: KeyStore | None = None
        self._userinfo = Userinfo(http=http, clock=clock)

    async def begin(self, next_path: str) -> tuple[str, PendingLogin]:
        """Where to send the browser, and what to keep until it is back."""
        found = await self._provider.endpoints()
        pending = PendingLogin(
            state=generate_token(_SECRET_CHARS),
            nonce=generate_token(_SECRET_CHARS),
            verifier=generate_token(_SECRET_CHARS),
            next_path=local_path(next_path),
        )
        url = prepare_grant_uri(
            found.authorization,
            client_id=self._provider.client_id,
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
        found = await self._provider.endpoints()
        if not same(query.get("state"), pending.state):
            raise SignInFailed(Message("the sign-in was not started here; start again"))
        if (found.answers_with_issuer or "iss" in query) and query.get(
            "iss"
        ) != self._provider.issuer:
            raise SignInFailed(Message("the answer comes from another sign-in provider"))
        if "error" in query:
            raise SignInFailed(Message("the sign-in provider refused or the sign-in was cancelled"))
        if not query.get("code"):
            raise SignInFailed(Message("the sign-in provider sent no code"))
        answer = await self._provider.post(
            found.token,
            {
                "grant_type": "authorization_code",
                "code": query["code"],
                "redirect_uri": self._redirect_uri,
                "code_verifier": pending.verifier,
            },
        )
        try:
            return await self._signed_in(found, pending, answer)
        except BadToken as error:
            raise SignInFailed(
                Message("the sign-in provider's ID token is not accepted"), detail=error.detail
            ) from error

    async def exchange(self, access_token: str, audience: str) -> str:
        """A Passport for `audience` alone, so that its reader can't use it elsewhere."""
        return await exchange(self._provider, access_token, audience)

    async def tells_visas(self) -> bool:
        """Whether the provider has a userinfo to ask for them."""
        return (await self._provider.endpoints()).userinfo is not None

    async def visas(self, signed_in: SignedIn) -> tuple[str, ...]:
        """What the provider's userinfo says this person holds, unverified: whoever is shown them
        verifies them (GA4GH AAI 1.2.1)."""
        url = (await self._provider.endpoints()).userinfo
        if url is None:
            raise ProviderFailed(Message("the sign-in provider has no userinfo to ask for visas"))
        claims = await self._userinfo.claims(url, signed_in.access_token)
        if claims.get("sub") != signed_in.subject:  # OpenID Connect Core 5.3.2
            raise ProviderFailed(Message("the sign-in provider's userinfo is about somebody else"))
        listed = claims.get("ga4gh_passport_v1", [])
        if not isinstance(listed, list) or len(listed) > MAX_VISAS:
            raise ProviderFailed(Message("the sign-in provider's list of visas cannot be read"))
        return tuple(one for one in listed if isinstance(one, str) and len(one) <= MAX_VISA_CHARS)

    async def signed_out(self, raw_logout_token: str) -> str:
        """The subject who signed out at the provider; `LogoutRefused` when it does not say so."""
        found = await self._provider.endpoints()
        try:
            token = logout.parse(raw_logout_token)
            return logout.verify(
                token,
                await self._key_store(found).key_for(found.jwks, token.kid),
                issuer=self._provider.issuer,
                client_id=self._provider.client_id,
                now=int(self._clock()),
            )
        except BadToken as error:
            raise LogoutRefused(
                Message("the logout token is not accepted"), detail=error.detail
            ) from error

    async def _signed_in(
        self, found: Endpoints, pending: PendingLogin, answer: Mapping[str, object]
    ) -> SignedIn:
        token = id_token.parse(answer.get("id_token"))
        access_token = text(
            answer.get("access_token"), reason=Reason.BAD_CLAIM, cap=MAX_TOKEN_CHARS
        )
        now = int(self._clock())
        signed = id_token.verify(
            token,
            await self._key_store(found).key_for(found.jwks, token.kid),
            issuer=self._provider.issuer,
            client_id=self._provider.client_id,
            nonce=pending.nonce,
            access_token=access_token,
            now=now,
        )
        return SignedIn(
            subject=signed.subject,
            issuer=signed.issuer,
            name=text(signed.claims.get("name", signed.subject), reason=Reason.BAD_CLAIM),
            access_token=access_token,
            expires=now + _lifetime(answer.get("expires_in")),
        )

    def _key_store(self, found: Endpoints) -> KeyStore:
        if self._keys is None:
            broker = Broker(issuer=self._provider.issuer, jwks_url=found.jwks)
            table = TrustTable(brokers=(broker,), visa_issuers=())
            self._keys = KeyStore(table, http=self._http, clock=self._clock)
        return self._keys


def local_path(path: str) -> str:
    """`path` if it stays on this site, else `/`: no redirect leaves through the sign-in."""
    inside = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if inside and path.isprintable() and len(path) <= 2048 else "/"


def _lifetime(seconds: object) -> int:
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        return 300
    return min(seconds, MAX_SESSION_SECONDS)
