"""Finished results, for the browser that asked, until they are downloaded or forgotten.

In memory, for minutes, under the search's unguessable id: like the search itself, nowhere else.
"""

from __future__ import annotations

import hmac
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from portal.errors import SearchGone
from portal.settings import Limits
from portal.visitors import Visitor


@dataclass(frozen=True, slots=True)
class _Kept:
    owner: str = field(repr=False)
    session_id: str | None = field(repr=False)
    until: float
    raw: bytes


class Results:
    def __init__(self, *, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def keep(self, search_id: str, visitor: Visitor, document: Mapping[str, object]) -> None:
        """The oldest make room; a document larger than all room is not kept."""
        raw = json.dumps(document, separators=(",", ":")).encode()
        until = self._clock() + self._limits.search_seconds
        self._forget(search_id)
        self._kept[search_id] = _Kept(visitor.key, visitor.session_id, until, raw)
        self._bytes += len(raw)
        while self._bytes > self._limits.results_bytes or self._stale():
            self._forget(next(iter(self._kept)))

    def get(self, search_id: str, visitor: Visitor) -> dict[str, object]:
        """Raises `SearchGone` for anyone but the browser and the sign-in that asked."""
        kept = self._kept.get(search_id)
        if (
            kept is None
            or kept.until <= self._clock()
            or not hmac.compare_digest(kept.owner.encode(), visitor.key.encode())
            or kept.session_id != visitor.session_id
        ):
            raise SearchGone("This result is no longer kept. Ask again.")
        found: dict[str, object] = json.loads(kept.raw)
        return found

    def _stale(self) -> bool:
        return bool(self._kept) and next(iter(self._kept.values())).until <= self._clock()

    def _forget(self, search_id: str) -> None:
        if (kept := self._kept.pop(search_id, None)) is not None:
            self._bytes -= len(kept.raw)
