"""A bearer token becomes a `Researcher`: joins tokens, keys, trust and visas, in the order of
the clearinghouse algorithm (GA4GH AAI 1.2.1).

Two forms are taken, told apart by `typ`: a Passport, and an access token of a broker whose userinfo
stands in the trust table. A bad token refuses the request; a bad visa is dropped with its reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from passports import compact, tokens, visas
from passports.admissions import Admissions
from passports.compact import UnverifiedToken
from passports.errors import BadToken, KeysUnavailable, Reason, ScopeMissing
from passports.identities import Identity
from passports.judgement import DroppedVisa, judge, not_held, others, unread
from passports.keys import KeyStore
from passports.researcher import Researcher
from passports.revocation import Revocations, Signed
from passports.tokens import SignedClaims
from passports.trust import Broker, TrustTable
from passports.userinfo import Userinfo
from passports.visas import ClaimedVisa
from schemas.messages import Message

MAX_VISAS = 200
MAX_ACCESS_TOKEN_CHARS = 16 * 1024
# A withdrawn key must not go on opening doors for long.
CACHE_SECONDS = 300
# Nor a grant withdrawn at the broker.
USERINFO_KEPT_SECONDS = 60
# What is decided on a token, a release under way included, lasts no longer than this without the
# token being judged again: its keys, its userinfo, the trust table and the list of revoked ones.
RECHECK_SECONDS = 60 * 60
_PASSPORT_CLAIM = "ga4gh_passport_v1"
_SCOPES = frozenset({"openid", _PASSPORT_CLAIM})


@dataclass(frozen=True, slots=True)
class _Holder:
    """A verified token's person, the visas that came with it, and how long that may be kept."""

    signed: SignedClaims
    raw_visas: list[str]
    kept_seconds: int
    namespace: str | None


class Clearinghouse:
    """Admits tokens meant for `audience`, byte for byte."""

    def __init__(
        self,
        *,
        trust: TrustTable,
        keys: KeyStore,
        userinfo: Userinfo,
        audience: str,
        clock: Callable[[], int],
    ) -> None:
        self._trust = trust
        self._keys = keys
        self._userinfo = userinfo
        self._audience = audience
        self._clock = clock
        self._revocations = Revocations(trust.revoked)
        self._admissions = Admissions()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def admit(self, raw_token: str) -> Researcher:
        """Raises `BadToken`, `ScopeMissing`, or an `Unavailable` when nothing can be decided."""
        # A page asks many things at once with one token: the first judges it for all of them.
        turn = self._turns.setdefault(raw_token, asyncio.Lock())
        async with turn:
            return await self._admit(raw_token)

    async def linked(self, me: Identity, raw_visas: Sequence[str]) -> frozenset[str]:
        """The other identities of somebody who signed in elsewhere, as these visas of theirs tell;
        in the form of `Researcher.identity`."""
        claimed, _ = await self._told(raw_visas, now=self._clock())
        return _names(others(me, claimed))

    async def _admit(self, raw_token: str) -> Researcher:
        now, revocations = self._clock(), self._revocations.stamp()
        known = self._admissions.get(raw_token, revocations=revocations, now=now)
        if known is not None:
            return known
        holder = await self._holder(raw_token, now=now)
        if self._revocations.revoked(_named(holder.signed)):
            raise BadToken(Reason.REVOKED)
        researcher = await self._researcher(holder, now=now)
        if all(dropped.reason != Reason.KEYS_UNAVAILABLE for dropped in researcher.dropped):
            ends = [researcher.expires, *(visa.expires for visa in researcher.visas)]
            until = min(now + holder.kept_seconds, *ends)
            self._admissions.put(raw_token, researcher, revocations=revocations, until=until)
        return researcher

    async def _researcher(self, holder: _Holder, *, now: int) -> Researcher:
        claimed, dropped = await self._told(holder.raw_visas, now=now)
        me = _identity(holder, claimed)
        held, refused = judge(me, claimed)
        return Researcher(
            issuer=me.issuer,
            subject=me.subject,
            visas=tuple(held),
            dropped=(*dropped, *refused),
            expires=min(holder.signed.expires, now + RECHECK_SECONDS),
            linked=_names(others(me, claimed)),
        )

    async def _told(
        self, raw_visas: Sequence[str], *, now: int
    ) -> tuple[list[ClaimedVisa], list[DroppedVisa]]:
        """The genuine ones, and the others."""
        outcomes = await asyncio.gather(*(self._visa(raw, now=now) for raw in raw_visas))
        return (
            [outcome for outcome in outcomes if isinstance(outcome, ClaimedVisa)],
            [outcome for outcome in outcomes if isinstance(outcome, DroppedVisa)],
        )

    async def _holder(self, raw_token: str, *, now: int) -> _Holder:
        token = compact.parse(raw_token, cap=compact.MAX_PASSPORT_CHARS)
        typ = token.unverified_header.get("typ")
        broker = self._trust.broker(token.unverified_claims.get("iss"))
        if broker is None:
            raise BadToken(Reason.UNKNOWN_ISSUER)
        if typ == tokens.PASSPORT_TYP:
            signed = await self._verified(token, broker, now=now)
            raw_visas = _visa_strings(signed.claims)
            return _Holder(signed, raw_visas, CACHE_SECONDS, broker.subject_namespace)
        if broker.userinfo_url is None or typ != broker.access_token_typ:
            raise BadToken(Reason.WRONG_TYPE, detail="neither a Passport nor an access token")
        if len(raw_token) > MAX_ACCESS_TOKEN_CHARS:
            raise BadToken(Reason.TOO_LARGE)
        signed = await self._verified(token, broker, now=now)
        _check_passport_scope(signed)
        claims = await self._userinfo.claims(broker.userinfo_url, raw_token)
        if claims.get("sub") != signed.subject:  # OpenID Connect Core 5.3.2
            raise BadToken(Reason.OTHER_PERSON)
        raw_visas = _visa_strings(claims) if _PASSPORT_CLAIM in claims else []
        return _Holder(signed, raw_visas, USERINFO_KEPT_SECONDS, broker.subject_namespace)

    async def _verified(self, token: UnverifiedToken, broker: Broker, *, now: int) -> SignedClaims:
        algorithm = token.algorithm(broker.algorithms)
        return tokens.verify(
            token,
            await self._keys.key_for(broker.jwks_url, token.kid),
            issuer=broker.issuer,
            algorithm=algorithm,
            now=now,
            audiences=(self._audience, *broker.audiences),
            audience_required=broker.audience_required,
        )

    async def _visa(self, raw_visa: str, *, now: int) -> ClaimedVisa | DroppedVisa:
        token: UnverifiedToken | None = None
        try:
            token = compact.parse(raw_visa, cap=compact.MAX_VISA_CHARS)
            claimed = await self._signed_visa(token, now=now)
        except BadToken as refusal:
            return unread(refusal.reason, token, ended=refusal.ended)
        except KeysUnavailable:
            return unread(Reason.KEYS_UNAVAILABLE, token)
        if self._revocations.revoked(claimed.signed):
            return not_held(claimed.visa, Reason.REVOKED)
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
            audiences=(self._audience,),
            audience_required=False,
        )
        return visas.read_visa(signed, issuer, now=now)


def _identity(holder: _Holder, claimed: Sequence[ClaimedVisa]) -> Identity:
    """Who a token is about. One that speaks of another broker's people is believed only where it
    brings a visa that somebody else signed for that very person: without one, its own word for who
    signed in there would be enough to be anybody."""
    own = Identity(holder.signed.subject, holder.signed.issuer)
    if holder.namespace is None:
        return own
    theirs = Identity(holder.signed.subject, holder.namespace)
    proven = any(one.identity == theirs and one.visa.issuer != own.issuer for one in claimed)
    return theirs if proven else own


def _names(identities: Iterable[Identity]) -> frozenset[str]:
    return frozenset(f"{one.subject}@{one.issuer}" for one in identities)


def _check_passport_scope(signed: SignedClaims) -> None:
    """AAI 1.2.1: a passport-scoped access token, which carries no GA4GH claims itself."""
    if any(name.startswith("ga4gh_") for name in signed.claims):
        raise BadToken(Reason.BAD_CLAIM, detail="an access token carries no visas")
    scope = signed.claims.get("scope")
    if not isinstance(scope, str) or not _SCOPES.issubset(scope.split()):
        raise ScopeMissing(
            Message("the access token lacks the scope openid %(scope)s", scope=_PASSPORT_CLAIM)
        )


def _visa_strings(claims: Mapping[str, object]) -> list[str]:
    raw_visas = claims.get(_PASSPORT_CLAIM)
    if not isinstance(raw_visas, list) or len(raw_visas) > MAX_VISAS:
        raise BadToken(Reason.BAD_CLAIM, detail=_PASSPORT_CLAIM)
    if not all(isinstance(raw, str) for raw in raw_visas):
        raise BadToken(Reason.BAD_CLAIM, detail=_PASSPORT_CLAIM)
    return raw_visas


def _named(signed: SignedClaims) -> Signed:
    return Signed(signed.issuer, signed.subject, signed.kid, signed.jti)
