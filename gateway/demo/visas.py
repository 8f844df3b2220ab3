"""Gathers a demo person's visas: the provider's own word, and what each node's committees gave.

GA4GH AAI 1.2.1, a broker's part; nodes are asked all at once at `/access/permissions/{sub}` (REMS's
form) with the broker's secret. A silent node adds none.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
import structlog
from pydantic import ValidationError

from gateway.demo.accounts import Account, own_visa_claims
from passports.outbound import NoAnswer, ask
from passports.tokens import VISA_TYP, SigningKey, sign
from schemas.passport import MAX_VISAS, PassportClaim

VISA_SECONDS = 60 * 60
NODE_SECONDS = 8.0  # who asks for a Passport waits for ten
MAX_NODE_ANSWER_BYTES = 1024 * 1024
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NodeRef:
    """A node whose visas are gathered and for which Passports are made."""

    public_url: str
    broker_secret: str = field(repr=False)


async def gather(
    account: Account,
    nodes: Sequence[NodeRef],
    *,
    issuer: str,
    key: SigningKey,
    http: httpx.AsyncClient,
    now: int,
) -> list[str]:
    """Our own first, then each node's."""
    given = await asyncio.gather(*(_of_node(node, account.subject, http) for node in nodes))
    own = _own(account, issuer=issuer, key=key, now=now)
    return [*own, *(visa for visas in given for visa in visas)][:MAX_VISAS]


def _own(account: Account, *, issuer: str, key: SigningKey, now: int) -> list[str]:
    return [
        sign(
            {
                "iss": issuer,
                "sub": account.subject,
                "iat": now,
                "exp": now + VISA_SECONDS,
                "jti": secrets.token_hex(16),
                "ga4gh_visa_v1": claim.model_dump(),
            },
            key=key,
            typ=VISA_TYP,
            jku=f"{issuer}/jwks",
        )
        for claim in own_visa_claims(account, issuer=issuer, asserted=now)
    ]


async def _of_node(node: NodeRef, subject: str, http: httpx.AsyncClient) -> Sequence[str]:
    request = http.build_request(
        "GET",
        f"{node.public_url}/access/permissions/{subject}",
        headers={"Authorization": f"Bearer {node.broker_secret}"},
        timeout=NODE_SECONDS,
    )
    try:
        answer = await ask(http, request, seconds=NODE_SECONDS, cap=MAX_NODE_ANSWER_BYTES)
        given = PassportClaim.model_validate_json(answer.body)  # an error's body is none
    except (NoAnswer, ValidationError) as error:
        _log.warning("node gave no visas", node=node.public_url, problem=type(error).__name__)
        return ()
    return given.ga4gh_passport_v1
