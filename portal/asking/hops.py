"""Where a question has been, so that networks which ask each other do not ask in circles.

The standard has no member for it: an id of the question and the ids of the networks it passed
travel in two headers, which a Beacon that does not know them leaves alone. A network refuses a
question that names it, and one that came too far.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from portal.errors import AskedInCircles, UnreadableQuestion

QUERY_ID, HOPS = "Beacon-Query-Id", "Beacon-Hops"
MAX_HOPS = 4
_ID = re.compile(r"[A-Za-z0-9._:/-]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Journey:
    """The networks a question passed, ours last."""

    query_id: str
    networks: tuple[str, ...]

    @property
    def headers(self) -> dict[str, str]:
        return {QUERY_ID: self.query_id, HOPS: ", ".join(self.networks)}


def begun(own_id: str) -> Journey:
    return Journey(secrets.token_hex(16), (own_id,))


def read(headers: Mapping[str, str], *, own_id: str) -> Journey:
    """The journey with us on it; raises `AskedInCircles` where we were on it before."""
    passed = tuple(part.strip() for part in headers.get(HOPS, "").split(",") if part.strip())
    query_id = headers.get(QUERY_ID, "") or secrets.token_hex(16)
    if not all(_ID.fullmatch(part) for part in (query_id, *passed)):
        raise UnreadableQuestion(f"{QUERY_ID} and {HOPS} hold identifiers, separated by commas.")
    if own_id in passed:
        raise AskedInCircles("This question came through this network before.")
    if len(passed) >= MAX_HOPS:
        raise AskedInCircles(f"A question may pass {MAX_HOPS} networks.")
    return Journey(query_id, (*passed, own_id))
