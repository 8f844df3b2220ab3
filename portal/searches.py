"""Searches between the form that began them and the stream that shows them, and their stop button.

Kept for minutes, in memory, under an unguessable id and the browser that asked; the question's
text is nowhere else (settled: searches go by POST, askers' privacy).
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from portal.errors import SearchGone
from portal.questions.question import Question
from portal.settings import Limits
from portal.visitors import Owner, Visitor
from schemas.messages import Message


@dataclass(frozen=True, slots=True)
class Search:
    id: str
    question: Question
    owner: Owner = field(repr=False)
    until: float
    stopped: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


def new_id() -> str:
    """Unguessable: it is all that stands before another's search, beside the browser's cookie."""
    return secrets.token_urlsafe(24)


class Searches:
    def __init__(self, *, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._open: OrderedDict[str, Search] = OrderedDict()
        self._running: dict[str, Search] = {}

    def begin(self, question: Question, visitor: Visitor) -> Search:
        now = self._clock()
        while self._open and next(iter(self._open.values())).until <= now:
            self._open.popitem(last=False)
        # A page takes its search at once, so the oldest are the abandoned ones; refusing the new
        # would let one program that never looks at its answers shut everyone out.
        while len(self._open) >= self._limits.open_searches:
            self._open.popitem(last=False)
        until = now + self._limits.search_seconds
        search = Search(new_id(), question, visitor.owner, until)
        self._open[search.id] = search
        return search

    def take(self, search_id: str, visitor: Visitor) -> Search:
        """The search, once, for the browser and the sign-in that began it."""
        search = self._open.get(search_id)
        if search is None or search.until <= self._clock() or not search.owner.same(visitor.owner):
            raise SearchGone(Message("This search is over. Ask again."))
        del self._open[search_id]
        return search

    @contextmanager
    def running(self, search: Search) -> Generator[None]:
        """As long as its rows arrive, it can be stopped."""
        self._running[search.id] = search
        try:
            yield
        finally:
            self._running.pop(search.id, None)

    def stop(self, search_id: str, visitor: Visitor) -> None:
        search = self._running.get(search_id)
        if search is None or not search.owner.same(visitor.owner):
            raise SearchGone(Message("This search is over already."))
        search.stopped.set()
