"""Keeps the list of the network's nodes: who is in it, who they must be, and what was last seen.

All are looked at together again and again (`crawl`); a node that is down keeps its last known facts
and its place. GA4GH service-registry 1.0 is served from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from portal.calls import Calls
from portal.crawl import Crawler
from portal.health import Health, HealthBook, Look
from portal.joining import Candidate, JoinBook
from portal.node import Node, unseen
from portal.pin import Pin
from portal.settings import Limits


class Registry:
    """The nodes of the settings, in their order, then those that were admitted. `beacons` are roots
    of others' Beacons."""

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
    ) -> None:
        self._crawler = Crawler(calls, limits=limits, clock=clock, own_id=own_id)
        self._limits = limits
        self._clock = clock
        self._book = book
        self._noted: dict[str, float] = {}
        places = [*((url, False) for url in urls), *((root, True) for root in beacons)]
        self._nodes = {url: unseen(url, foreign=foreign) for url, foreign in places}
        self._settled = frozenset(self._nodes)
        self._joining = joining
        self._pins: dict[str, Pin] = {}

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
        """Looks at every node at once; returns by the deadline."""
        if self._joining is not None:
            self._follow(await asyncio.to_thread(self._joining.admitted))
        looks = (self._crawler.look(node, self._pins.get(node.url, Pin())) for node in self.nodes)
        looked = _each_once(await asyncio.gather(*looks))
        # A node that was sent away meanwhile stays away.
        self._nodes.update({node.url: node for node in looked if node.url in self._nodes})
        if self._book is not None:
            worth = [look for one in looked if (look := self._worth_noting(one)) is not None]
            await asyncio.to_thread(self._book.note, worth, now=self._clock())

    def _follow(self, admitted: Sequence[Candidate]) -> None:
        """Brings the list up to date with who was admitted and who was sent away."""
        joined = {one.address: one for one in admitted if one.address not in self._settled}
        self._pins = {url: one.pin for url, one in joined.items()}
        for gone in self._nodes.keys() - self._settled - joined.keys():
            del self._nodes[gone]
        for url, one in joined.items():
            # Who must prove a key is not asked before it has.
            barred = "It has not been looked at yet." if one.pin.key else ""
            self._nodes.setdefault(url, unseen(url, foreign=one.is_beacon, barred=barred))

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
        """Runs until cancelled; quick again while some node has never been seen."""
        while True:
            await self.refresh()
            never = any(not node.id for node in self.nodes)
            await asyncio.sleep(2.0 if never else self._limits.refresh_seconds)


def _each_once(looked: Sequence[Node]) -> list[Node]:
    """Bars what is a node of the list again at another address: its people would count twice."""
    first: dict[str, Node] = {}
    kept = []
    for node in looked:
        known = first.setdefault(node.id, node) if node.id and not node.problem else node
        if known is not node:
            again = f"It is {known.name} again, at another address."
            node = replace(node, barred=again, problem=again)
        kept.append(node)
    return kept
