"""What `skerry fetch` shows on a terminal: bytes, rate and the time left; in a pipe, nothing.

One line on standard error that is written over; the base install has no more than that. Time is an
argument of the words and not of the line.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

LOOK_SECONDS = 0.2
_UNITS = ("B", "kB", "MB", "GB", "TB")


def words(stage: str, done: int, total: int, *, seconds: float) -> str:
    """As `fetching: 12.3 of 45.6 MB, 27 %, 8.9 MB/s, 4 s left`."""
    unit = max(0, min(len(_UNITS) - 1, (len(str(max(total, 1))) - 1) // 3))
    scale = 1000**unit
    said = f"{stage}: {done / scale:.1f} of {total / scale:.1f} {_UNITS[unit]}"
    if total:
        said += f", {done * 100 // total} %"
    if seconds > 0 and done:
        rate = done / seconds
        said += f", {rate / 1e6:.1f} MB/s, {_left((total - done) / rate)} left"
    return said


def _left(seconds: float) -> str:
    whole = round(seconds)
    minutes, hours = whole // 60, whole // 3600
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


class FetchLine:
    """The line, while a fetch goes on; gone when it ends."""

    def __init__(self, to: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._to = to
        self._clock = clock
        self._shown = to.isatty()
        self._stage = ""
        self._began = self._next = 0.0
        self._skipped = self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        at: TracebackType | None,
    ) -> None:  # fmt: skip
        self._write("")

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = self._clock()
        if stage != self._stage:
            # What was there already is not what this line's rate is of.
            self._stage, self._began, self._skipped, self._next = stage, now, done, now
        if now < self._next and done < total:
            return
        self._next = now + LOOK_SECONDS
        self._write(_with_skipped(stage, done, total, self._skipped, now - self._began))

    def _write(self, text: str) -> None:
        if self._shown:
            self._to.write("\r" + text.ljust(self._width) + ("\r" if not text else ""))
            self._to.flush()
            self._width = len(text)


def _with_skipped(stage: str, done: int, total: int, skipped: int, seconds: float) -> str:
    gained = done - skipped
    return words(stage, done, total, seconds=seconds * done / gained if gained else 0.0)
