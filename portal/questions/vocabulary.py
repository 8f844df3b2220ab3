"""The terms of all nodes together, to choose from while typing.

The union of what nodes list (Beacon v2.2 filtering terms): by id, label and synonym, with how many
nodes know each. Made anew when the registry saw something new; asks nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from portal.nodes.node import Node, Term
from portal.nodes.registry import Registry

MAX_FOUND = 12
MAX_TYPED = 100
_SCOPES = frozenset({"", "individual"})


@dataclass(frozen=True, slots=True)
class Entry:
    """`typed` is what goes into the field; `nodes` how many know it."""

    typed: str
    label: str
    nodes: int
    words: tuple[str, ...] = field(repr=False)  # lower case, the id first


class Vocabulary:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen: tuple[tuple[Term, ...], ...] = ()
        self._entries: tuple[Entry, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        listed = tuple(node.terms for node in self._registry.nodes)
        if len(listed) != len(self._seen) or any(
            now is not before for now, before in zip(listed, self._seen, strict=True)
        ):
            self._seen, self._entries = listed, gathered(self._registry.nodes)
        return self._entries

    def find(self, typed: str) -> list[Entry]:
        return found(self.entries, typed)


def gathered(nodes: Sequence[Node]) -> tuple[Entry, ...]:
    """Terms of people, each once; a field with few values gives one entry per value."""
    made: dict[str, dict[str, None]] = {}
    labels: dict[str, str] = {}
    known: dict[str, set[str]] = {}
    for node in nodes:
        for term in node.terms:
            if not term.scopes or "individual" in term.scopes:
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
