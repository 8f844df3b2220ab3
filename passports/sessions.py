"""Keeps browser sessions on the server (OWASP session rules): the cookie is an opaque number.

Eight hours at most, half an hour idle; a restart signs everybody out. Where they lie, and that no
reader of that place can open one, is `kept`'s. Leaves signing in to `login`.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from passports.kept import Kept
from passports.login import PendingLogin, SignedIn

ABSOLUTE_SECONDS = 8 * 60 * 60
IDLE_SECONDS = 30 * 60
PENDING_SECONDS = 10 * 60
MAX_SESSIONS = 10_000
MAX_PENDING = 10_000
_SESSION, _PENDING = "session", "sign-in"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person; forms carry `csrf_token` back."""

    signed_in: SignedIn = field(repr=False)
    csrf_token: str = field(repr=False)
    created: float

    def csrf_holds(self, sent: str) -> bool:
        return hmac.compare_digest(self.csrf_token.encode(), sent.encode("utf-8", "replace"))


class Sessions:
    """Sessions of one server; a new id at every sign-in, so that none can be fixed beforehand.

    Of all processes that share `kept`. Raises `KeptUnavailable`."""

    def __init__(self, clock: Callable[[], float], kept: Kept | None = None) -> None:
        self._clock = clock
        self._kept = kept or Kept()

    def create(self, signed_in: SignedIn) -> str:
        """The new session's id, for the cookie."""
        now = self._clock()
        session = Session(signed_in, secrets.token_urlsafe(32), now)
        return self._put(
            _SESSION, asdict(session),
            owner=signed_in.subject, seconds=IDLE_SECONDS, most=MAX_SESSIONS,
        )  # fmt: skip

    def get(self, session_id: str | None) -> Session | None:
        """The session, if it is still good; looking at it counts as use."""
        if session_id is None:
            return None
        now = self._clock()
        found = self._kept.get(_SESSION, session_id, now=now)
        if found is None:
            return None
        fields = json.loads(found)
        session = Session(**fields | {"signed_in": SignedIn(**fields["signed_in"])})
        expires = min(now + IDLE_SECONDS, session.created + ABSOLUTE_SECONDS)
        self._kept.extend(_SESSION, session_id, expires=expires)
        return session

    def drop(self, session_id: str | None) -> None:
        if session_id is not None:
            self._kept.drop(_SESSION, session_id)

    def drop_person(self, subject: str) -> None:
        """Everywhere she is signed in; `subject` is of the one provider these sessions are of."""
        self._kept.drop_owner(_SESSION, subject)

    def park(self, pending: PendingLogin) -> str:
        """Keeps a sign-in that has begun; the id goes into the browser's cookie."""
        return self._put(
            _PENDING, asdict(pending), owner="", seconds=PENDING_SECONDS, most=MAX_PENDING
        )

    def unpark(self, pending_id: str | None) -> PendingLogin | None:
        """Once only, and within ten minutes."""
        if pending_id is None:
            return None
        found = self._kept.take(_PENDING, pending_id, now=self._clock())
        return None if found is None else PendingLogin(**json.loads(found))

    def _put(
        self, kind: str, fields: dict[str, object], *, owner: str, seconds: int, most: int
    ) -> str:
        number, now = secrets.token_urlsafe(32), self._clock()
        value = json.dumps(fields).encode()
        self._kept.put(kind, number, value, owner=owner, expires=now + seconds, now=now, most=most)
        return number


def cookie_name(role: str, public_url: str) -> str:
    """Cookies ignore ports, so the name carries it; `__Host-` wherever there is TLS."""
    parts = urlsplit(public_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    name = f"skerry-{role}-{port}"
    return f"__Host-{name}" if parts.scheme == "https" else name
