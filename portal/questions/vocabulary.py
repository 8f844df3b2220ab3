"""The terms of all nodes together, to choose from: by id, label and synonym.

The union of what nodes list (Beacon v2.2 filtering terms), with how many nodes know each and, of
the hierarchies they state (`parents`), how many terms it covers: a question for a term asks for
those below it too. Made anew when the registry saw something new; asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from portal.nodes.node import Node, Term
from portal.nodes.registry import Registry
from portal.questions.terms import as_written, unread
from schemas.messages import Message, following, plural

MAX_FOUND = 12
MAX_TYPED = 100
MAX_BELOW = 2_000  # counted; a node may state any hierarchy


@dataclass(frozen=True, slots=True)
class Entry:
    """`typed` is what goes into the field; `nodes` how many know it."""

    typed: str
    label: str
    nodes: int
    words: tuple[str, ...] = field(repr=False)  # lower case, the id first


@dataclass(frozen=True, slots=True)
class Offer:
    """A term as people are told of it; `below` it are as many as are listed, up to one more than
    are counted."""

    typed: str
    label: str
    nodes: int
    below: int

    @property
    def note(self) -> Message:
        known = plural("at %(count)s node", "at %(count)s nodes", count=self.nodes)
        if not self.below:
            return known
        if self.below > MAX_BELOW:
            covers = Message("and more than %(count)s terms below it", count=MAX_BELOW)
        else:
            covers = plural(
                "and %(count)s term below it", "and %(count)s terms below it", count=self.below
            )
        return following(known, covers, by=", ")


class Vocabulary:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen: tuple[tuple[Term, ...], ...] = ()
        self._entries: Mapping[str, Entry] = {}
        self._children: Mapping[str, Sequence[str]] = {}
        self._below: dict[str, int] = {}

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._known.values())

    @property
    def _known(self) -> Mapping[str, Entry]:
        nodes = self._registry.nodes
        listed = tuple(node.terms for node in nodes)
        if listed != self._seen:
            self._entries = {one.typed: one for one in gathered(nodes)}
            self._children = children(nodes)
            self._below = {}
        self._seen = listed
        return self._entries

    def find(self, typed: str) -> list[Offer]:
        return [self._offer(entry) for entry in found(self.entries, typed)]

    def listed(self, written: str) -> list[Offer]:
        """Those of a question's terms that some node lists."""
        known = self._known
        return [self._offer(known[one]) for one in as_written(written) if one in known]

    def instead(self, written: str) -> tuple[str, list[tuple[str, Offer]]]:
        """What of terms somebody wrote is none, and what fits it: each with the whole text that
        has it instead."""
        text, others = unread(written)
        fitting = self.find(text)
        return text, [(", ".join((*others, one.typed)), one) for one in fitting]

    def _offer(self, entry: Entry) -> Offer:
        if entry.typed not in self._below:
            self._below[entry.typed] = below(self._children, entry.typed)
        return Offer(entry.typed, entry.label, entry.nodes, self._below[entry.typed])


def gathered(nodes: Sequence[Node]) -> tuple[Entry, ...]:
    """Terms of people, each once; a field with few values gives one entry per value."""
    made: dict[str, dict[str, None]] = {}
    labels: dict[str, str] = {}
    known: dict[str, set[str]] = {}
    for node in nodes:
        for term in _of_people(node):
            for typed in _typed(term):
                made.setdefault(typed, {}).update(dict.fromkeys(term.synonyms))
                labels.setdefault(typed, term.label)
                known.setdefault(typed, set()).add(node.url)
    return tuple(
        Entry(
            typed=typed,
            label=labels[typed],
            nodes=len(known[typed]),
            words=tuple(word.lower() for word in (typed, labels[typed], *synonyms) if word),
        )
        for typed, synonyms in sorted(made.items())
    )


def children(nodes: Sequence[Node]) -> Mapping[str, Sequence[str]]:
    """The listed terms directly below each, by all nodes' hierarchies together."""
    made: dict[str, dict[str, None]] = {}
    for node in nodes:
        for term in _of_people(node):
            for parent in term.parents:
                made.setdefault(parent, {})[term.id] = None
    return {parent: tuple(terms) for parent, terms in made.items()}


def below(children: Mapping[str, Sequence[str]], term: str) -> int:
    """How many terms lie under this one, each once; it counts no further than one past
    `MAX_BELOW`, and a hierarchy that runs in a circle ends."""
    seen, waiting = {term}, [term]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in seen:
                seen.add(child)
                waiting.append(child)
            if len(seen) > MAX_BELOW + 1:
                return MAX_BELOW + 1
    return len(seen) - 1


def _of_people(node: Node) -> list[Term]:
    return [term for term in node.terms if not term.scopes or "individual" in term.scopes]


def _typed(term: Term) -> list[str]:
    if term.type == "alphanumeric":
        return [f"{term.id} = {value}" for value in term.values]
    return [term.id]


def found(entries: Sequence[Entry], typed: str) -> list[Entry]:
    """The best first: the beginning of an id or name, then of a word in it, then anywhere."""
    sought = " ".join(typed.lower().split())[:MAX_TYPED]
    if not sought:
        return []
    ranked = [(rank, entry) for entry in entries if (rank := _rank(entry, sought)) is not None]
    ranked.sort(key=lambda one: (one[0], -one[1].nodes, len(one[1].label), one[1].typed))
    return [entry for _, entry in ranked[:MAX_FOUND]]


def _rank(entry: Entry, sought: str) -> int | None:
    if any(word.startswith(sought) for word in entry.words):
        return 0
    if any(f" {sought}" in word or f":{sought}" in word for word in entry.words):
        return 1
    return 2 if any(sought in word for word in entry.words) else None
