"""A node of the network as values: what it said of itself, its datasets and terms, and since when.

Of Beacon v2.2 `info`, `datasets`, `filtering_terms` and `map`, with what only some servers add.
Fetching and reading them is `crawl`'s, which nodes there are is `registry`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from portal.asking.foreign import text
from portal.asking.one_node import Target
from portal.nodes.pin import HeldKey
from schemas.messages import Message


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
    parents: tuple[str, ...] = ()  # the terms directly above it, as the node says


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
    keys: tuple[HeldKey, ...] = ()  # it was held to, the last one is now
    problem: str = Message("Not looked at yet.")
    checked: float = 0.0
    latency_ms: int | None = None

    @property
    def root(self) -> str:
        return Target(self.url, self.name, foreign=self.foreign).root

    @property
    def known_by(self) -> Message:
        """What says that it is the one, in short."""
        if self.foreign:
            return Message("has no key: known by its address alone")
        return self.keys[-1].in_short if self.keys else Message("has proved no key yet")

    @property
    def target(self) -> Target:
        edition = " ".join(f"{one.id}={one.version}" for one in self.datasets)
        return Target(
            self.url, self.name, self.barred, edition=edition, foreign=self.foreign, id=self.id
        )


def unseen(url: str, *, foreign: bool, keys: tuple[HeldKey, ...] = ()) -> Node:
    """Before the first look. Who must prove a key is not asked before it has."""
    barred = Message("It has not been looked at yet.") if keys else ""
    slug = slug_of(url)
    return Node(url=url, slug=slug, name=slug, foreign=foreign, keys=keys, barred=barred)


def slug_of(url: str) -> str:
    """As a node is named in addresses of pages."""
    return re.sub(r"[^a-z0-9]+", "-", url.partition("://")[2].lower()).strip("-")
