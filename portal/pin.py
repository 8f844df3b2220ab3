"""Who a node was when it was admitted, and whether it still is: its id, and the key it proves.

A Skerry node signs a challenge (`passports.identity`) and takes Passports for the address it is
asked at; another's Beacon has no key, and is known by its address and id alone. Keeping pins is
`joining`'s, looking is `crawl`'s.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from passports.errors import BadToken
from passports.identity import IDENTITY_PATH, Identity, proven
from portal.calls import Calls, NoReply
from portal.foreign import members


@dataclass(frozen=True, slots=True)
class Pin:
    """What is empty is not held against it."""

    beacon_id: str = ""
    key: str = ""  # RFC 7638 thumbprint

    def other_name(self, named: str) -> str:
        """Why a node that calls itself so is not the one, or nothing."""
        if not self.beacon_id or named == self.beacon_id:
            return ""
        return f"It was admitted as {self.beacon_id} and calls itself {named or 'nothing'} now."

    def other_key(self, shown: Identity | str, *, address: str) -> str:
        """Why what the node at `address` proved does not make it the one, or nothing."""
        if not self.key:
            return ""
        if isinstance(shown, str):
            return f"It does not prove the key it was admitted with. {shown}"
        if shown.key != self.key:
            return "It was admitted with another key, and needs to be admitted anew."
        if shown.audience != address:
            return f"It takes Passports for {shown.audience} now, which is not its address here."
        return ""


async def show(calls: Calls, address: str, *, deadline: float) -> Identity | str:
    """What the node at `address` proves, or why it proves nothing."""
    challenge = secrets.token_urlsafe(24)
    url = f"{address}{IDENTITY_PATH}?challenge={challenge}"
    reply = await calls.send("GET", url, deadline=deadline)
    if isinstance(reply, NoReply):
        return reply.reason
    if reply.status != 200:
        return f"{IDENTITY_PATH} answers {reply.status}."
    try:
        return proven(members(reply.document), challenge)
    except BadToken:
        return f"What {IDENTITY_PATH} answers is no proof."
