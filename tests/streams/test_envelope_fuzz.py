"""A fuzzer of so many runs: sound files are changed, and only our errors come out.

The seed is named where it fails; with SKERRY_FUZZ_SECONDS it is drawn anew, and more files are
tried. Memory stays bounded whatever a length field promises.
"""

from __future__ import annotations

import io
import random
import struct
import time
import tracemalloc
from collections.abc import Callable

from schemas.errors import SkerryError
from streams import envelope
from streams.header import MAX_HEADER, open_header, read_header, seal_header
from streams.keys import SecretKey
from tests.support.guided_fuzz import LONGEST_RUN, RUNS, SECONDS, campaign_seed

MEMORY = 8 * 1024 * 1024
ME, OTHER = SecretKey.generate(), SecretKey.generate()
EXTREMES = (0, 1, 7, 8, 71, 72, 107, 108, 1024, 1025, 2**16, 2**20, 2**31, 2**32 - 1)


def sound(random_: random.Random) -> bytes:
    keys = [random_.randbytes(32) for _ in range(random_.randint(1, 3))]
    readers = [ME.public, OTHER.public][: random_.randint(1, 2)]
    edits = [random_.choice(EXTREMES) for _ in range(random_.randint(0, 4))]
    body = io.BytesIO()
    size = random_.choice((0, 1, 29, envelope.SEGMENT, envelope.SEGMENT + 1))
    envelope.seal_body(io.BytesIO(bytes(size)), body, random_.choice(keys))
    header = seal_header(keys, readers, edit_list=random_.choice((None, edits)))
    return header + body.getvalue()


def flip(raw: bytearray, random_: random.Random) -> None:
    for _ in range(random_.randint(1, 8)):
        raw[random_.randrange(min(len(raw), 400))] = random_.randrange(256)


def cut(raw: bytearray, random_: random.Random) -> None:
    del raw[random_.randrange(len(raw)) :]


def lie(raw: bytearray, random_: random.Random) -> None:
    """A length or count field says something else."""
    place = random_.choice((8, 12, 16, 20, 16 + 108))
    if place + 4 <= len(raw):
        raw[place : place + 4] = struct.pack("<I", random_.choice(EXTREMES))


def repeat(raw: bytearray, random_: random.Random) -> None:
    start = random_.randrange(len(raw))
    raw[start:start] = raw[start : start + random_.randint(1, 300)]


CHANGES: tuple[Callable[[bytearray, random.Random], None], ...] = (flip, cut, lie, repeat)


def attempt(raw: bytes) -> None:
    stream = io.BytesIO(raw)
    opened = open_header(read_header(stream), [OTHER, ME])
    envelope.open_body(stream, io.BytesIO(), opened)


def test_changed_files_are_opened_or_refused_within_bounds() -> None:
    seed = campaign_seed()
    random_, refused, tried = random.Random(seed), 0, 0  # noqa: S311 - repeatable noise
    until = time.monotonic() + SECONDS
    tracemalloc.start()
    try:
        while tried < RUNS or time.monotonic() < until:
            raw = bytearray(sound(random_))
            for change in random_.sample(CHANGES, random_.randint(1, 2)):
                if raw:
                    change(raw, random_)
            began, before = time.process_time(), tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            try:
                attempt(bytes(raw))
            except SkerryError:
                refused += 1
            except Exception as error:
                error.add_note(f"seed {seed}, file {tried}")
                raise
            assert time.process_time() - began < LONGEST_RUN, seed
            assert tracemalloc.get_traced_memory()[1] - before < MEMORY + MAX_HEADER, seed
            tried += 1
    finally:
        tracemalloc.stop()
    assert refused > tried // 4, "the changes must reach the refusals"
