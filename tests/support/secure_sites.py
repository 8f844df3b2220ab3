"""Sites of a secure sum in one process: real identities, real claims, no engine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from workspaces.engine.federated import masking
from workspaces.engine.federated.masking import Asked, Masked, Opening, Sum
from workspaces.engine.federated.masks import Words
from workspaces.engine.federated.opening import total
from workspaces.engine.federated.roster import Claim, Start, claim, verify_all

RUN, NOW, UNTIL = "4711", 1_000.0, 2_000


@dataclass(frozen=True)
class Site:
    fingerprint: str
    claim: Claim
    secret: bytes


def site(*, run: str = RUN, until: int = UNTIL, terms: str = "") -> Site:
    identity, key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    secret = X25519PrivateKey.generate()
    bare = Start(
        identity.public_key().public_bytes_raw().hex(),
        key.public_key().public_bytes_raw().hex(),
        until,
        terms=terms,
    )
    start = replace(bare, signature=identity.sign(bare.signed_bytes()).hex())
    made = claim(start, key, run=run, public=secret.public_key().public_bytes_raw())
    return Site(start.fingerprint, made, secret.private_bytes_raw())


def federation(count: int, *, least: int = 3) -> dict[str, Sum]:
    """Sites by fingerprint, agreed on one another."""
    sites = [site() for _ in range(count)]
    roster = [one.fingerprint for one in sites]
    needed = masking.threshold(roster=count, least=least)
    claims = verify_all((one.claim for one in sites), run=RUN, roster=roster, now=NOW)
    return {
        one.fingerprint: masking.begin(
            claims, me=one.fingerprint, secret=one.secret, run=RUN, needed=needed
        )
        for one in sites
    }


def opened(
    sums: dict[str, Sum], masked: dict[str, Masked], asked: list[str], number: int
) -> dict[str, Opening]:
    """What every site in the sum gives to open it."""
    alive = list(masked)
    return {
        me: masking.unmask(
            sums[me],
            Asked(number, "what", tuple(asked)),
            alive=alive,
            boxes={peer: one.boxes[me] for peer, one in masked.items()},
        )
        for me in alive
    }


def secure_sum(
    sums: dict[str, Sum], words: dict[str, Words], *, number: int = 0, gone: tuple[str, ...] = ()
) -> Words:
    """One whole round; sites in `gone` are asked and do not answer."""
    asked = list(sums)
    masked = {
        me: masking.mask(sums[me], words[me], Asked(number, "what", tuple(asked)))
        for me in asked
        if me not in gone
    }
    any_sum = next(iter(sums.values()))
    return total(
        masked,
        opened(sums, masked, asked, number),
        numbers={one: any_sum.number(one) for one in sums},
        thresholds={one: over.threshold for one, over in sums.items()},
    )


def drawn(sums: dict[str, Sum], length: int = 500, seed: int = 1) -> dict[str, Words]:
    source = np.random.default_rng(seed)
    return {me: source.integers(0, 1 << 24, length, dtype=np.uint32) for me in sums}
