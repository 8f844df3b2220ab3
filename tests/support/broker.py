"""A broker and visa issuers that sign with real keys and serve them where the network would be.

Everything goes through one `httpx` transport that records each address asked, so that a test can
see a fetch that should not have happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from passports.errors import BadToken
from passports.keys import KeyStore
from passports.passport import Clearinghouse
from passports.tokens import PASSPORT_TYP, VISA_TYP, SigningKey, sign
from passports.trust import Assertion, Broker, TrustTable, VisaIssuer
from passports.userinfo import Userinfo
from schemas.passport import VisaType

NOW = 1_800_000_000
BROKER = "https://broker.example"
NODE = "https://node.example"
DATASET = f"{NODE}/datasets/heart"
USERINFO = f"{BROKER}/userinfo"
SCOPE = "openid profile ga4gh_passport_v1"
BONA_FIDE = "https://doi.org/10.1038/s41431-018-0219-y"

Answer = Callable[[httpx.Request], httpx.Response]


class Clock:
    """Time as a test sets it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return int(self.now)


class Network:
    """Answers the addresses it knows; every address asked is kept in `asked`."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []

    def serve(self, url: str, answer: Answer) -> None:
        self.answers[url] = answer

    def serve_keys(self, url: str, *jwks: Mapping[str, object]) -> None:
        self.serve(url, lambda _request: streamed({"keys": list(jwks)}))

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        await asyncio.sleep(0)  # others run meanwhile, as with a network
        answer = self.answers.get(str(request.url))
        return unread(answer(request) if answer else httpx.Response(404))

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self))


def unread(answer: httpx.Response) -> httpx.Response:
    """As from a network: `httpx` counts a body it was given whole as read."""
    if not answer.is_stream_consumed:
        return answer
    stream = httpx.ByteStream(answer.content)
    return httpx.Response(answer.status_code, headers=answer.headers, stream=stream)


def streamed(content: object) -> httpx.Response:
    """An answer that has not been read yet, as one from a network."""
    body = httpx.Response(200, json=content).content
    return httpx.Response(200, stream=httpx.ByteStream(body))


@dataclass
class Issuer:
    """Signs visas under one name; its keys are served at `jku`."""

    issuer: str
    key: SigningKey = field(default_factory=SigningKey.generate)

    @property
    def jku(self) -> str:
        return f"{self.issuer}/.well-known/jwks.json"

    def claims(
        self,
        visa_type: str = "ControlledAccessGrants",
        value: str = DATASET,
        *,
        sub: str = "rosa",
        **changes: object,
    ) -> dict[str, object]:
        body = {
            "type": visa_type,
            "asserted": NOW - 100,
            "value": value,
            "source": self.issuer,
            "by": "dac",
        }
        body |= {name: changes.pop(name) for name in (*body, "conditions") if name in changes}
        claims: dict[str, object] = {"iss": self.issuer, "sub": sub, "iat": NOW, "exp": NOW + 3600}
        return claims | {"ga4gh_visa_v1": body} | changes

    def visa(
        self,
        visa_type: str = "ControlledAccessGrants",
        value: str = DATASET,
        *,
        sub: str = "rosa",
        typ: str = VISA_TYP,
        jku: str | None = None,
        **changes: object,
    ) -> str:
        """A good visa but for `changes` to its claims or to the visa object."""
        claims = self.claims(visa_type, value, sub=sub, **changes)
        return sign(claims, key=self.key, typ=typ, jku=self.jku if jku is None else jku)


class Federation:
    """A broker, a node that issues grants, and the clearinghouse of that node."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.network = Network()
        self.broker = Issuer(BROKER)
        self.node = Issuer(NODE)
        self.brokers = [Broker(issuer=BROKER, jwks_url=self.broker.jku)]
        self.revoked: Path | None = None
        self.visa_issuers = [
            VisaIssuer(
                issuer=BROKER,
                jku=self.broker.jku,
                may_assert=tuple(
                    Assertion(type=kind, sources=(BROKER,), values=values)
                    for kind, values in (
                        (VisaType.RESEARCHER_STATUS, (BONA_FIDE,)),
                        (VisaType.ACCEPTED_TERMS, (BONA_FIDE,)),
                        (VisaType.AFFILIATION_AND_ROLE, ("*",)),
                        (VisaType.LINKED_IDENTITIES, ("*",)),
                    )
                ),
            ),
            VisaIssuer(
                issuer=NODE,
                jku=self.node.jku,
                subject_namespace=BROKER,
                may_assert=(
                    Assertion(
                        type=VisaType.CONTROLLED_ACCESS,
                        sources=(NODE,),
                        values=(f"{NODE}/datasets/*",),
                        by=("dac",),
                    ),
                ),
            ),
        ]
        for party in (self.broker, self.node):
            self.network.serve_keys(party.jku, party.key.public_jwk())

    def trust(self) -> TrustTable:
        return TrustTable(
            brokers=self.brokers, visa_issuers=self.visa_issuers, revoked=self.revoked
        )

    def clearinghouse(self) -> Clearinghouse:
        trust = self.trust()
        keys = KeyStore(trust, http=self.network.client(), clock=self.clock)
        return Clearinghouse(
            trust=trust,
            keys=keys,
            userinfo=Userinfo(http=self.network.client(), clock=self.clock),
            audience=NODE,
            clock=self.clock,
        )

    def add_issuer(self, url: str, *assertions: Assertion, namespace: str | None = None) -> Issuer:
        """One more trusted visa issuer, its keys served."""
        issuer = Issuer(url)
        self.visa_issuers.append(
            VisaIssuer(
                issuer=url, jku=issuer.jku, subject_namespace=namespace, may_assert=assertions
            )
        )
        self.network.serve_keys(issuer.jku, issuer.key.public_jwk())
        return issuer

    def passport(
        self,
        visas: Sequence[str] = (),
        *,
        sub: str = "rosa",
        key: SigningKey | None = None,
        typ: str = PASSPORT_TYP,
        jku: str | None = None,
        **changes: object,
    ) -> str:
        """A good passport but for `changes` to its claims; a claim set to None is left out."""
        claims: dict[str, object] = {
            "iss": BROKER,
            "sub": sub,
            "aud": NODE,
            "iat": NOW,
            "exp": NOW + 600,
            "ga4gh_passport_v1": list(visas),
        }
        kept = {name: value for name, value in (claims | changes).items() if value is not None}
        return sign(kept, key=key or self.broker.key, typ=typ, jku=jku)

    def access_token(
        self,
        *,
        sub: str = "rosa",
        typ: str = "at+jwt",
        key: SigningKey | None = None,
        **changes: object,
    ) -> str:
        """A good access token (RFC 9068) but for `changes`; a claim set to None is left out."""
        claims: dict[str, object] = {"iss": BROKER, "sub": sub, "aud": NODE, "scope": SCOPE}
        claims |= {"iat": NOW, "exp": NOW + 3600, "client_id": "portal", "jti": "a-1"}
        kept = {name: value for name, value in (claims | changes).items() if value is not None}
        return sign(kept, key=key or self.broker.key, typ=typ)

    def take_access_tokens(self, *visas: str, **claims: object) -> None:
        """The broker's userinfo stands in the table and answers with `visas`."""
        self.brokers = [
            broker.model_copy(update={"userinfo_url": USERINFO}) for broker in self.brokers
        ]
        body = {"sub": "rosa", "ga4gh_passport_v1": list(visas)} | claims
        self.network.serve(USERINFO, lambda _request: streamed(body))

    async def refusal(self, raw_token: str) -> str:
        """Why the token is refused."""
        with pytest.raises(BadToken) as refused:
            await self.clearinghouse().admit(raw_token)
        return refused.value.reason

    async def reason_for(self, visa: str, *others: str, sub: str = "rosa") -> str | None:
        """Why `visa` was dropped; None when it was accepted."""
        researcher = await self.clearinghouse().admit(self.passport([visa, *others], sub=sub))
        if not researcher.dropped:
            return None
        assert len(researcher.dropped) == 1
        return researcher.dropped[0].reason
