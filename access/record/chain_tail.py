"""Finds the end of a record: the entries since the last checkpoint, and a line torn by a crash.

Reads backwards, so that opening a long record costs no more than its last stretch.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from access.errors import RecordBroken
from access.record.chain import CHECKPOINT, MAX_LINE, START, Head

_BLOCK = 256 * 1024
MAX_TAIL = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tail:
    """`lines` starts with the last checkpoint, or with the first entry where there is none, and
    follows on `before`; `size` is where the last whole line ends, `torn` what stands after it."""

    before: Head
    lines: tuple[bytes, ...]
    size: int
    torn: bytes

    @property
    def head(self) -> Head:
        if not self.lines:
            return self.before
        last = json.loads(self.lines[-1])
        return Head(last["seq"], last["hash"])

    @property
    def since_checkpoint(self) -> int:
        return len(self.lines) - 1 if self.lines and _checkpoint(self.lines[0]) else len(self.lines)


def read_tail(descriptor: int) -> Tail:
    """Raises `RecordBroken` when no chain can be told from the bytes."""
    end = os.fstat(descriptor).st_size
    start, data = end, b""
    lines: list[bytes] = []
    while start > 0 and len(data) < MAX_TAIL:
        step = min(_BLOCK if not data else len(data), start)
        start -= step
        data = os.pread(descriptor, step, start) + data
        lines = _whole_lines(data, from_start=start == 0)
        at = _last_checkpoint(lines)
        if at is not None:
            lines = lines[at:]
            break
    torn = data[data.rfind(b"\n") + 1 :]
    if start > 0 and not (lines and _checkpoint(lines[0])):
        raise RecordBroken("The record does not verify.", detail="no checkpoint near its end")
    before = _before(lines[0]) if lines and _checkpoint(lines[0]) else START
    return Tail(before=before, lines=tuple(lines), size=end - len(torn), torn=torn)


def _whole_lines(data: bytes, *, from_start: bool) -> list[bytes]:
    lines = data.split(b"\n")[:-1]
    return lines if from_start else lines[1:]


def _last_checkpoint(lines: list[bytes]) -> int | None:
    return next((i for i in range(len(lines) - 1, -1, -1) if _checkpoint(lines[i])), None)


def _checkpoint(line: bytes) -> bool:
    return f'"kind":"{CHECKPOINT}"'.encode() in line


def _before(line: bytes) -> Head:
    """The head that a checkpoint says it follows; its signature is what proves it."""
    try:
        facts = json.loads(line[:MAX_LINE])["facts"]
        return Head(int(facts["seq"]), str(facts["head"]))
    except (ValueError, TypeError, KeyError) as error:
        raise RecordBroken("The record does not verify.", detail="last checkpoint") from error
