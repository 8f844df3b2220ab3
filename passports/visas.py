"""Turns verified claims into a `Visa` with its conditions and expiry (GA4GH Passport 1.2.1).

Leaves signatures and keys to `tokens`, who may issue what to `trust`, and to `judgement` whose
visa it is and whether its conditions hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from passports import conditions
from passports.compact import UnverifiedToken, text
from passports.errors import BadToken, Reason
from passports.identities import Identity, parse_links
from passports.revocation import Signed
from passports.tokens import SignedClaims
from passports.trust import VisaIssuer
from passports.values import MAX_VALUE_CHARS
from schemas.passport import VisaType

MAX_LINKS_CHARS = 16 * 1024
_VISA_TYPS = frozenset({None, "JWT", "vnd.ga4gh.visa+jwt"})
_BY = frozenset({"self", "peer", "system", "so", "dac"})
_LEEWAY_SECONDS = 30
_DAY_SECONDS = 24 * 60 * 60
# Passport 1.2.1: what a source that is no organisation is called.
NO_ORGANISATION = "https://no.organization"
_ROLE = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Visa:
    """A visa whose signature, times, issuer, type and source were all accepted.

    `asserted` and `expires` are epoch seconds.
    """

    issuer: str
    subject: str
    type: VisaType
    value: str
    source: str
    by: str | None
    asserted: int
    expires: int
    jti: str | None


@dataclass(frozen=True, slots=True)
class ClaimedVisa:
    """A visa that may still belong to somebody else or have unmet conditions.

    `visa` is as it was signed, `value_here` what its value is called on this node. `namespace` is
    the issuer whose subject ids it uses; `links` are the identities it says are one person.
    """

    visa: Visa
    value_here: str
    namespace: str
    conditions: conditions.Conditions
    links: tuple[Identity, ...]
    signed: Signed

    @property
    def identity(self) -> Identity:
        return Identity(self.visa.subject, self.namespace)


def check_header(token: UnverifiedToken) -> None:
    """Only visa document tokens: no `openid` scope, a visa's `typ` or none."""
    typ = token.unverified_header.get("typ")
    if not (typ is None or isinstance(typ, str)) or typ not in _VISA_TYPS:
        raise BadToken(Reason.WRONG_TYPE)
    scope = token.unverified_claims.get("scope", "")
    if not isinstance(scope, str) or "openid" in scope.split():
        raise BadToken(Reason.WRONG_TYPE)


def read_visa(signed: SignedClaims, issuer: VisaIssuer, *, now: int) -> ClaimedVisa:
    """The visa in claims signed by `issuer`; `BadToken` when it may not say this."""
    body = signed.claims.get("ga4gh_visa_v1")
    if not isinstance(body, dict):
        raise BadToken(Reason.BAD_CLAIM, detail="ga4gh_visa_v1")
    visa_type = _type(body.get("type"))
    assertion = issuer.assertion(visa_type)
    if assertion is None:
        raise BadToken(Reason.TYPE_NOT_ALLOWED)
    source = _source(body.get("source"))
    if not assertion.allows_source(source):
        raise BadToken(Reason.SOURCE_NOT_ALLOWED)
    value = _value(visa_type, body.get("value"))
    value_here = assertion.ours(value) if assertion.allows_value(value) else None
    if value_here is None:
        raise BadToken(Reason.VALUE_NOT_ALLOWED)
    by = _by(visa_type, body.get("by"))
    if not assertion.allows_by(by):
        raise BadToken(Reason.BY_NOT_ALLOWED)
    asserted = _asserted(body.get("asserted"), now=now)
    expires = _expires(signed.expires, asserted, assertion.max_age_days, now=now)
    is_link = visa_type is VisaType.LINKED_IDENTITIES
    return ClaimedVisa(
        visa=Visa(
            issuer=signed.issuer,
            subject=signed.subject,
            type=visa_type,
            value=value,
            source=source,
            by=by,
            asserted=asserted,
            expires=expires,
            jti=signed.jti,
        ),
        value_here=value_here,
        namespace=issuer.subject_namespace or signed.issuer,
        conditions=conditions.parse(body.get("conditions")),
        links=parse_links(value) if is_link else (),
        signed=Signed(signed.issuer, signed.subject, signed.kid, signed.jti),
    )


def _type(value: object) -> VisaType:
    if isinstance(value, str) and value in VisaType.__members__.values():
        return VisaType(value)
    raise BadToken(Reason.TYPE_NOT_ALLOWED)


def _source(raw: object) -> str:
    """Brokers in the field leave the source of an affiliation null."""
    return NO_ORGANISATION if raw is None else text(raw, reason=Reason.SOURCE_NOT_ALLOWED)


def _value(visa_type: VisaType, raw: object) -> str:
    is_link = visa_type is VisaType.LINKED_IDENTITIES
    value = text(raw, reason=Reason.BAD_CLAIM, cap=MAX_LINKS_CHARS if is_link else MAX_VALUE_CHARS)
    if visa_type is VisaType.AFFILIATION_AND_ROLE:
        role, at, organisation = value.partition("@")
        if not (at and organisation) or _ROLE.fullmatch(role) is None:
            raise BadToken(Reason.BAD_CLAIM, detail="expected role@organisation")
    return value


def _by(visa_type: VisaType, by: object) -> str | None:
    """Required where a person or committee must have said so (Passport 1.2.1 «by»)."""
    if by is None and visa_type not in {VisaType.ACCEPTED_TERMS, VisaType.CONTROLLED_ACCESS}:
        return None
    if isinstance(by, str) and by in _BY:
        return by
    raise BadToken(Reason.BY_NOT_ALLOWED)


def _asserted(value: object, *, now: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadToken(Reason.BAD_CLAIM, detail="asserted")
    if value > now + _LEEWAY_SECONDS:
        raise BadToken(Reason.NOT_YET)
    return value


def _expires(expires: int, asserted: int, max_age_days: int | None, *, now: int) -> int:
    """Also when the node believes nothing that was said so long ago."""
    if max_age_days is None:
        return expires
    end = min(expires, asserted + max_age_days * _DAY_SECONDS)
    if now >= end + _LEEWAY_SECONDS:
        raise BadToken(Reason.EXPIRED, ended=end)
    return end
