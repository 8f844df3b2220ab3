"""How often one caller may ask: a steady rate and a burst, by who asks, at all workers together.

The generic cell rate algorithm: all that is known of a caller is when the last of their requests
would have come at the steady rate. That is a number in a table which the processes of a node share,
under a keyed hash of who they are. Two workers that count at the same instant may let one request
pass uncounted, and of very many callers the one nearest to being free again is forgotten first:
these are limits on use, not allowances (those are the ledger's).
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv6Address
from pathlib import Path
from typing import NamedTuple

from fastapi import Request

from access.caller import Caller
from access.errors import TooFast
from passports.researcher import Researcher
from schemas.errors import Unauthenticated
from schemas.passport import VisaType

BURST_SECONDS = 20
SLOTS = 1 << 16
PROBES = 8
MAX_TAGS = 4096
_SLOT = struct.Struct("=QQ")  # who, and when their requests would have come (ns)
_MINUTE, _DAY = 60 * 10**9, 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests; 0 is no limit. `portals` are addresses whose users are limited there. A verifier of
    Beacons walks all lists at once, without a credential: some eighty requests."""

    public_per_minute: int = 240
    registered_per_minute: int = 300
    registered_per_day: int = 5_000
    controlled_per_minute: int = 1_000
    portals: frozenset[str] = frozenset()


class Rate(NamedTuple):
    """A request each so often, and how far ahead of that a burst may run."""

    every_ns: int
    ahead_ns: int

    @classmethod
    def of(cls, most: int, *, day: bool = False) -> Rate | None:
        """None is no limit."""
        if not most:
            return None
        every_ns = (_DAY if day else _MINUTE) // most
        burst = most if day else max(1, most * BURST_SECONDS // 60)
        return cls(every_ns, (burst - 1) * every_ns)


class Counts:
    """The table, in a file where several processes share it."""

    def __init__(self, path: Path | None = None, *, key: bytes) -> None:
        self._key = key[:64]
        self._tag = lru_cache(MAX_TAGS)(self._tag_of)
        size = SLOTS * _SLOT.size
        if path is None:
            self._table = mmap.mmap(-1, size)
            return
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, size)
            self._table = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)

    def wait_ns(self, who: str, rate: Rate, *, now_ns: int) -> int:
        """0 once the request is counted, else how long until it could be."""
        tag = self._tag(who)
        at = tag % SLOTS * _SLOT.size
        held: int
        due: int
        held, due = _SLOT.unpack_from(self._table, at)
        if held != tag:  # as of a caller who is new
            at, due = self._find(tag, now_ns)
        early = due - rate.ahead_ns - now_ns
        if early > 0:
            return early
        _SLOT.pack_into(self._table, at, tag, max(due, now_ns) + rate.every_ns)
        return 0

    def _tag_of(self, who: str) -> int:
        digest = blake2b(who.encode("utf-8", "replace"), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big")

    def _find(self, tag: int, now_ns: int) -> tuple[int, int]:
        """The caller's slot, or the one nearest to being free."""
        best, best_due = 0, -1
        for probe in range(PROBES):
            at = (tag + probe) % SLOTS * _SLOT.size
            held, due = _SLOT.unpack_from(self._table, at)
            if held == tag:
                return at, due
            if best_due < 0 or due < best_due:
                best, best_due = at, due
            if not held:
                break
        return best, now_ns


class Limits:
    def __init__(
        self,
        rates: Rates,
        counts: Counts,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,  # one clock for all processes
    ) -> None:
        self._portals = rates.portals
        self._public = Rate.of(rates.public_per_minute)
        self._registered = Rate.of(rates.registered_per_minute)
        self._day = Rate.of(rates.registered_per_day, day=True)
        self._controlled = Rate.of(rates.controlled_per_minute)
        self._counts = counts
        self._clock_ns = clock_ns

    def count(self, researcher: Researcher | None, address: str | None) -> None:
        """Raises `TooFast`. No address is another process of this node, which has counted."""
        if researcher is None:
            if address is not None and address not in self._portals:
                self._count(_line(address), self._public)
            return
        who = f"person {researcher.identity}"
        if any(visa.type is VisaType.CONTROLLED_ACCESS for visa in researcher.visas):
            self._count(who, self._controlled)
        else:
            self._count(who, self._registered)
            self._count(f"day of {who}", self._day)

    def _count(self, who: str, rate: Rate | None) -> None:
        if rate is None:
            return
        wait_ns = self._counts.wait_ns(who, rate, now_ns=self._clock_ns())
        if wait_ns:
            raise TooFast(wait_seconds=-(-wait_ns // 10**9))


@lru_cache(MAX_TAGS)
def _line(address: str) -> str:
    """Who has one IPv6 address has the 2^64 of its network."""
    try:
        found = IPv6Address(address)
    except ValueError:
        return f"address {address}"
    mapped = found.ipv4_mapped
    return f"address {mapped if mapped is not None else found.packed[:8].hex()}"


def limited(caller: Caller, limits: Limits) -> Caller:
    """`caller`, counted; a credential that is not good counts for the address it came from."""

    async def who(request: Request) -> Researcher | None:
        client = request.scope["client"]
        address = None if client is None else client[0]
        try:
            researcher = await caller(request)
        except Unauthenticated:
            limits.count(None, address)
            raise
        limits.count(researcher, address)
        return researcher

    return who
