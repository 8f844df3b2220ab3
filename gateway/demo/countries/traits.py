"""Gives a simulated population two traits with planted truth, for a study that can be checked.

LDL cholesterol has three causal variants and rises with smoking; coronary disease has one. Whether
somebody smokes depends on another variant, which therefore looks causal to whoever leaves smoking
out: the planted confounder. Seeded; nobody real.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gateway.demo.population import Population, Site

AGE, LDL = "LOINC:30525-0", "LOINC:22748-8"
CORONARY = "HP:0001677"
COLUMNS: Mapping[str, str] = {
    "age": f"measure:{AGE}",
    "female": "female",
    "smoker": "info:smoker",
    "ldl": f"measure:{LDL}",
    "coronary": f"has:{CORONARY}",
}
COVARIATES = ("age", "female", "smoker")
_EFFECTS = (0.6, -0.6, 0.5)  # mmol/l per copy
_SMOKING = 1.6
_COMMON = (0.2, 0.45)  # of the rarer allele, so that small cohorts can see them

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Planted:
    """The sites with an effect on LDL, the one on coronary disease, and the one on smoking."""

    ldl: tuple[Site, ...]
    coronary: Site
    confounder: Site


def plant(made: Population, *, seed: int) -> tuple[Population, Planted]:
    """The same people with their traits; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    copies = made.genotypes.sum(axis=2, dtype=np.float64)
    chosen = _spread_out(copies, count=len(_EFFECTS) + 2)
    *causal, risk, smoking = (copies[number] for number in chosen)
    count = len(made.people)
    age = rng.integers(30, 80, count).astype(np.float64)
    smoker = rng.random(count) < _chance(3.0 * smoking - 2.2)
    ldl = 2.5 + 0.012 * age + _SMOKING * smoker + rng.normal(0, 0.6, count)
    ldl += sum(effect * held for effect, held in zip(_EFFECTS, causal, strict=True))
    case = rng.random(count) < _chance(1.9 * risk + 0.7 * smoker + 0.03 * (age - 55) - 2.6)
    people = tuple(
        _with_traits(person, age=int(age[at]), smoker=bool(smoker[at]), ldl=float(ldl[at]),
                     case=bool(case[at]))
        for at, person in enumerate(made.people)
    )  # fmt: skip
    sites = [made.sites[number] for number in chosen]
    return replace(made, people=people), Planted(tuple(sites[:-2]), sites[-2], sites[-1])


def _spread_out(copies: Floats, *, count: int) -> list[int]:
    """Common variants, evenly along the genome, so that each has a peak of its own."""
    frequency = copies.mean(axis=1) / 2
    rarer = np.minimum(frequency, 1 - frequency)
    usable = np.flatnonzero((rarer >= _COMMON[0]) & (rarer <= _COMMON[1]))
    places = np.linspace(0, usable.size - 1, 2 * count + 1)[1::2]
    return [int(usable[int(place)]) for place in places]


def _chance(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)), dtype=np.float64)


def _with_traits(
    person: Mapping[str, object], *, age: int, smoker: bool, ldl: float, case: bool
) -> Mapping[str, object]:
    measured = [
        _measured(AGE, "Age", "NCIT:C29848", "Year", float(age)),
        _measured(LDL, "Cholesterol in LDL", "NCIT:C64387", "Millimole per Liter", round(ldl, 3)),
    ]
    feature = {"featureType": {"id": CORONARY, "label": "Coronary artery atherosclerosis"}}
    return {
        **person,
        "measurements": [*_listed(person, "measurements"), *measured],
        "phenotypicFeatures": [
            *_listed(person, "phenotypicFeatures"),
            *([feature] if case else []),
        ],
        "info": {"age": f"P{age}Y", "smoker": int(smoker)},
    }


def _listed(person: Mapping[str, object], name: str) -> list[object]:
    found = person.get(name)
    return list(found) if isinstance(found, list) else []


def _measured(code: str, label: str, unit: str, of: str, value: float) -> Mapping[str, object]:
    return {
        "assayCode": {"id": code, "label": label},
        "measurementValue": {"unit": {"id": unit, "label": of}, "value": value},
    }
