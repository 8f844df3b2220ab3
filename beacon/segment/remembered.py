"""Bitmaps of one segment that were asked for lately, up to so many bytes.

A segment never changes, so what was found once stays true; who asks is no part of it. Requests
share what they get and must not change it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

from pyroaring import BitMap

MAX_BYTES = 32 * 1024 * 1024
_EACH = 200  # what keeping one costs beside its content


class Remembered:
    """Thread-safe; two threads that miss together both look, and one of them is kept."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._left = max_bytes
        self._kept: OrderedDict[Hashable, tuple[BitMap, int]] = OrderedDict()
        self._lock = Lock()

    def of(self, key: Hashable, find: Callable[[], BitMap]) -> BitMap:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept[0]
        found = find()
        size = _EACH + len(found.serialize())
        with self._lock:
            if key not in self._kept:
                self._kept[key] = found, size
                self._left -= size
            while self._left < 0:
                _, (_, size) = self._kept.popitem(last=False)
                self._left += size
        return found
