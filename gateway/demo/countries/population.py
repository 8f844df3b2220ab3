"""Six simulated populations with one history: realistic linkage, and the drift between countries.

Coalescent simulation (msprime) of a split some ten thousand years ago, chromosome by chromosome;
Estonia and Slovenia were small. Seeded, deterministic, nobody real.
"""

from __future__ import annotations

import msprime
import numpy as np

from gateway.demo.population import LENGTH, Population, lay_out, person

COUNTRIES = {
    "CZ": "Czechia", "EE": "Estonia", "DE": "Germany", "PT": "Portugal", "SI": "Slovenia",
    "ES": "Spain",
}  # fmt: skip
PEOPLE = 130  # of each
_SIZES = {"CZ": 8_000, "EE": 4_000, "DE": 12_000, "PT": 6_000, "SI": 4_000, "ES": 10_000}
_CHROMOSOMES = ("1", "2", "6", "11", "19", "22")
_SPLIT = 400  # generations ago
_ANCESTORS = 10_000


def simulate(*, seed: int) -> Population:
    """PEOPLE of each country, in the order of COUNTRIES."""
    history = msprime.Demography()
    for name in COUNTRIES:
        history.add_population(name=name, initial_size=_SIZES[name])
    history.add_population(name="old", initial_size=_ANCESTORS)
    history.add_population_split(time=_SPLIT, derived=list(COUNTRIES), ancestral="old")
    rng = np.random.default_rng(seed)
    laid = {}
    for number, chrom in enumerate(_CHROMOSOMES):
        tree = msprime.sim_ancestry(
            dict.fromkeys(COUNTRIES, PEOPLE), demography=history, sequence_length=LENGTH,
            recombination_rate=1e-8, random_seed=seed + number,
        )  # fmt: skip
        laid[chrom] = lay_out(tree, chrom, rng=rng, seed=seed + number)
    return Population(
        sites=tuple(site for one in laid.values() for site in one.sites),
        people=tuple(person(number, rng) for number in range(PEOPLE * len(COUNTRIES))),
        genotypes=np.concatenate([one.calls for one in laid.values()]),
        bases={chrom: one.bases for chrom, one in laid.items()},
    )
