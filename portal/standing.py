"""What the signed-in person's Passport is worth at each node, in plain words.

Every node judges for itself (GA4GH Passport 1.2.1): its /access/whoami says which visas it accepted
and which it dropped, and why. The portal shows that and decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from portal.node_doors import NodeDoors
from portal.registry import Node
from portal.visitors import Visitor
from schemas.errors import SkerryError
from schemas.grants import VisaView, WhoAmI

_WORDS = {
    "AffiliationAndRole": "You are {value}",
    "AcceptedTermsAndPolicies": "You accepted the terms {value}",
    "ResearcherStatus": "You are a bona fide researcher by {value}",
    "ControlledAccessGrants": "You were granted access to {value}",
    "LinkedIdentities": "Another account of yours is linked",
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
    problem: str = ""


class Standings:
    def __init__(self, doors: NodeDoors) -> None:
        self._doors = doors

    async def all(self, nodes: Sequence[Node], visitor: Visitor) -> list[Standing]:
        return list(await asyncio.gather(*(self._at(node, visitor) for node in nodes)))

    async def _at(self, node: Node, visitor: Visitor) -> Standing:
        try:
            said = WhoAmI.model_validate(
                await self._doors.send("GET", node, "/access/whoami", visitor=visitor)
            )
        except ValidationError:
            return Standing(node, problem="The node’s answer could not be read.")
        except SkerryError as error:
            return Standing(node, problem=error.public)
        return Standing(
            node=node,
            visas=tuple(_visa(one) for one in said.visas),
            dropped=tuple(f"{one.type or 'A visa'}: {one.reason}" for one in said.dropped),
            committee_of=said.committee_of,
            admin=said.admin,
        )


def _visa(seen: VisaView) -> Visa:
    words = _WORDS.get(seen.type, f"{seen.type}: {{value}}").format(value=seen.value)
    until = datetime.fromtimestamp(seen.expires, UTC).strftime("%-d %B %Y, %H:%M UTC")
    return Visa(words, seen.issuer, until)
