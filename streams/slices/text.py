"""Walks the unpacked text of a stretch of BGZF blocks, record by record.

SAM specification 4.1. Holds a few blocks at a time; where a record ends is for its caller to say.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from streams.errors import SourceRefused
from streams.slices.bgzf import MAX_BLOCK, Block, virtual

MAX_RECORD = 64 * 1024 * 1024


class Placed(Protocol):
    """What was made of a record; `next` is where in the text the next one begins."""

    @property
    def next(self) -> int: ...


P = TypeVar("P", bound=Placed)


@dataclass(slots=True)
class Text:
    """The unpacked text of [begin, end), a few blocks of it at a time."""

    block_at: Callable[[int], Block]
    begin: int
    end: int
    _content: bytes = b""
    _at: int = 0
    _next0: int = 0
    _stop: int | None = None  # in the content, once that reaches so far
    _starts: list[int] = field(default_factory=list)  # in the content, of each block
    _blocks: list[int] = field(default_factory=list)

    def records(self, measure: Callable[[bytes, int], P | None]) -> Iterator[P]:
        """Each while `place` is where it begins; after the last one `place` is the end."""
        self._next0 = self.begin >> 16
        self._more()
        self._at = self.begin & (MAX_BLOCK - 1)
        while not self._is_over():
            record = measure(self._content, self._at)
            if record is None:
                self._more()
                continue
            yield record
            self._at = record.next

    def place(self) -> int:
        number = bisect_right(self._starts, self._at) - 1
        return virtual(self._blocks[number], self._at - self._starts[number])

    def _is_over(self) -> bool:
        if self._at == len(self._content) and self._next0 == self.end >> 16:
            self._more()
        return self._stop is not None and self._at >= self._stop

    def _more(self) -> None:
        """One block more; what lies behind is let go of."""
        if self._next0 > self.end >> 16 or len(self._content) - self._at > MAX_RECORD:
            raise SourceRefused("A record is longer than its place in the file.")
        block = self.block_at(self._next0)
        behind = max(0, bisect_right(self._starts, self._at) - 1)
        gone = self._starts[behind] if self._starts else 0
        self._content = self._content[gone:] + block.content
        self._at -= gone
        self._starts = [start - gone for start in self._starts[behind:]]
        self._blocks = self._blocks[behind:]
        if self._stop is not None:
            self._stop -= gone
        elif block.start0 == self.end >> 16:
            self._stop = len(self._content) - len(block.content) + (self.end & (MAX_BLOCK - 1))
        self._starts.append(len(self._content) - len(block.content))
        self._blocks.append(block.start0)
        self._next0 = block.end0
