"""Says, before a question is sent, which nodes can answer it for this asker and how fully.

By what each node says of itself (map, `info`, datasets as this asker sees them); what a node does
not say is no reason to leave it out. A node that cannot serve a question is not asked, and the row
says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from portal.asking.foreign import members
from portal.errors import NodeFailed
from portal.nodes.crawl import DATASETS_PATH, datasets_of
from portal.nodes.doors import NodeDoors
from portal.nodes.node import Dataset, Node
from portal.questions.liftover import Counterpart, fitting
from portal.questions.question import Kind, Question
from portal.visitors import Visitor
from schemas.errors import SkerryError
from schemas.messages import Message, following
from schemas.sequences import canonical_chromosome

_MAY_NOT = Message("It may not answer you.")
_NOT_SAID = Message("Does not say how fully it answers; it is asked all the same.")
_NOT_KNOWN = Message("It does not say how fully it answers.")
_FULLNESS = ("", "boolean", "count", "record")
_WORDS = {
    "boolean": Message("A yes or no."),
    "count": Message("A count."),
    "record": Message("A count, and records at its own Beacon."),
}
_ANYONES = {
    "boolean": Message("Anyone gets a yes or no."),
    "count": Message("Anyone gets a count."),
    "record": Message("Anyone gets a count, and records at its own Beacon."),
}
_YOURS = {
    "boolean": Message("Your visas get you a yes or no."),
    "count": Message("Your visas get you a count."),
    "record": Message("Your visas get you a count, and records at its own Beacon."),
}
_LEVELS = {
    "registered": Message("Answers people who signed in and are registered researchers."),
    "controlled": Message("Needs a grant: ask its committee for access."),
}
_NO_DOOR = {
    Kind.VARIANTS: Message("Takes no questions about variants."),
    Kind.INDIVIDUALS: Message("Takes no questions about people."),
}


@dataclass(frozen=True, slots=True)
class Prospect:
    """`can` is whether it is worth asking; `words` what would come back, or why nothing would."""

    node: Node
    can: bool
    words: str
    notes: tuple[str, ...] = ()
    help: str = ""  # where a closed dataset can be asked for


def unsupported(question: Question, node: Node, *, signed_in: bool) -> str:
    """Why this node need not be asked, by what it says it serves; empty when it may serve it.

    Of what lies in its data it tells anyone only the public part, so a person who signed in is
    asked for whatever that part says."""
    if node.barred:
        return node.barred
    able, site = node.abilities, question.site
    if able.doors is not None and question.kind.value not in able.doors:
        return _NO_DOOR[question.kind]
    if signed_in:
        return ""
    if able.variant_queries.get(_query_type(question)) is False:
        return Message("Its data cannot be searched by this kind of variant question.")
    if question.assembly and able.assemblies and question.assembly not in able.assemblies:
        return Message(
            "Its data are on %(assemblies)s, not %(asked)s.",
            assemblies=able.assemblies,
            asked=question.assembly,
        )
    if site is not None and able.chromosomes:
        held = [canonical_chromosome(name) or name for name in able.chromosomes]
        if site.chrom not in held:
            return Message("Holds no data on chromosome %(chrom)s.", chrom=site.chrom)
    return ""


def pose(question: Question, node: Node, counterparts: Sequence[Counterpart]) -> Question:
    """As this node is asked: lifted to the assembly of its data, where that can be done."""
    found = fitting(question, node.abilities.assemblies, counterparts)
    return question if found is None or found.question is None else found.question


def prospect(
    question: Question,
    node: Node,
    datasets: Sequence[Dataset],
    *,
    signed_in: bool,
    counterparts: Sequence[Counterpart] = (),
) -> Prospect:
    """`datasets` as this asker sees them at that node."""
    posed = pose(question, node, counterparts)
    if reason := unsupported(posed, node, signed_in=signed_in):
        return Prospect(node, can=False, words=reason)
    notes = _unlisted(question, node)
    if posed is not question:
        lifted = Message(
            "Lifted: it will be asked about %(place)s.", place=f"{posed.assembly} {posed.text}"
        )
        notes = (lifted, *notes)
    if node.problem:
        words = Message("Did not answer when last looked at: %(problem)s", problem=node.problem)
        return Prospect(node, can=False, words=words)
    open_ones = [one for one in datasets if not one.closed]
    if datasets and not open_ones:
        closed = datasets[0]
        words = _LEVELS.get(closed.level, _MAY_NOT)
        return Prospect(node, can=False, words=words, help=closed.id)
    best = max((one.granularity for one in open_ones), key=_rank, default="")
    words = _WORDS.get(best, _NOT_SAID)
    return Prospect(node, can=True, words=words, notes=notes)


def offer(dataset: Dataset | None, *, signed_in: bool) -> Message:
    """What this one dataset tells the asker, in a sentence; None is one of which that is not known
    now."""
    if dataset is None:
        return _NOT_KNOWN
    if dataset.closed:
        needed = _LEVELS.get(dataset.level, _MAY_NOT)
        return following(Message("Your visas do not open it."), needed) if signed_in else needed
    told = _YOURS if signed_in else _ANYONES
    return told.get(dataset.granularity, _NOT_KNOWN)


def _rank(granularity: str) -> int:
    return _FULLNESS.index(granularity) if granularity in _FULLNESS else 0


def _unlisted(question: Question, node: Node) -> tuple[Message, ...]:
    known = {term.id for term in node.terms}
    if not known:
        return ()
    ids = [str(one["id"]) for one in question.filters]
    return tuple(
        Message("Does not list %(term)s; a broader term may still be known.", term=one)
        for one in ids
        if one not in known
    )


def _query_type(question: Question) -> str:
    given = question.parameters
    if question.site is not None:
        return "sequence" if question.site.alt or question.site.ref else "range"
    if "aminoacidChange" in given:
        return "aminoacidChange"
    return "gene" if "geneId" in given else ""


class Prospects:
    """Looks at every node's datasets with the eyes of a visitor."""

    def __init__(self, doors: NodeDoors, *, look_seconds: float) -> None:
        self._doors, self._seconds = doors, look_seconds

    async def all(
        self,
        question: Question,
        nodes: Sequence[Node],
        visitor: Visitor,
        *,
        counterparts: Sequence[Counterpart] = (),
    ) -> list[Prospect]:
        seen = await asyncio.gather(*(self.seen(node, visitor) for node in nodes))
        signed_in = visitor.session is not None
        return [
            prospect(question, node, datasets, signed_in=signed_in, counterparts=counterparts)
            for node, datasets in zip(nodes, seen, strict=True)
        ]

    async def seen(self, node: Node, visitor: Visitor) -> tuple[Dataset, ...]:
        """The node's datasets, with what each of them would tell this visitor; none where the node
        does not say so now: what anyone may know is not what somebody with rights may."""
        if visitor.session is None or node.problem or node.foreign:
            return node.datasets
        try:
            async with asyncio.timeout(self._seconds):
                seen = await self._doors.send(
                    "GET", node, f"/beacon{DATASETS_PATH}", visitor=visitor
                )
        except (NodeFailed, TimeoutError):
            return ()
        except SkerryError:
            # No Passport, or one of no use there: then it will be asked as anyone would.
            return node.datasets
        return datasets_of(members(members(seen).get("response")))
