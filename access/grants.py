"""Mints ControlledAccessGrants visas from active grants, each time they are asked for.

GA4GH Passport 1.2.1 (claim `ga4gh_visa_v1`) and AAI 1.2.1 (Visa Document Tokens, `jku`). A visa
lives an hour at most and never longer than its grant; a revoked grant has none. A grant of units
or regions has one for each, which does not say the value of the dataset. Whether a grant is
active is `store`'s to say, and signing is `passports.tokens`'s.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from access.policies.policy import PolicyBook
from access.policies.visa_rules import MEMBER
from access.rows import IssuedGrant
from passports.tokens import VISA_TYP, SigningKey, sign

VISA_SECONDS = 3600
JWKS_PATH = "/.well-known/jwks.json"


def mint(
    grants: Iterable[IssuedGrant],
    *,
    subject: str,
    book: PolicyBook,
    public_url: str,
    key: SigningKey,
    now: int,
) -> tuple[str, ...]:
    """Signed visas of the grants that hold now and whose dataset still has a policy."""
    visas = []
    for grant in grants:
        policy = book.policy(grant.dataset)
        if policy is None or grant.revoked is not None or grant.expires <= now:
            continue
        for value in _values(grant, policy.grant_value):
            claims = visa_claims(
                grant, subject=subject, value=value, public_url=public_url, now=now
            )
            visas.append(sign(claims, key=key, typ=VISA_TYP, jku=public_url + JWKS_PATH))
    return tuple(visas)


def _values(grant: IssuedGrant, dataset_value: str) -> tuple[str, ...]:
    if grant.extent is None:
        return (dataset_value,)
    return tuple(dataset_value + MEMBER + member for member in grant.extent.members())


def visa_claims(
    grant: IssuedGrant, *, subject: str, value: str, public_url: str, now: int
) -> dict[str, object]:
    """The claims of one visa; there is no `scope` and no `aud`, as clause 5 of AAI asks."""
    return {
        "iss": public_url,
        "sub": subject,
        "iat": now,
        "exp": min(now + VISA_SECONDS, grant.expires),
        "jti": f"{grant.grant_id}.{secrets.token_hex(8)}",
        "ga4gh_visa_v1": {
            "type": "ControlledAccessGrants",
            "asserted": grant.issued,
            "value": value,
            "source": public_url,
            "by": "dac",
        },
    }
