"""What the demo's provider remembers between two requests: questions, codes and access tokens.

Codes are single use (RFC 6749 4.1.2). In memory, bounded, forgotten on restart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

MAX_KEPT = 10_000
ASK_SECONDS = 10 * 60

OAuthError = Literal[
    "authorization_pending",
    "expired_token",
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "invalid_target",
    "invalid_token",
    "login_required",
    "slow_down",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
]


class Refused(Exception):
    """An OAuth error code (RFC 6749 5.2, RFC 6750 3.1, RFC 8628 3.5, RFC 8707 2)."""

    def __init__(self, code: OAuthError) -> None:
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked authorization request."""

    client_id: str
    redirect_uri: str
    scope: tuple[str, ...]
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    challenge: str


@dataclass(frozen=True, slots=True)
class Granted:
    """What an access token stands for."""

    subject: str
    scope: tuple[str, ...]
    client_id: str


Kept = TypeVar("Kept")


class Shelf(Generic[Kept]):
    """Things by secret name, each until its second comes; the oldest go first when it is full."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Kept]] = OrderedDict()

    def put(self, thing: Kept, *, lifetime: float, name: str = "") -> str:
        """Its name: a secret one, unless there is one already."""
        name = name or secrets.token_urlsafe(32)
        self._kept[name] = (self._clock() + lifetime, thing)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return name

    def get(self, name: str) -> Kept | None:
        until, thing = self._kept.get(name, (0.0, None))
        return thing if self._clock() < until else None

    def take(self, name: str) -> Kept | None:
        thing = self.get(name)
        self._kept.pop(name, None)
        return thing


class Tickets:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._asked: Shelf[Asked] = Shelf(clock)
        self._codes: Shelf[tuple[Asked, str]] = Shelf(clock)
        self._tokens: Shelf[Granted] = Shelf(clock)

    def ask(self, asked: Asked) -> str:
        return self._asked.put(asked, lifetime=ASK_SECONDS)

    def answer(self, request_id: str) -> Asked:
        asked = self._asked.take(request_id)
        if asked is None:
            raise Refused("invalid_request")
        return asked

    def code(self, asked: Asked, subject: str, *, lifetime: float) -> str:
        return self._codes.put((asked, subject), lifetime=lifetime)

    def redeem(self, code: str) -> tuple[Asked, str]:
        """Gone after the first try, whether or not the rest of the request is right."""
        redeemed = self._codes.take(code)
        if redeemed is None:
            raise Refused("invalid_grant")
        return redeemed

    def grant(
        self, subject: str, *, scope: tuple[str, ...], client_id: str, lifetime: float
    ) -> str:
        return self._tokens.put(Granted(subject, scope, client_id), lifetime=lifetime)

    def granted(self, access_token: str, *, otherwise: OAuthError) -> Granted:
        granted = self._tokens.get(access_token)
        if granted is None:
            raise Refused(otherwise)
        return granted


def check_verifier(verifier: str, challenge: str) -> None:
    """RFC 7636 4.6, S256 only."""
    right_size = 43 <= len(verifier) <= 128
    made = _digest(verifier.encode("utf-8", "replace"))
    if not right_size or not hmac.compare_digest(
        made.encode(), challenge.encode("utf-8", "replace")
    ):
        raise Refused("invalid_grant")


def at_hash(access_token: str) -> str:
    """OpenID Connect Core 3.1.3.6."""
    half = hashlib.sha256(access_token.encode("ascii")).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode("ascii")


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")
