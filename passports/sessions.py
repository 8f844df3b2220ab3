"""Keeps browser sessions on the server (OWASP session rules): the cookie is an opaque number.

In memory, so a restart signs everybody out. Eight hours at most, half an hour idle; ids are kept
as hashes, so that a memory dump opens no session. Leaves signing in to `login`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from passports.login import PendingLogin, SignedIn

ABSOLUTE_SECONDS = 8 * 60 * 60
IDLE_SECONDS = 30 * 60
PENDING_SECONDS = 10 * 60
MAX_SESSIONS = 10_000
MAX_PENDING = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person; forms carry `csrf_token` back."""

    signed_in: SignedIn = field(repr=False)
    csrf_token: str = field(repr=False)
    created: float

    def csrf_holds(self, sent: str) -> bool:
        return hmac.compare_digest(self.csrf_token.encode(), sent.encode("utf-8", "replace"))


@dataclass(slots=True)
class _Row:
    session: Session
    seen: float


class Sessions:
    """Sessions of one server; a new id at every sign-in, so that none can be fixed beforehand."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rows: OrderedDict[str, _Row] = OrderedDict()
        self._pending: OrderedDict[str, tuple[float, PendingLogin]] = OrderedDict()

    def create(self, signed_in: SignedIn) -> str:
        """The new session's id, for the cookie."""
        session_id, now = secrets.token_urlsafe(32), self._clock()
        session = Session(signed_in, secrets.token_urlsafe(32), now)
        self._rows[_hashed(session_id)] = _Row(session, now)
        while len(self._rows) > MAX_SESSIONS:
            self._rows.popitem(last=False)
        return session_id

    def get(self, session_id: str | None) -> Session | None:
        """The session, if it is still good; looking at it counts as use."""
        if session_id is None:
            return None
        key, now = _hashed(session_id), self._clock()
        row = self._rows.get(key)
        if row is None:
            return None
        idle, age = now - row.seen, now - row.session.created
        if idle >= IDLE_SECONDS or age >= ABSOLUTE_SECONDS:
            del self._rows[key]
            return None
        row.seen = now
        return row.session

    def drop(self, session_id: str | None) -> None:
        if session_id is not None:
            self._rows.pop(_hashed(session_id), None)

    def drop_person(self, subject: str) -> None:
        """Everywhere she is signed in; `subject` is of the one provider these sessions are of."""
        for key, row in list(self._rows.items()):
            if row.session.signed_in.subject == subject:
                del self._rows[key]

    def park(self, pending: PendingLogin) -> str:
        """Keeps a sign-in that has begun; the id goes into the browser's cookie."""
        pending_id = secrets.token_urlsafe(32)
        self._pending[_hashed(pending_id)] = (self._clock(), pending)
        while len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
        return pending_id

    def unpark(self, pending_id: str | None) -> PendingLogin | None:
        """Once only, and within ten minutes."""
        if pending_id is None:
            return None
        since, pending = self._pending.pop(_hashed(pending_id), (0.0, None))
        return pending if self._clock() - since < PENDING_SECONDS else None


def cookie_name(role: str, public_url: str) -> str:
    """Cookies ignore ports, so the name carries it; `__Host-` wherever there is TLS."""
    parts = urlsplit(public_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    name = f"skerry-{role}-{port}"
    return f"__Host-{name}" if parts.scheme == "https" else name


def _hashed(session_id: str) -> str:
    return hashlib.sha256(session_id.encode("utf-8", "replace")).hexdigest()
