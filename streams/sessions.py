"""The open releases of one process: who may still fetch which bytes, and how many have gone.

Settled bounds: 15 minutes idle, 24 hours at most, never past the permit. Kept in memory behind a
lock, so a restart ends every release. Releases to nobody in particular (clear streams) share a cap,
and the one longest unused makes room. Time is an argument; the record is `streams.release`'s.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from streams.bodies import Body
from streams.errors import AddressRefused, NoSuchSession, TooManyReleases

IDLE_SECONDS = 15 * 60
LONGEST_SECONDS = 24 * 3600
MAX_SESSIONS = 10_000
MAX_PER_CALLER = 200
MAX_OF_NOBODY = 8_000

Still = Callable[[int], bool]  # whether what a release rests on holds at a time


def _unknown(_now: int) -> bool:
    return False


class End(StrEnum):
    """Why a release ended."""

    IDLE = "idle"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"
    DISPLACED = "displaced"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a release is bound to. `release_id` is the permit's where there is one; `subject` is a
    pseudonym, None for nobody in particular; `byte_budget` caps all that is ever sent."""

    release_id: str
    subject: str | None
    byte_budget: int
    expires: int
    still: Still
    known: Still = _unknown  # whether that is known to hold, without waiting


@dataclass(frozen=True, slots=True)
class Session:
    """`charged_bytes` counts what was promised to requests, less what they did not send."""

    session_id: str
    body: Body
    terms: Terms
    expires: int
    last_used: int
    charged_bytes: int = 0

    def end_at(self, now: int) -> End | None:
        if now >= self.expires:
            return End.EXPIRED
        return End.IDLE if now >= self.last_used + IDLE_SECONDS else None


class Sessions:
    """Thread-safe. The ids of one process begin with its `mark`, so that others know its own."""

    def __init__(self, mark: str = "") -> None:
        self._mark = mark
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}
        self._held: Counter[str | None] = Counter()

    def start(self, body: Body, terms: Terms, *, now: int) -> Session:
        """Raises TooManyReleases at either cap."""
        session = Session(
            session_id=self._mark + secrets.token_urlsafe(24),
            body=body,
            terms=terms,
            expires=min(terms.expires, now + LONGEST_SECONDS),
            last_used=now,
        )
        allowed = MAX_OF_NOBODY if terms.subject is None else MAX_PER_CALLER
        with self._lock:
            if self._held[terms.subject] >= allowed or len(self._open) >= MAX_SESSIONS:
                raise TooManyReleases("Too many releases are open. Finish or wait, then ask again.")
            self._open[session.session_id] = session
            self._held[terms.subject] += 1
        return session

    def longest_unused_of_nobody(self) -> Session | None:
        """What must make room before another may start; None while there is room."""
        with self._lock:
            if self._held[None] < MAX_OF_NOBODY:
                return None
            # the order is that of last use: `_used` moves a session to the end
            return next(one for one in self._open.values() if one.terms.subject is None)

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
            if not 0 <= total <= session.terms.byte_budget or now >= session.expires:
                raise AddressRefused("This release covers no more bytes. Ask for a new ticket.")
            return self._used(session, total, now=now)

    def give_back(self, session_id: str, unsent_bytes: int, *, now: int) -> None:
        """After a request; a session that has ended meanwhile is left as it is."""
        with self._lock:
            session = self._open.get(session_id)
            if session is not None and (unsent_bytes or session.last_used != now):
                self._used(session, session.charged_bytes - unsent_bytes, now=now)

    def end(self, session_id: str) -> Session | None:
        """The session as it was, once; None for everyone who comes later."""
        with self._lock:
            ended = self._open.pop(session_id, None)
            if ended is not None:
                self._held[ended.terms.subject] -= 1
                if not self._held[ended.terms.subject]:
                    del self._held[ended.terms.subject]
            return ended

    def over(self, *, now: int) -> tuple[tuple[Session, End], ...]:
        """Sessions whose time has come, and why; they are still to be ended."""
        with self._lock:
            ended = [(session, session.end_at(now)) for session in self._open.values()]
        return tuple((session, end) for session, end in ended if end is not None)

    def all(self) -> tuple[Session, ...]:
        with self._lock:
            return tuple(self._open.values())

    def _used(self, session: Session, charged_bytes: int, *, now: int) -> Session:
        changed = replace(session, charged_bytes=charged_bytes, last_used=now)
        del self._open[session.session_id]
        self._open[session.session_id] = changed
        return changed
