"""Who takes part in a run: keys that the sites of the permit's roster signed, and nobody else's.

A site's identity key never enters the sandbox. It signs the key of one start (`Start`), which signs
the key of one run (`Claim`); a peer accepts a claim only up the whole chain to a fingerprint in its
own permit's roster, so the coordinator, who passes claims on, cannot put its own in their place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class Refused(Exception):
    """A site says no, or a run cannot go on. The message leaves the site: it holds no data."""

    for_the_coordinator = True


@dataclass(frozen=True, slots=True)
class Start:
    """`key` (Ed25519, hex) may speak for `identity` until `until` (epoch seconds). `terms` is the
    digest of what the site's committee approved for whatever leaves."""

    identity: str
    key: str
    until: int
    signature: str = ""
    terms: str = ""

    def signed_bytes(self) -> bytes:
        members = ("skerry start", self.identity, self.key, str(self.until), self.terms)
        return "\0".join(members).encode()

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(bytes.fromhex(self.identity)).hexdigest()


@dataclass(frozen=True, slots=True)
class Claim:
    """`public` (X25519, hex) is this site's for one run."""

    start: Start
    run: str
    public: str
    signature: str = ""

    def signed_bytes(self) -> bytes:
        return f"skerry claim\0{self.start.key}\0{self.run}\0{self.public}".encode()

    def record(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def of_record(cls, record: object) -> Claim:
        """Raises `Refused` for anything that is not one."""
        try:
            members = dict(record)  # type: ignore[call-overload]  # checked by what follows
            start = Start(**members.pop("start"))
            made = cls(start=start, **members)
            texts = (start.identity, start.key, start.signature, start.terms, made.run)
            if not all(isinstance(text, str) for text in (*texts, made.public, made.signature)):
                raise Refused("a claim is malformed")
            if not isinstance(start.until, int):
                raise Refused("a claim is malformed")
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise Refused("a claim is malformed") from error
        return made


def claim(start: Start, key: Ed25519PrivateKey, *, run: str, public: bytes) -> Claim:
    bare = Claim(start, run, public.hex())
    return Claim(start, run, public.hex(), key.sign(bare.signed_bytes()).hex())


def verify(found: Claim, *, run: str, roster: Iterable[str], now: float) -> str:
    """The fingerprint of the site that made this claim; raises `Refused`."""
    try:
        identity = Ed25519PublicKey.from_public_bytes(bytes.fromhex(found.start.identity))
        identity.verify(bytes.fromhex(found.start.signature), found.start.signed_bytes())
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(found.start.key))
        key.verify(bytes.fromhex(found.signature), found.signed_bytes())
        fits = len(bytes.fromhex(found.public)) == 32
    except (InvalidSignature, ValueError) as error:
        raise Refused("a peer's key is not signed by its site") from error
    if not fits or found.run != run:
        raise Refused("a peer's key is of another run")
    if found.start.until < now:
        raise Refused("a peer's key has expired")
    fingerprint = found.start.fingerprint
    if fingerprint not in frozenset(roster):
        raise Refused("a peer is not on the permit's roster")
    return fingerprint


def verify_all(
    found: Iterable[Claim], *, run: str, roster: Iterable[str], now: float, terms: str = ""
) -> dict[str, Claim]:
    """By fingerprint; one claim per site, all under the same terms, as one airlock releases."""
    allowed = frozenset(roster)
    claims: dict[str, Claim] = {}
    for one in found:
        fingerprint = verify(one, run=run, roster=allowed, now=now)
        if fingerprint in claims:
            raise Refused("a site is named twice")
        if one.start.terms != terms:
            raise Refused("the sites' committees approved different terms for what may leave")
        claims[fingerprint] = one
    return claims
