"""A bearer token becomes a `Researcher`: joins tokens, keys, trust and visas, in the order of
the clearinghouse algorithm (GA4GH AAI 1.2.1).

A bad passport refuses the request; a bad visa is dropped with its reason. Passports are the one
form taken: access tokens, to be shown to their broker's userinfo, are refused by name.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from passports import compact, conditions, tokens, visas
from passports.compact import UnverifiedToken
from passports.errors import BadToken, KeysUnavailable, Reason
from passports.identities import Identity, Link, parse_links, person
from passports.keys import KeyStore
from passports.tokens import SignedClaims
from passports.trust import TrustTable, VisaIssuer
from passports.visas import ClaimedVisa, Visa, VisaType

MAX_VISAS = 200
MAX_CACHED_VISAS = 10_000
# A withdrawn key must not go on opening doors for long.
CACHE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class DroppedVisa:
    """A visa that was not accepted, and the reason code; never its text."""

    reason: str
    type: str | None
    issuer: str | None


@dataclass(frozen=True, slots=True)
class Researcher:
    """Who asks: a verified identity with the visas that hold for it until `expires` (epoch s)."""

    issuer: str
    subject: str
    visas: tuple[Visa, ...]
    dropped: tuple[DroppedVisa, ...]
    expires: int

    @property
    def identity(self) -> str:
        """`sub@iss`, the form used in settings for admins and committee members."""
        return f"{self.subject}@{self.issuer}"


class Clearinghouse:
    """Admits passports meant for `audience`, byte for byte."""

    def __init__(
        self, *, trust: TrustTable, keys: KeyStore, audience: str, clock: Callable[[], int]
    ) -> None:
        self._trust = trust
        self._keys = keys
        self._audience = audience
        self._clock = clock
        self._accepted: OrderedDict[str, tuple[int, ClaimedVisa]] = OrderedDict()

    async def admit(self, raw_token: str) -> Researcher:
        """Raises `BadToken`, or `KeysUnavailable` when the broker's keys can't be had."""
        now = self._clock()
        passport = await self._passport(raw_token, now=now)
        me = Identity(passport.subject, passport.issuer)
        outcomes = await asyncio.gather(
            *(self._visa(raw, me, now=now) for raw in _visa_strings(passport))
        )
        claimed = [outcome for outcome in outcomes if isinstance(outcome, ClaimedVisa)]
        dropped = [outcome for outcome in outcomes if isinstance(outcome, DroppedVisa)]
        held, refused = _judge(me, claimed)
        return Researcher(
            issuer=passport.issuer,
            subject=passport.subject,
            visas=tuple(held),
            dropped=(*dropped, *refused),
            expires=passport.expires,
        )

    async def _passport(self, raw_token: str, *, now: int) -> SignedClaims:
        token = compact.parse(raw_token, cap=compact.MAX_PASSPORT_CHARS)
        if token.unverified_header.get("typ") != tokens.PASSPORT_TYP:
            raise BadToken(Reason.WRONG_TYPE, detail="only a GA4GH Passport is accepted")
        broker = self._trust.broker(token.unverified_claims.get("iss"))
        if broker is None:
            raise BadToken(Reason.UNKNOWN_ISSUER)
        algorithm = token.algorithm(broker.algorithms)
        return tokens.verify(
            token,
            await self._keys.key_for(broker.jwks_url, token.kid),
            issuer=broker.issuer,
            algorithm=algorithm,
            now=now,
            audience=self._audience,
            audience_required=True,
        )

    async def _visa(self, raw_visa: str, me: Identity, *, now: int) -> ClaimedVisa | DroppedVisa:
        key = self._cache_key(raw_visa, me)
        if (hit := self._accepted.get(key)) is not None and now < hit[0]:
            return hit[1]
        token: UnverifiedToken | None = None
        try:
            token = compact.parse(raw_visa, cap=compact.MAX_VISA_CHARS)
            claimed = await self._signed_visa(token, now=now)
        except BadToken as refusal:
            return _dropped(refusal.reason, token)
        except KeysUnavailable:
            return _dropped(Reason.KEYS_UNAVAILABLE, token)
        self._accepted[key] = (min(claimed.visa.expires, now + CACHE_SECONDS), claimed)
        while len(self._accepted) > MAX_CACHED_VISAS:
            self._accepted.popitem(last=False)
        return claimed

    async def _signed_visa(self, token: UnverifiedToken, *, now: int) -> ClaimedVisa:
        visas.check_header(token)
        issuer = self._trust.visa_issuer(
            token.unverified_claims.get("iss"), token.unverified_header.get("jku")
        )
        if issuer is None:
            raise BadToken(Reason.UNKNOWN_ISSUER)
        algorithm = token.algorithm(issuer.algorithms)
        signed = tokens.verify(
            token,
            await self._keys.key_for(issuer.jku, token.kid),
            issuer=issuer.issuer,
            algorithm=algorithm,
            now=now,
            audience=self._audience,
            audience_required=False,
        )
        return _read(signed, issuer, now=now)

    def _cache_key(self, raw_visa: str, me: Identity) -> str:
        """Bound to the person and the trust table, so that neither can be swapped under it."""
        parts = (raw_visa, me.subject, me.issuer, self._trust.version)
        digest = hashlib.sha256()
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
        return digest.hexdigest()


def _visa_strings(passport: SignedClaims) -> list[str]:
    raw_visas = passport.claims.get("ga4gh_passport_v1")
    if not isinstance(raw_visas, list) or len(raw_visas) > MAX_VISAS:
        raise BadToken(Reason.BAD_CLAIM, detail="ga4gh_passport_v1")
    if not all(isinstance(raw, str) for raw in raw_visas):
        raise BadToken(Reason.BAD_CLAIM, detail="ga4gh_passport_v1")
    return raw_visas


def _read(signed: SignedClaims, issuer: VisaIssuer, *, now: int) -> ClaimedVisa:
    """Reads all of a visa that can be wrong by itself, so that the cache holds only sound ones."""
    claimed = visas.read_visa(signed, issuer, now=now)
    conditions.parse(claimed.conditions)
    if claimed.visa.type is VisaType.LINKED_IDENTITIES:
        parse_links(claimed.visa.value)
    return claimed


def _judge(me: Identity, claimed: Iterable[ClaimedVisa]) -> tuple[list[Visa], list[DroppedVisa]]:
    """Steps 8 and 9: whose visas these are, then their conditions."""
    claimed = list(claimed)
    until = person(me, [_link(one) for one in claimed if _is_link(one)])
    mine: list[tuple[Visa, conditions.Conditions]] = []
    dropped: list[DroppedVisa] = []
    for one in claimed:
        end = until.get(Identity(one.visa.subject, one.namespace))
        if end is None:
            dropped.append(_not_held(one.visa, Reason.OTHER_PERSON))
        else:
            visa = replace(one.visa, expires=min(one.visa.expires, end))
            mine.append((visa, conditions.parse(one.conditions)))
    helpers = conditions.longest_first(visa for visa, needs in mine if not needs)
    budget = conditions.Budget()
    held: list[Visa] = []
    for visa, needs in mine:
        try:
            held.append(_with_conditions(visa, needs, helpers, budget=budget))
        except BadToken as refusal:
            dropped.append(_not_held(visa, refusal.reason))
    return held, dropped


def _with_conditions(
    visa: Visa, needs: conditions.Conditions, helpers: list[Visa], *, budget: conditions.Budget
) -> Visa:
    if not needs:
        return visa
    end = conditions.expiry(needs, helpers, budget=budget)
    if end is None:
        raise BadToken(Reason.CONDITIONS_UNMET)
    return replace(visa, expires=min(visa.expires, end))


def _is_link(one: ClaimedVisa) -> bool:
    """A link that itself hangs on conditions joins nothing."""
    return one.visa.type is VisaType.LINKED_IDENTITIES and not conditions.parse(one.conditions)


def _link(one: ClaimedVisa) -> Link:
    own = Identity(one.visa.subject, one.namespace)
    return Link((own, *parse_links(one.visa.value)), one.visa.expires)


def _not_held(visa: Visa, reason: Reason) -> DroppedVisa:
    return DroppedVisa(reason.value, visa.type.value, visa.issuer)


def _dropped(reason: Reason, token: UnverifiedToken | None) -> DroppedVisa:
    """Type and issuer as claimed, and only when short and printable: they go to `explain`."""
    if token is None:
        return DroppedVisa(reason.value, None, None)
    body = token.unverified_claims.get("ga4gh_visa_v1")
    visa_type = body.get("type") if isinstance(body, dict) else None
    return DroppedVisa(reason.value, _shown(visa_type), _shown(token.unverified_claims.get("iss")))


def _shown(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 255 and value.isprintable() else None
