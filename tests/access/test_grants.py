from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import jwt as oracle

from access.grants import VISA_SECONDS, mint
from access.policies.policy import PolicyBook
from access.rows import IssuedGrant
from passports.tokens import SigningKey
from schemas.grants import Extent, GrantedRegion
from tests.support.access_node import NOW, URL, at, policy

BOOK = PolicyBook((policy("ds1", "dora"),), version="1")
KEY = SigningKey.generate()
GRANT = IssuedGrant(
    grant_id="grant-1",
    identity=at("grace"),
    dataset="ds1",
    workspace="ws-1",
    expires=NOW + 10**6,
    request_id="req-1",
    issued=NOW - 5,
)


def minted(*grants: IssuedGrant, book: PolicyBook = BOOK) -> tuple[str, ...]:
    return mint(grants, subject="grace", book=book, public_url=URL, key=KEY, now=NOW)


def opened(visa: str) -> Mapping[str, object]:
    claims: Mapping[str, object] = oracle.decode(
        visa,
        oracle.PyJWK(KEY.public_jwk()),
        algorithms=["ES256"],
        options={"verify_exp": False, "verify_iat": False},
    )
    return claims


def test_a_visa_is_signed_typed_and_says_where_its_key_is() -> None:
    (visa,) = minted(GRANT)
    header = oracle.get_unverified_header(visa)
    assert header["typ"] == "vnd.ga4gh.visa+jwt"
    assert header["jku"] == f"{URL}/.well-known/jwks.json"
    assert header["kid"] == KEY.kid


def test_a_visa_names_the_dataset_as_the_policy_does() -> None:
    claims = opened(minted(GRANT)[0])
    assert claims["ga4gh_visa_v1"] == {
        "type": "ControlledAccessGrants",
        "asserted": NOW - 5,
        "value": f"{URL}/datasets/ds1",
        "source": URL,
        "by": "dac",
    }
    assert (claims["iss"], claims["sub"]) == (URL, "grace")
    assert not {"aud", "scope"} & set(claims)


def test_a_grant_of_parts_has_a_visa_for_each_and_none_for_the_dataset() -> None:
    region = GrantedRegion(reference="chr1", start0=5, end0=9)
    parts = minted(replace(GRANT, extent=Extent(units=("ds1/a.bam",), regions=(region,))))
    values = [opened(visa)["ga4gh_visa_v1"]["value"] for visa in parts]  # type: ignore[index]
    assert values == [f"{URL}/datasets/ds1#{m}" for m in ("unit=ds1/a.bam", "region=chr1:5-9")]
    assert len({opened(visa)["jti"] for visa in parts}) == 2


def test_a_visa_lives_an_hour_at_most_and_never_past_its_grant() -> None:
    assert opened(minted(GRANT)[0])["exp"] == NOW + VISA_SECONDS
    assert opened(minted(replace(GRANT, expires=NOW + 7))[0])["exp"] == NOW + 7


def test_no_two_visas_share_an_id() -> None:
    first, second = (opened(visa)["jti"] for visa in minted(GRANT, GRANT))
    assert first != second


def test_revoked_expired_and_policyless_grants_have_no_visa() -> None:
    assert minted(replace(GRANT, revoked=NOW - 1)) == ()
    assert minted(replace(GRANT, expires=NOW)) == ()
    assert minted(replace(GRANT, dataset="gone")) == ()
    assert minted(GRANT, book=PolicyBook((), version="0")) == ()
    assert minted() == ()
