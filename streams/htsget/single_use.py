"""Tickets of `skerry fetch`: good once, for a minute, and only for who holds the workspace's key.

Ours, beside htsget 1.3.0, where the answer itself is the release. A ticket says nothing but that
its bearer may ask; it is sealed to the workspace's registered key as a Crypt4GH file, so that a
stolen token alone opens nothing. Who may have what is decided when it is issued and again when it
is used.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from dataclasses import dataclass, field, replace

from passports.researcher import Researcher
from schemas.htsget import TicketAnswer, TicketText
from streams.envelope import sealed_whole
from streams.errors import NoSuchSession, TooManyReleases
from streams.htsget.desk import TicketDesk, Wanted

TICKET_SECONDS = 60
MAX_TICKETS = 20_000
MAX_PER_CALLER = 200


@dataclass(frozen=True, slots=True)
class Held:
    """What one ticket stands for."""

    researcher: Researcher
    wanted: Wanted
    recipient: bytes
    expires: int


class Tickets:
    """The tickets of one process that were not used yet. Thread-safe."""

    def __init__(self, mark: str = "") -> None:
        self._mark = mark
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}
        self._count: Counter[str] = Counter()

    def keep(self, held: Held, *, now: int) -> str:
        """Raises TooManyReleases at either cap."""
        name = self._mark + secrets.token_urlsafe(24)
        with self._lock:
            self._drop_lapsed(now)
            caller = held.researcher.identity
            if len(self._held) >= MAX_TICKETS or self._count[caller] >= MAX_PER_CALLER:
                raise TooManyReleases("Too many tickets are open. Use them or wait a minute.")
            self._held[name] = held
            self._count[caller] += 1
        return name

    def take(self, name: str, *, now: int) -> Held:
        """The ticket, which is gone then. Raises NoSuchSession, the second time too."""
        with self._lock:
            self._drop_lapsed(now)
            if name not in self._held:
                raise NoSuchSession
            return self._remove(name)

    def _drop_lapsed(self, now: int) -> None:
        # All live equally long, so that the oldest lapse first.
        while self._held and (name := next(iter(self._held))):
            if now < self._held[name].expires:
                return
            self._remove(name)

    def _remove(self, name: str) -> Held:
        held = self._held.pop(name)
        self._count[held.researcher.identity] -= 1
        if not self._count[held.researcher.identity]:
            del self._count[held.researcher.identity]
        return held


@dataclass(frozen=True, slots=True)
class SingleUse:
    """Issues tickets and opens the release of each once."""

    desk: TicketDesk
    tickets: Tickets = field(default_factory=Tickets)

    async def issue(self, researcher: Researcher | None, wanted: Wanted) -> bytes:
        """A Crypt4GH file of a `TicketText`. Raises as `TicketDesk.ticket`; nothing has left."""
        asked = await self.desk.entitled(researcher, wanted)
        now = int(self.desk.clock())
        recipient = asked.workspace.public_key
        held = Held(asked.researcher, wanted, recipient, now + TICKET_SECONDS)
        text = TicketText(
            audience=self.desk.public_url,
            object_id=asked.sealed.object_id,
            ticket=self.tickets.keep(held, now=now),
            expires=held.expires,
        )
        return sealed_whole(text.sealed_bytes(), recipient)

    async def use(self, name: str) -> TicketAnswer:
        """Raises NoSuchSession for one that was used, has lapsed or never was; else as `issue`."""
        held = self.tickets.take(name, now=int(self.desk.clock()))
        # A key that is registered by now, and was not then, is as foreign as any other.
        wanted = replace(held.wanted, client_key=held.recipient)
        return await self.desk.release(held.researcher, wanted)
