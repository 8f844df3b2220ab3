"""Results for the browser that asked: to keep, or to ask one node of them again.

In memory, for minutes, under the search's unguessable id: like the search itself, nowhere else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from portal.asking.answer import NodeAnswer
from portal.errors import SearchGone
from portal.questions.question import Question
from portal.settings import Limits
from portal.visitors import Owner, Visitor
from schemas.messages import Message

_ROW_BYTES, _SET_BYTES, _VARIANT_BYTES = 700, 400, 64


@dataclass(slots=True)
class Result:
    """The rows that arrived so far, of `asked` nodes; `when` is an RFC 3339 time."""

    question: Question
    asked: int
    when: str
    owner: Owner = field(repr=False)
    until: float
    by_node: dict[str, NodeAnswer] = field(default_factory=dict)
    room: int = 0

    @property
    def rows(self) -> list[NodeAnswer]:
        return list(self.by_node.values())

    @property
    def whole(self) -> bool:
        return len(self.by_node) == self.asked

    def put(self, row: NodeAnswer) -> None:
        """In the place of that node's earlier row, if it has one."""
        self.by_node[row.url] = row

    @property
    def size(self) -> int:
        """What it takes in memory, roughly."""
        sets = [one for row in self.by_node.values() for one in row.sets]
        variants = sum(len(one.variations) for one in sets)
        return _ROW_BYTES * self.asked + _SET_BYTES * len(sets) + _VARIANT_BYTES * variants


class Results:
    def __init__(self, *, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._kept: OrderedDict[str, Result] = OrderedDict()
        self._bytes = 0

    def open(
        self, search_id: str, question: Question, visitor: Visitor, *, asked: int, when: str
    ) -> Result:
        """A result to fill; `keep` it again once it is whole."""
        until = self._clock() + self._limits.search_seconds
        result = Result(question, asked, when, visitor.owner, until)
        self.keep(search_id, result)
        return result

    def keep(self, search_id: str, result: Result) -> None:
        """The oldest make room; a result larger than all room is not kept."""
        self._forget(search_id)
        result.room = result.size
        self._kept[search_id] = result
        self._bytes += result.room
        while self._bytes > self._limits.results_bytes or self._stale():
            self._forget(next(iter(self._kept)))

    def get(self, search_id: str, visitor: Visitor) -> Result:
        """Raises `SearchGone` for anyone but the browser and the sign-in that asked."""
        kept = self._kept.get(search_id)
        if kept is None or kept.until <= self._clock() or not kept.owner.same(visitor.owner):
            raise SearchGone(Message("This result is no longer kept. Ask again."))
        return kept

    def _stale(self) -> bool:
        return bool(self._kept) and next(iter(self._kept.values())).until <= self._clock()

    def _forget(self, search_id: str) -> None:
        if (kept := self._kept.pop(search_id, None)) is not None:
            self._bytes -= kept.room
