"""Decides whether one disease falls under another, over an is-a hierarchy passed in as a value.

A request for lung cancer may use data consented for cancer, never the reverse. Names of other
ontologies count only through tables of exact matches; what the hierarchy does not know is unknown,
which is a review and not a no. Answers depend on the release, so it is named in every verdict.
Leaves reading the tables to `ontology`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# Where an obsolete id leads to another obsolete id, and that on.
_MAX_HOPS = 8
_SPELLING = re.compile(
    r"(?:https?://(?:purl\.obolibrary\.org/obo|www\.orpha\.net/ORDO|identifiers\.org)/)?"
    r"([A-Za-z][A-Za-z.]*)[:_](\S{1,64})",
    re.IGNORECASE,
)
# Prefixes that name the same list.
_PREFIXES = {"ORPHA": "ORPHANET", "ORDO": "ORPHANET", "MIM": "OMIM", "NCI": "NCIT"}
NO_RELEASE = "none"


class Cover(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """`parents` is acyclic and closed; `exact` maps foreign ids to ids of this hierarchy and
    `replaced` obsolete ids to their one successor."""

    release: str
    parents: Mapping[str, tuple[str, ...]]
    exact: Mapping[str, str] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)

    def known(self, raw: str) -> str | None:
        """The id in this hierarchy that `raw` means. Ids that live are never looked up as
        obsolete: tables of obsolete ids may be newer than the hierarchy."""
        disease = normal(raw)
        for _ in range(_MAX_HOPS):
            if disease in self.parents:
                return disease
            target = self.exact.get(disease) or self.replaced.get(disease)
            if target is None:
                return None
            disease = target
        return None

    def ancestors(self, disease: str) -> frozenset[str]:
        """The disease itself and everything above it."""
        seen = {disease}
        waiting = [disease]
        while waiting:
            for parent in self.parents.get(waiting.pop(), ()):
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return frozenset(seen)

    def covers(self, allowed: Iterable[str], asked: str) -> Cover:
        """Whether `asked` equals or lies below any of `allowed`."""
        return self.covers_all(allowed, (asked,))

    def covers_all(self, allowed: Iterable[str], asked: Iterable[str]) -> Cover:
        """Whether each of `asked` equals or lies below some of `allowed`; one that certainly does
        not decides. Nothing is certain without tables, not even equal names: an id may have been
        split or withdrawn."""
        names = {normal(name) for name in allowed}
        targets = {self.known(name) for name in names}
        covers = {self._one(names, targets, normal(disease)) for disease in asked}
        if not self.parents:
            return Cover.UNKNOWN
        if Cover.NO in covers:
            return Cover.NO
        return Cover.UNKNOWN if Cover.UNKNOWN in covers else Cover.YES

    def _one(self, names: set[str], targets: set[str | None], asked: str) -> Cover:
        if asked.startswith("HP:"):
            return Cover.UNKNOWN  # a phenotype is no disease
        if asked in names:
            return Cover.YES
        found = self.known(asked)
        if found is not None and not targets.isdisjoint(self.ancestors(found)):
            return Cover.YES
        return Cover.UNKNOWN if found is None or None in targets else Cover.NO


def no_hierarchy() -> Hierarchy:
    """Knows nothing: every question about diseases is open."""
    return Hierarchy(NO_RELEASE, {})


def normal(raw: str) -> str:
    """`MONDO:0004992` of any of its spellings; text that is no id stays as it is."""
    match = _SPELLING.fullmatch(raw.strip())
    if match is None:
        return raw.strip()
    prefix = match.group(1).upper()
    return f"{_PREFIXES.get(prefix, prefix)}:{match.group(2).upper()}"
