"""Decides which identities are one person (GA4GH Passport 1.2.1 «LinkedIdentities»).

Only links from issuers trusted to make them arrive here. Of several chains the one that lasts
longest counts, so a short-lived link never cuts a longer one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from passports.errors import BadToken, Reason

MAX_LINKS = 100
FOREVER = 2**53


class Identity(NamedTuple):
    subject: str
    issuer: str


class Link(NamedTuple):
    """Identities that an issuer says are one person until `expires`."""

    identities: tuple[Identity, ...]
    expires: int


def parse_links(value: str) -> tuple[Identity, ...]:
    """`enc(sub),enc(iss)` joined with `;`; one malformed part spoils all of it."""
    parts = value.split(";")
    if len(parts) > MAX_LINKS:
        raise BadToken(Reason.BAD_CLAIM, detail="too many links")
    return tuple(_identity(part) for part in parts)


def person(me: Identity, links: Iterable[Link]) -> dict[Identity, int]:
    """Every identity that is `me`, with the second until which the links to it hold.

    Links are joined from the longest-lived down (union-find by merged sets): the link that first
    brings an identity into the component is the weakest of its strongest chain.
    """
    component: dict[Identity, set[Identity]] = {me: {me}}
    until = {me: FOREVER}
    for link in sorted(links, key=lambda link: link.expires, reverse=True):
        merged: set[Identity] = set()
        for identity in link.identities:
            known = component.get(identity, {identity})
            if known is not merged:
                merged, smaller = (merged, known) if len(merged) >= len(known) else (known, merged)
                merged |= smaller
                for member in smaller | {identity}:
                    component[member] = merged
        for identity in component[me]:
            until.setdefault(identity, link.expires)
    return until


def _identity(part: str) -> Identity:
    halves = part.split(",")
    if len(halves) != 2:
        raise BadToken(Reason.BAD_CLAIM, detail="a link is two halves")
    try:
        subject, issuer = (unquote(half, errors="strict") for half in halves)
    except UnicodeDecodeError as error:
        raise BadToken(Reason.BAD_CLAIM, detail="a link is not UTF-8") from error
    if not subject or not issuer:
        raise BadToken(Reason.BAD_CLAIM, detail="a link with an empty half")
    return Identity(subject, issuer)
