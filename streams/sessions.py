"""The open releases of one process: who may still fetch which bytes, and how many have gone.

Settled bounds: 15 minutes idle, 24 hours at most, never past the permit. Kept in memory behind a
lock, so a restart ends every release. Time is an argument; the record is `streams.release`'s.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from schemas.grants import Permit
from streams.entitlement import Entitlement
from streams.errors import AddressRefused, NoSuchSession, TooManyReleases
from streams.permit import Use, cover
from streams.vault import SealedObject

IDLE_SECONDS = 15 * 60
LONGEST_SECONDS = 24 * 3600
MAX_SESSIONS = 10_000
MAX_PER_CALLER = 200


Still = Callable[[Entitlement, int], bool]  # whether what a release rests on holds now


class End(StrEnum):
    """Why a release ended."""

    IDLE = "idle"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Session:
    """`charged_bytes` counts what was promised to requests, less what they did not send."""

    session_id: str
    given: Entitlement
    permit: Permit
    still: Still
    expires: int
    last_used: int
    charged_bytes: int = 0

    @property
    def sealed(self) -> SealedObject:
        return self.given.sealed

    def end_at(self, now: int) -> End | None:
        if now >= self.expires:
            return End.EXPIRED
        return End.IDLE if now >= self.last_used + IDLE_SECONDS else None


class Sessions:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}

    def start(self, given: Entitlement, permit: Permit, *, still: Still, now: int) -> Session:
        """Raises TooManyReleases at either cap."""
        session = Session(
            session_id=secrets.token_urlsafe(24),
            given=given,
            permit=permit,
            still=still,
            expires=min(permit.expires, now + LONGEST_SECONDS),
            last_used=now,
        )
        with self._lock:
            of_caller = sum(other.permit.subject == permit.subject for other in self._open.values())
            if of_caller >= MAX_PER_CALLER or len(self._open) >= MAX_SESSIONS:
                raise TooManyReleases("Too many releases are open. Finish or wait, then ask again.")
            self._open[session.session_id] = session
        return session

    def get(self, session_id: str) -> Session:
        """Raises NoSuchSession."""
        with self._lock:
            found = self._open.get(session_id)
        if found is None:
            raise NoSuchSession
        return found

    def charge(self, session_id: str, promised_bytes: int, *, now: int) -> Session:
        """Counts bytes before they are sent. Raises AddressRefused past the permit's budget."""
        with self._lock:
            session = self._open.get(session_id)
            if session is None:
                raise NoSuchSession
            total = session.charged_bytes + promised_bytes
            use = Use(
                session.sealed.object_id, session.sealed.dataset, session.permit.recipient, total
            )
            if not cover(session.permit, use, now=now).covered:
                raise AddressRefused("The permit does not cover more bytes. Ask for a new ticket.")
            charged = replace(session, charged_bytes=total, last_used=now)
            self._open[session_id] = charged
            return charged

    def give_back(self, session_id: str, unsent_bytes: int, *, now: int) -> None:
        """After a request; a session that has ended meanwhile is left as it is."""
        with self._lock:
            session = self._open.get(session_id)
            if session is not None:
                left = session.charged_bytes - unsent_bytes
                self._open[session_id] = replace(session, charged_bytes=left, last_used=now)

    def end(self, session_id: str) -> Session | None:
        """The session as it was, once; None for everyone who comes later."""
        with self._lock:
            return self._open.pop(session_id, None)

    def over(self, *, now: int) -> tuple[tuple[Session, End], ...]:
        """Sessions whose time has come, and why; they are still to be ended."""
        with self._lock:
            ended = [(session, session.end_at(now)) for session in self._open.values()]
        return tuple((session, end) for session, end in ended if end is not None)

    def all(self) -> tuple[Session, ...]:
        with self._lock:
            return tuple(self._open.values())
