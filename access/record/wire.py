"""What passes between the record's writer and its clients: entries in, their numbers out.

Fixed frames, because an entry is written for every answer. A client numbers its entries, since
those that must be on disk first are answered later than others.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from access.errors import RecordUnavailable
from access.record.chain import MAX_FACTS_BYTES, Facts

REFUSED = 0  # in the place of an entry's number
MAX_KIND_BYTES = 200
ANSWER = struct.Struct("!IQ")  # the client's number, the entry's
_HEAD = struct.Struct("!I?BI")  # the client's number, durable, bytes of the kind and of the facts


@dataclass(frozen=True, slots=True)
class Asked:
    """One entry as a client sent it; nothing of it is believed."""

    number: int
    durable: bool
    kind: str
    raw_facts: bytes


def frame(number: int, kind: str, facts: Facts, *, durable: bool) -> bytes:
    name = kind.encode()
    return _HEAD.pack(number, durable, len(name), len(facts)) + name + facts


def frames(buffer: bytearray) -> Iterator[Asked]:
    """Takes every whole frame out of `buffer`. Raises `RecordUnavailable` for what is none."""
    at = 0
    while at + _HEAD.size <= len(buffer):
        number, durable, kind_bytes, facts_bytes = _HEAD.unpack_from(buffer, at)
        if kind_bytes > MAX_KIND_BYTES or facts_bytes > MAX_FACTS_BYTES:
            raise RecordUnavailable("The record can't be written.", detail="a frame too long")
        kind_at = at + _HEAD.size
        facts_at = kind_at + kind_bytes
        end = facts_at + facts_bytes
        if end > len(buffer):
            break
        kind = buffer[kind_at:facts_at].decode("ascii", "replace")
        yield Asked(number, durable, kind, bytes(buffer[facts_at:end]))
        at = end
    del buffer[:at]
