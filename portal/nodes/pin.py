"""Who a node must be: the id it was admitted with, and the key that it is held to.

A Skerry node signs a challenge (`passports.identity`) and takes Passports for the address it is
asked at; its next key is followed where the one before named it (`passports.rotation`). Another's
Beacon has no key, and is known by its address and id alone. Keeping keys is `held_keys`', looking
is `crawl`'s.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from passports.errors import BadToken
from passports.identity import IDENTITY_PATH, Identity, proven
from passports.rotation import follow
from portal.asking.calls import Calls, NoReply
from portal.asking.foreign import members
from schemas.messages import Message, following

# A node that changes its key more often than this is looked at by a person.
MAX_HELD = 64
_OTHER_KEY = Message(
    "It shows another key than the one it is held to, and is not asked until an admin of this "
    "portal accepts it."
)


class How(StrEnum):
    """Why a node is held to a key; the value is kept in files."""

    ADMITTED = "admitted"
    NAMED = "named"
    FIRST_CONTACT = "first contact"
    ANNOUNCED = "announced"
    ACCEPTED = "accepted"


_IN_WORDS = {
    How.ADMITTED: Message("It was admitted with it."),
    How.NAMED: Message("The settings of this portal name it."),
    How.FIRST_CONTACT: Message("It showed it at first contact; nobody has compared it yet."),
    How.ANNOUNCED: Message("The key before it named it."),
    How.ACCEPTED: Message("An admin of this portal accepted it."),
}


@dataclass(frozen=True, slots=True)
class HeldKey:
    """`key` is an RFC 7638 thumbprint, `since` an epoch second, `by` an admin where one decided."""

    key: str
    how: How
    since: int
    by: str = ""

    @property
    def in_short(self) -> Message:
        if self.how is How.FIRST_CONTACT:
            return Message("proves the key of its first contact")
        return Message("proves its key")

    @property
    def in_words(self) -> Message:
        return following(
            Message("Held to it since %(when)s.", when=datetime.fromtimestamp(self.since, UTC)),
            _IN_WORDS[self.how],
        )


@dataclass(frozen=True, slots=True)
class Pin:
    """What is empty is not held against it. The last of its `keys` counts."""

    beacon_id: str = ""
    keys: tuple[HeldKey, ...] = ()

    def other_name(self, named: str) -> str:
        """Why a node that calls itself so is not the one, or nothing."""
        if not self.beacon_id or named == self.beacon_id:
            return ""
        return Message(
            "It was admitted as %(name)s and calls itself %(other)s now.",
            name=self.beacon_id,
            other=named or Message("nothing"),
        )

    def meet(
        self, shown: Identity | str, *, address: str, named: str, now: int
    ) -> tuple[HeldKey, ...] | Message:
        """The keys of the node at `address` after what it has `shown`, or why it is not the one. A
        first key is taken as it comes; later ones only where the one before `named` this node's."""
        if not self.keys:
            if isinstance(shown, Identity) and shown.audience == address:
                return (HeldKey(shown.key, How.FIRST_CONTACT, now),)
            return ()
        if isinstance(shown, str):
            return following(Message("It does not prove the key it is held to."), shown)
        if shown.audience != address:
            return Message(
                "It takes Passports for %(audience)s now, which is not its address here.",
                audience=shown.audience,
            )
        try:
            way = follow(
                shown.unverified_rotations,
                held=self.keys[-1].key,
                shown=shown.key,
                left=[one.key for one in self.keys],
                address=address,
                node=named,
                now=now,
            )
        except BadToken:
            return _OTHER_KEY
        if way and len(self.keys) + len(way) > MAX_HELD:
            return _OTHER_KEY
        return (*self.keys, *(HeldKey(one.new, How.ANNOUNCED, now) for one in way))


async def show(calls: Calls, address: str, *, deadline: float) -> Identity | str:
    """What the node at `address` proves, or why it proves nothing."""
    challenge = secrets.token_urlsafe(24)
    url = f"{address}{IDENTITY_PATH}?challenge={challenge}"
    reply = await calls.send("GET", url, deadline=deadline)
    if isinstance(reply, NoReply):
        return reply.reason
    if reply.status != 200:
        return Message("%(path)s answers %(status)s.", path=IDENTITY_PATH, status=str(reply.status))
    try:
        return proven(members(reply.document), challenge)
    except BadToken:
        return Message("What %(path)s answers is no proof.", path=IDENTITY_PATH)
