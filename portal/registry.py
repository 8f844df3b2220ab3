"""Knows the nodes of the network: their Beacon info, datasets, filtering terms, and since when.

Metadata is fetched from all nodes at once and kept with its age; a node that is down keeps its
last known facts and its place in the list. GA4GH service-registry 1.0 is served from here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from portal.answer import items, members, text
from portal.asking import Target
from portal.calls import Calls, NoReply, Reply
from portal.health import Health, HealthBook, Look
from portal.joining import Candidate, JoinBook
from portal.settings import Limits
from schemas.sequences import canonical_assembly

MAX_DATASETS = 1_000
MAX_TERMS = 20_000
MAX_VALUES = 200
DATASETS_PATH = "/datasets?requestedGranularity=record&limit=0"
_LOOKED_AT = ("/info", DATASETS_PATH, "/filtering_terms?limit=0", "/map")
_EVERY_DATASET = {
    "meta": {"apiVersion": "v2.0"},
    "query": {"requestedGranularity": "record", "pagination": {"skip": 0, "limit": 0}},
}


@dataclass(frozen=True, slots=True)
class Dataset:
    id: str
    name: str
    description: str
    level: str  # what the node says of it in info, or nothing
    version: str = ""
    assembly: str = ""
    granularity: str = ""  # what the asker would get: boolean | count | record; or not stated
    closed: bool = False  # the node says: no answer for this asker
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def described_at(self) -> str:
        """Where somebody else describes it; nothing where that is no address of the web, since the
        Beacon of others that wrote it may have written anything."""
        address = text(self.raw.get("externalUrl"))
        return address if address.startswith(("https://", "http://")) else ""


@dataclass(frozen=True, slots=True)
class Term:
    id: str
    label: str
    type: str
    scopes: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a node says it can be asked; None where it does not say."""

    doors: frozenset[str] | None = None  # paths under its root, such as g_variants
    assemblies: tuple[str, ...] | None = None
    chromosomes: tuple[str, ...] | None = None
    variant_queries: Mapping[str, bool] = field(default_factory=dict)  # type: whether any dataset


@dataclass(frozen=True, slots=True)
class Node:
    """`problem` is empty when the last look succeeded; times are epoch seconds."""

    url: str
    slug: str
    name: str
    id: str = ""
    organization: str = ""
    description: str = ""
    environment: str = ""
    version: str = ""
    datasets: tuple[Dataset, ...] = ()
    terms: tuple[Term, ...] = ()
    abilities: Abilities = Abilities()
    foreign: bool = False  # another's Beacon: its address is its root, and it gets no passports
    barred: str = ""  # why it is neither asked nor shown a Passport
    problem: str = "Not looked at yet."
    checked: float = 0.0
    latency_ms: int | None = None

    @property
    def root(self) -> str:
        return Target(self.url, self.name, foreign=self.foreign).root

    @property
    def target(self) -> Target:
        edition = " ".join(f"{one.id}={one.version}" for one in self.datasets)
        return Target(
            self.url, self.name, self.barred, edition=edition, foreign=self.foreign, id=self.id
        )


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
        self._calls = calls
        self._limits = limits
        self._clock = clock
        self._own_id = own_id
        self._book = book
        self._noted: dict[str, float] = {}
        places = [*((url, False) for url in urls), *((root, True) for root in beacons)]
        self._nodes = {url: _unseen(url, foreign=foreign) for url, foreign in places}
        self._settled = frozenset(self._nodes)
        self._joining = joining
        self._pinned: dict[str, str] = {}

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
        looked = _each_once(await asyncio.gather(*(self._look(node) for node in self.nodes)))
        # A node that was sent away meanwhile stays away.
        self._nodes.update({node.url: node for node in looked if node.url in self._nodes})
        if self._book is not None:
            looks = [look for one in looked if (look := self._worth_noting(one)) is not None]
            await asyncio.to_thread(self._book.note, looks, now=self._clock())

    def _follow(self, admitted: Sequence[Candidate]) -> None:
        """Brings the list up to date with who was admitted and who was sent away."""
        joined = {one.address: one for one in admitted if one.address not in self._settled}
        self._pinned = {url: one.beacon_id or "" for url, one in joined.items()}
        for gone in self._nodes.keys() - self._settled - joined.keys():
            del self._nodes[gone]
        for url, one in joined.items():
            self._nodes.setdefault(url, _unseen(url, foreign=one.is_beacon))

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
            unseen = any(not node.id for node in self.nodes)
            await asyncio.sleep(2.0 if unseen else self._limits.refresh_seconds)

    async def _look(self, node: Node) -> Node:
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline = started + self._limits.deadline_seconds
        replies = await asyncio.gather(
            *(self._get(node.root, path, deadline) for path in _LOOKED_AT)
        )
        taken = round((loop.time() - started) * 1000)
        if isinstance(replies[0], str):
            return replace(node, problem=replies[0], checked=self._clock(), latency_ms=None)
        # A Beacon must have /info; what else it lacks is only not known of it.
        info, datasets, terms, served = (
            members(members(reply).get("response")) for reply in replies
        )
        named = text(info.get("id"))
        if (pinned := self._pinned.get(node.url)) and named != pinned:
            barred = f"It was admitted as {pinned} and calls itself {named or 'nothing'} now."
            return replace(
                node, barred=barred, problem=barred, checked=self._clock(), latency_ms=None
            )
        if self._own_id and named == self._own_id:
            itself = "It is this network itself, and is not asked."
            return replace(node, problem=itself, checked=self._clock(), latency_ms=None)
        seen = _described(node, info, datasets, terms, now=self._clock(), taken=taken)
        return replace(seen, abilities=_abilities(members(info.get("info")), served, seen.datasets))

    async def _get(self, root: str, path: str, deadline: float) -> object:
        """The document, or a `str` that says why there is none."""
        reply = await self._calls.send("GET", root + path, deadline=deadline)
        if path == DATASETS_PATH and isinstance(reply, Reply) and reply.status in (404, 405):
            # Some Beacons list their datasets to a POST alone.
            reply = await self._calls.send(
                "POST", f"{root}/datasets", deadline=deadline, body=_EVERY_DATASET
            )
        if isinstance(reply, NoReply):
            return f"{reply.outcome}: {reply.reason}"
        if reply.status != 200 or not isinstance(reply.document, dict):
            return f"error: {path.partition('?')[0]} is not served."
        return reply.document


def _described(
    node: Node,
    info: Mapping[str, object],
    datasets: Mapping[str, object],
    terms: Mapping[str, object],
    *,
    now: float,
    taken: int,
) -> Node:
    organization = members(info.get("organization"))
    return replace(
        node,
        name=text(info.get("name")) or node.slug,
        id=text(info.get("id")) or node.slug,
        organization=text(organization.get("name")),
        description=text(info.get("description")),
        environment=text(info.get("environment")),
        version=text(info.get("version")),
        datasets=datasets_of(datasets),
        terms=tuple(_term(members(raw)) for raw in items(terms.get("filteringTerms"))[:MAX_TERMS]),
        barred="",
        problem="",
        checked=now,
        latency_ms=taken,
    )


def datasets_of(response: Mapping[str, object]) -> tuple[Dataset, ...]:
    """Collections as the standard has them; some servers send them as result sets."""
    found = list(items(response.get("collections")))
    for one in items(response.get("resultSets")):
        found.extend(items(members(one).get("results")))
    return tuple(_dataset(members(raw)) for raw in found[:MAX_DATASETS])


def _dataset(raw: Mapping[str, object]) -> Dataset:
    info = members(raw.get("info"))
    granularity = text(info.get("granularityForYou"))
    return Dataset(
        id=text(raw.get("id")),
        name=text(raw.get("name")) or text(raw.get("id")),
        description=text(raw.get("description")),
        level=text(info.get("accessLevel")) or text(info.get("level")),
        version=text(raw.get("version")),
        assembly=text(info.get("assembly")),
        granularity=granularity,
        closed="granularityForYou" in info and not granularity,
        raw=raw,
    )


def _abilities(
    info: Mapping[str, object], served: Mapping[str, object], datasets: Sequence[Dataset]
) -> Abilities:
    """From the map, and from members of `info` that only some servers have."""
    sets = members(served.get("endpointSets")).values()
    roots = [text(members(one).get("rootUrl")).rstrip("/").rpartition("/")[2] for one in sets]
    queries = members(info.get("variantQueryTypes"))
    said = _texts(info.get("assemblies")) or tuple(
        dict.fromkeys(one.assembly for one in datasets if one.assembly)
    )
    return Abilities(
        doors=frozenset(roots) if any(roots) else None,
        assemblies=tuple(canonical_assembly(one) or one for one in said) or None,
        chromosomes=_texts(info.get("referenceNames")) or None,
        variant_queries={name: bool(ids) for name, ids in queries.items()},
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(found for one in items(value)[:MAX_TERMS] if (found := text(one)))


def _term(raw: Mapping[str, object]) -> Term:
    return Term(
        id=text(raw.get("id")),
        label=text(raw.get("label")),
        type=text(raw.get("type")),
        scopes=_texts(raw.get("scopes")) or _texts([raw.get("scope")]),
        values=_texts(raw.get("values"))[:MAX_VALUES],
        synonyms=_texts(raw.get("synonyms"))[:MAX_VALUES],
    )


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


def _unseen(url: str, *, foreign: bool) -> Node:
    return Node(url=url, slug=slug_of(url), name=slug_of(url), foreign=foreign)


def slug_of(url: str) -> str:
    """As a node is named in addresses of pages."""
    return re.sub(r"[^a-z0-9]+", "-", url.partition("://")[2].lower()).strip("-")
