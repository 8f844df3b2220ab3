"""How a node tells what its next key is: a statement that the key before it signed.

A JWT of a type of its own (RFC 8725 3.11): `iss` and `sub` are the node's public address, `node` is
its Beacon id, `old` and `new` are the two public keys (RFC 7517). It proves no possession of the
new key; `identity` does. Which key somebody holds a node to is theirs to keep.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from passports.compact import UnverifiedToken, parse
from passports.errors import BadToken, Reason
from passports.jwks import PublicKey, usable_keys
from passports.tokens import SigningKey, sign, thumbprint, verify

ROTATION_TYP = "skerry-node-key-rotation+jwt"
# Who did not look for so long must be told the new key in another way.
ANNOUNCED_SECONDS = 400 * 24 * 60 * 60
MAX_STATEMENTS = 16
_MAX_STATEMENT_CHARS = 4 * 1024


@dataclass(frozen=True, slots=True)
class Rotation:
    """Proven by the old key. Keys are RFC 7638 thumbprints, `announced` is an epoch second."""

    old: str
    new: str
    announced: int


def announce(new: SigningKey, *, old: SigningKey, public_url: str, node: str, now: int) -> str:
    """The statement, for everyone who held the node to the old key."""
    claims = {
        "iss": public_url,
        "sub": public_url,
        "iat": now,
        "exp": now + ANNOUNCED_SECONDS,
        "node": node,
        "old": old.public_jwk(),
        "new": new.public_jwk(),
    }
    return sign(claims, key=old, typ=ROTATION_TYP)


def follow(
    raw_statements: Sequence[object],
    *,
    held: str,
    shown: str,
    left: Collection[str],
    address: str,
    node: str,
    now: int,
) -> tuple[Rotation, ...]:
    """The way from the key that a node was `held` to, to the one it has `shown`. A key that was
    `left` before is not come back to. Raises `BadToken` where there is no such way, or where a
    statement on it is another node's, too old, or not signed by the key that it retires."""
    if len(raw_statements) > MAX_STATEMENTS:
        raise BadToken(Reason.TOO_LARGE)
    tokens = [_parsed(one) for one in raw_statements]
    way: list[Rotation] = []
    gone = {*left, held}
    while held != shown:
        since = way[-1].announced if way else 0
        step = _step(tokens, held, address=address, node=node, now=now)
        if step.new in gone or step.announced < since:
            raise BadToken(Reason.BAD_CLAIM, detail="the way leads back")
        gone.add(step.new)
        way.append(step)
        held = step.new
    return tuple(way)


def retired_keys(raw_statements: Sequence[str]) -> tuple[tuple[int, Mapping[str, object]], ...]:
    """The public keys that a node's own statements retired, each with when (epoch seconds). Raises
    `BadToken` for what is no statement."""
    found: list[tuple[int, Mapping[str, object]]] = []
    for token in map(_parsed, raw_statements):
        issued, old = token.unverified_claims.get("iat"), token.unverified_claims.get("old")
        if not isinstance(issued, int) or not isinstance(old, dict):
            raise BadToken(Reason.BAD_CLAIM)
        found.append((issued, old))
    return tuple(found)


def _step(
    tokens: Sequence[UnverifiedToken], held: str, *, address: str, node: str, now: int
) -> Rotation:
    """The one statement by which `held` is retired. Two that differ would let the holder of an old
    key choose whom to lead where."""
    found = [one for one in tokens if one.kid == held]
    if len(found) != 1:
        raise BadToken(Reason.UNKNOWN_KEY)
    (token,) = found
    claims = token.unverified_claims
    old, new = _key(claims.get("old")), _key(claims.get("new"))
    if thumbprint(old) != held:
        raise BadToken(Reason.UNKNOWN_KEY)
    signed = verify(
        token, old, issuer=address, algorithm="ES256", now=now, audiences=(),
        audience_required=False,
    )  # fmt: skip
    if signed.subject != address or claims.get("node") != node:
        raise BadToken(Reason.BAD_CLAIM, detail="another node's")
    return Rotation(held, thumbprint(new), signed.issued_at)


def _parsed(raw_statement: object) -> UnverifiedToken:
    if not isinstance(raw_statement, str):
        raise BadToken(Reason.MALFORMED)
    token = parse(raw_statement, cap=_MAX_STATEMENT_CHARS)
    if token.unverified_header.get("typ") != ROTATION_TYP:
        raise BadToken(Reason.WRONG_TYPE)
    return token


def _key(jwk: object) -> PublicKey:
    keys = list(usable_keys({"keys": [jwk]}).values())
    if not keys:
        raise BadToken(Reason.UNKNOWN_KEY)
    return keys[0]
