"""Looks at one node: asks for what it says of itself and reads it into a `Node`.

Beacon v2.2 framework endpoints of any server; /info must be there, what else is missing is only not
known of it. Which nodes are looked at, and when, is `registry`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from passports.identity import Identity
from portal.asking.answer import OUTCOMES
from portal.asking.calls import Calls, NoReply, Reply
from portal.asking.foreign import items, members, text
from portal.nodes.node import Abilities, Dataset, Node, Term
from portal.nodes.pin import HeldKey, Pin, show
from portal.settings import Limits
from schemas.messages import Message
from schemas.sequences import canonical_assembly

MAX_DATASETS = 1_000
MAX_TERMS = 20_000
MAX_VALUES = 200
MAX_PARENTS = 20  # of one term; real ontologies have fewer
DATASETS_PATH = "/datasets?requestedGranularity=record&limit=0"
_LOOKED_AT = ("/info", DATASETS_PATH, "/filtering_terms?limit=0", "/map")
_EVERY_DATASET = {
    "meta": {"apiVersion": "v2.0"},
    "query": {"requestedGranularity": "record", "pagination": {"skip": 0, "limit": 0}},
}


class Crawler:
    """`own_id` is this network's, which is not asked as a node of itself."""

    def __init__(
        self, calls: Calls, *, limits: Limits, clock: Callable[[], float], own_id: str
    ) -> None:
        self._calls = calls
        self._limits = limits
        self._clock = clock
        self._own_id = own_id

    async def look(self, node: Node, pin: Pin) -> Node:
        """By the deadline. A node that does not answer keeps what is known of it; one that is not
        who the `pin` says is barred until it is again."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline = started + self._limits.deadline_seconds
        replies, shown = await asyncio.gather(
            asyncio.gather(*(self._get(node.root, path, deadline) for path in _LOOKED_AT)),
            self._shown(node, deadline),
        )
        taken = round((loop.time() - started) * 1000)
        looked = replace(node, checked=self._clock(), latency_ms=None, keys=pin.keys)
        if isinstance(replies[0], NoReply | str):
            return self._without_info(looked, pin, shown, why=replies[0])
        # A Beacon must have /info; what else it lacks is only not known of it.
        info, datasets, terms, served = (
            members(members(reply).get("response")) for reply in replies
        )
        named = text(info.get("id"))
        if other := pin.other_name(named):
            return replace(looked, barred=other, problem=other)
        keys: tuple[HeldKey, ...] | Message = ()
        if shown is not None:
            keys = pin.meet(shown, address=node.url, named=named, now=int(self._clock()))
        if isinstance(keys, Message):
            return replace(looked, barred=keys, problem=keys)
        if self._own_id and named == self._own_id:
            return replace(looked, problem=Message("It is this network itself, and is not asked."))
        looked = replace(looked, latency_ms=taken, keys=keys)
        seen = _described(looked, info, datasets, terms)
        return replace(seen, abilities=_abilities(members(info.get("info")), served, seen.datasets))

    def _without_info(
        self, looked: Node, pin: Pin, shown: Identity | str | None, *, why: NoReply | str
    ) -> Node:
        """One that is down stays as it was known; whoever is there and is not the one does not get
        round the proof by answering nothing else."""
        problem = _outcome(why) if isinstance(why, NoReply) else why
        is_down = isinstance(why, NoReply) and isinstance(shown, str)
        if pin.keys and shown is not None and not is_down:
            now = int(self._clock())
            met = pin.meet(shown, address=looked.url, named=looked.id, now=now)
            if isinstance(met, Message):
                return replace(looked, barred=met, problem=met)
        return replace(looked, problem=problem)

    async def _shown(self, node: Node, deadline: float) -> Identity | str | None:
        return None if node.foreign else await show(self._calls, node.url, deadline=deadline)

    async def _get(self, root: str, path: str, deadline: float) -> object:
        """The document, or why there is none: a `str` of what was answered instead."""
        reply = await self._calls.send("GET", root + path, deadline=deadline)
        if path == DATASETS_PATH and isinstance(reply, Reply) and reply.status in (404, 405):
            # Some Beacons list their datasets to a POST alone.
            reply = await self._calls.send(
                "POST", f"{root}/datasets", deadline=deadline, body=_EVERY_DATASET
            )
        if isinstance(reply, NoReply):
            return reply
        if reply.status != 200 or not isinstance(reply.document, dict):
            return Message("error: %(path)s is not served.", path=path.partition("?")[0])
        return reply.document


def _outcome(reply: NoReply) -> Message:
    return Message("%(outcome)s: %(reason)s", outcome=OUTCOMES[reply.outcome], reason=reply.reason)


def _described(
    node: Node,
    info: Mapping[str, object],
    datasets: Mapping[str, object],
    terms: Mapping[str, object],
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
        parents=_texts(raw.get("parents"))[:MAX_PARENTS],
    )
