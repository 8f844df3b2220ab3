"""What the signed-in person's Passport is worth at each node, in plain words, and what is left.

Every node judges for itself (GA4GH Passport 1.2.1): its /access/whoami says which visas it accepted
and which it dropped, and why, its /access/allowances what was asked of protected datasets. The
portal shows that and decides nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from passports.errors import Reason
from portal.applications import read_as
from portal.node import Node
from portal.node_doors import NodeDoors
from portal.visitors import Visitor
from schemas.decisions import Allowance, Allowances
from schemas.errors import NotFound, SkerryError
from schemas.grants import DroppedView, VisaView, WhoAmI

_WORDS = {
    "AffiliationAndRole": "You are {value}",
    "AcceptedTermsAndPolicies": "You accepted the terms {value}",
    "ResearcherStatus": "You are a bona fide researcher by {value}",
    "ControlledAccessGrants": "You were granted access to {value}",
    "LinkedIdentities": "Another account of yours is linked",
}
_KINDS = {
    "AffiliationAndRole": "Your affiliation",
    "AcceptedTermsAndPolicies": "Your acceptance of terms",
    "ResearcherStatus": "Your status as a researcher",
    "ControlledAccessGrants": "A grant",
    "LinkedIdentities": "A linked account",
}
_REASONS: dict[str, str] = {
    Reason.UNKNOWN_ISSUER: "comes from somebody whom this node does not know",
    Reason.SOURCE_NOT_ALLOWED: "speaks for somebody whom its issuer may not speak for here",
    Reason.VALUE_NOT_ALLOWED: "says what its issuer may not say here",
    Reason.TYPE_NOT_ALLOWED: "is of a kind that its issuer may not give here",
    Reason.BY_NOT_ALLOWED: "was vouched for by somebody whose word is not enough here",
    Reason.EXPIRED: "is over",
    Reason.NOT_YET: "does not hold yet",
    Reason.REVOKED: "was taken back",
    Reason.OTHER_PERSON: "is about another account than this one",
    Reason.CONDITIONS_UNMET: "asks for another visa, which you do not have",
    Reason.CONDITIONS_BUDGET: "has conditions too long to be checked",
    Reason.KEYS_UNAVAILABLE: "cannot be checked now: its issuer’s keys are out of reach",
}


@dataclass(frozen=True, slots=True)
class Visa:
    words: str
    issuer: str
    until: str


@dataclass(frozen=True, slots=True)
class Standing:
    """At one node; `problem` says why it could not tell. `dropped` are reasons in its words."""

    node: Node
    visas: tuple[Visa, ...] = ()
    dropped: tuple[str, ...] = ()
    committee_of: tuple[str, ...] = ()
    admin: bool = False
    allowances: tuple[Allowance, ...] = ()
    problem: str = ""


class Standings:
    def __init__(self, doors: NodeDoors) -> None:
        self._doors = doors

    async def all(self, nodes: Sequence[Node], visitor: Visitor) -> list[Standing]:
        return list(await asyncio.gather(*(self._at(node, visitor) for node in nodes)))

    async def _at(self, node: Node, visitor: Visitor) -> Standing:
        try:
            document = await self._doors.send("GET", node, "/access/whoami", visitor=visitor)
            said = read_as(WhoAmI, document, "word on your passport")
            left = await self._left(node, visitor)
        except SkerryError as error:
            return Standing(node, problem=error.public)
        return Standing(
            node=node,
            visas=tuple(_visa(one) for one in said.visas),
            dropped=not_accepted(said.dropped),
            committee_of=said.committee_of,
            admin=said.admin,
            allowances=left,
        )

    async def _left(self, node: Node, visitor: Visitor) -> tuple[Allowance, ...]:
        """A node of an earlier version tells none."""
        try:
            document = await self._doors.send("GET", node, "/access/allowances", visitor=visitor)
        except NotFound:
            return ()
        return read_as(Allowances, document, "word on your allowance").allowances


def not_accepted(dropped: Sequence[DroppedView]) -> tuple[str, ...]:
    """Equal ones once, with their number."""
    said = Counter(
        f"{_KINDS.get(one.type or '', one.type) or 'A visa'}"
        f" {_REASONS.get(one.reason, f'could not be used ({one.reason})')}"
        for one in dropped
    )
    return tuple(
        f"{words} ({number} times)" if number > 1 else words for words, number in said.items()
    )


def _visa(seen: VisaView) -> Visa:
    words = _WORDS.get(seen.type, f"{seen.type}: {{value}}").format(value=seen.value)
    until = datetime.fromtimestamp(seen.expires, UTC).strftime("%-d %B %Y, %H:%M UTC")
    return Visa(words, seen.issuer, until)
