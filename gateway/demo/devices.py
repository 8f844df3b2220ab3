"""Sign-ins by code that the demo's provider keeps track of (RFC 8628).

A command line is given two names: a secret one it asks with, and one of eight letters that a person
types into the provider's page. In memory, bounded, forgotten on restart.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.demo.tickets import ASK_SECONDS, Refused, Shelf

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
POLL_SECONDS = 2
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # 6.1: no vowels, so no words


@dataclass(slots=True)
class Waiting:
    """One command line that waits; `subject` once a person has chosen who she is."""

    client_id: str
    scope: tuple[str, ...]
    user_code: str
    subject: str = ""
    asked_at: float = field(default=float("-inf"))


class Devices:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: Shelf[Waiting] = Shelf(clock)
        self._chosen: Shelf[Waiting] = Shelf(clock)
        self._typed: Shelf[Waiting] = Shelf(clock)

    def begin(self, client_id: str, scope: tuple[str, ...]) -> tuple[str, str]:
        """The device code and the user code, as it is shown."""
        first, second = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(2))
        waiting = Waiting(client_id, scope, f"{first}-{second}")
        self._typed.put(waiting, lifetime=ASK_SECONDS, name=first + second)
        return self._waiting.put(waiting, lifetime=ASK_SECONDS), waiting.user_code

    def typed(self, user_code: str) -> tuple[Waiting, str] | None:
        """Who waits for a code, as people type it, and the name under which to answer."""
        waiting = self._typed.get(_letters(user_code))
        if waiting is None:
            return None
        return waiting, self._chosen.put(waiting, lifetime=ASK_SECONDS)

    def choose(self, request_id: str, subject: str) -> None:
        """A code is good for one sign-in."""
        waiting = self._chosen.take(request_id)
        if waiting is None or self._typed.take(_letters(waiting.user_code)) is None:
            raise Refused("invalid_request")
        waiting.subject = subject

    def poll(self, device_code: str, client_id: str) -> Waiting:
        """Who was chosen; refused while nobody is, too soon, or too late (3.5)."""
        waiting = self._waiting.get(device_code)
        if waiting is None or waiting.client_id != client_id:
            raise Refused("expired_token" if waiting is None else "invalid_grant")
        now = self._clock()
        if now - waiting.asked_at < POLL_SECONDS:
            raise Refused("slow_down")
        waiting.asked_at = now
        if not waiting.subject:
            raise Refused("authorization_pending")
        self._waiting.take(device_code)
        return waiting


def _letters(typed: str) -> str:
    return "".join(one for one in typed.upper() if one.isalpha())
