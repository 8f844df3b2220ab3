"""A site's side of a secure sum: what it checks, whatever the coordinator asks of it.

Three exchanges: a claim is given; a question is answered by masked numbers, with the mask's own
seed shared out to the peers in sealed boxes; what unmasks the sum is given once per round. A site
answers only where at least `least` sites, and more than half of the permit's roster, are in the
sum; so no two sums of one round can both be opened, and none of fewer sites. Masks are made of the
question: those of sites that were asked different ones do not cancel, and nobody opens them.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from cryptography.exceptions import InvalidTag
from numpy.typing import NDArray

from . import masks, shares
from .masks import Words
from .roster import Claim, Refused

LEAST = 3


@dataclass(frozen=True, slots=True)
class Sum:
    """One run's sum at one site: itself, its key of the run, and the public keys of all."""

    run: str
    me: str
    secret: bytes
    publics: Mapping[str, bytes]
    threshold: int

    def number(self, site: str) -> int:
        """A site's share number: its place in the sorted list."""
        return sorted(self.publics).index(site) + 1

    def common(self, peer: str) -> bytes:
        return masks.shared(self.secret, self.publics[peer])


@dataclass(frozen=True, slots=True)
class Asked:
    """One round as a site was told it: `question` is the digest of all that its answer follows
    from, `sites` are those asked."""

    number: int
    question: str
    sites: tuple[str, ...]

    def about(self, over: Sum) -> str:
        return f"{over.run} {self.number} {self.question}"


@dataclass(frozen=True, slots=True)
class Masked:
    """What leaves: `words` look uniformly random; `boxes` are sealed to the peer they are for."""

    words: Words
    boxes: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Opening:
    """`shares` of the own masks of sites in the sum, `pairs`: seeds of masks shared with sites that
    are not in it."""

    shares: Mapping[str, bytes]
    pairs: Mapping[str, bytes]


def threshold(*, roster: int, least: int) -> int:
    """How many sites must be in a sum: never the coordinator's choice. Raises `Refused` where the
    permit itself names too few."""
    if roster < LEAST or least < LEAST:
        raise Refused(f"a secure sum needs at least {LEAST} sites; the permit allows fewer")
    return max(least, roster // 2 + 1)


def begin(claims: Mapping[str, Claim], *, me: str, secret: bytes, run: str, needed: int) -> Sum:
    """`claims` are verified. Raises `Refused` where they are too few or do not hold this site."""
    if me not in claims:
        raise Refused("this site is not among those of the sum")
    if len(claims) < needed:
        raise Refused(f"the sum has {len(claims)} sites; the permit asks for {needed}")
    publics = {site: bytes.fromhex(claim.public) for site, claim in claims.items()}
    if len(set(publics.values())) != len(publics):
        raise Refused("two sites have one key")
    return Sum(run, me, secret, publics, needed)


def mask(over: Sum, words: Words, asked: Asked) -> Masked:
    """Hides `words` among the sites asked. To be called once per round."""
    sites = asked.sites
    check_sites(over, sites)
    seed = os.urandom(32)
    hidden = words + masks.stream(seed, words.size)
    for peer in sites:
        if peer != over.me:
            pair = masks.pair_seed(over.common(peer), about=asked.about(over))
            one = masks.stream(pair, words.size)
            hidden = hidden + one if over.me < peer else hidden - one
    dealt = shares.split(seed, threshold=over.threshold, shares=len(over.publics))
    boxes = {
        peer: masks.seal(
            over.common(peer) if peer != over.me else over.secret,
            dealt[over.number(peer) - 1],
            about=_about(over, asked, sender=over.me, receiver=peer),
        )
        for peer in sites
    }
    return Masked(hidden, boxes)


def unmask(
    over: Sum, asked: Asked, *, alive: Collection[str], boxes: Mapping[str, bytes]
) -> Opening:
    """What opens the sum over `alive`, those asked whose masked numbers arrived. To be called once
    per round: `boxes` are what they sealed to this site."""
    check_sites(over, alive)
    gone = set(asked.sites) - set(alive)
    if not set(alive) <= set(asked.sites) or set(boxes) != set(alive):
        raise Refused("the sum to open is not of the sites that were asked")
    try:
        opened = {
            peer: masks.unseal(
                over.common(peer) if peer != over.me else over.secret,
                box,
                about=_about(over, asked, sender=peer, receiver=over.me),
            )
            for peer, box in boxes.items()
        }
    except (InvalidTag, ValueError) as error:
        raise Refused("a share was not sealed to this site, or for another question") from error
    pairs = {peer: masks.pair_seed(over.common(peer), about=asked.about(over)) for peer in gone}
    return Opening(opened, pairs)


def check_sites(over: Sum, sites: Collection[str]) -> None:
    """Raises `Refused` unless the sum is over enough of the sites agreed on, this one included."""
    if over.me not in sites:
        raise Refused("this site is not among those of the sum")
    if not set(sites) <= set(over.publics) or len(set(sites)) != len(sites):
        raise Refused("a site of the sum is not one that was agreed on")
    if len(sites) < over.threshold:
        raise Refused(f"the sum has {len(sites)} sites; the permit asks for {over.threshold}")


def _about(over: Sum, asked: Asked, *, sender: str, receiver: str) -> str:
    return f"{asked.about(over)} {sender} {receiver}"


def plain_words(limbs: NDArray[np.integer]) -> Words:
    """Integers of an answer as words; raises `Refused` for one that does not fit."""
    if limbs.ndim != 1 or limbs.size == 0 or (limbs < 0).any() or (limbs >> 24).any():
        raise Refused("an answer is not of limbs")
    return limbs.astype(np.uint32)
