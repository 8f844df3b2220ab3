"""A portal may wrap other people's visas; it cannot be anybody whose visas it was not given."""

from __future__ import annotations

import pytest

from passports.errors import BadTrustFile
from passports.tokens import PASSPORT_TYP, sign
from passports.trust import Broker, TrustTable
from tests.support.broker import BONA_FIDE, BROKER, NODE, NOW, Federation, Issuer

pytestmark = pytest.mark.anyio
PORTAL = "https://portal.example"


@pytest.fixture
def federation() -> Federation:
    return Federation()


@pytest.fixture
def portal(federation: Federation) -> Issuer:
    """Trusted to wrap for the broker's people."""
    issuer = Issuer(PORTAL)
    federation.brokers.append(Broker(issuer=PORTAL, jwks_url=issuer.jku, subject_namespace=BROKER))
    federation.network.serve_keys(issuer.jku, issuer.key.public_jwk())
    return issuer


def _wrapped(portal: Issuer, *visas: str, sub: str = "rosa", **changes: object) -> str:
    claims: dict[str, object] = {"iss": PORTAL, "sub": sub, "aud": NODE, "iat": NOW}
    claims |= {"exp": NOW + 300, "ga4gh_passport_v1": list(visas)}
    return sign(claims | changes, key=portal.key, typ=PASSPORT_TYP)


async def test_wrapped_visas_count_for_the_brokers_person(
    federation: Federation, portal: Issuer
) -> None:
    visas = [
        federation.broker.visa("ResearcherStatus", BONA_FIDE, by="system"),
        federation.node.visa(),
    ]
    who = await federation.clearinghouse().admit(_wrapped(portal, *visas))
    assert who.identity == f"rosa@{BROKER}"
    assert len(who.visas) == 2
    assert who.dropped == ()


@pytest.mark.parametrize("visa_of", [None, "dora"])
async def test_without_a_visa_of_that_person_the_portals_word_makes_nobody(
    federation: Federation, portal: Issuer, visa_of: str | None
) -> None:
    """Otherwise its key would be enough to sit on any committee."""
    visas = [] if visa_of is None else [federation.node.visa(sub=visa_of)]
    who = await federation.clearinghouse().admit(_wrapped(portal, *visas))
    assert who.identity == f"rosa@{PORTAL}"
    assert who.visas == ()


async def test_a_visa_the_portal_signed_itself_proves_nothing(
    federation: Federation, portal: Issuer
) -> None:
    made_up = federation.broker.visa("ResearcherStatus", BONA_FIDE, by="system")
    forged = sign(
        portal.claims("ResearcherStatus", BONA_FIDE, by="system"),
        key=portal.key,
        typ="vnd.ga4gh.visa+jwt",
        jku=portal.jku,
    )
    assert made_up != forged
    who = await federation.clearinghouse().admit(_wrapped(portal, forged))
    assert who.identity == f"rosa@{PORTAL}"
    assert [one.reason for one in who.dropped] == ["unknown_issuer"]


async def test_one_made_for_another_node_or_already_over_is_refused(
    federation: Federation, portal: Issuer
) -> None:
    visa = federation.node.visa()
    assert await federation.refusal(_wrapped(portal, visa, aud="https://other.example"))
    assert await federation.refusal(_wrapped(portal, visa, exp=NOW - 3600))


async def test_a_portal_that_is_not_in_the_table_is_refused(federation: Federation) -> None:
    stranger = Issuer(PORTAL)
    reason = await federation.refusal(_wrapped(stranger, federation.node.visa()))
    assert reason == "unknown_issuer"


@pytest.mark.parametrize("namespace", [PORTAL, "https://nobody.example"])
def test_a_namespace_is_another_broker_of_the_table(namespace: str) -> None:
    portal = Broker(issuer=PORTAL, jwks_url=f"{PORTAL}/jwks", subject_namespace=namespace)
    broker = Broker(issuer=BROKER, jwks_url=f"{BROKER}/jwks")
    with pytest.raises(BadTrustFile, match="subject_namespace"):
        TrustTable(brokers=[portal, broker], visa_issuers=[])


def test_namespaces_do_not_chain() -> None:
    first = Broker(issuer=PORTAL, jwks_url=f"{PORTAL}/jwks", subject_namespace=BROKER)
    second = Broker(issuer=BROKER, jwks_url=f"{BROKER}/jwks", subject_namespace=PORTAL)
    with pytest.raises(BadTrustFile, match="subject_namespace"):
        TrustTable(brokers=[first, second], visa_issuers=[])
