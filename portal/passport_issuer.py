"""The portal as a Passport Issuer, for brokers that cannot exchange tokens (GA4GH AAI 1.2.1).

Wraps the visas that the person's own broker gave, unchanged, in a Passport of at most five minutes
for one node. The node trusts the portal's key by its trust table (`subject_namespace`), and still
judges every visa by who signed it; the portal adds none.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from passports.tokens import PASSPORT_TYP, SigningKey, sign

PASSPORT_SECONDS = 5 * 60
JWKS_PATH = "/.well-known/jwks.json"


@dataclass(frozen=True, slots=True)
class PassportIssuer:
    """`issuer` is the portal's public address."""

    issuer: str
    key: SigningKey
    clock: Callable[[], float]

    def wrap(self, visas: Sequence[str], *, subject: str, audience: str) -> str:
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": audience,
            "iat": now,
            "exp": now + PASSPORT_SECONDS,
            "jti": secrets.token_hex(16),
            "ga4gh_passport_v1": list(visas),
        }
        return sign(claims, key=self.key, typ=PASSPORT_TYP)

    def keys(self) -> dict[str, object]:
        """The key set (RFC 7517) that nodes fetch."""
        return {"keys": [self.key.public_jwk()]}
