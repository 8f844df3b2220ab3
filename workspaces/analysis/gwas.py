"""A genome-wide association study over many sites, as rounds of sums: quality, ancestry, tests.

First the pooled genotype counts and the scales of trait and covariates; then, if asked for, the
directions of ancestry (each site projects its own people); then linear regression in one round, or
for a yes-or-no trait the score test of every variant and Newton's method for the promising. All of
it equals the analysis of everybody's rows together, over the sites that answer; a site without a
variant, covariate or phenotype answers zeros. Which alleles the columns are is `alleles`'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from workspaces.analysis import components, linear, logistic, quality
from workspaces.analysis.design import Design, Floats
from workspaces.analysis.findings import Found, placed
from workspaces.analysis.linear import Associations, LinearSums
from workspaces.analysis.logistic import NewtonSums, NullSums, ScoreSums
from workspaces.analysis.quality import GenotypeCounts, Quality
from workspaces.analysis.rounds import Round
from workspaces.analysis.scales import Scales

AXIS_ROUNDS = 5
MAX_AXIS_VARIANTS = 20_000
MAX_NULL_ROUNDS = 15
MAX_NEWTON_ROUNDS = 15


class Trait(StrEnum):
    QUANTITATIVE = "quantitative"
    BINARY = "binary"


class Step(StrEnum):
    DESCRIBE = "describe"
    AXES = "axes"
    LINEAR = "linear"
    NULL = "null"
    SCORE = "score"
    NEWTON = "newton"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a variant must reach over all sites together; the defaults are the field's."""

    call_rate: float = 0.95
    minor: float = 0.01
    hardy_weinberg: float = 1e-6


@dataclass(frozen=True, slots=True)
class Gwas:
    """`covariates` counts those asked for, without the intercept that every design begins with;
    `ancestry` is how many components are added to them; variants with a score test's p up to
    `promising` get the maximum of the likelihood."""

    trait: Trait
    variants: int
    covariates: int
    bounds: Bounds = Bounds()
    ancestry: int = 0
    seed: int = 1
    promising: float = 0.05

    def first(self) -> Round:
        wide = Scales.length(self.covariates + 1)
        return Round(Step.DESCRIBE, wide=wide)

    # A site's side.

    def answer(self, site: Design, asked: Round) -> Floats:
        """Raises `ValueError` where the site's data is not what the analysis is about."""
        if site.variants != self.variants or site.covariates.shape[1] != self.covariates + 1:
            raise ValueError("the site's data has other variants or covariates than the analysis")
        if self.trait is Trait.BINARY and not np.isin(site.phenotype, (0, 1)).all():
            raise ValueError("the phenotype is not 0 or 1")
        step, given = Step(asked.step), asked.given
        if step is Step.DESCRIBE:
            counts = quality.genotype_counts(site.dosages).vector()
            return np.concatenate([Scales.sums(_columns(site)), counts])
        if step is Step.AXES:
            genotypes = _axis_genotypes(site, given)
            return (components.local_step(genotypes, given["directions"]) / self.variants).ravel()
        design = self._prepared(site, asked)
        if step is Step.LINEAR:
            return linear.local_sums(design).vector()
        if step is Step.NULL:
            return logistic.null_sums(design, given["coefficients"]).vector()
        if step is Step.SCORE:
            return logistic.score_sums(design, given["coefficients"]).vector()
        return logistic.newton_sums(design, given["coefficients"]).vector()

    def _prepared(self, site: Design, asked: Round) -> Design:
        """Scaled as everywhere, with its own components, and the variants of this round alone."""
        scales = Scales(asked.given["centre"], asked.given["spread"])
        columns = scales.of(_columns(site))
        trait = columns[:, 0] if self.trait is Trait.QUANTITATIVE else site.phenotype
        parts = [site.covariates[:, :1], columns[:, 1:]]
        if self.ancestry:
            genotypes = _axis_genotypes(site, asked.given)
            projected = components.project(genotypes, asked.given["directions"])
            parts.append(projected / np.sqrt(genotypes.shape[1]))
        wanted = asked.given["tested"].astype(np.intp)
        dosages = site.dosages if wanted.size == self.variants else site.dosages[:, wanted]
        return Design(trait, np.column_stack(parts), dosages)

    # The coordinator's side.

    def after(self, asked: Round, total: Floats, *, sites: int) -> Round | Found:
        match Step(asked.step):
            case Step.DESCRIBE:
                return self._described(asked, total)
            case Step.AXES:
                return self._turned(asked, total)
            case Step.LINEAR:
                sums = LinearSums.of_vector(total, **self._shape(asked))
                return self._found(asked, linear.solve(sums), sites=sites)
            case Step.NULL:
                return self._null(asked, NullSums.of_vector(total, **self._shape(asked)))
            case Step.SCORE:
                scores = ScoreSums.of_vector(total, **self._shape(asked))
                return self._screened(asked, logistic.score_test(scores), sites=sites)
            case Step.NEWTON:
                newton = NewtonSums.of_vector(total, **self._shape(asked))
                return self._climbed(asked, newton, sites=sites)

    def _shape(self, asked: Round) -> dict[str, int]:
        tested = asked.given["tested"] if "tested" in asked.given else np.zeros(0)
        return {"variants": tested.size, "covariates": 1 + self.covariates + self.ancestry}

    def _described(self, asked: Round, total: Floats) -> Round:
        scales = Scales.of_sums(total[: asked.wide])
        counts = GenotypeCounts.of_vector(total[asked.wide :], variants=self.variants, covariates=0)
        judged = quality.quality(counts)
        passing = judged.passing(
            call_rate=self.bounds.call_rate,
            minor=self.bounds.minor,
            hardy_weinberg=self.bounds.hardy_weinberg,
        )
        tested = np.flatnonzero(passing).astype(np.float64)
        given = {"centre": scales.centre, "spread": scales.spread}
        quality_found = np.stack([judged.call_rate, judged.frequency, judged.hardy_weinberg])
        kept = {"counts": counts.counts, "quality": quality_found, "passing": tested}
        if not self.ancestry:
            return self._tests(Round(asked.step, given, kept))
        axis = _spread_out(tested)
        if axis.size < self.ancestry:
            raise ValueError("fewer variants pass quality control than components are asked for")
        given |= {
            "axis": axis,
            "frequency": judged.frequency[axis.astype(np.intp)],
            "directions": components.start(axis.size, self.ancestry, seed=self.seed),
        }
        return Round(Step.AXES, given, {**kept, "rounds": np.array([1.0])})

    def _turned(self, asked: Round, total: Floats) -> Round:
        pooled = total.reshape(asked.given["directions"].shape)
        given = {**asked.given, "directions": components.next_directions(pooled)}
        done = asked.kept["rounds"] + 1
        following = replace(asked, given=given, kept={**asked.kept, "rounds": done})
        return self._tests(following) if done[0] > AXIS_ROUNDS else following

    def _tests(self, before: Round) -> Round:
        given = {**before.given, "tested": before.kept["passing"]}
        if self.trait is Trait.QUANTITATIVE:
            return Round(Step.LINEAR, given, before.kept)
        count = 1 + self.covariates + self.ancestry
        given |= {"coefficients": np.zeros(count), "tested": np.zeros(0)}
        return Round(Step.NULL, given, {**before.kept, "rounds": np.array([1.0])})

    def _null(self, asked: Round, sums: NullSums) -> Round:
        coefficients = logistic.next_null(sums, asked.given["coefficients"])
        moved = np.abs(coefficients - asked.given["coefficients"]).max()
        given = {**asked.given, "coefficients": coefficients}
        done = asked.kept["rounds"] + 1
        if moved >= logistic.CONVERGED:
            if done[0] > MAX_NULL_ROUNDS:
                raise ValueError("the covariates alone tell cases from controls")
            return Round(Step.NULL, given, {**asked.kept, "rounds": done})
        return Round(Step.SCORE, {**given, "tested": asked.kept["passing"]}, asked.kept)

    def _screened(self, asked: Round, found: Associations, *, sites: int) -> Round | Found:
        promising = np.flatnonzero(found.p <= self.promising)
        kept = {
            **asked.kept,
            "score": np.stack([found.people, found.beta, found.standard_error, found.p]),
            "rounds": np.array([1.0]),
        }
        if not promising.size:
            return self._found(replace(asked, kept=kept), found, sites=sites, screened=True)
        null = np.tile(asked.given["coefficients"], (promising.size, 1))
        given = {
            **asked.given,
            "tested": asked.given["tested"][promising],
            "coefficients": np.column_stack([null, np.zeros(promising.size)]),
        }
        return Round(Step.NEWTON, given, kept)

    def _climbed(self, asked: Round, sums: NewtonSums, *, sites: int) -> Round | Found:
        coefficients, moved = logistic.next_newton(sums, asked.given["coefficients"])
        converged = moved < logistic.CONVERGED
        done = asked.kept["rounds"] + 1
        if (~converged & np.isfinite(moved)).any() and done[0] <= MAX_NEWTON_ROUNDS:
            given = {**asked.given, "coefficients": coefficients}
            return Round(Step.NEWTON, given, {**asked.kept, "rounds": done})
        exact = logistic.wald(sums, coefficients, converged)
        people, beta, error, p = asked.kept["score"]
        screening = Associations(people, beta, error, beta / error, p)
        everything = Round(Step.SCORE, {"tested": asked.kept["passing"]}, asked.kept)
        found = self._found(everything, screening, sites=sites, screened=True)
        climbed = asked.given["tested"].astype(np.intp)
        found.screened[climbed] = False
        return replace(found, associations=placed(exact, climbed, over=found.associations))

    def _found(
        self, asked: Round, associations: Associations, *, sites: int, screened: bool = False
    ) -> Found:
        tested = asked.given["tested"].astype(np.intp)
        if self.trait is Trait.QUANTITATIVE:
            spread = asked.given["spread"][0]
            associations = replace(
                associations,
                beta=associations.beta * spread,
                standard_error=associations.standard_error * spread,
            )
        nothing = np.full(self.variants, np.nan)
        untested = Associations(*(nothing for _ in range(5)))
        counts = GenotypeCounts(asked.kept["counts"])
        marked = np.zeros(self.variants, dtype=bool)
        marked[tested] = screened
        everywhere = placed(associations, tested, over=untested)
        return Found(everywhere, Quality(*asked.kept["quality"]), counts, marked, sites)


def _columns(site: Design) -> Floats:
    """Trait and covariates (n, C) that have a scale: all but the intercept."""
    return np.column_stack([site.phenotype, site.covariates[:, 1:]])


def _axis_genotypes(site: Design, given: Mapping[str, Floats]) -> Floats:
    axis = given["axis"].astype(np.intp)
    return components.standardised(site.dosages[:, axis], given["frequency"])


def _spread_out(tested: Floats) -> Floats:
    """At most MAX_AXIS_VARIANTS of them, evenly along the panel."""
    if tested.size <= MAX_AXIS_VARIANTS:
        return tested
    chosen = np.linspace(0, tested.size - 1, MAX_AXIS_VARIANTS).astype(np.intp)
    return tested[chosen]
