"""Searches between the form that began them and the stream that shows them.

Kept for minutes, in memory, under an unguessable id and the browser that asked; the question's
text is nowhere else (settled: searches go by POST, askers' privacy).
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from portal.errors import SearchGone
from portal.question import Question
from portal.settings import Limits
from portal.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Search:
    id: str
    question: Question
    owner: str = field(repr=False)
    session_id: str | None = field(repr=False)
    until: float


def new_id() -> str:
    """Unguessable: it is all that stands before another's search, beside the browser's cookie."""
    return secrets.token_urlsafe(24)


class Searches:
    def __init__(self, *, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._open: OrderedDict[str, Search] = OrderedDict()

    def begin(self, question: Question, visitor: Visitor) -> Search:
        now = self._clock()
        while self._open and next(iter(self._open.values())).until <= now:
            self._open.popitem(last=False)
        # A page takes its search at once, so the oldest are the abandoned ones; refusing the new
        # would let one program that never looks at its answers shut everyone out.
        while len(self._open) >= self._limits.open_searches:
            self._open.popitem(last=False)
        search = Search(
            id=new_id(),
            question=question,
            owner=visitor.key,
            session_id=visitor.session_id,
            until=now + self._limits.search_seconds,
        )
        self._open[search.id] = search
        return search

    def take(self, search_id: str, visitor: Visitor) -> Search:
        """The search, once, for the browser and the sign-in that began it."""
        search = self._open.get(search_id)
        if (
            search is None
            or search.until <= self._clock()
            or not hmac.compare_digest(search.owner.encode(), visitor.key.encode())
            or search.session_id != visitor.session_id
        ):
            raise SearchGone("This search is over. Ask again.")
        del self._open[search_id]
        return search
