"""Keeps the list of the network's nodes: who is in it, who they must be, and what was last seen.

All are looked at together again and again (`crawl`); a node that is down keeps its last known facts
and its place. A key that a node is held to is written down (`held_keys`) before the node is asked
by it; without a file it is held until the portal ends.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from portal.asking.calls import Calls
from portal.nodes.crawl import Crawler
from portal.nodes.health import Health, HealthBook, Look
from portal.nodes.held_keys import HeldKeys
from portal.nodes.joining import Candidate, JoinBook
from portal.nodes.node import Node, unseen
from portal.nodes.pin import HeldKey, How, Pin
from portal.settings import Limits
from schemas.messages import Message

_LOG = logging.getLogger(__name__)
_AGAIN_SECONDS = 2.0


class Registry:
    """The nodes of the settings, in their order, then those that were admitted. `beacons` are roots
    of others' Beacons, `named` are keys that the settings name."""

    def __init__(
        self,
        urls: Sequence[str],
        calls: Calls,
        *,
        limits: Limits,
        clock: Callable[[], float],
        beacons: Sequence[str] = (),
        own_id: str = "",
        book: HealthBook | None = None,
        joining: JoinBook | None = None,
        held: HeldKeys | None = None,
        named: Mapping[str, str] | None = None,
    ) -> None:
        self._crawler = Crawler(calls, limits=limits, clock=clock, own_id=own_id)
        self._limits = limits
        self._clock = clock
        self._book = book
        self._noted: dict[str, float] = {}
        self._joining = joining
        self._held = held
        self._ids: dict[str, str] = {}
        keys = _with_named(held.all() if held is not None else {}, named or {}, now=int(clock()))
        places = [*((url, False) for url in urls), *((root, True) for root in beacons)]
        self._nodes = {
            url: unseen(url, foreign=foreign, keys=() if foreign else keys.get(url, ()))
            for url, foreign in places
        }
        self._settled = frozenset(self._nodes)
        if held is not None:
            held.note({url: keys[url] for url in named or {}}, known=held.all())

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(self._nodes.values())

    @property
    def own(self) -> tuple[Node, ...]:
        """Those with doors for requests and rights beside their Beacon."""
        return tuple(node for node in self.nodes if not node.foreign)

    def by_slug(self, slug: str) -> Node | None:
        return next((node for node in self.nodes if node.slug == slug), None)

    async def refresh(self) -> None:
        """Looks at every node at once; returns by the deadline. Raises `sqlite3.Error`."""
        keys = await self._keys()
        if self._joining is not None:
            self._follow(await asyncio.to_thread(self._joining.admitted), keys)
        pins = {url: Pin(self._ids.get(url, ""), keys.get(url, ())) for url in self._nodes}
        looks = (self._crawler.look(node, pins[node.url]) for node in self.nodes)
        looked = _each_once(await asyncio.gather(*looks))
        if self._held is not None:
            seen = {node.url: node.keys for node in looked if node.url in self._nodes}
            await asyncio.to_thread(self._held.note, seen, known=keys)
        # A node that was sent away meanwhile stays away.
        self._nodes.update({node.url: node for node in looked if node.url in self._nodes})
        if self._book is not None:
            worth = [look for one in looked if (look := self._worth_noting(one)) is not None]
            await asyncio.to_thread(self._book.note, worth, now=self._clock())

    async def _keys(self) -> Mapping[str, tuple[HeldKey, ...]]:
        """By address; of no plain Beacon, which has none."""
        if self._held is None:
            return {node.url: node.keys for node in self.nodes}
        return await asyncio.to_thread(self._held.all)

    def _follow(
        self, admitted: Sequence[Candidate], keys: Mapping[str, tuple[HeldKey, ...]]
    ) -> None:
        """Brings the list up to date with who was admitted and who was sent away."""
        joined = {one.address: one for one in admitted if one.address not in self._settled}
        self._ids = {url: one.beacon_id or "" for url, one in joined.items()}
        for gone in self._nodes.keys() - self._settled - joined.keys():
            del self._nodes[gone]
        for url, one in joined.items():
            made = unseen(url, foreign=one.is_beacon, keys=keys.get(url, ()))
            self._nodes.setdefault(url, made)

    def _worth_noting(self, node: Node) -> Look | None:
        """Nodes never seen are looked at again and again: such looks count once in a while, or
        starting together would make everyone look bad."""
        last = self._noted.setdefault(node.url, node.checked)
        soon = node.checked - last < self._limits.refresh_seconds
        if soon and node.problem and not node.id:
            return None
        self._noted[node.url] = node.checked
        return Look(node.url, int(node.checked), node.latency_ms, node.problem)

    async def health(self) -> dict[str, Health]:
        """Of the last 30 days, by address; nothing where none is kept."""
        if self._book is None:
            return {}
        found = {url: await asyncio.to_thread(self._book.of, url) for url in self._nodes}
        return {url: health for url, health in found.items() if health is not None}

    async def keep_fresh(self) -> None:
        """Runs until cancelled; quick again while some node has never been seen, or while what was
        seen cannot be written down: then nodes stay as they were known."""
        while True:
            try:
                await self.refresh()
                soon = any(not node.id for node in self.nodes)
            except sqlite3.Error:
                _LOG.exception("the portal's files of its nodes cannot be used")
                soon = True
            await asyncio.sleep(_AGAIN_SECONDS if soon else self._limits.refresh_seconds)


def _with_named(
    held: Mapping[str, tuple[HeldKey, ...]], named: Mapping[str, str], *, now: int
) -> dict[str, tuple[HeldKey, ...]]:
    """What the settings name counts from when they first named it."""
    keys = dict(held)
    for url, key in named.items():
        before = keys.get(url, ())
        said = [one.key for one in before if one.how is How.NAMED]
        if said[-1:] != [key]:
            keys[url] = (*before, HeldKey(key, How.NAMED, now))
    return keys


def _each_once(looked: Sequence[Node]) -> list[Node]:
    """Bars what is a node of the list again at another address: its people would count twice."""
    first: dict[str, Node] = {}
    kept = []
    for node in looked:
        known = first.setdefault(node.id, node) if node.id and not node.problem else node
        if known is not node:
            again = Message("It is %(node)s again, at another address.", node=known.name)
            node = replace(node, barred=again, problem=again)
        kept.append(node)
    return kept
