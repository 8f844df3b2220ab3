"""A fuzzer guided by coverage: an input that takes a new path through the code is changed further.

Paths are pairs of lines of the modules watched, by the interpreter's own tracing. Ends after so
many runs, the same on every machine, or after as many seconds as `SKERRY_FUZZ_SECONDS` says; a
failure names the seed and shows the input.
"""

from __future__ import annotations

import os
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from schemas.errors import SkerryError

SECONDS = float(os.environ.get("SKERRY_FUZZ_SECONDS", "0"))
RUNS = 400  # of the usual campaign
LONGEST_RUN = 5.0  # CPU seconds
MAX_INPUT = 256 * 1024
EXTREMES = (0, 1, 4, 0x7F, 0x80, 0xFF, 0xFFFF, 2**20, 2**29, 2**31 - 1, 2**31, 2**32 - 1)

Target = Callable[[bytes], object]
Edge = tuple[str, int, int]


@dataclass(slots=True)
class Fuzzed:
    """What a campaign did; `edges` are those seen, `refused` counts our own errors."""

    runs: int = 0
    refused: int = 0
    edges: set[Edge] = field(default_factory=set)
    corpus: list[bytes] = field(default_factory=list)


def campaign_seed() -> int:
    """The same campaign each time, so that a change is judged by what it changed; a longer one is
    new."""
    if "SKERRY_FUZZ_SECONDS" in os.environ:
        return random.SystemRandom().randrange(2**32)
    return 20261


def fuzz(
    target: Target,
    sound: Sequence[bytes],
    *,
    watched: str,
    memory: int,
    longest: int = MAX_INPUT,
    runs: int = RUNS,
) -> Fuzzed:
    """Anything but a SkerryError out of `target` is a failure, as is more memory or time."""
    seed = campaign_seed()
    random_, found = random.Random(seed), Fuzzed(corpus=list(sound))  # noqa: S311
    for raw in sound:
        _run(target, raw, found, watched=watched)
    assert not found.refused, "a sound input was refused"
    known = len(found.edges)
    tracemalloc.start()
    try:
        end = time.monotonic() + SECONDS
        while found.runs < runs or time.monotonic() < end:
            raw = _changed(random_, found.corpus)[:longest]
            tracemalloc.reset_peak()
            before, began = tracemalloc.get_traced_memory()[0], time.process_time()
            try:
                _run(target, raw, found, watched=watched)
            except Exception as error:
                error.add_note(f"seed {seed}, input {raw[:2000]!r}")
                raise
            took, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1] - before
            assert peak < memory, (
                f"{peak} bytes held of {len(raw)}; seed {seed}, input {raw[:2000]!r}"
            )
            assert took < LONGEST_RUN, f"{took:.1f} s; seed {seed}, input {raw[:2000]!r}"
            if len(found.edges) > known:
                known = len(found.edges)
                found.corpus.append(raw)
    finally:
        tracemalloc.stop()
    return found


def _run(target: Target, raw: bytes, found: Fuzzed, *, watched: str) -> None:
    found.runs += 1
    with _traced(found.edges, watched):
        try:
            target(raw)
        except SkerryError:
            found.refused += 1


@contextmanager
def _traced(edges: set[Edge], watched: str) -> Any:
    last: dict[int, int] = {}

    def line(frame: FrameType, event: str, _given: object) -> Any:
        if event == "line":
            name = frame.f_code.co_name
            edges.add((name, last.get(id(frame), 0), frame.f_lineno))
            last[id(frame)] = frame.f_lineno
        elif event == "return":
            last.pop(id(frame), None)
        return line

    def call(frame: FrameType, _event: str, _given: object) -> Any:
        return line if watched in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield
    finally:
        sys.settrace(before)


def _changed(random_: random.Random, corpus: Sequence[bytes]) -> bytes:
    raw = bytearray(random_.choice(corpus))
    for _ in range(random_.choice((1, 1, 1, 2, 4))):
        random_.choice(_WAYS)(raw, random_, corpus)
    return bytes(raw)


def _place(raw: bytearray, random_: random.Random) -> int:
    """More often near the beginning, where lengths stand."""
    most = len(raw) if random_.random() < 0.5 else min(len(raw), 64)
    return random_.randrange(most + 1)


def _flip(raw: bytearray, random_: random.Random, _corpus: Sequence[bytes]) -> None:
    at = _place(raw, random_)
    raw[at : at + 1] = bytes([random_.randrange(256)])


def _lie(raw: bytearray, random_: random.Random, _corpus: Sequence[bytes]) -> None:
    at, size = _place(raw, random_), random_.choice((1, 2, 4, 4, 8))
    value = random_.choice(EXTREMES) + random_.choice((-1, 0, 0, 1))
    raw[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, "little")


def _cut(raw: bytearray, random_: random.Random, _corpus: Sequence[bytes]) -> None:
    at = _place(raw, random_)
    del raw[at : at + random_.choice((1, 4, 16, len(raw)))]


def _repeat(raw: bytearray, random_: random.Random, _corpus: Sequence[bytes]) -> None:
    at = _place(raw, random_)
    raw[at:at] = raw[at : at + random_.randint(1, 64)] * random_.choice((1, 2, 40))


def _splice(raw: bytearray, random_: random.Random, corpus: Sequence[bytes]) -> None:
    other = random_.choice(corpus)
    at = _place(raw, random_)
    raw[at:] = other[min(at, len(other)) :]


_WAYS = (_flip, _lie, _lie, _cut, _repeat, _splice)
