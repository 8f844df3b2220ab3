"""Who is at the browser: a visitor cookie, a sign-in session, and a Passport per node.

Sign-in and sessions are the passports room's; here they meet cookies (`__Host-` under https) and
the fan-out. A token never travels to a node: each node gets a Passport made for it (RFC 8693, or by
`passport_issuer` where the broker cannot), or the question goes out as anyone's and the row says
so.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from passports.errors import ProviderRefused
from passports.login import Login, SignedIn
from passports.sessions import Session, Sessions, cookie_name
from portal.asking.fanout import Credential, CredentialFor, anonymous
from portal.errors import ForgedForm, SignInNeeded
from portal.passport_issuer import PassportIssuer
from portal.settings import Limits, PortalSettings
from schemas.errors import SkerryError
from schemas.messages import Message

# RFC 6749 5.2: the broker knows no exchange, or not for this portal.
_CANNOT_EXCHANGE = frozenset({"unsupported_grant_type", "unauthorized_client"})


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a search is: one browser, and in it one sign-in or none."""

    key: str = field(repr=False)
    session_id: str | None = field(repr=False)

    def same(self, other: Owner) -> bool:
        return self.session_id == other.session_id and hmac.compare_digest(
            self.key.encode(), other.key.encode()
        )


@dataclass(frozen=True, slots=True)
class Visitor:
    """`key` ties searches to this browser; `session` is None for anyone not signed in."""

    key: str = field(repr=False)
    is_new: bool
    session: Session | None
    session_id: str | None = field(repr=False)

    @property
    def owner(self) -> Owner:
        return Owner(self.key, self.session_id)

    @property
    def csrf(self) -> str:
        return self.session.csrf_token if self.session else ""

    @property
    def identity(self) -> str:
        """`sub@issuer`, or nothing."""
        return self.session.signed_in.identity if self.session else ""

    @property
    def user(self) -> str:
        return self.session.signed_in.name or self.session.signed_in.subject if self.session else ""


class Visitors:
    """Sessions, sign-ins under way, and Passports fetched a moment ago; all in memory."""

    def __init__(
        self,
        settings: PortalSettings,
        login: Login | None,
        *,
        sessions: Sessions,
        clock: Callable[[], float],
        limits: Limits,
        issuer: PassportIssuer | None = None,
    ) -> None:
        self._issuer = issuer
        self._secure = settings.secure
        self._session_cookie = cookie_name("portal", settings.public_url)
        self._visitor_cookie = cookie_name("visitor", settings.public_url)
        self._pending_cookie = cookie_name("signin", settings.public_url)
        self._login = login
        self._sessions = sessions
        self._clock = clock
        self._limits = limits
        self._passports: OrderedDict[tuple[str, str], tuple[float, str]] = OrderedDict()

    @property
    def can_sign_in(self) -> bool:
        return self._login is not None

    def of(self, request: Request) -> Visitor:
        known = request.cookies.get(self._visitor_cookie, "")
        key = known if len(known) == 43 else secrets.token_urlsafe(32)
        session_id = request.cookies.get(self._session_cookie)
        session = self._sessions.get(session_id) if session_id else None
        return Visitor(key, key != known, session, session_id if session else None)

    def remember(self, visitor: Visitor, response: Response) -> None:
        if visitor.is_new:
            self._set(response, self._visitor_cookie, visitor.key)

    def check_form(self, visitor: Visitor, given: object) -> None:
        """Signed-in forms carry the session's token; others change nothing and need none."""
        if visitor.session is None:
            return
        if not isinstance(given, str) or not visitor.session.csrf_holds(given):
            raise ForgedForm(
                Message("The form is too old or not ours. Open the page again and send it.")
            )

    async def begin(self, next_path: str) -> tuple[str, str]:
        """The provider's address to send the browser to, and the id of what is awaited."""
        if self._login is None:
            raise SignInNeeded(Message("This portal has no sign-in service."))
        url, pending = await self._login.begin(next_path)
        return url, self._sessions.park(pending)

    async def finish(self, request: Request, visitor: Visitor) -> tuple[str, str]:
        """(session id, path to return to); a callback this browser never began is refused."""
        pending = self._sessions.unpark(request.cookies.get(self._pending_cookie))
        if self._login is None or pending is None:
            raise ForgedForm(Message("This sign-in was not begun in this browser. Sign in again."))
        signed_in = await self._login.finish(pending, dict(request.query_params))
        if visitor.session_id:
            self.drop(visitor.session_id)
        return self._sessions.create(signed_in), pending.next_path

    def await_return(self, response: Response, pending_id: str) -> None:
        self._set(response, self._pending_cookie, pending_id)

    def sign_in(self, response: Response, session_id: str) -> None:
        self._set(response, self._session_cookie, session_id)

    def sign_out(self, visitor: Visitor, response: Response) -> None:
        if visitor.session_id:
            self.drop(visitor.session_id)
        response.delete_cookie(
            self._session_cookie, secure=self._secure, httponly=True, samesite="lax"
        )

    def drop(self, session_id: str) -> None:
        self._sessions.drop(session_id)
        for known in [key for key in self._passports if key[0] == session_id]:
            del self._passports[known]

    def credential(self, visitor: Visitor) -> CredentialFor:
        """How the fan-out gets this visitor's credential for one node."""
        if visitor.session is None or visitor.session_id is None or self._login is None:
            return anonymous

        async def obtain(audience: str) -> Credential:
            try:
                return Credential(Message("signed in"), await self.passport(visitor, audience))
            except SkerryError:
                return Credential(Message("anonymous, no passport could be had for this node"))

        return obtain

    async def passport(self, visitor: Visitor, audience: str) -> str:
        """A Passport for that node alone; raises the passports room's errors."""
        if visitor.session is None or visitor.session_id is None or self._login is None:
            raise SignInNeeded(Message("Sign in first."))
        key, now = (visitor.session_id, audience), self._clock()
        until, kept = self._passports.get(key, (0.0, ""))
        if now < until:
            return kept
        made = await self._made(self._login, visitor.session.signed_in, audience)
        self._passports[key] = (now + self._limits.passport_seconds, made)
        while len(self._passports) > self._limits.passports:
            self._passports.popitem(last=False)
        return made

    async def _made(self, login: Login, signed_in: SignedIn, audience: str) -> str:
        try:
            return await login.exchange(signed_in.access_token, audience)
        except ProviderRefused as refused:
            if self._issuer is None or refused.error not in _CANNOT_EXCHANGE:
                raise
            visas = await login.visas(signed_in)
            return self._issuer.wrap(visas, subject=signed_in.subject, audience=audience)

    def forget(self, visitor: Visitor, audience: str) -> None:
        """After a grant may have changed, the next question fetches a new Passport."""
        self._passports.pop((visitor.session_id or "", audience), None)

    def _set(self, response: Response, name: str, value: str) -> None:
        response.set_cookie(
            name, value, secure=self._secure, httponly=True, samesite="lax", path="/"
        )
