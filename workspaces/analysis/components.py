"""Principal components of ancestry across sites, by subspace iteration on sums.

A site never sends genotypes or anything of a person: per round it gives G'(G V), one row per
variant, of its own standardised genotypes; the sum over sites is the pooled step. Each site
projects its own people in the end and keeps the result.
"""

from __future__ import annotations

import numpy as np

from workspaces.analysis.design import Dosages, Floats, there


def standardised(dosages: Dosages, frequency: Floats) -> Floats:
    """(n, m): centred and scaled by the pooled allele frequency (m,); a missing call is 0, the
    mean. A variant that does not vary is 0 throughout."""
    spread = np.sqrt(2 * frequency * (1 - frequency))
    usable = spread > 0
    scaled = (dosages - 2 * frequency) / np.where(usable, spread, 1.0)
    return np.where(there(dosages) & usable, scaled, 0.0)


def start(variants: int, components: int, *, seed: int) -> Floats:
    """The first directions (m, k), the same at every site."""
    drawn = np.random.default_rng(seed).standard_normal((variants, components))
    return np.linalg.qr(drawn)[0]


def local_step(genotypes: Floats, directions: Floats) -> Floats:
    """One site's part (m, k) of the next directions."""
    return genotypes.T @ (genotypes @ directions)


def next_directions(pooled: Floats) -> Floats:
    """Orthonormal directions (m, k) of the summed steps, strongest first, of a fixed sign."""
    q, r = np.linalg.qr(pooled)
    strongest = np.argsort(-np.abs(np.diag(r)), kind="stable")
    chosen = q[:, strongest]
    sign = np.sign(chosen[np.argmax(np.abs(chosen), axis=0), np.arange(chosen.shape[1])])
    return np.asarray(chosen * np.where(sign == 0, 1, sign))


def project(genotypes: Floats, directions: Floats) -> Floats:
    """The components (n, k) of one site's own people: they do not leave it."""
    return genotypes @ directions
