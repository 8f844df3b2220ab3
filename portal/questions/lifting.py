"""A question that came as Beacon parameters, for nodes on another assembly: its place, lifted.

Beacon v2.2 request parameters, 0-based, half-open. Only a plain allele or a plain region has a
place that can be lifted (`liftover`); anything else goes to every node as it came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from portal.asking.fanout import Instead, Target
from portal.asking.foreign import members
from portal.nodes.node import Node
from portal.questions.liftover import Counterpart, Liftover, fitting
from portal.questions.question import Kind, Question, Site
from schemas.sequences import ASSEMBLIES, place

_ALLELE = frozenset({"referenceName", "assemblyId", "start", "referenceBases", "alternateBases"})
# What a region asks for besides lies in it wherever the region lies.
_REGION = frozenset(
    {"referenceName", "assemblyId", "start", "end", "variantType", "variantMinLength",
     "variantMaxLength"}
)  # fmt: skip
_BASES = frozenset("ACGTN")


def targets(
    nodes: Sequence[Node], kind: Kind, body: Mapping[str, object], liftover: Liftover
) -> list[Target]:
    """All of them, each with what it is asked instead where its data are on another assembly."""
    parameters = _variant(body)
    site = _site(parameters)
    counterparts: list[Counterpart] = []
    asked = Question("", kind, parameters, (), "")
    if site is not None:
        asked = replace(asked, assembly=str(parameters["assemblyId"]), site=site)
        counterparts = liftover.counterparts(asked)
    return [_target(node, asked, body, counterparts) for node in nodes]


def _target(
    node: Node, asked: Question, body: Mapping[str, object], counterparts: Sequence[Counterpart]
) -> Target:
    found = fitting(asked, node.abilities.assemblies, counterparts)
    if found is None:
        return node.target
    if found.question is None:
        return replace(node.target, unsupported=found.reason)
    parameters = {**asked.parameters, **found.question.parameters}
    query = {**members(body.get("query")), "requestParameters": {"g_variant": parameters}}
    return replace(node.target, instead=Instead({**body, "query": query}, found.words))


def _variant(body: Mapping[str, object]) -> dict[str, object]:
    """Nested as the schema has them, or flat as many clients write them."""
    given = members(members(body.get("query")).get("requestParameters"))
    return dict(members(given.get("g_variant")) if "g_variant" in given else given)


def _site(parameters: Mapping[str, object]) -> Site | None:
    assembly = parameters.get("assemblyId")
    if assembly not in ASSEMBLIES:
        return None
    name = place(str(parameters.get("referenceName", ""))[:100])
    start0, end0 = (_one(parameters.get(at)) for at in ("start", "end"))
    if name is None or (name[1] or assembly) != assembly or start0 is None:
        return None
    if set(parameters) <= _REGION and end0 is not None and end0 > start0:
        return Site(name[0], start0, end0)
    ref, alt = (parameters.get(at) for at in ("referenceBases", "alternateBases"))
    plain = _is_plain(ref) and _is_plain(alt) and set(parameters) <= _ALLELE
    return Site(name[0], start0, start0 + len(str(ref)), str(ref), str(alt)) if plain else None


def _is_plain(bases: object) -> bool:
    return isinstance(bases, str) and 0 < len(bases) <= 300 and set(bases) <= _BASES


def _one(given: object) -> int | None:
    """A single position; two are a range, which has no one place."""
    value: object = given[0] if isinstance(given, list) and len(given) == 1 else given
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < 1 << 31 else None
