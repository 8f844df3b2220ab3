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
from portal.nodes.doors import NodeDoors
from portal.nodes.node import Node
from portal.requests.applications import read_as
from portal.visitors import Visitor
from schemas.decisions import Allowance, Allowances
from schemas.errors import NotFound, SkerryError
from schemas.grants import DroppedView, VisaView, WhoAmI
from schemas.messages import Message, plural

_KINDS = {
    "AffiliationAndRole": Message("Your affiliation"),
    "AcceptedTermsAndPolicies": Message("Your acceptance of terms"),
    "ResearcherStatus": Message("Your status as a researcher"),
    "ControlledAccessGrants": Message("A grant"),
    "LinkedIdentities": Message("A linked account"),
}
_REASONS: dict[str, str] = {
    Reason.UNKNOWN_ISSUER: Message("it comes from somebody whom this node does not know"),
    Reason.SOURCE_NOT_ALLOWED: Message(
        "it speaks for somebody whom its issuer may not speak for here"
    ),
    Reason.VALUE_NOT_ALLOWED: Message("it says what its issuer may not say here"),
    Reason.TYPE_NOT_ALLOWED: Message("it is of a kind that its issuer may not give here"),
    Reason.BY_NOT_ALLOWED: Message("somebody vouched for it whose word is not enough here"),
    Reason.EXPIRED: Message("it is over"),
    Reason.NOT_YET: Message("it does not hold yet"),
    Reason.REVOKED: Message("it was taken back"),
    Reason.OTHER_PERSON: Message("it is about another account than this one"),
    Reason.CONDITIONS_UNMET: Message("it asks for another visa, which you do not have"),
    Reason.CONDITIONS_BUDGET: Message("its conditions are too long to be checked"),
    Reason.KEYS_UNAVAILABLE: Message(
        "it cannot be checked now, since its issuer’s keys are out of reach"
    ),
}


@dataclass(frozen=True, slots=True)
class Visa:
    words: str
    issuer: str
    until: datetime


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
            said = read_as(WhoAmI, document, Message("word on your passport"))
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
        return read_as(Allowances, document, Message("word on your allowance")).allowances


def not_accepted(dropped: Sequence[DroppedView]) -> tuple[str, ...]:
    """Equal ones once, with their number."""
    said = Counter((one.type, one.reason) for one in dropped)
    return tuple(_dropped(kind, why, times) for (kind, why), times in said.items())


def _dropped(kind: str | None, why: str, times: int) -> Message:
    if (kind, why) == ("ControlledAccessGrants", Reason.UNKNOWN_ISSUER):
        return _granted_elsewhere(times)
    visa, reason = _kind(kind), _reason(why)
    if times == 1:
        return Message("%(visa)s: %(reason)s.", visa=visa, reason=reason)
    return Message("%(visa)s: %(reason)s (%(times)s times).", visa=visa, reason=reason, times=times)


def _granted_elsewhere(times: int) -> Message:
    """Every node signs its own grants, and knows no other's unless its trust list says so."""
    return plural(
        "%(count)s grant is of somebody else, such as another node, whose word does not count "
        "here. It may well hold there. To use data of this node, ask its committee.",
        "%(count)s grants are of somebody else, such as another node, whose word does not count "
        "here. They may well hold there. To use data of this node, ask its committee.",
        count=times,
    )


def _kind(named: str | None) -> str:
    return _KINDS.get(named or "", named) or Message("A visa")


def _reason(code: str) -> str:
    return _REASONS.get(code) or Message("it could not be used (%(reason)s)", reason=code)


def _visa(seen: VisaView) -> Visa:
    return Visa(_words(seen), seen.issuer, datetime.fromtimestamp(seen.expires, UTC))


def _words(seen: VisaView) -> Message:
    match seen.type:
        case "AffiliationAndRole":
            return Message("You are %(role)s", role=seen.value)
        case "AcceptedTermsAndPolicies":
            return Message("You accepted the terms %(terms)s", terms=seen.value)
        case "ResearcherStatus":
            return Message("You are a bona fide researcher by %(by)s", by=seen.value)
        case "ControlledAccessGrants":
            return Message("You were granted access to %(dataset)s", dataset=seen.value)
        case "LinkedIdentities":
            return Message("Another account of yours is linked")
        case other:
            return Message("%(visa)s: %(value)s", visa=other, value=seen.value)
