"""What a study should have found: regressions of all sites' rows together, from the input files.

Reads calls by pysam and people by the standard library, and solves by textbook; shares no code with
the analyses. A person without a covariate is in none of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pysam
from numpy.typing import NDArray
from scipy import stats

from gateway.demo.countries.traits import AGE, CORONARY, LDL

_FEMALE = "NCIT:C16576"
_STEPS = 50

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pooled:
    """One variant over everybody's rows."""

    people: int
    beta: float
    standard_error: float
    p: float


@dataclass(frozen=True, slots=True)
class Rows:
    """`covariates` (n, c) with the intercept, traits (n,), copies (n,) of each allele by name."""

    covariates: Floats
    traits: Mapping[str, Floats]
    copies: Mapping[str, Floats]


def rows(parts: Iterable[tuple[Path, Path]]) -> Rows:
    """Of the files with individuals and calls of the sites that have every covariate."""
    facts: list[tuple[float, ...]] = []
    copies: dict[str, list[float]] = {}
    for individuals, calls in parts:
        people = {one["id"]: one for one in json.loads(individuals.read_bytes())}
        pysam.set_verbosity(0)  # htslib speaks of the index we neither have nor need
        with pysam.VariantFile(str(calls)) as source:
            facts += [_facts(people[name]) for name in source.header.samples]
            for row in source:
                name = f"{row.chrom}-{row.pos}-{row.ref}-{(row.alts or ('',))[0]}"
                held = [float(sum(call["GT"])) for call in row.samples.values()]
                copies.setdefault(name, []).extend(held)
    table = np.array(facts)
    whole = {name: np.array(one) for name, one in copies.items() if len(one) == len(facts)}
    covariates = np.column_stack([np.ones(len(facts)), table[:, :3]])
    return Rows(covariates, {"ldl": table[:, 3], "coronary": table[:, 4]}, whole)


def linear(of: Rows, alleles: Sequence[str]) -> dict[str, Pooled]:
    """Least squares of LDL on the covariates and each allele."""
    found = {}
    for name in alleles:
        x = np.column_stack([of.covariates, of.copies[name]])
        y, freedom = of.traits["ldl"], x.shape[0] - x.shape[1]
        beta, residual, _, _ = np.linalg.lstsq(x, y, rcond=None)
        error = float(np.sqrt(residual[0] / freedom * np.linalg.inv(x.T @ x)[-1, -1]))
        p = float(2 * stats.t.sf(abs(beta[-1]) / error, freedom))
        found[name] = Pooled(x.shape[0], float(beta[-1]), error, p)
    return found


def logistic(of: Rows, alleles: Sequence[str]) -> dict[str, Pooled]:
    """The maximum of the likelihood of coronary disease, and Wald's test of each allele."""
    found = {}
    for name in alleles:
        x = np.column_stack([of.covariates, of.copies[name]])
        beta, covariance = _maximum(x, of.traits["coronary"])
        error = float(np.sqrt(covariance[-1, -1]))
        p = float(2 * stats.norm.sf(abs(beta[-1]) / error))
        found[name] = Pooled(x.shape[0], float(beta[-1]), error, p)
    return found


def _maximum(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    beta: Floats = np.zeros(x.shape[1])
    covariance: Floats = np.eye(x.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-x @ beta))
        information = (x * (chance * (1 - chance))[:, None]).T @ x
        covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
        step = covariance @ (x.T @ (y - chance))
        beta = beta + step
        if np.abs(step).max() < 1e-12:
            break
    return beta, covariance


def _facts(person: Mapping[str, Any]) -> tuple[float, ...]:
    measured = {
        one["assayCode"]["id"]: float(one["measurementValue"]["value"])
        for one in person["measurements"]
    }
    features = {
        one["featureType"]["id"] for one in person["phenotypicFeatures"] if not one.get("excluded")
    }
    return (
        measured[AGE],
        float(person["sex"]["id"] == _FEMALE),
        float(person["info"]["smoker"]),
        measured[LDL],
        float(CORONARY in features),
    )
