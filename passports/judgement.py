"""Decides which of the visas in one passport hold for its holder.

GA4GH AAI 1.2.1, clearinghouse steps after the signatures: whose visas these are (LinkedIdentities),
then their conditions. Every visa that does not hold is kept with its reason, for `explain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from passports import conditional
from passports.compact import UnverifiedToken
from passports.errors import BadToken, Reason
from passports.identities import Identity, Link, person
from passports.visas import ClaimedVisa, Visa


@dataclass(frozen=True, slots=True)
class DroppedVisa:
    """A visa that was not accepted, and the reason code; never its text. `ended` is when a genuine
    one expired (epoch seconds)."""

    reason: str
    type: str | None
    issuer: str | None
    ended: int | None = None


def judge(me: Identity, claimed: Sequence[ClaimedVisa]) -> tuple[list[Visa], list[DroppedVisa]]:
    """The visas that hold, valued and timed as they count here, and those that do not."""
    until = _person(me, claimed)
    mine: list[ClaimedVisa] = []
    dropped: list[DroppedVisa] = []
    for one in claimed:
        end = until.get(one.identity)
        if end is None:
            dropped.append(not_held(one.visa, Reason.OTHER_PERSON))
        else:
            visa = replace(one.visa, expires=min(one.visa.expires, end))
            mine.append(replace(one, visa=visa))
    helpers = conditional.longest_first(one.visa for one in mine if not one.conditions)
    budget = conditional.Budget()
    held: list[Visa] = []
    for one in mine:
        try:
            held.append(_held(one, helpers, budget=budget))
        except BadToken as refusal:
            dropped.append(not_held(one.visa, refusal.reason))
    return held, dropped


def others(me: Identity, claimed: Sequence[ClaimedVisa]) -> frozenset[Identity]:
    """Every other identity that is the same person."""
    return frozenset(_person(me, claimed)) - {me}


def not_held(visa: Visa, reason: Reason) -> DroppedVisa:
    return DroppedVisa(reason.value, visa.type.value, visa.issuer)


def unread(
    reason: Reason, token: UnverifiedToken | None, *, ended: int | None = None
) -> DroppedVisa:
    """Type and issuer as claimed, and only when short and printable: they go to `explain`."""
    if token is None:
        return DroppedVisa(reason.value, None, None)
    body = token.unverified_claims.get("ga4gh_visa_v1")
    visa_type = body.get("type") if isinstance(body, dict) else None
    issuer = _shown(token.unverified_claims.get("iss"))
    return DroppedVisa(reason.value, _shown(visa_type), issuer, ended)


def _held(one: ClaimedVisa, helpers: list[Visa], *, budget: conditional.Budget) -> Visa:
    """Conditions speak of values as signed; the map to ours comes last."""
    expires = one.visa.expires
    if one.conditions:
        end = conditional.expiry(one.conditions, helpers, budget=budget)
        if end is None:
            raise BadToken(Reason.CONDITIONS_UNMET)
        expires = min(expires, end)
    return replace(one.visa, value=one.value_here, expires=expires)


def _person(me: Identity, claimed: Sequence[ClaimedVisa]) -> dict[Identity, int]:
    return person(me, [_link(one) for one in claimed if one.links and not one.conditions])


def _link(one: ClaimedVisa) -> Link:
    return Link((one.identity, *one.links), one.visa.expires)


def _shown(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 255 and value.isprintable() else None
